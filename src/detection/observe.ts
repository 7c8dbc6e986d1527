/**
 * From an Activity to an Observation: what detectors ask for again and again, worked out once.
 *
 * Invariant: whose doing it is comes from the event itself where it names somebody (who killed a session, who read a
 * recording), and from its session otherwise. What is not known is null, never guessed.
 */
import type { Activity, SessionOpened } from '../core/activity.ts';
import { sessionOf } from '../core/activity.ts';
import type { Actor, Event } from '../core/event.ts';
import type { Observation, ObservedPrincipal } from './detector.ts';

const noLabels: Readonly<Record<string, string>> = Object.freeze({});

/** Of one session, as long as its opening lives: the same objects for all of its events. */
interface OfSession {
  readonly principal: ObservedPrincipal;
  readonly source: string | null;
}
const sessions = new WeakMap<SessionOpened, OfSession>();

export function observe(activity: Activity): Observation {
  const { event, opened } = activity;
  const ofSession = opened === null ? null : sessionFacts(opened);
  const own = event.type === 'session.opened' ? null : ownPrincipal(event);
  const { resource, source } = event as { readonly resource?: string | null; readonly source?: string };
  return {
    activity,
    sequence: event.seq,
    atMs: event.at,
    principal: own === null ? (ofSession?.principal ?? null) : observedPrincipal(own),
    resource: opened?.resource ?? resource ?? null,
    labels: opened?.labels ?? noLabels,
    protocol: opened?.protocol ?? null,
    session: sessionOf(event),
    command: 'command' in event ? (event.command ?? null) : null,
    // Where somebody else acts on a session, its source is not theirs.
    source: source === undefined ? (own === null ? (ofSession?.source ?? null) : null) : withoutPort(source),
  };
}

function sessionFacts(opened: SessionOpened): OfSession {
  let facts = sessions.get(opened);
  if (facts === undefined) {
    facts = { principal: observedPrincipal(opened.principal), source: withoutPort(opened.source) };
    sessions.set(opened, facts);
  }
  return facts;
}

function ownPrincipal(event: Event): Actor | null {
  const { principal } = event as { readonly principal?: Actor | null };
  return principal ?? null;
}

export function observedPrincipal({ id, name, kind, groups, actors }: Actor): ObservedPrincipal {
  const agents = [...(actors ?? []).map((actor) => actor.name), ...(kind === 'agent' ? [name] : [])];
  return { id, name, kind, groups, agents };
}

/** `10.0.0.7:5432` and `[::1]:5432` without the port; null where nothing stands. */
export function withoutPort(source: string): string | null {
  if (source === '') return null;
  const bracket = /^\[([^\]]*)\](?::\d+)?$/.exec(source);
  if (bracket !== null) return bracket[1]!;
  const at = source.indexOf(':');
  // More than one colon without brackets is an address of IPv6 by itself.
  return at < 0 || source.includes(':', at + 1) ? source : source.slice(0, at);
}
