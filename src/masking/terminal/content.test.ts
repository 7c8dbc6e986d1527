/** Content that is let through or refused whole; streams of which everything is masked; tokens of a terminal. */
import { describe, expect, it } from 'vitest';
import { Dice, generateCorpus } from '../corpus/generate.ts';
import { corpusSeed } from '../corpus/measure.ts';
import { detectorNames } from '../detectors/table.ts';
import { LineFilter, none } from './filter.ts';
import { Finder } from './finder.ts';
import { joinStreams, maskStreamsWholly } from './index.ts';
import * as limits from './limits.ts';
import { canaries, cut, partOf, run, streamsOf } from './testing.ts';
import { Tokeniser } from './tokeniser.ts';

const { aws, email } = canaries;

describe('content', () => {
  const scan = (bytes: Buffer, pieces: readonly Buffer[] = [bytes], names = ['secret']) => {
    const content = streamsOf(...names).content();
    for (const piece of pieces) {
      const hit = content.push(Buffer.from(piece));
      expect(content.clearBytes).toBeLessThanOrEqual(hit?.offset ?? bytes.length);
      if (hit !== null) return hit;
    }
    return content.end();
  };

  it('is answered with the first finding, where it begins and what found it, wherever it stands', () => {
    const filler = Buffer.from('nothing to see here, not even é\n'.repeat(6000));
    for (const at of [
      0,
      1,
      100,
      limits.contentWindowBytes - 10,
      limits.contentWindowBytes - limits.contentOverlapBytes - 5,
      150_000,
    ]) {
      const bytes = Buffer.concat([filler.subarray(0, at), Buffer.from(` ${aws} `), filler.subarray(at)]);
      const expected = { rule: 'a', detector: 'aws_key', offset: at + 1 };
      expect(scan(bytes), `at ${at}`).toEqual(expected);
      expect(scan(bytes, cut(bytes, new Dice(at), 5000)), `cut, at ${at}`).toEqual(expected);
    }
  });

  it('is answered with nothing where nothing is, and all of it is clear at the end', () => {
    const bytes = Buffer.from('nothing to see here\n'.repeat(5000));
    const content = streamsOf('secret').content();
    expect(content.push(bytes)).toBeNull();
    expect(bytes.length - content.clearBytes).toBeLessThanOrEqual(limits.contentWindowBytes);
    expect(content.end()).toBeNull();
    expect(content.clearBytes).toBe(bytes.length);
  });

  it('does not depend on how it is cut: random bytes and text', () => {
    const items = generateCorpus(corpusSeed + 3, 3).map(({ text }) => text);
    for (let seed = 1; seed <= 20; seed++) {
      const dice = new Dice(seed);
      const parts: Buffer[] = [];
      for (let part = 0; part < 40; part++) {
        parts.push(Buffer.from(Array.from({ length: dice.below(3000) }, () => dice.below(256))));
        if (dice.below(8) === 0) parts.push(Buffer.from(` ${dice.of(items)} `));
      }
      const bytes = Buffer.concat(parts);
      expect(scan(bytes, cut(bytes, dice, 9000), ['secret', 'email']), `seed ${seed}`).toEqual(
        scan(bytes, [bytes], ['secret', 'email']),
      );
    }
  });
});

describe('the look at lines', () => {
  it.each([...detectorNames, null])('passes over no line with a finding of %s', (name) => {
    const names = name === null ? detectorNames : [name];
    const part = partOf(names);
    const filter = new LineFilter([part], false);
    const finder = new Finder([part]);
    for (const { text, column } of generateCorpus(corpusSeed + 11, 12)) {
      for (const line of [text, `${column}: ${text}`].map((one) => one.replace(/[\r\n]/g, ' '))) {
        if (finder.find(line).length === 0) continue;
        const bytes = Buffer.from(`clean line\n${line}\nclean\n`);
        const found = filter.next(bytes, 0, bytes.length);
        expect(found !== none && found < 11 + Buffer.byteLength(line) + 1, `${name}: ${line}`).toBe(true);
      }
    }
  });

  it('passes over logs', () => {
    const filter = new LineFilter([partOf(['secret'])], true);
    const log = Buffer.from(
      'Nov 21 08:49:49 web-1 nginx[123]: 10.0.0.1 - - "GET /index.html?q=1 HTTP/1.1" 200 612 asked for\r\n'.repeat(50),
    );
    expect(filter.next(log, 0, log.length)).toBe(none);
  });
});

