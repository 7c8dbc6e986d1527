import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import type { WireHandler } from '../../base/wire.ts';
import { Inbox, type InboxOptions } from './inbox.ts';
import * as messages from './messages.ts';

/** A source whose bytes the test gives to whoever is its handler. */
function source() {
  let handler: WireHandler | null = null;
  return {
    handle: (next: WireHandler) => {
      handler = next;
    },
    read: (bytes: Buffer | string) => handler!.read(Buffer.from(bytes)),
    end: () => handler!.end(),
    close: (error: Error | null) => handler!.close(error),
  };
}

function inboxOf(changes: Partial<InboxOptions> = {}) {
  const clock = new FakeClock();
  const from = source();
  const inbox = new Inbox(from, { clock, signal: new AbortController().signal, bytesMax: 100, ...changes });
  return { clock, from, inbox };
}

describe('Inbox', () => {
  test('waits for bytes and takes them, however they were cut', async () => {
    const { from, inbox } = inboxOf();
    const wait = inbox.need(5);
    for (const byte of 'hello, world') from.read(byte);
    await wait;
    expect(inbox.peek(5).toString()).toBe('hello');
    expect(inbox.take(7).toString()).toBe('hello, ');
    expect(inbox.take(inbox.bytes).toString()).toBe('world');
    expect(inbox.bytes).toBe(0);
  });

  test('all that is received counts towards the limit, taken or not', async () => {
    const { from, inbox } = inboxOf();
    from.read(Buffer.alloc(100));
    inbox.take(100);
    expect(inbox.failure).toBeNull();
    from.read('x');
    await expect(inbox.need(1)).rejects.toMatchObject({ code: 'postgres.too-much-early-data' });
    expect(inbox.bytes).toBe(0);
  });

  test('what came before the end may still be read', async () => {
    const { from, inbox } = inboxOf();
    from.read('abc');
    from.end();
    from.close(null);
    await inbox.need(3);
    expect(inbox.take(3).toString()).toBe('abc');
    await expect(inbox.need(1)).rejects.toMatchObject({ code: 'postgres.closed' });
  });

  test('a deadline ends a wait, and every later one', async () => {
    const { clock, from, inbox } = inboxOf();
    inbox.deadline(10, 'a test');
    const wait = inbox.need(1);
    clock.advance(10);
    await expect(wait).rejects.toMatchObject({ code: 'base.deadline' });
    from.read('late');
    await expect(inbox.need(1)).rejects.toMatchObject({ code: 'base.deadline' });
  });

  test('rest lifts the deadline', () => {
    const { clock, inbox } = inboxOf();
    inbox.deadline(10, 'a test');
    inbox.rest();
    clock.advance(1000);
    expect(inbox.failure).toBeNull();
  });

  test('the signal ends a wait, and one that has fired already does at once', async () => {
    const abort = new AbortController();
    const { inbox } = inboxOf({ signal: abort.signal });
    const wait = inbox.need(1);
    abort.abort(new Error('stopping'));
    await expect(wait).rejects.toThrow('stopping');
    await expect(inboxOf({ signal: abort.signal }).inbox.need(1)).rejects.toThrow('stopping');
  });

  test('whoever does not wait is told', () => {
    const { from, inbox } = inboxOf();
    const told: Error[] = [];
    inbox.onFailure = (error) => told.push(error);
    from.close(new Error('reset'));
    expect(told).toMatchObject([{ code: 'postgres.closed' }]);
  });

  test('A-PG-09: a message is refused by its header', async () => {
    for (const [length, code] of [
      [3, 'postgres.message-length'],
      [21, 'postgres.message-too-large'],
      [0xffff_ffff, 'postgres.message-too-large'],
    ] as const) {
      const { from, inbox } = inboxOf();
      const header = Buffer.from('Q\0\0\0\0');
      header.writeUInt32BE(length, 1);
      from.read(header);
      await expect(inbox.message(20)).rejects.toMatchObject({ code });
    }
    const { from, inbox } = inboxOf();
    const exact = messages.encodeQuery('x'.repeat(15));
    from.read(exact);
    expect((await inbox.message(20)).buffer).toEqual(exact);
  });

  test('handing over gives the rest, the end, and what comes later', async () => {
    const { from, inbox } = inboxOf();
    from.read('abcdef');
    inbox.take(2);
    from.end();
    const got: string[] = [];
    inbox.handOver({
      read: (chunk) => got.push(chunk.toString()),
      end: () => got.push('end'),
      drain: () => {},
      close: () => got.push('close'),
    });
    from.close(null);
    expect(got).toEqual(['cdef', 'end', 'close']);
    await expect(inbox.need(1)).rejects.toMatchObject({ code: 'postgres.closed' });
  });
});
