/** Who comes next, where several threads ask the embedded engine: by turns, alone within a transaction, nothing left open behind. */
import { expect, it } from 'vitest';
import { type Effect, EmbeddedTurns } from './embedded-turns.ts';

interface Message {
  readonly name: string;
  readonly effect?: Effect;
}

function kit() {
  const done: string[] = [];
  const failures: unknown[] = [];
  const turns = new EmbeddedTurns<Message>((error) => void failures.push(error));
  let let1Go = (): void => {};
  /** The first statement is slow: what is asked meanwhile waits. */
  const slow = new Promise<void>((resolve) => {
    let1Go = resolve;
  });
  const add = (asker: string) =>
    turns.add({
      handle: async ({ name, effect = 'none' }) => {
        if (name === 'slow') await slow;
        if (name === 'fatal') throw new Error('fatal');
        done.push(`${asker} ${name}`);
        return effect;
      },
      rollBack: async () => void done.push(`${asker} rollback`),
    });
  return { done, failures, add, goOn: () => let1Go() };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

it('takes turns, each in order', async () => {
  const { done, add, goOn } = kit();
  const [a, b] = [add('a'), add('b')];
  a.ask({ name: 'slow' });
  for (const name of ['1', '2', '3']) a.ask({ name });
  for (const name of ['1', '2']) b.ask({ name });
  expect(done).toEqual([]);
  goOn();
  await settle();
  expect(done).toEqual(['a slow', 'b 1', 'a 1', 'b 2', 'a 2', 'a 3']);
});

it('leaves a transaction alone until it is over, however long others wait', async () => {
  const { done, add } = kit();
  const [a, b] = [add('a'), add('b')];
  a.ask({ name: 'begin', effect: 'begun' });
  await settle();
  b.ask({ name: '1' });
  await settle();
  a.ask({ name: 'insert' });
  await settle();
  expect(done).toEqual(['a begin', 'a insert']);
  a.ask({ name: 'commit', effect: 'ended' });
  await settle();
  expect(done).toEqual(['a begin', 'a insert', 'a commit', 'b 1']);
});

it('undoes what an asker left open that is gone, and forgets what it still asked', async () => {
  const { done, add, goOn } = kit();
  const [a, b] = [add('a'), add('b')];
  a.ask({ name: 'begin', effect: 'begun' });
  a.ask({ name: 'slow' });
  a.ask({ name: 'never' });
  b.ask({ name: '1' });
  await settle();
  a.leave();
  goOn();
  await settle();
  expect(done).toEqual(['a begin', 'a slow', 'a rollback', 'b 1']);
});

it('says once that it cannot go on, and handles nothing more', async () => {
  const { done, failures, add } = kit();
  const [a, b] = [add('a'), add('b')];
  a.ask({ name: 'fatal' });
  await settle();
  b.ask({ name: '1' });
  a.ask({ name: 'fatal' });
  await settle();
  expect(done).toEqual([]);
  expect(failures).toHaveLength(1);
});
