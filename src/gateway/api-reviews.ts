/**
 * Reviews and grants as the API wants them: pure translation between the services (reviews.ts, grants.ts) and its ports.
 *
 * Deliberately absent: deciding who may what (the review room's and the services'), escaping (the API's).
 */
import type { ApiPorts, GrantRecord, ReviewedCommandRecord, ReviewFound, ReviewRecord } from '../api/index.ts';
import type { Principal } from '../core/principal.ts';
import {
  type CommandSubject,
  type Directory,
  estimateOf,
  ineligibleNow,
  mayBreakGlass,
  presentText,
  presentValue,
  type Review,
  standingApprovals,
} from '../review/index.ts';
import type { ReviewCursor, StoredGrant } from '../store/index.ts';
import type { GrantService } from './grants.ts';
import type { HistoryEntry, ReviewListing, ReviewScope, ReviewService } from './reviews.ts';

export interface ApiReviewParts {
  readonly reviews: Pick<ReviewService, 'get' | 'list' | 'decide' | 'withdraw' | 'breakGlass' | 'requestAccess'>;
  readonly grants: Pick<GrantService, 'list' | 'revoke'>;
  readonly directory: Directory;
}

/** The API's ports for reviews and grants. */
export function apiReviews(parts: ApiReviewParts): Pick<ApiPorts, 'reviews' | 'grants'> {
  const { reviews, grants, directory } = parts;
  /** The review after an act, with everything that is shown of it. */
  const shown = async (review: Review, viewer: Principal): Promise<ReviewFound> => {
    const found = await reviews.get(viewer, review.id);
    return foundOf(found?.review ?? review, found?.history ?? null, viewer, directory);
  };
  return {
    reviews: {
      list: async ({ viewer, scope, state, mine, limit, cursor }) => {
        const page = { limit, after: cursor === null ? null : cursorOf(cursor) };
        const query = (of: ReviewScope) => ({ scope: of, ...(state === null ? {} : { states: [state] }) });
        const scopes: readonly ReviewScope[] =
          mine === true
            ? ['requested']
            : mine === false
              ? ['to-decide']
              : scope === 'all'
                ? ['all']
                : ['requested', 'to-decide'];
        const pages = await Promise.all(scopes.map((of) => reviews.list(viewer, query(of), page)));
        const { found, next } = merge(pages, limit);
        return {
          reviews: found.map((review) => recordOf(review, null, directory)),
          next: next === null ? null : spell(next),
        };
      },
      get: async (id, viewer) => {
        const found = await reviews.get(viewer, id);
        return found === null ? null : foundOf(found.review, found.history, viewer, directory);
      },
      decide: async (id, by, decision, { reason, how, digest }) => {
        const options = { reason, how, ...(digest === null ? {} : { digest }) };
        return shown(await reviews.decide(by, id, decision, options), by);
      },
      withdraw: async (id, by) => shown(await reviews.withdraw(by, id), by),
      breakGlass: async (id, by, reason) => shown(await reviews.breakGlass(by, id, reason, 'api'), by),
      requestAccess: async (by, resource, reason, durationMs, extended) =>
        shown(await reviews.requestAccess(by, { resource, durationMs, reason: reason ?? '', extends: extended }), by),
    },
    grants: {
      list: async ({ viewer, scope, limit, cursor }) => {
        const after = cursor === null ? null : cursorOf(cursor);
        const found = await grants.list(viewer, { scope, isLive: true }, { limit, after });
        const last = found.at(-1);
        const hasMore = last !== undefined && found.length >= limit;
        return {
          grants: found.map(grantOf),
          next: hasMore ? spell({ atMs: last.grantedAtMs, id: last.id }) : null,
        };
      },
      revoke: (id, by) => grants.revoke(by, id),
    },
  };
}

/** Pages of the same place in one order, as one page: latest first, each review once. */
function merge(
  pages: readonly ReviewListing[],
  limit: number,
): { readonly found: readonly Review[]; readonly next: ReviewCursor | null } {
  if (pages.length === 1) return { found: pages[0]!.reviews, next: pages[0]!.next };
  // Nothing behind the end of a page that goes on may be shown: the other's reviews there would be followed by gaps.
  const ends = pages.flatMap(({ next }) => (next === null ? [] : [next]));
  const end = ends.reduce<ReviewCursor | null>(
    (first, one) => (first === null || isBefore(one, first) ? one : first),
    null,
  );
  const all = [...new Map(pages.flatMap(({ reviews }) => reviews.map((review) => [review.id, review]))).values()]
    .sort((a, b) => (isBefore(placeOf(a), placeOf(b)) ? -1 : 1))
    .filter((review) => end === null || !isBefore(end, placeOf(review)));
  const found = all.slice(0, limit);
  const last = found.at(-1);
  if (last !== undefined && found.length < all.length) return { found, next: placeOf(last) };
  return { found, next: end };
}

