/**
 * One connection of a client: which requests come on it, one after another or side by side, and what each of them is for.
 *
 * Invariants:
 * - Requests of HTTP/1.1 are dealt with one after another: nothing overtakes a command that changed something.
 * - A connection whose bytes were not HTTP is closed, and nothing of them became a request (A-HTTP-01).
 * - A head must arrive in time, and a connection without requests does not stay (A-HTTP-11).
 *
 * Deliberately absent: TLS and the choice of version (server.ts), what an exchange does (exchange.ts).
 */
import type { Timer } from '../../base/clock.ts';
import { describeError, GatewayError, isGatewayError } from '../../base/errors.ts';
import type { Door } from '../../core/protocol.ts';
import { canonicalTarget, isHttpFault } from '../../language/index.ts';
import { type Answer, give, refusalOf } from './answers.ts';
import type { ClientExchange, RequestHead } from './client.ts';
import type { Conversation, Conversations } from './conversation.ts';
import { readingOf } from './credentials.ts';
import type { Dialect } from './dialect.ts';
import { httpErrors } from './errors.ts';
import { Exchange } from './exchange.ts';
import { checkFields, type Field, type FieldContext, firstOf, passedFields, valuesOf } from './fields.ts';
import { headText } from './head.ts';
import * as limits from './limits.ts';
import { type Origin, originOf } from './origin.ts';
import { type BodyBudget, faultOf, noBody, type ReadBody, readBody } from './request.ts';
import { schemeOf } from './settings.ts';
import { SignOn } from './sign-on.ts';
import { isNavigation, ownPathPrefix, Visits } from './visits.ts';
import { preferenceOf } from './waiting.ts';

export interface ConnectionParts {
  readonly door: Door;
  readonly dialect: Dialect;
  readonly conversations: Conversations;
  readonly scheme: 'http' | 'https';
  /** What the client named in its TLS handshake, or null. */
  readonly serverName: string | null;
  /** What the client showed there, in DER, or null. */
  readonly certificate: Buffer | null;
  /** Ends the connection. */
  readonly destroy: () => void;
}

/** A request that may be submitted: whose it is, and for what. */
export interface Admitted {
  readonly conversation: Conversation;
  readonly context: FieldContext;
  readonly passed: readonly Field[];
}

