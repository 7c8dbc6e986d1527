/**
 * Finds peers that vanished while data for them was on its way (F-09).
 *
 * Keepalive finds a silent peer within 25 s, but the kernel does not probe while something is unacknowledged: then it
 * retransmits, for a quarter of an hour by default, and Node offers no TCP_USER_TIMEOUT. What the kernel knows it tells
 * in /proc/net/tcp: how often in a row it sent the same bytes, probed a silent peer, or asked a full receiver, without an
 * answer. A connection on which that number only grew for `vanishedAfterMs` is dropped; any answer sets it back to zero,
 * so that a slow client (F-07), however slow, is none of these. Probes count with retransmissions, because a session may
 * begin to send just before keepalive would have given up.
 *
 * Invariants: only connections handed to `watch` are ever touched; a connection is dropped for silence towards the
 * kernel, never for how much or how little it transfers.
 *
 * An honest limit: a receiver that was full for minutes before it vanished is asked ever more rarely (the kernel doubles
 * the pause up to two minutes), so that its silence is noticed late.
 *
 * Deliberately absent: systems without /proc/net/tcp (there the kernel's own patience holds), tunnelled connections
 * (the tunnel has probes of its own).
 * Source: Linux, Documentation/networking/proc_net_tcp.rst.
 */
import { createReadStream } from 'node:fs';
import { isIP } from 'node:net';
import { endianness } from 'node:os';
import type { Clock, Timer } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import * as limits from './limits.ts';

/** What can be watched: a SocketWire, say. */
export interface WatchedPeer {
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly closed: boolean;
  destroy(error: Error): void;
}

/** Gives the lines of the kernel's tables, without their newlines. */
export type TcpTables = () => AsyncIterable<string>;

interface Entry {
  readonly peer: WatchedPeer;
  /** Unanswered in a row, when last looked at, and monotonic time since when that has only grown. */
  unanswered: number;
  sinceMs: number | null;
  seen: number;
}

export interface VanishedPeersOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly tables?: TcpTables;
}

export class VanishedPeers {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #tables: TcpTables;
  readonly #timer: Timer;
  readonly #entries = new Map<string, Entry>();
  #looks = 0;
  #isLooking = false;

  constructor(options: VanishedPeersOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#tables = options.tables ?? systemTables;
    this.#timer = this.#clock.every(limits.vanishedLookMs, () => void this.look());
  }

  /** Connections that are watched. */
  get size(): number {
    return this.#entries.size;
  }

  /** Watches a connection until it is closed. */
  watch(peer: WatchedPeer): void {
    this.#entries.set(keyOf(peer.localPort, peer.remoteAddress, peer.remotePort), {
      peer,
      unanswered: 0,
      sinceMs: null,
      seen: 0,
    });
  }

  /** Looks once. Never rejects. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      for (const [key, { peer }] of this.#entries) if (peer.closed) this.#entries.delete(key);
      if (this.#entries.size === 0) return;
      this.#looks++;
      for await (const line of this.#tables()) this.#take(line);
      for (const entry of this.#entries.values()) if (entry.seen !== this.#looks) entry.sinceMs = null;
    } catch (error) {
      // Without an answer nothing is known, and nobody is dropped for that; the next look asks again.
      this.#log.warn('the kernel does not tell about connections', { detail: describeError(error) });
    } finally {
      this.#isLooking = false;
    }
  }

  stop(): void {
    this.#timer.cancel();
    this.#entries.clear();
  }

  #take(line: string): void {
    const found = readLine(line);
    if (found === null || found.unanswered < limits.vanishedUnansweredMin) return;
    const entry = this.#entries.get(found.key);
    if (entry === undefined || entry.peer.closed) return;
    const nowMs = this.#clock.monotonic();
    // Fewer than before: there was an answer in between.
    if (entry.sinceMs === null || found.unanswered < entry.unanswered) entry.sinceMs = nowMs;
    entry.unanswered = found.unanswered;
    entry.seen = this.#looks;
    if (nowMs - entry.sinceMs < limits.vanishedAfterMs) return;
    this.#log.warn('a peer vanished', { peer: entry.peer.remoteAddress, unanswered: found.unanswered });
    entry.peer.destroy(Object.assign(new Error('the peer vanished'), { code: 'ETIMEDOUT' }));
  }
}

/**
 * One line of /proc/net/tcp or tcp6. Null for what is not a connection with something unanswered.
 *
 * | field | holds                                                                             |
 * |-------|-----------------------------------------------------------------------------------|
 * | 1, 2  | local and remote address, hexadecimal, `ADDRESS:PORT`                             |
 * | 6     | retransmissions in a row without an answer, hexadecimal                           |
 * | 8     | probes in a row without an answer, of keepalive or of a full receiver, decimal    |
 */
function readLine(line: string): { key: string; unanswered: number } | null {
  const [, local = '', remote = '', , , , retransmitted = '', , probed = ''] = line.trim().split(/\s+/);
  const unanswered = Number.parseInt(retransmitted, 16) + Number(probed);
  // The heading is not a number.
  if (!(unanswered > 0)) return null;
  return { key: `${local.slice(local.indexOf(':') + 1)} ${remote}`, unanswered };
}

const hexadecimal = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0');

/** As the kernel spells it: 32-bit words in the machine's own byte order. */
function keyOf(localPort: number, address: string, port: number): string {
  const bytes = addressBytes(address);
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4);
    if (endianness() === 'LE') word.reverse();
    words.push(...word.map((byte) => hexadecimal(byte, 2)));
  }
  return `${hexadecimal(localPort, 4)} ${words.join('')}:${hexadecimal(port, 4)}`;
}

/** The 4 or 16 bytes of an address in text form; empty for what is none, which then matches nothing. */
function addressBytes(text: string): number[] {
  const address = text.replace(/%.*$/, '');
  if (isIP(address) === 4) return address.split('.').map(Number);
  if (isIP(address) !== 6) return [];
  const bytesOf = (part: string): number[] =>
    part === ''
      ? []
      : part.split(':').flatMap((group) => {
          if (group.includes('.')) return group.split('.').map(Number);
          const value = Number.parseInt(group, 16);
          return [value >> 8, value & 0xff];
        });
  const [head = '', tail] = address.split('::');
  const before = bytesOf(head);
  if (tail === undefined) return before;
  const after = bytesOf(tail);
  return [...before, ...new Array<number>(16 - before.length - after.length).fill(0), ...after];
}

async function* systemTables(): AsyncGenerator<string> {
  for (const path of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let rest = '';
    try {
      // In pieces, so that ten thousand connections do not hold up the event loop.
      for await (const chunk of createReadStream(path, { encoding: 'latin1' })) {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop() ?? '';
        yield* lines;
      }
    } catch (error) {
      // Another system than Linux, or one without IPv6.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
