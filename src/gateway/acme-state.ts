/**
 * What gateways on one store share of ACME: who orders at the moment, what is being proved, and what came of each
 * certificate; and, sealed as other secrets are, the account's key and the certificates with theirs.
 *
 * One document, kept as an object of a kind that no manifest has: objects are what the store compares before it writes, and
 * of whose changes it tells every gateway (ADR 0032). All changes go through `change`.
 *
 * Invariants: there is at most one holder of the lease, until its time; no key is in the document.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import type { Secrets } from '../secrets/index.ts';
import type { JsonObject, Objects } from '../store/index.ts';
import type { Issued } from './acme-order.ts';
import { contextOf, namesOf, type ReadCertificate } from './certificates.ts';
import { ownPrefix } from './identity-keys.ts';
import * as limits from './limits.ts';

export const stateKind = 'gateway.acme';
const stateName = 'state';
const certificatePrefix = `${ownPrefix}acme-certificate.`;
const accountPrefix = `${ownPrefix}acme-account.`;

const entry = z.object({
  /** Of the last order that was filled; null before. */
  issuedAtMs: z.number().nullable(),
  /** Orders that failed since. */
  failures: z.number(),
  reason: z.string().nullable(),
  failedAtMs: z.number().nullable(),
  /** Not before this is it ordered again: by a gateway that was started since, and by any other. */
  soonestMs: z.number(),
  nextAttemptMs: z.number(),
});

const shape = z.object({
  lease: z.object({ gateway: z.string(), untilMs: z.number() }).nullable(),
  proofs: z.array(z.object({ name: z.string(), token: z.string(), value: z.string() })),
  certificates: z.record(z.string(), entry),
});

export type CertificateEntry = z.output<typeof entry>;
export type SharedState = z.output<typeof shape>;

export const freshEntry: CertificateEntry = {
  issuedAtMs: null,
  failures: 0,
  reason: null,
  failedAtMs: null,
  soonestMs: 0,
  nextAttemptMs: 0,
};

/** One certificate that is to be there. */
export interface Wanted {
  readonly id: string;
  readonly names: readonly string[];
}

/** The same names at the same server are the same certificate, for every gateway. */
export function wantedOf(directory: string, names: readonly string[]): Wanted {
  const hash = createHash('sha256').update(JSON.stringify([directory, [...names].sort()]));
  return { id: hash.digest('hex').slice(0, 32), names };
}

export interface SharedParts {
  readonly objects: Pick<Objects, 'get' | 'put'>;
  readonly secrets: Secrets;
  readonly clock: Clock;
  /** This gateway's id. */
  readonly gateway: string;
}

export class AcmeShared {
  readonly #parts: SharedParts;

  constructor(parts: SharedParts) {
    this.#parts = parts;
  }

