/**
 * The gate's conversation with the real server: request ids of our own, who waits for which answer, and until when.
 *
 * Invariants:
 * - Ids towards the server are ours; a client never sees or chooses one. An answer to an id that nobody waits for, or of
 *   a type that the request cannot have, ends the conversation (a server that makes answers up).
 * - Every wait has a deadline. After `close` nothing is sent, and who still waits is told so.
 */
import type { Clock, Timer } from '../../../base/clock.ts';
import { ownedOf } from '../../../base/regions.ts';
import type { Command } from '../../../core/session.ts';
import { sftpErrors } from './errors.ts';
import * as limits from './limits.ts';
import { type Reply, readReply } from './replies.ts';
import { type Request, writeRequest } from './requests.ts';

type WithoutId<R> = R extends { readonly id: number } ? Omit<R, 'id'> : never;
/** A request before it has an id. */
export type Unnumbered = WithoutId<Exclude<Request, { readonly type: 'unsupported' }>>;

/** Takes an answer. `frame` is the whole message, the taker's own unless it was asked for by `sendLent`. */
export type Taker = (reply: Reply, frame: Buffer) => void;

interface Waiting {
  readonly answers: readonly Reply['type'][];
  readonly take: Taker;
  /** The taker keeps nothing of the answer. */
  readonly borrows: boolean;
  readonly failed: (error: Error) => void;
  readonly dueMs: number;
}

const answers: Readonly<Record<Unnumbered['type'], readonly Reply['type'][]>> = {
  open: ['handle'],
  opendir: ['handle'],
  read: ['data'],
  readdir: ['name'],
  stat: ['attributes'],
  lstat: ['attributes'],
  fstat: ['attributes'],
  realpath: ['name'],
  readlink: ['name'],
  'expand-path': ['name'],
  'home-directory': ['name'],
  statvfs: ['extended'],
  fstatvfs: ['extended'],
  limits: ['extended'],
  'users-groups-by-id': ['extended'],
  close: [],
  write: [],
  setstat: [],
  lsetstat: [],
  fsetstat: [],
  mkdir: [],
  rmdir: [],
  remove: [],
  rename: [],
  'posix-rename': [],
  hardlink: [],
  symlink: [],
  fsync: [],
  'copy-data': [],
};

export interface ConversationEnds {
  /** Sends what belongs to a released command. */
  forward(view: Buffer, command: Command): void;
  /** Sends one of the gateway's own questions. */
  question(view: Buffer): void;
  /** The server did not answer in time. */
  overdue(error: Error): void;
}

export class Conversation {
  readonly #clock: Clock;
  readonly #ends: ConversationEnds;
  readonly #waiting = new Map<number, Waiting>();
  readonly #timer: Timer;
  #next = 1;
  #closed: Error | null = null;

  constructor(clock: Clock, ends: ConversationEnds) {
    this.#clock = clock;
    this.#ends = ends;
    this.#timer = clock.every(limits.deadlineIntervalMs, () => this.#checkDeadlines());
  }

  /** Requests without an answer. */
  get outstanding(): number {
    return this.#waiting.size;
  }

  /** Sends a request of a released command. `take` is called at most once, unless the conversation ends first. */
  send(command: Command, request: Unnumbered, take: Taker, failed: (error: Error) => void = () => {}): void {
    if (this.#closed !== null) {
      failed(this.#closed);
      return;
    }
    const frame = this.#number(request, take, failed, limits.requestDeadlineMs);
    this.#ends.forward(frame, command);
  }

  /** As `send`; the answer may lie in a region (base/regions.ts), and then is the taker's during the call only. */
  sendLent(command: Command, request: Unnumbered, take: Taker): void {
    if (this.#closed !== null) return;
    this.#ends.forward(
      this.#number(request, take, () => {}, limits.requestDeadlineMs, true),
      command,
    );
  }

  /** As `send`, with a message that is whole but for its id, which is written into it. */
  sendFrame(command: Command, type: Unnumbered['type'], frame: Buffer, take: Taker): void {
    if (this.#closed !== null) return;
    frame.writeUInt32BE(
      this.#wait(type, take, () => {}, limits.requestDeadlineMs),
      5,
    );
    this.#ends.forward(frame, command);
  }

  /** As `send`, as a promise; rejects when the conversation ends first. */
  request(command: Command, request: Unnumbered): Promise<Reply> {
    return new Promise((resolve, reject) => this.send(command, request, resolve, reject));
  }

  /** A question of the gateway's own. It changes nothing, and its answer is not the client's. */
  ask(request: Unnumbered): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== null) return reject(this.#closed);
      this.#ends.question(this.#number(request, resolve, reject, limits.questionDeadlineMs));
    });
  }

  /** Takes one frame of the server, which may be lent. Throws where it is malformed, or answers what was not asked. */
  take(frame: Buffer): void {
    const reply = readReply(frame);
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) throw sftpErrors('sftp.unknown-reply', { detail: `id ${reply.id}` });
    if (reply.type !== 'status' && !waiting.answers.includes(reply.type)) {
      throw sftpErrors('sftp.unknown-reply', { detail: `${reply.type} for a request that has none` });
    }
    this.#waiting.delete(reply.id);
    const own = waiting.borrows ? frame : ownedOf(frame);
    waiting.take(own === frame ? reply : readReply(own), own);
  }

  close(error: Error): void {
    if (this.#closed !== null) return;
    this.#closed = error;
    this.#timer.cancel();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) one.failed(error);
  }

  #number(request: Unnumbered, take: Taker, failed: (error: Error) => void, withinMs: number, borrows = false): Buffer {
    const id = this.#wait(request.type, take, failed, withinMs, borrows);
    return writeRequest({ ...request, id } as Exclude<Request, { readonly type: 'unsupported' }>);
  }

  #wait(
    type: Unnumbered['type'],
    take: Taker,
    failed: (error: Error) => void,
    withinMs: number,
    borrows = false,
  ): number {
    const id = this.#next;
    // An id comes again after 2^32 requests; by then the first is answered, or its deadline has passed.
    this.#next = (this.#next + 1) >>> 0;
    this.#waiting.set(id, { answers: answers[type], take, borrows, failed, dueMs: this.#clock.monotonic() + withinMs });
    return id;
  }

  #checkDeadlines(): void {
    const now = this.#clock.monotonic();
    for (const { dueMs } of this.#waiting.values()) {
      if (dueMs > now) continue;
      this.#ends.overdue(sftpErrors('sftp.unanswered'));
      return;
    }
  }
}
