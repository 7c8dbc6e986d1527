/**
 * Which events a sink is sent, and which it must see to know what those belong to.
 *
 * Invariant: pieces of recordings are sent only where they are named; principals and resources are asked of those that the event
 * names and of its session, and an event that names neither is not left out by asking for one.
 */
import { compileName } from '../../base/glob.ts';
import type { Activity } from '../../core/activity.ts';
import { severities } from '../../core/alert.ts';
import type { Event, EventType } from '../../core/event.ts';
import { eventTypes } from '../../core/event-types.ts';
import { selectsPrincipal, selectsResource } from '../../core/selecting.ts';
import type { SinkSpec } from '../../core/sink.ts';
import { sinkTargets, targetOf } from '../../core/sink.ts';

export interface Selection {
  /** Types that may be sent. */
  readonly sent: ReadonlySet<EventType>;
  /** Types that must be read: those, and what they are joined with. */
  readonly read: readonly EventType[];
  selects(activity: Activity): boolean;
}

/** What an event within a session is joined with, where it is one of many. */
const joined: readonly EventType[] = [
  'session.opened',
  'session.ended',
  'command.intent',
  'command.verdict',
  'command.ended',
];

/** Those of which there are so many that looking each one's session up would be slow. */
const frequent: readonly EventType[] = [...joined.slice(1), 'output.limited', 'command.cancel', 'recording.chunk'];

export function selectionOf(spec: SinkSpec): Selection {
  const target = targetOf(spec.to);
  const patterns = spec.events ?? (target === null ? ['*'] : sinkTargets[target].events);
  const tests = patterns.map(compileName);
  const isChunk = (type: EventType): boolean => type === 'recording.chunk';
  const sent = new Set(
    eventTypes.filter((type) => (isChunk(type) ? patterns.includes(type) : tests.some((test) => test(type)))),
  );
  const read = frequent.some((type) => sent.has(type)) ? new Set([...sent, ...joined]) : sent;
  // People are told of what they are to look at; machines get all of it, with what says so.
  const isForPeople = target !== null && !sinkTargets[target].events.includes('*');
  return {
    sent,
    read: [...read],
    selects: (activity) =>
      sent.has(activity.event.type) && !(isForPeople && isQuiet(activity.event)) && isFor(spec, activity),
  };
}

/** An alert of a detection that only looks, or that is suppressed. */
function isQuiet(event: Event): boolean {
  return event.type === 'alert.raised' && (event.alert?.isDry === true || event.alert?.suppressed !== undefined);
}

function isFor({ severityMin, match }: SinkSpec, { event, opened }: Activity): boolean {
  if (event.type === 'alert.raised' && severityMin !== undefined) {
    const severity = event.alert?.severity ?? 'medium';
    if (severities.indexOf(severity) < severities.indexOf(severityMin)) return false;
  }
  if (match === undefined) return true;
  const principals = [('principal' in event ? event.principal : null) ?? null, opened?.principal ?? null];
  const named = principals.filter((principal) => principal !== null);
  if (named.length > 0 && !named.some((principal) => selectsPrincipal(match.principals, principal))) return false;
  const resource = 'resource' in event ? event.resource : (opened?.resource ?? null);
  if (resource === null) return true;
  const known = opened !== null && opened.resource === resource ? opened : null;
  return selectsResource(match.resources, {
    name: resource,
    labels: known?.labels ?? {},
    protocol: known?.protocol ?? '',
  });
}
