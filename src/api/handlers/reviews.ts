/**
 * Reviews and grants: asking, deciding, taking back.
 *
 * Invariants:
 * - Whoever may not see a review is told "not found", the same as of one that does not exist (A-API-01).
 * - What no rule can allow is refused here before the service is asked: deciding one's own, whatever the role, and
 *   deciding or breaking the glass as a service or an agent (A-REV-01). The service checks again, with everything else.
 * - What a reviewer reads is whole, and nothing in it hides or reorders (A-REV-06).
 *
 * Deliberately absent: who is eligible, counting approvals, running anything. Those are the service's, and it journals.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Principal } from '../../core/principal.ts';
import { isInScope, isNarrowed, permissionsFor } from '../authorise.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { contractLimits, durationMs, type GrantView, type ReviewSummary, type ReviewView } from '../contract/index.ts';
import { displayBeginning, displayLine, displayText } from '../display.ts';
import { apiErrors } from '../errors.ts';
import { summaryLengthMax } from '../limits.ts';
import type {
  GrantRecord,
  ReviewedCommandRecord,
  ReviewFound,
  ReviewRecord,
  ReviewSummaryRecord,
} from '../review-ports.ts';

type ReviewRoute =
  | 'listReviews'
  | 'getReview'
  | 'decideReview'
  | 'decideFromSlack'
  | 'withdrawReview'
  | 'breakGlass'
  | 'requestAccess'
  | 'listGrants'
  | 'revokeGrant';

export function reviewHandlers({ ports }: ApiParts): Pick<Handlers, ReviewRoute> {
  const { reviews, grants, chat } = ports;
  return {
    async listReviews({ principal, scope, input }) {
      const { state, mine, limit, cursor } = input.query;
      const page = await reviews.list({
        viewer: principal,
        scope,
        state: state ?? null,
        mine: mine ?? null,
        limit: limit ?? contractLimits.pageEntriesDefault,
        cursor: cursor ?? null,
      });
      return { reviews: page.reviews.map(summaryOf), next: page.next };
    },

    async getReview({ principal, input }) {
      return viewOf(await visible(input.params.id, principal), principal);
    },

    async decideReview({ principal, input }) {
      const { decision, reason, digest } = input.body;
      const { review } = await visible(input.params.id, principal);
      if (review.requester.id === principal.id) throw apiErrors('api.own-review');
      requirePerson(principal);
      if (digest !== undefined && digest !== review.digest) throw apiErrors('api.review-changed');
      const options = { reason: reason ?? '', how: 'api', digest: digest ?? null };
      return viewOf(await reviews.decide(review.id, principal, decision, options), principal);
    },

    async decideFromSlack({ input }) {
      if (chat === null) throw apiErrors('api.no-route');
      const { headers, body } = input;
      const timestamp = headers['x-slack-request-timestamp'] ?? '';
      const said = await chat.slack({ timestamp, signature: headers['x-slack-signature'] ?? '', body });
      return { response_type: 'ephemeral', replace_original: false, text: said };
    },

    async withdrawReview({ principal, input }) {
      const { review } = await own(input.params.id, principal);
      return viewOf(await reviews.withdraw(review.id, principal), principal);
    },

    async breakGlass({ principal, input }) {
      const { review } = await own(input.params.id, principal);
      requirePerson(principal);
      return viewOf(await reviews.breakGlass(review.id, principal, input.body.reason), principal);
    },

    async requestAccess({ principal, input }) {
      const { resource, reason, duration, extends: extended = null } = input.body;
      if (!isInScope(principal, resource)) throw apiErrors('api.not-found', { values: { what: 'resource' } });
      const length = durationMs(duration);
      if (length === null) throw apiErrors('api.internal', { detail: 'a checked duration that is none' });
      return viewOf(await reviews.requestAccess(principal, resource, reason ?? null, length, extended), principal);
    },

    async listGrants({ principal, scope, input }) {
      const { mine, limit, cursor } = input.query;
      const page = await grants.list({
        viewer: principal,
        scope: mine === true ? 'own' : scope,
        limit: limit ?? contractLimits.pageEntriesDefault,
        cursor: cursor ?? null,
      });
      return { grants: page.grants.map(grantOf), next: page.next };
    },

    async revokeGrant({ principal, input }) {
      await grants.revoke(input.params.id, principal);
      return undefined;
    },
  };

  /** The review, where the principal may know of it. */
  async function visible(id: string, principal: Principal): Promise<ReviewFound> {
    const found = await reviews.get(id, principal);
    if (found === null || !isFor(principal, found)) throw apiErrors('api.not-found', { values: { what: 'review' } });
    return found;
  }

  /** The review, where the principal asked for it; another's answers as `forbidden` to who may know of it. */
  async function own(id: string, principal: Principal): Promise<ReviewFound> {
    const found = await visible(id, principal);
    if (found.review.requester.id !== principal.id) throw apiErrors('api.forbidden');
    return found;
  }
}

function requirePerson({ kind, authentication }: Principal): void {
  if (kind !== 'person' || isNarrowed(authentication)) throw apiErrors('api.people-only');
}

