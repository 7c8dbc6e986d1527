/**
 * Masks `application/x-www-form-urlencoded` (URL standard, section 5.1): pairs of names and values, of which a pattern
 * `/name` names a value. What is not masked keeps its spelling.
 *
 * Invariant: one pair is held at a time; a longer one is a fault.
 */
import { Body, Held } from './body.ts';
import * as limits from './limits.ts';
import type { FieldAutomaton } from './pointers.ts';
import type { Values } from './values.ts';

const ampersand = 0x26;

/** What `%41+b` stands for; escapes that are none stay. */
function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  if (!spaced.includes('%')) return Buffer.from(spaced, 'latin1').toString();
  const bytes = spaced.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll('%20', '+');
}

export class FormBody extends Body {
  readonly #fields: FieldAutomaton | null;
  readonly #values: Values | null;
  readonly #held = new Held();

  constructor(fields: FieldAutomaton | null, values: Values | null) {
    super();
    this.#fields = fields;
    this.#values = values;
  }

  override get retainedBytes(): number {
    return this.#held.length;
  }

  protected take(view: Buffer): void {
    let at = 0;
    while (at < view.length && this.fault === null) {
      const found = view.indexOf(ampersand, at);
      const end = found < 0 ? view.length : found;
      if (this.#held.length + end - at > limits.recordBytesMax) {
        this.refuse(`a field of the form has more than ${limits.recordBytesMax} bytes`);
        return;
      }
      this.#held.add(view, at, end);
      if (found < 0) return;
      this.#pair();
      this.out.push(view.subarray(end, end + 1));
      at = end + 1;
    }
  }

  protected finish(): void {
    this.#pair();
  }

  #pair(): void {
    const pair = this.#held.take();
    if (pair.length === 0) return;
    const text = pair.toString('latin1');
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    const value = equals < 0 ? '' : text.slice(equals + 1);
    const plainName = decode(name);
    const newName = this.#detected(plainName, '');
    const newValue = this.#value(plainName, decode(value));
    if (newName === null && newValue === null) {
      this.out.push(pair);
      return;
    }
    const written = `${newName === null ? name : encode(newName)}=${newValue === null ? value : encode(newValue)}`;
    this.out.push(Buffer.from(written, 'latin1'));
  }

  /** Null where it stays. */
  #value(name: string, value: string): string | null {
    const { mask } = this.#fields === null ? { mask: null } : this.#fields.step(this.#fields.root, name.toLowerCase());
    const whole = mask ?? this.#fields?.root.mask ?? null;
    if (whole === null) return this.#detected(value, name);
    this.counts.count(whole.rule);
    return whole.apply(Buffer.from(value), { type: 'text', column: name, charactersMax: null })?.toString() ?? '';
  }

  #detected(text: string, column: string): string | null {
    if (this.#values === null || text === '') return null;
    const masked = this.#values.text(text, column, 0, this.counts);
    return masked === text ? null : (masked ?? '');
  }
}
