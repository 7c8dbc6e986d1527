/**
 * Masks multipart bodies (RFC 2046, section 5.1): each part by its own type, its head like the head of an answer. A part of
 * a form that a pattern `/name` names is masked as a whole.
 *
 * Invariants:
 * - Held are the head of one part, and as much of a body as could be the beginning of a boundary.
 * - A part in another transfer encoding, or with a content coding, cannot be read: a fault.
 * - Lengths may change, so `Content-Length` within a part goes where its body is one that is rewritten.
 */
import type { BodyMask, BodyType, ValueMask } from '../../core/masking.ts';
import { Body, nothing } from './body.ts';
import type { HeaderMask } from './headers.ts';
import * as limits from './limits.ts';
import { ReplacedBody } from './other.ts';

/** What a part's head and body need of the plan. */
export interface PartRules {
  body(type: BodyType, depth: number): BodyMask;
  /** Whether a body of this type may come out with another length. */
  rewrites(type: BodyType): boolean;
  header: HeaderMask;
  /** The mask of a part by its name. */
  field(name: string): ValueMask | null;
}

type Where = 'preamble' | 'head' | 'body' | 'epilogue';

const newline = 0x0a;

export class MultipartBody extends Body {
  readonly #rules: PartRules;
  readonly #depth: number;
  /** What stands at the beginning of a line: two dashes and the boundary. */
  readonly #delimiter: Buffer;
  #where: Where = 'preamble';
  #inner: BodyMask;
  readonly #innerHits = new Map<string, number>();
  #carry: Buffer = nothing;
  /** Nothing of what is carried was preceded by anything else than a line's end. */
  #isLineStart = true;

  constructor(rules: PartRules, boundary: string, depth: number) {
    super();
    this.#rules = rules;
    this.#depth = depth;
    this.#delimiter = Buffer.from(`--${boundary}`, 'latin1');
    this.#inner = rules.body(plainText, depth);
  }

