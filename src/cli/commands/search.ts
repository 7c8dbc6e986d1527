/** `sallyport search`, `search export`: what happened, asked in one line. */
import { resolve as resolvePath } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { contractFacets, type FacetName, searchExportFormats } from '../../api/contract/index.ts';
import { escapeText } from '../../base/escape.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { writeWhole } from '../files.ts';
import { startSpinner } from '../output/progress.ts';
import { byteSize, groupDigits } from '../output/time.ts';
import {
  type Found,
  facetTable,
  find,
  hitColumns,
  hitRow,
  hitsDefault,
  hitsMax,
  placedInQuery,
  placeOf,
  queryOf,
} from '../search.ts';

const sorts = ['newest', 'oldest', 'rows', 'bytes', 'duration'] as const;

export const searchCommand: CommandSpec = {
  name: 'search',
  group: 'Look',
  summary: 'Search what happened: commands, sessions, reviews, changes. Searching is itself recorded.',
  arguments: [
    {
      name: '[query...]',
      description: 'What to find, as in a search box; everything when left out.',
      complete: 'query',
    },
  ],
  options: [
    {
      flags: '--facets <names>',
      description: `Count by these as well, commas between them: ${contractFacets.join(', ')}.`,
    },
    { flags: '--sort <order>', description: 'What comes first (default newest).', choices: sorts },
    { flags: '-n, --limit <count>', description: `At most so many (default ${hitsDefault}); 0 only counts.` },
  ],
  examples: [
    "sallyport search 'reads:customers.ssn on:2026-10' --facets who",
    "sallyport search 'verdict:held,blocked since:7d -who:ana'",
    'sallyport search \'resource:orders effect:drop or text:"drop table"\' --sort rows',
  ],
  async run(context) {
    await searchAndShow(context, queryOf(context.args), facetsOf(context));
  },
};

export const searchExportCommand: CommandSpec = {
  name: 'search export',
  group: 'Look',
  summary: 'Export everything that a search finds as CSV or NDJSON, neutralised. Itself recorded.',
  arguments: [{ name: '[query...]', description: 'What to find.', complete: 'query' }],
  options: [
    { flags: '--format <format>', description: 'csv (default) or ndjson.', choices: searchExportFormats },
    { flags: '-n, --limit <count>', description: 'At most so many.' },
    {
      flags: '-O, --out <file>',
      description: 'Write here, readable by you alone; to standard output when left out.',
      complete: 'file',
    },
  ],
  examples: ["sallyport search export 'reads:customers.ssn on:2026-10' -O october.csv"],
  async run(context) {
    const { io, options, output } = context;
    const query = queryOf(context.args);
    const format = searchExportFormats.find((known) => known === options.text('format')) ?? 'csv';
    const limit = options.integer('limit', { minimum: 1, maximum: 1_000_000 });
    const { client } = await context.api();
    const body = { query, format, ...(limit === null ? {} : { limit }) };
    const chunks = placed(client.bytes('exportSearch', { body }), query);
    const path = options.text('out');
    if (path !== null) {
      const spinner = startSpinner(output, io.clock, 'Exporting');
      const bytes = await writeWhole(resolvePath(io.cwd, path), chunks).finally(() => spinner.stop());
      return output.note(`✔ ${path}, ${byteSize(bytes)}.`);
    }
    if (io.stdout.isTTY !== true) {
      for await (const chunk of chunks) await output.write(chunk);
      return;
    }
    // The gateway has neutralised it; a terminal does not take that on trust (I13).
    const decoder = new StringDecoder('utf8');
    for await (const chunk of chunks) await output.write(escapeText(decoder.write(chunk).replaceAll('\r\n', '\n')));
  },
};

async function* placed(chunks: AsyncIterable<Buffer>, query: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* chunks;
  } catch (error) {
    throw placedInQuery(error, query);
  }
}

/** Searches, and shows what is found. */
export async function searchAndShow(
  context: CommandContext,
  query: string,
  facets: readonly FacetName[],
): Promise<void> {
  const { io, options, output } = context;
  const limit = options.integer('limit', { minimum: 0, maximum: hitsMax }) ?? hitsDefault;
  const sort = options.text('sort');
  const api = await context.api();
  const spinner = startSpinner(output, io.clock, 'Searching');
  const asked = sort === null ? query : `${query} sort:${sort}`;
  const found = await find(api, asked, { limit, facets }).finally(() => spinner.stop());
  await output.result(found, () => show(context, found, limit));
}

async function show({ output }: CommandContext, found: Found, limit: number): Promise<void> {
  const { palette } = output;
  const { hits, counts, marks } = found;
  if (hits.length > 0) {
    await output.table(
      hitColumns,
      hits.map((hit) => hitRow(hit, marks, palette)),
    );
  }
  for (const [name, values] of Object.entries(counts?.facets ?? {})) {
    if (hits.length > 0 || limit === 0) await output.line();
    await facetTable(name, values, output);
  }
  if (counts !== null) {
    if (hits.length > 0 || limit === 0) await output.line();
    await output.line(totalText(found));
  }
  if (found.hasMore) output.note(`The first ${groupDigits(hits.length)}; --limit shows more, search export all.`);
  const first = hits.find(({ session, command }) => session !== null && command !== null);
  if (first === undefined) return;
  output.note(`Look at one: sallyport sessions replay ${[first.session, ...placeOf(first)].join(' ')}`);
}

function totalText({ counts, from, until }: Found): string {
  const total = counts === null ? '' : `${counts.isExact ? '' : 'at least '}${groupDigits(counts.total)} found`;
  const span = from === null ? `until ${day(until)}` : `from ${day(from)} to ${day(until)}`;
  const uncertain = counts?.uncertain ?? 0;
  const more =
    uncertain === 0
      ? ''
      : `; ${groupDigits(uncertain)} more in that time may match: what they touch is not all known (is:uncertain)`;
  return `${total}, ${span}${more}.`;
}

/** A day where it is one's beginning, a minute otherwise. */
function day(at: string): string {
  return at.endsWith('T00:00:00.000Z') ? at.slice(0, 10) : `${at.slice(0, 16).replace('T', ' ')} UTC`;
}

function facetsOf({ options }: CommandContext): readonly FacetName[] {
  const names = (options.text('facets') ?? '').split(',').flatMap((name) => name.trim() || []);
  const unknown = names.find((name) => !(contractFacets as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw usage(`There is nothing to count by ${unknown}.`, `Take of: ${contractFacets.join(', ')}.`);
  }
  return contractFacets.filter((facet) => names.includes(facet));
}
