/**
 * What all masks of bodies share: pieces of output, the fault after which nothing passes, and counts.
 *
 * Invariant: where nothing was changed and nothing is held, what comes back is the very view that was pushed.
 */
import type { BodyMask } from '../../core/masking.ts';
import { Hits } from '../terminal/hits.ts';

export const nothing: Buffer = Buffer.alloc(0);

export abstract class Body implements BodyMask {
  protected readonly counts = new Hits();
  /** What goes out, in order: views of what was pushed, or the body's own. */
  protected readonly out: Buffer[] = [];
  #fault: string | null = null;

  get hits(): ReadonlyMap<string, number> {
    return this.counts.counts;
  }

  get fault(): string | null {
    return this.#fault;
  }

  /** Bytes that are held back or kept as context, for tests of bounded memory. */
  get retainedBytes(): number {
    return 0;
  }

  push(view: Buffer): Buffer {
    if (this.#fault !== null) return nothing;
    if (view.length === 0) return view;
    this.take(view);
    return this.#given(view);
  }

  end(): Buffer {
    if (this.#fault !== null) return nothing;
    this.finish();
    return this.#given(nothing);
  }

  protected abstract take(view: Buffer): void;
  protected abstract finish(): void;

  /** The first reason counts. */
  protected refuse(reason: string): void {
    this.#fault ??= reason;
  }

  #given(view: Buffer): Buffer {
    const { out } = this;
    let given = nothing;
    if (this.#fault === null) given = out.length === 1 && out[0] === view ? view : Buffer.concat(out);
    out.length = 0;
    return given;
  }
}

/** Bytes that grow: what is held of one value. */
export class Held {
  #bytes: Buffer = nothing;
  length = 0;

  add(bytes: Buffer, from: number, to: number): void {
    const size = to - from;
    if (this.length + size > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(256, (this.length + size) * 2));
      this.#bytes.copy(grown, 0, 0, this.length);
      this.#bytes = grown;
    }
    bytes.copy(this.#bytes, this.length, from, to);
    this.length += size;
  }

  /** Until something is added. */
  get view(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  /** A copy, after which it is empty. What was large is let go. */
  take(): Buffer {
    const taken = Buffer.from(this.view);
    this.clear();
    return taken;
  }

  clear(): void {
    this.length = 0;
    if (this.#bytes.length > 1 << 16) this.#bytes = nothing;
  }
}
