/**
 * Masks fields of heads and trailers: whole, where a pattern names them; else what detectors find in their values.
 *
 * Invariants: fields that frame the message or say how to read it are never changed; what comes out has no line's end.
 */
import type { ValueMask } from '../../core/masking.ts';
import { strictness } from '../methods.ts';
import type { Place } from '../specification.ts';
import { Hits } from '../terminal/hits.ts';
import * as limits from './limits.ts';
import type { Values } from './values.ts';

/** Without these a message cannot be read (RFC 9110, RFC 9112). */
const framing: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export interface HeaderRule {
  readonly patterns: readonly RegExp[];
  readonly value: ValueMask;
}

/** `*` stands for any run of characters. Names are short, and a pattern has few stars. */
export function compileHeader(place: Place, text: string): RegExp {
  if (text.length > limits.headerCharactersMax) {
    throw place.malformed(`is longer than ${limits.headerCharactersMax} characters`);
  }
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(text)) {
    throw place.malformed('is not the name of a field, where * stands for any run of characters');
  }
  const parts = text.toLowerCase().split(/\*+/);
  if (parts.length > limits.headerStarsMax + 1) throw place.malformed(`has more than ${limits.headerStarsMax} stars`);
  return new RegExp(`^${parts.map((part) => part.replace(/[$*+.^|]/g, '\\$&')).join('[^]*?')}$`);
}

/** `hits` counts where it is given. */
export type HeaderMask = (name: string, value: string, hits?: Hits) => string;

/** `everything`: every field but the framing ones is masked by it. */
export function createHeaderMask(
  rules: readonly HeaderRule[],
  values: Values | null,
  everything: ValueMask | null,
): HeaderMask {
  /** By name: fields repeat from answer to answer. */
  const known = new Map<string, ValueMask | null>();
  const maskOf = (name: string): ValueMask | null => {
    if (framing.has(name)) return null;
    if (everything !== null) return everything;
    let mask = known.get(name);
    if (mask === undefined) {
      mask = null;
      for (const { patterns, value } of rules) {
        if (!patterns.some((pattern) => pattern.test(name))) continue;
        if (mask === null || strictness(value.how) > strictness(mask.how)) mask = value;
      }
      if (known.size >= limits.namesRemembered) known.clear();
      if (name.length <= limits.headerCharactersMax) known.set(name, mask);
    }
    return mask;
  };
  return (name, value, hits = new Hits()) => {
    const lower = name.toLowerCase();
    if (framing.has(lower)) return value;
    const mask = maskOf(lower);
    if (mask !== null) {
      hits.count(mask.rule);
      const masked = mask.apply(Buffer.from(value), { type: 'text', column: lower, charactersMax: null });
      return spell(masked?.toString() ?? '');
    }
    if (values === null || value === '') return value;
    const masked = values.text(value, lower, 0, hits);
    return masked === value ? value : spell(masked ?? '');
  };
}

function spell(text: string): string {
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, ' ');
}
