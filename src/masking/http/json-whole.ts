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
    const masked = isTooLong
      ? redactedJson
      : mask.apply(this.#bytes.view, { type: 'json', column, charactersMax: null });
    hits.count(mask.rule);
    this.#bytes.clear();
    this.depth = 0;
    return masked ?? nullBytes;
  }
}
