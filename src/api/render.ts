/**
 * Rendering a recording: from core's neutral entries to what the API gives, with cells spelled as text.
 *
 * Invariants: lengths inside recorded rows are checked before they are believed; memory is bounded by one entry and the
 * columns of a bounded number of commands.
 *
 * Deliberately absent: escaping. The entries are values; whoever writes them out (`export.ts`, `safeJson`, the CLI)
 * makes them safe for where they go.
 */
import { isUtf8 } from 'node:buffer';
import { assert } from '../base/assert.ts';
import type { Column, RecordedEntry } from '../core/recording.ts';
import type { RecordedEntryView } from './contract/index.ts';
import { renderedCommandsMax, renderedRowsMax } from './limits.ts';

export type RenderCell = (cell: Buffer, type: string, format: 'text' | 'binary') => string;

/** Renders the entries of one session, in order. `renderCell` is the protocol's. */
export async function* renderEntries(
  entries: AsyncIterable<RecordedEntry>,
  renderCell: RenderCell,
): AsyncGenerator<RecordedEntryView, void, undefined> {
  const columnsOf = new Map<number, readonly Column[]>();
  for await (const entry of entries) {
    const at = new Date(entry.at).toISOString();
    switch (entry.type) {
      case 'columns':
        remember(columnsOf, entry.command, entry.columns);
        yield {
          type: 'columns',
          at,
          command: entry.command,
          columns: entry.columns.map(({ name, type }) => ({ name, type })),
        };
        break;
      case 'rows': {
        const columns = columnsOf.get(entry.command) ?? [];
        for (const rows of batches(readRows(entry.data, columns, renderCell))) {
          yield { type: 'rows', at, command: entry.command, rows };
        }
        break;
      }
      case 'terminal': {
        const { command, columns, rows, term } = entry;
        yield { type: 'terminal', at, command, columns, rows, term };
        break;
      }
      case 'head': {
        const { command, direction, status, trailers } = entry;
        const fields = entry.fields.map(([name, value]) => ({ name, value }));
        yield { type: 'head', at, command, direction, status, trailers, fields };
        break;
      }
      case 'data':
      case 'screen':
        yield {
          type: entry.type,
          at,
          command: entry.command,
          direction: entry.direction,
          bytes: entry.data.length,
          ...spellData(entry.data),
        };
        break;
      case 'command':
        yield {
          type: 'command',
          at,
          command: entry.command,
          kind: entry.kind,
          verb: entry.verb,
          text: entry.text,
          parameters: entry.parameters === null ? null : entry.parameters.map((parameter) => ({ ...parameter })),
          of: entry.of,
        };
        break;
      case 'omitted': {
        const { command, direction, rows, bytes, digest } = entry;
        const way = direction === undefined ? {} : { direction };
        yield { type: 'omitted', at, command, ...way, rows, bytes, digest };
        break;
      }
      case 'message': {
        const { command, level, code, text, fields } = entry;
        yield { type: 'message', at, command, level, code, text, fields: { ...fields } };
        break;
      }
      case 'completed': {
        const { command, outcome, tag, rows, bytes, durationMs } = entry;
        yield { type: 'completed', at, command, outcome, tag, rows, bytes, durationMs };
        break;
      }
    }
  }
}

function remember(columnsOf: Map<number, readonly Column[]>, command: number, columns: readonly Column[]): void {
  columnsOf.set(command, columns);
  if (columnsOf.size <= renderedCommandsMax) return;
  const oldest = columnsOf.keys().next();
  if (oldest.done !== true) columnsOf.delete(oldest.value);
}

// Rows as core/recording.ts lays them out: Int16 count of cells, then for each an Int32 length (−1 null) and its bytes.
function* readRows(data: Buffer, columns: readonly Column[], renderCell: RenderCell): Generator<(string | null)[]> {
  let at = 0;
  while (at < data.length) {
    assert(at + 2 <= data.length, 'recorded row is cut');
    const count = data.readUInt16BE(at);
    at += 2;
    const row: (string | null)[] = [];
    for (let index = 0; index < count; index++) {
      assert(at + 4 <= data.length, 'recorded row is cut');
      const length = data.readInt32BE(at);
      at += 4;
      if (length === -1) {
        row.push(null);
        continue;
      }
      assert(length >= 0 && at + length <= data.length, 'recorded cell is cut');
      row.push(spellCell(data.subarray(at, at + length), columns[index], renderCell));
      at += length;
    }
    yield row;
  }
}

function spellCell(cell: Buffer, column: Column | undefined, renderCell: RenderCell): string {
  if (column === undefined) return isUtf8(cell) ? cell.toString('utf8') : `\\x${cell.toString('hex')}`;
  return renderCell(cell, column.type, column.format);
}

function spellData(data: Buffer): { encoding: 'utf8' | 'base64'; data: string } {
  return isUtf8(data)
    ? { encoding: 'utf8', data: data.toString('utf8') }
    : { encoding: 'base64', data: data.toString('base64') };
}

function* batches<T>(source: Iterable<T>): Generator<T[]> {
  let batch: T[] = [];
  for (const item of source) {
    batch.push(item);
    if (batch.length === renderedRowsMax) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