  override get hits(): ReadonlyMap<string, number> {
    const all = new Map(this.#innerHits);
    for (const hits of [super.hits, this.#inner.hits]) {
      for (const [rule, count] of hits) all.set(rule, (all.get(rule) ?? 0) + count);
    }
    return all;
  }

  override get retainedBytes(): number {
    return this.#carry.length + (this.#inner instanceof Body ? this.#inner.retainedBytes : 0);
  }

  protected take(view: Buffer): void {
    const bytes = this.#carry.length === 0 ? view : Buffer.concat([this.#carry, view]);
    this.#carry = nothing;
    let at = 0;
    while (at >= 0 && at < bytes.length && this.fault === null) {
      const next = this.#where === 'head' ? this.#head(bytes, at) : this.#content(bytes, at, false);
      if (next < 0) return;
      at = next;
    }
  }

  protected finish(): void {
    const bytes = this.#carry;
    this.#carry = nothing;
    if (this.#where === 'head') {
      this.refuse('the multipart body ends within the head of a part');
      return;
    }
    for (let at = 0; at >= 0 && at < bytes.length && this.fault === null; ) at = this.#content(bytes, at, true);
    this.#endInner();
  }

  /** Content up to the next boundary. Answers where to go on; −1 where what is left was kept. */
  #content(bytes: Buffer, from: number, last: boolean): number {
    if (this.#where === 'epilogue') {
      this.#feed(bytes, from, bytes.length);
      return -1;
    }
    let search = from;
    for (;;) {
      const found = bytes.indexOf(this.#delimiter, search);
      if (found < 0) return this.#keep(bytes, from, last);
      const isFirst = found === from && this.#isLineStart;
      if (!isFirst && (found === from || bytes[found - 1] !== newline)) {
        search = found + 1;
        continue;
      }
      const behind = found + this.#delimiter.length;
      const lineEnd = bytes.indexOf(newline, behind);
      const end = lineEnd < 0 ? bytes.length : lineEnd;
      const rest = bytes.toString('latin1', behind, Math.min(end, behind + limits.paddingBytesMax));
      if (lineEnd < 0 && !last && end - behind < limits.paddingBytesMax) {
        // The end of its line tells whether it is one.
        const start = isFirst ? from : startOfEnd(bytes, from, found);
        this.#feed(bytes, from, start);
        this.#carry = Buffer.from(bytes.subarray(start));
        return -1;
      }
      if (!/^(?:--)?[ \t]*\r?$/.test(rest)) {
        search = found + 1;
        continue;
      }
      const start = isFirst ? from : startOfEnd(bytes, from, found);
      this.#feed(bytes, from, start);
      this.#endInner();
      if (this.fault !== null) return -1;
      this.out.push(bytes.subarray(start, lineEnd < 0 ? bytes.length : lineEnd + 1));
      if (rest.startsWith('--')) {
        this.#where = 'epilogue';
        this.#inner = this.#rules.body(plainText, this.#depth);
      } else this.#where = 'head';
      this.#isLineStart = false;
      return lineEnd < 0 ? bytes.length : lineEnd + 1;
    }
  }

  /** No boundary: all passes but what could be the beginning of one. */
  #keep(bytes: Buffer, from: number, last: boolean): number {
    // A line's end and a whole delimiter but for its last byte.
    const most = this.#delimiter.length + 1;
    const start = last ? bytes.length : Math.max(from, bytes.length - most);
    if (start > from) {
      this.#feed(bytes, from, start);
      this.#isLineStart = false;
    }
    this.#carry = Buffer.from(bytes.subarray(start));
    // Whether a line begins there, its last byte tells.
    if (start > from && bytes[start - 1] === newline) this.#isLineStart = true;
    return -1;
  }

  #feed(bytes: Buffer, from: number, to: number): void {
    if (to <= from) return;
    this.out.push(this.#inner.push(bytes.subarray(from, to)));
    if (this.#inner.fault !== null) this.refuse(this.#inner.fault);
  }

  #endInner(): void {
    if (this.fault !== null) return;
    this.out.push(this.#inner.end());
    if (this.#inner.fault !== null) {
      this.refuse(this.#inner.fault);
      return;
    }
    for (const [rule, count] of this.#inner.hits) this.#innerHits.set(rule, (this.#innerHits.get(rule) ?? 0) + count);
    this.#inner = none;
  }

  /** The head of a part, whole, or nothing of it. */
  #head(bytes: Buffer, from: number): number {
    let end = -1;
    for (let line = from; ; ) {
      const found = bytes.indexOf(newline, line);
      if (found < 0) break;
      if (found === line || (found === line + 1 && bytes[line] === 0x0d)) {
        end = found + 1;
        break;
      }
      line = found + 1;
    }
    if ((end < 0 ? bytes.length : end) - from > limits.partHeadBytesMax) {
      this.refuse(`the head of a part has more than ${limits.partHeadBytesMax} bytes`);
      return -1;
    }
    if (end < 0) {
      this.#carry = Buffer.from(bytes.subarray(from));
      return -1;
    }
    this.#readHead(bytes.toString('latin1', from, end));
    this.#where = 'body';
    this.#isLineStart = true;
    return end;
  }

  #readHead(head: string): void {
    let type: BodyType = plainText;
    let name: string | null = null;
    const lines: { readonly text: string; readonly isLength: boolean }[] = [];
    for (const line of head.match(/[^\n]*\n/g) ?? []) {
      const field = /^([^:\s]+)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*(\r?\n)$/.exec(line);
      if (field === null) {
        if (/^\r?\n$/.test(line)) lines.push({ text: line, isLength: false });
        else this.refuse('the head of a part has a line that is no field');
        continue;
      }
      const key = field[1]!.toLowerCase();
      const value = field[2]!;
      if (key === 'content-type') type = typeOf(value);
      else if (key === 'content-transfer-encoding' && !/^(?:7bit|8bit|binary)$/i.test(value)) {
        this.refuse(`a part is encoded (${value.slice(0, 40)}) and cannot be read`);
      } else if (key === 'content-encoding' && !/^identity$/i.test(value)) {
        this.refuse(`a part is encoded (${value.slice(0, 40)}) and cannot be read`);
      } else if (key === 'content-disposition') name = parameterOf(value, 'name');
      const masked = this.#rules.header(key, value, this.counts);
      if (masked === value) lines.push({ text: line, isLength: key === 'content-length' });
      else {
        lines.push({ text: `${field[1]}: ${masked}${field[3]}`, isLength: false });
      }
    }
    const mask = name === null ? null : this.#rules.field(name);
    const isRewritten = mask !== null || this.#rules.rewrites(type);
    const kept = lines.filter(({ isLength }) => !(isLength && isRewritten));
    this.out.push(Buffer.from(kept.map(({ text }) => text).join(''), 'latin1'));
    this.#inner = mask === null ? this.#rules.body(type, this.#depth + 1) : replaced(mask);
  }
}

const plainText: BodyType = { mediaType: 'text/plain', charset: null, boundary: null };
const none: BodyMask = { push: (view) => view, end: () => nothing, fault: null, hits: new Map() };

function replaced(mask: ValueMask): BodyMask {
  return new ReplacedBody((bytes, hits) => {
    hits.count(mask.rule);
    const value = bytes === null && mask.how !== 'null' ? Buffer.from('[redacted]') : bytes;
    if (bytes === null || value === null) return value ?? nothing;
    return mask.apply(value, { type: 'text', column: '', charactersMax: null }) ?? nothing;
  });
}

/** Where the end of the line before a boundary begins: it belongs to the boundary. */
function startOfEnd(bytes: Buffer, from: number, found: number): number {
  return found - 2 >= from && bytes[found - 2] === 0x0d ? found - 2 : found - 1;
}

/** A parameter of a field's value, plain or in quotes. */
export function parameterOf(value: string, name: string): string | null {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]*))`, 'i').exec(value);
  if (found === null) return null;
  return (found[1]?.replace(/\\(.)/g, '$1') ?? found[2] ?? '').trim();
}

/** What a field `Content-Type` says. */
export function typeOf(value: string): BodyType {
  return {
    mediaType: value.split(';', 1)[0]!.trim().toLowerCase() || null,
    charset: parameterOf(value, 'charset')?.toLowerCase() ?? null,
    boundary: parameterOf(value, 'boundary'),
  };
}
