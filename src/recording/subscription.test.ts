import { afterEach, expect, test } from 'vitest';
import type { Event } from '../core/event.ts';
import { cleanUp, ended, intent, open, temporary, until } from './fixtures/kit.ts';
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
