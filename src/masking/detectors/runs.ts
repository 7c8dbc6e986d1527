/**
 * Runs of digit groups in a text, and the rules whose layout they have.
 *
 * Invariant: what is joined to more of the same by a point, a dash or a letter is part of something else: a UUID, a version,
 * a decimal. Only blanks and slashes separate numbers from each other.
 */
import * as limits from '../limits.ts';
import type { Work } from '../work.ts';
import type { Strength } from './context.ts';
import { layoutDigitsMax, layoutGroupsMax, type NumberRule } from './numbers.ts';
import type { DetectorName } from './table.ts';

const runExpression = /\d+(?:[ \-./]\d+)*/g;

export type NumberFound = (detector: DetectorName, start: number, end: number, strength: Strength) => boolean;
/** Whether anything could speak for a weak hit of this detector: without that its check is not worth doing. */
export type MaySpeak = (detector: DetectorName) => boolean;

/** Whether the text before `start` makes the number part of something longer. */
function joinedBefore(text: string, start: number): boolean {
  const before = text[start - 1];
  if (before === undefined) return false;
  if (/[A-Za-z0-9_%\\]/.test(before)) return true;
  if (before === '.' || before === ':') return /[0-9]/.test(text[start - 2] ?? '');
  if (before !== '-') return false;
  const word = /[A-Za-z0-9]{0,16}$/.exec(text.slice(Math.max(0, start - 17), start - 1))?.[0] ?? '';
  return /\d/.test(word);
}

function joinedAfter(text: string, end: number): boolean {
  const after = text[end];
  if (after === undefined) return false;
  if (/[A-Za-z0-9_%]/.test(after)) return true;
  if (after === '.' || after === ':' || after === '-') return /[A-Za-z0-9]/.test(text[end + 1] ?? '');
  return false;
}

/** Calls `found` for each rule that passes, longest first; where it is taken, the search goes on behind it. */
export function findNumbers(
  text: string,
  layouts: ReadonlyMap<string, readonly NumberRule[]>,
  work: Work,
  maySpeak: MaySpeak,
  found: NumberFound,
): void {
  runExpression.lastIndex = 0;
  for (let run = runExpression.exec(text); run !== null; run = runExpression.exec(text)) {
    const characters = run[0].length;
    if (characters < 8) continue;
    if (!work.spend(20 + characters * 12)) return;
    const groups = groupsOf(run[0], run.index);
    for (let first = 0; first < groups.length; first++) {
      const taken = fromGroup(text, groups, first, layouts, work, maySpeak, found);
      if (taken > first) first = taken;
    }
  }
}

interface Group {
  readonly start: number;
  readonly end: number;
}

function groupsOf(run: string, at: number): Group[] {
  const groups: Group[] = [];
  let start = 0;
  for (let index = 0; index <= run.length; index++) {
    const code = run.charCodeAt(index);
    if (code >= 0x30 && code <= 0x39) continue;
    groups.push({ start: at + start, end: at + index });
    start = index + 1;
  }
  return groups;
}

/** The last group of what was found from `first` on; `first` − 1 where nothing was. */
function fromGroup(
  text: string,
  groups: readonly Group[],
  first: number,
  layouts: ReadonlyMap<string, readonly NumberRule[]>,
  work: Work,
  maySpeak: MaySpeak,
  found: NumberFound,
): number {
  const { start } = groups[first]!;
  if (first > 0 && !/[ /]/.test(text[start - 1]!)) return first - 1;
  if (first === 0 && joinedBefore(text, start)) return first - 1;
  let layout = '';
  let digits = '';
  let taken = first - 1;
  for (let last = first; last < groups.length && last < first + layoutGroupsMax; last++) {
    const group = groups[last]!;
    const size = group.end - group.start;
    if (digits.length + size > layoutDigitsMax) break;
    layout += (last === first ? '' : text[group.start - 1]!) + String(size);
    digits += text.slice(group.start, group.end);
    const rules = layouts.get(layout);
    if (rules === undefined) continue;
    const border = last + 1 < groups.length ? /[ /]/.test(text[group.end]!) : !joinedAfter(text, group.end);
    if (!border) continue;
    for (const rule of rules) {
      const strength = rule.layouts[layout]!;
      if (strength === 'weak' && !maySpeak(rule.detector)) continue;
      if (!work.spend(30)) return taken;
      if (rule.check(digits) && found(rule.detector, start, group.end, strength)) taken = last;
    }
  }
  return taken;
}

export const numberWindow = { before: limits.neighboursBefore + 24, after: 128 } as const;