export class Connection {
  readonly door: Door;
  readonly dialect: Dialect;
  readonly #parts: ConnectionParts;
  readonly #signOn: SignOn;
  readonly #visits: Visits;
  readonly #budget: BodyBudget = { bytes: 0 };
  readonly #queue: ClientExchange[] = [];
  #active = 0;
  #timer: Timer | null = null;
  #isHeadBegun = false;
  /** Its bytes were not what they should be: whatever follows on it is not taken for requests. */
  #isBroken = false;
  #isClosed = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.door = parts.door;
    this.dialect = parts.dialect;
    this.#signOn = new SignOn(parts.door, parts.conversations, parts.scheme, parts.certificate);
    this.#visits = new Visits(parts.door, parts.scheme);
    this.#rest();
  }

  /** True while a request is being dealt with. */
  get isBusy(): boolean {
    return this.#active > 0 || this.#queue.length > 0;
  }

  /**
   * What came is no HTTP, or no end of a body. True where the request that it broke off is told so; the connection ends
   * either way.
   */
  breakOff(error: GatewayError): boolean {
    this.#isBroken = true;
    const [client] = this.#queue;
    if (client === undefined || this.#queue.length > 1 || client.isAnswered || client.isGone) return false;
    this.say(client, this.dialect.render(refusalOf(error, [['Connection', 'close']]), client.head.fields));
    return true;
  }

  /** Bytes came: a head must be whole in time. */
  touch(): void {
    if (this.isBusy || this.#isHeadBegun || this.#isClosed) return;
    this.#isHeadBegun = true;
    this.#timer?.cancel();
    this.#timer = this.door.clock.after(limits.headDeadlineMs, () => this.#parts.destroy());
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#queue.length = 0;
  }

  /** A request of HTTP/1.1: behind those before it. */
  takeNext(client: ClientExchange): void {
    if (this.#isBroken) return;
    if (this.#queue.length >= limits.pipelinedMax) {
      this.#parts.destroy();
      return;
    }
    this.#queue.push(client);
    if (this.#queue.length === 1) this.#dealWithNext();
  }

  /** A stream of HTTP/2: beside the others. */
  take(client: ClientExchange): void {
    this.begin();
    const over = client.onOver;
    client.onOver = () => {
      over?.();
      this.over();
    };
    this.#dealt(client, () => undefined);
  }

  begin(): void {
    this.#active++;
    this.#isHeadBegun = false;
    this.#timer?.cancel();
  }

  over(): void {
    this.#active--;
    if (!this.isBusy) this.#rest();
  }

  /**
   * Whose request it is, for which resource, and what of its head goes on; at once where that is known. Throws or rejects with
   * what the client is told.
   */
  admit(head: RequestHead): Admitted | Answer | Promise<Admitted | Answer> {
    const origin = this.#originOf(head);
    if (pathOf(head.target).toLowerCase().startsWith(ownPathPrefix)) {
      if (this.dialect.takesVisits) return this.#visits.answer(head, origin);
      const refusal = { status: 404, code: 'not-found', detail: 'The gateway has no such page here.' };
      return this.dialect.render(refusal, head.fields);
    }
    const conversation = this.#conversation(head, origin);
    if (conversation instanceof Promise) return conversation.then((one) => this.#admitted(head, origin, one));
    return this.#admitted(head, origin, conversation);
  }

  #admitted(head: RequestHead, origin: Origin, conversation: Conversation | Answer): Admitted | Answer {
    if (!('session' in conversation)) return conversation;
    const { resource } = conversation.session;
    const context: FieldContext = {
      method: head.method,
      source: this.door.connection.source,
      scheme: this.#parts.scheme,
      authority: origin.authority,
      upstreamScheme: schemeOf(resource),
      upstreamAuthority: conversation.settings.authority,
    };
    return { conversation, context, passed: passedFields(head.fields, context) };
  }

  /** Tells the client why not, if it can still be told. */
  refuse(client: ClientExchange, error: unknown): void {
    const known = isGatewayError(error) && error.kind !== 'assertion' ? error : null;
    if (known === null) this.door.log.error('a request failed', { detail: describeError(error) });
    if (known?.kind === 'protocol') this.door.violation('client', known.code, known.detail ?? known.publicMessage);
    const shown = known ?? new GatewayError('http.failed', 'operation', 'The gateway met an internal error.');
    const isBroken = known?.kind === 'protocol' && client.head.version !== '2';
    if (isBroken) this.#isBroken = true;
    const closing: Field[] = isBroken ? [['Connection', 'close']] : [];
    const again: Field[] =
      shown.code === 'core.access-pending' ? [['Retry-After', String(limits.comeAgainSeconds)]] : [];
    const refused = refusalOf(shown, [...challenge(shown, client.head.fields), ...again, ...closing]);
    const isLater = again.length > 0 && preferenceOf(client.head.fields).isAsync;
    const refusal = isLater ? { ...refused, status: 202 } : refused;
    this.say(client, this.dialect.render(refusal, client.head.fields));
  }

  say(client: ClientExchange, answer: Answer): void {
    give(client, answer);
  }

  #dealWithNext(): void {
    if (this.#isBroken) {
      this.#queue.length = 0;
      this.door.clock.after(limits.goodbyeLingerMs, () => this.#parts.destroy());
      return;
    }
    while (this.#queue[0]?.isGone === true) this.#queue.shift();
    const [client] = this.#queue;
    if (client === undefined) {
      this.#rest();
      return;
    }
    this.begin();
    let isOver = false;
    this.#dealt(client, () => {
      // The exchange has its own ear by now; this one comes behind it.
      const over = client.onOver;
      const next = (): void => {
        if (isOver) return;
        isOver = true;
        this.#queue.shift();
        this.#active--;
        this.#dealWithNext();
      };
      client.onOver = () => {
        over?.();
        next();
      };
      if (client.isGone) next();
    });
  }

  /** Deals with a request, and calls back once it was dealt with, or refused. Most are dealt with at once. */
  #dealt(client: ClientExchange, then: () => void): void {
    const refuse = (error: unknown): void => this.refuse(client, error);
    try {
      const deal = this.#deal(client);
      if (deal instanceof Promise) {
        void deal.catch(refuse).then(then);
        return;
      }
    } catch (error) {
      refuse(error);
    }
    then();
  }

  #deal(client: ClientExchange): void | Promise<void> {
    const { head } = client;
    checkFields(head.fields);
    assertFraming(client);
    if (head.method === 'CONNECT' || head.method === 'TRACE') {
      throw httpErrors('http.method-refused', { values: { method: head.method } });
    }
    const admitted = this.admit(head);
    if (admitted instanceof Promise) return admitted.then((one) => this.#dealWith(client, one));
    return this.#dealWith(client, admitted);
  }

  #dealWith(client: ClientExchange, admitted: Admitted | Answer): void | Promise<void> {
    if (!('conversation' in admitted)) return this.say(client, admitted);
    if (!client.hasBody) return this.#begin(client, admitted, noBody);
    const reading = readingOf(this.dialect, admitted.conversation.session.resource, client.head);
    return readBody(client, this.door, this.#budget, reading).then((body) => this.#begin(client, admitted, body));
  }

  #begin(client: ClientExchange, { conversation, context, passed }: Admitted, body: ReadBody): void {
    const { resource } = conversation.session;
    const understood = this.dialect.understand({ client, passed, body, resource, upgrade: null });
    const left = conversation.leftFor(understood, passed);
    if (left !== null) left.comeAgain(client);
    else new Exchange({ conversation, client, door: this.door, context, passed, understood }).start();
  }

  #originOf(head: RequestHead): Origin {
    const { version, authority, fields } = head;
    const { serverName } = this.#parts;
    const { handshakeNames } = this.dialect;
    return originOf({ version, authority, fields, serverName, domains: this.door.domains, handshakeNames });
  }

  /** The session, or where a browser is sent that has none. */
  #conversation(head: RequestHead, origin: Origin): Conversation | Answer | Promise<Conversation | Answer> {
    try {
      const conversation = this.#signOn.conversation(head, origin);
      if (!(conversation instanceof Promise)) return conversation;
      return conversation.catch((error: unknown) => this.#unproven(head, origin, error));
    } catch (error) {
      return this.#unproven(head, origin, error);
    }
  }

  /** Throws what the client is told, where it is not sent to sign on. */
  #unproven(head: RequestHead, origin: Origin, error: unknown): Answer | Promise<Answer> {
    const needsVisit =
      isGatewayError(error) &&
      ['http.no-proof', 'core.not-authenticated', 'core.step-up-required'].includes(error.code) &&
      valuesOf(head.fields, 'authorization').length === 0;
    if (needsVisit && this.dialect.takesVisits && isNavigation(head)) {
      return this.#visits.begin(head, origin, error.code !== 'core.step-up-required');
    }
    throw error;
  }

  #rest(): void {
    if (this.#isClosed) return;
    this.#isHeadBegun = false;
    this.#timer?.cancel();
    this.#timer = this.door.clock.after(limits.keepAliveMs, () => this.#parts.destroy());
  }
}

