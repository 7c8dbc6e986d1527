/**
 * Bodies that are not rewritten: passed, looked through for a first finding, refused, or replaced as a whole.
 *
 * Invariant: of a body that is looked through, nothing passes that may still become part of a finding.
 */
import type { BodyMask, ContentScan } from '../../core/masking.ts';
import { createContentScan } from '../terminal/content.ts';
import type { Finder } from '../terminal/finder.ts';
import type { Hits } from '../terminal/hits.ts';
import { Body, Held } from './body.ts';
import * as limits from './limits.ts';

/** Nothing asks for anything. */
export class PassingBody extends Body {
  protected take(view: Buffer): void {
    this.out.push(view);
  }

  protected finish(): void {}
}

/** None of it may pass. An empty body says nothing. */
export class RefusedBody extends Body {
  readonly #reason: string;

  constructor(reason: string) {
    super();
    this.#reason = reason;
  }

  protected take(): void {
    this.refuse(this.#reason);
  }

  protected finish(): void {}
}

/** Passes until something is found in its bytes. */
export class ScannedBody extends Body {
  readonly #scan: ContentScan;
  readonly #held = new Held();
  #given = 0;

  constructor(finder: Finder) {
    super();
    this.#scan = createContentScan(finder);
  }

  override get retainedBytes(): number {
    return this.#held.length;
  }

  protected take(view: Buffer): void {
    const hit = this.#scan.push(view);
    if (hit !== null) {
      this.counts.count(hit.rule);
      this.refuse(`it has something in it that the detector ${hit.detector} finds, and cannot be rewritten`);
      return;
    }
    this.#held.add(view, 0, view.length);
    this.#give(this.#scan.clearBytes);
  }

  protected finish(): void {
    const hit = this.#scan.end();
    if (hit !== null) {
      this.counts.count(hit.rule);
      this.refuse(`it has something in it that the detector ${hit.detector} finds, and cannot be rewritten`);
      return;
    }
    this.#give(this.#given + this.#held.length);
  }

  #give(clear: number): void {
    const size = clear - this.#given;
    if (size <= 0) return;
    const held = this.#held.take();
    this.out.push(held.subarray(0, size));
    this.#held.add(held, size, held.length);
    this.#given = clear;
  }
}

/** All of it becomes one value, made of what is held of it; null: it was too long. */
export class ReplacedBody extends Body {
  readonly #replace: (bytes: Buffer | null, hits: Hits) => Buffer;
  readonly #held = new Held();
  #isLong = false;

  constructor(replace: (bytes: Buffer | null, hits: Hits) => Buffer) {
    super();
    this.#replace = replace;
  }

  override get retainedBytes(): number {
    return this.#held.length;
  }

  protected take(view: Buffer): void {
    this.#isLong ||= this.#held.length + view.length > limits.heldBytesMax;
    if (this.#isLong) this.#held.clear();
    else this.#held.add(view, 0, view.length);
  }

  protected finish(): void {
    if (this.#isLong || this.#held.length > 0) {
      this.out.push(this.#replace(this.#isLong ? null : this.#held.take(), this.counts));
    }
  }
}

/** Text that may be JSON, which the first byte of consequence tells: then it is read as such. */
export class SniffedBody extends Body {
  readonly #json: () => BodyMask;
  readonly #text: () => BodyMask;
  #chosen: BodyMask | null = null;
  /** What does not tell yet. */
  readonly #held = new Held();

  constructor(json: () => BodyMask, text: () => BodyMask) {
    super();
    this.#json = json;
    this.#text = text;
  }

  override get hits(): ReadonlyMap<string, number> {
    return this.#chosen?.hits ?? super.hits;
  }

  override get retainedBytes(): number {
    return this.#held.length + (this.#chosen instanceof Body ? this.#chosen.retainedBytes : 0);
  }

  protected take(view: Buffer): void {
    if (this.#chosen !== null) {
      this.#feed(view);
      return;
    }
    const most = limits.sniffedBlanksMax - this.#held.length;
    this.#held.add(view, 0, Math.min(view.length, Math.max(most, 0)));
    const isJson = seemsJson(this.#held.view);
    if (isJson === null && view.length <= most) return;
    // What is nothing but blanks for so long may be anything.
    this.#chosen = (isJson ?? true) ? this.#json() : this.#text();
    this.#feed(this.#held.take());
    if (most < view.length) this.#feed(view.subarray(Math.max(most, 0)));
  }

  protected finish(): void {
    this.#chosen ??= this.#text();
    if (this.#held.length > 0) this.#feed(this.#held.take());
    if (this.fault !== null) return;
    this.out.push(this.#chosen.end());
    if (this.#chosen.fault !== null) this.refuse(this.#chosen.fault);
  }

  #feed(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const given = this.#chosen!.push(bytes);
    if (this.#chosen!.fault !== null) this.refuse(this.#chosen!.fault);
    this.out.push(given);
  }
}

/** Whether a text begins like an object or array of JSON; null where more is needed to tell. */
function seemsJson(begun: Buffer): boolean | null {
  const text = begun.toString('utf8').replace(/^[\s\ufeff\ufffd]+/, '');
  if (text === '') return null;
  const [first] = text;
  if (first !== '{' && first !== '[') return false;
  const next = text.slice(1).trimStart()[0];
  if (next === undefined) return null;
  return (first === '{' ? '"}' : '{["]').includes(next);
}