function placeOf({ createdAtMs, id }: Review): ReviewCursor {
  return { atMs: createdAtMs, id };
}

/** Nearer to the beginning of a list, which is the latest. */
function isBefore(a: ReviewCursor, b: ReviewCursor): boolean {
  return a.atMs > b.atMs || (a.atMs === b.atMs && a.id > b.id);
}

function spell({ atMs, id }: ReviewCursor): string {
  return `${atMs}.${id}`;
}

function cursorOf(text: string): ReviewCursor {
  const dot = text.indexOf('.');
  const atMs = Number(text.slice(0, dot));
  return { atMs: Number.isSafeInteger(atMs) ? atMs : 0, id: text.slice(dot + 1) };
}

function foundOf(
  review: Review,
  history: readonly HistoryEntry[] | null,
  viewer: Principal,
  directory: Directory,
): ReviewFound {
  const isRequester = review.requester.id === viewer.id;
  return {
    review: recordOf(review, history, directory),
    standing: {
      isRequester,
      isReviewer: ineligibleNow(review, viewer, directory) === null,
      mayBreakGlass: isRequester && mayBreakGlass(review, directory),
    },
  };
}

function recordOf(review: Review, history: readonly HistoryEntry[] | null, directory: Directory): ReviewRecord {
  const { subject, terms, requester, breakGlass } = review;
  const command = subject.type === 'access' ? null : subject.type === 'command' ? subject : subject.command;
  const resource = subject.type === 'break-glass' ? subject.command.resource : subject.resource;
  const { escalation } = terms;
  return {
    id: review.id,
    kind: review.kind,
    state: review.state,
    requester: {
      id: requester.id,
      name: requester.name,
      kind: requester.kind,
      ...(requester.actors === undefined ? {} : { agents: requester.actors.map(({ name }) => name) }),
    },
    resource: resource.name,
    rule: terms.rule,
    text: command?.text ?? null,
    reason: review.reason === '' ? null : review.reason,
    approvalsNeeded: terms.approvals,
    approvalsGiven: standingApprovals(review, directory).length,
    createdAtMs: review.createdAtMs,
    expiresAtMs: review.expiresAtMs,
    endedAtMs: review.endedAtMs,
    requesterGroups: requester.groups,
    source: command?.session.source ?? null,
    client: command?.session.client ?? {},
    reviewers: terms.reviewers,
    escalation:
      escalation === null
        ? null
        : { atMs: review.escalatesAtMs ?? review.createdAtMs, reviewers: escalation.reviewers },
    breakGlassGroups: terms.breakGlass,
    message: terms.message,
    digest: review.digest,
    command: command === null ? null : commandOf(command),
    access:
      subject.type === 'access'
        ? { durationMs: subject.durationMs, grant: review.grant, extends: subject.extends ?? null }
        : null,
    decisions: review.decisions.map(({ principal, decision, reason, how, atMs }) => ({
      by: { id: principal.id, name: principal.name },
      decision,
      reason,
      how,
      atMs,
    })),
    outcome: review.ending,
    brokeGlass: breakGlass,
    follows: subject.type === 'break-glass' ? subject.review : null,
    history,
  };
}

function commandOf(command: CommandSubject): ReviewedCommandRecord {
  const { session, meaning } = command;
  const { lines, notes } = presentText(command.text);
  const estimate = estimateOf(command);
  const more = meaning === null || meaning.more === 0 ? [] : [`${meaning.more} more entries that are not shown`];
  return {
    session: session.id,
    ordinal: command.command,
    kind: command.kind,
    verb: command.verb,
    rows: lines,
    notes,
    length: command.text.length,
    redacted: command.redacted,
    parameters:
      command.parameters?.map((parameter) => ({
        ...parameter,
        value: parameter.value === null ? null : presentValue(parameter.value),
      })) ?? null,
    context: command.context,
    effects: meaning?.effects ?? [command.effect],
    relations: meaning?.relations.map(({ name, access }) => ({ name, access })) ?? [],
    functions: meaning?.functions ?? [],
    conditions: meaning?.statements.flatMap(({ conditions }) => conditions) ?? [],
    complete: meaning?.complete ?? false,
    unknown: meaning === null ? ['what the command means could not be told'] : [...meaning.reasons, ...more],
    estimatedRows: estimate.rows,
    estimate: estimate.text,
    inTransaction: command.inTransaction,
  };
}

function grantOf({
  id,
  principalId,
  principalName,
  resource,
  access,
  review,
  grantedAtMs,
  expiresAtMs,
}: StoredGrant): GrantRecord {
  return { id, owner: { id: principalId, name: principalName }, resource, access, review, grantedAtMs, expiresAtMs };
}
