import { describe, expect, test } from 'vitest';
import * as limits from './limits.ts';
import { presentPlain, presentText, presentValue } from './present.ts';

/** A small generator with a seed, so that a failure can be run again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
}

/** What the spelled rows stand for: the inverse of `presentText`. */
function readBack(text: string): string {
  const { lines } = presentText(text);
  const rows = new Map<number, string>();
  for (const { number, spans } of lines) {
    const shown = spans
      .map(({ text: span }) =>
        span
          .replace(/⟦(\d+) spaces⟧/g, (_, count: string) => ' '.repeat(Number(count)))
          .replace(/⟦(\d+) empty lines⟧/g, '\n'.repeat(0))
          .replaceAll('→   ', '\t')
          .replace(/⟦U\+([0-9A-F]+)⟧/g, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16))),
      )
      .join('');
    rows.set(number, (rows.get(number) ?? '') + shown);
  }
  return [...rows.values()].join('\n');
}

describe('A-REV-06: a reviewer sees all of it', () => {
  test('plain text is shown as it is, with its line numbers', () => {
    expect(presentPlain("select 1;\n  select 'Grüße', '名前'")).toEqual([
      '1 │ select 1;',
      "2 │   select 'Grüße', '名前'",
    ]);
  });

  const hidden: readonly (readonly [string, string, string])[] = [
    ['right-to-left override', 'a\u202eb', 'a⟦U+202E⟧b'],
    ['isolate', '\u2066x\u2069', '⟦U+2066⟧x⟦U+2069⟧'],
    ['zero width', 'dr\u200bop', 'dr⟦U+200B⟧op'],
    ['byte order mark', '\ufeffx', '⟦U+FEFF⟧x'],
    ['soft hyphen', 'dr\u00adop', 'dr⟦U+00AD⟧op'],
    ['ANSI', '\u001b[2K\u001b[1A', '⟦U+001B⟧[2K⟦U+001B⟧[1A'],
    ['C1', '\u009b2J', '⟦U+009B⟧2J'],
    ['carriage return', 'drop table x\rselect 1', 'drop table x⟦U+000D⟧select 1'],
    ['backspace', 'a\b\bb', 'a⟦U+0008⟧⟦U+0008⟧b'],
    ['NUL', 'a\0b', 'a⟦U+0000⟧b'],
    ['line separator', 'a\u2028b', 'a⟦U+2028⟧b'],
    ['no-break space', 'a\u00a0b', 'a⟦U+00A0⟧b'],
    ['Hangul filler', 'a\u3164b', 'a⟦U+3164⟧b'],
    ['blank Braille', 'a\u2800b', 'a⟦U+2800⟧b'],
    ['tag characters', 'a\u{e0041}b', 'a⟦U+E0041⟧b'],
    ['variation selector', 'a\ufe0fb', 'a⟦U+FE0F⟧b'],
    ['private use', '\ue000', '⟦U+E000⟧'],
    ['half a surrogate pair', 'a\ud800b', 'a⟦U+D800⟧b'],
    ['marks piled up', 'a\u0301\u0301\u0301', 'a\u0301\u0301⟦U+0301⟧'],
    ['a mark on nothing', '\u0301a', '⟦U+0301⟧a'],
    ['a mark on a space', 'a \u0301b', 'a ⟦U+0301⟧b'],
    ['its own spelling', '⟦U+202E⟧', '⟦U+27E6⟧U+202E⟦U+27E7⟧'],
    ['an arrow like a tab', '→   x\ty', '⟦U+2192⟧   x→   y'],
  ];
  test.each(hidden)('%s is spelled', (_, text, shown) => {
    expect(presentPlain(text)).toEqual([`1 │ ${shown}`]);
    expect(presentValue(text)).toBe(shown);
  });

  test('right-to-left letters are isolated on a page and spelled in plain text', () => {
    expect(presentText("'\u05d0\u05d1' -- 1").lines[0]!.spans).toEqual([
      { kind: 'text', text: "'" },
      { kind: 'rtl', text: '\u05d0\u05d1' },
      { kind: 'text', text: "' -- 1" },
    ]);
    expect(presentPlain("'\u05d0' -- 1")).toEqual(["1 │ '⟦U+05D0⟧' -- 1"]);
  });

  test('a tail behind 10 kB of padding is on the first rows', () => {
    const spaces = presentPlain(`select 1;${' '.repeat(10_000)}drop table customers`);
    expect(spaces).toEqual(['1 │ select 1;⟦10000 spaces⟧drop table customers']);
    const rows = presentPlain(`select 1;${'\n'.repeat(10_000)}drop table customers`);
    expect(rows).toEqual(['    1 │ select 1;', '    2 │ ⟦9999 empty lines⟧', '10001 │ drop table customers']);
    const blank = presentPlain(`select 1;${'\n   '.repeat(10_000)}\ndrop`);
    expect(blank).toHaveLength(3);
    const tabs = presentPlain(`select 1;${'\t'.repeat(10_000)}drop`);
    expect(tabs.at(-1)).toContain('drop');
  });

  test('runs of blanks at the limit are shown, and folded one past it', () => {
    const { presentedSpacesMax: spaces, presentedEmptyLinesMax: empty } = limits;
    expect(presentPlain(`a${' '.repeat(spaces)}b`)).toEqual([`1 │ a${' '.repeat(spaces)}b`]);
    expect(presentPlain(`a${' '.repeat(spaces + 1)}b`)).toEqual([`1 │ a⟦${spaces + 1} spaces⟧b`]);
    expect(presentPlain(`a\n${'\n'.repeat(empty)}b`)).toHaveLength(empty + 2);
    expect(presentPlain(`a\n${'\n'.repeat(empty + 1)}b`)).toHaveLength(3);
  });

  test('no row is longer than a screen, and a broken line says so', () => {
    const { lines } = presentText(`${'x'.repeat(limits.presentedColumns)}${'名'.repeat(limits.presentedColumns)}\ny`);
    expect(lines.map(({ number, continued }) => [number, continued])).toEqual([
      [1, false],
      [1, true],
      [1, true],
      [2, false],
    ]);
    expect(presentPlain('x'.repeat(limits.presentedColumns + 1))[1]).toBe('… │ x');
  });

  test('words that mix alphabets are reported', () => {
    expect(presentText('select 1\nfrom p\u0430yments').notes.join()).toContain('lines 2');
    expect(presentText('select \u043f\u0440\u0438\u0432\u0435\u0442').notes).toEqual([]);
    expect(presentText('select 1').notes).toEqual([]);
  });

  test('nothing is lost, and nothing unseen is left, whatever the text', () => {
    const seed = Number(process.env['SEED'] ?? 20_260_101);
    const next = random(seed);
    const alphabet = [
      'a',
      ' ',
      '  ',
      '\t',
      '\r',
      '\u202e',
      '⟦',
      '⟧',
      'U+41',
      '→',
      '\u0301',
      '\u05d0',
      '名',
      '\0',
      '\ud800',
      '👩',
      '\u200d',
      '"',
    ];
    for (let round = 0; round < 500; round++) {
      const text = Array.from(
        { length: Math.floor(next() * 60) },
        () => alphabet[Math.floor(next() * alphabet.length)],
      ).join('');
      // Halves that meet are a pair; what matters is that nothing is lost.
      expect(readBack(text), `seed ${seed}, round ${round}`).toBe(text);
      const plain = presentPlain(text).join('');
      expect(
        /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\u05d0]/.test(plain),
        `seed ${seed}, round ${round}`,
      ).toBe(false);
    }
  });

  test('the longest text is presented whole', () => {
    const { lines } = presentText('\u202e'.repeat(limits.textBytesMax / 3));
    expect(lines.map(({ spans }) => spans.length)).not.toContain(0);
    expect(lines.flatMap(({ spans }) => spans.map(({ text }) => text)).join('').length).toBe(
      8 * Math.floor(limits.textBytesMax / 3),
    );
  });
});
