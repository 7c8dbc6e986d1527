/**
 * Walking through JSON text without building it: strings, keys and numbers in place, everything else as it stands.
 *
 * Invariants: what comes out is valid JSON where what came in was; null where it was not. Each token is paid for.
 */
import * as limits from './limits.ts';
import type { Work } from './work.ts';

export interface JsonVisitor {
  /** A string's replacement: itself where nothing changes, null for JSON's null. `key` is the nearest name around it. */
  text(value: string, key: string): string | null;
  /** A number's replacement, as a number; itself where nothing changes; null for JSON's null. */
  number(value: string, key: string): string | null;
}

const numberExpression = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const wordExpression = /true|false|null/y;
const blankExpression = /[ \t\n\r]*/y;
/** A bracket, comma, number, word or string, in units of work. */
const tokenWork = 12;

/** Strings from which on reading their escapes is paid for by the character: shorter ones are paid for as tokens. */
const longCharacters = 1024;

/** The position behind the string that begins at `from`; −1 where none does, or it does not end. */
function stringEnd(source: string, from: number): number {
  if (source.charCodeAt(from) !== 0x22) return -1;
  for (let at = from + 1; at < source.length; at++) {
    const code = source.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code === 0x5c) at++;
    else if (code < 0x20) return -1;
  }
  return -1;
}

/** What a string in quotes stands for; null where an escape in it is none. */
function unquote(raw: string): string | null {
  if (!raw.includes('\\')) return raw.slice(1, -1);
  if (/[\x00-\x1f]|\\(?!["\\/bfnrt]|u[0-9A-Fa-f]{4})/.test(raw.replaceAll('\\\\', ''))) return null;
  return JSON.parse(raw) as string;
}

/** The rewritten text, `source` itself where nothing changed, null where it is no JSON, too deep, or too much work. */
export function rewriteJson(source: string, visitor: JsonVisitor, work: Work): string | null {
  let at = 0;
  let copied = 0;
  let out = '';
  const stack: { readonly object: boolean; key: string }[] = [];
  const read = (expression: RegExp): string | null => {
    expression.lastIndex = at;
    const match = expression.exec(source);
    if (match === null) return null;
    at += match[0].length;
    return match[0];
  };
  const replace = (from: number, text: string): void => {
    out += source.slice(copied, from) + text;
    copied = at;
  };
  const keyNow = (): string => stack[stack.length - 1]?.key ?? '';
  const readString = (isKey: boolean): string | null => {
    const from = at;
    at = stringEnd(source, from);
    if (at < 0) return null;
    const raw = source.slice(from, at);
    // Escapes are read over several times.
    if (raw.length > longCharacters && raw.includes('\\') && !work.spend(raw.length)) return null;
    const value = unquote(raw);
    if (value === null) return null;
    const masked = visitor.text(value, isKey ? '' : keyNow());
    if (masked !== value) replace(from, isKey ? JSON.stringify(masked ?? '') : JSON.stringify(masked));
    return value;
  };
  // `value`: one is due; `end`: a comma or the closing bracket is; `key`: a name is; the others allow an empty container.
  let due: 'value' | 'end' | 'key' | 'first-key' | 'first-value' = 'value';
  for (;;) {
    if (!work.spend(tokenWork)) return null;
    if (source.charCodeAt(at) <= 0x20) read(blankExpression);
    if (at === source.length) break;
    const character = source[at]!;
    if (due === 'end' || (due === 'first-key' && character === '}') || (due === 'first-value' && character === ']')) {
      const top = stack[stack.length - 1];
      if (top === undefined) return null;
      at++;
      if (character === ',' && due === 'end') due = top.object ? 'key' : 'value';
      else if (character === (top.object ? '}' : ']')) {
        stack.pop();
        due = 'end';
      } else return null;
    } else if (due === 'key' || due === 'first-key') {
      const key = readString(true);
      if (source.charCodeAt(at) <= 0x20) read(blankExpression);
      if (key === null || source[at] !== ':') return null;
      at++;
      stack[stack.length - 1]!.key = key;
      due = 'value';
    } else if (character === '{' || character === '[') {
      if (stack.length >= limits.jsonDepthMax) return null;
      stack.push({ object: character === '{', key: keyNow() });
      at++;
      due = character === '{' ? 'first-key' : 'first-value';
    } else if (character === '"') {
      if (readString(false) === null) return null;
      due = 'end';
    } else {
      const from = at;
      const number = read(numberExpression);
      if (number === null) {
        if (read(wordExpression) === null) return null;
      } else {
        const masked = visitor.number(number, keyNow());
        if (masked !== number) replace(from, masked ?? 'null');
      }
      due = 'end';
    }
  }
  if (stack.length > 0 || due !== 'end') return null;
  return copied === 0 ? source : out + source.slice(copied);
}
