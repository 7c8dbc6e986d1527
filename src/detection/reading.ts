/**
 * Reading a Detection's manifest: each thing refused with its path where it is not what it must be.
 *
 * Invariant: nothing is ignored; a detection that sees less than it seems to is worse than none.
 */
import { durationMs } from '../base/duration.ts';
import { escapeLine } from '../base/escape.ts';
import { detectionErrors } from './errors.ts';

/** Text from a manifest as it may stand in a message: escaped, and cut where it is long. */
export function quote(text: string): string {
  return JSON.stringify(escapeLine(text.length > 80 ? `${text.slice(0, 80)}…` : text));
}

export class Reading {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** The error for a field. */
  fault(field: string, reason: string): Error {
    return detectionErrors('detection.malformed', { values: { name: escapeLine(this.name), field, reason } });
  }

  /** The fields of an object, all of them known. */
  object<Key extends string>(path: string, value: unknown, known: readonly Key[]): Partial<Record<Key, unknown>> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.fault(path, 'this is not an object');
    }
    for (const key of Object.keys(value)) {
      if (!known.includes(key as Key)) {
        throw this.fault(path, `unknown field ${quote(key)}; known are ${known.join(', ')}`);
      }
    }
    return value as Partial<Record<Key, unknown>>;
  }

  /** One or several texts, at least one. */
  texts(path: string, value: unknown, most: number): readonly string[] {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.length === 0) throw this.fault(path, 'this list is empty and would select nothing; leave it out');
    if (list.length > most) throw this.fault(path, `this list has more than ${most} entries`);
    for (const entry of list) {
      if (typeof entry !== 'string' || entry === '') throw this.fault(path, 'this is not a text');
    }
    return list as string[];
  }

  number(path: string, value: unknown, least: number, most: number): number {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < least || value > most) {
      throw this.fault(path, `this is not a number from ${least} to ${most}`);
    }
    return value;
  }

  duration(path: string, value: unknown, leastMs: number, mostMs: number): number {
    const ms = typeof value === 'string' ? durationMs(value) : null;
    if (ms === null) throw this.fault(path, 'this is no length of time, such as 90s, 30m, 8h or 7d');
    if (ms < leastMs || ms > mostMs) {
      throw this.fault(path, `this is not from ${spellMs(leastMs)} to ${spellMs(mostMs)}`);
    }
    return ms;
  }

  choice<const T extends string>(path: string, value: unknown, known: readonly T[]): T {
    if (!known.includes(value as T)) throw this.fault(path, `this is none of ${known.join(', ')}`);
    return value as T;
  }
}

/** The shortest spelling of a length of time, for people. */
export function spellMs(ms: number): string {
  for (const [unit, length] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ] as const) {
    if (ms >= length && ms % length === 0) return `${ms / length}${unit}`;
  }
  return `${Math.round(ms / 1000)}s`;
}

/** The nearest of known names, for `did you mean`; null where none is near. */
export function nearest(name: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.min(4, Math.ceil(name.length / 2));
  for (const candidate of known) {
    const distance = differences(name.slice(0, 40).toLowerCase(), candidate.toLowerCase(), least);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Letters to change, add or take away (Levenshtein); `most` where it is more. */
function differences(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) >= most) return most;
  let before = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = before[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(changed, before[j]! + 1, row[j - 1]! + 1));
    }
    before = row;
  }
  return before[b.length]!;
}
