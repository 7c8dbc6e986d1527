/**
 * An issuer of tokens: its discovery document and its keys, kept for a while (OpenID Connect Discovery 1.0, RFC 7517).
 *
 * Invariants: a document counts only where its `issuer` is exactly the one that is configured; of a key set only public RSA,
 * EC and OKP keys count, so that no secret key verifies anything (A-ID-01). A token with an unknown key makes one look for
 * new keys, at most one in half a minute, whoever sends however many (F-06).
 *
 * Deliberately absent: an issuer that stands for many tenants (`{tenantid}`): no token would say which is meant.
 */
import { randomInt } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet, type JWK, type LocalJWKSet } from 'jose';
import type { ServerMetadata } from 'openid-client';
import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import { BoundedMap } from '../bounded.ts';
import { type ProviderFetch, providerFetch } from '../fetching.ts';
import * as limits from '../limits.ts';
import { Kept } from './kept.ts';

/** The issuer gives no answer, or none that can be used; for the log. */
export class IssuerUnreachable extends Error {}

export interface KeySource {
  keys(): Promise<LocalJWKSet>;
  /** Whether there are other keys than `known` now. */
  newer(known: LocalJWKSet): Promise<boolean>;
}

export interface IssuerTarget {
  readonly issuer: string;
  readonly private: boolean;
  readonly ca?: string | undefined;
}

export interface IssuerParts {
  readonly clock: Clock;
  /** From 0 to 1; by chance unless given. */
  readonly random?: () => number;
}

export class Issuers {
  readonly #parts: IssuerParts;
  readonly #issuers = new BoundedMap<string, Issuer>(limits.issuersMax);

  constructor(parts: IssuerParts) {
    this.#parts = parts;
  }

  of(target: IssuerTarget): Issuer {
    const key = JSON.stringify([target.issuer, target.private, target.ca ?? null]);
    const known = this.#issuers.get(key) ?? new Issuer(target, this.#parts);
    this.#issuers.set(key, known);
    return known;
  }
}

export class Issuer implements KeySource {
  readonly fetch: ProviderFetch;
  readonly #issuer: string;
  readonly #metadata: Kept<ServerMetadata>;
  readonly #keys: Kept<LocalJWKSet>;

  constructor(target: IssuerTarget, { clock, random = chance }: IssuerParts) {
    this.#issuer = target.issuer;
    this.fetch = providerFetch({ isPrivate: target.private, ca: target.ca, clock });
    this.#metadata = new Kept({
      clock,
      random,
      fetch: () => this.#discover(),
      freshMs: limits.discoveryFreshMs,
      staleMs: limits.discoveryStaleMs,
    });
    this.#keys = new Kept({
      clock,
      random,
      fetch: () => this.#fetchKeys(),
      freshMs: limits.keysFreshMs,
      staleMs: limits.keysStaleMs,
    });
  }

  /** Rejects with `IssuerUnreachable`. */
  metadata(): Promise<ServerMetadata> {
    return this.#metadata.get();
  }

  keys(): Promise<LocalJWKSet> {
    return this.#keys.get();
  }

  newer(known: LocalJWKSet): Promise<boolean> {
    return this.#keys.lookAgain(known);
  }

  async #discover(): Promise<ServerMetadata> {
    const url = `${this.#issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const document = await this.#json(url, 'the discovery document');
    if (document['issuer'] !== this.#issuer) {
      throw new IssuerUnreachable('the issuer in its discovery document is not exactly the one that is configured');
    }
    return document as unknown as ServerMetadata;
  }

  async #fetchKeys(): Promise<LocalJWKSet> {
    const { jwks_uri: url } = await this.metadata();
    if (typeof url !== 'string') throw new IssuerUnreachable('its discovery document names no jwks_uri');
    return keySetOf(await this.#json(url, 'the key set'));
  }

  async #json(url: string, what: string): Promise<Readonly<Record<string, unknown>>> {
    try {
      const answer = await this.fetch(url, { headers: { accept: 'application/json' } });
      if (answer.status !== 200) throw new Error(`it answers ${answer.status}`);
      const parsed: unknown = JSON.parse(await answer.text());
      if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error('it is no object');
      return parsed as Readonly<Record<string, unknown>>;
    } catch (error) {
      // What JSON.parse says quotes what it read.
      const why = error instanceof SyntaxError ? 'it is not JSON' : describeError(error);
      throw new IssuerUnreachable(`${what} of ${this.#issuer}: ${why}`);
    }
  }
}

/** Keys that an operator gave, of an issuer that the gateway cannot reach. Throws `IssuerUnreachable`. */
export function givenKeys(text: string): KeySource {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new IssuerUnreachable('the key set that is configured is not JSON');
  }
  const set = keySetOf(parsed as Readonly<Record<string, unknown>>);
  return { keys: async () => set, newer: async () => false };
}

const keyTypes: readonly unknown[] = ['RSA', 'EC', 'OKP'];

/** Everything public that a signature needs, and nothing else: no `d`, `k` or `x5c`. */
const members = ['kty', 'kid', 'alg', 'use', 'key_ops', 'n', 'e', 'crv', 'x', 'y'] as const;

/** Characters of `n` for 8,192 bits: a longer one takes its time with each token. */
const modulusLengthMax = 1_366;

function keySetOf(document: Readonly<Record<string, unknown>>): LocalJWKSet {
  const given = document?.['keys'];
  if (!Array.isArray(given)) throw new IssuerUnreachable('its key set is none');
  const keys = given.slice(0, limits.issuerKeysMax).flatMap((key: unknown) => publicKeyOf(key) ?? []);
  if (keys.length === 0) throw new IssuerUnreachable('its key set has no key that verifies signatures');
  return createLocalJWKSet({ keys } satisfies JSONWebKeySet);
}

function publicKeyOf(key: unknown): JWK | null {
  if (typeof key !== 'object' || key === null) return null;
  const given = key as Readonly<Record<string, unknown>>;
  if (!keyTypes.includes(given['kty'])) return null;
  if (typeof given['n'] === 'string' && given['n'].length > modulusLengthMax) return null;
  return Object.fromEntries(
    members.flatMap((name) => (Object.hasOwn(given, name) ? [[name, given[name]]] : [])),
  ) as JWK;
}

function chance(): number {
  return randomInt(1_000) / 1_000;
}
