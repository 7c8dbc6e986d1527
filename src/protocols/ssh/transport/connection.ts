/**
 * The connection protocol (RFC 4254), the same at both ends: the table of channels, channel opens, global requests.
 *
 * Invariants: nothing of this exists before the login (A-SSH-01): the ends create it when the login is done. Channels are
 * bounded, those that wait for an answer included; one more is refused, not an error (A-SSH-17). A message for a channel
 * that is not there ends the connection. Answers keep the order of their requests.
 *
 * Deliberately absent: which opens and requests are allowed.
 */
import type { Clock } from '../../../base/clock.ts';
import { SshReader, SshWriter } from './bytes.ts';
import { Channel, type ChannelLink } from './channel.ts';
import { sshErrors } from './errors.ts';
import * as limits from './limits.ts';
import { message } from './messages.ts';
import { AskedReplies, OwedReplies } from './replies.ts';
import { decodeChannelOpen, decodeGlobalRequest, encodeChannelOpen, encodeGlobalRequest } from './requests.ts';
import type { Transport } from './transport.ts';
import {
  type OpenRefused,
  openFailure,
  type SshChannel,
  type SshChannelOpen,
  type SshClientOpen,
  type SshGlobalRequest,
  type SshOpenAnswer,
  type SshOpenFailure,
  type SshReply,
  type SshServerOpen,
} from './types.ts';

export interface ConnectionOwner {
  open(open: SshChannelOpen, answer: SshOpenAnswer): void;
  globalRequest(request: SshGlobalRequest, reply: SshReply): void;
}

interface Opening {
  readonly channel: Channel;
  /** Null once nobody waits any more. */
  settle: ((result: Channel | Error) => void) | null;
}

const clientOpens: readonly SshServerOpen['kind'][] = ['session', 'direct-tcpip', 'direct-streamlocal@openssh.com'];
const keepalive = 'keepalive@openssh.com';
const portMax = 0xffff;

export class Connection {
  readonly #transport: Transport;
  readonly #owner: ConnectionOwner;
  readonly #clock: Clock;
  readonly #limits: limits.SshLimits;
  readonly #peer: 'client' | 'server';
  readonly #link: ChannelLink;
  readonly #channels = new Map<number, Channel>();
  readonly #opening = new Map<number, Opening>();
  readonly #owed: OwedReplies;
  readonly #asked: AskedReplies;
  #nextId = 0;
  /** Opens of the peer that nobody has answered. */
  #unanswered = 0;
  #noMoreSessions = false;
  #isClosed = false;

