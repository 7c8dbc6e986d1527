import { describe, expect, test } from 'vitest';
import { Together } from './together.ts';

/** Reads that the test answers, in the order in which they began. */
function asked() {
  const reads: PromiseWithResolvers<string>[] = [];
  const ask = (): Promise<string> => {
    const read = Promise.withResolvers<string>();
    reads.push(read);
    return read.promise;
  };
  return { reads, ask };
}

/** Everything that is due by now has happened. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('reads of the same thing', () => {
  test('who asks while one runs waits for the next, which all of them share', async () => {
    const together = new Together<string>();
    const { reads, ask } = asked();
    const first = together.read('a', ask);
    const second = together.read('a', ask);
    const third = together.read('a', ask);
    expect(reads).toHaveLength(1);
    reads[0]!.resolve('before');
    expect(await first).toBe('before');
    await settled();
    expect(reads).toHaveLength(2);
    // Begun after both had asked; who comes now is not answered by it.
    const fourth = together.read('a', ask);
    reads[1]!.resolve('after');
    expect(await Promise.all([second, third])).toEqual(['after', 'after']);
    await settled();
    expect(reads).toHaveLength(3);
    reads[2]!.resolve('last');
    expect(await fourth).toBe('last');
    await settled();
    expect(together.size).toBe(0);
  });

  test('a change between two answers is seen by whoever asked after it', async () => {
    const together = new Together<string>();
    let value = 'old';
    const gate = Promise.withResolvers<void>();
    const first = together.read('a', async () => {
      const read = value;
      await gate.promise;
      return read;
    });
    value = 'new';
    const second = together.read('a', async () => value);
    gate.resolve();
    expect(await first).toBe('old');
    expect(await second).toBe('new');
  });

  test('a failure is told to those alone who waited for that read', async () => {
    const together = new Together<string>();
    const { reads, ask } = asked();
    const first = together.read('a', ask);
    const second = together.read('a', ask);
    reads[0]!.reject(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    await settled();
    reads[1]!.resolve('back');
    expect(await second).toBe('back');
    await settled();
    expect(together.size).toBe(0);
  });

  test('different things do not wait for each other', async () => {
    const together = new Together<string>();
    const { reads, ask } = asked();
    const one = together.read('a', ask);
    const other = together.read('b', ask);
    expect(reads).toHaveLength(2);
    reads[1]!.resolve('b');
    expect(await other).toBe('b');
    reads[0]!.resolve('a');
    expect(await one).toBe('a');
  });
});
