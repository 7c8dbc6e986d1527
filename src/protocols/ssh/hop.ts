/**
 * A channel of one SSH connection as the wire of the next: what carries the stream to a target behind a jump host.
 *
 * Invariant: back-pressure passes through: a full channel answers false, and drains when its window opens.
 */
import { assert } from '../../base/assert.ts';
import type { Wire, WireHandler } from '../../base/wire.ts';
import type { Resource } from '../../core/resource.ts';
import type { SshChannel } from './transport/index.ts';

/** `onGone` is told when the wire is destroyed, to end the connection that carries it. */
export function wireOverChannel(channel: SshChannel, to: Resource, onGone: () => void): Wire {
  let handler: WireHandler | null = null;
  let isClosed = false;
  const closed = (error: Error | null): void => {
    if (isClosed) return;
    isClosed = true;
    handler?.close(error);
    onGone();
  };
  const noTls = (): Promise<void> => {
    assert(false, 'TLS on a channel');
    return Promise.resolve();
  };
  return {
    remoteAddress: to.host,
    remotePort: to.port,
    get bytesRead() {
      return channel.bytesRead;
    },
    get bytesWritten() {
      return channel.bytesWritten;
    },
    get pendingBytes() {
      return channel.pendingBytes;
    },
    tls: null,
    get closed() {
      return isClosed;
    },
    handle: (next) => {
      const isFirst = handler === null;
      handler = next;
      if (!isFirst) return;
      channel.handle({
        read: (view) => handler?.read(view),
        end: () => handler?.end(),
        drain: () => handler?.drain(),
        close: () => closed(null),
      });
    },
    write: (view) => channel.write(view),
    pause: () => channel.pause(),
    resume: () => channel.resume(),
    end: (last) => {
      if (last !== undefined) channel.write(last);
      channel.eof();
    },
    destroy: (error) => {
      channel.destroy();
      closed(error ?? null);
    },
    startServerTls: noTls,
    startClientTls: noTls,
  };
}
