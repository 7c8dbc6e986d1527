/**
 * Joins reviews, grants and webhooks with the store, the journal and what is configured: the part of the composition that
 * knows who may decide and who may still use what.
 *
 * Deliberately absent: deciding (the review room's), waiting and writing down (reviews.ts, grants.ts).
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { LiveSessions } from '../core/door.ts';
import type { Authorisation, Journal } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { Directory } from '../review/index.ts';
import type { Store } from '../store/index.ts';
import type { WebhookConfig } from './config.ts';
import { createGrants, endSessionsOf, type GrantService } from './grants.ts';
import * as limits from './limits.ts';
import { createReviews, type HistoryEntry, type ReviewService } from './reviews.ts';
import type { Snapshot } from './snapshot.ts';
import { createWebhooks } from './webhooks.ts';

export interface ReviewingParts {
  readonly store: Store;
  readonly snapshot: Snapshot;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  /** Id of this gateway. */
  readonly gateway: string;
  /** Read when a link is made: the console opens later. */
  readonly consoleUrl: () => string;
  readonly webhooks: readonly WebhookConfig[];
  /** Null until doors are open. */
  readonly sessions: () => LiveSessions | null;
}

export interface Reviewing {
  readonly reviews: ReviewService;
  readonly grants: GrantService;
  readonly directory: Directory;
  /** Whether a principal may use a resource as both are configured now: by Access or by a grant. */
  readonly isGranted: (principal: Principal, resource: Resource) => boolean;
  /** What a new session is asked: Access first, else a grant. */
  readonly authorisation: Authorisation;
  readonly close: () => Promise<void>;
}

/** Resolves once what an earlier run left behind is withdrawn and all live grants are known. */
export async function openReviews(parts: ReviewingParts): Promise<Reviewing> {
  const { store, snapshot, journal, clock, log } = parts;
  const directory: Directory = {
    find: (id) => snapshot.principalById(id),
    all: () => snapshot.principals(),
  };
  const shared = {
    store,
    journal,
    clock,
    log,
    directory,
    requestable: (principalId: string, resource: string, access?: string) =>
      snapshot.requestable(principalId, resource, access),
    onAlert: () => undefined,
  };
  const grants = await createGrants({
    ...shared,
    onEnded: (grant, why) => {
      const sessions = parts.sessions();
      if (sessions !== null) endSessionsOf(sessions, grant, why, isGranted);
    },
  });
  const isGranted = (principal: Principal, resource: Resource): boolean => {
    const entry = snapshot.principal(principal.name);
    const labels = snapshot.resourceLabels(resource.name);
    if (entry === null || entry.disabled || labels === null) return false;
    if (snapshot.decide({ ...principal, groups: entry.groups }, { ...resource, labels }).granted) return true;
    return grants.granted(principal.id, resource.name) !== null;
  };
  const authorisation: Authorisation = {
    decide: (principal, resource) => {
      const standing = snapshot.decide(principal, resource);
      const grant = standing.granted ? null : grants.granted(principal.id, resource.name);
      return grant === null ? standing : { granted: true, rule: `grant:${grant.id}` };
    },
  };
  const link = (review: string): string => `${parts.consoleUrl()}/reviews/${review}`;
  const webhooks = createWebhooks({
    endpoints: parts.webhooks.map(({ name, url, format, secretVariable, isPrivate }) => ({
      name,
      url,
      format,
      secret: secretVariable === null ? null : async () => process.env[secretVariable] ?? '',
      allowPrivate: isPrivate,
    })),
    allowedHosts: parts.webhooks.map(({ url }) => new URL(url).hostname),
    clock,
    log,
    link,
  });
  const reviews = await createReviews({
    ...shared,
    onStep: (step) => webhooks.onStep(step),
    gateway: parts.gateway,
    link,
    isGranted,
    resource: (name) => snapshot.resource(name),
    history: (principalId) => historyOf(store, principalId),
  });
  const close = async (): Promise<void> => {
    await reviews.close();
    await webhooks.close();
    grants.close();
  };
  return { reviews, grants, directory, isGranted, authorisation, close };
}

/** What a principal did last: its sessions, newest first. */
async function historyOf(store: Store, principalId: string): Promise<readonly HistoryEntry[]> {
  const principal = principalId.slice(principalId.indexOf(':') + 1);
  const rows = await store.sessions.list({ principal }, { limit: limits.historyEntriesMax, after: null });
  return rows.map(({ startedAtMs, resource, commands, reason }) => ({
    atMs: startedAtMs,
    resource,
    text: `a session of ${commands} commands`,
    outcome: reason ?? 'live',
  }));
}
