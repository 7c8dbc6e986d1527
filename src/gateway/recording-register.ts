/**
 * The register of recordings: what the journal says of each, in the store, so that what is due, held, stored or deleted can be asked
 * for. Follows the journal; dropped and drawn again from it at will.
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Event, EventType } from '../core/event.ts';
import type { RecordingJournal } from '../recording/index.ts';
import type { KeptRecordings, RecordingChange } from '../store/index.ts';
import { followJournal } from './following.ts';
import * as limits from './limits.ts';

/** The events that it draws on. */
const types: readonly EventType[] = [
  'session.opened',
  'session.ended',
  'recording.sealed',
  'recording.stored',
  'recording.released',
  'recording.deleted',
];

export interface RegisterParts {
  readonly gateway: string;
  readonly register: KeptRecordings;
  readonly journal: RecordingJournal;
  readonly clock: Clock;
  readonly log: Log;
  /** Something ended, was stored or deleted: there may be something to do for the archive. */
  readonly onChanged: () => void;
}

/** Starts to follow; returns what stops it. */
export function keepRegister(parts: RegisterParts): Promise<() => Promise<void>> {
  const { gateway, register, journal, clock, log } = parts;
  const cursor = `recordings:${gateway}`;
  return followJournal({
    name: 'the register of recordings',
    journal,
    clock,
    log,
    types,
    gatherMs: limits.registerGatherMs,
    cursor: () => register.cursor(cursor),
    take: async (events) => {
      const changes = events.flatMap((event) => changeOf(event, gateway));
      await register.apply(cursor, events.at(-1)!.seq, changes);
      if (changes.some(({ type }) => type !== 'opened')) parts.onChanged();
    },
  });
}

function changeOf(event: Event, gateway: string): RecordingChange[] {
  switch (event.type) {
    case 'session.opened': {
      const { name, kind, groups, actors = [] } = event.principal;
      const agents = actors.map((agent) => agent.name);
      return [
        {
          type: 'opened',
          recording: {
            session: event.session,
            gateway,
            principal: { name, kind, groups, agents },
            resource: { name: event.resource, labels: event.labels ?? {}, protocol: event.protocol },
            startedAtMs: event.at,
            openSeq: event.seq,
          },
        },
      ];
    }
    case 'session.ended':
      return [{ type: 'ended', session: event.session, atMs: event.at }];
    case 'recording.sealed':
      return [{ type: 'sealed', session: event.session, bytes: event.bytes }];
    case 'recording.stored': {
      const { session, store, key, digest, lockedUntilMs, at } = event;
      return [{ type: 'stored', session, copy: { store, key, digest, lockedUntilMs, storedAtMs: at } }];
    }
    case 'recording.released':
      return [{ type: 'released', session: event.session }];
    case 'recording.deleted':
      return [{ type: 'deleted', session: event.session, rule: event.rule, atMs: event.at }];
    default:
      return [];
  }
}
