/**
 * The stream that everything is written to: events with their moments, put in order, and numbered. Sessions and commands get their
 * numbers here, so that what is written is what the gateway would have journaled.
 */
import type { Actor, Event, EventBody } from '../../src/core/event.ts';
import type { Ran } from './commands.ts';
import type { Random } from './random.ts';
import { type Person, resources } from './world.ts';

interface Written {
  readonly atMs: number;
  readonly order: number;
  readonly body: EventBody;
  readonly incident: string | null;
}

export interface SessionParts {
  readonly atMs: number;
  readonly principal: Actor;
  readonly resource: string;
  readonly source: string;
  readonly client: string;
}

export interface CommandParts {
  readonly rows?: number;
  readonly bytes?: number;
  readonly masked?: Readonly<Record<string, number>>;
  readonly blockedBy?: string;
  readonly text?: string;
  /** It ends so long after its intent. */
  readonly takesMs?: number;
}

/** Orders what is written as the days pass. */
export class Stream {
  readonly #random: Random;
  readonly #pending: Written[] = [];
  #order = 0;
  #sessions = 0;
  #sequence = 0;
  #reviews = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  write(atMs: number, body: EventBody, incident: string | null = null): void {
    this.#order += 1;
    this.#pending.push({ atMs: Math.round(atMs), order: this.#order, body, incident });
  }

  /** Everything before that moment, in order, numbered. */
  *until(atMs: number): Generator<{ readonly event: Event; readonly incident: string | null }> {
    this.#pending.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    const count = this.#pending.findIndex((one) => one.atMs >= atMs);
    const due = this.#pending.splice(0, count === -1 ? this.#pending.length : count);
    for (const { atMs: at, body, incident } of due) {
      this.#sequence += 1;
      yield { event: { ...body, seq: this.#sequence, at } as Event, incident };
    }
  }

  review(): string {
    this.#reviews += 1;
    return `rev_${this.#reviews}`;
  }

  session(parts: SessionParts, incident: string | null = null): OpenSession {
    this.#sessions += 1;
    return new OpenSession(this, this.#random, `ses_${this.#sessions}`, parts, incident);
  }
}

/** A session that is being written. Moments go on from one command to the next. */
export class OpenSession {
  atMs: number;
  readonly id: string;
  readonly #stream: Stream;
  readonly #random: Random;
  readonly #incident: string | null;
  readonly #began: number;
  #commands = 0;
  #bytes = 0;

  constructor(stream: Stream, random: Random, id: string, parts: SessionParts, incident: string | null) {
    this.#stream = stream;
    this.#random = random;
    this.id = id;
    this.#incident = incident;
    this.#began = parts.atMs;
    this.atMs = parts.atMs;
    const { protocol } = resources[parts.resource] ?? { protocol: 'postgres' };
    const client: Record<string, string> =
      protocol === 'postgres' ? { application_name: parts.client } : { software: parts.client };
    this.write({
      type: 'session.opened',
      session: id,
      connection: `con_${id}`,
      source: `${parts.source}:${random.whole(20_000, 60_000)}`,
      principal: parts.principal,
      resource: parts.resource,
      protocol,
      recording: 'strict',
      access: 'team',
      client,
    });
  }

  write(body: EventBody): void {
    this.#stream.write(this.atMs, body, this.#incident);
  }

  /** Thinks for so long, as a rule. */
  think(meanMs: number): this {
    this.atMs += 400 + this.#random.wait(meanMs);
    return this;
  }

  intent(ran: Ran, text = ran.text): number {
    this.#commands += 1;
    const { kind, verb, facts, effect } = ran;
    const { id: session } = this;
    const textBytes = text.length;
    this.write({
      type: 'command.intent',
      session,
      command: this.#commands,
      kind,
      verb,
      text: text.slice(0, 400),
      textBytes,
      parameters: null,
      effect,
      of: null,
      facts,
    });
    return this.#commands;
  }

  run(ran: Ran, parts: CommandParts = {}): this {
    const command = this.intent(ran, parts.text);
    const { id: session } = this;
    if (parts.blockedBy !== undefined) {
      const reason = 'This is not allowed here.';
      this.atMs += 2;
      this.write({
        type: 'command.verdict',
        session,
        command,
        verdict: { name: 'block', rule: parts.blockedBy, reason },
      });
    }
    return this.end(command, ran, parts);
  }

  end(command: number, ran: Ran, parts: CommandParts = {}): this {
    const isBlocked = parts.blockedBy !== undefined;
    const size = isBlocked ? 0 : (parts.rows ?? this.#random.skewed(ran.rows[0], ran.rows[1]));
    // Where a row has no size, the figure is of kilobytes.
    const isRows = ran.bytesPerRow > 0;
    const rows = isRows ? size : 0;
    const bytes = parts.bytes ?? size * Math.abs(ran.bytesPerRow);
    this.#bytes += bytes;
    const durationMs = parts.takesMs ?? 5 + this.#random.wait(30 + rows / 100);
    this.atMs += durationMs;
    this.write({
      type: 'command.ended',
      session: this.id,
      command,
      outcome: isBlocked ? 'refused' : 'completed',
      tag: null,
      error: isBlocked ? '42501' : null,
      rows,
      bytes,
      durationMs: Math.round(durationMs),
      ...(parts.masked === undefined ? {} : { masked: parts.masked }),
    });
    return this;
  }

  close(): void {
    this.atMs += 1000;
    this.write({
      type: 'session.ended',
      session: this.id,
      reason: 'client-closed',
      code: null,
      by: null,
      commands: this.#commands,
      bytesIn: 100,
      bytesOut: Math.round(this.#bytes),
      durationMs: Math.round(this.atMs - this.#began),
    });
  }
}

export function actorOf(person: Person, agent: string | null = null): Actor {
  const { id, name, groups } = person;
  const actors = agent === null ? {} : { actors: [{ issuer: 'local', subject: agent, name: agent }] };
  return { id, issuer: 'local', name, kind: 'person', groups, credentialId: `tok_${id}`, ...actors };
}

export function serviceActor(name: string): Actor {
  return {
    id: `prn_${name}`,
    issuer: 'local',
    name,
    kind: 'service',
    groups: ['services'],
    credentialId: `tok_${name}`,
  };
}
