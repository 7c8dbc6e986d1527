/**
 * The state machine under every order of events: actors read, think and write with a compare of versions, as gateways on
 * one store do; a depth-first search runs all interleavings of their reads and writes (A-REV-04, A-REV-05, I7).
 */
import { expect, test } from 'vitest';
import { advance, claim, decide, isOver, type Step, withdraw } from './machine.ts';
import type { Review } from './review.ts';
import { loggedIn, TestDirectory, testReview } from './testing/reviews.ts';

const directory = new TestDirectory();
const nowMs = 1_000;

type Action = (review: Review) => Step | null;

function deciding(name: string, decision: 'approve' | 'deny'): Action {
  return (review) => {
    const rest = { reason: '', how: 'api', nowMs, directory, grantId: null, isRequestable: true };
    const result = decide(review, { principal: loggedIn(name), decision, ...rest });
    return 'step' in result ? result.step : null;
  };
}

function claiming(review: Review): Step | null {
  const result = claim(review, { digest: review.digest, isGranted: true, nowMs, directory });
  return 'execute' in result ? result.execute : result.step;
}

const actions: Readonly<Record<string, Action>> = {
  'dana approves': deciding('dana', 'approve'),
  'dave approves': deciding('dave', 'approve'),
  'dora denies': deciding('dora', 'deny'),
  'one claims': claiming,
  'another claims': claiming,
  'erin withdraws': (review) => withdraw(review, null, nowMs),
  'time runs out': (review) => advance(review, review.expiresAtMs),
};

/** Where one actor stands: before its read, with what it read, or done. */
type At = { readonly read: Review; readonly version: number } | 'before' | 'done';

interface World {
  readonly review: Review;
  readonly version: number;
  readonly executions: number;
  readonly isDenied: boolean;
  readonly actors: readonly At[];
}

/** One actor's next move. */
function move(world: World, names: readonly string[], index: number): World {
  const at = world.actors[index]!;
  const standing = (next: At): readonly At[] => world.actors.map((one, other) => (other === index ? next : one));
  if (at === 'before') return { ...world, actors: standing({ read: world.review, version: world.version }) };
  if (at === 'done') return world;
  const step = actions[names[index]!]!(at.read);
  if (step === null) return { ...world, actors: standing('done') };
  // The conditional UPDATE: another was faster, so it is read again.
  if (at.version !== world.version) return { ...world, actors: standing('before') };
  const { review } = step;
  expect(isOver(world.review), 'a state without outgoing arrow was left').toBe(false);
  const executions = world.executions + (review.state === 'executed' ? 1 : 0);
  const isDenied = world.isDenied || review.state === 'denied';
  expect(executions, 'executed more than once').toBeLessThanOrEqual(1);
  expect(isDenied && review.state === 'executed', 'executed although denied').toBe(false);
  return { review, version: world.version + 1, executions, isDenied, actors: standing('done') };
}

/** Runs all orders; the number of ends that were seen. Worlds that look alike go on alike, and are run once. */
function explore(names: readonly string[], approvals: number): Map<string, number> {
  const ends = new Map<string, number>();
  const seen = new Set<string>();
  const first: World = {
    review: testReview({ approvals }),
    version: 1,
    executions: 0,
    isDenied: false,
    actors: names.map(() => 'before' as const),
  };
  const stack: World[] = [first];
  for (let world = stack.pop(); world !== undefined; world = stack.pop()) {
    const key = JSON.stringify([
      world.review.state,
      world.review.decisions.map(({ principal, decision }) => [principal.name, decision]),
      world.version,
      world.executions,
      world.actors.map((at) => (typeof at === 'string' ? at : [at.version, at.read.state])),
    ]);
    if (seen.has(key)) continue;
    seen.add(key);
    const open = names.map((_, index) => index).filter((index) => world!.actors[index] !== 'done');
    if (open.length === 0) ends.set(world.review.state, (ends.get(world.review.state) ?? 0) + 1);
    for (const index of open) stack.push(move(world, names, index));
  }
  return ends;
}

test.each([1, 2])(
  'with %i approvals, every order ends in at most one execution, and none after a denial',
  (approvals) => {
    const names = Object.keys(actions);
    for (let subset = 1; subset < 1 << names.length; subset++) {
      explore(
        names.filter((_, at) => (subset & (1 << at)) !== 0),
        approvals,
      );
    }
    // Executions do happen: the search is not vacuous.
    expect([...explore(names, approvals).keys()].sort()).toEqual(['denied', 'executed', 'expired', 'withdrawn']);
  },
);

test('where all who decide are done before anyone claims, a denial always wins', () => {
  const ends = explore(['dana approves', 'dave approves', 'dora denies'], 1);
  expect([...ends.keys()]).toEqual(['denied']);
});
