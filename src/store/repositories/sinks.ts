/**
 * How far sinks have come, and their dead letters. The events themselves stay in the journal; here are their sequences.
 *
 * Invariant: what a target or an event says is made to fit, so that nothing of theirs keeps a sink from going on.
 */
import { type Kysely, type Selectable, sql } from 'kysely';
import * as check from '../check.ts';
import { pageRowsMax } from '../limits.ts';
import type { Schema, SinkDeadLettersTable, SinkStandingsTable } from '../schema.ts';
import type {
  DeadLetterChoice,
  DeadLetterCursor,
  JsonObject,
  SinkStanding,
  SinkStandingName,
  Sinks,
  StoredDeadLetter,
} from '../types.ts';

function toStanding(row: Selectable<SinkStandingsTable>): SinkStanding {
  return {
    gateway: row.gateway,
    sink: row.sink,
    sequence: row.sequence,
    standing: row.standing as SinkStandingName,
    sinceMs: row.since_ms,
    problem: row.problem,
    sent: row.sent,
    lastSentAtMs: row.last_sent_at_ms,
    behind: row.behind,
    oldestAtMs: row.oldest_at_ms,
    updatedAtMs: row.updated_at_ms,
  };
}

function toLetter(row: Selectable<SinkDeadLettersTable>): StoredDeadLetter {
  return {
    gateway: row.gateway,
    sink: row.sink,
    sequence: row.sequence,
    type: row.type,
    why: row.why,
    eventAtMs: row.event_at_ms,
    atMs: row.at_ms,
    wanted: row.wanted,
  };
}

export class SinkRepository implements Sinks {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async standings(): Promise<readonly (SinkStanding & { readonly deadLetters: number })[]> {
    const [rows, counts] = await Promise.all([
      this.#db.selectFrom('sink_standings').selectAll().orderBy('sink').orderBy('gateway').execute(),
      this.#db
        .selectFrom('sink_dead_letters')
        .select(['gateway', 'sink', sql<number>`count(*)::int8`.as('letters')])
        .groupBy(['gateway', 'sink'])
        .execute(),
    ]);
    const letters = new Map(counts.map((count) => [`${count.gateway} ${count.sink}`, count.letters]));
    return rows.map((row) => ({ ...toStanding(row), deadLetters: letters.get(`${row.gateway} ${row.sink}`) ?? 0 }));
  }

  async get(gateway: string, sink: string): Promise<SinkStanding | null> {
    const row = await this.#db
      .selectFrom('sink_standings')
      .selectAll()
      .where('gateway', '=', check.text('gateway', gateway))
      .where('sink', '=', check.text('sink', sink))
      .executeTakeFirst();
    return row === undefined ? null : toStanding(row);
  }

  async put(standing: SinkStanding): Promise<void> {
    const { lastSentAtMs, oldestAtMs } = standing;
    const row = {
      sequence: check.whole('sequence', standing.sequence),
      standing: standing.standing,
      since_ms: check.whole('time', standing.sinceMs),
      problem: check.clean(standing.problem),
      sent: check.whole('sent', standing.sent),
      last_sent_at_ms: lastSentAtMs === null ? null : check.whole('time', lastSentAtMs),
      behind: check.whole('behind', standing.behind),
      oldest_at_ms: oldestAtMs === null ? null : check.whole('time', oldestAtMs),
      updated_at_ms: check.whole('time', standing.updatedAtMs),
    };
    await this.#db
      .insertInto('sink_standings')
      .values({ gateway: check.name('gateway', standing.gateway), sink: check.name('sink', standing.sink), ...row })
      .onConflict((conflict) => conflict.columns(['gateway', 'sink']).doUpdateSet(row))
      .execute();
  }

