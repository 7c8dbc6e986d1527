/**
 * What the index keeps of what happened: from an event, joined with what it belongs to, to entries.
 *
 * Invariants: the same entries come of the same events, whenever they are made; nothing stands in an entry that does not stand in the
 * journal; a command's entry, and a session's, grows under the sequence it began with, everything else is one entry of its own.
 *
 * Deliberately absent: batches and cursors (history-indexer.ts), terminals' text (history-screens.ts), SQL.
 */
import type { Activity, CommandSoFar, SessionOpened } from '../core/activity.ts';
import type { Parameter } from '../core/command.ts';
import type { Actor, Event, EventType } from '../core/event.ts';
import type { HistoryEntry } from '../core/history.ts';
import type { EntryType } from '../core/search.ts';
import * as limits from './limits.ts';

type EventOf<Type extends Event['type']> = Extract<Event, { readonly type: Type }>;

/** What an entry of a review needs of its request, which may be long ago. */
export type ReviewRequest = Pick<HistoryEntry, 'session' | 'command' | 'resource' | 'rule' | 'labels' | 'protocol'>;

/** The entries that an activity changes. `request` is that of the review the event is about, where it is known. */
export function entriesOf(activity: Activity, request: ReviewRequest | null): readonly HistoryEntry[] {
  const { event, opened, command } = activity;
  switch (event.type) {
    case 'command.intent':
    case 'command.verdict':
    case 'command.ended':
      return command === null ? [] : [commandEntry(event, command, opened)];
    case 'session.opened':
      return [sessionEntry(event, event)];
    case 'session.ended':
      return opened === null ? [] : [sessionEntry(opened, event)];
    // Digests of a recording's pieces: nothing that anybody looks for.
    case 'recording.chunk':
    case 'recording.sealed':
      return [];
    default:
      return [singleEntry(event, opened, request)];
  }
}

/** Every type of event, and whether it makes entries: what is not read need not be decoded. */
const indexed: Readonly<Record<EventType, boolean>> = {
  'gateway.started': true,
  'gateway.stopped': true,
  'journal.recovered': true,
  'space.changed': true,
  'identity.refused': true,
  'session.refused': true,
  'session.opened': true,
  'session.ended': true,
  'command.intent': true,
  'command.verdict': true,
  'command.ended': true,
  'alert.raised': true,
  'alert.changed': true,
  'response.changed': true,
  'search.run': true,
  'report.made': true,
  'index.rebuilt': true,
  'recording.stored': true,
  'recording.released': true,
  'recording.deleted': true,
  'journal.pruned': true,
  'sink.changed': true,
  'output.limited': true,
  'review.requested': true,
  'review.decided': true,
  'review.ended': true,
  'grant.changed': true,
  'recording.chunk': false,
  // Makes entries of what stood on terminals.
  'recording.sealed': true,
  'recording.read': true,
  violation: true,
  'command.cancel': true,
  'session.steered': true,
  'session.kill': true,
  'configuration.changed': true,
  'identity.signed-on': true,
  'token.issued': true,
  'factor.changed': true,
  'token.revoked': true,
  'key.rotated': true,
};

export const historyTypes: readonly EventType[] = (Object.keys(indexed) as EventType[]).filter((type) => indexed[type]);

/** Events about a review whose request may be long ago. */
export function reviewOf(event: Event): string | null {
  return event.type === 'review.decided' || event.type === 'review.ended' ? event.review : null;
}

/** What is known of a request, for the events about it that follow. */
export function requestOf(
  { session, command, resource, rule }: EventOf<'review.requested'>,
  opened: SessionOpened | null,
): ReviewRequest {
  return { session, command, resource, rule, labels: opened?.labels ?? {}, protocol: opened?.protocol ?? null };
}