/** An agent sees what it asked for itself, on what its token is good for, and nothing else of whom it acts for. */
function isFor(principal: Principal, { review }: ReviewFound): boolean {
  const { authentication, id } = principal;
  if (!isNarrowed(authentication)) return true;
  const agents = (authentication.actors ?? []).map(({ name }) => name);
  const isOwn = review.requester.id === id && isDeepStrictEqual(review.requester.agents ?? [], agents);
  return isOwn && isInScope(principal, review.resource);
}

function summaryOf(review: ReviewSummaryRecord): ReviewSummary {
  return {
    id: review.id,
    kind: review.kind,
    state: review.state,
    requester: requesterOf(review),
    resource: review.resource,
    rule: review.rule,
    summary: review.text === null ? null : displayBeginning(review.text, summaryLengthMax),
    reason: review.reason === null ? null : displayText(review.reason),
    approvals: { needed: review.approvalsNeeded, given: review.approvalsGiven },
    createdAt: iso(review.createdAtMs),
    expiresAt: iso(review.expiresAtMs),
    endedAt: review.endedAtMs === null ? null : iso(review.endedAtMs),
  };
}

function requesterOf({ requester }: ReviewSummaryRecord): ReviewSummary['requester'] {
  const { agents = [], ...who } = requester;
  return agents.length === 0 ? { ...who } : { ...who, agents: [...agents] };
}

function viewOf({ review, standing }: ReviewFound, principal: Principal): ReviewView {
  const isRequester = review.requester.id === principal.id;
  const isPerson = principal.kind === 'person' && !isNarrowed(principal.authentication);
  const decides = permissionsFor(principal)['reviews.decide'] !== undefined;
  const isPending = review.state === 'pending';
  // A denial still counts while an approved command has not run.
  const isOpen = isPending || (review.state === 'approved' && review.kind !== 'break-glass');
  return {
    ...summaryOf(review),
    requesterGroups: [...review.requesterGroups],
    source: review.source,
    client: displayed(review.client),
    reviewers: copyOf(review.reviewers),
    escalation:
      review.escalation === null
        ? null
        : { at: iso(review.escalation.atMs), reviewers: copyOf(review.escalation.reviewers) },
    breakGlassGroups: [...review.breakGlassGroups],
    message: displayText(review.message),
    digest: review.digest,
    command: review.command === null ? null : commandOf(review.command),
    access:
      review.access === null
        ? null
        : {
            durationSeconds: Math.round(review.access.durationMs / 1000),
            grant: review.access.grant,
            extends: review.access.extends,
          },
    decisions: review.decisions.map(({ by, decision, reason, how, atMs }) => ({
      by: { id: by.id, name: by.name },
      decision,
      reason: displayText(reason),
      how,
      at: iso(atMs),
    })),
    outcome: review.outcome === null ? null : displayText(review.outcome),
    brokeGlass:
      review.brokeGlass === null
        ? null
        : { reason: displayText(review.brokeGlass.reason), at: iso(review.brokeGlass.atMs) },
    follows: review.follows,
    history:
      review.history?.map(({ atMs, resource, text, outcome }) => ({
        at: iso(atMs),
        resource,
        about: displayBeginning(text, summaryLengthMax),
        outcome,
      })) ?? null,
    you: {
      requester: isRequester,
      mayDecide: isOpen && decides && isPerson && standing.isReviewer && !isRequester,
      mayBreakGlass: isPending && isPerson && standing.mayBreakGlass && isRequester,
    },
  };
}

function commandOf(command: ReviewedCommandRecord): NonNullable<ReviewView['command']> {
  const { rows, notes, parameters, relations, effects, unknown, context } = command;
  return {
    session: command.session,
    ordinal: command.ordinal,
    kind: command.kind,
    verb: command.verb,
    lines: rows.map(({ number, continued, spans }) => ({
      number,
      continued,
      // What the presentation let through and no terminal may get would be a mistake of it: spelled here all the same.
      spans: spans.map((span) => ({ kind: span.kind, text: displayLine(span.text) })),
    })),
    notes: notes.map(displayLine),
    length: command.length,
    parameters:
      parameters?.map(({ type, value, bytes, digest }, index) => ({
        number: index + 1,
        type,
        value: value === null ? null : displayLine(value),
        bytes,
        ...(digest === undefined ? {} : { digest }),
      })) ?? null,
    context: displayed(context),
    redacted: command.redacted,
    effects: [...effects],
    functions: command.functions.map(displayLine),
    conditions: command.conditions.map(displayLine),
    relations: relations.map(({ name, access }) => ({ name: displayLine(name), access })),
    complete: command.complete,
    unknown: unknown.map(displayLine),
    estimatedRows: command.estimatedRows,
    estimate: displayLine(command.estimate),
    inTransaction: command.inTransaction,
  };
}

function grantOf(grant: GrantRecord): GrantView {
  return {
    id: grant.id,
    owner: { id: grant.owner.id, name: grant.owner.name },
    resource: grant.resource,
    access: grant.access,
    review: grant.review,
    grantedAt: iso(grant.grantedAtMs),
    expiresAt: iso(grant.expiresAtMs),
  };
}

function copyOf({ names, groups }: ReviewRecord['reviewers']): ReviewView['reviewers'] {
  return { names: [...names], groups: [...groups] };
}

function displayed(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [displayLine(key), displayLine(value)]));
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
