/**
 * What the streams of Kubernetes look like to the room: one interface for what runs in a container, one for forwarded ports,
 * whichever transport a side speaks. A bridge takes one end per side and hands the events of each to the writers of the other.
 *
 * Invariants:
 * - Pure: an end takes bytes by `push` and gives bytes to its `Link`; it owns no socket, no timer and no clock. Deadlines are
 *   the room's.
 * - `push` throws a GatewayError of kind `protocol` for whatever its peer must not say; the end is dead from then on, and the
 *   room closes its transport.
 * - Events come synchronously, inside `push` and `finish`, in the order of the wire. Nothing is reported after `over`.
 * - Views in events are parts of what was pushed, or copies: the receiver may keep them, and nobody may write into them.
 * - Back-pressure is the transport's: none of these protocols lets one stream be held back alone (SPDY's windows are not
 *   used by any implementation in Kubernetes). A writer that answers false means: stop reading the other side until the
 *   transport drains. What was written is taken nevertheless.
 *
 * Deliberately absent: authorisation, argv, masking, recording.
 */

/** Which side of the conversation an end speaks as: a `server` towards kubectl, a `client` towards the API server. */
export type Role = 'client' | 'server';

/** Where an end puts its bytes. */
export interface Link {
  /** Takes the view, which is the link's from now on. False: full; nothing more should be read for it until it drains. */
  write(view: Buffer): boolean;
  /** No more comes: the transport's writing side may be ended once all is written. Called once at most. */
  end(): void;
}

/** What both kinds of end have in common. */
export interface End {
  /**
   * Says hello, where the protocol has one: opens streams, greets, agrees. Once, when the transport has switched and the
   * `Link` takes bytes. Events may come inside it.
   */
  start(): void;
  /** The next bytes of the peer, in order, in pieces of any size. The end keeps the view where it needs to. */
  push(view: Buffer): void;
  /**
   * The transport ended. Reports `over`, cleanly or not; channels that had not ended are not said to have, so that a lost
   * connection is never taken for a program's end. Nothing happens behind `close` or `over`.
   */
  finish(): void;
  /**
   * Says goodbye in the protocol's own way, and ends the link. What is written or pushed behind it is dropped, and no `over`
   * comes. Harmless twice, and behind `over`, where it ends the link if nothing has yet.
   */
  close(): void;
}

/* ---------------------------------------------------------------- exec, attach, run */

/** What a container and a person say to each other. `stdin` flows from client to server, the others from server to client. */
export type DataChannel = 'stdin' | 'stdout' | 'stderr';

