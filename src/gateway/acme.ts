/**
 * Certificates by ACME: has them ordered in time, takes them up, and tells when it cannot.
 *
 * Gateways on one store share certificates and the account (acme-state.ts). One at a time orders; the others take up what it
 * was given, and answer for it in the meantime (acme-answers.ts).
 *
 * Invariants:
 * - A certificate is ordered for names of the settings, or origins of configured resources below them; never upon a client's
 *   doing.
 * - An order that fails changes nothing that is presented. It is tried again after pauses that double, which all gateways
 *   keep; who starts a gateway anew gets a try after the shortest of them.
 * - Connections that are open stay as they are; new ones are shown what is new.
 *
 * Deliberately absent: revocation, ARI (RFC 9773), a choice among chains.
 */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Secrets } from '../secrets/index.ts';
import type { Store } from '../store/index.ts';
import { AcmeAnswers } from './acme-answers.ts';
import type { AcmeConfig } from './acme-config.ts';
import { HookProver } from './acme-hook.ts';
import {
  type Issued,
  OrderError,
  type OrderParts,
  orderCertificate,
  type Proof,
  type Prover,
  pause,
} from './acme-order.ts';
import { concernOf, type Standing } from './acme-report.ts';
import {
  AcmeShared,
  freshEntry,
  issuedCertificate,
  type SharedState,
  stateKind,
  type Wanted,
  wantedOf,
} from './acme-state.ts';
import { loadLibrary } from './acme-transport.ts';
import { inBackground } from './background.ts';
import type { GivenCertificates, ReadCertificate } from './certificates.ts';
import * as limits from './limits.ts';

export interface AcmeParts {
  readonly config: AcmeConfig;
  /** This gateway's id. */
  readonly gateway: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'objects'>;
  /** The gateway's own. */
  readonly secrets: Secrets;
  /** What takes certificates up. */
  readonly certificates: GivenCertificates;
  /** Names of the resources that have origins. */
  readonly origins: () => readonly string[];
  /** Where `doctor` finds what there is to say; null: nowhere. */
  readonly reportPath: string | null;
  /** How one is ordered. */
  readonly order?: (parts: OrderParts) => Promise<Issued>;
  /** From 0 up to 1. */
  readonly random?: () => number;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

interface Held {
  /** The `issuedAtMs` of what is held. */
  readonly stamp: number;
  readonly read: ReadCertificate;
  readonly renewAtMs: number;
}

/** Takes up what the store has, and answers from here on. Rejects where the port of HTTP-01 or the store cannot be had. */
export async function openAcme(parts: AcmeParts): Promise<Acme> {
  const answers = new AcmeAnswers(parts.config);
  const bound = await answers.listen(parts.log);
  const acme = new Acme(parts, answers, bound?.port ?? null);
  try {
    await acme.look();
  } catch (error) {
    await acme.close();
    throw error;
  }
  return acme;
}

export class Acme {
  readonly #parts: AcmeParts;
  readonly #shared: AcmeShared;
  readonly #answers: AcmeAnswers;
  readonly #stopping = new AbortController();
  readonly #held = new Map<string, Held>();
  /** What could not be taken up, as it was logged. */
  readonly #broken = new Map<string, string>();
  /** Those that this process has tried. */
  readonly #tried = new Set<string>();
  readonly #ends: (() => void)[] = [];
  #state: SharedState = { lease: null, proofs: [], certificates: {} };
  #looking: Promise<void> | null = null;
  #lookAgain = false;
  #ordering: Promise<void> | null = null;
  #isOrdering = false;
  #reported = '';
  /** Where HTTP-01 is answered; null where it is not. */
  readonly httpPort: number | null;

  constructor(parts: AcmeParts, answers: AcmeAnswers, httpPort: number | null) {
    this.#parts = parts;
    this.#answers = answers;
    this.httpPort = httpPort;
    this.#shared = new AcmeShared({ ...parts, objects: parts.store.objects });
    parts.certificates.challenges = answers;
    this.#ends.push(
      parts.store.objects.onChange((notice) => {
        if (notice.type === 'resync' || notice.kind === stateKind) this.#lookLater();
      }),
    );
  }

