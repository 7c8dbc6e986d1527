/** A run of rows comes out as its rows do one by one: any columns, values, numbers of values, and lengths. */
import { describe, expect, it } from 'vitest';
import type { BulkMask, BulkRows, CellContext, ValueMask, ValueSink } from '../../core/masking.ts';
import { PlanInForce } from './mask-plan.ts';
import { RowMasker } from './mask-row.ts';
import { detects, nulls, planOf, redacted, redacts } from './mask-testing.ts';
import type { MaskedColumn } from './mask-value.ts';
import { Arena } from './output-arena.ts';

const seed = 20_261_121;
const needle = 'secret';

function generator(state: number): (below: number) => number {
  let current = state;
  return (below) => {
    current = (Math.imul(current, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((current / 2 ** 32) * below);
  };
}

/** Stars over a word; marks more than it needs to, and no more than `most` bytes at once. */
function detectsInBulk(most: number, takesRows: boolean): ValueMask {
  const mask = detects('bulk', needle);
  let held: { bytes: Buffer; end: number } = { bytes: Buffer.alloc(0), end: 0 };
  const bulk: BulkMask = {
    markedBytesMax: most,
    reach: ({ type }: CellContext) => (type === 'text' ? 'marked' : 'all'),
    mark: (bytes, _start, end) => {
      held = { bytes, end };
    },
    next: (from) => {
      const found = held.bytes.indexOf('s', from);
      return found < 0 || found >= held.end ? held.end : found;
    },
    apply: (from, to, cell, sink) => {
      const value = held.bytes.subarray(from, to);
      const now = mask.apply(value, cell);
      if (now === value) return false;
      if (now === null) return null;
      sink.reserve(now.length);
      sink.length += now.copy(sink.bytes, sink.length);
      return true;
    },
  };
  if (takesRows) bulk.rows = (cells) => new Rows(cells, mask, () => held.bytes);
  return { ...mask, bulk };
}

/** Masks rows one by one, and leaves about every third to others. */
class Rows implements BulkRows {
  size = 0;
  readonly counts: Int32Array;
  #now: Buffer = Buffer.alloc(0);
  readonly #cells: readonly (CellContext | null)[];
  readonly #mask: ValueMask;
  readonly #bytes: () => Buffer;

  constructor(cells: readonly (CellContext | null)[], mask: ValueMask, bytes: () => Buffer) {
    this.#cells = cells;
    this.#mask = mask;
    this.#bytes = bytes;
    this.counts = new Int32Array(cells.length);
  }

  rewrite(from: number, end: number): number {
    const bytes = this.#bytes();
    const parts: Buffer[] = [];
    this.counts.fill(0);
    let at = from;
    for (; at < end; at += 1 + bytes.readInt32BE(at + 1)) {
      const size = bytes.readInt32BE(at + 1);
      if (size % 3 === 0 || bytes.readInt16BE(at + 5) !== this.#cells.length) break;
      parts.push(this.#row(bytes.subarray(at, at + 1 + size)));
    }
    this.#now = Buffer.concat(parts);
    this.size = this.counts.some((count) => count > 0) ? this.#now.length : 0;
    return at;
  }

  take(sink: ValueSink): void {
    sink.reserve(this.size);
    sink.length += this.#now.copy(sink.bytes, sink.length);
  }

  #row(message: Buffer): Buffer {
    let at = 7;
    const cells = this.#cells.map((cell, index) => {
      const size = message.readInt32BE(at);
      const value = size < 0 ? null : message.subarray(at + 4, at + 4 + size);
      at += 4 + Math.max(0, size);
      const now = value === null || cell === null ? value : this.#mask.apply(value, cell);
      if (now !== value) this.counts[index]!++;
      return now;
    });
    return rowOf(cells);
  }
}

const fixed = (mask: ValueMask): ValueMask => ({
  ...mask,
  fixed: (cell) => {
    const text = redacted[cell.type];
    return mask.how === 'null' || text === null ? null : Buffer.from(text);
  },
});

/** Text, integer, uuid, int4[], unknown. */
const types = [25, 25, 25, 23, 2950, 1007, 0] as const;

function columnsOf(random: (below: number) => number, bulk: ValueMask, count: number): (MaskedColumn | null)[] {
  const masks = [null, null, redacts('r'), fixed(redacts('f')), fixed(nulls('n')), bulk, bulk, detects('d', needle)];
  const constant: ValueMask = { ...redacts('c'), constant: true };
  const plan = new PlanInForce(planOf({ columns: [] }), null);
  return Array.from({ length: count }, () => {
    const mask = random(12) === 0 ? constant : masks[random(masks.length)]!;
    if (mask === null) return null;
    return plan.column(mask, { name: 'c', typeOid: types[random(types.length)]!, typeModifier: -1, isBinary: false });
  });
}

function textOf(mask: ValueMask | null): MaskedColumn | null {
  const plan = new PlanInForce(planOf({ columns: [] }), null);
  return mask === null ? null : plan.column(mask, { name: 'c', typeOid: 25, typeModifier: -1, isBinary: false });
}

function row(random: (below: number) => number, count: number, long: boolean): Buffer {
  const cells = Array.from({ length: count }, () => {
    if (random(6) === 0) return null;
    const text = ['', 'open', needle, `a ${needle} b`, 's', '{1,2}', '42', 'x'.repeat(random(90))][random(8)]!;
    return Buffer.from(long && random(2) === 0 ? text.padEnd(random(3000), 'y') : text);
  });
  return rowOf(cells);
}

function rowOf(cells: readonly (Buffer | null)[]): Buffer {
  const size = cells.reduce((sum, cell) => sum + 4 + (cell?.length ?? 0), 6);
  const message = Buffer.alloc(size + 1);
  message[0] = 0x44;
  message.writeInt32BE(size, 1);
  message.writeInt16BE(cells.length, 5);
  let at = 7;
  for (const cell of cells) {
    at = message.writeInt32BE(cell?.length ?? -1, at);
    at += cell?.copy(message, at) ?? 0;
  }
  return message;
}

function oneByOne(masker: RowMasker, rows: readonly Buffer[]): Buffer {
  const arena = new Arena();
  return Buffer.concat(
    rows.map((one) => {
      const at = masker.mask(one, 0, one.length, arena, () => undefined);
      const view = Buffer.from(arena.take());
      return at < 0 ? one : view;
    }),
  );
}

describe('runs of rows', () => {
  it.each([200, 4096, 100_000])('come out as rows do, where %i bytes are marked together (A-PG-24)', (most) => {
    const random = generator(seed + most);
    for (let round = 0; round < 400; round++) {
      const count = 1 + random(5);
      const takesRows = round % 2 === 1;
      const bulk = detectsInBulk(most, takesRows);
      // Rows are taken whole where every column passes or is looked at in bulk.
      const columns =
        takesRows && round % 4 === 1
          ? Array.from({ length: count }, () => textOf(random(3) === 0 ? null : bulk))
          : columnsOf(random, bulk, count);
      const unknown = redacts('unknown');
      const plan = new PlanInForce(planOf({ columns: [] }), null);
      const masker = new RowMasker(columns, (size) =>
        Array.from({ length: size }, () =>
          plan.column(unknown, { name: '', typeOid: 0, typeModifier: -1, isBinary: false }),
        ),
      );
      const rows = Array.from({ length: 1 + random(30) }, () =>
        row(random, random(15) === 0 ? random(6) : count, round % 5 === 0),
      );
      const before = random(20);
      const bytes = Buffer.concat([Buffer.alloc(before, 's'), ...rows, Buffer.from('secret')]);
      const end = bytes.length - needle.length;
      const tallies = (): number[] => columns.map((column) => column?.tally.count ?? 0);
      const expected = oneByOne(masker, rows);
      const counted = tallies();
      const arena = new Arena();
      const isChanged = masker.run.mask(bytes, before, end, arena);
      const now = isChanged ? arena.take() : bytes.subarray(before, end);
      expect(now.equals(expected), `seed ${seed}, round ${round}`).toBe(true);
      if (!expected.equals(bytes.subarray(before, end))) expect(isChanged).toBe(true);
      expect(tallies().reduce((a, b) => a + b, 0)).toBe(2 * counted.reduce((a, b) => a + b, 0));
      arena.release();
    }
  });

  it('do not pass where their lengths do not add up', () => {
    const plan = new PlanInForce(planOf({ columns: [] }), null);
    const column = plan.column(redacts('r'), { name: '', typeOid: 25, typeModifier: -1, isBinary: false });
    const masker = new RowMasker([column], () => []);
    const random = generator(seed);
    const good = row(random, 1, false);
    for (const change of [
      (bytes: Buffer) => bytes.writeInt32BE(bytes.length, 7),
      (bytes: Buffer) => bytes.writeInt32BE(5, 1),
    ]) {
      const bad = Buffer.from(good);
      change(bad);
      expect(() => masker.run.mask(Buffer.concat([good, bad]), 0, good.length + bad.length, new Arena())).toThrow();
    }
  });
});

describe('the arena', () => {
  it('grows beyond its region and gives views that stay as they are', () => {
    const arena = new Arena();
    const source = Buffer.alloc(100_000, 'a');
    arena.copy(source, 0, 10);
    const first = arena.take();
    arena.copy(source, 0, 100_000);
    arena.int32(7);
    arena.uint8(9);
    const second = arena.take();
    expect(first.toString()).toBe('a'.repeat(10));
    expect(second.length).toBe(100_005);
    expect(second.readInt32BE(100_000)).toBe(7);
    arena.release();
    arena.copy(source, 0, 3);
    expect(arena.take().toString()).toBe('aaa');
    arena.release();
  });
});
