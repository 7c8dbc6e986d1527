/**
 * Deletes what is due, and nothing that is held: recordings with their keys, entries of the index, resolved alerts, and what old events
 * of the journal say.
 *
 * Invariants:
 * - What a LegalHold selects is not touched, whoever asks; holds are read anew in every pass, and before every deletion by hand. Where
 *   they cannot be read, nothing is deleted.
 * - Every deletion is an event that is durable before anything goes.
 * - The journal is never pruned past what somebody still needs: sessions that go on, consumers that are behind, holds.
 * - A gateway deletes what is its own; the store's entries and alerts of all are deleted by whichever comes first.
 *
 * Deliberately absent: deciding (audit/retention.ts), and how each thing is deleted (recording, store).
 */

import { apiErrors, type StoragePort } from '../api/index.ts';
import {
  holdsOn,
  journalHeldFromMs,
  keepingOf,
  leastKeepMs,
  type NamedHold,
  type NamedRetention,
} from '../audit/index.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Actor } from '../core/event.ts';
import type { SessionRecordings } from '../recording/index.ts';
import type { KeptRecordings, Objects, StoredRecording } from '../store/index.ts';
import { allObjects } from './all-objects.ts';
import type { Archive } from './archive.ts';
import * as limits from './limits.ts';

/** Entries of the index and alerts, as retention deletes them. */
export interface DeletableEntries {
  /** Resources that there are entries of, by name. */
  resources(): Promise<readonly string[]>;
  /**
   * Deletes entries of a resource (null: of none) and a kind of command (null: whatever is no command; absent: all) from before, but those of these
   * sessions. Answers how many, at most a batch.
   */
  deleteEntries(
    of: { readonly resource: string | null; readonly kind?: string | null },
    beforeMs: number,
    exceptSessions: readonly string[],
  ): Promise<number>;
  /** Deletes alerts that were resolved before. Answers how many, at most a batch. */
  deleteAlerts(beforeMs: number): Promise<number>;
}

export interface PrunableJournal {
  readonly durableSequence: number;
  /** Everything up to it is gone but for its digests; 0: nothing is. */
  prunedTo(): number;
  /** The last sequence that may go, where all up to it happened before; 0: none. Whole segments only. */
  before(ms: number): Promise<number>;
  /** Gives up whole segments up to `to`, by its caller's bound; the sequence that it came to, or null. */
  prune(to: number, by: { readonly principal: Actor; readonly rule: string | null }): Promise<number | null>;
}

export interface RetentionParts {
  readonly gateway: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly objects: Pick<Objects, 'list'>;
  readonly register: KeptRecordings;
  readonly recordings: Pick<SessionRecordings, 'destroy'>;
  readonly journal: PrunableJournal;
  readonly entries: DeletableEntries;
  readonly archive: () => Archive | null;
  /** The resource as configured now: what is no more has its name only. */
  readonly resource: (
    name: string,
  ) => { readonly labels: Readonly<Record<string, string>>; readonly protocol: string } | null;
  /** Least sequences that consumers still need, and who they are. */
  readonly needed: () => Promise<readonly { readonly by: string; readonly sequence: number }[]>;
}

export type Retention = Pick<StoragePort, 'retention' | 'run' | 'deleteRecording'> & { close(): Promise<void> };

/** By whom what the gateway deletes by itself is deleted. */
const gatewayItself: Actor = {
  id: 'gateway:retention',
  issuer: 'gateway',
  name: 'gateway:retention',
  kind: 'service',
  groups: [],
  credentialId: null,
};

const commandKinds = ['sql', 'shell', 'http', 'kubernetes', 'transfer', 'tool', 'connection'] as const;

interface Rules {
  readonly retentions: readonly NamedRetention[];
  readonly holds: readonly NamedHold[];
}

interface Due {
  readonly recording: StoredRecording;
  readonly rule: string;
  readonly heldBy: readonly string[];
}

