/** For the tests of this folder: a detector that is fed made-up events one after another. Nothing else imports it. */
import { Activities } from '../../core/activity.ts';
import type { Actor, Event, EventBody } from '../../core/event.ts';
import type { CommandFacts, Touch } from '../../core/facts.ts';
import { ordinaryHours } from '../calendar.ts';
import type { Detector, DetectorDefinition, Finding, TuningValue } from '../detector.ts';
import type { Json } from '../json.ts';
import { observe } from '../observe.ts';
import { dayMs, hourMs } from './kit.ts';

export interface Who {
  readonly name?: string;
  readonly groups?: readonly string[];
  readonly agent?: string;
  readonly kind?: Actor['kind'];
}

export function actor({ name = 'ana', groups = ['team'], agent, kind = 'person' }: Who = {}): Actor {
  const actors = agent === undefined ? {} : { actors: [{ issuer: 'local', subject: agent, name: agent }] };
  return { id: `prn_${name}`, issuer: 'local', name, kind, groups, credentialId: null, ...actors };
}

export interface Opened extends Who {
  readonly resource?: string;
  readonly source?: string;
  readonly client?: string;
}

export interface Did {
  readonly touches?: readonly Touch[];
  readonly effects?: readonly string[];
  readonly kind?: 'sql' | 'shell' | 'kubernetes' | 'http';
  readonly rows?: number;
  readonly bytes?: number;
  readonly masked?: Readonly<Record<string, number>>;
  readonly blockedBy?: string;
  readonly text?: string;
}

export class Watch {
  /** Monday, 10:00 UTC. */
  atMs = Date.UTC(2026, 0, 5, 10);
  readonly findings: Finding[] = [];
  readonly #definition: DetectorDefinition;
  readonly #tuning: Readonly<Record<string, TuningValue>>;
  readonly #joined = new Activities({ opened: async () => null, command: async () => null });
  #detector: Detector;
  #sequence = 0;
  #sessions = 0;
  #session = '';
  #command = 0;

  constructor(definition: DetectorDefinition, tuning: Readonly<Record<string, TuningValue>> = {}) {
    this.#definition = definition;
    this.#tuning = tuning;
    this.#detector = this.#make();
  }

  #make(): Detector {
    return this.#definition.create(this.#tuning, { name: this.#definition.name, hours: ordinaryHours });
  }

  get sequence(): number {
    return this.#sequence;
  }

  get session(): string {
    return this.#session;
  }

  get state(): Json {
    return this.#detector.state();
  }

  /** As after a restart: another detector goes on with the state as it was kept. */
  restart(): this {
    const kept = JSON.parse(JSON.stringify(this.#detector.state())) as Json;
    this.#detector = this.#make();
    if (!this.#detector.restore(kept)) throw new Error('the state was not taken');
    return this;
  }

  wait(ms: number): this {
    this.atMs += ms;
    return this;
  }

  /** The next day, at the same hour or the one given. */
  nextDay(hour?: number): this {
    this.atMs += dayMs;
    return hour === undefined ? this : this.at(hour);
  }

  at(hour: number): this {
    this.atMs = Math.floor(this.atMs / dayMs) * dayMs + hour * hourMs;
    return this;
  }

  event(body: EventBody): readonly Finding[] {
    this.#sequence += 1;
    const joined = this.#joined.join({ ...body, seq: this.#sequence, at: this.atMs } as Event);
    if (joined instanceof Promise) throw new Error('nothing can be looked up here');
    const findings = this.#detector.observe(observe(joined));
    this.findings.push(...findings);
    return findings;
  }

  tick(): readonly Finding[] {
    const findings = this.#detector.tick?.(this.atMs) ?? [];
    this.findings.push(...findings);
    return findings;
  }

  open({ resource = 'orders', source = '10.0.0.7', client = 'psql', ...who }: Opened = {}): readonly Finding[] {
    this.#sessions += 1;
    this.#session = `ses_${this.#sessions}`;
    this.#command = 0;
    return this.event({
      type: 'session.opened',
      session: this.#session,
      connection: 'con_1',
      source: `${source}:40000`,
      principal: actor(who),
      resource,
      protocol: 'postgres',
      recording: 'strict',
      access: 'team',
      client: { application_name: client },
    });
  }

  /** A command in the session opened last, from intent to end; what was found on the way. */
  run({
    touches = [],
    effects = ['read'],
    kind = 'sql',
    rows = 1,
    bytes = 100,
    masked,
    blockedBy,
    text = 'x',
  }: Did = {}): readonly Finding[] {
    this.#command += 1;
    const { atMs } = this;
    const [session, command] = [this.#session, this.#command];
    const fingerprint = `${effects.join('')}${touches.map((one) => one.join('')).join('')}`;
    const facts: CommandFacts = { fingerprint, effects, touches, complete: true };
    const begin = this.findings.length;
    this.event({
      type: 'command.intent',
      session,
      command,
      kind,
      verb: 'query',
      text,
      textBytes: text.length,
      parameters: null,
      effect: 'read',
      of: null,
      facts,
    });
    if (blockedBy !== undefined) {
      this.event({
        type: 'command.verdict',
        session,
        command,
        verdict: { name: 'block', rule: blockedBy, reason: 'no' },
      });
    }
    this.atMs = atMs + 5;
    this.event({
      type: 'command.ended',
      session,
      command,
      outcome: blockedBy === undefined ? 'completed' : 'refused',
      tag: null,
      error: null,
      rows: blockedBy === undefined ? rows : 0,
      bytes: blockedBy === undefined ? bytes : 0,
      durationMs: 5,
      ...(masked === undefined ? {} : { masked }),
    });
    return this.findings.slice(begin);
  }

  /** So many days of the same, Monday to Sunday alike. */
  days(count: number, each: (watch: this, day: number) => void): this {
    for (let day = 0; day < count; day += 1) {
      each(this, day);
      this.nextDay(10);
    }
    return this;
  }
}

export function table(name: string): Touch {
  return ['table', 'read', `public.${name}`];
}
