/**
 * A remote command over SPDY: one stream per channel, told apart by the header `streamtype`, all opened by the client.
 *
 * | stream | written by | from |
 * | --- | --- | --- |
 * | error | server: how it ended | v1 (text), v4 (Status) |
 * | stdin | client; its end is the end of the program's input, but in v1 | v1 |
 * | stdout, stderr | server | v1 |
 * | resize | client, with a terminal | v3 |
 *
 * Invariants: a stream that was not asked for, or that comes twice, is refused; nothing is written before all are agreed,
 * since a kubelet that still waits for streams stops at the first content (kubernetes/kubernetes#16373); what comes on a
 * stream against its direction is dropped, as Go does.
 *
 * Source: client-go tools/remotecommand v1.go to v4.go; kubelet cri/streaming/remotecommand httpstream.go.
 */
import { streamErrors } from './errors.ts';
import { encodeSize, encodeStatus, SizeReader, type StatusForm, StatusReader } from './exec-parts.ts';
import * as limits from './limits.ts';
import { SpdyConnection, type SpdyStream, type SpdyStreamEvents } from './spdy.ts';
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

type StreamName = DataChannel | 'error' | 'resize';

export class ExecOverSpdy implements ExecStreams {
  readonly role: Role;
  readonly transport: ExecTransport & { readonly kind: 'spdy' };
  readonly canEndStdin = true;
  isReady = false;
  readonly #events: ExecEvents;
  readonly #connection: SpdyConnection;
  readonly #wanted: readonly StreamName[];
  readonly #streams = new Map<StreamName, SpdyStream>();
  readonly #form: StatusForm;
  readonly #status: StatusReader;
  readonly #sizes = new SizeReader();
  /** What was asked of this end before it was ready. */
  #early: (() => void)[] = [];
  #earlyBytes = 0;
  #agreed = 0;
  #hasStatus = false;
  #isGoingAway = false;
  #isOver = false;

