/**
 * One order of a certificate (RFC 8555, section 7.4): account, order, proof of each name, request, certificate.
 *
 * Invariants: the whole order has a deadline and can be broken off; what was offered as a proof is withdrawn, however it
 * ends; what is answered is a certificate for the names that were asked for, by the key that was made for it.
 *
 * Deliberately absent: when to order, and what a failure means (acme.ts); revocation, which takes a person at the server.
 */
import { X509Certificate } from 'node:crypto';
import type { Authorization, Client, Order } from 'acme-client';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { AcmeConfig, ChallengeType } from './acme-config.ts';
import { AcmeTransport } from './acme-transport.ts';
import { gatewayErrors } from './errors.ts';
import * as limits from './limits.ts';

type Challenge = Authorization['challenges'][number];
type Library = typeof import('acme-client');

/** What shows that a name is ours. */
export interface Proof {
  /** The name, without the `*.` of a wildcard. */
  readonly name: string;
  readonly token: string;
  /** What the server must find: the key authorization, or for DNS-01 what stands in the record. */
  readonly value: string;
}

/** Where proofs are shown. */
export interface Prover {
  readonly type: ChallengeType;
  /** Resolves when the server may look. */
  offer(proofs: readonly Proof[], signal: AbortSignal): Promise<void>;
  /** Also what a broken `offer` left. */
  withdraw(): Promise<void>;
}

export interface OrderParts {
  readonly config: AcmeConfig;
  readonly names: readonly string[];
  /** PEM. */
  readonly accountKey: string;
  /** HMAC key of the external account binding; null where there is none. */
  readonly bindingKey: string | null;
  readonly prover: Prover;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** PEM of both. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

/** Rejects with `gateway.acme`, or with the signal's reason. */
export async function orderCertificate(parts: OrderParts): Promise<Issued> {
  const { clock, signal } = parts;
  const deadline = new AbortController();
  const timer = clock.after(limits.acmeOrderDeadlineMs, () => deadline.abort(new Error('the order took too long')));
  const both = AbortSignal.any([signal, deadline.signal]);
  let transport: AcmeTransport | null = null;
  try {
    transport = await AcmeTransport.open({ ca: parts.config.ca, clock, signal: both });
    return await transport.carry((library) => new Ordering({ ...parts, signal: both }, library).run());
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new OrderError(deadline.signal.aborted ? deadline.signal.reason : cause, transport?.retryAfterMs ?? null);
  } finally {
    timer.cancel();
  }
}

/** Why there is no certificate; `retryAfterMs` where the server said how long to wait. */
export class OrderError extends Error {
  readonly retryAfterMs: number | null;

  constructor(cause: unknown, retryAfterMs: number | null = null) {
    const problem = readable(describeError(cause));
    super(gatewayErrors('gateway.acme', { values: { problem } }).publicMessage, { cause });
    this.retryAfterMs = retryAfterMs;
  }
}

/** A server's words may be of any kind. */
function readable(text: string): string {
  return text.replace(/[\p{C}\p{Z}]+/gu, ' ').slice(0, limits.acmeReasonLengthMax);
}

class Ordering {
  readonly #parts: OrderParts;
  readonly #library: Library;
  readonly #client: Client;

