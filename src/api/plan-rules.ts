/**
 * Whether the rules among the objects can be saved: asked of their compilers before every change, so that a rule that
 * cannot be enforced is refused when it is saved and not ignored when it is needed (A-POL-01).
 *
 * Invariants: a problem of a document in the change always refuses; a problem of another object refuses only where the
 * change makes it (a resource that takes a label away, say): what is wrong already must not keep anybody from changing
 * something else.
 */
import { type Manifest, parsePath } from './contract/index.ts';
import type { RequestProblem } from './problem.ts';
import type { RuleChecks, RuleProblem } from './review-ports.ts';

/** The problems that refuse a change of all objects from `before` to `after`, by the documents that are `given`. */
export async function ruleProblems(
  checks: RuleChecks,
  before: readonly Manifest[],
  after: readonly Manifest[],
  given: readonly Manifest[],
): Promise<readonly RequestProblem[]> {
  const found = after.some(isChecked) ? await checks.check(after) : [];
  const ordinals = new Map(given.map(({ kind, metadata }, ordinal) => [`${kind}/${metadata.name}`, ordinal]));
  const ordinalOf = (problem: RuleProblem): number | null => ordinals.get(`${problem.kind}/${problem.name}`) ?? null;
  const isElsewhere = found.some((problem) => ordinalOf(problem) === null);
  const known = new Set(isElsewhere ? (await checks.check(before)).map(textOf) : []);
  return found.flatMap((problem): RequestProblem[] => {
    const document = ordinalOf(problem);
    const { kind, name, field, reason } = problem;
    if (document !== null) return [{ document, path: parsePath(field), on: 'value', message: reason }];
    if (known.has(textOf(problem))) return [];
    const message = `this change breaks the ${kind} ${name}: ${field === '' ? '' : `${field}: `}${reason}`;
    return [{ document: null, path: [], on: 'value', message }];
  });
}

function isChecked({ kind }: Manifest): boolean {
  return kind === 'Guardrail' || kind === 'Mask' || kind === 'IdentityProvider' || kind === 'Detection';
}

function textOf({ kind, name, field, reason }: RuleProblem): string {
  return JSON.stringify([kind, name, field, reason]);
}
