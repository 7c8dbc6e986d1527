/**
 * Many values at once come out as one by one: seeded values of every kind through both ways, with no difference. Also that
 * nothing is found where nothing is marked, and that the WebAssembly is the source's.
 *
 * `MASKING_FUZZ=2000000 npx vitest run src/masking/bulk.test.ts` for a long run.
 */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { compileWasm, renderWasm, wasmModules } from '../../tools/build-wasm.ts';
import type { CellContext, ValueMask, ValueSink } from '../core/masking.ts';
import type { MaskSpec } from '../core/rules.ts';
import { Dice, generateCorpus } from './corpus/generate.ts';
import { isCard } from './detectors/numbers.ts';
import { type DetectorName, detectorNames } from './detectors/table.ts';
import { kindsOf } from './kinds.ts';
import { hintsBetween, kindsOfBytes, markBytes, markedBytesMax, traitsBetween } from './marks.ts';
import { traitsOf } from './prefilter.ts';
import { Scanner } from './scanner.ts';
import { cell, valueMask } from './testing.ts';
import { Work } from './work.ts';

const seed = Number(process.env['MASKING_SEED'] ?? 20_261_121);
const rounds = Number(process.env['MASKING_FUZZ'] ?? 40_000);

class Sink implements ValueSink {
  bytes = Buffer.alloc(16);
  length = 0;
  reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    this.bytes = Buffer.concat([this.bytes, Buffer.alloc(this.length + size)]);
  }
}

const corpus = generateCorpus(seed, 8);
const columns = [...new Set(corpus.map(({ column }) => column))];
const alphabets = [
  '0123456789',
  '0123456789 -./',
  '0123456789 ()-./+',
  '0123456789abcdefABCDEF:.',
  'abcdefghijklmnopqrstuvwxyz ',
  'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ',
  'abcXYZ0129@._-+=:/~%&?"\'\\{}[]<>|,; \t\n',
  'aé1２\u200b0 -４',
  'äöüßÀÿé×÷1 0a@.',
];
const snippets = [
  ...['4111 1111 1111 1111', '4111111111111111', '+49 30 901820', '(212) 555-0123', '212-555-0123', '123-45-6789'],
  ...[
    'a@b.co',
    'x@icon@2x.png',
    'GB82 WEST 1234 5698 7654 32',
    '192.168.0.1',
    'fe80::1',
    'AB123456C',
    'phone ',
    'dob: ',
  ],
  ...[
    'born 1980-02-03',
    '3 May 1984',
    '2024-01-02 03:04:05',
    '6f1e0b5a-3b1c-4b52-9d3e-0123456789ab',
    'eyJhbGciOiJIUzI1NiJ9',
  ],
  ...[
    '.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl',
    'AKIAIOSFODNN7EXAMPLE',
    'password=hunter22',
    '://u:pw@h/',
    '2A',
    'order ',
  ],
  ...['Björn ', 'born né le 3 févr. 1980 ', 'jörg@example.com', 'né le ', 'März 1980', 'ß4111 1111 1111 1111é'],
  ...['-----BEGIN RSA PRIVATE KEY-----', '[redacted]', '********', 'ssn ', 'tel. ', '0049 ', '00000000', 'sk_live_'],
];

function value(dice: Dice): string {
  let text = '';
  for (let parts = 1 + dice.below(4); parts > 0; parts--) {
    const kind = dice.below(10);
    if (kind < 4) text += mutated(dice.of(corpus).text, dice);
    else if (kind < 7) text += dice.of(snippets);
    else text += dice.text(dice.of(alphabets), dice.below(24));
    if (dice.below(3) > 0) text += dice.of([' ', ', ', '-', '', '.', '\n', 'x', '7']);
  }
  return dice.below(200) === 0 ? text.repeat(20) : text;
}

function mutated(text: string, dice: Dice): string {
  if (dice.below(3) > 0) return text;
  const at = dice.below(text.length + 1);
  const size = dice.below(3);
  return text.slice(0, at) + dice.text(dice.of(alphabets), dice.below(3)) + text.slice(at + size);
}

