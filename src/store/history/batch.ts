/**
 * One batch of history as one call: a function of the database's own, so that the statement is planned once a connection and a batch
 * costs one round trip.
 */

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

/** Dictionaries whose rows are written as they come. */
const plainColumns = {
  actors: 'no int8, id text, name text, kind text, groups text[], agents text[]',
  places: 'no int8, resource text, protocol text, labels text[]',
  visits: 'no int8, session text, source text, client text[]',
  touches: 'no int8, kind text, access text, name text',
  shapes: 'no int8, kind text, verb text, fingerprint text, effects text[], touches int8[], complete bool',
  fates: 'no int8, verdict text, judged text, rule text, outcome text, error text',
} as const;
export const plainNames = Object.keys(plainColumns) as readonly (keyof typeof plainColumns)[];

/** Behind $1 the gateway, $2 and $3 the cursor, $4 the epoch, $5 what ended: dictionaries, texts and sheets as JSON, then columns. */
const firstDictionary = 6;
const textsAt = firstDictionary + plainNames.length;
const firstColumn = textsAt + 2;

const dictionaries = plainNames.map(
  (name, at) => `${name} as (
    insert into history.${name} select * from json_to_recordset($${at + firstDictionary}::json) as d(${plainColumns[name]})
    on conflict do nothing)`,
);

const statement = `with ${dictionaries.join(', ')},
  texts as (
    insert into history.texts (no, sheet, words, text)
    select no, sheet, strip(to_tsvector('simple'::regconfig, words)), text
    from json_to_recordset($${textsAt}::json) as d(no int8, sheet int8, words text, text text)
    on conflict do nothing returning sheet),
  sheets as (
    insert into history.sheets
    select no, grams from json_to_recordset($${textsAt + 1}::json) as d(no int8, grams int4[])
    where no in (select sheet from texts)),
  written as (
    insert into history.entries as kept (gateway, ${entryNames.join(', ')})
    select $1::int2, * from unnest(${Object.values(entryColumns)
      .map((type, at) => `$${at + firstColumn}::${type}[]`)
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

/** What was still under way in sessions that are over did not finish: nothing will say so any more. */
const ending = `with over as (select * from json_to_recordset($5::json) as o(session text, sequence int8))
  update history.entries e set live = false, revision = over.sequence
  from over join history.visits v on v.session = over.session
  where e.visit = v.no and e.gateway = $1::int2 and e.live and e.revision < over.sequence`;

const types = [
  'int2',
  'int8',
  'int8',
  'int8',
  'json',
  ...plainNames.map(() => 'json'),
  'json',
  'json',
  ...Object.values(entryColumns).map((type) => `${type}[]`),
];

/** Made with the tables. Answers the epoch; where that is not the one that was expected, nothing was written. */
export const batchFunction = `create function history.put(${types.join(', ')}) returns int8 language plpgsql as $put$
declare
  now_is int8;
begin
  perform pg_advisory_xact_lock_shared(${writingLock});
  select epoch into now_is from history.about;
  if now_is = $4 then
    ${statement};
    if $5 is not null then
      ${ending};
    end if;
  end if;
  return now_is;
end $put$`;

/** Its parameters, as a query spells them. */
export const batchCall = `select history.put(${types.map((type, at) => `$${at + 1}::${type}`).join(', ')}) as epoch`;
