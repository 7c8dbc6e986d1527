/**
 * Places in the objects of requests: JSON pointers (RFC 6901) where `*` stands for any one name or index and `**` for any run
 * of them, and `pointer=value`: `/spec/hostNetwork=true`, `/**\/securityContext/privileged=true`.
 *
 * Invariants:
 * - Names and values compare without regard to case; a number compares as a number, however it is spelled.
 * - A change of a JSON patch is looked at where it is to stand, and what lies below it too. Indexes in a patch are none of
 *   the object's, so there any index is meant by any other.
 * - What of an object was not read may be anything: `perhaps` for each place at, below or above which it stands.
 * - Each value of a body is visited once for each pattern, with all ways in which it can have come to be there.
 */
import type { KubernetesBody, KubernetesMeaning, KubernetesPart } from '../core/kubernetes.ts';
import type { Fields } from './fields.ts';
import { either, type Finding, no, perhaps, yes } from './finding.ts';
import { compileName, type NameTest } from './glob.ts';
import { readPlace, segmentTest, textOf, type ValueTest } from './http-body.ts';
import * as limits from './limits.ts';

type Step = { readonly is: NameTest; readonly isExact: boolean; readonly isIndex: boolean } | '**';

interface Place {
  readonly steps: readonly Step[];
  /** Null: whatever it is. */
  readonly value: ValueTest | null;
}

export type KubernetesTest = (kubernetes: KubernetesMeaning) => Finding;

export function compileObjectFields(fields: Fields, path: string, patterns: readonly string[]): KubernetesTest {
  const places = patterns.map((pattern, index): Place => {
    const { segments, value } = readPlace(
      fields,
      `${path}[${index}]`,
      pattern,
      '/spec/hostNetwork, or /spec/hostNetwork=true',
    );
    if (segments.length > limits.objectFieldStepsMax) {
      throw fields.fault(`${path}[${index}]`, `this has more than ${limits.objectFieldStepsMax} steps`);
    }
    return {
      steps: segments.map((segment) => {
        return segment === '**'
          ? '**'
          : { is: segmentTest(segment), isExact: !segment.includes('*'), isIndex: /^\d+$/.test(segment) };
      }),
      value,
    };
  });
  return ({ body }) => places.reduce<Finding>((sum, place) => either(sum, findIn(body, place)), no);
}

function findIn(body: KubernetesBody, place: Place): Finding {
  if (body.kind === 'none') return no;
  if (body.kind === 'unread') return perhaps;
  let found: Finding = no;
  for (const part of body.parts) found = either(found, findInPart(part, place, body.patch !== null));
  return found;
}

/** Positions in the steps that a way down may have come to: after `**` several. */
type Positions = ReadonlySet<number>;

function begun(place: Place, positions: Iterable<number>): Positions {
  const all = new Set<number>();
  for (let position of positions) {
    for (all.add(position); place.steps[position] === '**'; ) all.add(++position);
  }
  return all;
}

function moved(place: Place, positions: Positions, name: string, isAnyIndex: boolean): Positions {
  const next: number[] = [];
  const lower = name.toLowerCase();
  for (const position of positions) {
    const step = place.steps[position];
    if (step === undefined) continue;
    if (step === '**') next.push(position);
    else if (step.is(lower) || (isAnyIndex && step.isIndex && /^(?:\d+|-)$/.test(name))) next.push(position + 1);
  }
  return begun(place, next);
}

function findInPart({ at, value, known }: KubernetesPart, place: Place, isPatch: boolean): Finding {
  let positions = begun(place, [0]);
  for (const name of at) {
    // Whoever changes a part changes the whole.
    if (place.value === null && positions.has(place.steps.length)) return yes;
    positions = moved(place, positions, name, isPatch);
    if (positions.size === 0) return no;
  }
  // What a place names is changed with what lies below it, but its own value is not this one.
  if (known === undefined) return isIn(value, place, positions, isPatch) ? yes : no;
  if (isIn(value, place, positions, isPatch) && known.length > 0) return yes;
  return mayBeUnknown(place, positions, known, isPatch) ? perhaps : no;
}

function isIn(value: unknown, place: Place, positions: Positions, isPatch: boolean): boolean {
  if (positions.has(place.steps.length) && (place.value === null || place.value(textOf(value)))) return true;
  if (typeof value !== 'object' || value === null) return false;
  const isAnyIndex = isPatch && Array.isArray(value);
  for (const [name, member] of Object.entries(value)) {
    const next = moved(place, positions, name, isAnyIndex);
    if (next.size > 0 && isIn(member, place, next, isPatch)) return true;
  }
  return false;
}

/** Whether the pattern may lead anywhere but into what is known. */
function mayBeUnknown(
  place: Place,
  positions: Positions,
  known: readonly (readonly string[])[],
  isPatch: boolean,
): boolean {
  if (known.length === 0 || known.some((one) => one.length === 0)) return known.length === 0;
  for (const position of positions) {
    const step = place.steps[position];
    // The whole, or anything within it: more than is known.
    if (step === undefined || step === '**') return true;
    const below = known.filter(([name]) => name !== undefined && step.is(name.toLowerCase()));
    // A name with stars leads to others, too.
    if (below.length === 0 || !step.isExact) return true;
    for (const [name = '', ...rest] of below) {
      const same = below.filter(([one]) => one === name).map(([, ...more]) => more);
      if (rest.length === 0) continue;
      if (mayBeUnknown(place, moved(place, new Set([position]), name, isPatch), same, isPatch)) return true;
    }
  }
  return false;
}

/** Labels of the object that the body says, all of which must be there. */
export function compileObjectLabels(labels: readonly (readonly [string, string])[]): KubernetesTest {
  const tests = labels.map(([name, value]) => ({ name, is: compileName(value) }));
  return ({ body, isResourceRequest, verb }) => {
    if (!isResourceRequest) return no;
    if (body.kind !== 'read' || body.patch !== null || !['create', 'update'].includes(verb)) return perhaps;
    const finds = body.parts.map(({ value }): Finding => {
      const meta = (value as { readonly metadata?: unknown } | null)?.metadata;
      const given = ((meta as { readonly labels?: unknown } | null | undefined)?.labels ?? {}) as Record<
        string,
        unknown
      >;
      return tests.every(({ name, is }) => Object.hasOwn(given, name) && is(String(given[name]).toLowerCase()))
        ? yes
        : no;
    });
    return finds.reduce<Finding>((sum, one) => either(sum, one), no);
  };
}
