import { afterEach, expect, test } from 'vitest';
import type { Event } from '../core/event.ts';
import { cleanUp, ended, eventsOf, intent, open, random, seed, temporary, until } from './fixtures/kit.ts';
import * as limits from './limits.ts';
import { Subscription } from './subscription.ts';

afterEach(cleanUp);

test('what becomes durable while the files are read does not end the subscription', async () => {
  const dir = temporary();
  const journal = await open(dir);
  for (let command = 1; command <= 4; command++) journal.append(intent('ses_a', command));
  await journal.flush();
  await journal.close();
  const seen: Event[] = [];
  // Everything up to 3 was read; while the subscription finds out that this is all, the fourth event becomes durable.
  let asked = 0;
  const subscription = new Subscription(
    dir,
    1,
    (events) => void seen.push(...events),
    () => (seen.length < 3 || ++asked === 1 ? 3 : 4),
  );
  let failure: unknown = null;
  subscription.ended.catch((error: unknown) => {
    failure = error;
  });
  await until(() => seen.length === 4 || failure !== null);
  expect(failure).toBeNull();
  expect(seen.map((event) => event.seq)).toEqual([1, 2, 3, 4]);
  subscription.close();
  await subscription.ended;
});

test('a wanted event behind unwanted ones, in the file and not yet durable, does not end the subscription', async () => {
  const dir = temporary();
  const journal = await open(dir);
  for (let command = 1; command <= 3; command++) journal.append(intent('ses_a', command));
  journal.append(ended('ses_a'));
  await journal.flush();
  await journal.close();
  const seen: Event[] = [];
  let asked = 0;
  const subscription = new Subscription(
    dir,
    1,
    (events) => void seen.push(...events),
    () => (++asked <= 2 ? 2 : 4),
    ['session.ended'],
  );
  let failure: unknown = null;
  subscription.ended.catch((error: unknown) => {
    failure = error;
  });
  await until(() => asked >= 2 || failure !== null);
  subscription.wake();
  await until(() => seen.length === 1 || failure !== null);
  expect(failure).toBeNull();
  expect(seen.map((event) => event.seq)).toEqual([4]);
  subscription.close();
  await subscription.ended;
});

test('many who follow get every event once and in order, whatever they want, whenever they came, however slow', async () => {
  const next = random(seed);
  const dir = temporary();
  const journal = await open(dir, { segmentBytes: 50_000 });
  const types = [null, null, ['session.ended'], null, ['command.intent', 'session.ended'], null] as const;
  const followers = types.map((wanted) => ({ wanted, seen: [] as Event[], subscription: null as Subscription | null }));
  const begin = (index: number): void => {
    const follower = followers[index]!;
    // One is slow for a while, and falls behind what is shared.
    const handler = async (events: readonly Event[]): Promise<void> => {
      if (index === 3 && follower.seen.length < 3000) await new Promise((resolve) => setTimeout(resolve, 60));
      follower.seen.push(...events);
    };
    follower.subscription = journal.subscribe(1, handler, follower.wanted);
  };
  let written = 0;
  const write = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      written++;
      journal.append(next() < 0.1 ? ended(`ses_${written}`) : intent('ses_a', written));
    }
    await journal.flush();
  };
  for (const index of [0, 1, 2, 3]) begin(index);
  for (let round = 0; round < 60; round++) {
    if (round === 20) begin(4);
    if (round === 40) begin(5);
    if (round === 50) followers[0]!.subscription!.close();
    await write(Math.ceil(next() * 400));
    if (next() < 0.5) await new Promise((resolve) => setTimeout(resolve, next() * 60));
  }
  await until(() => followers.slice(1).every(({ subscription }) => subscription!.next > journal.durableSequence));
  const all = await eventsOf(dir);
  expect(all).toHaveLength(written);
  for (const [index, { wanted, seen }] of followers.entries()) {
    const expected = all.filter(({ type }) => wanted === null || (wanted as readonly string[]).includes(type));
    expect(seen, `follower ${index}, seed ${seed}`).toEqual(index === 0 ? expected.slice(0, seen.length) : expected);
  }
  await journal.close();
});

test('those at the end share what was read; what is shared is bounded', async () => {
  const journal = await open(temporary());
  const seen: Event[][] = [[], []];
  const subscriptions = seen.map((events) => journal.subscribe(1, (more) => void events.push(...more)));
  journal.append(intent('ses_a', 1));
  await journal.flush();
  await until(() => subscriptions.every(({ next }) => next === 2));
  // Both have come to the end and sleep there.
  await new Promise((resolve) => setTimeout(resolve, 4 * limits.subscriptionDelayMs));
  for (let command = 2; command <= 3 * limits.recentEventsMax; command++) journal.append(intent('ses_a', command));
  await journal.flush();
  await until(() => subscriptions.every(({ next }) => next > journal.durableSequence));
  expect(seen[0]).toHaveLength(3 * limits.recentEventsMax);
  expect(seen[0]!.slice(1).every((event, index) => event === seen[1]![index + 1])).toBe(true);
  await journal.close();
});