  async read(): Promise<SharedState> {
    return (await this.#read()).state;
  }

  /**
   * Writes what `change` makes of the state, and answers it; null, and nothing is written, where `change` answers null.
   * It may be called several times.
   */
  async change(change: (state: SharedState) => SharedState | null): Promise<SharedState | null> {
    for (let tries = 0; tries < limits.acmeConflictsMax; tries++) {
      const { state, generation } = await this.#read();
      const next = change(state);
      if (next === null) return null;
      const written = await this.#parts.objects.put({
        kind: stateKind,
        name: stateName,
        labels: {},
        spec: next as unknown as JsonObject,
        by: this.#parts.gateway,
        expectedGeneration: generation,
      });
      if (written.outcome !== 'conflict') return next;
    }
    throw new Error('other gateways change the state of ACME all the time');
  }

  /** Changes the entry of one certificate. */
  async note(id: string, change: (entry: CertificateEntry) => CertificateEntry): Promise<void> {
    await this.change((state) => ({
      ...state,
      certificates: { ...state.certificates, [id]: change(state.certificates[id] ?? freshEntry) },
    }));
  }

  /** Becomes the one that orders. Null where another is, or where `isDue` finds that it did so a moment ago. */
  async lease(isDue: (state: SharedState) => boolean): Promise<SharedState | null> {
    const { gateway, clock } = this.#parts;
    return this.change((state) => {
      const nowMs = clock.now();
      const { lease } = state;
      // One of this gateway's is of a process that is gone: there is one process a data directory.
      if (lease !== null && lease.gateway !== gateway && lease.untilMs > nowMs) return null;
      if (!isDue(state)) return null;
      return { ...state, lease: { gateway, untilMs: nowMs + limits.acmeLeaseMs }, proofs: [] };
    });
  }

  /** Gives the lease back, and withdraws what was being proved. */
  async release(): Promise<void> {
    const { gateway } = this.#parts;
    await this.change((state) => (state.lease?.gateway === gateway ? { ...state, lease: null, proofs: [] } : null));
  }

  /** Shows what is being proved; false where the lease has gone to another. */
  async prove(proofs: SharedState['proofs']): Promise<boolean> {
    const { gateway } = this.#parts;
    const written = await this.change((state) => (state.lease?.gateway === gateway ? { ...state, proofs } : null));
    return written !== null;
  }

  /** What is sealed under `id`; null where there is nothing. */
  async certificate(id: string): Promise<ReadCertificate | null> {
    const text = await this.#sealed(`${certificatePrefix}${id}`);
    return text === null ? null : issuedCertificate(JSON.parse(text) as Issued);
  }

  async keep(id: string, { certificate, key }: Issued): Promise<void> {
    await this.#parts.secrets.put(`${certificatePrefix}${id}`, JSON.stringify({ certificate, key }));
  }

  /** Forgets certificates that nobody wants any more and that have expired. */
  async forget(wanted: readonly Wanted[]): Promise<void> {
    const { secrets, clock } = this.#parts;
    const gone: string[] = [];
    for (const { name } of await secrets.list()) {
      const id = name.startsWith(certificatePrefix) ? name.slice(certificatePrefix.length) : null;
      if (id === null || wanted.some((one) => one.id === id)) continue;
      const kept = await this.certificate(id);
      if (kept !== null && kept.notAfterMs > clock.now()) continue;
      await secrets.delete(name);
      gone.push(id);
    }
    if (gone.length === 0) return;
    await this.change((state) => ({
      ...state,
      certificates: Object.fromEntries(Object.entries(state.certificates).filter(([id]) => !gone.includes(id))),
    }));
  }

  /** The key of the account at `directory`, made the first time; only the holder of the lease asks. */
  async accountKey(directory: string, make: () => Promise<string>): Promise<string> {
    const name = `${accountPrefix}${createHash('sha256').update(directory).digest('hex').slice(0, 32)}`;
    const known = await this.#sealed(name);
    if (known !== null) return known;
    const key = await make();
    await this.#parts.secrets.put(name, key);
    return key;
  }

  async #sealed(name: string): Promise<string | null> {
    const { secrets } = this.#parts;
    const isThere = (await secrets.list()).some((summary) => summary.name === name);
    return isThere ? secrets.reveal({ provider: 'store', name }) : null;
  }

  async #read(): Promise<{ state: SharedState; generation: number }> {
    const object = await this.#parts.objects.get(stateKind, stateName);
    if (object === null) return { state: { lease: null, proofs: [], certificates: {} }, generation: 0 };
    return { state: shape.parse(object.spec), generation: object.generation };
  }
}

/** Throws where it cannot be used. */
export function issuedCertificate({ certificate, key }: Issued): ReadCertificate {
  const leaf = new X509Certificate(certificate);
  if (!leaf.checkPrivateKey(createPrivateKey(key))) throw new Error('the certificate is of another key');
  if (namesOf(leaf).length === 0) throw new Error('the certificate names no host');
  contextOf(certificate, key, []);
  return { leaf, cert: certificate, key, notAfterMs: Date.parse(leaf.validTo), isKeyOpen: false };
}
