/**
 * What of a file passed, by offsets: how much, which parts, and the digest of each part that came in order.
 *
 * A transfer in order from the first byte to the last has one digest, that of the file. One that was resumed, or whose
 * parts came out of order, has a digest for each contiguous part; a resumed download is counted whole by joining parts.
 *
 * Invariant: memory is bounded by `rangesMax`; beyond it bytes are counted and `isPartial` says that digests are missing.
 */
import { createHash, type Hash } from 'node:crypto';
import * as limits from './limits.ts';

interface Range {
  readonly from: number;
  until: number;
  readonly hash: Hash;
}

export interface RangeDigest {
  readonly from: number;
  readonly until: number;
  readonly sha256: string;
}

export interface TransferSummary {
  /** Bytes that passed, those that came again included. */
  readonly bytes: number;
  /** Different bytes of the file that passed. */
  readonly covered: number;
  /** All of the file, of a known size, passed. */
  readonly isWhole: boolean;
  /** Digest of the whole file, where it passed in order. */
  readonly sha256: string | null;
  readonly ranges: readonly RangeDigest[];
  /** There were more parts than get a digest. */
  readonly isPartial: boolean;
}

export class Transfer {
  readonly #ranges: Range[] = [];
  /** What is covered, sorted, without overlaps, beyond what `#ranges` says only where there were too many. */
  #bytes = 0;
  #uncounted = 0;
  /** The range that grew last: the next piece nearly always continues it. */
  #latest: Range | null = null;

  get bytes(): number {
    return this.#bytes;
  }

  add(offset: number, data: Buffer): void {
    if (data.length === 0) return;
    this.#bytes += data.length;
    let range = this.#latest;
    if (range === null || range.until !== offset) {
      range = this.#ranges.find(({ until }) => until === offset) ?? this.#begin(offset);
    }
    this.#latest = range;
    if (range === null) {
      this.#uncounted += data.length;
      return;
    }
    range.hash.update(data);
    range.until += data.length;
  }

  /** `sizeBytes`: of the file, where it is known. Once: digests end here. */
  summary(sizeBytes: number | null): TransferSummary {
    const ranges = this.#ranges
      .map(({ from, until, hash }) => ({ from, until, sha256: hash.digest('hex') }))
      .sort((a, b) => a.from - b.from || a.until - b.until);
    let covered = 0;
    let end = 0;
    for (const { from, until } of ranges) {
      covered += Math.max(0, until - Math.max(from, end));
      end = Math.max(end, until);
    }
    const isWhole = sizeBytes !== null && covered === sizeBytes && end === sizeBytes;
    const first = ranges[0];
    const isOne = isWhole && ranges.length <= 1 && this.#uncounted === 0;
    const empty = (): string => createHash('sha256').digest('hex');
    return {
      bytes: this.#bytes,
      covered,
      isWhole,
      sha256: isOne ? (first?.sha256 ?? empty()) : null,
      ranges,
      isPartial: this.#uncounted > 0,
    };
  }

  #begin(from: number): Range | null {
    if (this.#ranges.length === limits.rangesMax) return null;
    const range = { from, until: from, hash: createHash('sha256') };
    this.#ranges.push(range);
    return range;
  }
}
