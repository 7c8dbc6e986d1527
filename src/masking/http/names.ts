/**
 * Names of objects in JSON: what detectors make of them, what they say about the values behind them, and how patterns
 * compare them. Services repeat the same few names; those are read once.
 *
 * Invariant: what is remembered is bounded, and a function of the name's bytes alone.
 */
import { Hits } from '../terminal/hits.ts';
import * as limits from './limits.ts';
import type { Values } from './values.ts';

export interface Name {
  /** Decoded: context for detectors. */
  readonly text: string;
  /** As patterns compare it. */
  readonly lower: string;
  /** The masked spelling with its quotes, or null where it passes; and the rules that did it. */
  readonly masked: Buffer | null;
  readonly rules: readonly string[];
  /** Values behind it are looked at whatever they look like. */
  readonly wantsAll: boolean;
  /** An identifier or a time behind it may be a finding. */
  readonly meansIdentifiers: boolean;
}

interface Remembered {
  readonly bytes: Buffer;
  readonly name: Name;
}

/** What a string of JSON stands for; null where it is no UTF-8 or an escape in it is none. */
export function unquote(bytes: Buffer, from: number, to: number, isEscaped: boolean): string | null {
  try {
    const source = decode(bytes, from, to);
    return isEscaped ? (JSON.parse(source) as string) : source.slice(1, -1);
  } catch (error) {
    // Both say so of what they cannot read.
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Buffer, from: number, to: number): string {
  for (let at = from; at < to; at++) if (bytes[at]! >= 0x80) return decoder.decode(bytes.subarray(from, to));
  return bytes.toString('latin1', from, to);
}

export class Names {
  readonly #values: Values | null;
  readonly #remembered: (Remembered | undefined)[] = new Array(limits.namesRemembered);
  /** For values outside of any object. */
  readonly none: Name;

  constructor(values: Values | null) {
    this.#values = values;
    this.none = this.#name('');
  }

  /** The name that stands, quotes and all, between two positions; null where it cannot be read. */
  read(bytes: Buffer, from: number, to: number, isEscaped: boolean): Name | null {
    if (to - from > limits.rememberedNameBytesMax) return this.#read(bytes, from, to, isEscaped);
    let hash = to - from;
    for (let at = from + 1; at < to - 1; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
    const slot = (hash ^ (hash >>> 15)) & (limits.namesRemembered - 1);
    const known = this.#remembered[slot];
    if (known !== undefined && known.bytes.length === to - from) {
      let at = 0;
      while (at < known.bytes.length && known.bytes[at] === bytes[from + at]) at++;
      if (at === known.bytes.length) return known.name;
    }
    const name = this.#read(bytes, from, to, isEscaped);
    if (name !== null) this.#remembered[slot] = { bytes: Buffer.from(bytes.subarray(from, to)), name };
    return name;
  }

  #read(bytes: Buffer, from: number, to: number, isEscaped: boolean): Name | null {
    const text = unquote(bytes, from, to, isEscaped);
    return text === null ? null : this.#name(text);
  }

  #name(text: string): Name {
    const values = this.#values;
    const lower = text.toLowerCase();
    if (values === null) {
      return { text, lower, masked: null, rules: [], wantsAll: false, meansIdentifiers: false };
    }
    const { scanner } = values.detection;
    const hits = new Hits();
    const masked = text === '' ? text : values.text(text, '', 0, hits);
    return {
      text,
      lower,
      masked: masked === text ? null : Buffer.from(JSON.stringify(masked ?? '')),
      rules: [...hits.counts].flatMap(([rule, count]) => new Array<string>(count).fill(rule)),
      wantsAll: scanner.wantsAll(text),
      meansIdentifiers: scanner.meansIdentifiers(text),
    };
  }
}
