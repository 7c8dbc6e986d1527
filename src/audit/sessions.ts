/**
 * The index of sessions: follows the journal's durable events and keeps one row a session in the store.
 *
 * Invariants: off the data path (a slow store delays lists, never sessions); at least once and in order; the cursor
 * moves with the rows in one transaction.
 *
 * Deliberately absent: any state that the journal does not have.
 */
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Event, EventType } from '../core/event.ts';
import * as limits from './limits.ts';

export type SessionIndexChange =
  | {
      readonly type: 'opened';
      readonly session: {
        readonly id: string;
        readonly principalName: string;
        readonly principalId: string;
        readonly principalKind: string;
        readonly groups: readonly string[];
        /** Names of the agents that act for it, the last first. */
        readonly agents: readonly string[];
        readonly resource: string;
        readonly protocol: string;
        readonly source: string;
        readonly recording: string;
        readonly access: string;
        readonly client: Readonly<Record<string, string>>;
        readonly startedAtMs: number;
        readonly openSeq: number;
        readonly gateway: string;
      };
    }
  | {
      readonly type: 'ended';
      readonly session: {
        readonly id: string;
        readonly endedAtMs: number;
        readonly reason: string;
        readonly by: string | null;
        readonly commands: number;
        readonly bytesIn: number;
        readonly bytesOut: number;
      };
    };

/** The events that change the index; it need not be given others. */
export const indexedTypes: readonly EventType[] = ['session.opened', 'session.ended'];

/** What the index needs of the store. */
export interface SessionIndexStore {
  cursor(name: string): Promise<number>;
  applyIndexBatch(cursorName: string, upToSequence: number, changes: readonly SessionIndexChange[]): Promise<boolean>;
}

export interface SessionIndex {
  /** Takes a durable event; events come in order of sequence. */
  event(event: Event): void;
  /** Writes what waits. */
  flush(): Promise<void>;
}

export interface SessionIndexOptions {
  readonly store: SessionIndexStore;
  readonly gateway: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Opens the index and tells from which sequence on it wants events. */
export async function indexSessions(options: SessionIndexOptions): Promise<{ index: SessionIndex; from: number }> {
  const { store, gateway, clock, log } = options;
  const cursorName = `sessions:${gateway}`;
  const from = (await store.cursor(cursorName)) + 1;
  let changes: { readonly sequence: number; readonly change: SessionIndexChange }[] = [];
  let upTo = 0;
  let waiting = 0;
  let writing: Promise<void> | null = null;
  let scheduled = false;
  let wroteMs = Number.NEGATIVE_INFINITY;

  const write = async (): Promise<void> => {
    const batch = changes.splice(0, limits.batchChangesMax);
    // Where more wait, the cursor stops at the last change of this batch.
    const to = changes.length === 0 ? upTo : batch.at(-1)!.sequence;
    if (changes.length === 0) waiting = 0;
    try {
      await store.applyIndexBatch(
        cursorName,
        to,
        batch.map(({ change }) => change),
      );
      if (changes.length > 0) schedule(0);
    } catch (error) {
      changes = [...batch, ...changes];
      log.warn('the index of sessions is behind: the store does not answer', { detail: describeError(error) });
      schedule(limits.retryDelayMs);
    }
  };
  const flush = async (): Promise<void> => {
    while (writing !== null) await writing;
    if (upTo === 0 || (changes.length === 0 && waiting === 0)) return;
    wroteMs = clock.monotonic();
    writing = write().finally(() => {
      writing = null;
    });
    await writing;
  };
  const schedule = (delayMs: number): void => {
    if (scheduled) return;
    scheduled = true;
    clock.after(delayMs, () => {
      scheduled = false;
      void flush();
    });
  };

  return {
    from,
    index: {
      event(event) {
        upTo = event.seq;
        waiting++;
        const change = changeOf(event, gateway);
        if (change !== null) changes.push({ sequence: event.seq, change });
        const isIdle = clock.monotonic() - wroteMs > limits.batchDelayMs;
        if (change !== null || waiting >= limits.batchEventsMax) {
          schedule(isIdle ? limits.batchDelayIdleMs : limits.batchDelayMs);
        }
      },
      flush,
    },
  };
}

function changeOf(event: Event, gateway: string): SessionIndexChange | null {
  switch (event.type) {
    case 'session.opened':
      return {
        type: 'opened',
        session: {
          id: event.session,
          principalName: event.principal.name,
          principalId: event.principal.id,
          principalKind: event.principal.kind,
          groups: event.principal.groups,
          agents: (event.principal.actors ?? []).map(({ name }) => name),
          resource: event.resource,
          protocol: event.protocol,
          source: event.source,
          recording: event.recording,
          access: event.access,
          client: event.client,
          startedAtMs: event.at,
          openSeq: event.seq,
          gateway,
        },
      };
    case 'session.ended':
      return {
        type: 'ended',
        session: {
          id: event.session,
          endedAtMs: event.at,
          reason: event.reason,
          by: event.by,
          commands: event.commands,
          bytesIn: event.bytesIn,
          bytesOut: event.bytesOut,
        },
      };
    default:
      return null;
  }
}