describe('streams masked wholly', () => {
  const whole = maskStreamsWholly('guardrail');

  it('keep blanks, lines and moves, and nothing else', () => {
    const mask = whole.terminal({ columns: 80, rows: 24 });
    expect(run(mask, ['a \x1b[31mbc', '\x1b[0m\r\n\x1b]0;secret\x07dé\t.'])).toBe('* \x1b[31m**\x1b[0m\r\n**\t*');
    expect([...mask.hits]).toEqual([['guardrail', 1]]);
    expect(whole.content().push(Buffer.from('x'))).toEqual({ rule: 'guardrail', detector: 'everything', offset: 0 });
  });

  it('count for more than what only looks for findings; two of those work in turn', () => {
    expect(joinStreams(streamsOf('secret'), whole)).toBe(whole);
    expect(joinStreams(null, null)).toBeNull();
    const both = joinStreams(streamsOf('aws_key'), streamsOf('email'))!;
    expect(run(both.plain(), [`${aws} ${email} x\n`])).toBe(
      `${'*'.repeat(aws.length)} ${'*'.repeat(email.length)} x\n`,
    );
    expect(run(both.terminal({ columns: 80, rows: 24 }), [`${aws} ${email} x`])).not.toContain('example');
  });
});

describe('tokens', () => {
  const tokens = (pieces: readonly Buffer[]): { names: string[]; bytes: string } => {
    const names: string[] = [];
    const bytes: Buffer[] = [];
    const tokeniser = new Tokeniser();
    const sink = {
      text: (chunk: Buffer, start: number, end: number) => {
        bytes.push(Buffer.from(chunk.subarray(start, end)));
        if (names.at(-1) !== 'text') names.push('text');
      },
      control: (byte: number) => {
        bytes.push(Buffer.of(byte));
        names.push(`control ${byte}`);
      },
      sequence: (sequence: {
        kind: string;
        final: string;
        marks: string;
        numbers: readonly number[];
        bytes: Buffer;
      }) => {
        bytes.push(sequence.bytes);
        names.push(`${sequence.kind} ${sequence.marks}${sequence.numbers.join()}${sequence.final}`);
      },
    };
    for (const piece of pieces) tokeniser.run(piece, 0, piece.length, sink);
    tokeniser.end(sink);
    return { names, bytes: Buffer.concat(bytes).toString('latin1') };
  };

  it.each([
    ['a\x1b[1;31mb', ['text', 'csi 1,31m', 'text']],
    ['\x1b[?1049h', ['csi ?1049h']],
    ['\x1b[;5H', ['csi -1,5H']],
    ['\x1b[38:2::1:2:3m', ['csi 38,2,-1,1,2,3m']],
    ['\x1b]0;t\x07\x1b]0;u\x1b\\', ['osc \\', 'osc \\']],
    ['\x1bP1$r\x1b\\x', ['string \\', 'text']],
    ['\x1b(B\x1b7', ['escape (B', 'escape 7']],
    ['\x1b[3\x1b[4m', ['csi ', 'csi 4m']],
    ['\x1b[3\x18a', ['csi 3', 'text']],
    ['\xc2\x9b31m\xc2\xa0', ['csi 31m', 'text']],
    ['\x1b[99999999999m', ['csi 9999m']],
    ['\r\n\x7f', ['control 13', 'control 10', 'control 127']],
  ])('of %j', (text, expected) => {
    const bytes = Buffer.from(text, 'latin1');
    expect(tokens([bytes]).names).toEqual(expected);
    expect(tokens([...bytes].map((byte) => Buffer.of(byte))).names).toEqual(expected);
  });

  it('are all of the bytes, in order, however they are cut: 500 random streams', () => {
    const words = [
      '\x1b',
      '[',
      ']',
      'P',
      '_',
      '\\',
      ';',
      '1',
      'm',
      'h',
      '?',
      '\x07',
      '\x18',
      '\x9b',
      '\xc2',
      '\x9d',
      '\xe2\x82\xac',
      'a',
      '\r',
      '(',
      '\x00',
    ];
    for (let seed = 1; seed <= 500; seed++) {
      const dice = new Dice(seed);
      const bytes = Buffer.from(Array.from({ length: 60 }, () => dice.of(words)).join(''), 'latin1');
      const whole = tokens([bytes]);
      expect(whole.bytes, `seed ${seed}`).toBe(bytes.toString('latin1'));
      expect(tokens(cut(bytes, dice, 5)), `seed ${seed}`).toEqual(whole);
    }
  });
});
