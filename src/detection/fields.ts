/**
 * The fields of an activity: the one table that selections, measures, `by`, suppressions, messages, examples and the
 * reference read.
 *
 * Invariants:
 * - A field only reads what is in the journal. One that an activity has no value for is null, and holds of nothing.
 * - `on` says of which events a value may be known at all: what asks for a field where it never is, is refused when it is
 *   compiled, not silent for ever.
 *
 * Deliberately absent: comparing (select.ts), and values of what was read or written.
 */
import type { EventType } from '../core/event.ts';
import { type TouchAccess, type TouchKind, touchAccesses, touchKinds } from '../core/facts.ts';
import type { Calendar } from './calendar.ts';
import type { Observation } from './detector.ts';

export type FieldValue = string | number | boolean | readonly string[] | null;

export interface Field {
  readonly name: string;
  readonly type: 'text' | 'number' | 'flag';
  /** For the reference. */
  readonly meaning: string;
  /** Events that may have it; null: any. */
  readonly on: readonly EventType[] | null;
  /** Names that may stand with or without what they are in: `customers` finds `public.customers`. */
  readonly isQualified?: true;
  /** Of the event itself: under this name there. */
  readonly property?: string;
  /** Of what a command touches. */
  readonly touch?: readonly [TouchKind, TouchAccess | null];
  read(observation: Observation, calendar: Calendar): FieldValue;
}

/** Events of one command, in the order in which more is known of it. */
export const commandTypes = ['command.intent', 'command.verdict', 'command.ended'] as const satisfies EventType[];

/** Where the command is known too. */
const ofCommands: readonly EventType[] = [...commandTypes, 'output.limited', 'review.requested', 'alert.raised'];

/** Events that are nobody's doing, or nobody's that is known. */
export const typesOfNobody: readonly EventType[] = [
  'gateway.started',
  'gateway.stopped',
  'journal.recovered',
  'space.changed',
  'identity.refused',
  'recording.stored',
  'recording.released',
  'sink.changed',
  'violation',
];

type Reader = Field['read'];

const none: readonly string[] = [];

/** A field of the event itself, where it is one of these types. */
function own(
  type: Field['type'],
  name: string,
  meaning: string,
  on: readonly EventType[],
  property: string = name,
): Field {
  const types: ReadonlySet<string> = new Set(on);
  const read: Reader = ({ activity: { event } }) =>
    types.has(event.type) ? ((event as unknown as Record<string, FieldValue | undefined>)[property] ?? null) : null;
  return { name, type, meaning, on, property, read };
}

function field(
  type: Field['type'],
  name: string,
  meaning: string,
  on: readonly EventType[] | null,
  read: Reader,
): Field {
  return { name, type, meaning, on, read };
}

/** Of the command's intent, wherever the command is known. */
function ofIntent(
  type: Field['type'],
  name: string,
  meaning: string,
  read: (intent: NonNullable<Observation['activity']['command']>['intent']) => FieldValue | undefined,
): Field {
  return field(type, name, meaning, ofCommands, ({ activity: { command } }) =>
    command === null ? null : (read(command.intent) ?? null),
  );
}

const touchMeanings: Readonly<Record<TouchKind, string>> = {
  table: 'A table that it touches, in any way: `schema.name`, or the name alone.',
  column: 'A column that it touches: `schema.table.column`, or less from the left.',
  function: 'A function of the database that it calls and that is not built in.',
  path: 'A file or directory, or the path of a request.',
  program: 'A program that a shell text runs, without its directory.',
  host: 'Another machine, a container, or where a connection ends: `host:port`.',
  object: 'An object of Kubernetes: `namespace/resource/name`, with `-` for what does not apply.',
  route: 'A route of HTTP: `GET /orders/{id}`, or `package.Service/Method`.',
  operation: 'A field of GraphQL, or a method of JSON-RPC: what a tool call is.',
};

