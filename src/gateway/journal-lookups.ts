/**
 * What happened before the first event that a follower of the journal was given: openings of sessions and intents of commands,
 * found through the indexes and read from the journal.
 *
 * Honest limit: where history does not know where a command's intent stands, it is looked for in the first `lookupEventsMax` events
 * of its session's time; and its verdicts in as many behind it. What lies beyond is not known.
 */
import type { CommandSoFar, Lookups, SessionOpened } from '../core/activity.ts';
import type { Event } from '../core/event.ts';
import type { Store } from '../store/index.ts';
import * as limits from './limits.ts';

export interface LookupParts {
  readonly gateway: string;
  readonly store: Pick<Store, 'sessions' | 'history'>;
  /** Durable events of the journal from a sequence on. */
  readonly readEvents: (from: number) => AsyncIterable<Event>;
}

export function journalLookups({ gateway, store, readEvents }: LookupParts): Lookups {
  return {
    async opened(session) {
      const row = await store.sessions.get(session);
      const sequence =
        row === null
          ? await store.history.sequenceOf(gateway, session, null)
          : row.gateway === gateway
            ? row.openSeq
            : null;
      if (row === null && sequence === null) return await unlisted(store, gateway, readEvents, session);
      if (sequence === null) return null;
      for await (const event of readEvents(sequence)) {
        return event.type === 'session.opened' && event.session === session ? event : null;
      }
      return null;
    },
    command: async (session, command, opened) => {
      const sequence = await store.history.sequenceOf(gateway, session, command);
      return await commandOf(readEvents, session, command, sequence ?? opened.seq);
    },
  };
}

/** An opening that the list of sessions has not taken in yet: it lies behind the list's cursor. */
async function unlisted(
  { sessions }: LookupParts['store'],
  gateway: string,
  readEvents: LookupParts['readEvents'],
  session: string,
): Promise<SessionOpened | null> {
  let seen = 0;
  for await (const event of readEvents((await sessions.cursor(`sessions:${gateway}`)) + 1)) {
    if (event.type === 'session.opened' && event.session === session) return event;
    if (++seen > limits.lookupEventsMax) break;
  }
  return null;
}

async function commandOf(
  readEvents: LookupParts['readEvents'],
  session: string,
  command: number,
  from: number,
): Promise<CommandSoFar | null> {
  let found: CommandSoFar | null = null;
  let seen = 0;
  for await (const event of readEvents(from)) {
    if (++seen > limits.lookupEventsMax) break;
    if (!('session' in event) || event.session !== session) continue;
    if (event.type === 'session.ended') break;
    if (!('command' in event) || event.command !== command) continue;
    if (event.type === 'command.intent') found = { intent: event, judged: null, verdict: null };
    else if (event.type === 'command.ended') break;
    else if (event.type === 'command.verdict' && found !== null) {
      found = { intent: found.intent, judged: found.judged ?? event.verdict, verdict: event.verdict };
    }
  }
  return found;
}
