/** Rows of history as hits: dictionaries joined in, for the few rows of a page. */
import { type RawBuilder, sql } from 'kysely';
import type { SearchHit } from '../../core/search.ts';

export interface HitRow {
  readonly at_ms: number;
  readonly gateway_no: number;
  readonly sequence: number;
  readonly part: number;
  readonly gateway: string;
  readonly type: SearchHit['type'];
  readonly command: number | null;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly duration_ms: number | null;
  readonly masked: number | null;
  readonly review: string | null;
  readonly live: boolean;
  readonly principal_id: string | null;
  readonly principal_name: string | null;
  readonly principal_kind: string | null;
  readonly agents: readonly string[] | null;
  readonly resource: string | null;
  readonly protocol: string | null;
  readonly session: string | null;
  readonly source: string | null;
  readonly kind: string | null;
  readonly verb: string | null;
  readonly fingerprint: string | null;
  readonly effects: readonly string[];
  readonly touches: readonly (readonly [string, string, string])[];
  readonly complete: boolean;
  readonly verdict: string | null;
  readonly judged: string | null;
  readonly rule: string | null;
  readonly outcome: string | null;
  readonly error: string | null;
  readonly text: string;
}

/** The rows that `chosen` (a query on `history.entries`) answers, whole; in no order. */
export function whole(chosen: RawBuilder<unknown>): RawBuilder<HitRow> {
  return sql<HitRow>`select e.at_ms, e.gateway as gateway_no, e.sequence, e.part, g.name as gateway, e.type, e.command, e.rows,
      e.bytes, e.duration_ms, e.masked, e.review, e.live,
      a.id as principal_id, a.name as principal_name, a.kind as principal_kind, to_jsonb(a.agents) as agents,
      p.resource, p.protocol, v.session, v.source,
      s.kind, s.verb, s.fingerprint, to_jsonb(s.effects) as effects, s.complete,
      coalesce((select jsonb_agg(jsonb_build_array(t.kind, t.access, t.name) order by one.at)
        from unnest(s.touches) with ordinality as one(no, at) join history.touches t on t.no = one.no), '[]') as touches,
      f.verdict, f.judged, f.rule, f.outcome, f.error, x.text
    from (${chosen}) e
    join history.gateways g on g.no = e.gateway
    join history.shapes s on s.no = e.shape
    join history.fates f on f.no = e.fate
    join history.texts x on x.no = e.text
    left join history.actors a on a.no = e.actor
    left join history.places p on p.no = e.place
    left join history.visits v on v.no = e.visit`;
}

export function hitOf(row: HitRow): SearchHit {
  const { principal_id, principal_name, principal_kind } = row;
  return {
    id: row.part === 0 ? `${row.gateway}:${row.sequence}` : `${row.gateway}:${row.sequence}.${row.part}`,
    gateway: row.gateway,
    sequence: row.sequence,
    type: row.type,
    atMs: row.at_ms,
    session: row.session,
    command: row.command,
    principal:
      principal_id === null ? null : { id: principal_id, name: principal_name ?? '', kind: principal_kind ?? '' },
    agents: row.agents ?? [],
    resource: row.resource,
    protocol: row.protocol,
    source: row.source,
    kind: row.kind as SearchHit['kind'],
    verb: row.verb,
    text: row.text,
    verdict: row.verdict,
    judged: row.judged,
    rule: row.rule,
    outcome: row.outcome,
    error: row.error,
    effects: row.effects,
    touches: row.touches,
    fingerprint: row.fingerprint,
    complete: row.complete,
    rows: row.rows,
    bytes: row.bytes,
    durationMs: row.duration_ms,
    masked: row.masked,
    review: row.review,
    live: row.live,
  };
}