export function openRetention(parts: RetentionParts): Retention {
  const { clock, log } = parts;
  let lastRunAtMs: number | null = null;
  let running: Promise<unknown> = Promise.resolve();
  let closed = false;
  const exclusively = <T>(work: () => Promise<T>): Promise<T> => {
    const next = running.then(work, work);
    running = next.catch(() => undefined);
    return next;
  };
  const run = async (by: Actor): ReturnType<StoragePort['run']> => {
    const rules = await readRules(parts);
    const outcome = {
      recordings: await deleteRecordings(parts, rules, by, () => closed),
      entries: await deleteEntries(parts, rules, () => closed),
      alerts: await deleteAlerts(parts, rules),
      prunedTo: await prune(parts, rules, by),
    };
    lastRunAtMs = clock.now();
    return outcome;
  };
  const timer: Timer = clock.every(limits.retentionIntervalMs, () => {
    exclusively(() => run(gatewayItself)).then(undefined, (error: unknown) =>
      log.error('what is due could not be deleted; it is tried again in an hour', { detail: describeError(error) }),
    );
  });
  return {
    run: (by) => exclusively(() => run(by)),
    retention: async () => {
      const rules = await readRules(parts);
      const { prunableTo, because } = await prunable(parts, rules);
      const due: Due[] = [];
      for await (const one of dueRecordings(parts, rules)) {
        due.push(one);
        if (due.length >= limits.retentionShownMax) break;
      }
      return {
        recordings: [...(await parts.register.totals(parts.gateway))],
        due: due.map(({ recording, rule, heldBy }) => ({
          session: recording.session,
          principal: recording.principal.name,
          resource: recording.resource.name,
          endedAt: new Date(recording.endedAtMs ?? 0).toISOString(),
          bytes: recording.bytes,
          rule,
          heldBy: [...heldBy],
        })),
        holds: rules.holds.map(({ name, spec }) => ({ name, reason: spec.reason })),
        journal: {
          events: parts.journal.durableSequence,
          prunedTo: parts.journal.prunedTo(),
          prunableTo,
          because,
        },
        archive: parts.archive()?.standing() ?? null,
        lastRunAt: lastRunAtMs === null ? null : new Date(lastRunAtMs).toISOString(),
      };
    },
    deleteRecording: (session, by, reason) =>
      exclusively(async () => {
        const recording = await parts.register.get(session);
        const isThere = recording !== null && recording.gateway === parts.gateway && isKept(recording);
        if (!isThere) throw apiErrors('api.not-found', { values: { what: 'recording' } });
        const { holds } = await readRules(parts);
        const held = holds.find((hold) => holdsOn([hold], candidateOf(recording)).length > 0);
        if (held !== undefined) {
          throw apiErrors('api.held', { values: { name: held.name, reason: held.spec.reason } });
        }
        await parts.recordings.destroy(session, { principal: by, rule: null, reason, bytes: recording.bytes });
        parts.archive()?.look();
      }),
    close: async () => {
      closed = true;
      timer.cancel();
      await running;
    },
  };
}

function isKept({ state }: StoredRecording): boolean {
  return state === 'local' || state === 'stored' || state === 'released';
}

async function readRules({ objects }: RetentionParts): Promise<Rules> {
  // They were checked when they were saved.
  return {
    retentions: (await allObjects(objects, 'Retention')) as unknown as NamedRetention[],
    holds: (await allObjects(objects, 'LegalHold')) as unknown as NamedHold[],
  };
}

function candidateOf(recording: StoredRecording): Parameters<typeof holdsOn>[1] {
  const { session, principal, resource, startedAtMs, endedAtMs } = recording;
  const actors = principal.agents.map((name) => ({ issuer: '', subject: '', name }));
  return {
    session,
    principal: { name: principal.name, kind: principal.kind as Actor['kind'], groups: principal.groups, actors },
    resource,
    startedAtMs,
    endedAtMs,
  };
}

/** Recordings whose time is over, the oldest first, with what holds them. */
async function* dueRecordings(parts: RetentionParts, { retentions, holds }: Rules): AsyncGenerator<Due> {
  const nowMs = parts.clock.now();
  const least = leastKeepMs(retentions, 'recordings');
  if (least === null) return;
  const filter = {
    gateway: parts.gateway,
    states: ['local', 'stored', 'released'],
    endedBeforeMs: nowMs - least + 1,
  } as const;
  let after: { readonly endedAtMs: number; readonly session: string } | null = null;
  for (;;) {
    const page: readonly StoredRecording[] = await parts.register.list(filter, { limit: limits.retentionBatch, after });
    for (const recording of page) {
      const keeping = keepingOf(retentions, 'recordings', recording.resource);
      if (keeping === null || (recording.endedAtMs ?? nowMs) > nowMs - keeping.keepMs) continue;
      yield { recording, rule: keeping.rule, heldBy: holdsOn(holds, candidateOf(recording)) };
    }
    const last = page.at(-1);
    if (last === undefined || page.length < limits.retentionBatch) return;
    after = { endedAtMs: last.endedAtMs ?? 0, session: last.session };
  }
}

