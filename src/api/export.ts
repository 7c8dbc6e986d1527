/**
 * Writing rendered recordings out: NDJSON, CSV, text for reading, and asciicast (asciicast.ts).
 *
 * Invariant (A-API-05): whatever a client or a target put into a statement, a cell, a name or a message, the output
 * holds no control character of theirs, no formula that a spreadsheet would run, and no line that reads as the export's
 * own.
 */
import { escapeCsv, escapeLine, escapeText } from '../base/escape.ts';
import { type CastOptions, writeCast } from './asciicast.ts';
import type { exportFormats, RecordedEntryView } from './contract/index.ts';
import { safeJson } from './json.ts';

export type ExportFormat = (typeof exportFormats)[number];

export const exportMediaTypes: Readonly<Record<ExportFormat, string>> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8; header=present',
  text: 'text/plain; charset=utf-8',
  asciicast: 'application/x-asciicast',
};

export const exportExtensions: Readonly<Record<ExportFormat, string>> = {
  ndjson: 'ndjson',
  csv: 'csv',
  text: 'txt',
  asciicast: 'cast',
};

/** Writes entries in a format, piece by piece. */
export async function* writeEntries(
  entries: AsyncIterable<RecordedEntryView>,
  format: ExportFormat,
  cast: CastOptions = { title: '', command: null },
): AsyncGenerator<string, void, undefined> {
  if (format === 'asciicast') return yield* writeCast(entries, cast);
  if (format === 'csv') yield csvLine(['at', 'command', 'type', 'what', 'text', 'rows', 'bytes']);
  const write = { ndjson: (entry: RecordedEntryView) => `${safeJson(entry)}\n`, csv: asCsv, text: asText }[format];
  for await (const entry of entries) yield write(entry);
}

function asCsv(entry: RecordedEntryView): string {
  const line = (what: string, text: string, rows = '', bytes = ''): string =>
    csvLine([entry.at, entry.command === null ? '' : String(entry.command), entry.type, what, text, rows, bytes]);
  switch (entry.type) {
    case 'command':
      return (
        line(entry.verb, entry.text) +
        (entry.parameters ?? [])
          .map((p, i) => line(`parameter ${i + 1}`, p.value ?? 'NULL', '', String(p.bytes)))
          .join('')
      );
    case 'columns':
      return line('', JSON.stringify(entry.columns.map((column) => column.name)));
    case 'rows':
      return entry.rows.map((row) => line('', JSON.stringify(row), '1')).join('');
    case 'terminal':
      return line(entry.term ?? '', `${entry.columns}x${entry.rows}`);
    case 'head':
      return line(headName(entry), entry.fields.map(({ name, value }) => `${name}: ${value}`).join('\n'));
    case 'data':
    case 'screen':
      return line(`${entry.direction} ${entry.encoding}`, entry.data, '', String(entry.bytes));
    case 'omitted':
      return line('sha256', entry.digest, String(entry.rows), String(entry.bytes));
    case 'message':
      return line(entry.code === null ? entry.level : `${entry.level} ${entry.code}`, entry.text);
    case 'completed':
      return line(entry.outcome, entry.tag ?? '', String(entry.rows), String(entry.bytes));
  }
}

/** One line of CSV in which nothing is a formula, a control or another line (A-API-05). */
export function csvLine(cells: readonly string[]): string {
  // Controls are spelled out first, so that one entry is one line whatever reads it; then formulas are neutralised.
  return `${cells.map((cell) => escapeCsv(escapeLine(cell))).join(',')}\r\n`;
}

function asText(entry: RecordedEntryView): string {
  const number = entry.command === null ? '' : ` #${entry.command}`;
  const head = (text: string): string => `${entry.at}${number} ${escapeLine(text)}\n`;
  switch (entry.type) {
    case 'command':
      return (
        head(entry.verb) +
        indented(entry.text) +
        (entry.parameters ?? [])
          .map((p, i) => `    $${i + 1} = ${p.value === null ? 'NULL' : escapeLine(p.value)}\n`)
          .join('')
      );
    case 'columns':
      return `    | ${entry.columns.map((column) => escapeLine(column.name)).join(' | ')}\n`;
    case 'rows':
      return entry.rows
        .map((row) => `    | ${row.map((cell) => (cell === null ? 'NULL' : escapeLine(cell))).join(' | ')}\n`)
        .join('');
    case 'terminal':
      return head(`terminal ${entry.term ?? ''} ${entry.columns} columns, ${entry.rows} rows`);
    case 'head':
      return head(headName(entry)) + indented(entry.fields.map(({ name, value }) => `${name}: ${value}`).join('\n'));
    case 'data':
    case 'screen':
      return (
        head(`${entry.type} ${entry.direction}, ${entry.bytes} bytes${entry.encoding === 'base64' ? ', base64' : ''}`) +
        indented(entry.data)
      );
    case 'omitted':
      return head(`not kept: ${entry.rows} rows, ${entry.bytes} bytes, sha256 ${entry.digest}`);
    case 'message':
      return head(entry.code === null ? entry.level : `${entry.level} ${entry.code}`) + indented(entry.text);
    case 'completed':
      return head(
        `${entry.outcome}${entry.tag === null ? '' : ` ${entry.tag}`}, ${entry.rows} rows, ${entry.bytes} bytes, ${entry.durationMs} ms`,
      );
  }
}

function headName({ direction, status, trailers }: Extract<RecordedEntryView, { type: 'head' }>): string {
  const what = trailers ? 'trailers' : direction === 'in' ? 'request' : 'answer';
  return status === null ? what : `${what} ${status}`;
}

/** Foreign text on lines of its own, indented: no line of it begins where the export's own lines do. */
function indented(text: string): string {
  return `${escapeText(text)
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')}\n`;
}
