/**
 * A connection that a principal asks to have carried inside a session (an SSH forward, say), as rules judge it: which way,
 * by what, and where it ends.
 *
 * Invariants: host names are lower case and without a closing dot, addresses in their shortest form; `addresses` holds
 * what the name stands for at the place that will connect, where that is known, and a rule about hosts is put to them too.
 */

/** `outward`: from the client to what the target reaches. `inward`: from what connects at the target to the client. */
export type ConnectionDirection = 'outward' | 'inward';

/** `agent` and `x11` lead back to the client's own agent and display. */
export const connectionKinds = ['tcp', 'unix', 'agent', 'x11'] as const;
export type ConnectionKind = (typeof connectionKinds)[number];

export interface ConnectionMeaning {
  readonly kind: ConnectionKind;
  readonly direction: ConnectionDirection;
  /** Where an outward one ends, or where an inward one listens: `*` stands for every address. Null for other kinds. */
  readonly host: string | null;
  /** 0: the target chooses. Null for other kinds. */
  readonly port: number | null;
  /** Of a unix socket. */
  readonly path: string | null;
}

/** All that are given must hold; within a list, one is enough. */
export interface ConnectionSelector {
  readonly kinds?: readonly ConnectionKind[];
  readonly direction?: ConnectionDirection;
  /** Names or addresses, where `*` stands for any run of characters, or networks as `10.0.0.0/8`. */
  readonly hosts?: readonly string[];
  readonly ports?: readonly number[];
  /** Globs over the paths of unix sockets. */
  readonly paths?: readonly string[];
}

/** For people and for the text of the command: `tcp db.internal:5432`. */
export function showConnection({ kind, direction, host, port, path }: ConnectionMeaning): string {
  const where = path ?? (host === null ? '' : `${host.includes(':') ? `[${host}]` : host}:${port ?? 0}`);
  const way = direction === 'inward' && kind !== 'agent' && kind !== 'x11' ? ' from' : '';
  return `${kind}${way}${where === '' ? '' : ` ${where}`}`;
}

/** A host name in the one form that rules compare. */
export function hostOf(name: string): string {
  const lower = name.toLowerCase().replace(/\.$/, '');
  if (lower === '' || lower === '*' || lower === '0.0.0.0' || lower === '::') return '*';
  // Digits in any base: whatever the system's resolver may take for an address.
  return /^[0-9a-fx:.]+$/.test(lower) ? addressOf(lower) : lower;
}

/** Spells of one IPv4 address are many (`0x7f.1`, `127.1`, `2130706433`); whatever is no plain one stays as written. */
function addressOf(text: string): string {
  if (text.includes(':')) {
    try {
      // The URL parser writes an IPv6 address in its shortest form (RFC 5952).
      return unmapped(new URL(`http://[${text}]/`).hostname.slice(1, -1));
    } catch (error) {
      if (error instanceof TypeError) return text;
      throw error;
    }
  }
  try {
    return new URL(`http://${text}/`).hostname;
  } catch (error) {
    if (error instanceof TypeError) return text;
    throw error;
  }
}

/** An IPv4 address that is written as an IPv6 one is the IPv4 one. */
function unmapped(address: string): string {
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  const bytes = [high, low].map((group) => Number.parseInt(group, 16)).flatMap((group) => [group >> 8, group & 255]);
  return bytes.join('.');
}
