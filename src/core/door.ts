/**
 * The door: runs the connection stages of `pipeline.ts` for every protocol, and knows every live session.
 *
 * Invariants:
 * - A session exists only after identity, Access and a durable `session.opened`; refusals are journaled too.
 * - One connection opens at most one session: identity is never bound again (A-PG-03). Where sessions span connections,
 *   each proof is asked for its own, and joins one only with the same credential, source, resource and Access as of now.
 * - Where Access asks for a step-up, a session opens only with a confirmation that this connection was given (step-up.ts),
 *   whatever the protocol did.
 * - An unknown resource and one without Access are told apart by nobody (they give the same answer).
 * - What was revoked while a session was being opened ends it (I11).
 *
 * Deliberately absent: sockets, listeners, limits per address (the gateway's listeners have those).
 */
import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { describeError, GatewayError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { ServerTlsOptions, Wire } from '../base/wire.ts';
import { coreErrors } from './errors.ts';
import { actorOf, type EventBody } from './event.ts';
import { type ClientSide, Gathering } from './gathering.ts';
import * as limits from './limits.ts';
import type {
  AccessRequests,
  AccessWait,
  Authorisation,
  Credentials,
  Dialler,
  Identification,
  Journal,
  Judge,
  Recordings,
  Resources,
  ScramIdentification,
} from './ports.ts';
import type { Principal } from './principal.ts';
import type { ClientFacts, ConnectionFacts, Door, Protocol, StepUp } from './protocol.ts';
import { refusalError } from './refusal.ts';
import type { Resource } from './resource.ts';
import type { Reviews } from './review.ts';
import { Session, type SessionEnding } from './session.ts';
import { type Confirmation, Confirmations } from './step-up.ts';

export interface DoorPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: Journal;
  readonly recordings: Recordings;
  readonly identification: Identification;
  readonly authorisation: Authorisation;
  readonly resources: Resources;
  readonly credentials: Credentials;
  readonly dialler: Dialler;
  readonly judge: Judge;
  readonly reviews: Reviews;
  /** Live sessions of one principal, and of this process; the limits of the room where it is not given. */
  readonly sessions?: { readonly perPrincipal: number; readonly total: number };
  /** Whether the key or certificate that a principal was identified by still counts; asked once its session is known. */
  readonly isVouchedFor?: (principal: Principal) => boolean;
  /** Absent where nobody can be asked for access. */
  readonly requests?: AccessRequests;
}

/** What a listener hands over with a connection. */
export interface Arrival {
  readonly protocol: Protocol;
  readonly client: Wire;
  readonly connection: ConnectionFacts;
  readonly serverTls: () => ServerTlsOptions;
  readonly hostKeys: () => readonly string[];
  /** See `Door.domains`; none unless given. */
  readonly domains?: readonly string[];
}

/** What a session is opened with. */
interface Opening {
  readonly arrival: Arrival;
  readonly client: ClientSide;
  readonly log: Log;
  readonly record: (event: EventBody) => void;
  readonly principal: Principal;
  /** As named by the client. */
  readonly resource: string;
  readonly facts: ClientFacts;
  readonly confirmation: Confirmation | null;
  readonly onSealed?: () => void;
}

/** All sessions of this process, and the ways to end them. */
export class LiveSessions {
  readonly #sessions = new Map<string, Session>();
  readonly #countOf = new Map<string, number>();
  readonly #revoked = new Set<string>();
  #onEmpty: (() => void)[] = [];

  get size(): number {
    return this.#sessions.size;
  }

  get(id: string): Session | null {
    return this.#sessions.get(id) ?? null;
  }

