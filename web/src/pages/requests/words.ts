/** Lengths of time as they are asked for, and on what terms. */
import type { AnswerOf } from '../../api/client.ts';

export type Reach = AnswerOf<'accessWhat'>['reach'][number];
export type Grant = AnswerOf<'listGrants'>['grants'][number];
export type Terms = NonNullable<Reach['asking']>;

const presets = [900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 259_200, 604_800] as const;

/** What may be chosen: what is usual, up to the most, and the most itself. */
export function lengths({ maxSeconds }: Pick<Terms, 'maxSeconds'>): readonly number[] {
  const usual = presets.filter((seconds) => seconds < maxSeconds);
  return [...usual.slice(-5), maxSeconds];
}

export function usualLength(terms: Terms): number {
  const all = lengths(terms);
  const wanted = terms.defaultSeconds ?? 3600;
  return all.includes(wanted) ? wanted : (all.findLast((seconds) => seconds <= wanted) ?? all[0]!);
}

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const;

/** `90m`, as the gateway takes it. */
export function spelled(seconds: number): string {
  const [unit, size] = units.find(([, one]) => seconds % one === 0) ?? ['s', 1];
  return `${seconds / size}${unit}`;
}

export function lengthWords(seconds: number): string {
  const [unit, size] = units.find(([, one]) => seconds % one === 0) ?? ['s', 1];
  return `${seconds / size} ${unit === 'm' ? 'min' : unit}`;
}
