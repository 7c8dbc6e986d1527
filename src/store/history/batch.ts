/**
 * One batch of history as one call: a function of the database's own, so that the statement is planned once a connection and a batch
 * costs one round trip.
 */
import type { Dictionaries } from './keys.ts';

/** Taken shared by who writes, alone by who deletes. */
export const writingLock = `hashtext('sallyport history writing')`;

/** Columns of `entries` and their types, as `rowOf` names them. Each is an array of its own: nothing is said once a row. */
const entryColumns = {
  at_ms: 'int8',
  part: 'int4',
  sequence: 'int8',
  revision: 'int8',
  actor: 'int8',
  place: 'int8',
  visit: 'int8',
  shape: 'int8',
  fate: 'int8',
  text: 'int8',
  command: 'int8',
  rows: 'int8',
  bytes: 'int8',
  duration_ms: 'int8',
  masked: 'int8',
  live: 'bool',
  type: 'text',
  review: 'text',
} as const;
export const entryNames = Object.keys(entryColumns);

const dictionaryColumns = {
  actors: 'no int8, id text, name text, kind text, groups text[], agents text[]',
  places: 'no int8, resource text, protocol text, labels text[]',
  visits: 'no int8, session text, source text, client text[]',
  touches: 'no int8, kind text, access text, name text',
  shapes: 'no int8, kind text, verb text, fingerprint text, effects text[], touches int8[], complete bool',
  fates: 'no int8, verdict text, judged text, rule text, outcome text, error text',
  texts: 'no int8, text text',
} as const;
export const dictionaryNames = Object.keys(dictionaryColumns) as readonly (keyof Dictionaries)[];

/** $1 the gateway, $2 and $3 the cursor, then the dictionaries as JSON, then the columns of the entries. */
const statement = `with ${dictionaryNames
  .map(
    (name, at) => `${name} as (
    insert into history.${name} select * from json_to_recordset($${at + 4}::json) as d(${dictionaryColumns[name]})
    on conflict do nothing)`,
  )
  .join(', ')},
  written as (
    insert into history.entries as kept (gateway, ${entryNames.join(', ')})
    select $1::int2, * from unnest(${Object.values(entryColumns)
      .map((type, at) => `$${at + 4 + dictionaryNames.length}::${type}[]`)
      .join(', ')})
    on conflict (at_ms, gateway, sequence, part) do update set
      ${entryNames
        .filter((name) => !['at_ms', 'sequence', 'part'].includes(name))
        .map((name) => `${name} = excluded.${name}`)
        .join(', ')}, is_new = false
    where kept.revision <= excluded.revision
    returning kept.is_new)
  update history.gateways set
    entries = entries + (select count(*) from written where is_new),
    at_ms = case when sequence < $2::int8 then $3::int8 else at_ms end,
    sequence = greatest(sequence, $2::int8)
  where no = $1::int2`;

const types = [
  'int2',
  'int8',
  'int8',
  ...dictionaryNames.map(() => 'json'),
  ...Object.values(entryColumns).map((type) => `${type}[]`),
];

/** Made with the tables. */
export const batchFunction = `create function history.put(${types.join(', ')}) returns void language plpgsql as $put$
begin
  perform pg_advisory_xact_lock_shared(${writingLock});
  ${statement};
end $put$`;

/** Its parameters, as a query spells them. */
export const batchCall = `select history.put(${types.map((type, at) => `$${at + 1}::${type}`).join(', ')})`;
