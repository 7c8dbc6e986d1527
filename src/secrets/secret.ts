/**
 * A value that must not be seen: whatever prints it prints `(secret)` (A-API-06).
 *
 * Invariant: the value leaves only through `reveal()`. It is held in a private field, which neither `inspect` (also
 * with `showHidden`), `JSON.stringify`, string conversion nor structured cloning reads.
 * Deliberately absent: wiping. JavaScript strings cannot be overwritten; `Buffer`s with keys are (`envelope.ts`).
 */
import { inspect } from 'node:util';

const hidden = '(secret)';

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Ask at the moment of use, and keep the answer in no field. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [Symbol.toPrimitive](): string {
    return hidden;
  }

  [inspect.custom](): string {
    return hidden;
  }
}
