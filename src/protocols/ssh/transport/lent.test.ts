/** Bulk data through both ends in memory that is used again: unchanged, whoever is slow, and whether or not it is kept. */
import { createHash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import { auditBorrowing } from '../../../base/reads.ts';
import { SocketWire } from '../../../base/wire.ts';
import { connectSsh, type SshChannel, type SshClientConnection } from './index.ts';
import { byAnything, startTestServer } from './transport-testing.ts';

afterEach(() => auditBorrowing(false));

const bytes = 8_000_000;

async function connect(port: number): Promise<SshClientConnection> {
  const wire = await SocketWire.dial('127.0.0.1', port, AbortSignal.timeout(10_000));
  return connectSsh(wire, {
    user: 'engineer',
    credentials: [{ method: 'password', password: 'any' }],
    verifyHostKey: () => true,
    handler: {
      open: (_open, answer) => answer.reject(1, 'not here'),
      globalRequest: (_request, reply) => reply.reject(),
      close: () => {},
    },
    clock: systemClock,
    log: silentLog,
  });
}

function digest(pieces: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** Sends `content` in pieces of odd sizes as fast as the channel takes them. Answers how to go on at a drain. */
function sendAll(channel: SshChannel, content: Buffer): () => void {
  let at = 0;
  let isEnded = false;
  return () => {
    while (at < content.length) {
      const piece = content.subarray(at, at + 50_001);
      at += piece.length;
      if (!channel.write(piece)) return;
    }
    if (!isEnded) channel.eof();
    isEnded = true;
  };
}

describe.each([true, false])('who reads borrows: %s', (borrows) => {
  test.each([0, 1, 7])('there and back, with a reader that pauses after every %i pieces', async (pauseEvery) => {
    auditBorrowing(true);
    const content = randomBytes(bytes);
    const server = await startTestServer({
      authenticate: byAnything,
      exec: (_command, channel) => {
        // Echo without copying: what is read goes to `write`, and waits there while the client is slow.
        channel.handle({
          borrows,
          read: (view) => {
            if (!channel.write(view)) channel.pause();
          },
          drain: () => channel.resume(),
          end: () => channel.close(),
          close: () => {},
        });
        return true;
      },
    });
    try {
      const connection = await connect(server.port);
      const channel = await connection.open({ kind: 'session' });
      const kept: Buffer[] = [];
      const over = new Promise<void>((resolve) => {
        let reads = 0;
        const go = sendAll(channel, content);
        channel.handle({
          borrows,
          // Who does not borrow keeps what it is given.
          read: (view) => {
            kept.push(borrows ? Buffer.from(view) : view);
            if (pauseEvery === 0 || ++reads % pauseEvery !== 0) return;
            channel.pause();
            setImmediate(() => channel.resume());
          },
          drain: go,
          end: () => {},
          close: () => resolve(),
        });
        void channel.request({ kind: 'exec', command: Buffer.from('echo') }).then(go);
      });
      await over;
      expect(digest(kept)).toBe(digest([content]));
      connection.disconnect('done');
    } finally {
      await server.stop();
    }
  });
});
