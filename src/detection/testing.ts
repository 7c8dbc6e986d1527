/** Events of made-up sessions, for tests: what the journal would hold of them, joined as it would be. */
import type { Activity, SessionOpened } from '../core/activity.ts';
import { Activities } from '../core/activity.ts';
import type { Actor, Event, EventBody } from '../core/event.ts';
import type { CommandFacts } from '../core/facts.ts';

export function actor(name: string, groups: readonly string[] = []): Actor {
  return { id: `prn_${name}`, issuer: 'local', name, kind: 'person', groups, credentialId: null };
}

export interface Ran {
  readonly who?: string;
  readonly groups?: readonly string[];
  readonly resource?: string;
  readonly text?: string;
  readonly facts?: CommandFacts;
  readonly rows?: number;
  readonly bytes?: number;
  readonly verdict?: 'mask' | 'hold' | 'block' | 'terminate';
}

/** Makes events with sequences, in order; time as it is set. */
export class Story {
  atMs = Date.UTC(2026, 0, 5, 10, 0, 0);
  readonly activities: Activity[] = [];
  readonly #joined = new Activities({ opened: async () => null, command: async () => null });
  readonly #sessions = new Map<string, SessionOpened>();
  readonly #commands = new Map<string, number>();
  #sequence = 0;

  wait(ms: number): this {
    this.atMs += ms;
    return this;
  }

  event(body: EventBody): Activity {
    const event = { ...body, seq: ++this.#sequence, at: this.atMs } as Event;
    const activity = this.#joined.join(event);
    if (activity instanceof Promise) throw new Error('nothing to look up in a story');
    this.activities.push(activity);
    return activity;
  }

  open(who = 'ana', groups: readonly string[] = ['staff'], resource = 'orders'): string {
    const id = `ses_${who}_${resource}`;
    if (this.#sessions.has(id)) return id;
    const { event } = this.event({
      type: 'session.opened',
      session: id,
      connection: `con_${id}`,
      source: '10.0.0.7:40000',
      principal: actor(who, groups),
      resource,
      labels: { env: 'prod' },
      protocol: 'postgres',
      recording: 'strict',
      access: 'staff',
      client: { application_name: 'psql' },
    });
    this.#sessions.set(id, event as SessionOpened);
    return id;
  }

  /** A command from its intent to its end; the activity of the end. */
  run(ran: Ran = {}): Activity {
    const session = this.open(ran.who, ran.groups, ran.resource);
    const command = (this.#commands.get(session) ?? 0) + 1;
    this.#commands.set(session, command);
    const { text = 'select 1', facts, verdict, rows = 1, bytes = 100 } = ran;
    this.event({
      type: 'command.intent',
      session,
      command,
      kind: 'sql',
      verb: 'query',
      text,
      textBytes: text.length,
      parameters: null,
      effect: 'read',
      of: null,
      ...(facts === undefined ? {} : { facts }),
    });
    if (verdict !== undefined) {
      this.event({ type: 'command.verdict', session, command, verdict: { name: verdict, rule: 'r', reason: 'no' } });
    }
    return this.event({
      type: 'command.ended',
      session,
      command,
      outcome: verdict === 'block' ? 'refused' : 'completed',
      tag: null,
      error: null,
      rows,
      bytes,
      durationMs: 5,
    });
  }
}

export function touching(touches: CommandFacts['touches'], effects: readonly string[] = ['read']): CommandFacts {
  return { fingerprint: '0123456789abcdef', effects, touches, complete: true };
}
