/**
 * Whether a session may open, and whether a live one may go on: by Access, by a grant, unless a lock says no.
 *
 * Invariants:
 * - Judged by the groups, labels, times and locks of now, for new and for live sessions by the same function.
 * - Access first, else a grant; rather one without a step-up. A grant counts only while its Access would still let ask, at
 *   its times.
 * - A lock takes away whatever else lets in, and is told only to who would be let in, or could ask: it says of no resource
 *   that it exists.
 *
 * Deliberately absent: ending sessions (revocation.ts), asking for access (connect-requests.ts).
 */

import type { Clock } from '../base/clock.ts';
import { escapeLine } from '../base/escape.ts';
import { spellMoment } from '../base/time-zone.ts';
import type { AccessDecision, AccessRefusal, Authorisation } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { Session, SessionEnding } from '../core/session.ts';
import type { StoredGrant } from '../store/index.ts';
import type { ConfiguredAccess, RequestableAccess } from './configured-access.ts';
import type { Snapshot } from './snapshot.ts';

/** `unconfirmed`: what still lets it in asks for a step-up, which its person never gave. */
export type Standing = 'stays' | 'unconfirmed' | 'ended';

export interface AuthorisationParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly snapshot: Pick<Snapshot, 'groupsOf' | 'labelsOf' | 'configured'>;
  readonly grants: {
    /** The grant by which this may open now. */
    granted(principalId: string, resource: string): StoredGrant | null;
    /** Any that lives, at its times or not. */
    live(principalId: string, resource: string): readonly StoredGrant[];
  };
}

export interface GatewayAuthorisation extends Authorisation {
  standing(session: Session): Standing;
  /** What ends a live session by now, as its person is told; null where it goes on. */
  endingOf(session: Session): SessionEnding | null;
}

const none: AccessDecision = Object.freeze({ granted: false, rule: 'none' });

/** What a request by connecting asks for, unless the Access says otherwise: an hour, or less where it gives less. */
const connectDurationMs = 3_600_000;

export function authorisationOf(parts: AuthorisationParts): GatewayAuthorisation {
  return new Authorising(parts);
}

class Authorising implements GatewayAuthorisation {
  readonly #parts: AuthorisationParts;

  constructor(parts: AuthorisationParts) {
    this.#parts = parts;
  }

  decide(principal: Principal, resource: Resource): AccessDecision {
    return this.#decide(principal, resource, {});
  }

  standing(session: Session): Standing {
    const { granted, stepUp } = this.#decideOf(session);
    if (!granted) return 'ended';
    return stepUp === true && session.confirmation === null ? 'unconfirmed' : 'stays';
  }

  endingOf(session: Session): SessionEnding | null {
    const { granted, stepUp, refusal } = this.#decideOf(session);
    const because = (message: string, code: string | null = null): SessionEnding => ({
      reason: 'locked',
      message,
      code,
      by: null,
    });
    if (granted) {
      if (stepUp !== true || session.confirmation !== null) return null;
      return because('Your access to this resource now takes a confirmation by you. Connect again.');
    }
    if (refusal?.kind === 'locked') {
      return because(`Locked by ${refusal.lock}: ${escapeLine(refusal.reason)}.`, 'core.locked');
    }
    if (refusal?.kind === 'closed') {
      const opens = spellMoment(refusal.opensAtMs, refusal.timeZone);
      return because(`Your access to this resource has closed. It opens next on ${opens}.`, 'core.access-closed');
    }
    return because('Your access to this resource has ended.');
  }

  #decideOf({ id, principal, resource, confirmation }: Session): AccessDecision {
    const confirmed = confirmation?.credentialId ?? null;
    return this.#decide(principal, resource, { session: id, credentialIds: confirmed === null ? [] : [confirmed] });
  }

  #decide(
    principal: Principal,
    resource: Resource,
    more: { readonly session?: string; readonly credentialIds?: readonly string[] },
  ): AccessDecision {
    const { clock, snapshot } = this.#parts;
    // A credential that is good for some resources is good for no other, and tells nothing of it.
    if (principal.authentication.scope?.resources?.includes(resource.name) === false) return none;
    const decision = this.#unlocked(principal, resource);
    if (!decision.granted && decision.refusal === undefined) return decision;
    const lock = snapshot.configured.locks.of({ principal, resource: resource.name, ...more }, clock.now());
    if (lock === null) return decision;
    const refusal = { kind: 'locked', lock: lock.name, reason: lock.reason } as const;
    return { granted: false, rule: `lock:${lock.name}`, refusal };
  }

  // As things are now: a person may take minutes over a step-up, and groups may change meanwhile.
  #unlocked(before: Principal, seen: Resource): AccessDecision {
    const { clock, snapshot, grants } = this.#parts;
    const groups = snapshot.groupsOf(before);
    const labels = snapshot.labelsOf(seen);
    if (groups === null || labels === null) return none;
    const principal = { ...before, groups };
    const resource = { ...seen, labels };
    const access = snapshot.configured.decide(principal, resource, clock.now());
    if (access.granted && access.stepUp !== true) return access;
    const grant = grants.granted(principal.id, resource.name);
    if (grant === null) return access.granted ? access : this.#refused(principal, resource);
    const isAsked = snapshot.configured.asksStepUp(grant.access);
    if (access.granted && isAsked) return access;
    return { granted: true, rule: `grant:${grant.id}`, ...(isAsked ? { stepUp: true } : {}) };
  }

  /** Nothing lets in now: what would, at another time or on request. */
  #refused(principal: Principal, resource: Resource): AccessDecision {
    const { clock, snapshot, grants } = this.#parts;
    const { configured } = snapshot;
    const nowMs = clock.now();
    const refuse = (refusal: AccessRefusal | null): AccessDecision => (refusal === null ? none : { ...none, refusal });
    const held = grants.live(principal.id, resource.name);
    if (held.length > 0) {
      const closed = configured.closedRequest(principal, resource, nowMs);
      if (closed !== null) return refuse({ kind: 'closed', ...timesOf(closed) });
    }
    const found = configured.requestable(principal, resource, nowMs, { when: 'use' });
    if (found !== null) return refuse(askingOf(found));
    const closed = firstOf(configured, principal, resource, nowMs);
    return refuse(closed === null ? null : { kind: 'closed', ...timesOf(closed) });
  }
}

type Closed = NonNullable<ReturnType<ConfiguredAccess['closed']>>;

function firstOf(configured: ConfiguredAccess, principal: Principal, resource: Resource, atMs: number): Closed | null {
  const standing = configured.closed(principal, resource, atMs);
  const onRequest = configured.closedRequest(principal, resource, atMs);
  if (standing === null || onRequest === null) return standing ?? onRequest;
  return standing.opensAtMs <= onRequest.opensAtMs ? standing : onRequest;
}

function timesOf({ opensAtMs, timeZone }: Closed): { readonly opensAtMs: number; readonly timeZone: string } {
  return { opensAtMs, timeZone };
}

/** What a person may ask for, and whether connecting asks by itself. */
export function askingOf({ terms }: RequestableAccess): Extract<AccessRefusal, { kind: 'ask' }> {
  const { durationMsMax, defaultDurationMs, reasonRequired, onConnect } = terms;
  return {
    kind: 'ask',
    durationMs: defaultDurationMs ?? Math.min(connectDurationMs, durationMsMax),
    reasonRequired,
    // A connection says no reason: its person is told how to ask.
    waits: onConnect === 'wait' && !reasonRequired,
  };
}
