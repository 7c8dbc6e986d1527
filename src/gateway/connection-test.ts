/**
 * Whether the target of a resource answers, is who it should be, and takes the credential: for whoever sets a resource up.
 *
 * Invariants: what a target says, and why a secret could not be had, is logged and never answered; a secret is asked for only
 * after the target was found good, and not at all where the draft of a resource leads it elsewhere; everything has a deadline.
 *
 * Deliberately absent: hops (what lies behind one is reached by sessions), logging in by a request (HTTP, Kubernetes).
 */
import type { ConnectionStep, ConnectionTest, ResourceManifest } from '../api/contract/index.ts';
import { resourceOf } from '../api/index.ts';
import type { ResourceTrial } from '../api/trial-ports.ts';
import type { Clock } from '../base/clock.ts';
import { describeError, isGatewayError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Wire } from '../base/wire.ts';
import type { Credentials, Dialler, UpstreamCredential } from '../core/ports.ts';
import type { Protocol } from '../core/protocol.ts';
import type { Resource } from '../core/resource.ts';
import { gatewayErrors } from './errors.ts';
import * as limits from './limits.ts';
import { withFiles } from './setting-files.ts';
import { readCa } from './snapshot.ts';

/** What reaches targets and reveals what they take. */
export interface TrialMeans {
  readonly dialler: Dialler;
  readonly credentials: Credentials;
}

export interface ConnectionTestParts extends TrialMeans {
  readonly protocols: readonly Protocol[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Thrown in place of a secret that must stay: the target itself was found good by then. */
const stays = new Error('the secret stays');

export async function testConnection(parts: ConnectionTestParts, trial: ResourceTrial): Promise<ConnectionTest> {
  const attempt = new Attempt(parts, trial);
  const steps = await attempt.run();
  return { address: trial.manifest.spec.address, steps: [...steps] };
}

class Attempt {
  readonly #parts: ConnectionTestParts;
  readonly #trial: ResourceTrial;
  readonly #signal: AbortSignal;
  readonly #steps: ConnectionStep[] = [];
  #sinceMs = performance.now();

  constructor(parts: ConnectionTestParts, trial: ResourceTrial) {
    this.#parts = parts;
    this.#trial = trial;
    this.#signal = AbortSignal.any([trial.signal, AbortSignal.timeout(limits.connectionTestMs)]);
  }

  async run(): Promise<readonly ConnectionStep[]> {
    const { manifest } = this.#trial;
    const protocol = this.#parts.protocols.find(({ name }) => name === manifest.spec.protocol);
    if (protocol === undefined) return [this.#step('connect', 'failed', 'This gateway does not know the protocol.')];
    let wire: Wire | null = null;
    try {
      const resource = await this.#resource(manifest, protocol);
      if ((protocol.hops?.(resource) ?? []).length > 0) {
        return [this.#step('connect', 'skipped', 'It lies behind other hosts, which only a session goes through.')];
      }
      wire = await this.#parts.dialler.dial(resource, this.#signal);
      this.#done('connect', `${resource.host} answers on port ${resource.port}.`);
      if (protocol.probe === undefined) await this.#tlsOnly(resource, wire);
      else await this.#logIn(resource, wire, protocol.probe.bind(protocol));
    } catch (error) {
      this.#failed(error);
    } finally {
      wire?.destroy();
    }
    return this.#steps;
  }

  async #resource(manifest: ResourceManifest, protocol: Protocol): Promise<Resource> {
    const { name } = manifest.metadata;
    const { ca } = manifest.spec.tls;
    const resource = resourceOf(name, manifest, protocol, ca === undefined ? null : await readCa(name, ca));
    return withFiles(resource, protocol.settings);
  }

  async #tlsOnly({ tls, host }: Resource, wire: Wire): Promise<void> {
    const { mode, ca, serverName } = tls;
    if (mode === 'disable') {
      this.#step('tls', 'skipped', 'TLS is off for this resource.');
    } else {
      const verify = mode === 'verify-ca' || mode === 'verify-full' || (mode === 'require' && ca !== null);
      await wire.startClientTls({
        verify,
        serverName: mode === 'verify-full' || !verify ? (serverName ?? host) : null,
        ...(ca === null ? {} : { ca }),
      });
      this.#done('tls', tlsWords(wire));
    }
    this.#step('login', 'skipped', 'The credential goes with each request; it is not tried here.');
  }

  async #logIn(resource: Resource, wire: Wire, probe: NonNullable<Protocol['probe']>): Promise<void> {
    const { clock, log } = this.#parts;
    const isSsh = resource.protocol === 'ssh';
    let wasFound = false;
    try {
      await probe({
        resource,
        wire,
        clock,
        log,
        principal: this.#trial.principal,
        signal: this.#signal,
        credential: async () => {
          if (!isSsh) {
            if (resource.tls.mode === 'disable') this.#step('tls', 'skipped', 'TLS is off for this resource.');
            else this.#done('tls', tlsWords(wire));
          }
          wasFound = true;
          if (resource.credential !== null && !this.#trial.mayLogIn) throw stays;
          return this.#credential(resource);
        },
      });
      const user = resource.credential?.username ?? '';
      const how = isSsh ? 'The host key is the pinned one, and the target' : 'The target';
      this.#done('login', `${how} took the credential${user === '' ? '' : ` of ${user}`}.`);
    } catch (error) {
      if (error !== stays && !(wasFound && error instanceof Error && error.cause === stays)) throw error;
      this.#step(
        'login',
        'skipped',
        'Save first: a stored secret is shown only to the address and by the settings that it is saved with.',
      );
    }
  }

  async #credential(resource: Resource): Promise<UpstreamCredential | null> {
    const { secrets } = this.#trial;
    const { credential } = resource;
    if (credential === null) return null;
    const stored = {
      ...credential,
      password: secrets.has('password') ? null : credential.password,
      privateKey: secrets.has('privateKey') ? null : (credential.privateKey ?? null),
    };
    const revealed = await this.#parts.credentials.reveal({ ...resource, credential: stored });
    if (revealed === null) return null;
    return {
      ...revealed,
      password: secrets.get('password') ?? revealed.password,
      privateKey: secrets.get('privateKey') ?? revealed.privateKey,
    };
  }