  /** Orders what is due, now and later; until it is cancelled, which breaks off an order. */
  begin(): Timer {
    const { clock } = this.#parts;
    this.#isOrdering = true;
    const timers = [
      clock.every(limits.acmeLookMs, () => this.#lookLater()),
      clock.every(limits.renewalIntervalMs, () => this.#warn()),
    ];
    this.#warn();
    this.#lookLater();
    return {
      cancel: () => {
        this.#isOrdering = false;
        for (const timer of timers) timer.cancel();
        this.#stopping.abort(new Error('the gateway is stopping'));
      },
    };
  }

  /** Reads what gateways share: answers what is being proved, takes up what is new, and orders what is due. */
  look(): Promise<void> {
    this.#lookAgain = this.#looking !== null;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  /** What there is to say of each certificate. */
  standings(): readonly Standing[] {
    return this.#wanted().map(({ id, names }) => {
      const { failures, reason, nextAttemptMs } = this.#state.certificates[id] ?? freshEntry;
      const notAfterMs = this.#held.get(id)?.read.notAfterMs ?? null;
      return { names, notAfterMs, failures, reason: this.#broken.get(id) ?? reason, nextAttemptMs };
    });
  }

  /** Resolves once an order that was running is over. */
  async settled(): Promise<void> {
    await this.#looking;
    await this.#ordering;
  }

  async close(): Promise<void> {
    this.#isOrdering = false;
    this.#stopping.abort(new Error('the gateway is stopping'));
    for (const end of this.#ends.splice(0)) end();
    const over = this.settled().then(undefined, () => undefined);
    await withDeadline(over, limits.acmeStopMs, 'ending an order', this.#parts.clock).finally(() =>
      this.#answers.close(),
    );
  }

  #lookLater(): void {
    if (this.#stopping.signal.aborted) return;
    inBackground(this.#parts.log, 'certificates by ACME could not be looked at', this.look());
  }

  async #look(): Promise<void> {
    do {
      this.#lookAgain = false;
      this.#state = await this.#shared.read();
      await this.#answers.take(this.#proofsOf(this.#state));
      const wanted = this.#wanted();
      for (const one of wanted) await this.#takeUp(one, this.#state);
      for (const id of this.#held.keys()) {
        if (wanted.some((one) => one.id === id)) continue;
        this.#held.delete(id);
        this.#parts.certificates.install(id, null);
      }
      // A disk that is full keeps nobody from a certificate.
      const reported = this.#report();
      inBackground(this.#parts.log, 'what doctor reads of ACME could not be written', reported);
      await Promise.allSettled([reported]);
    } while (this.#lookAgain);
    if (!this.#isOrdering || this.#ordering !== null) return;
    this.#ordering = this.#orderDue().finally(() => {
      this.#ordering = null;
    });
    inBackground(this.#parts.log, 'certificates by ACME could not be ordered', this.#ordering);
  }

  /** What is to be answered: nothing of a lease that has run out. */
  #proofsOf({ lease, proofs }: SharedState): readonly Proof[] {
    return lease !== null && lease.untilMs > this.#parts.clock.now() ? proofs : [];
  }

  /** Where there is one certificate for each: domains, and origins below them. */
  #hosts(): readonly string[] {
    const { domains } = this.#parts.config;
    const origins = this.#parts.origins().flatMap((name) => domains.map((domain) => `${name}.${domain}`));
    return [...domains, ...origins];
  }

  #wanted(): readonly Wanted[] {
    const { directory, names } = this.#parts.config;
    if (names !== null) return [wantedOf(directory, names)];
    return this.#hosts()
      .slice(0, limits.acmeNamesMax)
      .map((name) => wantedOf(directory, [name]));
  }

  async #takeUp({ id, names }: Wanted, { certificates }: SharedState): Promise<void> {
    const { log } = this.#parts;
    const stamp = certificates[id]?.issuedAtMs ?? null;
    if (stamp === null || this.#held.get(id)?.stamp === stamp) return;
    try {
      const read = await this.#shared.certificate(id);
      if (read === null) throw new Error('it is not in the store');
      this.#parts.certificates.install(id, read);
      this.#held.set(id, { stamp, read, renewAtMs: this.#renewAtMs(read) });
      this.#broken.delete(id);
      log.info('certificate taken up', { names: names.join(', '), until: new Date(read.notAfterMs).toISOString() });
    } catch (error) {
      // Ordered anew, since nothing else would bring it back.
      const problem = `what is kept cannot be used: ${describeError(error)}`;
      if (this.#broken.get(id) === problem) return;
      this.#broken.set(id, problem);
      log.error('a certificate by ACME cannot be taken up; the old one stays', {
        names: names.join(', '),
        detail: problem,
      });
    }
  }

  #renewAtMs({ leaf, notAfterMs }: ReadCertificate): number {
    const notBeforeMs = Date.parse(leaf.validFrom);
    const part = limits.acmeRenewAfter + limits.acmeRenewSpread * this.#random();
    return notBeforeMs + (notAfterMs - notBeforeMs) * part;
  }

  #isDue(id: string, { certificates }: SharedState): boolean {
    const nowMs = this.#parts.clock.now();
    const { issuedAtMs, failures, soonestMs, nextAttemptMs } = certificates[id] ?? freshEntry;
    if (failures > 0 && nowMs < (this.#tried.has(id) ? nextAttemptMs : soonestMs)) return false;
    const held = this.#held.get(id);
    // What another gateway was given meanwhile is taken up first.
    if (!this.#broken.has(id) && issuedAtMs !== (held?.stamp ?? null)) return false;
    return held === undefined || this.#broken.has(id) || nowMs >= held.renewAtMs;
  }

  async #orderDue(): Promise<void> {
    for (const wanted of this.#wanted()) {
      if (!this.#isOrdering) return;
      if (!this.#isDue(wanted.id, this.#state)) continue;
      const leased = await this.#shared.lease((state) => this.#isDue(wanted.id, state));
      // Who orders now tells all others when it is done.
      if (leased === null) continue;
      try {
        await this.#order(wanted);
      } finally {
        await this.#shared.release();
      }
      await this.look();
    }
    await this.#shared.forget(this.#wanted());
  }

  async #order({ id, names }: Wanted): Promise<void> {
    const { config, clock, log, environment = process.env, order = orderCertificate } = this.#parts;
    const { signal } = this.#stopping;
    const binding = config.externalAccountBinding;
    this.#tried.add(id);
    log.info('certificate ordered', { names: names.join(', '), directory: config.directory });
    try {
      const issued = await order({
        config,
        names,
        accountKey: await this.#shared.accountKey(config.directory, makeKey),
        bindingKey: binding === null ? null : (environment[binding.variable] ?? null),
        prover: this.#prover(),
        clock,
        signal,
      });
      issuedCertificate(issued);
      await this.#shared.keep(id, issued);
      await this.#shared.note(id, (before) => ({
        ...freshEntry,
        issuedAtMs: Math.max(clock.now(), (before.issuedAtMs ?? 0) + 1),
      }));
    } catch (error) {
      // Broken off by us: that says nothing of the server.
      if (signal.aborted) return;
      await this.#failed({ id, names }, error);
    }
  }

  async #failed({ id, names }: Wanted, error: unknown): Promise<void> {
    const { clock, log } = this.#parts;
    const failedAtMs = clock.now();
    const reason = describeError(error).slice(0, limits.acmeReasonLengthMax);
    const askedMs = error instanceof OrderError ? (error.retryAfterMs ?? 0) : 0;
    const spread = 1 + limits.acmeRetrySpread * this.#random();
    let againMs = 0;
    await this.#shared.note(id, (before) => {
      const failures = before.failures + 1;
      const pauseMs = Math.min(limits.acmeRetryMinMs * 2 ** (failures - 1), limits.acmeRetryMaxMs) * spread;
      againMs = Math.round(failedAtMs + Math.max(pauseMs, askedMs));
      const soonestMs = Math.round(failedAtMs + Math.max(limits.acmeRetryMinMs, askedMs));
      return { ...before, failures, reason, failedAtMs, soonestMs, nextAttemptMs: againMs };
    });
    log.error('a certificate by ACME could not be had; what there was stays', {
      names: names.join(', '),
      detail: reason,
      again: new Date(againMs).toISOString(),
    });
  }

  #prover(): Prover {
    const { config, clock, log, environment = process.env } = this.#parts;
    const { challenge, hook } = config;
    if (hook !== null) {
      return new HookProver(hook, clock, environment, (detail) =>
        log.warn('a record for ACME could not be taken back', { detail, todo: 'Remove the TXT record.' }),
      );
    }
    return {
      type: challenge,
      offer: async (proofs, signal) => {
        if (!(await this.#shared.prove(proofs.map((proof) => ({ ...proof }))))) {
          throw new Error('another gateway orders meanwhile: compare the clocks of the gateways');
        }
        await this.#answers.take(proofs);
        await pause(limits.acmeSpreadMs, clock, signal);
      },
      withdraw: async () => {
        await this.#answers.take([]);
        await this.#shared.prove([]);
      },
    };
  }

  #random(): number {
    return (this.#parts.random ?? Math.random)();
  }

  #warn(): void {
    const { clock, log } = this.#parts;
    const without = this.#hosts().length - limits.acmeNamesMax;
    if (without > 0) {
      const detail = `${without} of the origins have no certificate by ACME: there are ${limits.acmeNamesMax} at most`;
      log.warn('look after a certificate', { detail, todo: 'Name a wildcard in acme.domains, with dns-01.' });
    }
    for (const standing of this.standings()) {
      const concern = concernOf(standing, clock.now());
      if (concern !== null) log.warn('look after a certificate', { detail: concern.message, todo: concern.todo });
    }
  }

  /** For `doctor`, which runs without a gateway and without the store. No key is in it. */
  async #report(): Promise<void> {
    const { reportPath } = this.#parts;
    const text = `${JSON.stringify({ certificates: this.standings() }, null, 2)}\n`;
    if (reportPath === null || text === this.#reported) return;
    await writeFile(`${reportPath}.new`, text, { mode: 0o600 });
    await rename(`${reportPath}.new`, reportPath);
    this.#reported = text;
  }
}

async function makeKey(): Promise<string> {
  const { crypto } = await loadLibrary();
  return (await crypto.createPrivateEcdsaKey('P-256')).toString('utf8');
}

/** Where the report of a gateway lies. */
export function reportPathIn(dataDirectory: string): string {
  return join(dataDirectory, 'tls', 'acme.json');
}
