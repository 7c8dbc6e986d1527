/** The transports carry the same: what arrives, in which order, and how it ends, whichever of them is beneath. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { handles, type Transport, transport, useTransport } from './handles.ts';
import { proveHandles } from './handles-proof.ts';
import { auditBorrowing } from './reads.ts';
import { joinBefore, readBytesMax, regionOf } from './regions.ts';
import { SocketWire, type WireHandler } from './wire.ts';

const servers: Server[] = [];
const wires: SocketWire[] = [];

afterEach(() => {
  useTransport('public');
  auditBorrowing(false);
  for (const wire of wires.splice(0)) wire.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** `dialled`: the public interface as the gateway itself connects, which reads into memory that is used again. */
type By = Transport | 'dialled';

/** Two ends: a plain socket for the peer, a wire over the transport under test. */
async function pair(by: By): Promise<{ wire: SocketWire; peer: Socket }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  if (by === 'dialled') {
    const dialling = SocketWire.dial('127.0.0.1', port, AbortSignal.timeout(10_000));
    const [[peer], wire] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, dialling]);
    peer.resume();
    wires.push(wire);
    return { wire, peer };
  }
  const peer = netConnect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const [[accepted]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(peer, 'connect')]);
  const wire = new SocketWire(accepted, by);
  wires.push(wire);
  return { wire, peer };
}

interface Seen {
  bytes: number;
  digest: () => string;
  events: string[];
  handler: WireHandler;
  until: (event: string) => Promise<void>;
}

