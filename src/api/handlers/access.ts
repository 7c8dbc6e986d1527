/**
 * Who may reach what, and why: for one resource, for one principal, and everything for recertification.
 *
 * Invariants: a member learns of itself only, and of no resource that no Access gives it; what is exported is neutralised
 * (A-API-05) and made principal by principal, never gathered.
 */
import { isInScope } from '../authorise.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { contractLimits } from '../contract/index.ts';
import { apiErrors } from '../errors.ts';
import { csvLine } from '../export.ts';
import { safeJson } from '../json.ts';
import type { Reach } from '../ports.ts';

type AccessRoute = 'accessWho' | 'accessWhat' | 'exportAccess';

export function accessHandlers({ ports }: ApiParts): Pick<Handlers, AccessRoute> {
  const { access } = ports;
  return {
    async accessWho({ input }) {
      const { resource, limit, cursor } = input.query;
      const page = { limit: limit ?? contractLimits.pageEntriesDefault, after: cursor ?? null };
      const { reach, next } = await access.who(resource, page);
      return { reach: [...reach], next };
    },

    async accessWhat({ principal, scope, input }) {
      const who = input.query.principal ?? principal.name;
      if (scope !== 'all' && who !== principal.name) throw apiErrors('api.forbidden');
      const reach = await access.what(who);
      return { reach: reach.filter(({ resource }) => isInScope(principal, resource)) };
    },

    async exportAccess({ input, signal }) {
      const { format } = input.query;
      const rows = access.all(signal);
      return format === 'csv'
        ? {
            mediaType: 'text/csv; charset=utf-8; header=present',
            body: asCsv(rows),
            fileName: 'access.csv',
          }
        : { mediaType: 'application/json; charset=utf-8', body: asJson(rows), fileName: 'access.json' };
    },
  };
}

const columns = [
  'principal',
  'kind',
  'groups',
  'resource',
  'access',
  'how',
  'grant',
  'stepUp',
  'counts',
  'windows',
  'until',
  'locked',
  'since',
  'grantedBy',
  'lastUsed',
] as const satisfies readonly (keyof Reach)[];

async function* asCsv(rows: AsyncIterable<Reach>): AsyncGenerator<string, void, undefined> {
  yield csvLine(columns);
  for await (const row of rows) yield csvLine(columns.map((column) => cellOf(row[column])));
}

function cellOf(value: Reach[(typeof columns)[number]]): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  return typeof value === 'boolean' ? String(value) : value.join(' ');
}

async function* asJson(rows: AsyncIterable<Reach>): AsyncGenerator<string, void, undefined> {
  let before = '[\n';
  for await (const row of rows) {
    yield `${before}${safeJson(row)}`;
    before = ',\n';
  }
  yield before === ',\n' ? '\n]\n' : '[]\n';
}