/** What of targets is canonical whatever the resource says of slashes and semicolons: nearly all of them. */
const plainTarget = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/;

/** The path of a target in its one spelling. Throws where it has none. */
function pathOf(target: string): string {
  if (target.length <= limits.targetBytesMax && plainTarget.test(target)) return target;
  const canonical = canonicalTarget(target, { encodedSlashes: 'keep', semicolons: 'keep' });
  if (isHttpFault(canonical)) throw faultOf(canonical);
  return canonical.path;
}

/** How a client may say who it is (RFC 9110, section 11.6.1). */
function challenge({ code }: GatewayError, asked: readonly Field[]): Field[] {
  if (code !== 'http.no-proof' && code !== 'core.not-authenticated') return [];
  const bearer: Field = ['WWW-Authenticate', 'Bearer realm="Sallyport"'];
  // A browser would ask for a password of its own accord, in the middle of a page.
  if (firstOf(asked, 'sec-fetch-mode') !== null) return [bearer];
  return [bearer, ['WWW-Authenticate', 'Basic realm="Sallyport", charset="UTF-8"']];
}

/** What Node's parser lets pass and two servers could frame differently (A-HTTP-01). */
export function assertFraming({ head }: ClientExchange): void {
  const codings = valuesOf(head.fields, 'transfer-encoding');
  const lengths = valuesOf(head.fields, 'content-length');
  const what =
    head.version === '0.9'
      ? 'it names no version of HTTP'
      : codings.length > 1 || (codings.length === 1 && codings[0]!.toLowerCase() !== 'chunked')
        ? 'its Transfer-Encoding is other than chunked'
        : codings.length > 0 && (lengths.length > 0 || head.version === '1.0')
          ? 'it frames its body in two ways'
          : lengths.length > 1 || lengths.some((length) => !/^[0-9]{1,15}$/.test(length))
            ? 'its Content-Length is none'
            : null;
  if (what !== null) throw httpErrors('http.malformed', { values: { what } });
}

/** An answer that is all that a connection says: for what was never a request. */
export function rawAnswer(error: GatewayError, { render }: Pick<Dialect, 'render'>): Buffer {
  const { status, fields, body } = render(refusalOf(error), []);
  const text = headText(`HTTP/1.1 ${status} Refused`, [...fields, ['Connection', 'close']]);
  return Buffer.concat([Buffer.from(text, 'latin1'), body]);
}
