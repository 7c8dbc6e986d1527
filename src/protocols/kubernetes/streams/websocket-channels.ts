/**
 * Numbered channels in the messages of a WebSocket, as `channel.k8s.io` and its successors have them: the first byte of a
 * message is its channel; in `base64.` protocols a character
 * counted from '0', and the rest is base64.
 *
 * Invariants: empty messages mean nothing; base64 is in its canonical form, padded, per message.
 *
 * Source: apimachinery util/httpstream/wsstream conn.go.
 */
import { streamErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { Link, Role } from './types.ts';
import { WebSocketMessages } from './websocket.ts';

export interface ChannelEvents {
  /** A piece of a message of a channel, 0 to 255; may be empty. */
  piece(channel: number, content: Buffer, isLast: boolean): void;
  over(isClean: boolean): void;
}

const zero = 0x30;
/** Channels that one character of ASCII from '0' on can name. */
export const base64ChannelsMax = 0x7f - zero;

export class WebSocketChannels {
  readonly #isBase64: boolean;
  readonly #messages: WebSocketMessages;
  readonly #events: ChannelEvents;
  #channel = 0;
  #kept: Buffer[] = [];
  #keptBytes = 0;

  constructor(role: Role, isBase64: boolean, link: Link, events: ChannelEvents) {
    this.#isBase64 = isBase64;
    this.#events = events;
    this.#messages = new WebSocketMessages(role, link, {
      piece: (content, isFirst, isLast) => {
        if (isBase64) this.#encoded(content, isLast);
        else this.#plain(content, isFirst, isLast);
      },
      over: (isClean) => events.over(isClean),
    });
  }

  push(view: Buffer): void {
    this.#messages.push(view);
  }

  finish(): void {
    this.#messages.finish();
  }

  close(): void {
    this.#messages.close();
  }

  write(channel: number, content: Buffer): boolean {
    if (this.#isBase64) {
      return this.#messages.write(Buffer.from(String.fromCharCode(zero + channel) + content.toString('base64')), true);
    }
    return this.#messages.write(Buffer.concat([Buffer.from([channel]), content]), false);
  }

  #plain(content: Buffer, isFirst: boolean, isLast: boolean): void {
    if (isFirst) {
      if (content.length === 0) return;
      this.#channel = content[0]!;
    }
    this.#events.piece(this.#channel, isFirst ? content.subarray(1) : content, isLast);
  }

  #encoded(content: Buffer, isLast: boolean): void {
    this.#keptBytes += content.length;
    if (this.#keptBytes > limits.webSocketMessageBytesMax) throw broken('a message that is too long');
    this.#kept.push(content);
    if (!isLast) return;
    const whole = Buffer.concat(this.#kept, this.#keptBytes);
    this.#kept = [];
    this.#keptBytes = 0;
    if (whole.length === 0) return;
    const text = whole.toString('latin1', 1);
    const channel = whole[0]! - zero;
    if (channel < 0 || channel >= base64ChannelsMax) throw broken('a message without the digit of its channel');
    if (!isBase64(text)) throw broken('a message that is not base64');
    this.#events.piece(channel, Buffer.from(text, 'base64'), true);
  }
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

function broken(what: string): Error {
  return streamErrors('kubernetes.channels', { values: { what } });
}
