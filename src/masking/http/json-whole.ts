/**
 * An object or array of JSON that is masked as a whole: one value stands for it.
 *
 * Invariant: its bytes are only kept where its hash is asked for, and no more of them than `heldBytesMax`; beyond that it is
 * redacted.
 */
import type { ValueMask } from '../../core/masking.ts';
import { redacted } from '../spelling.ts';
import type { Hits } from '../terminal/hits.ts';
import { Held } from './body.ts';
import * as limits from './limits.ts';

export const nullBytes: Buffer = Buffer.from('null');
export const redactedJson: Buffer = Buffer.from(JSON.stringify(redacted));

export class MaskedContainer {
  /** How deep it stands, from 1; 0: there is none. */
  depth = 0;
  #mask: ValueMask | null = null;
  readonly #bytes = new Held();
  #isKept = false;

  get retainedBytes(): number {
    return this.#bytes.length;
  }

  begin(mask: ValueMask, depth: number): void {
    this.depth = depth;
    this.#mask = mask;
    this.#isKept = mask.how === 'hash';
  }

  keep(bytes: Buffer, from: number, to: number): void {
    if (!this.#isKept) return;
    this.#bytes.add(bytes, from, to);
    if (this.#bytes.length <= limits.heldBytesMax) return;
    this.#isKept = false;
    this.#bytes.clear();
  }

  /** What stands for it. */
  end(column: string, hits: Hits): Buffer {
    const mask = this.#mask!;
    const isTooLong = mask.how === 'hash' && !this.#isKept;
    const whole = this.#bytes.view;
    const masked = isTooLong
      ? (mask.tooLong ?? redactedJson)
      : mask.apply(whole, { type: 'json', column, charactersMax: null });
    // A mask that looks at all of it may leave it as it is.
    const given = masked === whole ? Buffer.from(whole) : (masked ?? nullBytes);
    if (masked !== whole) hits.count(mask.rule);
    this.#bytes.clear();
    this.depth = 0;
    return given;
  }
}

/**
 * What stands instead of any string that `mask` masks, where that does not depend on the string; null where it does, or where
 * the string, which has no escapes, has to be read to see whether it is one.
 */
export function fixedJson(mask: ValueMask, bytes: Buffer, from: number, to: number): Buffer | null {
  if (mask.fixed === undefined) return null;
  for (let at = from; at < to; at++) if (bytes[at]! >= 0x80) return null;
  let known = fixedSpellings.get(mask);
  if (known === undefined) {
    const fixed = mask.fixed({ type: 'text', column: '', charactersMax: null });
    known = fixed === undefined ? null : fixed === null ? nullBytes : Buffer.from(JSON.stringify(fixed.toString()));
    fixedSpellings.set(mask, known);
  }
  return known;
}

/** Null: it depends on the string after all. */
const fixedSpellings = new WeakMap<ValueMask, Buffer | null>();