/** How access is spelled before a kind: `reads.column`. */
const accessWords: Readonly<Record<Exclude<TouchAccess, 'unknown'>, string>> = {
  read: 'reads',
  steer: 'steers',
  flow: 'flows',
  write: 'writes',
  delete: 'deletes',
  use: 'uses',
};

const qualifiedKinds: ReadonlySet<TouchKind> = new Set(['table', 'column', 'function']);

function touched(name: string, meaning: string, kind: TouchKind, access: TouchAccess | null): Field {
  const made = ofIntent('text', name, meaning, ({ facts }) => {
    if (facts === undefined) return null;
    const found: string[] = [];
    for (const [of, how, what] of facts.touches) {
      if (of === kind && (access === null || how === access) && !found.includes(what)) found.push(what);
    }
    return found;
  });
  const touch = [kind, access] as const;
  return qualifiedKinds.has(kind) ? { ...made, touch, isQualified: true } : { ...made, touch };
}

const touchFields: readonly Field[] = touchKinds.map((kind) => touched(kind, touchMeanings[kind], kind, null));

const whole: readonly Field[] = [
  field('text', 'type', 'What kind of event it is: `command.ended`, `identity.refused`, …', null, (o) => {
    return o.activity.event.type;
  }),
  field('text', 'principal', 'Name of whoever did it.', null, ({ principal }) => principal?.name ?? null),
  field('text', 'principal.kind', '`person`, `service` or `agent`.', null, ({ principal }) => principal?.kind ?? null),
  field('text', 'group', 'A group of the principal.', null, ({ principal }) => principal?.groups ?? null),
  field('text', 'agent', 'An agent that acts for the principal, or is it.', null, (o) => o.principal?.agents ?? null),
  field('text', 'resource', 'Name of the resource.', null, ({ resource }) => resource),
  field('text', 'protocol', 'Protocol of the session.', null, ({ protocol }) => protocol),
  field('text', 'session', 'Id of the session.', null, ({ session }) => session),
  field('text', 'access', 'The Access or grant that let the session in.', null, (o) => {
    return o.activity.opened?.access ?? null;
  }),
  field('text', 'source', 'Network address that it came from, without port.', null, ({ source }) => source),
  field('number', 'hour', 'Hour of the day, 0 to 23, on the clocks of the installation.', null, (o, calendar) =>
    calendar.hour(o.atMs),
  ),
  field('number', 'weekday', 'Day of the week, 1 (Monday) to 7.', null, (o, calendar) => calendar.weekday(o.atMs)),
  field('flag', 'office-hours', 'Whether it is within the office hours of the installation.', null, (o, calendar) =>
    calendar.isOfficeHours(o.atMs),
  ),
];

