/**
 * One channel: windows, order, back-pressure, end and close (RFC 4254, 5.2 and 5.3). The same at both ends.
 *
 * Invariants:
 * - What the peer sends beyond the window ends the connection; the window is given back only for what was delivered, so a
 *   channel that is not read holds one window and no more (A-SSH-17).
 * - What we send leaves in order: data, stderr, notifications, end, close. `write` answers false as soon as something has
 *   to wait, and `drain` follows when nothing waits any more.
 * - Data, exit status, end and close reach the handler in the order in which they came, also when the connection is lost
 *   after them (A-SSH-20). Data after the end of data ends the connection.
 *
 * Deliberately absent: what requests mean; opening (see `connection.ts`).
 */
import type { Clock } from '../../../base/clock.ts';
import { ownedOf, type Region, regionOf } from '../../../base/regions.ts';
import { type SshReader, SshWriter } from './bytes.ts';
import { sshErrors } from './errors.ts';
import { forget, gather, type Incoming } from './incoming.ts';
import * as limits from './limits.ts';
import { message } from './messages.ts';
import { AskedReplies, OwedReplies } from './replies.ts';
import { decodeChannelRequest, encodeChannelRequest } from './requests.ts';
import type { SshChannel, SshChannelHandler, SshChannelRequest, SshReply } from './types.ts';

/** What a channel needs of its connection. */
export interface ChannelLink {
  readonly clock: Clock;
  readonly canWrite: boolean;
  send(payload: Buffer): void;
  sendData(head: Buffer, data: Buffer): void;
  /** Ends the connection. */
  fail(error: unknown): void;
  /** Both sides have closed: the number is free. */
  released(channel: Channel): void;
  readonly answerMs: number;
}

type Outgoing =
  | { readonly kind: 'data' | 'stderr'; view: Buffer; lent: Region | null }
  | { readonly kind: 'message'; readonly payload: Buffer }
  | { readonly kind: 'close' };

const windowMax = 0xffff_ffff;
const stderrType = 1;

/** The heads of what is being sent, which nobody keeps. */
const dataHead = Buffer.from([message.CHANNEL_DATA, 0, 0, 0, 0, 0, 0, 0, 0]);
const stderrHead = Buffer.from([message.CHANNEL_EXTENDED_DATA, 0, 0, 0, 0, 0, 0, 0, stderrType, 0, 0, 0, 0]);

/** What was lent for `item` is given back, once. */
function giveBack(item: Outgoing): void {
  if (item.kind !== 'data' && item.kind !== 'stderr') return;
  const { lent } = item;
  item.lent = null;
  lent?.giveBack();
}

export class Channel implements SshChannel {
  readonly id: number;
  readonly type: string;
  readonly #link: ChannelLink;
  readonly #windowSize: number;
  readonly #owed: OwedReplies;
  readonly #asked: AskedReplies;
  #remoteId = 0;
  #remoteWindow = 0;
  #remotePacketMax = 0;
  /** What the peer may still send. */
  #window: number;
  /** Delivered, and not given back yet. */
  #consumed = 0;
  #handler: SshChannelHandler | null = null;
  #incoming: Incoming[] = [];
  #outgoing: Outgoing[] = [];
  #pendingBytes = 0;
  #paused = false;
  #isDelivering = false;
  #isDrainOwed = false;
  #ended = false;
  #sentEof = false;
  #sentClose = false;
  #gotEof = false;
  #gotClose = false;
  #isOver = false;
  #environmentRequests = 0;
  bytesRead = 0;
  bytesWritten = 0;

