/**
 * Which principal a workload may be: conditions on the claims of its token.
 *
 * Invariants: a condition holds where all that it asks for does; a claim that is not there never does. `*` stands for any run
 * of characters but `/` and `:`, so that one organisation's repository never passes for another's. Of several principals the
 * one answers whose condition is narrower than each other's, claim by claim; where none is, nobody is: a guess would be
 * somebody else's rights.
 *
 * Pure: no token is verified here.
 */
import { type Claims, valueAt } from '../claim-path.ts';
import * as limits from '../limits.ts';

/** Claim, or dotted path to it → what it must be, or one of what it must be. */
export type Condition = Readonly<Record<string, string | readonly string[]>>;

export interface Candidate {
  /** The principal's name. */
  readonly principal: string;
  readonly claims: Condition;
}

export type Choice<C extends Candidate> =
  | { readonly outcome: 'one'; readonly candidate: C }
  | { readonly outcome: 'none' }
  | { readonly outcome: 'ambiguous'; readonly principals: readonly string[] };

export function matchesClaims(claims: Claims, condition: Condition): boolean {
  const asked = Object.entries(condition);
  return asked.length > 0 && asked.every(([path, patterns]) => holds(valueAt(claims, path), [patterns].flat()));
}

/** Of a list, one has to match. */
function holds(value: unknown, patterns: readonly string[]): boolean {
  const values: readonly unknown[] = Array.isArray(value) ? value.slice(0, limits.workloadListMax) : [value];
  return values.some((one) => {
    const text = textOf(one);
    return text !== null && patterns.some((pattern) => matchesPattern(text, pattern));
  });
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value.length <= limits.claimLengthMax ? value : null;
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isSafeInteger(value))) return String(value);
  return null;
}

/** Linear in the text for each star: no backtracking, since a star that was passed never needs to take more again. */
export function matchesPattern(text: string, pattern: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return text === pattern;
  if (!text.startsWith(head)) return false;
  const tail = rest.pop()!;
  const end = text.length - tail.length;
  let from = head.length;
  for (const part of rest) {
    const at = text.indexOf(part, from);
    if (at < 0 || at + part.length > end || crosses(text, from, at)) return false;
    from = at + part.length;
  }
  return end >= from && text.endsWith(tail) && !crosses(text, from, end);
}

function crosses(text: string, from: number, to: number): boolean {
  return /[/:]/.test(text.slice(from, to));
}

/** Who of `candidates` a workload with these claims is. */
export function chooseCandidate<C extends Candidate>(claims: Claims, candidates: readonly C[]): Choice<C> {
  const matching = candidates.filter((candidate) => matchesClaims(claims, candidate.claims));
  const best = matching.filter((one) => matching.every((other) => isWithin(one.claims, other.claims)));
  const [candidate] = best;
  const isOnePrincipal = (some: readonly C[]): boolean => new Set(some.map(({ principal }) => principal)).size === 1;
  if (candidate !== undefined && isOnePrincipal(best)) return { outcome: 'one', candidate };
  if (matching.length === 0) return { outcome: 'none' };
  // Conditions of one principal need no order among themselves.
  const narrowest = matching.filter(
    (one) => !matching.some((other) => isWithin(other.claims, one.claims) && !isWithin(one.claims, other.claims)),
  );
  if (isOnePrincipal(narrowest)) return { outcome: 'one', candidate: narrowest[0]! };
  return { outcome: 'ambiguous', principals: [...new Set(narrowest.map(({ principal }) => principal))] };
}

/** Whether everything that meets `narrow` meets `wide` as well: it asks for the same claims at least, and no wider. */
function isWithin(narrow: Condition, wide: Condition): boolean {
  return Object.entries(wide).every(([path, wider]) => {
    if (!Object.hasOwn(narrow, path)) return false;
    const narrower = narrow[path]!;
    // A star of the narrower one is a character like others here, that only a star of the wider one takes.
    return [narrower].flat().every((text) => [wider].flat().some((pattern) => matchesPattern(text, pattern)));
  });
}