/** What an exec or attach request asked for: its query parameters. */
export interface ExecShape {
  readonly stdin: boolean;
  readonly stdout: boolean;
  /** As asked. Ignored where `tty` is set: a terminal has one output. */
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Versions of the remote command protocol that SPDY carries, in the header X-Stream-Protocol-Version. */
export type SpdyExecProtocol = 'v4.channel.k8s.io' | 'v3.channel.k8s.io' | 'v2.channel.k8s.io' | 'channel.k8s.io';

/** Subprotocols of WebSocket; `base64.` ones carry text messages. */
export type WebSocketExecProtocol =
  | 'v5.channel.k8s.io'
  | 'v4.channel.k8s.io'
  | 'v4.base64.channel.k8s.io'
  | 'channel.k8s.io'
  | 'base64.channel.k8s.io';

/** How an exec conversation is carried. */
export type ExecTransport =
  | { readonly kind: 'spdy'; readonly protocol: SpdyExecProtocol }
  | { readonly kind: 'websocket'; readonly protocol: WebSocketExecProtocol };

/** Columns and rows; zero where the sender said so. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** How a program ended, or why it did not run. */
export interface ExecStatus {
  readonly succeeded: boolean;
  /** What the program exited with: 0 on success; null where none was told (it could not be started, or an old protocol). */
  readonly exitCode: number | null;
  /** A sentence of the other side; empty on success. Untrusted text. */
  readonly message: string;
  /**
   * The `Status` object as the other side wrote it; null where it came as plain text (before v4), or is made here.
   * `writeStatus` passes it on unchanged where the protocol has such an object.
   */
  readonly object: Buffer | null;
}

export interface ExecEvents {
  /**
   * All channels of the shape are agreed. What was written before is kept until then, up to a limit, and `write` answered
   * false: go on reading the other side now.
   */
  ready(): void;
  data(channel: DataChannel, view: Buffer): void;
  /** Half-close: no more of this channel comes. */
  ended(channel: DataChannel): void;
  resized(size: TerminalSize): void;
  /**
   * Once at most, and not before what the peer wrote on other channels before it. From v4 on a server tells how the program
   * ended; where it did not, this never comes, even though `over` may be clean.
   */
  status(status: ExecStatus): void;
  /** The peer takes no more of this channel. What is written there from now on is dropped. */
  refused(channel: DataChannel): void;
  /** The conversation is over: nothing follows. `isClean`: with the goodbye that the protocol has. */
  over(isClean: boolean): void;
}

/** One end of an exec or attach conversation. */
export interface ExecStreams extends End {
  readonly role: Role;
  readonly transport: ExecTransport;
  /** Whether the end of stdin can be told to the peer: everywhere but in WebSocket before v5, where `end` answers false. */
  readonly canEndStdin: boolean;
  readonly isReady: boolean;
  write(channel: DataChannel, view: Buffer): boolean;
  /**
   * Half-close of what this end writes. False: this protocol cannot say it (WebSocket: everything but stdin in v5); the peer
   * learns it by `close`. Harmless twice.
   */
  end(channel: DataChannel): boolean;
  /** Of a client end with a terminal; dropped where the protocol has no such channel (SPDY before v3). */
  resize(size: TerminalSize): boolean;
  /** Of a server end: how it ended, in the protocol's own form. Ends the error channel. Once; later ones are dropped. */
  writeStatus(status: ExecStatus): boolean;
}

/* ---------------------------------------------------------------- port-forward */

/** How forwarded ports are carried. */
export type ForwardTransport =
  /** SPDY straight on the connection. */
  | { readonly kind: 'spdy'; readonly protocol: 'portforward.k8s.io' }
  /** The same SPDY bytes in binary messages of a WebSocket. */
  | { readonly kind: 'tunnel'; readonly protocol: 'SPDY/3.1+portforward.k8s.io' }
  /** Two channels of a WebSocket per port of the query, in its order: data and error. */
  | { readonly kind: 'channels'; readonly protocol: WebSocketForwardProtocol; readonly ports: readonly number[] };

export type WebSocketForwardProtocol = 'v4.channel.k8s.io' | 'v4.base64.channel.k8s.io';

/** One connection to one port: a data stream both ways and an error stream from server to client. */
export interface Forward {
  readonly port: number;
  /** What the client numbered it with; with `channels` the position in the query. */
  readonly requestId: string;
  /** Content of the data stream, without framing. `in`: from client to server. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  write(view: Buffer): boolean;
  /** No more data follows from this end. Harmless twice. */
  end(): void;
  /** Of a server end: says why the port cannot be reached, and ends both streams. */
  fail(text: string): void;
  /** Ends both streams at once, without a word. Harmless twice. */
  reset(): void;
}

export interface ForwardEvents {
  /** A server end's peer asks for a connection to a port; a client end's `open` was agreed to. */
  opened(forward: Forward): void;
  data(forward: Forward, view: Buffer): void;
  /** The peer writes no more data. */
  ended(forward: Forward): void;
  /** What the peer said on the error stream, whole. Untrusted text, often JSON; comes to client ends only. */
  failed(forward: Forward, text: string): void;
  /** Both streams are over both ways, or were reset. Comes once per forward that was opened or asked for. */
  closed(forward: Forward): void;
  /** The conversation is over: nothing follows. Forwards that were open have been `closed` before. */
  over(isClean: boolean): void;
}

/** One end of a port-forward conversation. */
export interface PortForward extends End {
  readonly role: Role;
  readonly transport: ForwardTransport;
  /** Open forwards, in order of opening. */
  readonly forwards: readonly Forward[];
  /** Of a client end: asks for one more connection. May be written to at once. Throws past the limit. */
  open(port: number, requestId: string): Forward;
}

/* ---------------------------------------------------------------- kubectl cp */

export type TarEntryType =
  | 'file'
  | 'directory'
  | 'symbolic-link'
  | 'hard-link'
  | 'character-device'
  | 'block-device'
  | 'fifo'
  | 'other';

/** One member of an archive. Names are bytes there; here they are text with everything odd escaped (A-K8S-10). */
export interface TarEntry {
  readonly name: string;
  /** `name` or `target` is longer than what is kept. */
  readonly isCut: boolean;
  readonly type: TarEntryType;
  /** What a link points to; null for everything else. */
  readonly target: string | null;
  readonly bytes: number;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  /** Lower-case hexadecimal SHA-256 of the content; null for members that have none, and where it did not come whole. */
  readonly sha256: string | null;
  /** Absolute, or with `..`, or with characters that are not printable: what an unpacker should not trust. */
  readonly isSuspicious: boolean;
}

/** What was seen of an archive. */
export interface TarSummary {
  readonly entries: readonly TarEntry[];
  /** Members that are not in `entries`, because there were too many. */
  readonly omitted: number;
  /** Content of all members together. */
  readonly bytes: number;
  /** Whether the archive was seen to its end, followed all the way. */
  readonly isComplete: boolean;
  /** Why it could not be followed, in words; null where it could. */
  readonly fault: string | null;
}
