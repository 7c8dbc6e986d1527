/**
 * Who may reach what, and why: for one principal and resource, for one of them, and for everybody.
 *
 * Invariants: judged by the very objects that open sessions, as they are now; a principal that is disabled reaches nothing;
 * everybody's is made one principal after the other, with a pause for others between them.
 *
 * Deliberately absent: who may ask (the API), and what sessions do once they are open (rules).
 */
import type { Explanation } from '../api/contract/index.ts';
import type { ApiPorts, Reach } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import { spellMoment } from '../base/time-zone.ts';
import type { AccessDecision, Authorisation } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import { askingCommand } from '../core/refusal.ts';
import type { Resource } from '../core/resource.ts';
import type { RequestTerms } from '../review/index.ts';
import type { Store, StoredGrant } from '../store/index.ts';
import { askingOf } from './authorisation.ts';
import type { ConfiguredAccess } from './configured-access.ts';
import type { GrantService } from './grants.ts';
import type { ConfiguredPrincipal } from './principals.ts';
import { reviewFrom } from './review-ledger.ts';
import type { Snapshot } from './snapshot.ts';

export interface AccessReportParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly snapshot: Snapshot;
  readonly store: Pick<Store, 'sessions' | 'reviews'>;
  readonly grants: Pick<GrantService, 'live'>;
  readonly authorisation: Authorisation;
}

export type AccessReport = Pick<ApiPorts['access'], 'who' | 'what' | 'all' | 'lockOf'>;

/** Resources judged for one principal before others have their turn; each costs microseconds. */
const resourcesAtOnce = 2_000;

