import { expect, test } from 'vitest';
import type { Wire, WireHandler } from './wire.ts';
import { pairPendingBytesMax, wirePair } from './wire-pair.ts';

/** What a handler heard, in order. */
function heard(wire: Wire): { readonly log: string[]; readonly read: () => Buffer } {
  const log: string[] = [];
  const chunks: Buffer[] = [];
  const handler: WireHandler = {
    read: (chunk) => {
      chunks.push(chunk);
      log.push('read');
    },
    end: () => log.push('end'),
    drain: () => log.push('drain'),
    close: (error) => log.push(error === null ? 'close' : 'failed'),
  };
  wire.handle(handler);
  return { log, read: () => Buffer.concat(chunks) };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('bytes arrive in order, in a later turn, both ways', async () => {
  const [a, b] = wirePair('192.0.2.1');
  const [left, right] = [heard(a), heard(b)];
  expect(a.remoteAddress).toBe('192.0.2.1');
  const view = Buffer.from('one');
  a.write(view);
  view.fill('x');
  a.write(Buffer.from(' two'));
  b.write(Buffer.from('back'));
  expect(right.log).toEqual([]);
  await turns();
  expect(right.read().toString()).toBe('one two');
  expect(left.read().toString()).toBe('back');
  expect([a.bytesWritten, a.bytesRead]).toEqual([7, 4]);
});

test('what is written before anybody listens waits', async () => {
  const [a, b] = wirePair('');
  a.write(Buffer.from('early'));
  a.end();
  await turns();
  const right = heard(b);
  await turns();
  expect(right.read().toString()).toBe('early');
  expect(right.log).toEqual(['read', 'end']);
});

test('a peer that does not take it stops the writer at the bound, and not below it', async () => {
  const [a, b] = wirePair('');
  const [left, right] = [heard(a), heard(b)];
  b.pause();
  expect(a.write(Buffer.alloc(pairPendingBytesMax - 1))).toBe(true);
  expect(a.write(Buffer.alloc(1))).toBe(false);
  expect(a.pendingBytes).toBe(pairPendingBytesMax);
  await turns();
  expect(right.log).toEqual([]);
  b.resume();
  await turns();
  expect(left.log).toEqual(['drain']);
  expect(right.read().length).toBe(pairPendingBytesMax);
});

test('frozen, it reads nothing, whatever pause and resume say', async () => {
  const [a, b] = wirePair('');
  const right = heard(b);
  b.freeze?.(true);
  b.resume();
  a.write(Buffer.from('x'));
  await turns();
  expect(right.log).toEqual([]);
  b.freeze?.(false);
  await turns();
  expect(right.log).toEqual(['read']);
});

test('both ends closed, it is over; and each heard of it once, last', async () => {
  const [a, b] = wirePair('');
  const [left, right] = [heard(a), heard(b)];
  a.end(Buffer.from('bye'));
  await turns();
  expect(right.log).toEqual(['read', 'end']);
  b.end();
  await turns();
  expect(left.log).toEqual(['end', 'close']);
  expect(right.log).toEqual(['read', 'end', 'close']);
  expect([a.closed, b.closed]).toEqual([true, true]);
});

test('destroyed, the other end has what was written before, and is over, too', async () => {
  const [a, b] = wirePair('');
  const [left, right] = [heard(a), heard(b)];
  a.write(Buffer.from('last'));
  a.destroy(new Error('gone'));
  a.write(Buffer.from('never'));
  await turns();
  expect(left.log).toEqual(['failed']);
  expect(right.log).toEqual(['read', 'end', 'close']);
  expect(right.read().toString()).toBe('last');
});