/** What is common in rows, with what may stand beside it. */
const commonTexts: readonly ((dice: Dice) => string)[] = [
  () => '4111111111111111',
  (dice) => `amber for ${dice.of(['Jo', 'Björn', 'Ines', 'call'])}, jo${dice.below(1000)}@example.com`,
  (dice) =>
    `${dice.of(snippets)}${dice.of([' ', ', ', '-', ''])}jo.b@ex-ample.${dice.of(['org', 'png', 'xn--p1ai', 'x1'])}`,
  (dice) =>
    `paid ${card(dice)}${dice.of([' ', ', ', '', '.', ' 7', ')', '-'])}${dice.below(2) === 0 ? card(dice) : 'é'}`,
  (dice) => card(dice),
  (dice) => mutated(card(dice), dice),
];

/** Sixteen digits with check digit, many of them zeros, in some layout. */
function card(dice: Dice): string {
  const first = dice.of(['4', '4', '51', '2221', '6011', '36', '3530', '60']);
  const body = first + Array.from({ length: 15 - first.length }, () => dice.of('0000123456789'.split(''))).join('');
  for (let check = 0; check < 10; check++) {
    if (isCard(`${body}${check}`))
      return `${body}${check}`.replace(/(.{4})(?=.)/g, `$1${dice.of(['', ' ', '-', '.', '/'])}`);
  }
  return body;
}

/** As a server writes a row. */
function rowOf(values: readonly (Buffer | null)[]): Buffer {
  const head = Buffer.alloc(7);
  head[0] = 0x44;
  head.writeInt32BE(
    values.reduce((sum, one) => sum + 4 + (one?.length ?? 0), 6),
    1,
  );
  head.writeInt16BE(values.length, 5);
  const cells = values.flatMap((one) => {
    const size = Buffer.alloc(4);
    size.writeInt32BE(one?.length ?? -1);
    return one === null ? [size] : [size, one];
  });
  return Buffer.concat([head, ...cells]);
}

const methods: readonly MaskSpec['with'][] = [
  'redact',
  'redact',
  'hash',
  'format-preserving',
  'null',
  { partial: { last: 4 } },
];
const twelve = [
  'email',
  'credit_card',
  'iban',
  'phone',
  'ip_address',
  'us_ssn',
  'uk_nino',
  'fr_nir',
  'es_dni_nie',
].concat(['date_of_birth', 'jwt', 'aws_key']);

function masks(): ValueMask[] {
  const sets: (readonly string[])[] = [['pii', 'secret'], ['pii'], twelve, ...detectorNames.map((name) => [name])];
  return sets.flatMap((detect, index) =>
    index < 3 ? methods.map((how) => valueMask({ detect, with: how! })) : [valueMask({ detect })],
  );
}

function spelled(found: Buffer | null, value: Buffer): string | null {
  return found === value ? 'same' : found === null ? null : `now ${found.toString('hex')}`;
}

