/**
 * Activities of an example in short, made into the events that the journal would hold: a command into its intent, its verdict
 * where it has one, and its end; anything else into the one event that it names.
 */
import { durationMs } from '../base/duration.ts';
import type { Activity, CommandSoFar, SessionOpened } from '../core/activity.ts';
import type { DetectionExample, DetectionSelection } from '../core/detection.ts';
import type { Actor, Event, EventBody, EventType } from '../core/event.ts';
import type { CommandFacts, Touch } from '../core/facts.ts';
import type { VerdictName } from '../core/verdict.ts';
import type { Calendar } from './calendar.ts';
import { commandTypes, type Field, fieldOf, typesOfNobody } from './fields.ts';

type Short = DetectionExample['activities'][number];
type Value = DetectionSelection[string];

/** What an example says that no journal could. */
export class ExampleError extends Error {}

const exampleStart = Date.UTC(2026, 0, 5, 10, 0, 0);
const hourMs = 3_600_000;

/** The fields of one activity, as an example spells them. */
class Given {
  readonly #values: ReadonlyMap<string, Value>;

  constructor(short: Short) {
    this.#values = new Map(
      Object.entries(short).flatMap(([name, value]) => (value === undefined ? [] : [[name, value as Value] as const])),
    );
  }

  get names(): readonly string[] {
    return [...this.#values.keys()].filter((name) => name !== 'at' && name !== 'times' && name !== 'every');
  }

  value(name: string): Value | undefined {
    return this.#values.get(name);
  }

  texts(name: string): readonly string[] | null {
    const value = this.#values.get(name);
    if (value === undefined) return null;
    if (typeof value === 'string') return [value];
    if (Array.isArray(value)) return value as readonly string[];
    throw new ExampleError(`${name} must be a text or a list of texts`);
  }

  text(name: string): string | null {
    const texts = this.texts(name);
    if (texts !== null && texts.length !== 1) throw new ExampleError(`${name} must be one text`);
    return texts?.[0] ?? null;
  }

  number(name: string): number | null {
    const value = this.#values.get(name);
    if (value === undefined) return null;
    if (typeof value !== 'number') throw new ExampleError(`${name} must be a number`);
    return value;
  }

  flag(name: string): boolean | null {
    const value = this.#values.get(name);
    if (value === undefined) return null;
    if (typeof value !== 'boolean') throw new ExampleError(`${name} must be true or false`);
    return value;
  }
}

/** Activities of an example, in order of time. */
export function* exampleActivities(
  example: DetectionExample,
  calendar: Calendar,
): Generator<Activity, void, undefined> {
  const maker = new Maker(startOf(example, calendar));
  const moments = example.activities.flatMap((short, index) => {
    const at = short.at === undefined || short.at === '0s' ? 0 : durationMs(short.at)!;
    const every = short.every === undefined ? 0 : durationMs(short.every)!;
    return Array.from({ length: short.times ?? 1 }, (_, time) => ({ short, index, at: at + time * every }));
  });
  moments.sort((a, b) => a.at - b.at || a.index - b.index);
  for (const { short, at, index } of moments) yield* maker.make(new Given(short), at, index);
}

/** The first activity may say its hour and its day; the others follow by `at`. */
function startOf({ activities }: DetectionExample, calendar: Calendar): number {
  const first = new Given(activities[0]!);
  const hour = first.number('hour');
  const weekday = first.number('weekday');
  for (let hours = 0; hours < 8 * 24; hours++) {
    const atMs = exampleStart + hours * hourMs;
    if ((hour === null || calendar.hour(atMs) === hour) && (weekday === null || calendar.weekday(atMs) === weekday)) {
      return atMs;
    }
  }
  throw new ExampleError('there is no such hour or weekday');
}

