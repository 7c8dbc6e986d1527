/**
 * The self-test of the `handles` transport, at start: bytes must pass through it unchanged in this very process, small
 * and large, held up and let go, to an orderly end. Only then new wires use it.
 *
 * Deliberately absent: a second try. Whatever is wrong, the public interface carries everything.
 */
import { createHash } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { type Clock, systemClock } from './clock.ts';
import { withDeadline } from './deadline.ts';
import { handles, type Transport, useTransport } from './handles.ts';
import { SocketWire } from './wire.ts';

const proofDeadlineMs = 3_000;

/** More than the kernel buffers of a loopback connection, so that writes pend and drain. */
const proofBytes = 12 * 1024 * 1024;
const pieceBytes = 60_000;

/** Tries the `handles` transport and lets new wires use it if it works. What they use from now on. Never rejects. */
export async function proveHandles(clock: Clock = systemClock): Promise<Transport> {
  let works = false;
  if (handles !== null) {
    const open: { destroy(): void }[] = [];
    try {
      works = await withDeadline(prove(open), proofDeadlineMs, 'the self-test of the transport', clock);
    } catch {
      works = false;
    }
    for (const each of open) each.destroy();
  }
  useTransport(works ? 'handles' : 'public');
  return works ? 'handles' : 'public';
}

/** What it opens goes to `open`, to be destroyed whatever comes of it. */
async function prove(open: { destroy(): void }[]): Promise<boolean> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  open.push({ destroy: () => server.close() });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') return false;
  const accepting = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const socket = connect({ host: '127.0.0.1', port: address.port, allowHalfOpen: true });
  open.push(socket);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const near = new SocketWire(socket, 'handles');
  const far = new SocketWire(await accepting, 'handles');
  open.push(near, far);
  return (await send(near, far, 3, 10, false)) && (await send(far, near, proofBytes / pieceBytes, pieceBytes, true));
}

/** Sends `pieces` from one wire to the other and ends; whether exactly that arrived. */
async function send(from: SocketWire, to: SocketWire, pieces: number, bytes: number, borrows: boolean) {
  const sent = createHash('sha256');
  const received = createHash('sha256');
  const arrived = new Promise<boolean>((resolve) => {
    to.handle({
      borrows,
      read: (chunk) => {
        received.update(chunk);
        // Each read holds the next one up for a turn.
        to.pause();
        setImmediate(() => to.resume());
      },
      end: () => resolve(true),
      drain: () => undefined,
      close: () => resolve(false),
    });
  });
  await new Promise<void>((resolve) => {
    let left = Math.floor(pieces);
    const feed = (): void => {
      for (; left > 0; left--) {
        const piece = Buffer.alloc(bytes, left);
        piece.writeUInt32BE(left);
        sent.update(piece);
        if (!from.write(piece)) {
          left--;
          return;
        }
      }
      from.end();
      resolve();
    };
    from.handle({ read: () => undefined, end: () => undefined, drain: feed, close: () => resolve() });
    feed();
  });
  return (await arrived) && sent.digest('hex') === received.digest('hex') && from.pendingBytes === 0;
}