  all(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  /** Ends every session that `matches`; returns how many. */
  end(matches: (session: Session) => boolean, ending: SessionEnding): number {
    let count = 0;
    for (const session of this.all()) {
      if (session.ended || !matches(session)) continue;
      count++;
      session.end(ending);
    }
    return count;
  }

  /** Ends what a revoked credential opened, now and while it is still being opened. */
  endByCredential(credentialId: string, ending: SessionEnding): number {
    this.#revoked.add(credentialId);
    if (this.#revoked.size > limits.revokedCredentialsMax) {
      for (const oldest of this.#revoked) {
        this.#revoked.delete(oldest);
        break;
      }
    }
    return this.end((session) => session.credentialIds.includes(credentialId), ending);
  }

  /** Whether anything that the session was opened or confirmed with was revoked. */
  isRevoked(session: Session): boolean {
    return session.credentialIds.some((id) => this.#revoked.has(id));
  }

  /** Resolves when no session is left. */
  whenEmpty(): Promise<void> {
    if (this.#sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  /** Live sessions of one principal. */
  countOf(principalId: string): number {
    return this.#countOf.get(principalId) ?? 0;
  }

  add(session: Session): void {
    this.#sessions.set(session.id, session);
    this.#countOf.set(session.principal.id, this.countOf(session.principal.id) + 1);
  }

  remove(session: Session): void {
    if (!this.#sessions.delete(session.id)) return;
    const count = this.countOf(session.principal.id) - 1;
    if (count > 0) this.#countOf.set(session.principal.id, count);
    else this.#countOf.delete(session.principal.id);
    if (this.#sessions.size > 0) return;
    const waiting = this.#onEmpty;
    this.#onEmpty = [];
    for (const resolve of waiting) resolve();
  }
}

/** Makes a Door for each arriving connection. */
export class Doors {
  readonly sessions = new LiveSessions();
  readonly #ports: DoorPorts;
  readonly #abort = new AbortController();
  /** Sessions that span connections, by who opened them on what; they leave when they end. */
  readonly #spanning = new Map<string, Promise<{ readonly session: Session; readonly client: Gathering }>>();
  #closed = false;

  constructor(ports: DoorPorts) {
    this.#ports = ports;
  }

  /** No new sessions from here on (drain). */
  close(): void {
    this.#closed = true;
  }

  /** Gives up on everything that still waits. */
  abort(): void {
    this.#closed = true;
    this.#abort.abort(coreErrors('core.shutting-down'));
  }

  open(arrival: Arrival): Door {
    const ports = this.#ports;
    const { connection, protocol } = arrival;
    const log = ports.log.with({ connection: connection.id, protocol: protocol.name });
    const confirmations = new Confirmations(ports.clock);
    let used = false;
    const record = (event: EventBody): void => {
      try {
        ports.journal.append(event);
      } catch (error) {
        // The connection is being refused already; that the refusal could not be written down is an alarm of its own.
        log.error('event lost: the journal does not accept', { type: event.type, detail: describeError(error) });
      }
    };
    const refuseIdentity = (login: string, code: string): void =>
      record({
        type: 'identity.refused',
        connection: connection.id,
        source: connection.source,
        login: cutName(login),
        code,
      });
    const identified = async <T>(login: string, proof: Promise<T>): Promise<T> => {
      try {
        return await proof;
      } catch (error) {
        refuseIdentity(login, error instanceof GatewayError ? error.code : 'core.not-authenticated');
        throw error;
      }
    };
    return {
      connection,
      clock: ports.clock,
      log,
      signal: this.#abort.signal,
      serverTls: arrival.serverTls,
      hostKeys: arrival.hostKeys,
      domains: arrival.domains ?? [],
      identifyBySecret: (login, secret): Promise<Principal> =>
        identified(login, ports.identification.bySecret(login, secret, connection.source)),
      // Whose it would be, is not known where it fails.
      identifyByToken: (secret): Promise<Principal> =>
        identified('', ports.identification.byToken(secret, connection.source)),
      identifyByScram: (login): Promise<ScramIdentification> =>
        identified(login, ports.identification.byScram(login, connection.source)),
      acceptsKey: (login, key, certificate) =>
        ports.identification.acceptsKey(login, key, certificate, connection.source),
      identifyByKey: (login, key): Promise<Principal> =>
        identified(login, ports.identification.byKey(login, key, connection.source)),
      identifyByCertificate: (login, certificate): Promise<Principal> =>
        identified(login, ports.identification.byCertificate(login, certificate, connection.source)),
      // Whom it names, is not believed before it is proven.
      identifyByTlsCertificate: (certificate): Promise<Principal> =>
        identified('', ports.identification.byTlsCertificate(certificate, connection.source)),
      identifyByApproval: async (login) => {
        const approval = await identified(login, ports.identification.byApproval(login, connection.source));
        const outcome = identified(login, approval.outcome).then((principal) => {
          confirmations.addSignOn(principal);
          return principal;
        });
        return { ...approval, outcome };
      },
      visitLink: (request) => ports.identification.visitLink(request),
      redeemVisit: (code, nonce, resource) =>
        identified('', ports.identification.redeemVisit(code, nonce, resource, connection.source)),
      identifyByVisit: async (secret, resource) => {
        const proof = ports.identification.byVisit(secret, resource, connection.source);
        const principal = await identified('', proof);
        confirmations.addVisit(principal, resource);
        return principal;
      },
      endVisit: async (secret, resource) => {
        const principal = await ports.identification.endVisit(secret, resource);
        if (principal === null) return false;
        const token = principal.authentication.credentialId ?? '';
        record({ type: 'token.revoked', principal: actorOf(principal), token, owner: principal.name });
        return true;
      },
      awaitAccess: (principal, resourceName, software) => this.#awaitAccess(principal, resourceName, software),
      owesStepUp: async (principal, resourceName) => {
        const resource = await ports.resources.find(resourceName).catch(() => null);
        if (resource === null) return false;
        const { granted, stepUp } = ports.authorisation.decide(principal, resource);
        return granted && stepUp === true && confirmations.of(principal, resource.name) === null;
      },
      stepUp: async (principal, resourceName): Promise<StepUp> => {
        const { name } = principal;
        const asked = ports.identification.confirm(principal, resourceName, connection.source);
        const { outcome, ...request } = await identified(name, asked);
        const confirmed = identified(name, outcome).then((one) => confirmations.add(principal, resourceName, one));
        return { ...request, outcome: confirmed };
      },
      refuseIdentity,
      openSession: (principal, resource, client) => {
        const opening: Opening = {
          arrival,
          client: arrival.client,
          log,
          record,
          principal,
          resource,
          facts: client,
          confirmation: confirmations.of(principal, resource),
        };
        if (protocol.spansConnections === true) return this.#joinSession(opening);
        if (used) throw coreErrors('core.illegal-forward', { detail: 'a second session on one connection' });
        used = true;
        return this.#openSession(opening);
      },
      violation: (side, code, detail) =>
        record({
          type: 'violation',
          connection: connection.id,
          session: null,
          source: connection.source,
          side,
          code,
          detail: cutName(detail),
        }),
    };
  }

  /** The session that is open for this proof, or a new one. */
  async #joinSession(opening: Opening): Promise<Session> {
    const { arrival, principal, resource: name } = opening;
    const { resources, authorisation, isVouchedFor } = this.#ports;
    const resource = await resources.find(name);
    const decision = resource === null ? null : authorisation.decide(principal, resource);
    const { method, credentialId } = principal.authentication;
    const isShared = decision?.granted === true && credentialId !== null;
    // A resource that was changed, or another Access that lets in, is another authorisation: another session.
    const proof = [arrival.protocol.name, principal.id, method, credentialId, arrival.connection.source];
    const key = JSON.stringify([proof, resource, decision]);
    const open = isShared ? this.#spanning.get(key) : undefined;
    if (open !== undefined) {
      const { session, client } = await open;
      if (!session.ended && !this.#closed && isVouchedFor?.(principal) !== false) {
        client.join(arrival.client);
        return session;
      }
    }
    const client = new Gathering();
    client.join(arrival.client);
    const forget = (): boolean => this.#spanning.get(key) === entry && this.#spanning.delete(key);
    const opened = this.#openSession({ ...opening, client, onSealed: forget });
    const entry = opened.then((session) => {
      // No connection of its own stands behind it, so there is no handshake.
      session.establish();
      return { session, client };
    });
    if (isShared) this.#spanning.set(key, entry);
    entry.catch(forget);
    return (await entry).session;
  }

  async #openSession(opening: Opening): Promise<Session> {
    const { arrival, log, record, principal, confirmation, resource: resourceName } = opening;
    const { connection, protocol } = arrival;
    const ports = this.#ports;
    const refuse = (error: GatewayError, rule: string): GatewayError => {
      record({
        type: 'session.refused',
        connection: connection.id,
        source: connection.source,
        principal: actorOf(principal),
        resource: cutName(resourceName),
        code: error.code,
        rule,
      });
      return error;
    };
    if (this.#closed) throw refuse(coreErrors('core.shutting-down'), 'gateway:drain');
    if (ports.journal.failure !== null) throw coreErrors('core.journal-unavailable');
    if (ports.journal.spaceLevel === 'refuse' || ports.journal.spaceLevel === 'end') {
      throw refuse(coreErrors('core.no-space'), 'gateway:space');
    }
    const resource = await ports.resources.find(resourceName);
    const hops = resource === null ? null : await this.#hopsOf(protocol, resource);
    // From here on nothing waits until the session is among the live ones: what is taken away later ends it (I11).
    const decision = resource === null ? null : ports.authorisation.decide(principal, resource);
    if (resource === null || decision === null || !decision.granted) {
      const linkOf = ports.requests?.link ?? null;
      throw refuse(refusalError(cutName(resourceName), decision, linkOf), decision?.rule ?? 'none');
    }
    if (resource.protocol !== protocol.name) {
      throw refuse(coreErrors('core.wrong-protocol', { values: { resource: resource.name } }), decision.rule);
    }
    // The check is here, where sessions open, so that no protocol can forget it.
    if (decision.stepUp === true && confirmation === null) {
      throw refuse(coreErrors('core.step-up-required', { values: { resource: resource.name } }), decision.rule);
    }
    if (hops === null)
      throw refuse(coreErrors('core.no-route', { values: { resource: resource.name } }), decision.rule);
    const { perPrincipal = limits.sessionsPerPrincipalMax, total = limits.sessionsMax } = ports.sessions ?? {};
    if (this.sessions.size >= total) throw refuse(coreErrors('core.gateway-full'), 'gateway:sessions');
    const count = this.sessions.countOf(principal.id);
    if (count >= perPrincipal) {
      throw refuse(coreErrors('core.too-many-sessions', { values: { count } }), 'gateway:sessions');
    }
    const id = newId('ses', ports.clock.now());
    const session = new Session({
      id,
      source: connection.source,
      connection: connection.id,
      principal,
      resource,
      protocol,
      clock: ports.clock,
      log: log.with({ session: id }),
      journal: ports.journal,
      recording: ports.recordings.open(id, ports.clock.now()),
      judge: ports.judge,
      reviews: ports.reviews,
      credentials: ports.credentials,
      dialler: ports.dialler,
      client: opening.client,
      hops,
      clientFacts: opening.facts,
      access: decision.rule,
      confirmation,
      onSealed: (sealed) => {
        this.sessions.remove(sealed);
        opening.onSealed?.();
      },
    });
    this.sessions.add(session);
    try {
      const sequence = ports.journal.append({
        type: 'session.opened',
        session: id,
        connection: connection.id,
        source: connection.source,
        principal: actorOf(principal),
        resource: resource.name,
        ...(Object.keys(resource.labels).length === 0 ? {} : { labels: resource.labels }),
        protocol: protocol.name,
        recording: resource.recording,
        access: decision.rule,
        ...(confirmation === null ? {} : { stepUp: confirmation }),
        client: opening.facts,
      });
      await withDeadline(
        durable(ports.journal, sequence),
        limits.journalDeadlineMs,
        'the journal of a new session',
        ports.clock,
      );
    } catch (cause) {
      session.finish({ reason: 'recording-failed', message: '', code: 'core.journal-unavailable', by: null }, true);
      throw coreErrors('core.journal-unavailable', { cause });
    }
    if (this.sessions.isRevoked(session) || ports.isVouchedFor?.(principal) === false) {
      session.finish({ reason: 'token-revoked', message: '', code: 'core.not-authenticated', by: null }, true);
      throw coreErrors('core.not-authenticated');
    }
    return session;
  }

  async #awaitAccess(principal: Principal, resourceName: string, software: string): Promise<AccessWait | null> {
    const { resources, authorisation, requests } = this.#ports;
    const resource = await resources.find(resourceName).catch(() => null);
    if (resource === null || requests === undefined || this.#closed) return null;
    const { refusal } = authorisation.decide(principal, resource);
    return refusal?.kind === 'ask' && refusal.waits ? requests.ask(principal, resource, software) : null;
  }

  /** The resources that lead to this one; null where one of them is missing or speaks another protocol. */
  async #hopsOf(protocol: Protocol, resource: Resource): Promise<readonly Resource[] | null> {
    const hops: Resource[] = [];
    if (resource.protocol !== protocol.name) return hops;
    for (const name of protocol.hops?.(resource) ?? []) {
      const hop = await this.#ports.resources.find(name);
      if (hop === null || hop.protocol !== protocol.name || hops.length >= limits.hopsMax) return null;
      hops.push(hop);
    }
    return hops;
  }
}

/** Resolves when `sequence` is on stable storage; rejects when the journal failed. */
export function durable(journal: Pick<Journal, 'afterDurable'>, sequence: number): Promise<void> {
  return new Promise((resolve, reject) => {
    journal.afterDurable(sequence, (error) => (error === null ? resolve() : reject(error)));
  });
}

function cutName(name: string): string {
  return name.length <= limits.loginBytesMax ? name : `${name.slice(0, limits.loginBytesMax)}…`;
}