class Maker {
  readonly #startMs: number;
  readonly #sessions = new Map<string, { readonly opened: SessionOpened; commands: number }>();
  #sequence = 0;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  *make(given: Given, at: number, index: number): Generator<Activity, void, undefined> {
    const fields = given.names.map((name) => fieldOf(name)).filter((field) => field !== null);
    if (at > 0 || index > 0) {
      const clock = fields.find(({ name }) => name === 'hour' || name === 'weekday');
      if (clock !== undefined && index > 0)
        throw new ExampleError(`${clock.name} is said of the first activity; the others follow by at`);
    }
    if (fields.some(({ name }) => name === 'office-hours')) {
      throw new ExampleError('office-hours follows from hour and weekday: say these');
    }
    const type = typeOf(given, fields);
    for (const { name, on } of fields) {
      const has = on === null || (type === null ? on.some((one) => isOfCommand(one)) : on.some((one) => one === type));
      if (!has) throw new ExampleError(`${name} is not known of ${type ?? 'a command'}`);
    }
    const atMs = this.#startMs + at;
    if (type === null) yield* this.#command(given, atMs);
    else if (type === 'session.opened') {
      const { opened } = this.#open(given, atMs, true);
      yield { event: opened, opened, command: null };
    } else yield this.#other(given, fields, type, atMs);
  }

  #stamp(body: EventBody, atMs: number): Event {
    return { ...body, seq: ++this.#sequence, at: atMs };
  }

  /** The session that an activity is of: one for each principal, resource and source; or as it names it. */
  #open(given: Given, atMs: number, isAnew: boolean): { readonly opened: SessionOpened; commands: number } {
    const parts = given.names.filter((name) =>
      /^(?:principal|group|agent|resource|protocol|source|label\.|client\.)/.test(name),
    );
    const key = given.text('session') ?? JSON.stringify(parts.map((name) => [name, given.value(name)]));
    const known = this.#sessions.get(key);
    if (known !== undefined && !isAnew) return known;
    const id = given.text('session') ?? `ses_example${this.#sessions.size + 1}_${this.#sequence}`;
    const body = {
      type: 'session.opened',
      session: id,
      connection: `con_${id}`,
      source: `${given.text('source') ?? '192.0.2.10'}:40000`,
      principal: actorOf(given),
      resource: given.text('resource') ?? 'example',
      labels: named(given, 'label.'),
      protocol: given.text('protocol') ?? protocolOf(given.text('kind')),
      recording: 'strict',
      access: given.text('access') ?? 'example',
      client: named(given, 'client.'),
    } as const;
    // Of a session that is only spoken of, the opening has no place of its own in the sequence.
    const opened = isAnew ? this.#stamp(body, atMs) : { ...body, seq: this.#sequence, at: atMs };
    const made = { opened: opened as SessionOpened, commands: 0 };
    this.#sessions.set(key, made);
    return made;
  }

  *#command(given: Given, atMs: number): Generator<Activity, void, undefined> {
    const session = this.#open(given, atMs, false);
    const { opened } = session;
    const command = ++session.commands;
    const text = given.text('text') ?? '';
    const facts = factsOf(given);
    const intent = this.#stamp(
      {
        type: 'command.intent',
        session: opened.session,
        command,
        kind: (given.text('kind') ?? 'sql') as 'sql',
        verb: given.text('verb') ?? 'query',
        text,
        textBytes: given.number('text-bytes') ?? Buffer.byteLength(text),
        parameters: given.texts('parameter')?.map((value) => ({ type: null, value, bytes: value.length })) ?? null,
        effect: (given.text('proven') ?? 'unknown') as 'unknown',
        of: null,
        facts,
      },
      atMs,
    ) as CommandSoFar['intent'];
    let sofar: CommandSoFar = { intent, judged: null, verdict: null };
    yield { event: intent, opened, command: sofar };
    const name = (given.text('verdict') ?? 'allow') as VerdictName;
    if (name !== 'allow') {
      const verdict = { name, rule: given.text('rule') ?? 'example', reason: '' };
      sofar = { intent, judged: verdict, verdict };
      const event = this.#stamp({ type: 'command.verdict', session: opened.session, command, verdict }, atMs);
      yield { event, opened, command: sofar };
    }
    const isRefused = name === 'block' || name === 'terminate' || name === 'hold';
    const masks = given.texts('mask') ?? [];
    const masked = given.number('masked') ?? masks.length;
    const event = this.#stamp(
      {
        type: 'command.ended',
        session: opened.session,
        command,
        outcome: (given.text('outcome') ?? (isRefused ? 'refused' : 'completed')) as 'completed',
        tag: given.text('tag'),
        error: given.text('error'),
        rows: given.number('rows') ?? 0,
        bytes: given.number('bytes') ?? 0,
        durationMs: given.number('duration') ?? 1,
        ...(masked === 0
          ? {}
          : { masked: Object.fromEntries((masks.length === 0 ? ['example'] : masks).map((mask) => [mask, masked])) }),
      },
      atMs,
    );
    yield { event, opened, command: sofar };
  }

  /** An event by its type alone, with what is said of it; what is not said is left out. */
  #other(given: Given, fields: readonly Field[], type: EventType, atMs: number): Activity {
    const isOfSession = ofSession.has(type);
    const opened = isOfSession ? this.#open(given, atMs, false).opened : null;
    const body: Record<string, unknown> = {
      type,
      ...ordinary[type],
      ...(opened === null ? {} : { session: opened.session }),
      ...(type === 'identity.refused' ||
      type === 'session.refused' ||
      type === 'violation' ||
      type === 'identity.signed-on'
        ? { source: given.text('source') ?? '192.0.2.10', connection: 'con_example' }
        : {}),
      ...(ofNobody.has(type) || (isOfSession && given.value('principal') === undefined)
        ? {}
        : { principal: actorOf(given) }),
      ...(given.value('resource') === undefined ? {} : { resource: given.text('resource') }),
    };
    if (type === 'session.ended' && given.value('bytes') !== undefined) body['bytesOut'] = given.number('bytes');
    if (type === 'session.ended') delete body['principal'];
    for (const { name, type: of, property } of fields) {
      if (property === undefined) continue;
      const isList = property === 'changes' || property === 'factors';
      body[property] = of === 'number' ? given.number(name) : isList ? given.texts(name) : given.text(name);
    }
    if (given.value('rule') !== undefined) body['rule'] = given.text('rule');
    return { event: this.#stamp(body as EventBody, atMs), opened, command: null };
  }
}

