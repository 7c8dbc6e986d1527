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
import type { AccessDecision, Authorisation, Journal } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { Session } from '../core/session.ts';
import type { Identity } from '../identity/index.ts';
import type { ChatDirectory, Directory } from '../review/index.ts';
import type { Secrets } from '../secrets/index.ts';
import type { Store } from '../store/index.ts';
import { type Chat, createChat } from './chat.ts';
import type { ChatConfig, GatewayConfig } from './config.ts';
import { createGrants, endSessionsOf, type GrantService } from './grants.ts';
import { chatSecret } from './identity-keys.ts';
import * as limits from './limits.ts';
import { createReviews, type HistoryEntry, type ReviewService } from './reviews.ts';
import { localIssuer, type Snapshot } from './snapshot.ts';
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

/** `unconfirmed`: what still lets it in asks for a step-up, which its person never gave. */
export type Standing = 'stays' | 'unconfirmed' | 'ended';

export interface Reviewing {
  readonly reviews: ReviewService;
  readonly grants: GrantService;
  readonly directory: Directory;
  /** Whether a live session may go on, as things are configured now. */
  readonly standing: (session: Session) => Standing;
  /** What a new session is asked, with the groups of now: Access first, else a grant; rather one without a step-up. */
  readonly authorisation: Authorisation;
  /** For the API: decisions that come in; null where they are not configured. */
  readonly chat: ApiPorts['chat'];
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
      if (sessions !== null) endSessionsOf(sessions, grant, why, (session) => standing(session) === 'stays');
    },
  });
  // As things are now: a person may take minutes over a step-up, and groups may change meanwhile.
  const decide = (principal: Principal, resource: Resource): AccessDecision => {
    const groups = snapshot.groupsOf(principal);
    const labels = snapshot.labelsOf(resource);
    if (groups === null || labels === null) return { granted: false, rule: 'none' };
    const access = snapshot.decide({ ...principal, groups }, { ...resource, labels });
    if (access.granted && access.stepUp !== true) return access;
    const grant = grants.granted(principal.id, resource.name);
    if (grant === null) return access;
    const isAsked = snapshot.asksStepUp(grant.access);
    if (access.granted && isAsked) return access;
    return { granted: true, rule: `grant:${grant.id}`, ...(isAsked ? { stepUp: true } : {}) };
  };
  const isGranted = (principal: Principal, resource: Resource): boolean => decide(principal, resource).granted;
  const standing = ({ principal, resource, confirmation }: Session): Standing => {
    const { granted, stepUp } = decide(principal, resource);
    if (!granted) return 'ended';
    return stepUp === true && confirmation === null ? 'unconfirmed' : 'stays';
  };
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
    history: (principalId) => historyOf(store, principalId),
  });
  const close = async (): Promise<void> => {
    await reviews.close();
    await webhooks.close();
    grants.close();
  };
  const chatPort = chat === null ? null : { slack: async (request: Request) => (await chat.slack(request)).text };
  return { reviews, grants, directory, standing, authorisation: { decide }, chat: chatPort, close };
}

type Request = Parameters<Chat['slack']>[0];

async function openChat(
  { slack }: ChatConfig,
  { clock, snapshot, identity, ownSecrets }: ReviewingParts,
  to: Pick<ReviewService, 'decide'> & Pick<Webhooks, 'reply'>,
): Promise<Chat> {
  const ids = [...slack.accounts].map(([account, name]) => [`slack:${account}`, `${localIssuer}:${name}`] as const);
  const accounts: ChatDirectory = new Map(ids);
  return createChat({
    clock,
    reviews: to,
    reply: to.reply,
    signingSecret: async () => process.env[slack.secretVariable] ?? '',
    referenceSecret: await chatSecret(ownSecrets),
    accounts: () => accounts,
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
async function historyOf(store: Store, principalId: string): Promise<readonly HistoryEntry[]> {
  const principal = principalId.slice(principalId.indexOf(':') + 1);
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