const ofCommand: readonly Field[] = [
  ofIntent(
    'text',
    'kind',
    'Kind of command: `sql`, `shell`, `http`, `kubernetes`, `transfer`, `tool`, `connection`.',
    ({ kind }) => kind,
  ),
  ofIntent('text', 'verb', 'How it was asked for: `query`, `execute`, `exec`, `get`, …', ({ verb }) => verb),
  ofIntent('text', 'text', 'The text of the command; an aid, since texts can be written in many ways.', (o) => o.text),
  ofIntent('number', 'text-bytes', 'Length of the whole text.', ({ textBytes }) => textBytes),
  ofIntent('text', 'parameter', 'The value of a parameter.', ({ parameters }) =>
    parameters?.flatMap(({ value }) => (value === null ? [] : [value])),
  ),
  ofIntent('text', 'proven', '`read`, where nothing can change; else `write` or `unknown`.', ({ effect }) => effect),
  ofIntent(
    'text',
    'effect',
    'What it can do, in the words of its language: `drop`, `delete`, `network`, …',
    ({ facts }) => facts?.effects,
  ),
  ofIntent('text', 'fingerprint', 'What commands share that differ only in constants.', (o) => o.facts?.fingerprint),
  ofIntent('flag', 'complete', 'Whether all that it touches is known.', ({ facts }) =>
    facts === undefined ? false : facts.complete && facts.cut !== true,
  ),
  ...touchFields,
  field(
    'text',
    'verdict',
    'What was decided: `allow`, `mask`, `hold`, `block`, `terminate`. Of what was held, what came of it.',
    ['command.verdict', 'command.ended', 'output.limited'],
    ({ activity: { event, command } }) =>
      event.type === 'command.verdict'
        ? event.verdict.name
        : event.type === 'output.limited'
          ? event.verdict
          : event.type === 'command.ended' && command !== null
            ? (command.verdict?.name ?? 'allow')
            : null,
  ),
  field(
    'text',
    'rule',
    'The rule that decided, or asked for attention: a Guardrail, an Access, or `gateway:…`.',
    [
      'command.verdict',
      'command.ended',
      'output.limited',
      'session.refused',
      'review.requested',
      'alert.raised',
      'recording.deleted',
      'journal.pruned',
    ],
    ({ activity: { event, command } }) =>
      event.type === 'command.verdict'
        ? event.verdict.rule
        : event.type === 'command.ended'
          ? (command?.verdict?.rule ?? null)
          : 'rule' in event
            ? event.rule
            : null,
  ),
  own(
    'text',
    'outcome',
    '`completed`, `failed`, `refused`, `withdrawn`, `unfinished`; of a review `executed`, `expired`, …',
    ['command.ended', 'review.ended'],
  ),
  own('text', 'error', 'The protocol’s error code: a SQLSTATE, an exit status.', ['command.ended']),
  own('text', 'tag', 'The server’s own word for what happened: `SELECT 3`.', ['command.ended']),
  own('number', 'rows', 'Rows that came back or were changed.', ['command.ended']),
  field(
    'number',
    'bytes',
    'Bytes that came back; of a session, all of them.',
    ['command.ended', 'session.ended'],
    ({ activity: { event } }) =>
      event.type === 'command.ended' ? event.bytes : event.type === 'session.ended' ? event.bytesOut : null,
  ),
  own('number', 'duration', 'Milliseconds that it took.', ['command.ended', 'session.ended'], 'durationMs'),
  field('number', 'masked', 'How many values were masked.', ['command.ended'], ({ activity: { event } }) =>
    event.type === 'command.ended' ? Object.values(event.masked ?? {}).reduce((sum, count) => sum + count, 0) : null,
  ),
  field('text', 'mask', 'A Mask that changed something.', ['command.ended'], ({ activity: { event } }) =>
    event.type === 'command.ended' ? Object.keys(event.masked ?? {}) : null,
  ),
];

