/**
 * Recorded commands judged by changed rules (`sallyport policy replay`).
 *
 * Invariants: nothing runs and nothing is counted; what is judged is the recorded text, by the very code that judges live
 * sessions.
 *
 * Honest limits: names mean what the catalogs that are known now say, and nothing where no session has opened the resource
 * since the gateway started; what a session alone knew (prepared statements, cursors, temporary tables) is not known any
 * more. A command that would be decided differently for such a reason alone is counted as not judged, and not shown as a
 * difference. Recorded texts have no passwords in them; limits on output are not replayed.
 */
import type { ReplayEntry } from '../api/contract/index.ts';
import type { ReplayOrder } from '../api/index.ts';
import type { CommandDraft } from '../core/command.ts';
import type { Actor, Event } from '../core/event.ts';
import type { SessionFacts } from '../core/judgement.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { UnknownReason } from '../core/sql-effects.ts';
import type { Verdict } from '../core/verdict.ts';
import * as limits from './limits.ts';
import type { Rules } from './rules.ts';

export interface ReplayParts {
  readonly rules: Rules;
  readonly resources: readonly Resource[];
  /** Sequence of the last durable event of the journal; absent: there may be any number. */
  readonly lastSequence?: () => number;
  /** Durable events of the journal from a sequence on. */
  readonly readEvents: (from: number) => AsyncIterable<Event>;
  /** A text as the resource's protocol understands it. */
  readonly draft: (text: string, resource: Resource, verb: string) => CommandDraft;
}

/** Recorded commands as the rules would judge them now: what would be decided differently, then a summary. */
export async function* replayCommands(
  order: ReplayOrder,
  { rules, resources, lastSequence, readEvents, draft }: ReplayParts,
): AsyncGenerator<ReplayEntry, void, undefined> {
  const known = new Map(resources.map((resource) => [resource.name, resource]));
  const inRange = ({ at }: Event): boolean => at >= order.sinceMs && at <= order.untilMs;
  let intents = 0;
  // The latest count: how many are before them must be known first, where there may be more than are judged at all.
  const counted = (lastSequence?.() ?? Number.POSITIVE_INFINITY) > order.limit ? readEvents(1) : [];
  for await (const event of counted) {
    if (order.signal.aborted) return;
    if (event.type === 'command.intent' && inRange(event)) intents++;
  }
  // Asked once for each resource: what is known of it does not change while its commands are judged.
  const unknown = new Map<Resource, boolean>();
  const isUnknown = (resource: Resource): boolean => {
    const found = unknown.get(resource) ?? reasonsOf(draft('TABLE t', resource, 'query')).includes('no-catalog');
    unknown.set(resource, found);
    return found;
  };
  let ahead = Math.max(0, intents - order.limit);
  const truncated = ahead > 0;
  const sessions = new Map<string, Opened>();
  const open = new Map<string, Recorded>();
  const skipped: Record<string, number> = {};
  let commands = 0;
  let different = 0;
  const settle = (recorded: Recorded): ReplayEntry | null => {
    const { intent, before } = recorded;
    const opened = sessions.get(intent.session);
    const resource = opened === undefined ? undefined : known.get(opened.resource);
    const obstacle =
      opened === undefined
        ? 'its session’s opening is not in the journal'
        : resource === undefined
          ? 'its resource is gone'
          : intent.textDigest !== undefined
            ? 'its text was cut'
            : null;
    if (obstacle !== null || opened === undefined || resource === undefined) {
      skipped[obstacle ?? ''] = (skipped[obstacle ?? ''] ?? 0) + 1;
      return null;
    }
    const command = draft(intent.text, resource, intent.verb);
    const after = rules.judge({
      command: { ...command, parameters: intent.parameters },
      principal: opened.principal,
      resource,
      session: opened.facts,
      nowMs: intent.at,
    }).verdict;
    const isSame = after.name === before.name && (after.name === 'allow' || after.rule === before.rule);
    const forgotten = isSame ? null : isUnknown(resource) ? unopened : forgottenOf(command);
    if (forgotten !== null) {
      skipped[forgotten] = (skipped[forgotten] ?? 0) + 1;
      return null;
    }
    commands++;
    if (isSame) return null;
    different++;
    return {
      type: 'difference',
      at: new Date(intent.at).toISOString(),
      session: intent.session,
      command: intent.command,
      principal: opened.principal.name,
      resource: resource.name,
      text: intent.text.slice(0, limits.replayTextCharactersMax),
      before: { name: before.name, rule: before.rule },
      after,
    };
  };
  for await (const event of readEvents(1)) {
    if (order.signal.aborted) return;
    if (event.type === 'session.opened') sessions.set(event.session, openedOf(event));
    else if (event.type === 'session.ended') sessions.delete(event.session);
    else if (event.type === 'command.intent' && inRange(event)) {
      if (ahead > 0) ahead--;
      else open.set(`${event.session} ${event.command}`, { intent: event, before: allowedBefore });
    } else if (event.type === 'command.verdict') {
      const recorded = open.get(`${event.session} ${event.command}`);
      // The first verdict is the rules'; what a review said follows it.
      if (recorded?.before === allowedBefore) recorded.before = event.verdict;
    } else if (event.type === 'command.ended') {
      const key = `${event.session} ${event.command}`;
      const recorded = open.get(key);
      open.delete(key);
      if (commands % limits.replayBatch === 0) await new Promise((resolve) => setImmediate(resolve));
      const entry = recorded === undefined ? null : settle(recorded);
      if (entry !== null) yield entry;
    }
  }
  for (const recorded of open.values()) {
    const entry = settle(recorded);
    if (entry !== null) yield entry;
  }
  yield {
    type: 'summary',
    since: new Date(order.sinceMs).toISOString(),
    until: new Date(order.untilMs).toISOString(),
    commands,
    different,
    skipped,
    truncated,
  };
}

interface Opened {
  readonly principal: Principal;
  readonly resource: string;
  readonly facts: SessionFacts;
}

interface Recorded {
  readonly intent: Extract<Event, { type: 'command.intent' }>;
  before: Verdict;
}

const allowedBefore: Verdict = { name: 'allow', rule: 'access', reason: '' };

function openedOf(event: Extract<Event, { type: 'session.opened' }>): Opened {
  return {
    principal: principalOf(event.principal),
    resource: event.resource,
    facts: {
      id: event.session,
      source: event.source,
      client: event.client,
      startedAtMs: event.at,
      commands: 0,
      access: event.access,
    },
  };
}

/** As it was when it was recorded; roles are not recorded. */
function principalOf(actor: Actor): Principal {
  const { id, issuer, name, kind, groups, credentialId } = actor;
  return {
    id,
    issuer,
    subject: name,
    name,
    kind,
    groups,
    roles: [],
    authentication: { method: 'system', credentialId, atMs: 0 },
  };
}

const unopened = 'nobody has opened its resource since the gateway started, so its tables are not known: connect once';

/** Why a recorded command cannot be understood now as it was then; null where it can. */
function forgottenOf(draft: CommandDraft): string | null {
  const reasons = reasonsOf(draft);
  const has = (...codes: readonly UnknownReason[]): boolean => codes.some((code) => reasons.includes(code));
  if (has('prepared-unknown', 'cursor-unknown')) return 'it runs what its session had prepared';
  if (has('relation-unresolved', 'function-unresolved')) return 'it names what is not there any more';
  return null;
}

function reasonsOf({ meaning }: CommandDraft): readonly UnknownReason[] {
  return meaning?.language === 'sql' ? meaning.sql.reasons.map(({ code }) => code) : [];
}