function watch(options: { borrows?: boolean; onRead?: (chunk: Buffer) => void } = {}): Seen {
  const hash = createHash('sha256');
  const waiting: (() => void)[] = [];
  const note = (event: string): void => {
    seen.events.push(event);
    for (const wake of waiting.splice(0)) wake();
  };
  const seen: Seen = {
    bytes: 0,
    digest: () => hash.copy().digest('hex'),
    events: [],
    handler: {
      ...(options.borrows === true ? { borrows: true } : {}),
      read: (chunk) => {
        seen.bytes += chunk.length;
        hash.update(chunk);
        options.onRead?.(chunk);
        for (const wake of waiting.splice(0)) wake();
      },
      end: () => note('end'),
      drain: () => note('drain'),
      close: (error) => note(error === null ? 'close' : `close ${(error as { code?: string }).code}`),
    },
    until: async (event) => {
      while (!seen.events.some((each) => each.startsWith(event))) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
  return seen;
}

const sha = (...parts: Buffer[]): string => createHash('sha256').update(Buffer.concat(parts)).digest('hex');
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

const ways: readonly By[] = ['public', 'dialled', ...(handles === null ? [] : (['handles'] as const))];

describe.each(ways)('over %s', (by) => {
  test('what arrives before there is a handler waits, and nothing is lost', async () => {
    const { wire, peer } = await pair(by);
    peer.write('first ');
    await settled();
    const seen = watch();
    wire.handle(seen.handler);
    peer.end('second');
    await seen.until('end');
    expect(seen.digest()).toBe(sha(Buffer.from('first second')));
    expect(wire.bytesRead).toBe(12);
  });

  test.each([false, true])('many megabytes arrive unchanged, paused now and then (borrowing: %s)', async (borrows) => {
    const { wire, peer } = await pair(by);
    const sent = randomBytes(5 * 1024 * 1024);
    const seen = watch({
      borrows,
      onRead: () => {
        if (seen.bytes % 3 !== 0) return;
        wire.pause();
        setImmediate(() => wire.resume());
      },
    });
    wire.handle(seen.handler);
    peer.end(sent);
    await seen.until('end');
    expect(seen.digest()).toBe(sha(sent));
  });

  test('a paused wire reads nothing', async () => {
    const { wire, peer } = await pair(by);
    const seen = watch();
    wire.handle(seen.handler);
    peer.write('a');
    while (seen.bytes === 0) await settled();
    wire.pause();
    await settled();
    peer.write(Buffer.alloc(1000));
    await settled();
    expect(seen.bytes).toBe(1);
    wire.resume();
    while (seen.bytes < 1001) await settled();
  });

  test('writing to a peer that does not read ends in false, then drains; end comes behind what is pending', async () => {
    const { wire, peer } = await pair(by);
    peer.pause();
    const seen = watch();
    wire.handle(seen.handler);
    const parts: Buffer[] = [];
    for (let flowing = true; flowing; ) {
      const part = randomBytes(100_000);
      parts.push(part);
      flowing = wire.write(part);
    }
    expect(wire.pendingBytes).toBeGreaterThan(0);
    const last = Buffer.from('goodbye');
    const received: Buffer[] = [];
    peer.on('data', (chunk: Buffer) => received.push(chunk));
    peer.resume();
    await seen.until('drain');
    expect(wire.pendingBytes).toBe(0);
    wire.end(last);
    await once(peer, 'end');
    expect(Buffer.concat(received).equals(Buffer.concat([...parts, last]))).toBe(true);
    peer.end();
    await seen.until('close');
    expect(seen.events).toEqual(['drain', 'end', 'close']);
  });

  test('what was borrowed and is still being written is not read over', async () => {
    const source = await pair(by);
    const sink = await pair(by);
    const sent = randomBytes(24 * 1024 * 1024);
    let regions = 0;
    const seen = watch({
      borrows: true,
      onRead: (chunk) => {
        if (regionOf(chunk) !== null) regions++;
        if (!sink.wire.write(chunk)) source.wire.pause();
      },
    });
    source.wire.handle(seen.handler);
    const drained = watch();
    sink.wire.handle({ ...drained.handler, drain: () => source.wire.resume() });
    const received = createHash('sha256');
    let bytes = 0;
    sink.peer.on('data', (chunk: Buffer) => {
      received.update(chunk);
      bytes += chunk.length;
      // A slow reader, so that writes pend.
      sink.peer.pause();
      setImmediate(() => sink.peer.resume());
    });
    source.peer.end(sent);
    await seen.until('end');
    sink.wire.end();
    await once(sink.peer, 'end');
    expect(bytes).toBe(sent.length);
    expect(received.digest('hex')).toBe(sha(sent));
    if (by !== 'public') expect(regions).toBeGreaterThan(10);
  });

  test('the chunk of a handler that does not borrow stays as it is', async () => {
    const { wire, peer } = await pair(by);
    const kept: Buffer[] = [];
    const seen = watch({ onRead: (chunk) => kept.push(chunk) });
    wire.handle(seen.handler);
    const sent = randomBytes(3 * 1024 * 1024);
    peer.end(sent);
    await seen.until('end');
    expect(Buffer.concat(kept).equals(sent)).toBe(true);
    expect(kept.every((chunk) => regionOf(chunk) === null)).toBe(true);
  });

  test('a handler that stops borrowing in the middle gets chunks of its own', async () => {
    const { wire, peer } = await pair(by);
    const kept: Buffer[] = [];
    const second = watch({ onRead: (chunk) => kept.push(chunk) });
    const sent = randomBytes(4 * 1024 * 1024);
    const first = watch({
      borrows: true,
      onRead: (chunk) => {
        kept.push(Buffer.from(chunk));
        if (first.bytes > 1024 * 1024) wire.handle(second.handler);
      },
    });
    wire.handle(first.handler);
    peer.end(sent);
    await second.until('end');
    expect(Buffer.concat(kept).equals(sent)).toBe(true);
  });

  test('a reset shows as an error of the close, and writing afterwards does nothing', async () => {
    const { wire, peer } = await pair(by);
    const seen = watch();
    wire.handle(seen.handler);
    peer.resetAndDestroy();
    await seen.until('close');
    expect(seen.events).toEqual(['close ECONNRESET']);
    expect(wire.closed).toBe(true);
    expect(wire.write(Buffer.from('x'))).toBe(true);
    wire.pause();
    wire.resume();
  });

  test('destroying while a write pends closes once', async () => {
    const { wire, peer } = await pair(by);
    peer.pause();
    const seen = watch();
    wire.handle(seen.handler);
    while (wire.write(Buffer.alloc(1024 * 1024)));
    wire.destroy();
    wire.write(Buffer.from('x'));
    await seen.until('close');
    await settled();
    expect(seen.events).toEqual(['close']);
  });
});

test.each(ways.filter((by) => by !== 'public'))(
  'an audit shows what was kept of a borrowed chunk, over %s',
  async (by) => {
    auditBorrowing(true);
    const { wire, peer } = await pair(by);
    const kept: Buffer[] = [];
    const seen = watch({ borrows: true, onRead: (chunk) => kept.push(chunk) });
    wire.handle(seen.handler);
    for (const text of ['one', 'two', 'three']) {
      const before = seen.bytes;
      peer.write(text);
      while (seen.bytes < before + text.length) await settled();
    }
    // The first read is what showed that the handler borrows; the region that came of it holds the last two.
    expect(kept.map((chunk) => chunk.toString('latin1'))).toEqual(['one', '\xdd\xdd\xdd', '\xdd'.repeat(5)]);
  },
);

test('the self-test lets the handles be used, and the choice holds for new wires', async () => {
  expect(transport()).toBe('public');
  expect(await proveHandles()).toBe(handles === null ? 'public' : 'handles');
  expect(transport()).toBe(handles === null ? 'public' : 'handles');
});

test.runIf(handles !== null)(
  'a cut message is put before the next read without allocating, up to the headroom',
  async () => {
    const { wire, peer } = await pair('handles');
    const joined: (number | null)[] = [];
    const seen = watch({
      borrows: true,
      onRead: (chunk) => {
        if (regionOf(chunk) === null || joined.length > 0) return;
        const before = Buffer.from(chunk);
        for (const size of [0, 10, 8192, 8193]) {
          const carry = randomBytes(size);
          const view = joinBefore(carry, chunk);
          joined.push(view?.length ?? null);
          if (view !== null) expect(view.equals(Buffer.concat([carry, before]))).toBe(true);
        }
        joined.push(joinBefore(Buffer.alloc(1), chunk.subarray(1))?.length ?? null, chunk.length);
      },
    });
    wire.handle(seen.handler);
    peer.end(Buffer.alloc(4 * 1024 * 1024, 7));
    await seen.until('end');
    const length = joined.at(-1)!;
    expect(length).toBeLessThanOrEqual(readBytesMax);
    expect(joined.slice(0, -1)).toEqual([length, length + 10, length + 8192, null, null]);
    expect(joinBefore(Buffer.alloc(1), Buffer.alloc(5))).toBeNull();
  },
);