  constructor(link: ChannelLink, id: number, type: string, windowSize: number) {
    this.#link = link;
    this.id = id;
    this.type = type;
    this.#windowSize = windowSize;
    this.#window = windowSize;
    this.#asked = new AskedReplies(link.clock);
    this.#owed = new OwedReplies(limits.requestsWaitingMax, (accepted) => {
      if (!this.#sentClose) this.#send(accepted ? message.CHANNEL_SUCCESS : message.CHANNEL_FAILURE);
    });
  }

  get windowSize(): number {
    return this.#windowSize;
  }

  get closed(): boolean {
    return this.#gotClose || this.#sentClose;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The peer's number, window and maximum, once the channel is open. */
  opened(remoteId: number, window: number, packetMax: number): void {
    this.#remoteId = remoteId;
    this.#remoteWindow = window;
    this.#remotePacketMax = Math.min(packetMax, limits.dataBytesMax);
    if (this.#remotePacketMax === 0) throw sshErrors('ssh.message-malformed', { detail: 'packets of no bytes' });
  }

  handle(handler: SshChannelHandler): void {
    this.#handler = handler;
    this.#deliver();
  }

  // ----- towards the peer ---------------------------------------------------------------------------------------------

  write(view: Buffer): boolean {
    return this.#write('data', view);
  }

  writeStderr(view: Buffer): boolean {
    return this.#write('stderr', view);
  }

  #write(kind: 'data' | 'stderr', view: Buffer): boolean {
    if (this.#ended || this.closed) return true;
    if (view.length > 0) {
      // Until it is sent nobody reads into the region that it lies in.
      const lent = regionOf(view);
      lent?.lend();
      this.#outgoing.push({ kind, view, lent });
      this.#pendingBytes += view.length;
      this.bytesWritten += view.length;
      this.pump();
    }
    if (this.#pendingBytes > limits.heldBytesMax) {
      this.#link.fail(sshErrors('ssh.written-without-window', { detail: `channel ${this.id}` }));
      return true;
    }
    const isFree = this.#outgoing.length === 0 && this.#link.canWrite;
    if (!isFree) this.#isDrainOwed = true;
    return isFree;
  }

  request(request: SshChannelRequest, deadlineMs = this.#link.answerMs): Promise<boolean> {
    if (this.#ended || this.closed) return Promise.reject(sshErrors('ssh.channel-closed'));
    const answer = this.#asked.next(deadlineMs);
    this.#enqueue({ kind: 'message', payload: this.#requestPayload(request, true) });
    return answer.then((data) => data !== null);
  }

  notify(request: SshChannelRequest): void {
    if (this.closed) return;
    this.#enqueue({ kind: 'message', payload: this.#requestPayload(request, false) });
  }

  eof(): void {
    if (this.#ended || this.closed) return;
    this.#ended = true;
    this.#enqueueEof();
  }

  close(): void {
    if (this.closed || this.#outgoing.some(({ kind }) => kind === 'close')) return;
    this.#ended = true;
    this.#enqueueEof();
    this.#enqueue({ kind: 'close' });
  }

  destroy(): void {
    if (this.closed) return;
    this.#ended = true;
    this.#forgetOutgoing();
    this.#sendClose();
  }

  #enqueueEof(): void {
    if (this.#sentEof) return;
    this.#sentEof = true;
    this.#enqueue({ kind: 'message', payload: this.#payload(message.CHANNEL_EOF) });
  }

  #enqueue(item: Outgoing): void {
    this.#outgoing.push(item);
    this.pump();
  }

  /** Sends what window and wire allow. Called by the connection whenever one of them may have opened. */
  pump(): void {
    while (this.#outgoing.length > 0 && !this.#sentClose) {
      const item = this.#outgoing[0]!;
      if (item.kind === 'data' || item.kind === 'stderr') {
        if (!this.#link.canWrite) return;
        const bytes = Math.min(item.view.length, this.#remoteWindow, this.#remotePacketMax);
        if (bytes === 0) return;
        this.#sendData(item.kind, item.view.subarray(0, bytes));
        item.view = item.view.subarray(bytes);
        if (item.view.length > 0) continue;
        this.#outgoing.shift();
        giveBack(item);
      } else {
        this.#outgoing.shift();
        if (item.kind === 'message') this.#link.send(item.payload);
        else this.#sendClose();
      }
    }
    if (this.#isDrainOwed && this.#link.canWrite && !this.closed) {
      this.#isDrainOwed = false;
      // Not within `write`: whoever calls it has not heard its answer yet.
      queueMicrotask(() => {
        if (!this.closed) this.#handler?.drain();
      });
    }
  }

  #sendData(kind: 'data' | 'stderr', view: Buffer): void {
    this.#remoteWindow -= view.length;
    this.#pendingBytes -= view.length;
    const isData = kind === 'data';
    const head = isData ? dataHead : stderrHead;
    head.writeUInt32BE(this.#remoteId, 1);
    head.writeUInt32BE(view.length, isData ? 5 : 9);
    this.#link.sendData(head, view);
  }

  #sendClose(): void {
    if (this.#sentClose) return;
    this.#sentClose = true;
    this.#forgetOutgoing();
    this.#send(message.CHANNEL_CLOSE);
    this.#forgetIncoming();
    this.#owed.close();
    this.#asked.close(sshErrors('ssh.channel-closed'));
    if (this.#gotClose) this.#link.released(this);
    this.#deliver();
  }

  #forgetOutgoing(): void {
    for (const item of this.#outgoing) giveBack(item);
    this.#outgoing = [];
    this.#pendingBytes = 0;
  }

  #send(type: number): void {
    this.#link.send(this.#payload(type));
  }

  #payload(type: number): Buffer {
    return new SshWriter(5).uint8(type).uint32(this.#remoteId).finish();
  }

  #requestPayload(request: SshChannelRequest, wantReply: boolean): Buffer {
    const { name, data } = encodeChannelRequest(request);
    return new SshWriter(32 + name.length + data.length)
      .uint8(message.CHANNEL_REQUEST)
      .uint32(this.#remoteId)
      .string(name)
      .boolean(wantReply)
      .raw(data)
      .finish();
  }

  // ----- from the peer ------------------------------------------------------------------------------------------------

  /** One message of this channel; `reader` stands behind the channel's number. */
  message(type: number, reader: SshReader): void {
    if (this.#gotClose) throw sshErrors('ssh.message-unexpected', { detail: `message ${type} after the close` });
    switch (type) {
      case message.CHANNEL_WINDOW_ADJUST:
        this.#onAdjust(reader);
        return;
      case message.CHANNEL_DATA:
        this.#onData('data', reader);
        return;
      case message.CHANNEL_EXTENDED_DATA: {
        const kind = reader.uint32();
        this.#onData(kind === stderrType ? 'stderr' : null, reader);
        return;
      }
      case message.CHANNEL_EOF:
        reader.end();
        if (this.#gotEof) throw sshErrors('ssh.message-unexpected', { detail: 'a second end of data' });
        this.#gotEof = true;
        this.#arrived({ kind: 'end' });
        return;
      case message.CHANNEL_CLOSE:
        reader.end();
        this.#gotClose = true;
        this.#forgetOutgoing();
        if (this.#sentClose) this.#link.released(this);
        else this.#sendCloseBack();
        this.#arrived({ kind: 'close' });
        return;
      case message.CHANNEL_REQUEST:
        this.#onRequest(reader);
        return;
      case message.CHANNEL_SUCCESS:
      case message.CHANNEL_FAILURE:
        reader.end();
        // What was asked before our close may be answered after it.
        if (!this.#sentClose) this.#asked.answered(type === message.CHANNEL_SUCCESS ? Buffer.alloc(0) : null);
        return;
    }
  }

  /** The connection is gone: what came before still reaches the handler. */
  lost(): void {
    if (this.#gotClose) return;
    this.#gotClose = true;
    this.#sentClose = true;
    this.#forgetOutgoing();
    this.#owed.close();
    this.#asked.close(sshErrors('ssh.channel-closed'));
    this.#arrived({ kind: 'close' });
  }

  /** Answers the peer's close at once; what it sent before is still delivered. */
  #sendCloseBack(): void {
    this.#sentClose = true;
    this.#send(message.CHANNEL_CLOSE);
    this.#owed.close();
    this.#asked.close(sshErrors('ssh.channel-closed'));
    this.#link.released(this);
  }

  #onAdjust(reader: SshReader): void {
    const more = reader.uint32();
    reader.end();
    if (this.#remoteWindow + more > windowMax) throw sshErrors('ssh.flow-violated', { detail: 'the window overflows' });
    this.#remoteWindow += more;
    this.pump();
  }

  #onData(kind: 'data' | 'stderr' | null, reader: SshReader): void {
    const view = reader.string(limits.packetBytesMax);
    reader.end();
    if (this.#gotEof) throw sshErrors('ssh.message-unexpected', { detail: 'data after the end of data' });
    if (view.length > this.#window) throw sshErrors('ssh.flow-violated', { detail: `channel ${this.id}` });
    this.#window -= view.length;
    this.bytesRead += view.length;
    if (this.#sentClose) return;
    if (kind === null) {
      this.#giveBack(view.length);
      return;
    }
    if (this.#incoming.length > 0 || this.#paused || this.#isDelivering || this.#handler === null) {
      const item = gather(this.#incoming.at(-1), kind, view);
      if (item !== null) this.#arrived(item);
      return;
    }
    this.#isDelivering = true;
    try {
      this.#hand({ kind, view, gathered: null });
    } finally {
      this.#isDelivering = false;
    }
    // What came to be while it was handed over.
    this.#deliver();
  }

  #onRequest(reader: SshReader): void {
    const name = reader.name(limits.nameBytesMax);
    const wantReply = reader.boolean();
    const request = decodeChannelRequest(name, reader.rest());
    if (this.#sentClose) return;
    const reply = this.#owed.next(wantReply);
    if (request.kind === 'env' && ++this.#environmentRequests > limits.environmentRequestsMax) {
      reply.reject();
      return;
    }
    const isOrdered = request.kind === 'exit-status' || request.kind === 'exit-signal';
    if (this.#handler !== null && !isOrdered) {
      this.#pass(this.#handler, request, reply);
      return;
    }
    if (this.#incoming.length > limits.requestsWaitingMax && this.#countWaiting() > limits.requestsWaitingMax) {
      throw sshErrors('ssh.too-much-waiting', { detail: `channel ${this.id}` });
    }
    this.#arrived({ kind: 'request', request, reply });
  }

  /** Nothing that waits is handed over any more, but the close. */
  #forgetIncoming(): void {
    const waiting = this.#incoming;
    this.#incoming = waiting.filter(({ kind }) => kind === 'close');
    forget(waiting);
  }

  #pass(handler: SshChannelHandler, request: SshChannelRequest, reply: SshReply): void {
    if (handler.request === undefined) reply.reject();
    else handler.request(request, reply);
  }

  #countWaiting(): number {
    return this.#incoming.reduce((count, { kind }) => count + (kind === 'request' ? 1 : 0), 0);
  }

  #arrived(item: Incoming): void {
    this.#incoming.push(item);
    this.#deliver();
  }

  /** Hands over what has come, in order, as long as the handler takes data. */
  #deliver(): void {
    if (this.#isDelivering || this.#handler === null) return;
    this.#isDelivering = true;
    try {
      for (let item = this.#incoming[0]; item !== undefined && !this.#isOver; item = this.#incoming[0]) {
        // Paused means that data waits, and with it whatever came after data.
        if (this.#paused && (item.kind === 'data' || item.kind === 'stderr')) return;
        this.#incoming.shift();
        this.#hand(item);
      }
    } finally {
      this.#isDelivering = false;
    }
  }

  #hand(item: Incoming): void {
    const handler = this.#handler!;
    switch (item.kind) {
      case 'data':
      case 'stderr': {
        const view = handler.borrows === true ? item.view : ownedOf(item.view);
        if (item.kind === 'data') handler.read(view);
        else handler.readStderr?.(view);
        item.gathered?.leave();
        this.#giveBack(view.length);
        return;
      }
      case 'request':
        this.#pass(handler, item.request, item.reply);
        return;
      case 'end':
        handler.end();
        return;
      case 'close':
        this.#isOver = true;
        this.#forgetIncoming();
        handler.close();
    }
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#deliver();
    this.#giveBack(0);
  }

  #giveBack(bytes: number): void {
    this.#consumed += bytes;
    // The peer must not run dry while an adjustment is on its way, and need not hear of every packet.
    if (this.#paused || this.closed || this.#gotEof || this.#consumed < this.#windowSize / 4) return;
    const amount = this.#consumed;
    this.#consumed = 0;
    this.#window += amount;
    this.#link.send(
      new SshWriter(9).uint8(message.CHANNEL_WINDOW_ADJUST).uint32(this.#remoteId).uint32(amount).finish(),
    );
  }
}