export function accessReport(parts: AccessReportParts): AccessReport {
  const { clock, snapshot } = parts;
  const namesOfAll = (): readonly string[] => [...snapshot.principals()].map(({ name }) => name).sort();
  return {
    lockOf: (principal, tokenId) => {
      const lock = snapshot.configured.locks.of({ principal, credentialIds: [tokenId] }, clock.now());
      // What cannot be understood is mended through the API: sessions do not open meanwhile.
      return lock === null || lock.kind === 'everything' ? null : lock;
    },
    who: async (resource, { limit, after }) => {
      const reach: Reach[] = [];
      const names = namesOfAll().filter((name) => after === null || name > after);
      for (const [index, name] of names.entries()) {
        const entry = snapshot.principal(name);
        if (entry !== null) reach.push(...(await reachOf(parts, entry, [resource])));
        if (reach.length >= limit) return { reach, next: index + 1 < names.length ? name : null };
        if (index % resourcesAtOnce === resourcesAtOnce - 1) await pause();
      }
      return { reach, next: null };
    },
    what: async (name) => {
      const entry = snapshot.principal(name);
      return entry === null ? [] : reachOf(parts, entry, snapshot.resourceNames());
    },
    all: async function* (signal) {
      for (const name of namesOfAll()) {
        if (signal.aborted) return;
        const entry = snapshot.principal(name);
        if (entry !== null) yield* await reachOf(parts, entry, snapshot.resourceNames());
        await pause();
      }
    },
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

type Way = Pick<Reach, 'access' | 'how' | 'grant' | 'asking'> & { readonly live: StoredGrant | null };

async function reachOf(
  parts: AccessReportParts,
  entry: ConfiguredPrincipal,
  names: readonly string[],
): Promise<readonly Reach[]> {
  const { snapshot, store } = parts;
  if (entry.disabled) return [];
  const principal: Principal = { ...entry, authentication: { method: 'system', credentialId: null, atMs: 0 } };
  const found: (Way & { readonly resource: Resource })[] = [];
  for (const [index, name] of names.entries()) {
    const labels = snapshot.resourceLabels(name);
    if (labels === null) continue;
    // Access looks at nothing of a resource but its name and labels.
    const resource = { name, labels } as Resource;
    found.push(...waysOf(parts, principal, resource).map((way) => ({ ...way, resource })));
    if (index % resourcesAtOnce === resourcesAtOnce - 1) await pause();
  }
  if (found.length === 0) return [];
  const lastUses = await store.sessions.lastUses(entry.name);
  return Promise.all(
    found.map(async (way) => viewOf(parts, principal, way, lastUses, await approversOf(parts, way.live))),
  );
}

function waysOf({ clock, snapshot, grants }: AccessReportParts, principal: Principal, resource: Resource): Way[] {
  const { configured } = snapshot;
  const nowMs = clock.now();
  const requestable = configured.requestables(principal, resource, nowMs);
  return [
    ...configured
      .standingFor(principal, resource, nowMs)
      .map((access) => ({ access, how: 'standing' as const, grant: null, live: null })),
    ...requestable.map(({ access, terms }) => ({
      access,
      how: 'request' as const,
      grant: null,
      live: null,
      asking: termsOf(terms),
    })),
    ...grants
      .live(principal.id, resource.name)
      .flatMap((live) =>
        requestable.some(({ access }) => access === live.access)
          ? [{ access: live.access, how: 'grant' as const, grant: live.id, live }]
          : [],
      ),
  ];
}

function termsOf(terms: RequestTerms): NonNullable<Reach['asking']> {
  const { hold, durationMsMax, defaultDurationMs, reasonRequired, onConnect } = terms;
  return {
    maxSeconds: Math.floor(durationMsMax / 1000),
    defaultSeconds: defaultDurationMs === null ? null : Math.round(defaultDurationMs / 1000),
    reasonRequired,
    approvals: hold.approvals,
    reviewers: { names: [...hold.reviewers.names], groups: [...hold.reviewers.groups] },
    waits: onConnect === 'wait',
  };
}

async function approversOf({ store }: AccessReportParts, grant: StoredGrant | null): Promise<readonly string[]> {
  if (grant === null) return [];
  const stored = await store.reviews.get(grant.review);
  if (stored === null) return [];
  return reviewFrom(stored)
    .decisions.filter(({ decision }) => decision === 'approve')
    .map(({ principal }) => principal.name);
}

function viewOf(
  { clock, snapshot }: AccessReportParts,
  principal: Principal,
  { access, how, grant, live, resource, asking }: Way & { readonly resource: Resource },
  lastUses: ReadonlyMap<string, number>,
  approvers: readonly string[],
): Reach {
  const { configured } = snapshot;
  const nowMs = clock.now();
  const schedule = configured.scheduleOf(access);
  const origin = configured.originOf(access);
  const lock = configured.locks.of({ principal, resource: resource.name }, nowMs);
  const ends = [schedule?.untilMs ?? null, live?.expiresAtMs ?? null].filter((one) => one !== null);
  return {
    principal: principal.name,
    kind: principal.kind,
    groups: [...principal.groups],
    resource: resource.name,
    access,
    how,
    grant,
    stepUp: configured.asksStepUp(access),
    counts: lock === null && schedule?.isOpen(nowMs) !== false,
    windows: schedule?.hasWindows === true ? schedule.spelled : null,
    until: ends.length === 0 ? null : iso(Math.min(...ends)),
    locked: lock?.name ?? null,
    since: isoOrNull(live?.grantedAtMs ?? origin?.changedAtMs),
    grantedBy: live === null ? (origin?.changedBy ?? '').split(' ').filter((name) => name !== '') : [...approvers],
    lastUsed: isoOrNull(lastUses.get(resource.name)),
    ...(asking === undefined ? {} : { asking }),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : iso(ms);
}

/** What a principal can do about a decision, or has to know of it. */
export function nextSteps(name: string, decision: AccessDecision): string[] {
  const { granted, stepUp, refusal } = decision;
  if (granted) return stepUp === true ? ['Opening takes a confirmation by the person: the client shows a link.'] : [];
  switch (refusal?.kind) {
    case 'locked':
      return [`Locked by ${refusal.lock}: ${refusal.reason}. An administrator can take the lock away.`];
    case 'closed':
      return [`It opens next on ${spellMoment(refusal.opensAtMs, refusal.timeZone)}.`];
    case 'ask':
      return [
        `Ask for it: ${askingCommand(name, refusal)}`,
        ...(refusal.waits ? ['Or connect: that asks, and waits for the answer.'] : []),
      ];
    default:
      return ['No Access gives it. Ask an administrator of the gateway for one.'];
  }
}

/** What may be asked for, as an explanation shows it beside standing Access. */
export function requestTrace(
  configured: ConfiguredAccess,
  principal: Principal,
  resource: Resource,
  nowMs: number,
): Explanation['trace'] {
  return configured.explainRequests(principal, resource, nowMs).map(({ name, matches, conditions }) => {
    const terms = configured.requestable(principal, resource, nowMs, { access: name })?.terms;
    const asked =
      terms === undefined
        ? []
        : [`on request only: ${askingCommand(resource.name, askingOf({ access: name, terms }))}`];
    return {
      access: name,
      matched: matches,
      why: [
        ...conditions.map(({ condition, holds, because }) => `${holds ? '✓' : '✗'} ${condition}: ${because}`),
        ...asked,
      ].join('; '),
    };
  });
}
