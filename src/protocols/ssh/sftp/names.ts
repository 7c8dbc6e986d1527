/**
 * Names that a directory has: checked before a client sees them, and recorded.
 *
 * A name with a slash or a zero byte is none that a file can have. Clients that fetch directories have written wherever
 * such names led (A-SSH-14, CVE-2018-20685 and its family), so they are left out. `.` and `..` are what every directory
 * has. What could move a cursor in the line for people (`longname`) becomes `?`; names themselves are bytes and stay.
 */
import { showPath } from '../../../core/files.ts';
import { sizeOf } from './attributes.ts';
import type { OpenDirectory } from './handles.ts';
import type { FileCommands } from './host.ts';
import type { NameEntry } from './replies.ts';

export function checkedNames(entries: readonly NameEntry[]): {
  readonly entries: readonly NameEntry[];
  readonly isChanged: boolean;
} {
  let isChanged = false;
  const kept: NameEntry[] = [];
  for (const entry of entries) {
    if (entry.name.length === 0 || entry.name.includes(0x2f) || entry.name.includes(0)) {
      isChanged = true;
    } else if (hasControls(entry.longName)) {
      isChanged = true;
      kept.push({ ...entry, longName: withoutControls(entry.longName) });
    } else {
      kept.push(entry);
    }
  }
  return { entries: kept, isChanged };
}

function hasControls(text: Buffer): boolean {
  return text.some((byte) => byte < 0x20 || byte === 0x7f);
}

function withoutControls(text: Buffer): Buffer {
  return Buffer.from(text.map((byte) => (byte < 0x20 || byte === 0x7f ? 0x3f : byte)));
}

/** Writes down what a listing showed: name, size, mode. */
export function observeNames(host: FileCommands, directory: OpenDirectory, entries: readonly NameEntry[]): void {
  const command = directory.command.ordinal;
  if (directory.entries === 0) {
    const column = (name: string, type: string) => ({ name, type, format: 'text' as const });
    host.observe({
      type: 'columns',
      command,
      columns: [column('name', 'text'), column('size', 'integer'), column('mode', 'text')],
    });
  }
  const rows = entries.map(({ name, attributes }) =>
    row([
      showPath(name.toString('latin1')),
      sizeOf(attributes)?.toString() ?? null,
      attributes.permissions === null ? null : (attributes.permissions & 0o7777).toString(8).padStart(4, '0'),
    ]),
  );
  host.observe({ type: 'rows', command, count: rows.length, data: Buffer.concat(rows) });
}

function row(cells: readonly (string | null)[]): Buffer {
  const parts = [Buffer.alloc(2)];
  parts[0]!.writeInt16BE(cells.length);
  for (const cell of cells) {
    const bytes = cell === null ? null : Buffer.from(cell);
    const length = Buffer.alloc(4);
    length.writeInt32BE(bytes === null ? -1 : bytes.length);
    parts.push(length);
    if (bytes !== null) parts.push(bytes);
  }
  return Buffer.concat(parts);
}
