/**
 * Notifications of changes: within this process, and between gateways that share a PostgreSQL.
 *
 * Invariants: listeners are called after the commit; a notification names what changed and never carries it; whenever
 * one may have been missed, listeners are told to `resync` (fail closed: a revocation must not be overlooked).
 * A change made here reaches our own listeners directly and other gateways through the database, in the transaction
 * that made it; the copy that the database sends back to us is known by its origin and dropped.
 *
 * Deliberately absent: delivery exactly once, or in order across gateways.
 */
import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { noticeBytesMax } from './limits.ts';
import type { Schema } from './schema.ts';
import type { IdNotice, LiveNotice, ObjectNotice, TokenNotice, Unsubscribe } from './types.ts';

export const channel = 'sallyport_store';
/** What only pictures need: apart, so that a gateway that knows less of it overlooks nothing that counts. */
export const liveChannel = 'sallyport_live';

type Listener<N> = (notice: N) => void;

/** What is announced by its ids alone, besides tokens. */
export type IdTopic = 'review' | 'grant' | 'response';

export class Notices {
  readonly #isShared: boolean;
  readonly #origin = randomUUID();
  readonly #objectListeners = new Set<Listener<ObjectNotice>>();
  readonly #tokenListeners = new Set<Listener<TokenNotice>>();
  readonly #idListeners: Readonly<Record<IdTopic, Set<Listener<IdNotice>>>> = {
    review: new Set(),
    grant: new Set(),
    response: new Set(),
  };
  readonly #liveListeners = new Set<Listener<LiveNotice>>();

  /** `isShared` tells whether other gateways may listen on the same database. */
  constructor(isShared: boolean) {
    this.#isShared = isShared;
  }

  onObject(listener: Listener<ObjectNotice>): Unsubscribe {
    // Wrapped, so that one function subscribed twice counts twice.
    const own = (notice: ObjectNotice): void => listener(notice);
    this.#objectListeners.add(own);
    return () => void this.#objectListeners.delete(own);
  }

  onToken(listener: Listener<TokenNotice>): Unsubscribe {
    const own = (notice: TokenNotice): void => listener(notice);
    this.#tokenListeners.add(own);
    return () => void this.#tokenListeners.delete(own);
  }

  onId(topic: IdTopic, listener: Listener<IdNotice>): Unsubscribe {
    const own = (notice: IdNotice): void => listener(notice);
    this.#idListeners[topic].add(own);
    return () => void this.#idListeners[topic].delete(own);
  }

  onLive(listener: Listener<LiveNotice>): Unsubscribe {
    const own = (notice: LiveNotice): void => listener(notice);
    this.#liveListeners.add(own);
    return () => void this.#liveListeners.delete(own);
  }

  /** Within the transaction that changes objects: tells the other gateways once it commits. */
  async shareObjects(transaction: Kysely<Schema>, names: readonly { kind: string; name: string }[]): Promise<void> {
    await this.#share(
      transaction,
      names.map(({ kind, name }) => JSON.stringify([this.#origin, 'object', kind, name])),
    );
  }

  /** Within the transaction that revokes tokens. */
  shareTokens(transaction: Kysely<Schema>, ids: readonly string[]): Promise<void> {
    return this.#shareIds(transaction, 'token', ids);
  }

  /** Within the transaction that changes reviews or grants. */
  shareIds(transaction: Kysely<Schema>, topic: IdTopic, ids: readonly string[]): Promise<void> {
    return this.#shareIds(transaction, topic, ids);
  }

  /** After the commit: tells our own listeners. */
  announceObjects(names: readonly { kind: string; name: string }[]): void {
    for (const { kind, name } of names) emit(this.#objectListeners, { type: 'changed', kind, name });
  }

  announceTokens(ids: readonly string[]): void {
    if (ids.length > 0) emit(this.#tokenListeners, { type: 'revoked', ids });
  }

  announceIds(topic: IdTopic, ids: readonly string[]): void {
    if (ids.length > 0) emit(this.#idListeners[topic], { type: 'changed', ids });
  }

  /** Within the transaction that changes sessions or alerts. */
  shareLive(transaction: Kysely<Schema>, topic: 'session' | 'alert', ids: readonly string[]): Promise<void> {
    return this.#shareIds(transaction, topic, ids, liveChannel);
  }

  announceLive(topic: 'session' | 'alert', ids: readonly string[]): void {
    if (ids.length > 0) emit(this.#liveListeners, { type: 'changed', topic, ids });
  }

  /** Says something to the other gateways, and not to ourselves; each text is at most `noticeBytesMax`. */
  async say(db: Kysely<Schema>, texts: readonly string[]): Promise<void> {
    await this.#share(
      db,
      texts.map((text) => JSON.stringify([this.#origin, 'said', text])),
      liveChannel,
    );
  }

  /** Takes what the database delivered on the channel of pictures. What we cannot read was for others. */
  receiveLive(payload: string): void {
    const [origin, topic, ...rest] = parse(payload) ?? [];
    if (origin === undefined || origin === this.#origin) return;
    if (topic === 'session' || topic === 'alert') this.announceLive(topic, rest);
    else if (topic === 'said') emit(this.#liveListeners, { type: 'said', text: rest[0]! });
  }

  /** Something may have been missed. */
  resync(): void {
    emit(this.#liveListeners, { type: 'resync' });
    emit(this.#objectListeners, { type: 'resync' });
    emit(this.#tokenListeners, { type: 'resync' });
    for (const listeners of Object.values(this.#idListeners)) emit(listeners, { type: 'resync' });
  }

  /** Takes a payload that the database delivered. What we cannot read may have been anything: `resync`. */
  receive(payload: string): void {
    const [origin, topic, ...rest] = parse(payload) ?? [];
    if (origin !== undefined && origin === this.#origin) return;
    const [kind, name] = rest;
    if (topic === 'token') this.announceTokens(rest);
    else if (topic === 'review' || topic === 'grant' || topic === 'response') this.announceIds(topic, rest);
    else if (topic === 'object' && kind !== undefined && name !== undefined) this.announceObjects([{ kind, name }]);
    else this.resync();
  }

  /** As many payloads as it takes for each to stay below the server's limit. */
  async #shareIds(transaction: Kysely<Schema>, topic: string, ids: readonly string[], on = channel): Promise<void> {
    const payloads: string[] = [];
    let part: string[] = [];
    let bytes = 0;
    for (const id of ids) {
      const size = Buffer.byteLength(JSON.stringify(id)) + 1;
      if (bytes + size > noticeBytesMax) {
        payloads.push(JSON.stringify([this.#origin, topic, ...part]));
        part = [];
        bytes = 0;
      }
      part.push(id);
      bytes += size;
    }
    if (part.length > 0) payloads.push(JSON.stringify([this.#origin, topic, ...part]));
    await this.#share(transaction, payloads, on);
  }

  async #share(transaction: Kysely<Schema>, payloads: readonly string[], on = channel): Promise<void> {
    if (!this.#isShared || payloads.length === 0) return;
    await sql`select pg_notify(${on}, payload)
      from jsonb_array_elements_text(${JSON.stringify(payloads)}::jsonb) as payloads(payload)`.execute(transaction);
  }
}

function parse(payload: string): readonly string[] | null {
  try {
    const value: unknown = JSON.parse(payload);
    if (!Array.isArray(value) || value.length < 3) return null;
    return value.every((part) => typeof part === 'string') ? (value as string[]) : null;
  } catch {
    return null;
  }
}

/**
 * Each listener is called from its own microtask: one that throws neither fails the change, which is committed, nor
 * keeps the notice from the others; it surfaces as an uncaught exception, which ends the process.
 */
function emit<N>(listeners: ReadonlySet<Listener<N>>, notice: N): void {
  for (const listener of listeners) {
    queueMicrotask(() => {
      if (listeners.has(listener)) listener(notice);
    });
  }
}
