/**
 * What a condition of a rule finds about a command, where something may stay unknown: a set of bits.
 *
 * Invariants:
 * - What is unknown never turns into `no`. Only what is positively known excludes a rule.
 * - All conditions of a rule are joined by `both`, the statements of a text by `either`.
 */

/** Bits: a finding with neither `yes`, `perhaps` nor `opaque` is `no`. */
export type Finding = number;

export const no: Finding = 0;
export const yes: Finding = 1;
/** It holds if something that stays unknown is what it may be. */
export const perhaps: Finding = 2;
/** The command was not understood, and the condition needs it to be. */
export const opaque: Finding = 4;

const matches = yes | perhaps;

/** Holds when both hold. */
export function both(a: Finding, b: Finding): Finding {
  if (a === no || b === no) return no;
  const certain = a & b & yes;
  const match = (a & matches) === 0 || (b & matches) === 0 ? no : certain === yes ? yes : perhaps;
  return match | ((a | b) & opaque);
}

/** Holds when one of them does. */
export function either(a: Finding, b: Finding): Finding {
  const joined = a | b;
  return (joined & yes) === yes ? joined & ~perhaps : joined;
}

export function isMatch(finding: Finding): boolean {
  return (finding & matches) !== 0;
}

/** For people. */
export function spellFinding(finding: Finding): FindingName {
  if ((finding & opaque) !== 0) return 'not-understood';
  if ((finding & yes) !== 0) return 'yes';
  return (finding & perhaps) !== 0 ? 'perhaps' : 'no';
}

export type FindingName = 'yes' | 'perhaps' | 'not-understood' | 'no';