function commandEntry(
  event: Event,
  { intent, judged, verdict }: CommandSoFar,
  opened: SessionOpened | null,
): HistoryEntry {
  const { facts } = intent;
  const ended = event.type === 'command.ended' ? event : null;
  // The journal has a verdict where a rule had something to say: what ran without one was allowed.
  const unrestricted = ended !== null && ended.outcome !== 'refused' ? 'allow' : null;
  return {
    ...blank(intent, 'command'),
    ...contextOf(opened),
    revision: event.seq,
    session: intent.session,
    command: intent.command,
    kind: intent.kind,
    verb: intent.verb,
    text: withParameters(intent.text, intent.parameters),
    verdict: verdict?.name ?? unrestricted,
    judged: judged?.name ?? unrestricted,
    // What held it back says more than what let it run in the end.
    rule: (judged?.name === 'hold' ? judged.rule : verdict?.rule) ?? null,
    outcome: ended?.outcome ?? null,
    error: ended?.error ?? null,
    effects: facts?.effects ?? [],
    touches: facts?.touches ?? [],
    fingerprint: facts?.fingerprint ?? null,
    complete: facts?.complete === true && facts.cut !== true,
    rows: ended?.rows ?? null,
    bytes: ended?.bytes ?? null,
    durationMs: ended?.durationMs ?? null,
    masked: ended?.masked === undefined ? null : Object.values(ended.masked).reduce((sum, count) => sum + count, 0),
    live: ended === null,
  };
}

/** The text with the values it ran with, each on a line that says which. */
function withParameters(text: string, parameters: readonly Parameter[] | null): string {
  if (parameters === null || parameters.length === 0) return text;
  const lines = parameters
    .slice(0, limits.parametersMax)
    .map(({ value }, at) => `-- $${at + 1}: ${value === null ? 'null' : value}`);
  return `${text}\n${lines.join('\n')}`;
}

function sessionEntry(opened: SessionOpened, event: SessionOpened | EventOf<'session.ended'>): HistoryEntry {
  const ended = event.type === 'session.ended' ? event : null;
  const client = clientOf(opened);
  return {
    ...blank(opened, 'session'),
    ...contextOf(opened),
    revision: event.seq,
    session: opened.session,
    verb: 'opened',
    text: client.join(' '),
    rule: opened.access,
    outcome: ended?.reason ?? null,
    error: ended?.code ?? null,
    bytes: ended?.bytesOut ?? null,
    durationMs: ended?.durationMs ?? null,
    live: ended === null,
  };
}

/** Everything else: an entry that is whole at once. */
function singleEntry(event: Event, opened: SessionOpened | null, request: ReviewRequest | null): HistoryEntry {
  const context = contextOf(opened);
  const session = 'session' in event ? event.session : null;
  const own = 'principal' in event && event.principal !== null ? principalOf(event.principal) : {};
  const resource = 'resource' in event && event.resource !== null ? { resource: event.resource } : {};
  const source = 'source' in event ? { source: event.source } : {};
  const base = { ...context, ...own, ...resource, ...source, session, live: false };
  const made = (type: EntryType, rest: Partial<HistoryEntry>): HistoryEntry => ({
    ...blank(event, type),
    ...base,
    ...rest,
  });
  switch (event.type) {
    case 'identity.refused':
      return made('refusal', { text: event.login, error: event.code, verb: 'identity', outcome: 'refused' });
    case 'session.refused':
      return made('refusal', { rule: event.rule, error: event.code, verb: 'session', outcome: 'refused' });
    case 'output.limited': {
      const { command, rule, verdict } = event;
      return made('refusal', { command, rule, verdict, judged: verdict, verb: 'output', outcome: 'limited' });
    }
    case 'identity.signed-on': {
      const { method, factors = [], workload } = event;
      const came = workload === undefined ? [] : [`${workload.provider} ${workload.subject}`];
      return made('sign-on', { verb: method, text: [method, ...factors, ...came].join(' ') });
    }
    case 'review.requested': {
      const { command, rule, review, reason, kind } = event;
      return made('review', { command, rule, review, verb: 'requested', text: reason ?? '', outcome: kind });
    }
    case 'review.decided': {
      const { review, decision, reason, state, how } = event;
      return made('review', {
        ...request,
        review,
        verb: decision,
        text: reason,
        outcome: state,
        client: [`how=${how}`],
      });
    }
    case 'review.ended':
      return made('review', {
        ...request,
        review: event.review,
        verb: 'ended',
        outcome: event.outcome,
        text: event.reason ?? '',
      });
    case 'grant.changed': {
      const { action, grant, access, owner, expiresAtMs } = event;
      const text = `${grant} ${action} for ${owner} until ${isoOf(expiresAtMs)}`;
      return made('grant', { verb: action, rule: access, text });
    }
    case 'alert.raised': {
      const { rule, reason, command, alert } = event;
      return made('alert', { verb: 'raised', rule, command, text: reason, outcome: alert?.severity ?? null });
    }
    case 'alert.changed': {
      const text = [event.alert, event.to ?? '', event.text].filter((part) => part !== '').join(' ');
      return made('alert', { verb: event.action, text });
    }
    case 'response.changed': {
      const { response, alert, action, kind, severity, owner } = event;
      return made('alert', { verb: `${kind}-${action}`, text: `${response} ${alert} ${owner}`, outcome: severity });
    }
    case 'violation':
      return made('violation', { verb: event.side, error: event.code, text: event.detail });
    case 'configuration.changed': {
      const { action, kind, name, changes } = event;
      const text = [`${kind}/${name} ${action}`, ...changes].join('\n');
      // So that `rule:NAME` finds its changes, and `resource:NAME` those of a resource.
      return made('change', { verb: action, text, ...(kind === 'Resource' ? { resource: name } : { rule: name }) });
    }
    case 'recording.read':
      return made('reading', { verb: event.how, text: '' });
    case 'search.run': {
      const { query, hits } = event;
      return made('reading', { verb: event.export === null ? 'search' : 'export', text: query, rows: hits });
    }
    case 'report.made':
      // With the digest, so that a document in hand finds the event that says it was made.
      return made('reading', { verb: 'report', text: `${event.report} sha256:${event.digest}` });
    case 'session.kill':
      return made('change', { verb: 'kill', text: event.reason });
    case 'session.steered':
      return made('change', { verb: event.action, text: event.text });
    case 'token.issued':
    case 'token.revoked':
      return made('change', { verb: event.type, text: `${event.token} of ${event.owner}` });
    case 'factor.changed':
      return made('change', { verb: `factor.${event.action}`, text: `${event.kind} of ${event.owner} ${event.label}` });
    default:
      return made('system', { verb: event.type, text: restOf(event) });
  }
}