async function deleteRecordings(
  parts: RetentionParts,
  rules: Rules,
  by: Actor,
  isClosed: () => boolean,
): Promise<number> {
  const due: Due[] = [];
  for await (const one of dueRecordings(parts, rules)) {
    if (one.heldBy.length === 0) due.push(one);
    if (due.length >= limits.retentionBatch) break;
  }
  let deleted = 0;
  for (const { recording, rule } of due) {
    if (isClosed()) break;
    const reason = `kept as long as ${rule} says`;
    const { session, bytes } = recording;
    if (await parts.recordings.destroy(session, { principal: by, rule, reason, bytes })) deleted++;
  }
  if (deleted > 0) parts.archive()?.look();
  return deleted;
}

/** Entries by resource and kind, since a rule may select by either. */
async function deleteEntries(
  parts: RetentionParts,
  { retentions, holds }: Rules,
  isClosed: () => boolean,
): Promise<number> {
  if (leastKeepMs(retentions, 'entries') === null) return 0;
  const nowMs = parts.clock.now();
  const isByKind = retentions.some(({ spec }) => spec.of === 'entries' && spec.match?.kinds !== undefined);
  const kinds = isByKind ? [null, ...commandKinds] : [undefined];
  let deleted = 0;
  for (const name of [null, ...(await parts.entries.resources())]) {
    const configured = name === null ? null : parts.resource(name);
    const resource = name === null ? null : { name, labels: {}, protocol: '', ...configured };
    for (const kind of kinds) {
      const keeping = keepingOf(retentions, 'entries', resource, kind ?? null);
      if (keeping === null) continue;
      // A hold without sessions of its own may mean any of them: entries are told apart by time alone there.
      const beforeMs = Math.min(
        nowMs - keeping.keepMs,
        journalHeldFromMs(holds.filter(({ spec }) => spec.match.sessions === undefined)),
      );
      const held = holds.flatMap(({ spec }) => spec.match.sessions ?? []);
      for (let batch = 1; batch > 0 && !isClosed(); ) {
        batch = await parts.entries.deleteEntries(
          { resource: name, ...(kind === undefined ? {} : { kind }) },
          beforeMs,
          held,
        );
        deleted += batch;
      }
    }
  }
  return deleted;
}

async function deleteAlerts(parts: RetentionParts, { retentions }: Rules): Promise<number> {
  const keeping = keepingOf(retentions, 'alerts', null);
  if (keeping === null) return 0;
  let deleted = 0;
  for (let batch = 1; batch > 0; deleted += batch) {
    batch = await parts.entries.deleteAlerts(parts.clock.now() - keeping.keepMs);
  }
  return deleted;
}

async function prune(parts: RetentionParts, rules: Rules, by: Actor): Promise<number | null> {
  const { prunableTo, rule } = await prunable(parts, rules);
  if (prunableTo <= parts.journal.prunedTo()) return null;
  return parts.journal.prune(prunableTo, { principal: by, rule });
}

/** How far the journal may be pruned now, and what keeps the rest. */
async function prunable(
  parts: RetentionParts,
  { retentions, holds }: Rules,
): Promise<{ readonly prunableTo: number; readonly because: string | null; readonly rule: string | null }> {
  const { journal, register, gateway, clock } = parts;
  const keeping = keepingOf(retentions, 'journal', null);
  if (keeping === null) {
    return { prunableTo: journal.prunedTo(), because: 'no Retention says how long it is kept', rule: null };
  }
  const bounds: { readonly to: number; readonly because: string }[] = [
    { to: await journal.before(clock.now() - keeping.keepMs), because: `${keeping.rule} keeps what is younger` },
  ];
  const heldFromMs = journalHeldFromMs(holds);
  if (Number.isFinite(heldFromMs)) {
    const names = holds.map(({ name }) => name).join(', ');
    bounds.push({ to: await journal.before(heldFromMs), because: `held by ${names}` });
  }
  const oldest = await register.oldestOpen(gateway);
  if (oldest !== null) bounds.push({ to: oldest - 1, because: 'a session that goes on began there' });
  for (const { by, sequence } of await parts.needed()) {
    bounds.push({ to: sequence - 1, because: `${by} has not come further` });
  }
  const least = bounds.reduce((a, b) => (b.to < a.to ? b : a));
  return { prunableTo: Math.max(least.to, journal.prunedTo()), because: least.because, rule: keeping.rule };
}