const ofOthers: readonly Field[] = [
  own('text', 'code', 'Error code of the gateway.', [
    'identity.refused',
    'session.refused',
    'session.ended',
    'violation',
  ]),
  own('text', 'login', 'The name that somebody claimed.', ['identity.refused']),
  own('text', 'method', 'How somebody signed on: `password`, `passkey`, `oidc`, …', ['identity.signed-on']),
  own('text', 'factor', 'A factor of the sign-on, as RFC 8176 names it.', ['identity.signed-on'], 'factors'),
  own('number', 'commands', 'Commands of the session.', ['session.ended']),
  own('number', 'bytes-in', 'Bytes that the client sent.', ['session.ended'], 'bytesIn'),
  own('text', 'reason', 'Why: of an end its kind, of a decision the words given.', [
    'gateway.stopped',
    'session.ended',
    'session.kill',
    'alert.raised',
    'review.requested',
    'review.decided',
    'review.ended',
    'recording.deleted',
  ]),
  own('text', 'review', 'Id of the review.', ['review.requested', 'review.decided', 'review.ended']),
  own('text', 'review.kind', '`command`, `access` or `break-glass`.', ['review.requested'], 'kind'),
  own('text', 'decision', '`approve` or `deny`.', ['review.decided']),
  own('text', 'how', 'How a decision was given (`api`, `slack`, …), or a recording read.', [
    'review.decided',
    'recording.read',
  ]),
  own('text', 'action', 'What was done: `created`, `deleted`, `revoked`, `resolve`, `pause`, …', [
    'alert.changed',
    'response.changed',
    'session.steered',
    'grant.changed',
    'configuration.changed',
    'factor.changed',
  ]),
  own('text', 'changed.kind', 'Kind of the manifest that was changed: `Guardrail`.', ['configuration.changed'], 'kind'),
  own('text', 'changed.name', 'Name of the manifest that was changed.', ['configuration.changed'], 'name'),
  own('text', 'changed.field', 'A change of a manifest: `spec.mode: on → off`.', ['configuration.changed'], 'changes'),
  own('text', 'owner', 'Whose it is, by id: a grant, a token, a factor.', [
    'grant.changed',
    'token.issued',
    'token.revoked',
    'factor.changed',
    'response.changed',
  ]),
  own('text', 'side', '`client` or `upstream`.', ['violation']),
  own('text', 'level', 'How much room the disk has: `ample`, `warn`, `refuse`, `end`.', ['space.changed']),
  own('text', 'query', 'What was searched for.', ['search.run']),
  own('number', 'hits', 'What a search found.', ['search.run']),
  own('text', 'export', 'The format in which hits were taken away.', ['search.run']),
  own('text', 'report', 'Name of the report.', ['report.made']),
  own('text', 'sink', 'Name of the sink.', ['sink.changed']),
  own('text', 'standing', '`failing`, `working`, `dead-lettered`, …', ['sink.changed']),
];

/** The table, in the order of the reference. */
export const fields: readonly Field[] = [...whole, ...ofCommand, ...ofOthers];

/** Fields whose names are made of two parts, for the reference. */
export const fieldFamilies: readonly { readonly name: string; readonly meaning: string }[] = [
  { name: 'label.NAME', meaning: 'The label NAME of the resource, as of when the session was opened.' },
  { name: 'client.NAME', meaning: 'What the client says of itself: `client.application_name`. Not to be trusted.' },
  {
    name: 'reads.KIND',
    meaning: 'What it reads: its content comes back. KIND is one of the touches above: `reads.column`.',
  },
  { name: 'steers.KIND', meaning: 'What decides what comes back, and does not itself.' },
  { name: 'flows.KIND', meaning: 'What goes elsewhere than into the result.' },
  { name: 'writes.KIND', meaning: 'What it writes.' },
  { name: 'deletes.KIND', meaning: 'What it deletes.' },
  { name: 'uses.KIND', meaning: 'What it calls, runs or connects to.' },
];

const byName = new Map<string, Field>(fields.map((one) => [one.name, one]));
for (const access of touchAccesses) {
  if (access === 'unknown') continue;
  for (const kind of touchKinds) {
    const name = `${accessWords[access]}.${kind}`;
    byName.set(name, touched(name, `${touchMeanings[kind]} (${access})`, kind, access));
  }
}

/** The field of a name; null where there is none. */
export function fieldOf(name: string): Field | null {
  const known = byName.get(name);
  if (known !== undefined) return known;
  const part = /^(label|client)\.(.{1,100})$/s.exec(name);
  if (part === null) return null;
  const key = part[2]!;
  if (part[1] === 'label') {
    return field('text', name, `The label ${key}.`, null, ({ labels }) =>
      Object.hasOwn(labels, key) ? labels[key]! : null,
    );
  }
  return field('text', name, `What the client says of its ${key}.`, null, ({ activity: { opened } }) =>
    opened !== null && Object.hasOwn(opened.client, key) ? opened.client[key]! : null,
  );
}

/** All names that stand for themselves, for suggestions. */
export function fieldNames(): string[] {
  return [...byName.keys()];
}

/** The values of a field as texts; none where it has none. */
export function textsOf(value: FieldValue): readonly string[] {
  if (value === null) return none;
  if (typeof value === 'object') return value;
  return [String(value)];
}