const ofNobody: ReadonlySet<EventType> = new Set(typesOfNobody);

const ofSession: ReadonlySet<EventType> = new Set<EventType>([
  'session.ended',
  'session.kill',
  'session.steered',
  'recording.read',
  'recording.sealed',
  'command.cancel',
  'output.limited',
]);

/** What detectors may take for given of an event. */
const ordinary: Partial<Readonly<Record<EventType, Readonly<Record<string, unknown>>>>> = {
  'gateway.started': { version: '0' },
  'gateway.stopped': { reason: 'stopped' },
  'identity.refused': { login: 'somebody', code: 'identity.refused' },
  'session.refused': { resource: 'example', code: 'core.not-granted', rule: 'none' },
  'session.ended': {
    reason: 'client-closed',
    code: null,
    by: null,
    commands: 0,
    bytesIn: 0,
    bytesOut: 0,
    durationMs: 0,
  },
  'alert.raised': { rule: 'example', reason: '', session: null, command: null, resource: null },
  'review.requested': {
    review: 'rev_example',
    kind: 'command',
    session: null,
    command: null,
    resource: 'example',
    rule: 'example',
    digest: '',
    approvals: 1,
    expiresAtMs: 0,
    reason: null,
  },
  'review.decided': { review: 'rev_example', decision: 'approve', reason: '', state: 'approved', how: 'api' },
  'review.ended': { review: 'rev_example', outcome: 'executed', reason: null },
  'grant.changed': {
    grant: 'grt_example',
    action: 'granted',
    owner: '',
    resource: 'example',
    access: 'example',
    expiresAtMs: 0,
  },
  'recording.read': { how: 'api' },
  'recording.deleted': { rule: null, reason: '', bytes: 0 },
  'configuration.changed': { action: 'updated', kind: 'Guardrail', name: 'example', changes: [] },
  'identity.signed-on': { method: 'password' },
  'token.issued': { token: 'tok_example', owner: '', expiresAtMs: 0 },
  'token.revoked': { token: 'tok_example', owner: '' },
  'factor.changed': { owner: '', action: 'enrolled', kind: 'passkey', factor: null, label: '' },
  'session.kill': { reason: '' },
  'session.steered': { action: 'message', text: '' },
  'search.run': { query: '', hits: 0, export: null },
  'sink.changed': { sink: 'example', standing: 'failing', sequences: [], problem: '', principal: null },
  violation: { session: null, side: 'client', code: 'example', detail: '' },
};

/** Null: a command, which is three events. */
function typeOf(given: Given, fields: readonly Field[]): EventType | null {
  const named = given.text('type');
  if (named !== null) return isOfCommand(named) ? null : (named as EventType);
  let possible: readonly EventType[] | null = null;
  for (const { on } of fields) {
    if (on === null) continue;
    possible = possible === null ? on : possible.filter((one) => on.includes(one));
  }
  if (possible === null || fields.some(({ on }) => on?.some((one) => isOfCommand(one)))) return null;
  if (possible.length !== 1)
    throw new ExampleError(`say which event it is, by type: ${possible.join(', ') || 'none has all of its fields'}`);
  return possible[0]!;
}

function isOfCommand(type: string): boolean {
  return (commandTypes as readonly string[]).includes(type);
}

function actorOf(given: Given): Actor {
  const name = given.text('principal') ?? 'somebody';
  const agents = given.texts('agent');
  return {
    id: `prn_${name}`,
    issuer: 'local',
    name,
    kind: (given.text('principal.kind') ?? 'person') as 'person',
    groups: given.texts('group') ?? [],
    credentialId: null,
    ...(agents === null ? {} : { actors: agents.map((agent) => ({ issuer: 'local', subject: agent, name: agent })) }),
  };
}

function protocolOf(kind: string | null): string {
  if (kind === 'shell' || kind === 'transfer') return 'ssh';
  return kind === 'http' || kind === 'kubernetes' ? kind : 'postgres';
}

function named(given: Given, prefix: string): Readonly<Record<string, string>> {
  const entries = given.names.filter((name) => name.startsWith(prefix));
  return Object.fromEntries(entries.map((name) => [name.slice(prefix.length), given.text(name)!]));
}

function factsOf(given: Given): CommandFacts {
  const touches: Touch[] = given.names.flatMap((name) => {
    const touch = fieldOf(name)?.touch;
    if (touch === undefined) return [];
    return given.texts(name)!.map((what): Touch => [touch[0], touch[1] ?? 'read', what]);
  });
  return {
    fingerprint: given.text('fingerprint') ?? '0000000000000000',
    effects: given.texts('effect') ?? [],
    touches,
    complete: given.flag('complete') ?? true,
  };
}