  constructor(parts: OrderParts, library: Library) {
    const { config, accountKey, bindingKey } = parts;
    const binding = config.externalAccountBinding;
    this.#parts = parts;
    this.#library = library;
    this.#client = new library.Client({
      directoryUrl: config.directory,
      accountKey,
      ...(binding === null ? {} : { externalAccountBinding: { kid: binding.keyId, hmacKey: bindingKey ?? '' } }),
    });
  }

  async run(): Promise<Issued> {
    const { names } = this.#parts;
    await this.#account();
    const order = await this.#client.createOrder({ identifiers: names.map((value) => ({ type: 'dns', value })) });
    await this.#prove(order);
    await this.#until('the order', async () => ((await this.#order(order)).status === 'pending' ? null : true));
    const key = await this.#library.crypto.createPrivateEcdsaKey('P-256');
    const [, request] = await this.#library.crypto.createCsr({ altNames: [...names] }, key);
    await this.#client.finalizeOrder(order, request);
    const done = await this.#until('the certificate', async () => {
      const now = await this.#order(order);
      return now.status === 'valid' ? now : null;
    });
    const certificate = await this.#client.getCertificate(done);
    return checked({ certificate, key: key.toString('utf8') }, names);
  }

  /** Makes the account, or finds it again by its key. */
  async #account(): Promise<void> {
    const { email } = this.#parts.config;
    try {
      const contact = email === null ? {} : { contact: [`mailto:${email}`] };
      await this.#client.createAccount({ termsOfServiceAgreed: true, ...contact });
    } catch (error) {
      // The library goes on to write into an account that it found what it was given. Where that is nothing, servers refuse.
      if (email !== null || !this.#hasAccount()) throw error;
    }
  }

  #hasAccount(): boolean {
    try {
      return this.#client.getAccountUrl() !== '';
    } catch {
      // That is how the library says no.
      return false;
    }
  }

  /** The order as of now. Throws where it came to nothing. */
  async #order(order: Order): Promise<Order> {
    const now = await this.#client.getOrder(order);
    if (now.status !== 'invalid') return now;
    const { error } = now as { error?: unknown };
    throw new Error(`the server gave the order up: ${problemOf(error)}`);
  }

  async #prove(order: Order): Promise<void> {
    const { names, prover, signal } = this.#parts;
    const authorizations = await this.#client.getAuthorizations(order);
    const pending: { challenge: Challenge; proof: Proof }[] = [];
    for (const { status, identifier, challenges } of authorizations) {
      // Proved a while ago, and still believed.
      if (status === 'valid') continue;
      if (!names.some((name) => name.replace(/^\*\./, '') === identifier.value)) {
        throw new Error(`the server wants ${identifier.value} proved, which was not asked for`);
      }
      const challenge = challenges.find(({ type }) => type === prover.type);
      if (challenge === undefined) {
        const offered = challenges.map(({ type }) => type).join(', ');
        throw new Error(`the server does not take ${prover.type} for ${identifier.value}, but ${offered}`);
      }
      const value = await this.#client.getChallengeKeyAuthorization(challenge);
      const { token } = challenge as { token: string };
      pending.push({ challenge, proof: { name: identifier.value, token, value } });
    }
    if (pending.length === 0) return;
    try {
      await prover.offer(
        pending.map(({ proof }) => proof),
        signal,
      );
      for (const { challenge } of pending) await this.#client.completeChallenge(challenge);
      await this.#until('its proofs', async () => {
        const found = await this.#client.getAuthorizations(order);
        for (const authorization of found) refuseInvalid(authorization, prover.type);
        return found.every(({ status }) => status === 'valid') ? true : null;
      });
    } finally {
      await prover.withdraw();
    }
  }

  /** Asks until there is something. */
  async #until<T>(what: string, ask: () => Promise<T | null>): Promise<T> {
    const { clock, signal } = this.#parts;
    const begunMs = clock.monotonic();
    for (;;) {
      const found = await ask();
      if (found !== null) return found;
      if (clock.monotonic() - begunMs > limits.acmePollDeadlineMs) {
        throw new Error(`the server has not decided on ${what} in ${limits.acmePollDeadlineMs / 1000} seconds`);
      }
      await pause(limits.acmePollMs, clock, signal);
    }
  }
}

/** Waits; rejects with the signal's reason. */
export function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function refuseInvalid({ status, identifier, challenges }: Authorization, type: ChallengeType): void {
  if (status === 'valid' || status === 'pending') return;
  const found = challenges.find((challenge) => challenge.type === type);
  const { error } = (found ?? {}) as { error?: unknown };
  throw new Error(`the server did not find ${identifier.value} proved by ${type}: ${problemOf(error)}`);
}

/** What a server says (RFC 7807). */
function problemOf(problem: unknown): string {
  const { type, detail } = (problem ?? {}) as { type?: unknown; detail?: unknown };
  if (typeof detail === 'string' && detail !== '') return detail;
  return typeof type === 'string' ? type : 'it does not say why';
}

function checked(issued: Issued, names: readonly string[]): Issued {
  const leaf = new X509Certificate(issued.certificate);
  const missing = names.find((name) => !(leaf.subjectAltName ?? '').split(', ').includes(`DNS:${name}`));
  if (missing !== undefined) throw new Error(`the server gave a certificate without ${missing}`);
  return issued;
}
