/**
 * From an entry to its row: what repeats goes to dictionaries, under a keyed hash of itself.
 *
 * Invariants: the same value has the same number in every batch and after a rebuild with the same key; whoever does not know the
 * key cannot make two texts share a number, so nothing shows as another (the key stands in the index and nowhere else);
 * what comes from clients is made to fit, never a reason to stop (A-REC-02).
 */
import { hash } from 'node:crypto';
import type { HistoryEntry } from '../../core/history.ts';
import * as check from '../check.ts';
import { historyListMax, historyTextBytesMax, historyWordBytesMax } from '../limits.ts';

/** Rows of dictionaries by their number, ready to be written as JSON; of texts, what they become is made later (grams.ts). */
export type Rows = Map<string, Readonly<Record<string, unknown>>>;

export interface Dictionaries {
  readonly actors: Rows;
  readonly places: Rows;
  readonly visits: Rows;
  readonly touches: Rows;
  readonly shapes: Rows;
  readonly fates: Rows;
  readonly texts: Rows;
}

export function noDictionaries(): Dictionaries {
  return {
    actors: new Map(),
    places: new Map(),
    visits: new Map(),
    touches: new Map(),
    shapes: new Map(),
    fates: new Map(),
    texts: new Map(),
  };
}

/** Values whose numbers are remembered: they come again and again, and hashing costs most here. */
const keptMax = 20_000;

type Columns = Readonly<Record<string, unknown>>;
interface Kept {
  readonly no: string;
  readonly row: Columns;
}

export class Keys {
  readonly #key: string;
  readonly #kept = new Map<string, Kept>();

  constructor(key: string) {
    this.#key = key;
  }

  /** The row of a value by what it is told by; made where it was not met, or long ago. */
  row(dictionary: keyof Dictionaries, mark: string, columns: () => Columns): Kept {
    const name = `${dictionary}\0${mark}`;
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    if (this.#kept.size >= keptMax) this.#kept.clear();
    const made = this.make(dictionary, columns());
    this.#kept.set(name, made);
    return made;
  }

  /** The row of a value with its number: 64 bits of a keyed hash, as PostgreSQL writes an int8. */
  make(dictionary: keyof Dictionaries, columns: Columns): Kept {
    const value = JSON.stringify([this.#key, dictionary, ...Object.values(columns)]);
    const no = hash('sha256', value, 'buffer').readBigInt64BE(0).toString();
    return { no, row: { no, ...columns } };
  }
}

/** The row of an entry; what it refers to is added to `into`. */
export function rowOf(entry: HistoryEntry, keys: Keys, into: Dictionaries): Columns {
  const put = (dictionary: keyof Dictionaries, { no, row }: Kept): string => {
    const rows = into[dictionary];
    if (!rows.has(no)) rows.set(no, row);
    return no;
  };
  const { principal, groups, agents, resource, protocol, labels, session, source, client } = entry;
  const isPlaced = resource !== null || protocol !== null;
  const isVisit = session !== null || source !== null;
  const shape = shapeOf(entry, keys, put);
  return {
    at_ms: check.cleanWhole(entry.atMs),
    part: entry.part,
    sequence: entry.sequence,
    revision: entry.revision,
    actor:
      principal === null
        ? null
        : put(
            'actors',
            keys.row(
              'actors',
              markOf(principal.id, principal.name, principal.kind, String(groups.length), ...groups, ...agents),
              () => ({
                id: word(principal.id),
                name: word(principal.name),
                kind: word(principal.kind),
                groups: words(groups),
                agents: words(agents),
              }),
            ),
          ),
    place: isPlaced
      ? put(
          'places',
          keys.row('places', markOf(resource, protocol, ...Object.entries(labels).flat()), () => ({
            resource: wordOrNull(resource),
            protocol: wordOrNull(protocol),
            labels: words(Object.entries(labels).map(([name, value]) => `${name}=${value}`)),
          })),
        )
      : null,
    visit: isVisit
      ? put(
          'visits',
          keys.row('visits', markOf(session, source, ...client), () => ({
            session: wordOrNull(session),
            source: wordOrNull(source),
            client: words(client),
          })),
        )
      : null,
    shape,
    fate: put(
      'fates',
      keys.row('fates', markOf(entry.verdict, entry.judged, entry.rule, entry.outcome, entry.error), () => ({
        verdict: wordOrNull(entry.verdict),
        judged: wordOrNull(entry.judged),
        rule: wordOrNull(entry.rule),
        outcome: wordOrNull(entry.outcome),
        error: wordOrNull(entry.error),
      })),
    ),
    text: put('texts', textOf(entry.text, shape, keys)),
    command: wholeOrNull(entry.command),
    rows: wholeOrNull(entry.rows),
    bytes: wholeOrNull(entry.bytes),
    duration_ms: wholeOrNull(entry.durationMs),
    masked: wholeOrNull(entry.masked),
    live: entry.live,
    type: entry.type,
    review: wordOrNull(entry.review),
  };
}

/** With its shape, which is no part of its number. */
function textOf(text: string, shape: string, keys: Keys): Kept {
  const { no, row } = keys.make('texts', { text: check.clean(text, historyTextBytesMax) });
  return { no, row: { ...row, shape } };
}

function shapeOf(entry: HistoryEntry, keys: Keys, put: (dictionary: keyof Dictionaries, kept: Kept) => string): string {
  const { kind, verb, fingerprint, effects, touches, complete } = entry;
  // What is touched is put whether or not the shape was met before: deleting may have taken it meanwhile.
  const touched = touches.slice(0, historyListMax).map((touch) =>
    put(
      'touches',
      keys.row('touches', markOf(...touch), () => ({
        kind: word(touch[0]),
        access: word(touch[1]),
        name: word(touch[2]),
      })),
    ),
  );
  const mark = markOf(kind, verb, fingerprint, complete ? '+' : '-', String(effects.length), ...effects, ...touched);
  return put(
    'shapes',
    keys.row('shapes', mark, () => ({
      kind: wordOrNull(kind),
      verb: wordOrNull(verb),
      fingerprint: wordOrNull(fingerprint),
      effects: words(effects),
      touches: touched,
      complete,
    })),
  );
}

/** What tells values apart: each with its length, so that no two lists look alike. */
function markOf(...values: readonly (string | null)[]): string {
  let mark = '';
  for (const value of values) mark += value === null ? '-;' : `${value.length};${value}`;
  return mark;
}

function word(value: string): string {
  return check.clean(value, historyWordBytesMax);
}

function wordOrNull(value: string | null): string | null {
  return value === null ? null : word(value);
}

function words(values: readonly string[]): readonly string[] {
  return values.slice(0, historyListMax).map(word);
}

function wholeOrNull(value: number | null): number | null {
  return value === null ? null : check.cleanWhole(value);
}