  async delete(gateway: string, sink: string): Promise<void> {
    check.text('gateway', gateway);
    check.text('sink', sink);
    await this.#db.transaction().execute(async (transaction) => {
      for (const table of ['sink_standings', 'sink_dead_letters'] as const) {
        await transaction.deleteFrom(table).where('gateway', '=', gateway).where('sink', '=', sink).execute();
      }
    });
  }

  async addDeadLetters(letters: readonly StoredDeadLetter[], most: number): Promise<boolean> {
    const [first] = letters;
    if (first === undefined) return true;
    check.batch(letters.length);
    const rows = letters.map((letter) => ({
      gateway: check.name('gateway', letter.gateway),
      sink: check.name('sink', letter.sink),
      sequence: check.whole('sequence', letter.sequence),
      type: check.clean(letter.type),
      why: check.clean(letter.why),
      event_at_ms: check.whole('time', letter.eventAtMs),
      at_ms: check.whole('time', letter.atMs),
      wanted: null,
    }));
    return this.#db.transaction().execute(async (transaction) => {
      const added = await transaction
        .insertInto('sink_dead_letters')
        .values(rows)
        .onConflict((conflict) => conflict.columns(['sink', 'gateway', 'sequence']).doNothing())
        .returning('sequence')
        .execute();
      const { count } = await transaction
        .selectFrom('sink_dead_letters')
        .select(sql<number>`count(*)::int8`.as('count'))
        .where('sink', '=', first.sink)
        .where('gateway', '=', first.gateway)
        .executeTakeFirstOrThrow();
      if (count <= most || added.length === 0) return true;
      await transaction
        .deleteFrom('sink_dead_letters')
        .where('sink', '=', first.sink)
        .where('gateway', '=', first.gateway)
        .where(
          'sequence',
          'in',
          added.map(({ sequence }) => sequence),
        )
        .execute();
      return false;
    });
  }

  async deadLetters(
    choice: DeadLetterChoice,
    page: { readonly limit: number; readonly after?: DeadLetterCursor | null },
  ): Promise<readonly StoredDeadLetter[]> {
    let query = this.#db
      .selectFrom('sink_dead_letters')
      .selectAll()
      .where(chosen(choice))
      .orderBy('gateway')
      .orderBy('sequence')
      .limit(check.limit(page.limit));
    const { after } = page;
    if (after !== undefined && after !== null) {
      query = query.where(
        sql<boolean>`(gateway, sequence) > (${check.text('gateway', after.gateway)}::text, ${check.whole('sequence', after.sequence)}::int8)`,
      );
    }
    return (await query.execute()).map(toLetter);
  }

  async wantDeadLetters(choice: DeadLetterChoice, by: JsonObject): Promise<number> {
    const { numUpdatedRows } = await this.#db
      .updateTable('sink_dead_letters')
      .set({ wanted: check.document('by', by) })
      .where(chosen(choice))
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  async wantedDeadLetters(gateway: string, sink: string, limit: number): Promise<readonly StoredDeadLetter[]> {
    const rows = await this.#db
      .selectFrom('sink_dead_letters')
      .selectAll()
      .where(chosen({ gateway, sink }))
      .where('wanted', 'is not', null)
      .orderBy('sequence')
      .limit(check.limit(limit))
      .execute();
    return rows.map(toLetter);
  }

  async refuseDeadLetter(gateway: string, sink: string, sequence: number, why: string, atMs: number): Promise<void> {
    await this.#db
      .updateTable('sink_dead_letters')
      .set({ wanted: null, why: check.clean(why), at_ms: check.whole('time', atMs) })
      .where(chosen({ gateway, sink, sequence }))
      .execute();
  }

  async deleteDeadLetters(
    choice: DeadLetterChoice,
  ): Promise<readonly { readonly gateway: string; readonly sequence: number }[]> {
    const first = await this.deadLetters(choice, { limit: pageRowsMax });
    const last = first.at(-1);
    if (last === undefined) return [];
    const rows = await this.#db
      .deleteFrom('sink_dead_letters')
      .where(chosen(choice))
      .where(sql<boolean>`(gateway, sequence) <= (${last.gateway}::text, ${last.sequence}::int8)`)
      .returning(['gateway', 'sequence'])
      .execute();
    return rows.sort((one, other) => one.sequence - other.sequence);
  }

  async oldestDeadLetters(gateway: string): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#db
      .selectFrom('sink_dead_letters')
      .select(['sink', sql<number>`min(sequence)`.as('oldest')])
      .where('gateway', '=', check.text('gateway', gateway))
      .groupBy('sink')
      .execute();
    return new Map(rows.map(({ sink, oldest }) => [sink, oldest]));
  }
}

function chosen({ sink, gateway, sequence }: DeadLetterChoice) {
  const conditions = [sql<boolean>`sink = ${check.text('sink', sink)}`];
  if (gateway !== undefined) conditions.push(sql<boolean>`gateway = ${check.text('gateway', gateway)}`);
  if (sequence !== undefined) conditions.push(sql<boolean>`sequence = ${check.whole('sequence', sequence)}::int8`);
  return sql<boolean>`(${sql.join(conditions, sql` and `)})`;
}
