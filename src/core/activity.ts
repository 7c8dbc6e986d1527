/**
 * Events joined with what they belong to: what the index keeps, detections watch, and sinks hand on. An event of a command
 * names its session only; here it comes with the principal, the resource, and the command's own intent.
 *
 * Invariant: given the same events in the same order, the same comes of them, whatever was restarted in between: what is not in
 * memory is looked up (`Lookups`), and where it cannot be found it is null, never guessed.
 *
 * Deliberately absent: I/O, and any judgement of what events say.
 */
import type { Event } from './event.ts';

type EventOf<Type extends Event['type']> = Extract<Event, { readonly type: Type }>;
export type SessionOpened = EventOf<'session.opened'>;
export type CommandIntent = EventOf<'command.intent'>;

/** A command as far as it has come. */
export interface CommandSoFar {
  readonly intent: CommandIntent;
  /** What the rules said first, and what stands now (a held command's outcome follows its hold); null: nothing restricts it. */
  readonly judged: EventOf<'command.verdict'>['verdict'] | null;
  readonly verdict: EventOf<'command.verdict'>['verdict'] | null;
}

export interface Activity {
  readonly event: Event;
  /** The session that the event belongs to; null where it belongs to none, or its opening is not known any more. */
  readonly opened: SessionOpened | null;
  /** Of events of a command, its intent's own among them. */
  readonly command: CommandSoFar | null;
}

/** Where to look for what happened before the first event that was given. Either may answer null. */
export interface Lookups {
  opened(session: string): Promise<SessionOpened | null>;
  command(session: string, command: number, opened: SessionOpened): Promise<CommandSoFar | null>;
}

interface Following {
  readonly opened: SessionOpened | null;
  readonly commands: Map<number, CommandSoFar>;
}

/** Joins events, in order of sequence. Holds what is live: one entry a session, one a command that has not ended. */
export class Activities {
  readonly #lookups: Lookups;
  readonly #sessions = new Map<string, Following>();

  constructor(lookups: Lookups) {
    this.#lookups = lookups;
  }

  /** Sessions held in memory. */
  get size(): number {
    return this.#sessions.size;
  }

  /** The event with what it belongs to. Synchronous wherever nothing must be looked up. */
  join(event: Event): Activity | Promise<Activity> {
    const id = sessionOf(event);
    if (id === null) return { event, opened: null, command: null };
    const known = this.#sessions.get(id);
    if (known !== undefined) return this.#within(event, id, known);
    if (event.type === 'session.opened') {
      const following: Following = { opened: event, commands: new Map() };
      this.#sessions.set(id, following);
      return { event, opened: event, command: null };
    }
    return this.#lookUp(event, id);
  }

  async #lookUp(event: Event, id: string): Promise<Activity> {
    const following: Following = { opened: await this.#lookups.opened(id), commands: new Map() };
    // Events of a session that is over (a recording read, a review decided) do not bring it back.
    if (isLive(event)) this.#sessions.set(id, following);
    return this.#within(event, id, following);
  }

  #within(event: Event, id: string, following: Following): Activity | Promise<Activity> {
    const { opened, commands } = following;
    if (event.type === 'session.ended') this.#sessions.delete(id);
    if (event.type === 'command.intent') {
      const command: CommandSoFar = { intent: event, judged: null, verdict: null };
      commands.set(event.command, command);
      return { event, opened, command };
    }
    const number = commandOf(event);
    if (number === null) return { event, opened, command: null };
    const command = commands.get(number);
    if (command !== undefined) return { event, opened, command: moveOn(event, commands, command) };
    if (opened === null) return { event, opened, command: null };
    return this.#lookups.command(id, number, opened).then((found) => ({
      event,
      opened,
      command: found === null ? null : moveOn(event, commands, found),
    }));
  }
}

function moveOn(event: Event, commands: Map<number, CommandSoFar>, command: CommandSoFar): CommandSoFar {
  if (event.type === 'command.ended') {
    commands.delete(event.command);
    return command;
  }
  if (event.type !== 'command.verdict') return command;
  const { verdict } = event;
  const moved: CommandSoFar = { intent: command.intent, judged: command.judged ?? verdict, verdict };
  commands.set(event.command, moved);
  return moved;
}

/** The session that an event names, or null. */
export function sessionOf(event: Event): string | null {
  return 'session' in event ? (event.session ?? null) : null;
}

function commandOf(event: Event): number | null {
  return 'command' in event ? (event.command ?? null) : null;
}

function isLive({ type }: Event): boolean {
  return type.startsWith('command.') || type === 'output.limited' || type === 'recording.chunk';
}
