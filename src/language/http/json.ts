/**
 * JSON (RFC 8259) that two parsers cannot read differently, as far as that can be told: valid UTF-8 without a byte order
 * mark, no name twice in one object (RFC 8259, section 4, leaves open which counts), bounded.
 *
 * Invariant: bounds are checked before the platform's parser runs. What is given back is that parser's value.
 *
 * Deliberately absent: comments and other extensions (unread), numbers beyond a double (they read as the nearest one).
 */
import * as limits from './limits.ts';

export type JsonReading = { readonly value: unknown } | { readonly unread: string };

export function readJson(text: string): JsonReading {
  const unread = scan(text);
  if (unread !== null) return { unread };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { unread: 'its JSON is not valid' };
  }
}

/** Null where nothing is against reading it. Of what is no JSON it may say anything: the parser refuses it then. */
function scan(text: string): string | null {
  /** For each open object the names so far; null for an array. */
  const open: (Set<string> | null)[] = [];
  let nodes = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: {
        const end = endOfString(text, at);
        if (end < 0) return 'its JSON is not valid';
        if (++nodes > limits.jsonNodesMax) return tooMany;
        const names = open.at(-1);
        if (names != null && isName(text, end + 1)) {
          const name = nameOf(text.slice(at, end + 1));
          if (name === null) return 'its JSON is not valid';
          if (names.has(name)) return 'its JSON names something twice in one object, which services read differently';
          names.add(name);
        }
        at = end;
        break;
      }
      case 0x7b:
      case 0x5b:
        if (open.length >= limits.jsonDepthMax) return `its JSON nests deeper than ${limits.jsonDepthMax} levels`;
        open.push(text[at] === '{' ? new Set() : null);
        if (++nodes > limits.jsonNodesMax) return tooMany;
        break;
      case 0x7d:
      case 0x5d:
        open.pop();
        break;
      case 0x2c:
        if (++nodes > limits.jsonNodesMax) return tooMany;
        break;
      default:
    }
  }
  return null;
}

const tooMany = `its JSON has more than ${limits.jsonNodesMax} values`;

/** The index of the closing quotation mark, or −1. */
function endOfString(text: string, start: number): number {
  let at = start;
  for (;;) {
    at = text.indexOf('"', at + 1);
    if (at < 0) return -1;
    let before = at - 1;
    while (text[before] === '\\') before--;
    if ((at - before) % 2 === 1) return at;
  }
}

function isName(text: string, from: number): boolean {
  let at = from;
  while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++;
  return text[at] === ':';
}

function nameOf(quoted: string): string | null {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return null;
  }
}

/** Every value that goes by the name, without regard to case: some parsers (Go's) take any spelling. */
export function membersOf(value: unknown, name: string): readonly unknown[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const found: unknown[] = [];
  for (const [key, member] of Object.entries(value)) if (key.toLowerCase() === name) found.push(member);
  return found;
}

/**
 * Methods of a JSON-RPC call or a batch of them (JSON-RPC 2.0, section 4); null where it is none. Calls of version 1, which
 * do not say so, count too. `unread`: there are too many.
 */
export function rpcMethods(value: unknown): readonly string[] | null | 'unread' {
  const methods: string[] = [];
  for (const call of Array.isArray(value) ? (value as readonly unknown[]) : [value]) {
    const named = membersOf(call, 'method').filter((one) => typeof one === 'string');
    const isCall = ['jsonrpc', 'id', 'params'].some((name) => membersOf(call, name).length > 0);
    if (!isCall) continue;
    methods.push(...named);
    if (methods.length > limits.rpcCallsMax) return 'unread';
  }
  return methods.length === 0 ? null : methods;
}
