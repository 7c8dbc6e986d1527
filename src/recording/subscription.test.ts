import { afterEach, expect, test } from 'vitest';
import type { Event } from '../core/event.ts';
import { cleanUp, intent, open, temporary, until } from './fixtures/kit.ts';
import { Subscription } from './subscription.ts';

afterEach(cleanUp);

test('A-REC-02: what becomes durable while the files are read does not end the subscription', async () => {
  const dir = temporary();
  const journal = await open(dir);
  for (let command = 1; command <= 3; command++) journal.append(intent('ses_a', command));
  await journal.flush();
  const seen: Event[] = [];
  // Everything up to 3 was read; while the subscription finds that out, the fourth event becomes durable.
  let asked = 0;
  let durable = 3;
  const subscription = new Subscription(
    dir,
    1,
    (events) => void seen.push(...events),
    () => {
      asked++;
      if (asked === 3) {
        journal.append(intent('ses_a', 4));
        durable = 4;
      }
      return durable;
    },
  );
  let failure: unknown = null;
  subscription.ended.catch((error: unknown) => {
    failure = error;
  });
  await until(() => asked >= 3);
  await journal.flush();
  subscription.wake();
  await until(() => seen.length === 4 || failure !== null);
  expect(failure).toBeNull();
  expect(seen.map((event) => event.seq)).toEqual([1, 2, 3, 4]);
  subscription.close();
  await subscription.ended;
  await journal.close();
});
