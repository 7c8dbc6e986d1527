/**
 * Hits written out: CSV and NDJSON, piece by piece.
 *
 * Invariant (A-API-05): whatever a client or a target put into a statement or a name, one hit is one line, and no cell is a
 * formula.
 */
import type { HitView } from './contract/index.ts';
import { csvLine } from './export.ts';
import { safeJson } from './json.ts';

const columns = [
  'at',
  'type',
  'who',
  'agents',
  'resource',
  'protocol',
  'source',
  'session',
  'command',
  'kind',
  'verb',
  'text',
  'verdict',
  'judged',
  'rule',
  'outcome',
  'error',
  'effects',
  'touches',
  'complete',
  'rows',
  'bytes',
  'durationMs',
  'masked',
  'review',
  'live',
  'fingerprint',
  'id',
] as const;

type Column = (typeof columns)[number];

export async function* writeHits(
  hits: AsyncIterable<HitView>,
  format: 'csv' | 'ndjson',
): AsyncGenerator<string, void, undefined> {
  if (format === 'csv') yield csvLine(columns);
  for await (const hit of hits) {
    yield format === 'csv' ? csvLine(columns.map((column) => cellOf(hit, column))) : `${safeJson(hit)}\n`;
  }
}

function cellOf(hit: HitView, column: Column): string {
  switch (column) {
    case 'who':
      return hit.principal?.name ?? '';
    case 'agents':
    case 'effects':
      return hit[column].join(' ');
    case 'touches':
      return hit.touches.map((touch) => touch.join(' ')).join('; ');
    default: {
      const value = hit[column];
      return value === null ? '' : String(value);
    }
  }
}