/** What an event says beside what every entry has, as `name=value`: for what nobody has given a place of its own. */
function restOf(event: Event): string {
  const rest = Object.entries(event).filter(([name]) => !usual.has(name));
  return rest.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' ');
}

const usual: ReadonlySet<string> = new Set(['type', 'seq', 'at', 'principal', 'session', 'source', 'resource']);

type Context = Pick<
  HistoryEntry,
  'principal' | 'groups' | 'agents' | 'resource' | 'labels' | 'protocol' | 'source' | 'client'
>;

const contexts = new WeakMap<SessionOpened, Context>();

/** What stands in every entry of a session. */
export function contextOf(opened: SessionOpened | null): Context {
  if (opened === null) return noContext;
  let context = contexts.get(opened);
  if (context === undefined) {
    const { resource, labels = {}, protocol, source } = opened;
    context = { ...principalOf(opened.principal), resource, labels, protocol, source, client: clientOf(opened) };
    contexts.set(opened, context);
  }
  return context;
}

const noContext: Context = {
  principal: null,
  groups: [],
  agents: [],
  resource: null,
  labels: {},
  protocol: null,
  source: null,
  client: [],
};

function clientOf({ client }: SessionOpened): readonly string[] {
  return Object.entries(client).map(([name, value]) => `${name}=${value}`);
}

function principalOf({
  id,
  name,
  kind,
  groups,
  actors = [],
}: Actor): Pick<HistoryEntry, 'principal' | 'groups' | 'agents'> {
  return { principal: { id, name, kind }, groups, agents: actors.map((agent) => agent.name) };
}

/** An entry of an event that says nothing yet. */
export function blank({ seq, at }: Pick<Event, 'seq' | 'at'>, type: EntryType): HistoryEntry {
  return {
    ...noContext,
    sequence: seq,
    part: 0,
    revision: seq,
    type,
    atMs: at,
    session: null,
    command: null,
    kind: null,
    verb: null,
    text: '',
    verdict: null,
    judged: null,
    rule: null,
    outcome: null,
    error: null,
    effects: [],
    touches: [],
    fingerprint: null,
    complete: true,
    rows: null,
    bytes: null,
    durationMs: null,
    masked: null,
    review: null,
    live: false,
  };
}

function isoOf(atMs: number): string {
  return Number.isFinite(atMs) && Math.abs(atMs) < 8e15 ? new Date(atMs).toISOString() : 'ever';
}