  #step(step: ConnectionStep['step'], outcome: ConnectionStep['outcome'], says: string): ConnectionStep {
    const nowMs = performance.now();
    const made = { step, outcome, ms: outcome === 'skipped' ? 0 : Math.round(10 * (nowMs - this.#sinceMs)) / 10, says };
    this.#sinceMs = nowMs;
    this.#steps.push(made);
    return made;
  }

  #done(step: ConnectionStep['step'], says: string): void {
    this.#step(step, 'done', says);
  }

  /** Named after what was under way. */
  #failed(error: unknown): void {
    const { manifest } = this.#trial;
    const { name } = manifest.metadata;
    this.#parts.log.info('testing a resource failed', { resource: name, detail: describeError(error) });
    const isDone = (step: ConnectionStep['step']): boolean => this.#steps.some((one) => one.step === step);
    const hasTls = manifest.spec.protocol !== 'ssh';
    const step = !isDone('connect') ? 'connect' : hasTls && !isDone('tls') ? 'tls' : 'login';
    this.#step(step, 'failed', this.#signal.aborted ? 'It did not answer in time.' : wordsOf(error));
  }
}

function tlsWords({ tls }: Wire): string {
  return tls === null
    ? 'The target has no TLS, and the resource lets that pass.'
    : 'The target is who it should be, by its certificate.';
}

/** What is known of a failure by its code. A target's own words are never among them. */
const known: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there: the connection was refused. Check the port.',
  ENOTFOUND: 'The gateway does not know this host name. Check the spelling, and the gateway’s DNS.',
  EAI_AGAIN: 'The gateway’s DNS did not answer for this host name.',
  EHOSTUNREACH: 'The gateway has no way to this host. Check routes and firewalls.',
  ENETUNREACH: 'The gateway has no way to this network.',
  ETIMEDOUT: 'The host does not answer. A firewall may drop the packets.',
  ECONNRESET: 'The target closed the connection.',
  CERT_HAS_EXPIRED: 'The certificate of the target has expired.',
  CERT_NOT_YET_VALID: 'The certificate of the target is not valid yet.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'The target has a self-signed certificate: give it as tls.ca.',
  SELF_SIGNED_CERT_IN_CHAIN: 'The authority of the certificate is not known here: give it as tls.ca.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'The authority of the certificate is not known here: give it as tls.ca.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'The authority of the certificate is not known here: give it as tls.ca.',
  UNABLE_TO_GET_ISSUER_CERT: 'The authority of the certificate is not known here: give it as tls.ca.',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'The certificate is for another name: set tls.serverName, or use that name as the address.',
  EPROTO: 'What answers there does not speak TLS.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'What answers there does not speak TLS.',
};

function wordsOf(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < limits.causesLookedAtMax; depth++) {
    const { code } = at as { readonly code?: unknown };
    const words = typeof code === 'string' && Object.hasOwn(known, code) ? known[code] : undefined;
    if (words !== undefined) return words;
    at = at.cause;
  }
  if (isGatewayError(error)) return error.publicMessage;
  return gatewayErrors('gateway.test-failed').publicMessage;
}
