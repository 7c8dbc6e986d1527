/** How far the journal is durable, as another thread sees it. */
import { expect, it } from 'vitest';
import { DurableMark } from './durable.ts';
import { cleanUp, open, temporary } from './fixtures/kit.ts';

it('wakes who waits for more, through the same memory', async () => {
  const mark = new DurableMark();
  const elsewhere = new DurableMark(mark.memory);
  mark.set(3);
  expect(elsewhere.sequence).toBe(3);
  // It moved on already.
  await elsewhere.moved(2);
  const waiting = elsewhere.moved(3);
  mark.set(4);
  await waiting;
  expect(elsewhere.sequence).toBe(4);
  const woken = elsewhere.moved(4);
  mark.wake();
  await woken;
  expect(elsewhere.sequence).toBe(4);
});

it('stands where the journal is durable, from its opening on', async () => {
  const dir = temporary();
  try {
    const first = await open(dir);
    const sequence = first.append({ type: 'gateway.started', version: '1' });
    await first.flush();
    expect(first.durable.sequence).toBe(first.durableSequence);
    expect(first.durable.sequence).toBeGreaterThanOrEqual(sequence);
    await first.close();
    const second = await open(dir);
    expect(second.durable.sequence).toBe(second.durableSequence);
    await second.close();
  } finally {
    cleanUp();
  }
});