  constructor(
    role: Role,
    transport: ExecTransport & { readonly kind: 'spdy' },
    shape: ExecShape,
    link: Link,
    events: ExecEvents,
  ) {
    this.role = role;
    this.transport = transport;
    this.#events = events;
    this.#form = transport.protocol === 'v4.channel.k8s.io' ? 'object' : 'text';
    this.#status = new StatusReader(this.#form);
    const canResize = transport.protocol === 'v4.channel.k8s.io' || transport.protocol === 'v3.channel.k8s.io';
    this.#wanted = [
      'error',
      ...(shape.stdin ? ['stdin' as const] : []),
      ...(shape.stdout ? ['stdout' as const] : []),
      ...(shape.stderr && !shape.tty ? ['stderr' as const] : []),
      ...(shape.tty && canResize ? ['resize' as const] : []),
    ];
    this.#connection = new SpdyConnection(role, link, limits.execStreamsMax, {
      opened: (stream) => this.#opened(stream),
      goingAway: () => {
        this.#isGoingAway = true;
        this.#perhapsOver();
      },
      over: (isClean) => this.#over(isClean),
    });
  }

  start(): void {
    if (this.role === 'server') return;
    for (const name of this.#wanted) {
      const events = this.#eventsOf(name);
      this.#streams.set(name, this.#connection.open(new Map([['streamtype', name]]), events));
    }
  }

  push(view: Buffer): void {
    this.#connection.push(view);
  }

  finish(): void {
    this.#connection.finish();
  }

  close(): void {
    this.#isOver = true;
    // As apimachinery's connection ends: no stream is left half open. A server's last words keep their order.
    for (const stream of this.#streams.values()) {
      if (this.role === 'server') stream.end();
      else stream.reset();
    }
    this.#connection.close();
  }

  write(channel: DataChannel, view: Buffer): boolean {
    if (!this.#isWriter(channel) || this.#isOver) return true;
    if (this.isReady) return this.#streams.get(channel)?.write(view) ?? true;
    this.#earlyBytes += view.length;
    if (this.#earlyBytes > limits.earlyBytesMax) throw streamErrors('kubernetes.written-early');
    this.#early.push(() => this.#streams.get(channel)?.write(view));
    return false;
  }

  end(channel: DataChannel): boolean {
    this.#later(() => this.#streams.get(channel)?.end());
    return true;
  }

  resize(size: TerminalSize): boolean {
    if (this.role !== 'client' || !this.#wanted.includes('resize')) return true;
    if (this.isReady) return this.#streams.get('resize')!.write(encodeSize(size));
    this.#later(() => this.#streams.get('resize')?.write(encodeSize(size)));
    return false;
  }

  writeStatus(status: ExecStatus): boolean {
    if (this.role !== 'server' || this.#hasStatus) return true;
    this.#hasStatus = true;
    this.#later(() => {
      const stream = this.#streams.get('error');
      const bytes = encodeStatus(status, this.#form);
      if (bytes.length > 0) stream?.write(bytes);
      stream?.end();
    });
    return this.isReady;
  }

  #isWriter(channel: DataChannel): boolean {
    return (channel === 'stdin') === (this.role === 'client') && this.#wanted.includes(channel);
  }

  #later(act: () => void): void {
    if (this.isReady) act();
    else if (!this.#isOver) this.#early.push(act);
  }

  #opened(stream: SpdyStream): SpdyStreamEvents | null {
    const name = stream.headers.get('streamtype') as StreamName;
    if (!this.#wanted.includes(name) || this.#streams.has(name)) return null;
    this.#streams.set(name, stream);
    return this.#eventsOf(name);
  }

  #eventsOf(name: StreamName): SpdyStreamEvents {
    return {
      agreed: () => {
        if (++this.#agreed < this.#wanted.length || this.#isOver) return;
        this.isReady = true;
        const early = this.#early;
        this.#early = [];
        for (const act of early) act();
        this.#events.ready();
      },
      data: (view) => {
        if (!this.#isOver) this.#data(name, view);
      },
      reset: () => {
        const isOurs = name !== 'error' && name !== 'resize' && this.#isWriter(name);
        if (isOurs && !this.#isOver && this.role === 'server') this.#events.refused(name);
      },
      ended: () => {
        if (!this.#isOver) this.#ended(name);
      },
      closed: () => this.#perhapsOver(),
    };
  }

  #data(name: StreamName, view: Buffer): void {
    if (this.role === 'server') {
      if (name === 'stdin') this.#events.data('stdin', view);
      else if (name === 'resize') for (const size of this.#sizes.push(view)) this.#events.resized(size);
    } else if (name === 'stdout' || name === 'stderr') this.#events.data(name, view);
    else if (name === 'error' && !this.#hasStatus) this.#status.push(view);
  }

  /** The peer writes no more of a stream. */
  #ended(name: StreamName): void {
    // In v1 a server resets the error stream and ends stdin at the very beginning, and means nothing by it.
    const isFirstVersion = this.transport.protocol === 'channel.k8s.io';
    if (this.role === 'server') {
      if (name === 'stdin') this.#events.ended('stdin');
    } else if (name === 'stdout' || name === 'stderr') this.#events.ended(name);
    else if (name === 'stdin' && !isFirstVersion) this.#events.refused('stdin');
    else if (name === 'error' && (!isFirstVersion || !this.#status.isEmpty)) this.#tell();
    this.#perhapsOver();
  }

  #tell(): void {
    if (this.#hasStatus) return;
    this.#hasStatus = true;
    const status = this.#status.end();
    if (status !== null) this.#events.status(status);
  }

  /** Whether all is said that the peer has to say on its streams. */
  get #isAllSaid(): boolean {
    if (this.role === 'server') return this.#connection.streams === 0;
    return this.#wanted.every((name) => {
      if (name === 'stdin' || name === 'resize') return true;
      return this.#streams.get(name)?.isEndedThere ?? false;
    });
  }

  #perhapsOver(): void {
    if (this.#isGoingAway && this.#isAllSaid) this.#over(true);
  }

  #over(isClean: boolean): void {
    if (this.#isOver) return;
    const isWhole = isClean || (this.role === 'client' && this.isReady && this.#isAllSaid);
    if (isWhole && this.role === 'client' && this.isReady) this.#tell();
    this.#isOver = true;
    this.#early = [];
    this.#events.over(isWhole);
  }
}
