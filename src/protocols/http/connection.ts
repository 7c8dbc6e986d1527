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
import type { Duplex } from 'node:stream';
import type { Timer } from '../../base/clock.ts';
import { describeError, GatewayError, isGatewayError } from '../../base/errors.ts';
import type { Door } from '../../core/protocol.ts';
import { canonicalTarget, isHttpFault } from '../../language/index.ts';
import { type Answer, refusalOf } from './answers.ts';
import type { ClientExchange, RequestHead } from './client.ts';
import type { Conversation, Conversations } from './conversation.ts';
import { readingOf } from './credentials.ts';
import type { Dialect } from './dialect.ts';
import { httpErrors } from './errors.ts';
import { Exchange } from './exchange.ts';
import { checkFields, type Field, type FieldContext, firstOf, passedFields, valuesOf } from './fields.ts';
import * as limits from './limits.ts';
import { type Origin, originOf } from './origin.ts';
import { type BodyBudget, faultOf, readBody } from './request.ts';
import { schemeOf } from './settings.ts';
import { SignOn } from './sign-on.ts';
import { isNavigation, ownPathPrefix, Visits } from './visits.ts';

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
    if (this.isBusy || this.#isHeadBegun) return;
    this.#isHeadBegun = true;
    this.#timer?.cancel();
    this.#timer = this.door.clock.after(limits.headDeadlineMs, () => this.#parts.destroy());
  }

  close(): void {
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
    this.#deal(client).catch((error: unknown) => this.refuse(client, error));
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

  /** Whose request it is, for which resource, and what of its head goes on. Rejects with what the client is told. */
  async admit(head: RequestHead): Promise<Admitted | Answer> {
    const origin = this.#originOf(head);
    const target = canonicalTarget(head.target, { encodedSlashes: 'keep', semicolons: 'keep' });
    if (isHttpFault(target)) throw faultOf(target);
    if (target.path.toLowerCase().startsWith(ownPathPrefix)) {
      if (this.dialect.takesVisits) return this.#visits.answer(head, origin);
      const refusal = { status: 404, code: 'not-found', detail: 'The gateway has no such page here.' };
      return this.dialect.render(refusal, head.fields);
    }
    const conversation = await this.#conversation(head, origin);
    if (!(conversation instanceof Object && 'session' in conversation)) return conversation;
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
    const refusal = refusalOf(shown, [...challenge(shown, client.head.fields), ...closing]);
    this.say(client, this.dialect.render(refusal, client.head.fields));
  }

  say(client: ClientExchange, { status, fields, body }: Answer): void {
    if (client.isAnswered) {
      client.tear();
      return;
    }
    const bodyless = client.head.method === 'HEAD' || body.length === 0;
    client.answer(status, fields, bodyless);
    if (!bodyless) client.write(body);
    client.end([]);
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
    const deal = this.#deal(client).catch((error: unknown) => this.refuse(client, error));
    void deal.then(() => {
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

  async #deal(client: ClientExchange): Promise<void> {
    const { head } = client;
    checkFields(head.fields);
    assertFraming(client);
    if (head.method === 'CONNECT' || head.method === 'TRACE') {
      throw httpErrors('http.method-refused', { values: { method: head.method } });
    }
    const admitted = await this.admit(head);
    if (!('conversation' in admitted)) return this.say(client, admitted);
    const { conversation, context, passed } = admitted;
    const { resource } = conversation.session;
    const body = await readBody(client, this.door, this.#budget, readingOf(this.dialect, resource));
    const understood = this.dialect.understand({ client, passed, body, resource, upgrade: null });
    const left = conversation.leftFor(understood, passed);
    if (left !== null) left.comeAgain(client);
    else new Exchange({ conversation, client, door: this.door, context, understood }).start();
  }

  #originOf(head: RequestHead): Origin {
    const { version, authority, fields } = head;
    const { serverName } = this.#parts;
    const { handshakeNames } = this.dialect;
    return originOf({ version, authority, fields, serverName, domains: this.door.domains, handshakeNames });
  }

  /** The session, or where a browser is sent that has none. */
  async #conversation(head: RequestHead, origin: Origin): Promise<Conversation | Answer> {
    try {
      return await this.#signOn.conversation(head, origin);
    } catch (error) {
      const needsVisit =
        isGatewayError(error) &&
        ['http.no-proof', 'core.not-authenticated', 'core.step-up-required'].includes(error.code) &&
        valuesOf(head.fields, 'authorization').length === 0;
      if (needsVisit && this.dialect.takesVisits && isNavigation(head)) {
        return this.#visits.begin(head, origin, error.code !== 'core.step-up-required');
      }
      throw error;
    }
  }

  #rest(): void {
    this.#isHeadBegun = false;
    this.#timer?.cancel();
    this.#timer = this.door.clock.after(limits.keepAliveMs, () => this.#parts.destroy());
  }
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

/** Ends a stream of bytes with an answer that is all of it: for what was never a request. */
export function sayRaw(socket: Duplex, error: GatewayError, { render }: Pick<Dialect, 'render'>): void {
  const { status, fields, body } = render(refusalOf(error), []);
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Refused\r\n${lines}Connection: close\r\n\r\n`), body]));
}
