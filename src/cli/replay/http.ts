/**
 * One HTTP exchange in a transcript: the fields of both heads, and bodies as text; a small JSON body with line breaks and
 * nothing else changed.
 *
 * Invariants: everything is escaped (I13); of a body no more is kept than is shown.
 * Deliberately absent: decoding. Bodies were recorded as they were read: decoded, masked, without credentials.
 */
import { StringDecoder } from 'node:string_decoder';
import type { RecordedEntryView } from '../../api/contract/index.ts';
import { escapeLine } from '../../base/escape.ts';
import { replayBodyLengthMax } from '../limits.ts';
import type { Palette } from '../output/colour.ts';
import { byteSize } from '../output/time.ts';
import { cutToWidth } from '../output/width.ts';
import { bytesOf } from './player.ts';

type Entry<T extends RecordedEntryView['type']> = Extract<RecordedEntryView, { type: T }>;

/** Widest line of a field or a body. */
const lineColumnsMax = 160;

interface Body {
  readonly direction: 'in' | 'out';
  readonly decoder: StringDecoder;
  text: string;
  bytes: number;
  isBinary: boolean;
}

export class HttpExchange {
  readonly #palette: Palette;
  /** Lines of each body. */
  readonly #linesMax: number;
  /** The request's body stands in the command's text already. */
  readonly #isBodyShown: boolean;
  #type = '';
  #body: Body | null = null;
  #shown = 0;

  constructor(text: string, palette: Palette, linesMax: number) {
    this.#palette = palette;
    this.#linesMax = linesMax;
    this.#isBodyShown = text.includes('\n\n') && !text.endsWith('\n\n');
  }

  /** The request's fields, which stand as parameters of the command: `accept: text/html`. */
  static field(name: string, value: string, palette: Palette): string {
    return `  ${palette.faint(`${escapeLine(name)}: ${cutToWidth(escapeLine(value), lineColumnsMax)}`)}`;
  }

  head(entry: Entry<'head'>): string[] {
    const lines = this.rest();
    if (entry.direction === 'in' && !entry.trailers) return lines;
    if (entry.direction === 'out' && !entry.trailers) {
      const named = entry.fields.find(({ name }) => name.toLowerCase() === 'content-type');
      this.#type = (named?.value ?? '').split(';')[0]!.trim().toLowerCase();
    }
    const paint = (entry.status ?? 0) >= 400 ? this.#palette.bad : this.#palette.strong;
    if (entry.trailers) lines.push(`  ${this.#palette.faint('trailers')}`);
    else if (entry.status !== null) lines.push(`  ${paint(String(entry.status))}`);
    return [...lines, ...entry.fields.map(({ name, value }) => HttpExchange.field(name, value, this.#palette))];
  }

  data(entry: Entry<'data'>): string[] {
    const before = this.#body?.direction === entry.direction ? [] : this.rest();
    this.#body ??= {
      direction: entry.direction,
      decoder: new StringDecoder('utf8'),
      text: '',
      bytes: 0,
      isBinary: false,
    };
    const body = this.#body;
    body.bytes += entry.bytes;
    body.isBinary ||= entry.encoding !== 'utf8' && !isText(bytesOf(entry));
    if (!body.isBinary && body.text.length <= replayBodyLengthMax) body.text += body.decoder.write(bytesOf(entry));
    if (this.#type !== 'text/event-stream' || entry.direction === 'in') return before;
    // A stream of events is shown as it comes, in whole lines.
    const end = body.text.lastIndexOf('\n') + 1;
    const lines = body.text.slice(0, end);
    body.text = body.text.slice(end);
    return [...before, ...this.#cut(lines)];
  }

  /** What was gathered of a body so far. */
  rest(): string[] {
    const body = this.#body;
    this.#body = null;
    if (body === null) return [];
    const size = this.#palette.faint(`  (${body.direction === 'in' ? 'request' : 'answer'}, ${byteSize(body.bytes)})`);
    if (body.direction === 'in' && this.#isBodyShown) return [];
    if (body.isBinary) return [`  ${this.#palette.faint(`(not text, ${byteSize(body.bytes)})`)}`];
    const isWhole = body.text.length <= replayBodyLengthMax;
    const lines = this.#cut(isWhole ? indentedJson(body.text) : body.text);
    this.#shown = 0;
    return this.#linesMax === 0 ? [size] : lines;
  }

  #cut(text: string): string[] {
    if (text === '') return [];
    const lines = text.replace(/\n$/, '').split('\n');
    const room = Math.max(0, this.#linesMax - this.#shown);
    const kept = lines.slice(0, room).map((line) => `  ${cutToWidth(escapeLine(line), lineColumnsMax)}`);
    this.#shown += kept.length;
    const more = lines.length - kept.length;
    if (more > 0 && room > 0) kept.push(this.#palette.faint(`  … ${more} more lines recorded (--rows shows more)`));
    return kept;
  }
}

function isText(bytes: Buffer): boolean {
  return bytes.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}

/**
 * JSON with line breaks and indentation, every value spelled as it was: numbers are not read, since reading some of them
 * would change them. What is no JSON, or has lines already, stays as it is.
 */
export function indentedJson(text: string): string {
  if (!/^\s*[{[]/.test(text) || text.trim().includes('\n')) return text;
  try {
    JSON.parse(text);
  } catch {
    // Not JSON: shown as it is.
    return text;
  }
  let depth = 0;
  let out = '';
  const line = (): string => `\n${'  '.repeat(depth)}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === '{' || token === '[') {
      depth++;
      out += token + line();
    } else if (token === '}' || token === ']') {
      depth--;
      out = /[{[]\n *$/.test(out) ? out.trimEnd() + token : out + line() + token;
    } else out += token === ',' ? `,${line()}` : token === ':' ? ': ' : token;
  }
  return out;
}
