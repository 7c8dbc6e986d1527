/**
 * One session of HTTP: what its exchanges share, whichever connections they came by.
 *
 * Invariants: the end of the session answers or tears every exchange and closes every connection to the
 * target (I11); without an exchange for `idle_timeout` it ends.
 */
import type { Timer } from '../../base/clock.ts';
import { describeError, isGatewayError } from '../../base/errors.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { UpstreamCredential } from '../../core/ports.ts';
import type { Door } from '../../core/protocol.ts';
import type { PendingReview } from '../../core/review.ts';
import type { Command, Session, SessionEnding } from '../../core/session.ts';
import { RequestCredential, secretsOf } from './credentials.ts';
import type { Dialect } from './dialect.ts';
import type { Exchange, ExchangeParts } from './exchange.ts';
import { type Field, type FieldContext, passedFields, shownFields, withFields } from './fields.ts';
import * as limits from './limits.ts';
import type { Understood } from './request.ts';
import type { Secrets } from './secrets.ts';
import type { HttpSettings } from './settings.ts';
import { type Slot, Upstreams } from './upstream.ts';
import { repeatKey, Waiting, type WaitingParts } from './waiting.ts';

/** What the end of a session, or of a limit, reaches. */
export interface Cuttable {
  readonly command: Command | null;
  /** The session ends: says so where nothing was said yet, and lets go of both sides. */
  cut(ending: SessionEnding): void;
  /** A limit on the command was passed. */
  limited(limit: OutputLimit): void;
  /** Somebody was asked to approve the command. Again now and then while it waits. */
  held?(review: PendingReview): void;
}

export class Conversation {
  readonly session: Session;
  readonly dialect: Dialect;
  readonly settings: HttpSettings;
  readonly upstreams: Upstreams;
  readonly #door: Door;
  readonly #exchanges = new Set<Cuttable>();
  /** Held requests that their clients were told to repeat, by what makes a repetition. */
  readonly #left = new Map<string, Exchange>();
  readonly #idle: Timer;
  /** For the credential as it was last. */
  #secrets: { readonly known: string; readonly secrets: Secrets } | null = null;

  constructor(session: Session, door: Door, dialect: Dialect) {
    this.session = session;
    this.dialect = dialect;
    this.#door = door;
    this.settings = dialect.settingsOf(session.resource);
    this.upstreams = new Upstreams(session, door, this.settings);
    session.onEnding = (ending) => this.#end(ending, door);
    session.onOverdue = (command, limit) => {
      for (const exchange of this.#exchanges) if (exchange.command === command) exchange.limited(limit);
    };
    session.onHeld = (command, review) => {
      for (const exchange of this.#exchanges) if (exchange.command === command) exchange.held?.(review);
    };
    const { idleMs } = this.settings;
    this.#idle = door.clock.every(Math.min(60_000, Math.max(1_000, idleMs / 4)), () => {
      if (session.ended) return this.#idle.cancel();
      if (this.#exchanges.size > 0 || session.idleMs < idleMs) return;
      session.end({ reason: 'idle', message: 'The session was not used.', code: null, by: null });
    });
  }

  join(exchange: Cuttable): void {
    this.#exchanges.add(exchange);
  }

  leave(exchange: Cuttable): void {
    this.#exchanges.delete(exchange);
  }

  /** The request that a client was told to repeat, where this is it. */
  leftFor(understood: Understood, passed: readonly Field[]): Exchange | null {
    const left = this.#left.size === 0 ? undefined : this.#left.get(repeatKey(understood, passed));
    return left?.isLeft === true ? left : null;
  }

  /** How an exchange waits for a human; `forget` once it does not any more. */
  waitingOf(
    exchange: Exchange,
    { client, context, understood }: ExchangeParts,
    ends: Pick<WaitingParts, 'dismiss' | 'giveUp'>,
  ): { readonly waiting: Waiting; readonly forget: () => void } {
    let key: string | null = null;
    const leave = (): boolean => {
      key ??= repeatKey(understood, passedFields(client.head.fields, context));
      if (!this.#left.has(key) && this.#left.size >= limits.leftMax) return false;
      this.#left.set(key, exchange);
      return true;
    };
    const { clock } = this.#door;
    const waiting = new Waiting({ clock, holdMs: this.settings.holdMs, leave, ...ends }, client.head.fields);
    const forget = (): void => {
      waiting.end();
      if (key !== null && this.#left.get(key) === exchange) this.#left.delete(key);
    };
    return { waiting, forget };
  }

  /** The head of a request as the target gets it, and what may be shown of it. */
  dress(
    passed: readonly Field[],
    context: FieldContext,
    credential: { readonly fields: readonly Field[] },
  ): { readonly sent: Field[]; readonly shown: Field[] } {
    const own = this.dialect.ownFields(this.session, context);
    return {
      sent: withFields(withFields(passed, credential.fields), own),
      shown: shownFields(withFields(passed, own)),
    };
  }

  /** What a request needs to be sent: at once where it is there. `failed`: it is not to be had, or `send` threw. */
  ready(send: (credential: RequestCredential, slot: Slot) => void, failed: (error: unknown) => void): void {
    try {
      // Where there is none, nobody must be asked for it.
      const credential = this.session.resource.credential === null ? this.#credentialOf(null) : null;
      const slot = credential === null ? null : this.upstreams.slotNow();
      if (credential !== null && slot !== null) send(credential, slot);
      else this.#readyLater(send).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  async #readyLater(send: (credential: RequestCredential, slot: Slot) => void): Promise<void> {
    const credential = await this.credential();
    send(credential, await this.upstreams.slot());
  }

  /** What the gateway adds to a request, and what must not come back of it. */
  async credential(): Promise<RequestCredential> {
    return this.#credentialOf(await this.#revealed());
  }

  #credentialOf(credential: UpstreamCredential | null): RequestCredential {
    const { resource } = this.session;
    const fields = this.dialect.credentialFields(this.session, credential);
    const secrets = this.#secretsOf(credential, fields);
    return new RequestCredential(credential, fields, secrets, resource, () => this.#door.clock.now());
  }

  /** Why it is not to be had is for whoever runs the gateway, and never for who asks. */
  async #revealed(): Promise<UpstreamCredential | null> {
    try {
      return await this.session.credential();
    } catch (error) {
      const { name: resource } = this.session.resource;
      this.#door.log.warn('the credential of a resource is not available', { resource, detail: detailOf(error) });
      throw error;
    }
  }

  #secretsOf(credential: UpstreamCredential | null, fields: readonly Field[]): Secrets {
    const known = JSON.stringify([fields, credential?.aws ?? null]);
    if (this.#secrets?.known !== known) this.#secrets = { known, secrets: secretsOf(credential) };
    return this.#secrets.secrets;
  }

  #end(ending: SessionEnding, door: Door): void {
    this.#idle.cancel();
    for (const exchange of [...this.#exchanges]) exchange.cut(ending);
    this.#exchanges.clear();
    this.upstreams.destroy();
    this.#secrets = null;
    door.clock.after(limits.goodbyeLingerMs, () => this.session.finish());
  }
}

function detailOf(error: unknown): string {
  return (isGatewayError(error) ? error.detail : null) ?? describeError(error);
}

/** The conversations of one listener's protocol, by their sessions. */
export class Conversations {
  readonly #of = new WeakMap<Session, Conversation>();
  readonly #dialect: Dialect;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  of(session: Session, door: Door): Conversation {
    let conversation = this.#of.get(session);
    if (conversation === undefined) {
      conversation = new Conversation(session, door, this.#dialect);
      this.#of.set(session, conversation);
    }
    return conversation;
  }
}
