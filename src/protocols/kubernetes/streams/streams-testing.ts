/** For the tests of the streams: events as data, and two ends that talk to each other. */

import { createExecStreams } from './channels.ts';
import { createPortForward } from './port-forward.ts';
import type {
  End,
  ExecEvents,
  ExecShape,
  ExecStreams,
  ExecTransport,
  Forward,
  ForwardEvents,
  ForwardTransport,
  Link,
  PortForward,
} from './types.ts';

/** A link that keeps what was written. */
export class Sink implements Link {
  readonly views: Buffer[] = [];
  isEnded = false;
  isFlowing = true;

  write(view: Buffer): boolean {
    if (this.isEnded) throw new Error('written behind the end');
    this.views.push(Buffer.from(view));
    return this.isFlowing;
  }

  end(): void {
    if (this.isEnded) throw new Error('ended twice');
    this.isEnded = true;
  }

  /** All of it, once. */
  take(): Buffer {
    return Buffer.concat(this.views.splice(0));
  }
}

/** Pieces of a text one behind the other are one event. */
function note(log: string[], event: string, text: string): void {
  if (log.at(-1)?.startsWith(`${event} `) === true) log[log.length - 1] += text;
  else log.push(`${event} ${text}`);
}

export function execLog(log: string[]): ExecEvents {
  return {
    ready: () => log.push('ready'),
    data: (channel, view) => note(log, channel, view.toString('latin1')),
    ended: (channel) => log.push(`ended ${channel}`),
    resized: ({ columns, rows }) => log.push(`resized ${columns} ${rows}`),
    status: ({ succeeded, exitCode, message }) => log.push(`status ${succeeded} ${exitCode} ${message}`),
    refused: (channel) => log.push(`refused ${channel}`),
    over: (isClean) => log.push(`over ${isClean}`),
  };
}

export function forwardLog(log: string[], opened: Forward[] = []): ForwardEvents {
  return {
    opened: (forward) => {
      opened.push(forward);
      log.push(`opened ${forward.port} ${forward.requestId}`);
    },
    data: ({ requestId }, view) => note(log, `data ${requestId}`, view.toString('latin1')),
    ended: ({ requestId }) => log.push(`ended ${requestId}`),
    failed: ({ requestId }, text) => log.push(`failed ${requestId} ${text}`),
    closed: ({ requestId, bytesIn, bytesOut }) => log.push(`closed ${requestId} ${bytesIn} ${bytesOut}`),
    over: (isClean) => log.push(`over ${isClean}`),
  };
}

/** Gives bytes in pieces: of one size, or of sizes in turn. */
export function feed(end: Pick<End, 'push'>, bytes: Buffer, sizes: readonly number[]): void {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length]!);
    end.push(bytes.subarray(at, at + size));
    at += size;
  }
}

interface Talking<E extends End> {
  readonly client: E;
  readonly server: E;
  readonly fromClient: string[];
  readonly fromServer: string[];
  readonly clientSink: Sink;
  readonly serverSink: Sink;
  /** Carries bytes both ways until nobody says anything. */
  readonly settle: () => void;
}

function talk<E extends End>(
  make: (role: 'client' | 'server', link: Link, log: string[]) => E,
  sizes: readonly number[],
): Talking<E> {
  const [clientSink, serverSink] = [new Sink(), new Sink()];
  const [fromClient, fromServer]: [string[], string[]] = [[], []];
  const client = make('client', clientSink, fromServer);
  const server = make('server', serverSink, fromClient);
  const settle = (): void => {
    for (;;) {
      const [up, down] = [clientSink.take(), serverSink.take()];
      if (up.length + down.length === 0) return;
      feed(server, up, sizes);
      feed(client, down, sizes);
    }
  };
  return { client, server, fromClient, fromServer, clientSink, serverSink, settle };
}

export function talkExec(
  transport: ExecTransport,
  shape: ExecShape,
  sizes: readonly number[] = [65_536],
): Talking<ExecStreams> {
  return talk((role, link, log) => createExecStreams(role, transport, shape, link, execLog(log)), sizes);
}

export function talkForward(
  transport: ForwardTransport,
  opened: Forward[],
  sizes: readonly number[] = [65_536],
): Talking<PortForward> {
  return talk(
    (role, link, log) => createPortForward(role, transport, link, forwardLog(log, role === 'server' ? opened : [])),
    sizes,
  );
}
