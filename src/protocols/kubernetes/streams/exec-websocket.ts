/**
 * A remote command over WebSocket: each message begins with the number of its channel.
 *
 *     0 stdin   1 stdout   2 stderr   3 error   4 resize   255 n: the client writes no more of channel n (v5 only)
 *
 * In `base64.` protocols a message is a text: the number as a digit, then base64. In the others it is binary; a text there
 * is taken as its bytes, since servers take it and clients send it (the Python client's `write_stdin`).
 *
 * Invariants: a message of a channel that does not exist is an error; one against its direction, or of a channel that was
 * not asked for, is dropped; content of long messages goes on in pieces, all else is put together within limits.
 *
 * Source: apimachinery util/httpstream/wsstream conn.go; client-go tools/remotecommand websocket.go; kubelet
 * cri/streaming/remotecommand websocket.go.
 */
import { streamErrors } from './errors.ts';
import { encodeSize, encodeStatus, SizeReader, type StatusForm, StatusReader } from './exec-parts.ts';
import * as limits from './limits.ts';
import type {
  DataChannel,
  ExecEvents,
  ExecShape,
  ExecStatus,
  ExecStreams,
  ExecTransport,
  Link,
  Role,
  TerminalSize,
} from './types.ts';
import { WebSocketChannels } from './websocket-channels.ts';

const numbers = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;
const names = ['stdin', 'stdout', 'stderr', 'error', 'resize'] as const;
const closeNumber = 255;

export class ExecOverWebSocket implements ExecStreams {
  readonly role: Role;
  readonly transport: ExecTransport & { readonly kind: 'websocket' };
  readonly canEndStdin: boolean;
  isReady = false;
  readonly #events: ExecEvents;
  readonly #shape: ExecShape;
  readonly #channels: WebSocketChannels;
  readonly #form: StatusForm;
  readonly #status: StatusReader;
  readonly #sizes = new SizeReader();
  readonly #ended = new Set<DataChannel>();
  readonly #endedHere = new Set<DataChannel>();
  #closing: Buffer | null = null;
  #hasStatus = false;
  #isOver = false;

  constructor(
    role: Role,
    transport: ExecTransport & { readonly kind: 'websocket' },
    shape: ExecShape,
    link: Link,
    events: ExecEvents,
  ) {
    const { protocol } = transport;
    this.role = role;
    this.transport = transport;
    this.canEndStdin = protocol === 'v5.channel.k8s.io';
    this.#events = events;
    this.#shape = { ...shape, stderr: shape.stderr && !shape.tty };
    this.#form = protocol === 'channel.k8s.io' || protocol === 'base64.channel.k8s.io' ? 'text' : 'object';
    this.#status = new StatusReader(this.#form);
    const isBase64 = protocol === 'base64.channel.k8s.io' || protocol === 'v4.base64.channel.k8s.io';
    this.#channels = new WebSocketChannels(role, isBase64, link, {
      piece: (channel, content, isLast) => this.#piece(channel, content, isLast),
      over: (isClean) => this.#over(isClean),
    });
  }

  start(): void {
    this.isReady = true;
    // A kubelet tells so that it is there; clients wait for it.
    if (this.role === 'server') {
      const { stdout, stderr } = this.#shape;
      this.#channels.write(stdout ? numbers.stdout : stderr ? numbers.stderr : numbers.error, Buffer.alloc(0));
    }
    this.#events.ready();
  }

  push(view: Buffer): void {
    this.#channels.push(view);
  }

  finish(): void {
    this.#channels.finish();
  }

  close(): void {
    this.#isOver = true;
    this.#channels.close();
  }

  write(channel: DataChannel, view: Buffer): boolean {
    const isOurs = (channel === 'stdin') === (this.role === 'client');
    if (this.#isOver || !isOurs || !this.#shape[channel] || this.#endedHere.has(channel)) return true;
    let isFlowing = true;
    for (let at = 0; at < view.length; at += limits.dataFrameBytesMax) {
      isFlowing = this.#channels.write(numbers[channel], view.subarray(at, at + limits.dataFrameBytesMax));
    }
    return isFlowing;
  }

  end(channel: DataChannel): boolean {
    if (channel !== 'stdin' || this.role === 'server' || !this.canEndStdin) return false;
    if (this.#isOver || this.#endedHere.has(channel) || !this.#shape.stdin) return true;
    this.#endedHere.add(channel);
    this.#channels.write(closeNumber, Buffer.from([numbers.stdin]));
    return true;
  }

  resize(size: TerminalSize): boolean {
    if (this.role !== 'client' || !this.#shape.tty || this.#isOver) return true;
    return this.#channels.write(numbers.resize, encodeSize(size));
  }

  writeStatus(status: ExecStatus): boolean {
    if (this.role !== 'server' || this.#hasStatus || this.#isOver) return true;
    this.#hasStatus = true;
    const bytes = encodeStatus(status, this.#form);
    return bytes.length === 0 || this.#channels.write(numbers.error, bytes);
  }

  #piece(channel: number, content: Buffer, isLast: boolean): void {
    if (this.#isOver) return;
    if (channel === closeNumber && this.canEndStdin) {
      this.#closed(content, isLast);
      return;
    }
    const name = names[channel];
    if (name === undefined) throw broken('a message of a channel that does not exist');
    if (this.role === 'server') {
      if (name === 'resize' && this.#shape.tty) {
        for (const size of this.#sizes.push(content)) this.#events.resized(size);
      } else if (name === 'stdin') this.#data('stdin', content);
      return;
    }
    if (name === 'stdout' || name === 'stderr') this.#data(name, content);
    else if (name === 'error' && !this.#hasStatus) {
      this.#status.push(content);
      const status = isLast ? this.#status.early() : null;
      if (status !== null) this.#tell(status);
    }
  }

  #data(channel: DataChannel, content: Buffer): void {
    if (content.length === 0 || !this.#shape[channel] || this.#ended.has(channel)) return;
    this.#events.data(channel, content);
  }

  /** A signal that a channel is closed: its number, and nothing else. */
  #closed(content: Buffer, isLast: boolean): void {
    this.#closing = this.#closing === null ? content : Buffer.concat([this.#closing, content]);
    if (this.#closing.length > 1 || (isLast && this.#closing.length === 0)) throw broken('a half-close of nothing');
    if (!isLast) return;
    const name = names[this.#closing[0]!];
    this.#closing = null;
    if (name === undefined) throw broken('a half-close of a channel that does not exist');
    const isTheirs = this.role === 'server' ? name === 'stdin' : name === 'stdout' || name === 'stderr';
    if (isTheirs) this.#end(name as DataChannel);
  }

  #end(channel: DataChannel): void {
    if (!this.#shape[channel] || this.#ended.has(channel)) return;
    this.#ended.add(channel);
    this.#events.ended(channel);
  }

  #tell(status: ExecStatus): void {
    this.#hasStatus = true;
    this.#events.status(status);
  }

  #over(isClean: boolean): void {
    if (this.#isOver) return;
    if (isClean && this.role === 'client') {
      this.#end('stdout');
      this.#end('stderr');
      const status = this.#hasStatus ? null : this.#status.end();
      if (status !== null) this.#tell(status);
    }
    this.#isOver = true;
    this.#events.over(isClean);
  }
}

function broken(what: string): Error {
  return streamErrors('kubernetes.channels', { values: { what } });
}
