/** Rows as CSV (RFC 4180), with what a spreadsheet would take for a formula made text. */

type Row = readonly (string | null)[];

/** A cell that begins so is run by spreadsheets. */
const formula = /^[=+\-@\t\r]/;
const number = /^-?\d+(?:\.\d+)?$/;

function cell(value: string | null): string {
  if (value === null) return '';
  const inert = formula.test(value) && !number.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(inert) || inert !== inert.trim() ? `"${inert.replaceAll('"', '""')}"` : inert;
}

export function csvOf(columns: readonly { readonly name: string }[], rows: readonly Row[]): string {
  const lines = [columns.map(({ name }) => cell(name)).join(','), ...rows.map((row) => row.map(cell).join(','))];
  return `${lines.join('\r\n')}\r\n`;
}
