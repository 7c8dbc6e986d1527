/**
 * How much of the results is recorded: a whole prefix of each command's rows and data up to its budget, in each direction, and
 * the session's, so that a long request cannot keep its answer from being recorded; beyond, bytes are counted and go into a digest, so that what was delivered can still be proven.
 */
import { createHash, type Hash } from 'node:crypto';
import type { RecordingEntry } from '../core/recording.ts';

type Bulk = Extract<RecordingEntry, { type: 'rows' | 'data' }>;
export type Omitted = Extract<RecordingEntry, { type: 'omitted' }>;

interface Spending {
  /** Of data; null for rows. */
  readonly direction: 'in' | 'out' | null;
  bytes: number;
  omittedRows: number;
  omittedBytes: number;
  digest: Hash | null;
}

/** What went in, and what came out. */
interface Ways {
  in: Spending | null;
  out: Spending | null;
}

export class Budget {
  readonly #perCommand: number;
  #sessionLeft: number;
  readonly #commands = new Map<number, Ways>();

  constructor(perCommandBytes: number, perSessionBytes: number) {
    this.#perCommand = perCommandBytes;
    this.#sessionLeft = perSessionBytes;
  }

  /** The part of `entry` to record, or null; the rest is digested. The part is a view of the entry's data. */
  take(entry: Bulk): Bulk | null {
    const spending = this.#spendingOf(entry);
    const left = spending.digest === null ? Math.min(this.#perCommand - spending.bytes, this.#sessionLeft) : 0;
    const kept = entry.data.length <= left ? wholeOf(entry) : prefixOf(entry, left);
    spending.bytes += kept.bytes;
    this.#sessionLeft -= kept.bytes;
    if (kept.bytes < entry.data.length || (entry.type === 'rows' && kept.count < entry.count)) {
      // Once something is left out everything after it is: the record holds a prefix, the digest all the rest.
      spending.digest ??= createHash('sha256');
      spending.digest.update(entry.data.subarray(kept.bytes));
      spending.omittedBytes += entry.data.length - kept.bytes;
      if (entry.type === 'rows') spending.omittedRows += entry.count - kept.count;
    }
    if (kept.bytes === entry.data.length) return entry;
    if (kept.bytes === 0) return null;
    const data = entry.data.subarray(0, kept.bytes);
    return entry.type === 'rows' ? { ...entry, count: kept.count, data } : { ...entry, data };
  }

  /** What was left out of a command that has ended, what went in first. */
  settle(command: number): Omitted[] {
    const ways = this.#commands.get(command);
    this.#commands.delete(command);
    const omitted: Omitted[] = [];
    for (const way of ['in', 'out'] as const) {
      const spending = ways?.[way];
      if (spending?.digest == null) continue;
      omitted.push({
        type: 'omitted',
        command,
        ...(spending.direction === null ? {} : { direction: spending.direction }),
        rows: spending.omittedRows,
        bytes: spending.omittedBytes,
        digest: spending.digest.digest('hex'),
      });
    }
    return omitted;
  }

  /** Commands that left something out and have not ended. */
  get unsettled(): number[] {
    const commands = [...this.#commands];
    return commands.filter(([, ways]) => (ways.in?.digest ?? ways.out?.digest ?? null) !== null).map(([id]) => id);
  }

  #spendingOf(entry: Bulk): Spending {
    const way = entry.type === 'data' ? entry.direction : 'out';
    let ways = this.#commands.get(entry.command);
    if (ways === undefined) {
      ways = { in: null, out: null };
      this.#commands.set(entry.command, ways);
    }
    let spending = ways[way];
    if (spending === null) {
      const direction = entry.type === 'data' ? entry.direction : null;
      spending = { direction, bytes: 0, omittedRows: 0, omittedBytes: 0, digest: null };
      ways[way] = spending;
    }
    return spending;
  }
}

function wholeOf(entry: Bulk): { bytes: number; count: number } {
  return { bytes: entry.data.length, count: entry.type === 'rows' ? entry.count : 0 };
}

/** How many whole rows, or bytes, fit into `left`. */
function prefixOf(entry: Bulk, left: number): { bytes: number; count: number } {
  const most = Math.max(0, left);
  if (entry.type === 'data') return { bytes: Math.min(most, entry.data.length), count: 0 };
  const { data } = entry;
  let at = 0;
  let rows = 0;
  while (rows < entry.count && at + 2 <= most) {
    let end = at + 2;
    for (let cells = data.readInt16BE(at); cells > 0 && end <= most; cells--) {
      // A row is only a row with all its cells; one that runs over the end is left out.
      if (end + 4 > data.length) return { bytes: at, count: rows };
      end += 4 + Math.max(0, data.readInt32BE(end));
    }
    if (end > most) break;
    at = end;
    rows++;
  }
  return { bytes: at, count: rows };
}
