/**
 * A history to search: commands of a company of some two hundred people and machines over ninety days, seeded.
 *
 * A few people do most; a few tables are read most; texts differ in their constants, as those of real clients do. Some things are
 * rare on purpose, and some happened only once: those are what is looked for.
 */
import type { HistoryEntry } from '../src/core/history.ts';

export const benchGateway = 'bench';
export const dayMs = 86_400_000;

/** Wall clock of the first entry. */
export const beginMs = Date.UTC(2026, 6, 1);
export const days = 90;

const people = 200;
const resources = 40;
const tables = 300;

export function random(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

/** `count` entries in order of time, one at a time, so that a million need no memory. */
export function* entriesOf(count: number, seed = 20261121): Generator<HistoryEntry> {
  const next = random(seed);
  /** Small numbers often, large ones rarely. */
  const skewed = (below: number): number => Math.floor(next() ** 3 * below);
  for (let at = 0; at < count; at++) {
    const person = skewed(people);
    const resource = skewed(resources);
    const table = `public.table_${skewed(tables)}`;
    const kind = at % 10;
    const base = {
      sequence: at * 2 + 1,
      part: 0,
      revision: at * 2 + 2,
      type: 'command' as const,
      atMs: beginMs + Math.floor((at * days * dayMs) / count),
      // Sessions of some eighty commands.
      session: `ses_${String(Math.floor(at / 4000) * 50 + (at % 50)).padStart(26, '0')}`,
      command: Math.floor(at / 50) % 80,
      principal: { id: `pri_${person}`, name: `person-${person}`, kind: person % 7 === 0 ? 'service' : 'person' },
      groups: [`team-${person % 12}`],
      agents: person % 9 === 0 ? ['assistant'] : [],
      source: `192.0.2.${person % 250}`,
      client: ['application_name=psql'],
      verdict: 'allow',
      judged: 'allow',
      rule: 'standing',
      outcome: 'completed',
      error: null,
      complete: true,
      rows: skewed(5000),
      bytes: skewed(1_000_000),
      durationMs: skewed(4000),
      masked: null,
      review: null,
      live: false,
    };
    const labels = { env: resource % 3 === 0 ? 'prod' : 'test' };
    if (kind < 7)
      yield { ...base, ...sqlOf(at, table, next), resource: `database-${resource}`, labels, protocol: 'postgres' };
    else if (kind < 9)
      yield { ...base, ...shellOf(at, next), resource: `machine-${resource}`, labels, protocol: 'ssh' };
    else yield { ...base, ...httpOf(at, next), resource: `service-${resource}`, labels, protocol: 'http' };
  }
}

type Meaning = Pick<HistoryEntry, 'kind' | 'verb' | 'text' | 'effects' | 'touches' | 'fingerprint'> &
  Partial<HistoryEntry>;

function sqlOf(at: number, table: string, next: () => number): Meaning {
  // Ten in a million: what somebody wants to find.
  if (at % 100_000 === 77_773) {
    return {
      kind: 'sql',
      verb: 'drop',
      text: `drop table ${table}_old cascade`,
      effects: ['drop'],
      touches: [['table', 'write', `${table}_old`]],
      fingerprint: 'd0d0d0d0d0d0d0d0',
      verdict: 'block',
      judged: 'block',
      rule: 'no-destructive-sql',
      outcome: 'refused',
      error: '42501',
    };
  }
  // Some in a thousand read what is secret, and three of ten of these are held.
  if (at % 1000 < 3) {
    const held = at % 10 < 3;
    return {
      kind: 'sql',
      verb: 'select',
      text: `select name, ssn from public.customers where id = ${Math.floor(next() * 1e6)}`,
      effects: ['read'],
      touches: [
        ['table', 'read', 'public.customers'],
        ['column', 'read', 'public.customers.name'],
        ['column', 'read', 'public.customers.ssn'],
        ['column', 'steer', 'public.customers.id'],
      ],
      fingerprint: 'c0c0c0c0c0c0c0c0',
      ...(held ? { judged: 'hold', rule: 'ask-first', review: `rev_${at}` } : {}),
    };
  }
  const isWrite = at % 11 === 0;
  const key = Math.floor(next() * 1e7);
  return {
    kind: 'sql',
    verb: isWrite ? 'update' : 'select',
    text: isWrite
      ? `update ${table} set state = 'shipped', changed_at = now() where order_id = ${key} and state <> 'shipped'`
      : `select id, state, total from ${table} where order_id = ${key} order by created_at desc limit 20`,
    effects: [isWrite ? 'update' : 'read'],
    touches: [
      ['table', isWrite ? 'write' : 'read', table],
      ['column', isWrite ? 'write' : 'read', `${table}.state`],
      ['column', 'steer', `${table}.order_id`],
    ],
    fingerprint: `${isWrite ? 'u' : 's'}${table}`,
  };
}

function shellOf(at: number, next: () => number): Meaning {
  const path = `/var/log/app-${Math.floor(next() * 40)}/worker-${Math.floor(next() * 200)}.log`;
  const isRead = at % 5 !== 0;
  return {
    kind: 'shell',
    verb: isRead ? 'grep' : 'systemctl',
    text: isRead ? `grep -n "error ${Math.floor(next() * 1e6)}" ${path}` : 'systemctl restart worker',
    effects: [isRead ? 'read' : 'execute'],
    touches: isRead
      ? [
          ['program', 'use', 'grep'],
          ['path', 'read', path],
        ]
      : [['program', 'use', 'systemctl']],
    fingerprint: isRead ? 'grep' : 'systemctl',
  };
}

function httpOf(at: number, next: () => number): Meaning {
  const id = Math.floor(next() * 1e5);
  const isRead = at % 3 !== 0;
  const method = isRead ? 'GET' : 'POST';
  return {
    kind: 'http',
    verb: method,
    text: `${method} /api/v1/orders/${id}`,
    effects: [isRead ? 'read' : 'write'],
    touches: [
      ['route', isRead ? 'read' : 'write', `${method} /api/v1/orders/{}`],
      ['path', isRead ? 'read' : 'write', `/api/v1/orders/${id}`],
    ],
    fingerprint: `orders-${method}`,
  };
}
