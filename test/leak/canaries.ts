/**
 * What must never reach a client: a value of its own in every cell of every masked column, and the ways to find one again
 * in bytes, however it was spelled.
 *
 * Deliberately absent: anything of the gateway's. This is what an outsider would look for.
 */
import { Buffer } from 'node:buffer';

/** One masked cell. */
export interface Canary {
  readonly column: string;
  readonly row: number;
  /** As PostgreSQL spells it. */
  readonly text: string;
  /** What to look for: the parts of the spelling that carry the secret. */
  readonly needles: readonly Buffer[];
}

/** A small generator with a fixed seed: the canaries are the same in every run. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export const rows = 5;
export const maskedColumns = ['ssn', 'card', 'email', 'salary', 'rate', 'born', 'key', 'doc', 'photo', 'tags'] as const;

/** The canaries, and the SQL that puts them into `people`. */
export function plant(): { readonly canaries: readonly Canary[]; readonly seed: string } {
  const next = random(20_261_121);
  const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
  const word = (): string => Array.from({ length: 12 }, () => letters[Math.floor(next() * letters.length)]).join('');
  const digits = (count: number): string =>
    `${1 + Math.floor(next() * 9)}${Array.from({ length: count - 1 }, () => Math.floor(next() * 10)).join('')}`;
  const canaries: Canary[] = [];
  const inserts: string[] = [];
  for (let row = 1; row <= rows; row++) {
    const add = (column: string, text: string, needles: readonly Buffer[]): string => {
      canaries.push({ column, row, text, needles });
      return `'${text}'`;
    };
    const plain = (column: string, text: string, secret = text): string => add(column, text, spellings(secret));
    const mailbox = word();
    const salary = digits(9);
    const rate = `${digits(6)}.${digits(4)}`;
    const born = `${1921 + row * 3}-0${1 + Math.floor(next() * 8)}-${11 + Math.floor(next() * 17)}`;
    const key = `${hex(next, 8)}-${hex(next, 4)}-4${hex(next, 3)}-a${hex(next, 3)}-${hex(next, 12)}`;
    const docSecret = word();
    const photoSecret = word();
    const tag = word();
    const cells = [
      String(row),
      `'person ${row}'`,
      plain('ssn', word()),
      plain('card', word()),
      plain('email', `${mailbox}@example.net`, mailbox),
      add('salary', salary, [...spellings(salary), int8(BigInt(salary)), numeric(salary)]),
      add('rate', rate, [...spellings(rate), numeric(rate)]),
      add('born', born, [...spellings(born), ...spellings(born.replaceAll('-', '')), ...dates(born)]),
      add('key', key, [...spellings(key), Buffer.from(key.replaceAll('-', ''), 'hex')]),
      add('doc', `{"note": "${docSecret}"}`, spellings(docSecret)),
      add('photo', `\\x${Buffer.from(photoSecret).toString('hex')}`, spellings(photoSecret)),
      add('tags', `{${tag},ok}`, spellings(tag)),
    ];
    inserts.push(`(${cells.join(', ')})`);
  }
  const seed = `
    create table people (
      id int4 primary key, name text not null, ssn text unique, card varchar(24), email text, salary int8, rate numeric,
      born date, key uuid, doc jsonb, photo bytea, tags text[], check (salary > 0));
    create table visits (id int4 primary key, person int4 references people, place text);
    create table diary (id serial primary key, note text);
    insert into people values ${inserts.join(', ')};
    insert into visits select id, id, 'place ' || id from people;
    create view people_view as select id, name, ssn as number, card as c, email, salary s, doc d from people;
    create view people_wide as select p.*, v.place from people p join visits v on v.person = p.id;
    create materialized view people_copy as select id, ssn || '' as joined from people;
    create function peek(n int) returns text language sql stable as 'select ssn from people where id = n';
    create function shout(t text) returns text language plpgsql immutable as 'begin return upper(t); end';
    create function leak_by_notice() returns void language plpgsql as
      $$begin raise notice 'ssn %', (select ssn from people limit 1); end$$;
    create type pair as (a text, b text);
    create table people_child () inherits (people);
    insert into people_child select id + 100, name, null, null, null, 1, 1, null, null, null, null, null from people where id = 1;
    analyze people;
    grant all on all tables in schema public to public;
    grant all on all sequences in schema public to public;
    grant create on schema public to public;`;
  return { canaries, seed };
}

