/**
 * An event as this project's own document, `sallyport.event/1`: what format `json` sends, and what every other format is made of.
 * Its fields are described in docs/reference/events.md, which is made from `event-table.ts`.
 *
 * Invariants: fields are added, and none is renamed, moved or given another meaning, without another version; what an event says
 * stands in `details` under the names that the journal has for it; what is not known is null.
 *
 * Deliberately absent: whatever a sink leaves out or hides (`fields.ts`), and how other formats call it.
 */
import type { Activity, CommandSoFar, SessionOpened } from '../../../core/activity.ts';
import type { Severity } from '../../../core/alert.ts';
import type { Actor, Event } from '../../../core/event.ts';
import type { Verdict } from '../../../core/verdict.ts';
import * as limits from '../limits.ts';
import { type EventOutcome, outcomeOf } from './outcome.ts';
import { severityOf } from './severity.ts';

export const documentSchema = 'sallyport.event/1';

export interface PrincipalPart {
  readonly id: string;
  readonly name: string;
  readonly issuer: string;
  readonly kind: string;
  readonly groups: readonly string[];
  readonly credential: string | null;
  /** Names of the agents that act for it, the one that acts now first. */
  readonly agents: readonly string[];
}

export interface CommandPart {
  readonly number: number;
  readonly kind: string;
  readonly verb: string;
  readonly text: string;
  /** Bytes of the whole text; more than `text` holds where it was cut. */
  readonly textBytes: number;
  readonly textDigest: string | null;
  readonly redacted: boolean;
  readonly parameters: readonly unknown[] | null;
  readonly effect: string;
  readonly of: number | null;
  readonly effects: readonly string[];
  readonly touches: readonly { readonly kind: string; readonly access: string; readonly name: string }[];
  readonly complete: boolean;
  readonly fingerprint: string | null;
  readonly judged: Verdict | null;
  readonly verdict: Verdict | null;
}

export interface EventDocument {
  readonly schema: typeof documentSchema;
  readonly id: string;
  readonly gateway: string;
  readonly sequence: number;
  readonly time: string;
  readonly type: Event['type'];
  readonly severity: Severity;
  readonly outcome: EventOutcome;
  /** Who acted: of the event itself where it says so, of its session otherwise. */
  readonly principal: PrincipalPart | null;
  readonly source: string | null;
  readonly connection: string | null;
  readonly resource: {
    readonly name: string;
    readonly protocol: string | null;
    readonly labels: Readonly<Record<string, string>>;
  } | null;
  readonly session: {
    readonly id: string;
    readonly startedAt: string | null;
    /** Whose session it is. */
    readonly principal: string | null;
    readonly access: string | null;
    readonly recording: string | null;
    readonly client: Readonly<Record<string, string>>;
  } | null;
  readonly command: CommandPart | null;
  /** What events of this type say beside all that. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** What stands elsewhere in the document, or nowhere: everything else of an event is one of its details. */
const elsewhere: readonly string[] = [
  'type',
  'seq',
  'at',
  'session',
  'command',
  'principal',
  'resource',
  'source',
  'connection',
];
const ofOpening: readonly string[] = [...elsewhere, 'labels', 'protocol', 'recording', 'access', 'client'];

export function documentOf(activity: Activity, gateway: string): EventDocument {
  const { event, opened } = activity;
  return {
    schema: documentSchema,
    id: `${gateway}:${event.seq}`,
    gateway,
    sequence: event.seq,
    time: new Date(event.at).toISOString(),
    type: event.type,
    severity: severityOf(activity),
    outcome: outcomeOf(event),
    principal: principalOf(activity),
    source: 'source' in event ? event.source : (opened?.source ?? null),
    connection: 'connection' in event ? event.connection : null,
    resource: resourceOf(event, opened),
    session: sessionOf(event, opened),
    command: commandOf(activity),
    details: detailsOf(event),
  };
}

function principalOf({ event, opened }: Activity): PrincipalPart | null {
  const actor: Actor | null = 'principal' in event ? event.principal : (opened?.principal ?? null);
  if (actor === null) return null;
  const { id, name, issuer, kind, groups, credentialId, actors = [] } = actor;
  return { id, name, issuer, kind, groups, credential: credentialId, agents: actors.map((agent) => agent.name) };
}

function resourceOf(event: Event, opened: SessionOpened | null): EventDocument['resource'] {
  const name = 'resource' in event ? event.resource : (opened?.resource ?? null);
  if (name === null) return null;
  const known = opened !== null && opened.resource === name ? opened : null;
  return { name, protocol: known?.protocol ?? null, labels: known?.labels ?? {} };
}

function sessionOf(event: Event, opened: SessionOpened | null): EventDocument['session'] {
  const id = 'session' in event ? event.session : null;
  if (id === null) return null;
  return {
    id,
    startedAt: opened === null ? null : new Date(opened.at).toISOString(),
    principal: opened?.principal.name ?? null,
    access: opened?.access ?? null,
    recording: opened?.recording ?? null,
    client: opened?.client ?? {},
  };
}

function commandOf({ event, command }: Activity): CommandPart | null {
  const number = 'command' in event && typeof event.command === 'number' ? event.command : null;
  if (command === null) return number === null ? null : { ...unknownCommand, number };
  return describe(command, event.type === 'command.intent');
}

/** An intent says all of its text; what follows says enough to tell which command it was. */
function describe({ intent, judged, verdict }: CommandSoFar, isWhole: boolean): CommandPart {
  const { facts } = intent;
  const isShort = isWhole || intent.text.length <= limits.repeatedTextMax;
  return {
    number: intent.command,
    kind: intent.kind,
    verb: intent.verb,
    text: isShort ? intent.text : intent.text.slice(0, limits.repeatedTextMax),
    textBytes: intent.textBytes,
    textDigest: intent.textDigest ?? null,
    redacted: intent.redacted === true,
    parameters: isWhole ? intent.parameters : null,
    effect: intent.effect,
    of: intent.of,
    effects: facts?.effects ?? [],
    touches: (facts?.touches ?? []).map(([kind, access, name]) => ({ kind, access, name })),
    complete: facts?.complete === true && facts.cut !== true,
    fingerprint: facts?.fingerprint ?? null,
    judged,
    verdict,
  };
}

const unknownCommand: Omit<CommandPart, 'number'> = {
  kind: 'unknown',
  verb: '',
  text: '',
  textBytes: 0,
  textDigest: null,
  redacted: false,
  parameters: null,
  effect: 'unknown',
  of: null,
  effects: [],
  touches: [],
  complete: false,
  fingerprint: null,
  judged: null,
  verdict: null,
};

function detailsOf(event: Event): Readonly<Record<string, unknown>> {
  // All of an intent stands in `command`.
  if (event.type === 'command.intent') return {};
  const left = event.type === 'session.opened' ? ofOpening : elsewhere;
  return Object.fromEntries(Object.entries(event).filter(([name]) => !left.includes(name)));
}
