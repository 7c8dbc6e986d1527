/**
 * Joins reviews, grants, webhooks and the chat with the store, the journal and what is configured: the part of the composition that
 * knows who may decide and who may still use what.
 *
 * Deliberately absent: deciding (the review room's), waiting and writing down (reviews.ts, grants.ts).
 */
import type { ApiPorts } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { LiveSessions } from '../core/door.ts';
import type { AccessRequests, Journal } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { Identity } from '../identity/index.ts';
import type { ChatDirectory, Directory } from '../review/index.ts';
import type { Secrets } from '../secrets/index.ts';
import type { Store } from '../store/index.ts';
import { authorisationOf, type GatewayAuthorisation } from './authorisation.ts';
import { type Chat, createChat } from './chat.ts';
import type { ChatConfig, GatewayConfig } from './config.ts';
import { createConnectRequests } from './connect-requests.ts';
import { createGrants, endSessionsOf, type GrantService } from './grants.ts';
import { chatSecret } from './identity-keys.ts';
import * as limits from './limits.ts';
import { localIssuer, principalId } from './principals.ts';
import { createReviews, type HistoryEntry, type ReviewService } from './reviews.ts';
import type { Snapshot } from './snapshot.ts';
import { createWebhooks, type Webhooks } from './webhooks.ts';

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
  readonly config: Pick<GatewayConfig, 'webhooks' | 'chat'>;
  readonly identity: Pick<Identity, 'listTokens'>;
  /** The gateway's own secrets. */
  readonly ownSecrets: Secrets;
  /** Null until doors are open. */
  readonly sessions: () => LiveSessions | null;
}

export interface Reviewing {
  readonly reviews: ReviewService;
  readonly grants: GrantService;
  readonly directory: Directory;
  /** Whether a session may open, and whether a live one may go on. */
  readonly authorisation: GatewayAuthorisation;
  /** For who connects without access, and may ask for it. */
  readonly requests: AccessRequests;
  /** For the API: decisions that come in; null where they are not configured. */
  readonly chat: ApiPorts['chat'];
  readonly close: () => Promise<void>;
}

/** Resolves once what an earlier run left behind is withdrawn and all live grants are known. */
export async function openReviews(parts: ReviewingParts): Promise<Reviewing> {
  const { store, snapshot, journal, clock, log } = parts;
  const directory = directoryOf(snapshot, clock);
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
    requestable: (principalId, resource, access) => snapshot.requestable(principalId, resource, access, 'use'),
    onEnded: (grant, why) => {
      const sessions = parts.sessions();
      if (sessions !== null)
        endSessionsOf(sessions, grant, why, (session) => authorisation.standing(session) === 'stays');
    },
  });
  const authorisation = authorisationOf({ clock, snapshot, grants });
  const isGranted = (principal: Principal, resource: Resource): boolean =>
    authorisation.decide(principal, resource).granted;
  const link = (review: string): string => `${parts.consoleUrl()}/reviews/${review}`;
  const { config } = parts;
  const chat =
    config.chat === null
      ? null
      : await openChat(config.chat, parts, {
          // Both are opened below, before any button is out.
          decide: (...decision) => reviews.decide(...decision),
          reply: (url, message) => webhooks.reply(url, message),
        });
  const webhooks: Webhooks = createWebhooks({
    endpoints: config.webhooks.map(({ name, url, format, secretVariable, isPrivate }) => ({
      name,
      url,
      format,
      secret: secretVariable === null ? null : async () => process.env[secretVariable] ?? '',
      allowPrivate: isPrivate,
    })),
    allowedHosts: config.webhooks.map(({ url }) => new URL(url).hostname),
    clock,
    log,
    link,
    ...(chat === null ? {} : { buttons: chat.buttons }),
  });
  const reviews: ReviewService = await createReviews({
    ...shared,
    onStep: (step) => webhooks.onStep(step),
    gateway: parts.gateway,
    link,
    isGranted,
    resource: (name) => snapshot.resource(name),
    history: (id) => historyOf(store, snapshot.principalById(id)?.name ?? ''),
  });
  const requests = createConnectRequests({
    clock,
    log,
    snapshot,
    store,
    reviews,
    authorisation,
    link,
    askingLink: (resource) => `${parts.consoleUrl()}/requests?resource=${encodeURIComponent(resource)}`,
  });
  const close = async (): Promise<void> => {
    await reviews.close();
    await webhooks.close();
    grants.close();
  };
  const chatPort = chat === null ? null : { slack: async (request: Request) => (await chat.slack(request)).text };
  return { reviews, grants, directory, authorisation, requests, chat: chatPort, close };
}

/** Everyone, as reviews see them: who is locked decides nothing, and is given nothing (I11). */
function directoryOf(snapshot: Snapshot, clock: Pick<Clock, 'now'>): Directory {
  type Entry = NonNullable<ReturnType<Snapshot['principalById']>>;
  const seen = (entry: Entry): Entry =>
    snapshot.configured.locks.isLocked(entry, clock.now()) ? { ...entry, disabled: true } : entry;
  return {
    find: (id) => {
      const entry = snapshot.principalById(id);
      return entry === null ? null : seen(entry);
    },
    *all() {
      for (const entry of snapshot.principals()) yield seen(entry);
    },
  };
}

type Request = Parameters<Chat['slack']>[0];

async function openChat(
  { slack }: ChatConfig,
  { clock, snapshot, identity, ownSecrets }: ReviewingParts,
  to: Pick<ReviewService, 'decide'> & Pick<Webhooks, 'reply'>,
): Promise<Chat> {
  // Who is not there any more has an id all the same, which is nobody's.
  const idOf = (name: string): string => snapshot.principal(name)?.id ?? principalId(localIssuer, name);
  const accounts = (): ChatDirectory =>
    new Map([...slack.accounts].map(([account, name]) => [`slack:${account}`, idOf(name)] as const));
  return createChat({
    clock,
    reviews: to,
    reply: to.reply,
    signingSecret: async () => process.env[slack.secretVariable] ?? '',
    referenceSecret: await chatSecret(ownSecrets),
    accounts,
    principal: (id) => {
      const entry = snapshot.principalById(id);
      if (entry === null || entry.disabled) return null;
      const { issuer, subject, name, kind, groups, roles } = entry;
      return { id, issuer, subject, name, kind, groups, roles };
    },
    lastLoginMs: async (id) => {
      const name = snapshot.principalById(id)?.name;
      if (name === undefined) return null;
      // Newest first. A token that is revoked or over proves nothing any more, nor does one that somebody else asked for.
      const tokens = await identity.listTokens(name, { limit: limits.tokensLookedAtMax });
      return tokens.find(({ state, createdBy }) => state === 'live' && createdBy === name)?.createdAtMs ?? null;
    },
  });
}

/** What a principal did last: its sessions, newest first. */
async function historyOf(store: Store, principal: string): Promise<readonly HistoryEntry[]> {
  const rows = await store.sessions.list({ principal }, { limit: limits.historyEntriesMax, after: null });
  return rows.map(({ startedAtMs, resource, commands, reason }) => ({
    atMs: startedAtMs,
    resource,
    // The index counts a session's commands when it has ended.
    text:
      reason === null ? 'a session, open now' : `a session of ${commands} ${commands === 1 ? 'command' : 'commands'}`,
    outcome: reason ?? 'live',
  }));
}