function hex(next: () => number, count: number): string {
  return Array.from({ length: count }, () => Math.floor(next() * 16).toString(16)).join('');
}

/** All the ways of one text that are looked for in bytes as they come. */
export function spellings(text: string): Buffer[] {
  if (text === '') return [];
  const raw = Buffer.from(text);
  const reversed = [...text].reverse().join('');
  const found = new Set<string>();
  for (const one of [text, text.toLowerCase(), text.toUpperCase(), reversed, reversed.toLowerCase()]) found.add(one);
  found.add(raw.toString('hex'));
  found.add(raw.toString('hex').toUpperCase());
  // In base64 a text looks different at each of three alignments; its middle is the same whatever stands around it.
  for (let lead = 0; lead < 3; lead++) {
    const encoded = Buffer.concat([Buffer.alloc(lead), raw])
      .toString('base64')
      .replaceAll('=', '');
    found.add(encoded.slice(lead === 0 ? 0 : 4, encoded.length - 2));
  }
  return [...found].filter((spelling) => spelling.length >= 6).map((spelling) => Buffer.from(spelling));
}

function int8(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer;
}

/** A cell of type date, its length before it, and a timestamp: days and microseconds since 2000. */
function dates(text: string): Buffer[] {
  const days = (Date.parse(text) - Date.UTC(2000, 0, 1)) / 86_400_000;
  const cell = Buffer.alloc(8);
  cell.writeInt32BE(4, 0);
  cell.writeInt32BE(days, 4);
  return [cell, int8(BigInt(days) * 86_400_000_000n)];
}

/** The digits of a numeric in the binary format: base 10,000, two bytes each. */
function numeric(text: string): Buffer {
  const [whole = '', fraction = ''] = text.split('.');
  const padded =
    whole.padStart(Math.ceil(whole.length / 4) * 4, '0') + fraction.padEnd(Math.ceil(fraction.length / 4) * 4, '0');
  const groups = padded.match(/.{4}/g) ?? [];
  const buffer = Buffer.alloc(groups.length * 2);
  for (const [index, group] of groups.entries()) buffer.writeUInt16BE(Number(group), index * 2);
  return buffer;
}

/** A canary that these bytes, or the cells within them, carry in any form; null where there is none. */
export function findLeak(received: Buffer, canaries: readonly Canary[]): { canary: Canary; how: string } | null {
  for (const canary of canaries) {
    for (const needle of canary.needles) if (received.includes(needle)) return { canary, how: 'as bytes' };
  }
  // Split over cells, rows or separators: what is left of the cells, in order of rows and of columns.
  const cells = cellsOf(received);
  const byRow = cells.map((row) => row.map((cell) => cell.toString('latin1')).join('')).join('');
  const width = Math.max(0, ...cells.map((row) => row.length));
  const byColumn = Array.from({ length: width }, (_, column) =>
    cells.map((row) => row[column]?.toString('latin1') ?? '').join(''),
  ).join('');
  const squashed = [byRow, byColumn].map((text) => text.toUpperCase().replace(/[^A-Z0-9]/g, ''));
  for (const canary of canaries) {
    for (const needle of canary.needles) {
      const wanted = needle
        .toString('latin1')
        .toUpperCase()
        .replace(/[^A-Z0-9]/g, '');
      if (wanted.length < 8) continue;
      for (const text of squashed) if (text.includes(wanted)) return { canary, how: 'piece by piece' };
    }
  }
  return null;
}

/** Cells of the DataRow messages, and the bodies of CopyData, in a run of whole backend messages. */
export function cellsOf(received: Buffer): Buffer[][] {
  const result: Buffer[][] = [];
  for (let at = 0; at + 5 <= received.length; ) {
    const type = received[at];
    const length = received.readInt32BE(at + 1);
    const body = received.subarray(at + 5, at + 1 + length);
    if (type === 0x64) result.push([body]);
    if (type === 0x44) {
      const row: Buffer[] = [];
      let offset = 2;
      for (let n = body.readInt16BE(0); n > 0; n--) {
        const size = body.readInt32BE(offset);
        offset += 4;
        if (size < 0) continue;
        row.push(body.subarray(offset, offset + size));
        offset += size;
      }
      result.push(row);
    }
    at += 1 + length;
  }
  return result;
}
