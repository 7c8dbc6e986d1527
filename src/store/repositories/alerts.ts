/**
 * Alerts: what detections, guardrails and the gateway raised, and what people did about it.
 *
 * Invariants: drawn from the journal, at least once and in order, so that each write is idempotent by the sequences it names; odd
 * text is made to fit, never a reason to stop.
 */
import { type Insertable, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { AlertState, Severity } from '../../core/alert.ts';
import type {
  AlertFilter,
  AlertPage,
  Alerts,
  AlertUpdate,
  NewAlert,
  StoredAlert,
  StoredTrailEntry,
} from '../alert-types.ts';
import * as check from '../check.ts';
import { alertEvidenceMax, alertTextBytesMax, alertTrailMax, insertRowsMax, purgeRowsMax } from '../limits.ts';
import type { Notices } from '../notices.ts';
import type { AlertsTable, Schema } from '../schema.ts';

function toAlert(row: Selectable<AlertsTable>): StoredAlert {
  return {
    id: row.id,
    gateway: row.gateway,
    detection: row.detection,
    origin: row.origin as StoredAlert['origin'],
    severity: row.severity as Severity,
    state: row.state as AlertState,
    resolution: row.resolution as StoredAlert['resolution'],
    summary: row.summary,
    principal: row.principal_id === null ? null : { id: row.principal_id, name: row.principal_name ?? '' },
    session: row.session,
    command: row.command,
    resource: row.resource,
    assignee: row.assignee_id === null ? null : { id: row.assignee_id, name: row.assignee_name ?? '' },
    count: row.count,
    firstAtMs: row.first_at_ms,
    lastAtMs: row.last_at_ms,
    sequence: row.sequence,
    lastSequence: row.last_sequence,
    evidence: row.evidence,
    facts: row.facts,
    trail: row.trail,
    isDry: row.is_dry,
    suppressed: row.suppressed,
  };
}

function cleanOrNull(value: string | null): string | null {
  return value === null ? null : check.clean(value);
}

function toRow(alert: NewAlert): Insertable<AlertsTable> {
  return {
    id: check.clean(alert.id),
    gateway: check.clean(alert.gateway),
    detection: check.clean(alert.detection),
    origin: alert.origin,
    severity: alert.severity,
    state: alert.isDry || alert.suppressed !== null ? 'suppressed' : 'open',
    resolution: null,
    summary: check.clean(alert.summary, alertTextBytesMax),
    principal_id: cleanOrNull(alert.principal?.id ?? null),
    principal_name: cleanOrNull(alert.principal?.name ?? null),
    session: cleanOrNull(alert.session),
    command: alert.command === null ? null : check.cleanWhole(alert.command),
    resource: cleanOrNull(alert.resource),
    assignee_id: null,
    assignee_name: null,
    count: 1,
    first_at_ms: check.cleanWhole(alert.firstAtMs),
    last_at_ms: check.cleanWhole(alert.firstAtMs),
    sequence: check.cleanWhole(alert.sequence),
    last_sequence: check.cleanWhole(alert.lastSequence),
    evidence: evidenceOf(alert.evidence),
    facts: factsOf(alert.facts),
    trail: '[]',
    is_dry: alert.isDry,
    suppressed: alert.suppressed === null ? null : check.clean(alert.suppressed, alertTextBytesMax),
  };
}

/** What each action makes of the state; what is not here leaves it. */
const statesAfter: Readonly<Record<string, readonly [state: AlertState, resolution: StoredAlert['resolution']]>> = {
  acknowledge: ['acknowledged', null],
  resolve: ['resolved', 'resolved'],
  'false-positive': ['resolved', 'false-positive'],
  reopen: ['open', null],
};

export class AlertRepository implements Alerts {
  readonly #db: Kysely<Schema>;
  readonly #notices: Notices;

  constructor(db: Kysely<Schema>, notices: Notices) {
    this.#db = db;
    this.#notices = notices;
  }

  async get(id: string): Promise<StoredAlert | null> {
    const row = await this.#db
      .selectFrom('alerts')
      .selectAll()
      .where('id', '=', check.text('id', id))
      .executeTakeFirst();
    return row === undefined ? null : toAlert(row);
  }

  async list(filter: AlertFilter, page: AlertPage): Promise<readonly StoredAlert[]> {
    let query = this.#db
      .selectFrom('alerts')
      .selectAll()
      .orderBy('first_at_ms', 'desc')
      .orderBy('id', 'desc')
      .limit(check.limit(page.limit));
    const { states, severities, sinceMs, untilMs, after } = { ...filter, after: page.after ?? null };
    if (states !== undefined) query = query.where('state', 'in', [...states]);
    if (severities !== undefined) query = query.where('severity', 'in', [...severities]);
    const texts = [
      ['detection', filter.detection],
      ['principal_id', filter.principalId],
      ['principal_name', filter.principal],
      ['resource', filter.resource],
      ['session', filter.session],
      ['assignee_name', filter.assignee],
    ] as const;
    for (const [column, value] of texts) {
      if (value !== undefined) query = query.where(column, '=', check.text(column, value));
    }
    if (sinceMs !== undefined) query = query.where('first_at_ms', '>=', check.whole('since', sinceMs));
    if (untilMs !== undefined) query = query.where('first_at_ms', '<', check.whole('until', untilMs));
    if (after !== null) {
      const atMs = check.whole('cursor', after.atMs);
      const id = check.text('cursor', after.id);
      query = query.where(sql<boolean>`(first_at_ms, id) < (${atMs}::int8, ${id}::text)`);
    }
    return (await query.execute()).map(toAlert);
  }

  async write(alerts: readonly NewAlert[], updates: readonly AlertUpdate[]): Promise<void> {
    check.batch(alerts.length + updates.length);
    // One statement cannot write a row twice; the first stands, as it would by itself.
    const rows = [...new Map([...alerts].reverse().map((alert) => [alert.id, toRow(alert)])).values()].reverse();
    const ids = [...new Set([...alerts, ...updates].map(({ id }) => id))];
    await this.#db.transaction().execute(async (transaction) => {
      for (let from = 0; from < rows.length; from += insertRowsMax) {
        await transaction
          .insertInto('alerts')
          .values(rows.slice(from, from + insertRowsMax))
          .onConflict((conflict) => conflict.column('id').doNothing())
          .execute();
      }
      for (const one of updates) await add(transaction, one);
      await this.#notices.shareLive(transaction, 'alert', ids);
    });
    this.#notices.announceLive('alert', ids);
  }

  async act(id: string, entry: StoredTrailEntry, assignee: StoredAlert['assignee']): Promise<StoredAlert | null> {
    const [state = null, resolution = null] = statesAfter[entry.action] ?? [];
    const isAssigned = entry.action === 'assign';
    const kept: StoredTrailEntry = {
      ...entry,
      gateway: check.clean(entry.gateway),
      sequence: check.cleanWhole(entry.sequence),
      atMs: check.cleanWhole(entry.atMs),
      by: { id: check.clean(entry.by.id), name: check.clean(entry.by.name) },
      to: cleanOrNull(entry.to),
      text: check.clean(entry.text, alertTextBytesMax),
    };
    const key = JSON.stringify([{ gateway: kept.gateway, sequence: kept.sequence }]);
    await sql`update alerts set
        trail = trail || ${JSON.stringify([kept])}::jsonb,
        state = coalesce(${state}::text, state),
        resolution = case when ${state}::text is null then resolution else ${resolution}::text end,
        assignee_id = case when ${isAssigned}::boolean then ${cleanOrNull(assignee?.id ?? null)}::text else assignee_id end,
        assignee_name = case when ${isAssigned}::boolean then ${cleanOrNull(assignee?.name ?? null)}::text else assignee_name end
      where id = ${check.text('id', id)}::text and not trail @> ${key}::jsonb
        and jsonb_array_length(trail) < ${alertTrailMax}::int`.execute(this.#db);
    await this.#notices.shareLive(this.#db, 'alert', [id]);
    this.#notices.announceLive('alert', [id]);
    return this.get(id);
  }

  async countOpen(): Promise<ReadonlyMap<Severity, number>> {
    const rows = await this.#db
      .selectFrom('alerts')
      .select(['severity', sql<number>`count(*)::int8`.as('count')])
      .where('state', 'in', ['open', 'acknowledged'])
      .groupBy('severity')
      .execute();
    return new Map(rows.map(({ severity, count }) => [severity as Severity, count]));
  }

  async purge(beforeMs: number): Promise<number> {
    const deleted = await sql`delete from alerts where id in (
        select id from alerts
        where last_at_ms < ${check.whole('time', beforeMs)} and state in ('resolved', 'suppressed')
        order by first_at_ms limit ${purgeRowsMax}
      )`.execute(this.#db);
    return Number(deleted.numAffectedRows ?? 0n);
  }
}

async function add(transaction: Transaction<Schema>, update: AlertUpdate): Promise<void> {
  const sequence = check.cleanWhole(update.lastSequence);
  await transaction
    .updateTable('alerts')
    .set({
      summary: check.clean(update.summary, alertTextBytesMax),
      count: check.cleanWhole(update.count),
      last_at_ms: check.cleanWhole(update.lastAtMs),
      last_sequence: sequence,
      evidence: evidenceOf(update.evidence),
      facts: factsOf(update.facts),
    })
    .where('id', '=', check.clean(update.id))
    .where('last_sequence', '<=', sequence)
    .where('count', '<=', check.cleanWhole(update.count))
    .execute();
}

function evidenceOf(evidence: readonly number[]): string {
  return JSON.stringify(evidence.slice(0, alertEvidenceMax).map(check.cleanWhole));
}

function factsOf(facts: NewAlert['facts']): string {
  const kept = Object.entries(facts).map(([key, value]) => [
    check.clean(key),
    typeof value === 'string' ? check.clean(value, alertTextBytesMax) : value,
  ]);
  return JSON.stringify(Object.fromEntries(kept));
}
