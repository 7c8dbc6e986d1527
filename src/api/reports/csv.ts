/**
 * A report as CSV and as JSON. CSV is one sheet: each table under a line that names it, figures first, the proof last.
 *
 * Invariant (A-API-05): no cell is a formula, and one row is one line, whatever was recorded.
 */
import { csvLine } from '../export.ts';
import { safeJson } from '../json.ts';
import type { ReportCell, ReportDocument } from './document.ts';

export function asCsv(document: ReportDocument): string {
  const { proof, tables } = document;
  const parts = [
    csvLine(['report', document.title]),
    csvLine(['since', document.since]),
    csvLine(['until', document.until]),
    csvLine(['made', document.madeAt, document.madeBy]),
    ...document.figures.map(({ label, value }) => csvLine([label, spelled(value)])),
    ...document.notes.map((note) => csvLine(['note', note])),
  ];
  for (const { title, columns, rows } of tables) {
    parts.push(csvLine(['']), csvLine([title]), csvLine(columns.map(({ key }) => key)));
    for (const row of rows) parts.push(csvLine(columns.map((_, index) => spelled(row[index] ?? null))));
  }
  parts.push(
    csvLine(['']),
    csvLine(['proof']),
    csvLine(['gateway', proof.gateway]),
    csvLine(['journal', proof.journal ?? '']),
    csvLine(['durableSequence', String(proof.durableSequence)]),
    csvLine(['keyDigest', proof.keyDigest]),
    csvLine(['publicKey', proof.publicKey]),
    csvLine(['checkpoint', proof.checkpoint ?? '']),
    ...proof.evidence.map(({ gateway, events, first, last }) =>
      csvLine(['evidence', gateway, String(events), String(first), String(last)]),
    ),
  );
  return parts.join('');
}

export function asJson({ tables, ...document }: ReportDocument): string {
  const named = Object.fromEntries(
    tables.map(({ key, columns, rows }) => [
      key,
      rows.map((row) => Object.fromEntries(columns.map((column, index) => [column.key, row[index] ?? null]))),
    ]),
  );
  const layout = Object.fromEntries(
    tables.map(({ key, title, note, empty, columns }) => [key, { title, note, empty, columns }]),
  );
  return `${safeJson({ ...document, tables: named, layout })}\n`;
}

function spelled(value: ReportCell): string {
  return value === null ? '' : String(value);
}