describe('many values at once', () => {
  it(`makes of ${rounds} values what one by one makes of them (P8)`, () => {
    const dice = new Dice(seed);
    const all = masks();
    const perBuffer = 20;
    for (let round = 0; round < rounds; round += perBuffer) {
      const mask = dice.below(3) > 0 ? all[dice.below(18)]! : dice.of(all);
      const context: CellContext = {
        type: dice.of(['text', 'text', 'text', 'text', 'integer', 'decimal', 'address', 'timestamp', 'json']),
        column: dice.of([dice.of(columns), 'note', 'a', 'dob', 'phone', 'password', 'order_id']),
        charactersMax: dice.below(5) === 0 ? dice.below(40) : null,
      };
      const values = Array.from({ length: perBuffer }, () => Buffer.from(value(dice)));
      // As in rows: lengths stand between them, and between some of them the head of the next row.
      const spans: [number, number][] = [];
      const parts = [Buffer.alloc(dice.below(70))];
      let length = parts[0]!.length;
      for (const one of values) {
        const head = dice.below(3) === 0 ? [0x44, 0, 0, 0, dice.below(256), 0, 5] : [];
        parts.push(Buffer.of(...head, 0, 0, one.length >> 8, one.length & 255), one);
        length += head.length + 4 + one.length;
        spans.push([length - one.length, length]);
      }
      const bytes = Buffer.concat([...parts, Buffer.from('D\0')]);
      const bulk = mask.bulk!;
      const start = dice.below(5);
      bulk.mark(bytes, start, bytes.length);
      for (const [index, one] of values.entries()) {
        const [from, to] = spans[index]!;
        const reach = one.length === 0 ? 'none' : bulk.reach(context);
        if (reach === 'all') continue;
        const expected = spelled(mask.apply(one, context), one);
        const sink = new Sink();
        const marked = reach === 'marked' && from < to && bulk.next(from) < to;
        const how = marked ? bulk.apply(from, to, context, sink) : false;
        const now = how === null ? null : how ? `now ${sink.bytes.toString('hex', 0, sink.length)}` : 'same';
        if (now !== expected) {
          const what = JSON.stringify({ seed, text: one.toString(), context, rule: mask.rule, reach, marked });
          expect(now, what).toBe(expected);
        }
      }
    }
  });

  it(`makes of ${rounds} values in rows what one by one makes of them (P8)`, () => {
    const dice = new Dice(seed + 3);
    const all = masks();
    let rewritten = 0;
    for (let round = 0; round < rounds; round += 40) {
      // The twelve and all of personal data, redacted, more often than others.
      const mask = dice.below(4) > 0 ? all[dice.of([12, 12, 0, 6])]! : dice.of(all);
      const cells = Array.from({ length: 1 + dice.below(4) }, (): CellContext | null => {
        if (dice.below(8) === 0) return null;
        const column = dice.below(3) === 0 ? dice.of(columns) : dice.of(['note', 'a', 'email', 'phone', 'order_id']);
        const type = dice.below(8) === 0 ? 'integer' : 'text';
        const context: CellContext = { type, column, charactersMax: dice.below(5) === 0 ? dice.below(40) : null };
        return mask.bulk!.reach(context) === 'marked' ? context : null;
      });
      const rows = mask.bulk!.rows?.(cells) ?? null;
      if (rows === null) continue;
      const records = Array.from({ length: Math.ceil(40 / cells.length) }, () => {
        const isHit = dice.below(2) === 0;
        return cells.map(() => {
          if (dice.below(12) === 0) return null;
          return Buffer.from(isHit ? dice.of(commonTexts)(dice) : dice.below(9) > 0 ? 'amber candle' : value(dice));
        });
      });
      const before = dice.below(70);
      const framed = records.map(rowOf);
      const bytes = Buffer.concat([Buffer.alloc(before), ...framed, Buffer.from('D\0')]);
      const end = bytes.length - 2;
      const masked = records.map((record) =>
        rowOf(
          record.map((one, index) => (one === null || cells[index] === null ? one : mask.apply(one, cells[index]!))),
        ),
      );
      if (end - before > markedBytesMax) continue;
      mask.bulk!.mark(bytes, before, end);
      let at = before;
      for (let index = 0; index < framed.length; ) {
        const sink = new Sink();
        const stop = rows.rewrite(at, end);
        let taken = index;
        for (let size = stop - at; size > 0; taken++) size -= framed[taken]!.length;
        if (rows.size > 0) rows.take(sink);
        const now = rows.size > 0 ? sink.bytes.subarray(0, sink.length) : bytes.subarray(at, stop);
        const expected = Buffer.concat(masked.slice(index, taken));
        if (!now.equals(expected)) {
          const what = JSON.stringify({ seed, rule: mask.rule, cells, rows: records.slice(index, taken).map(String) });
          expect(now.toString('latin1'), what).toBe(expected.toString('latin1'));
        }
        if (rows.size > 0) rewritten += rows.counts.reduce((a, b) => a + b, 0);
        index = taken + 1;
        at = stop + (framed[taken]?.length ?? 0);
      }
    }
    // Otherwise nothing was compared.
    expect(rewritten).toBeGreaterThan(rounds / 200);
  }, 600_000);

  it('marks whatever a detector finds', () => {
    const dice = new Dice(seed + 1);
    const scanners = detectorNames.map((name) => [name, new Scanner(new Set([name]), [])] as const);
    const names = (name: DetectorName): ReadonlySet<DetectorName> => new Set([name]);
    for (let round = 0; round < rounds / 4; round++) {
      const text = value(dice);
      const column = dice.of(columns);
      const bytes = Buffer.from(text);
      const [name, scanner] = dice.of(scanners);
      if (scanner.wantsAll(column) || (traitsOf(bytes) & scanner.traits) === 0) continue;
      if (scanner.scan(text, column, new Work()).length === 0) continue;
      expect(kindsOfBytes(bytes, kindsOf(names(name))), `${name} [${column}] ${JSON.stringify(text)}`).not.toBe(0);
    }
  });

  it('finds what spans the pieces of a long text', () => {
    for (const text of ['someone@example.com', '4111 1111 1111 1111', 'eyJhbGciOiJIUzI1NiJ9']) {
      for (let shift = -text.length - 20; shift <= text.length + 20; shift++) {
        const bytes = Buffer.alloc(markedBytesMax * 2, ' ');
        bytes.write(text, markedBytesMax + shift);
        const wanted = kindsOf(new Set(['email', 'credit_card', 'jwt']));
        expect(kindsOfBytes(bytes, wanted), `${text} at ${shift}`).not.toBe(0);
      }
    }
  });

  it('finds what lies across the windows of one pass', () => {
    const texts = [
      'identidad: X0425307-Z please',
      'ring +44 20 7946 0958 now',
      'a@example.com',
      'AB 12 34 56 C',
      '::1 fe80::1',
    ];
    const mask = valueMask({ detect: ['pii', 'secret'] });
    for (const text of texts) {
      const value = Buffer.from(text);
      const expected = mask.apply(value, cell())!.toString('latin1');
      for (let before = 0; before < 100; before++) {
        const bytes = Buffer.concat([Buffer.alloc(before), value, Buffer.alloc(60)]);
        const sink = new Sink();
        mask.bulk!.mark(bytes, 0, bytes.length);
        expect(mask.bulk!.next(before), `${text} at ${before}`).toBeLessThan(before + value.length);
        mask.bulk!.apply(before, before + value.length, cell(), sink);
        expect(sink.bytes.toString('latin1', 0, sink.length), `${text} at ${before}`).toBe(expected);
      }
    }
  });

  it('marks nothing in prose', () => {
    const text = Buffer.from(
      'The quick brown fox jumps over the lazy dog; again, and again (as ever) by 12. '.repeat(50),
    );
    expect(kindsOfBytes(text, kindsOf(new Set(detectorNames.filter((name) => name !== 'high_entropy'))))).toBe(0);
  });

  it('tells traits as the reference does', () => {
    const dice = new Dice(seed + 2);
    for (let round = 0; round < 5000; round++) {
      const bytes = Buffer.from(value(dice)).subarray(0, markedBytesMax);
      markBytes(bytes, 0, bytes.length, 1);
      expect(traitsBetween(0, bytes.length), bytes.toString()).toBe(traitsOf(bytes));
    }
  });

  it('finds hints in any case, and only within bounds', () => {
    const bytes = Buffer.from('xx PHONE, bIRTH akia');
    markBytes(bytes, 0, bytes.length, 1);
    expect(hintsBetween(0, bytes.length) & 3).toBe(3);
    expect(hintsBetween(0, 7) & 3).toBe(1);
    expect(hintsBetween(0, 6) & 3).toBe(0);
    expect(hintsBetween(10, bytes.length) & 3).toBe(2);
    expect(hintsBetween(4, 4)).toBe(0);
  });
});

describe('WebAssembly', () => {
  it.each(wasmModules)(
    '%s is what its source compiles to',
    async (name) => {
      const kept = await readFile(new URL(`./wasm/${name}.generated.ts`, import.meta.url), 'utf8');
      expect(renderWasm(name, await compileWasm(name)) === kept, 'run node tools/build-wasm.ts').toBe(true);
    },
    60_000,
  );
});

it('has a cell that stays as it is', () => {
  const mask = valueMask({ detect: ['email'] });
  const bytes = Buffer.from('nobody');
  mask.bulk!.mark(bytes, 0, bytes.length);
  expect(mask.bulk!.next(0)).toBeGreaterThanOrEqual(bytes.length);
  expect(mask.bulk!.apply(0, bytes.length, cell(), new Sink())).toBe(false);
});