  constructor(
    transport: Transport,
    owner: ConnectionOwner,
    clock: Clock,
    bounds: limits.SshLimits,
    peer: 'client' | 'server',
  ) {
    this.#transport = transport;
    this.#owner = owner;
    this.#clock = clock;
    this.#limits = bounds;
    this.#peer = peer;
    this.#asked = new AskedReplies(clock);
    this.#owed = new OwedReplies(limits.globalRequestsWaitingMax, (accepted, data) => {
      const type = accepted ? message.REQUEST_SUCCESS : message.REQUEST_FAILURE;
      transport.send(
        new SshWriter(16)
          .uint8(type)
          .raw(accepted && data !== undefined ? data : Buffer.alloc(0))
          .finish(),
      );
    });
    this.#link = {
      clock,
      answerMs: bounds.answerMs,
      get canWrite() {
        return transport.canWrite;
      },
      send: (payload) => transport.send(payload),
      sendData: (head, data) => transport.sendData(head, data),
      fail: (error) => transport.fail(error),
      released: (channel) => void this.#channels.delete(channel.id),
    };
  }

  get channelCount(): number {
    return this.#channels.size + this.#opening.size + this.#unanswered;
  }

  /** A message from the peer. */
  message(payload: Buffer): void {
    const type = payload[0]!;
    const reader = new SshReader(payload, 1);
    switch (type) {
      case message.GLOBAL_REQUEST:
        this.#onGlobalRequest(reader);
        return;
      case message.REQUEST_SUCCESS:
        this.#asked.answered(reader.rest());
        return;
      case message.REQUEST_FAILURE:
        this.#asked.answered(null);
        return;
      case message.CHANNEL_OPEN:
        this.#onOpen(reader);
        return;
      case message.CHANNEL_OPEN_CONFIRMATION:
      case message.CHANNEL_OPEN_FAILURE:
        this.#onOpened(type, reader);
        return;
      case message.PING: {
        const data = reader.string(limits.packetBytesMax);
        this.#transport.send(new SshWriter(5 + data.length).uint8(message.PONG).string(data).finish());
        return;
      }
      case message.PONG:
        return;
    }
    if (type > message.CHANNEL_OPEN_FAILURE && type <= message.CHANNEL_FAILURE) {
      const id = reader.uint32();
      const channel = this.#channels.get(id);
      if (channel === undefined)
        throw sshErrors('ssh.message-unexpected', { detail: `message ${type} for channel ${id}` });
      channel.message(type, reader);
      return;
    }
    this.#transport.sendUnimplemented();
  }

  /** The wire takes more: every channel gets its turn, another one first each time. */
  drain(): void {
    const channels = [...this.#channels.values()];
    const from = channels.length === 0 ? 0 : Math.floor(this.#transport.bytesWritten / 4096) % channels.length;
    for (let index = 0; index < channels.length; index++) channels[(from + index) % channels.length]!.pump();
  }

  /** The connection is gone. */
  close(error: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#owed.close();
    this.#asked.close(error);
    for (const opening of this.#opening.values()) opening.settle?.(error);
    this.#opening.clear();
    const channels = [...this.#channels.values()];
    this.#channels.clear();
    for (const channel of channels) channel.lost();
  }

  // ----- channels -----------------------------------------------------------------------------------------------------

  /** Opens a channel. Rejects with `ssh.open-refused` (cause: `OpenRefused`), or when there is no answer in time. */
  open(open: SshServerOpen | SshClientOpen, deadlineMs = this.#limits.answerMs): Promise<SshChannel> {
    if (this.#isClosed) return Promise.reject(sshErrors('ssh.connection-lost'));
    if (this.channelCount >= this.#limits.channelsMax) return Promise.reject(sshErrors('ssh.too-many-channels'));
    const channel = this.#newChannel(open.kind);
    return new Promise<SshChannel>((resolve, reject) => {
      const opening: Opening = {
        channel,
        settle: (result) => {
          opening.settle = null;
          timer.cancel();
          if (result instanceof Error) reject(result);
          else resolve(result);
        },
      };
      const timer = this.#clock.after(deadlineMs, () => opening.settle?.(sshErrors('ssh.peer-silent')));
      this.#opening.set(channel.id, opening);
      this.#transport.send(
        new SshWriter(128)
          .uint8(message.CHANNEL_OPEN)
          .string(open.kind)
          .uint32(channel.id)
          .uint32(channel.windowSize)
          .uint32(limits.dataBytesMax)
          .raw(encodeChannelOpen(open))
          .finish(),
      );
    });
  }

  #newChannel(type: string): Channel {
    const isWide = this.#channels.size + this.#opening.size < limits.wideChannelsMax;
    const id = this.#nextId;
    this.#nextId = (this.#nextId + 1) >>> 0;
    return new Channel(this.#link, id, type, isWide ? limits.windowBytes : limits.narrowWindowBytes);
  }

  #onOpened(type: number, reader: SshReader): void {
    const id = reader.uint32();
    const opening = this.#opening.get(id);
    if (opening === undefined) throw sshErrors('ssh.message-unexpected', { detail: `an answer to no open: ${id}` });
    this.#opening.delete(id);
    if (type === message.CHANNEL_OPEN_FAILURE) {
      const reason = reader.uint32();
      const said = reader.string(limits.textBytesMax).toString('utf8');
      const refused: OpenRefused = { reason, message: said };
      opening.settle?.(sshErrors('ssh.open-refused', { cause: refused, detail: `reason ${reason}: ${said}` }));
      return;
    }
    opening.channel.opened(reader.uint32(), reader.uint32(), reader.uint32());
    this.#channels.set(id, opening.channel);
    if (opening.settle !== null) opening.settle(opening.channel);
    else opening.channel.destroy();
  }

  #onOpen(reader: SshReader): void {
    const type = reader.name(limits.nameBytesMax);
    const remoteId = reader.uint32();
    const window = reader.uint32();
    const packetMax = reader.uint32();
    const open = decodeChannelOpen(type, reader.rest());
    const refuse = (reason: SshOpenFailure, said: string): void =>
      this.#transport.send(
        new SshWriter(64)
          .uint8(message.CHANNEL_OPEN_FAILURE)
          .uint32(remoteId)
          .uint32(reason)
          .string(said)
          .string('')
          .finish(),
      );
    if (packetMax === 0) throw sshErrors('ssh.message-malformed', { detail: 'packets of no bytes' });
    if (open === null) {
      refuse(openFailure.unknownChannelType, 'unknown channel type');
      return;
    }
    const isClientOpen = (clientOpens as readonly string[]).includes(open.kind);
    if (isClientOpen !== (this.#peer === 'client')) {
      refuse(openFailure.administrativelyProhibited, 'not from this side');
      return;
    }
    if ('target' in open && open.target.port > portMax) {
      refuse(openFailure.connectFailed, 'no such port');
      return;
    }
    if (open.kind === 'session' && this.#noMoreSessions) {
      throw sshErrors('ssh.message-unexpected', { detail: 'a session after the client said that there would be none' });
    }
    if (this.channelCount >= this.#limits.channelsMax) {
      refuse(openFailure.resourceShortage, 'too many channels');
      return;
    }
    this.#unanswered++;
    let answered = false;
    const answer = (): void => {
      if (answered) throw sshErrors('ssh.channel-closed', { detail: 'a channel open answered twice' });
      answered = true;
      this.#unanswered--;
    };
    this.#owner.open(open, {
      accept: () => {
        answer();
        return this.#accepted(open.kind, remoteId, window, packetMax);
      },
      reject: (reason, said) => {
        answer();
        if (!this.#isClosed) refuse(reason, said);
      },
    });
  }

  #accepted(type: string, remoteId: number, window: number, packetMax: number): SshChannel {
    const channel = this.#newChannel(type);
    if (this.#isClosed) {
      channel.lost();
      return channel;
    }
    channel.opened(remoteId, window, packetMax);
    this.#channels.set(channel.id, channel);
    this.#transport.send(
      new SshWriter(17)
        .uint8(message.CHANNEL_OPEN_CONFIRMATION)
        .uint32(remoteId)
        .uint32(channel.id)
        .uint32(channel.windowSize)
        .uint32(limits.dataBytesMax)
        .finish(),
    );
    return channel;
  }

  // ----- global requests ----------------------------------------------------------------------------------------------

  /** Null: refused. */
  globalRequest(request: SshGlobalRequest, deadlineMs = this.#limits.answerMs): Promise<Buffer | null> {
    if (this.#isClosed) return Promise.reject(sshErrors('ssh.connection-lost'));
    const { name, data } = encodeGlobalRequest(request);
    const answer = this.#asked.next(deadlineMs);
    this.#transport.send(new SshWriter(64).uint8(message.GLOBAL_REQUEST).string(name).boolean(true).raw(data).finish());
    return answer;
  }

  /** Any answer will do: OpenSSH refuses the request, and is alive. */
  async ping(deadlineMs = this.#limits.answerMs): Promise<void> {
    await this.globalRequest({ kind: 'unknown', name: keepalive, data: Buffer.alloc(0) }, deadlineMs);
  }

  #onGlobalRequest(reader: SshReader): void {
    const name = reader.name(limits.nameBytesMax);
    const reply = this.#owed.next(reader.boolean());
    if (name === keepalive) {
      reply.reject();
      return;
    }
    const request = decodeGlobalRequest(name, reader.rest());
    if (request.kind === 'no-more-sessions@openssh.com') this.#noMoreSessions = true;
    if ('bind' in request && request.bind.port > portMax) {
      reply.reject();
      return;
    }
    this.#owner.globalRequest(request, reply);
  }
}
