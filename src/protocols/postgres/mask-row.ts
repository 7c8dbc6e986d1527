/**
 * DataRows through the masks of their columns: copy on write, with the lengths of fields and row put right.
 *
 * DataRow ('D'): Int16 n, n × (Int32 length, −1 NULL, bytes).
 *
 * Invariants: a row in which nothing is masked is not touched; a row with another number of values than was described is
 * masked whole; one whose lengths do not add up is a violation of the server's.
 */
import { Body, headerBytes } from './body.ts';
import { RunMasker } from './mask-run.ts';
import { type MaskedColumn, maskValue } from './mask-value.ts';
import type { Arena } from './output-arena.ts';

export class RowMasker {
  readonly #columns: readonly (MaskedColumn | null)[];
  #run: RunMasker | null = null;
  readonly #unknown: (count: number) => readonly (MaskedColumn | null)[];

  /** `columns` as described; `unknown` gives those of a row that does not fit. */
  constructor(columns: readonly (MaskedColumn | null)[], unknown: (count: number) => readonly (MaskedColumn | null)[]) {
    this.#columns = columns;
    this.#unknown = unknown;
  }

  /** The same for runs of rows. */
  get run(): RunMasker {
    this.#run ??= new RunMasker(this, this.#columns);
    return this.#run;
  }

  /** A row of which not even the length may be seen: it cannot be masked piece by piece. */
  get mustGather(): boolean {
    const columns = this.#columns.length === 0 ? this.#unknown(1) : this.#columns;
    return columns.some((column) => column?.constant !== undefined);
  }

  /** The columns for a row of `count` values. */
  columns(count: number): readonly (MaskedColumn | null)[] {
    return count === this.#columns.length ? this.#columns : this.#unknown(count);
  }

  /**
   * Writes the masked row, a whole message that stands in `buffer` from `start` to `end`, into the arena. Answers where it
   * begins there, or −1 when nothing in it is masked: then nothing was written. `before` is called before the first write.
   */
  mask(buffer: Buffer, start: number, end: number, arena: Arena, before: () => void): number {
    let at = start + headerBytes + 2;
    if (at > end) throw malformedRow(buffer);
    const count = buffer.readUInt16BE(start + headerBytes);
    const columns = this.columns(count);
    let rowStart = -1;
    let copied = start;
    for (let index = 0; index < count; index++) {
      if (at + 4 > end) throw malformedRow(buffer);
      const size = buffer.readInt32BE(at);
      const from = at + 4;
      const next = size < 0 ? from : from + size;
      if (next > end) throw malformedRow(buffer);
      const column = columns[index]!;
      if (column !== null && (size >= 0 || column.constant !== undefined)) {
        const value = size < 0 ? null : buffer.subarray(from, next);
        const now = value === null ? column.constant! : maskValue(column, value);
        if (now !== value) {
          column.tally.count++;
          if (rowStart < 0) {
            before();
            rowStart = arena.length;
          }
          arena.copy(buffer, copied, at);
          arena.int32(now === null ? -1 : now.length);
          if (now !== null) arena.copy(now, 0, now.length);
          copied = next;
        }
      }
      at = next;
    }
    if (at !== end) throw malformedRow(buffer);
    if (rowStart < 0) return -1;
    arena.copy(buffer, copied, end);
    arena.patchInt32(rowStart + 1, arena.length - rowStart - 1);
    return rowStart;
  }
}

/** The server's lengths do not add up. */
export function malformedRow(buffer: Buffer): Error {
  return new Body('DataRow', buffer, 0, 0).malformed('lengths');
}
