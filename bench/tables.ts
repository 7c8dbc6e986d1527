/**
 * The two tables of the masking workloads: `bulk_pii`, in which every text holds personal data, and `bulk_clean`, the
 * same columns and the same lengths value by value, in words.
 *
 * Both have the same column names, which name no kind of data: detectors weigh names, and the rows are to differ by
 * content alone. The data is made up and the same in every run; card numbers have a valid check digit and e-mail
 * addresses are in a domain reserved for examples.
 */
import type { PostgresServer } from '../test/servers/postgres.ts';

export const bulkColumns = ['id', 'a', 'b', 'c', 'd'] as const;

/** What the Mask of `sallyport-masked` covers: the addresses and the cards. */
export const maskedColumns = ['public.bulk_pii.b', 'public.bulk_pii.c'] as const;

/** Rows of one INSERT: some hundred kilobytes. */
const rowsPerInsert = 5_000;
const seed = 20_240_607;

const firstNames = ['Amelia', 'Björn', 'Carmen', 'Dmitri', 'Esther', 'Farid', 'Giulia', 'Henrik', 'Ines', 'Jonas'];
const lastNames = ['Abbott', 'Bergmann', 'Castillo', 'Dubois', 'Eriksson', 'Fischer', 'Gallagher', 'Hoffmann'];
const words = ['amber', 'basket', 'candle', 'driftwood', 'engine', 'forest', 'garden', 'harbour', 'island', 'jacket'];

/** Texts of one row, column by column, from `a` on. */
export type Row = readonly [string, string, string, string];

/** The rows of both, the same ones each time. */
export function bulkRowsOf(rows: number): { readonly dense: readonly Row[]; readonly clean: readonly Row[] } {
  const random = generator(seed);
  const dense = Array.from({ length: rows }, () => personal(random));
  const clean = dense.map((row) => row.map((text) => plain(text.length, random)) as unknown as Row);
  return { dense, clean };
}

/** Creates and fills both, as the superuser, and lets the server's user read them. */
export async function createBulkTables(server: PostgresServer, rows: number): Promise<void> {
  const { dense, clean } = bulkRowsOf(rows);
  await fill(server, 'bulk_pii', dense);
  await fill(server, 'bulk_clean', clean);
}

async function fill(server: PostgresServer, table: string, rows: readonly Row[]): Promise<void> {
  await server.query(`create table ${table} (id int primary key, a text, b text, c text, d text)`);
  await server.query(`grant select on ${table} to "${server.user}"`);
  for (let from = 0; from < rows.length; from += rowsPerInsert) {
    const part = rows.slice(from, from + rowsPerInsert);
    const texts = [0, 1, 2, 3].map((column) => part.map((row) => row[column]));
    await server.query(
      `insert into ${table} select $1::int + n, a, b, c, d
         from unnest($2::text[], $3::text[], $4::text[], $5::text[]) with ordinality as t (a, b, c, d, n)`,
      [from, ...texts],
    );
  }
}

function personal(random: () => number): Row {
  const first = pick(firstNames, random);
  const last = pick(lastNames, random);
  const email = `${first}.${last}${Math.floor(random() * 10_000)}@example.com`.toLowerCase().replace('ö', 'oe');
  const card = cardNumber(random);
  const note = `${pick(words, random)} for ${first} ${last}, ${email}, paid with ${card.replace(/(.{4})(?=.)/g, '$1 ')}`;
  return [`${first} ${last}`, email, card, note];
}

/** Sixteen digits, the last of which is the check digit (ISO/IEC 7812-1). */
function cardNumber(random: () => number): string {
  const digits = [4, ...Array.from({ length: 14 }, () => Math.floor(random() * 10))];
  let sum = 0;
  for (const [index, digit] of digits.entries()) {
    const doubled = index % 2 === 0 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return [...digits, (10 - (sum % 10)) % 10].join('');
}

/** Words, cut at `length` characters. */
function plain(length: number, random: () => number): string {
  let text = '';
  while (text.length < length) text += `${text === '' ? '' : ' '}${pick(words, random)}`;
  return text.slice(0, length);
}

function pick(from: readonly string[], random: () => number): string {
  return from[Math.floor(random() * from.length)]!;
}

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function generator(state: number): () => number {
  let current = state;
  return () => {
    current = (current + 0x6d2b79f5) | 0;
    let mixed = Math.imul(current ^ (current >>> 15), 1 | current);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
