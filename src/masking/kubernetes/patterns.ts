/** Patterns of places put together: where an object stands, and which of its places a pattern can mean. */
import type { FieldPattern } from '../http/pointers.ts';

type Step = FieldPattern['steps'][number];

/** Names as `core/kubernetes-places.ts` has them, as steps. */
export function stepsOf(place: readonly string[]): readonly Step[] {
  return place.map((name) => (name === '*' ? '*' : { name: name.toLowerCase() }));
}

export function below(place: readonly string[], { steps }: FieldPattern): FieldPattern {
  return { steps: [...stepsOf(place), ...steps] };
}

/** What both mean, as patterns: of `/**` + `/password` and `data/*` it is `data/password`. `place` has no `**`. */
export function common(pattern: readonly Step[], place: readonly Step[]): readonly FieldPattern[] {
  return meet(pattern, place).map((steps) => ({ steps }));
}

function meet(pattern: readonly Step[], place: readonly Step[]): readonly (readonly Step[])[] {
  const [step, ...rest] = pattern;
  const [at, ...further] = place;
  if (at === undefined) return pattern.every((one) => one === '**') ? [[]] : [];
  if (step === undefined) return [];
  const met = (one: Step, left: readonly Step[]): readonly (readonly Step[])[] =>
    meet(left, further).map((steps) => [one, ...steps]);
  if (step === '**') return [...meet(rest, place), ...met(at, pattern)];
  if (step === '*') return met(at, rest);
  if (at === '*') return met(step, rest);
  return at === '**' || step.name !== at.name ? [] : met(step, rest);
}
