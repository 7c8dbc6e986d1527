/** The screen: halves that meet on it, what flashes by, pictures, floods, and the way back to the program's own bytes. */
import { describe, expect, it } from 'vitest';
import { Dice } from '../corpus/generate.ts';
import * as limits from './limits.ts';
import { Shadow } from './shadow.ts';
import { canaries, cut, privateKey, run, terminalOf } from './testing.ts';

const { aws, github, email } = canaries;
const size = { columns: 80, rows: 24 };
const enter = '\x1b[?1049h\x1b[H\x1b[2J';

/** A terminal, its client's screen, and a clock that moves by a frame with each push. */
function session(names: readonly string[] = ['secret', 'email']) {
  const mask = terminalOf(names);
  const client = new Shadow(size);
  let nowMs = 0;
  const show = (bytes: Buffer): string => {
    client.write(bytes);
    return bytes.toString();
  };
  return {
    mask,
    client,
    text: (): string =>
      Array.from({ length: size.rows }, (_, row) => client.row(row).translateToString(false)).join('\n'),
    push: (text: string): string => {
      nowMs += 1000;
      let out = mask.push(Buffer.from(text), nowMs);
      let all = show(out.bytes);
      for (let turn = 0; out.holdUntilMs !== null && turn < 1000; turn++) {
        nowMs = Math.max(nowMs, out.holdUntilMs);
        out = mask.flush(nowMs);
        all += show(out.bytes);
      }
      return all;
    },
  };
}

describe('a screen', () => {
  it('passes bytes as they are while nothing is on it', () => {
    const { push } = session();
    const text = `${enter}\x1b[5;5Hplain \x1b[31mtext\x1b[0m\x1b]0;title\x07\x1b[?1000h\x1b[3;10r\x1b[10;1H\n\x1b[r`;
    expect(push(text)).toBe(text);
    expect(push('\x1b[?1049l$ ')).toBe('\x1b[?1049l$ ');
  });

  it.each([
    ['in one piece', `\x1b[3;1H${aws} x`],
    ['from halves at places of their own', `\x1b[3;1H${aws.slice(0, 10)}\x1b[9;1Hxx\x1b[3;11H${aws.slice(10)}`],
    [
      'from its end to its beginning',
      [...aws]
        .map((c, i) => `\x1b[3;${i + 1}H${c}`)
        .reverse()
        .join(''),
    ],
    ['over the edge of a row, wrapped', `\x1b[3;70H${aws}`],
    ['over the edge of a row, placed', `\x1b[3;71H${aws.slice(0, 10)}\x1b[4;1H${aws.slice(10)}`],
    ['over the edge of a row, behind an indent', `\x1b[3;71H${aws.slice(0, 10)}\x1b[4;1H    ${aws.slice(10)}`],
    ['among wide characters', `\x1b[3;1H日本${aws}日`],
  ])('shows no secret that is drawn %s', (_name, drawn) => {
    const { push, text, client } = session();
    push(enter);
    push(drawn);
    expect(text().replace(/[\s]/g, '')).not.toContain(aws);
    expect(text()).toContain('**********');
    expect(client.cursor.row).toBeLessThan(size.rows);
  });

  it('masks with the same widths and colours, and moves nothing', () => {
    const { push, text } = session();
    push(enter);
    push(`\x1b[3;1Ha 日本 \x1b[31m${aws}\x1b[0m z\x1b[20;3Hbelow`);
    const rows = text().split('\n');
    expect(rows[2]!.trimEnd()).toBe(`a 日本 ${'*'.repeat(aws.length)} z`);
    expect(rows[19]!.trimEnd()).toBe('  below');
  });

  it('gives the program its bytes back when the secret is gone, with all that it set', () => {
    const { push, text, client } = session();
    const truth = new Shadow(size);
    const steps = [
      enter,
      `\x1b[3;1H${aws}\x1b[5;20r\x1b[7;9H\x1b[1;33m\x1b7\x1b[?6h\x1b[2;3H\x1b[4h`,
      '\x1b[?6l\x1b[3;1H\x1b[2K',
      'abc\x1b[1;1Hdef\x1b8ghi\x1b[20;1H\n\n\x1b[4lxy\x1b[?6h\x1b[1;1Hq',
      `\x1b[24;75Hlonger than a row`,
    ];
    for (const step of steps) {
      push(step);
      truth.write(Buffer.from(step));
    }
    expect(push('\x1b[H')).toBe('\x1b[H');
    truth.write(Buffer.from('\x1b[H'));
    for (let row = 0; row < size.rows; row++) {
      expect(client.row(row).translateToString(false), `row ${row}`).toBe(truth.row(row).translateToString(false));
    }
    expect(client.cursor).toEqual(truth.cursor);
    expect(client.margins).toEqual(truth.margins);
    expect(client.modes).toEqual(truth.modes);
    expect(text()).not.toContain(aws);
  });

  it('never shows what is drawn and taken away again before anybody looks', () => {
    const { push } = session();
    push(enter);
    expect(push(`\x1b[3;1H${aws}\x1b[3;1H\x1b[2Knothing`)).not.toContain(aws);
    expect(push('\x1b[4;1Hmore')).toBe('\x1b[4;1Hmore');
  });

  it('keeps pictures back while something is masked, and lets questions and modes pass', () => {
    const { push } = session();
    push(enter);
    const out = push(
      `\x1b[3;1H${aws}\x1bPq#0;2;0;0;0~~\x1b\\\x1b_Ga=T;AAAA\x1b\\\x1b]1337;File=a:AAAA\x07\x1b[6n\x1b[?1002h\x1b]0;t\x07`,
    );
    expect(out).toContain('\x1b[6n\x1b[?1002h\x1b]0;t\x07');
    for (const picture of ['Pq', '_G', '1337']) expect(out).not.toContain(picture);
  });

  it('masks what the edge cuts off', () => {
    const { push, text } = session();
    push(enter);
    push(`\x1b[?7l\x1b[3;61H${github}`);
    expect(text()).not.toContain(github.slice(0, 10));
  });

  it('masks a key whose header is above the screen', () => {
    const { push, text } = session();
    push(enter);
    push(
      privateKey
        .slice(4, 10)
        .map((line, index) => `\x1b[${index + 1};1H${line}`)
        .join(''),
    );
    for (const line of privateKey.slice(4, 10)) expect(text()).not.toContain(line);
  });

  it('is drawn anew with another size', () => {
    const { push, mask, client } = session();
    push(`${enter}\x1b[3;1H${aws}`);
    client.resize({ columns: 60, rows: 20 });
    const out = mask.resize({ columns: 60, rows: 20 }, 1e6);
    expect(out.bytes.length).toBeGreaterThan(0);
    expect(out.bytes.toString()).not.toContain(aws);
  });

  it('does not depend on how bytes are cut: what is shown at the end is the same', () => {
    const words = [
      '\x1b[3;5H',
      '\x1b[4;70H',
      ` ${aws} `,
      ` ${email} `,
      'x',
      '\r\n',
      '\x1b[2K',
      '\x1b[2J',
      '\x1b[31m',
      '\x1b[0m',
      '日本',
      '\x1b[?7l',
      '\x1b[?7h',
      '\x1b[L',
      '\x1b[5b',
    ];
    for (let seed = 1; seed <= 150; seed++) {
      const dice = new Dice(seed);
      const bytes = Buffer.from(enter + Array.from({ length: 20 }, () => dice.of(words)).join(''));
      const whole = session();
      whole.push(bytes.toString());
      const pieces = session();
      for (const piece of cut(bytes, dice, 12)) {
        // Through latin-1, so that a character may be cut.
        const out = pieces.mask.push(Buffer.from(piece), 0);
        pieces.client.write(Buffer.from(out.bytes));
      }
      pieces.push('');
      expect(pieces.text(), `seed ${seed}: ${JSON.stringify(bytes.toString())}`).toBe(whole.text());
      expect(pieces.text()).not.toContain(` ${aws} `);
    }
  });
});

describe('the primary screen', () => {
  it('is a screen where a program draws on it, with what was there before', () => {
    const { push, text } = session();
    push(`one\r\ntwo ${aws.slice(0, 10)}\r\n`);
    push(`\x1b[2;15H${aws.slice(10)}\x1b[5;1H`);
    expect(text()).not.toContain(aws);
    expect(text().split('\n')[1]!.trimEnd()).toBe(`two ${'*'.repeat(aws.length)}`);
  });

  it('is a stream again when lines end one after the other', () => {
    const { push } = session();
    push('\x1b[5;1Hdrawn');
    push('\r\n\r\na\r\n');
    const lines = 'plain line\r\n'.repeat(200);
    expect(push(lines)).toBe(lines);
    expect(push(`key ${aws}\r\n`)).toBe(`key ${'*'.repeat(aws.length)}\r\n`);
  });
});

describe('frames', () => {
  it('come at once after a pause, and then no more often than a person sees', () => {
    const mask = terminalOf(['secret']);
    mask.push(Buffer.from(enter), 0);
    expect(mask.push(Buffer.from('a'), 1000)).toMatchObject({ bytes: Buffer.from('a'), holdUntilMs: null });
    expect(mask.push(Buffer.from('b'), 1001)).toMatchObject({
      bytes: Buffer.alloc(0),
      holdUntilMs: 1000 + limits.frameMs,
    });
    expect(mask.push(Buffer.from('c'), 1002)).toMatchObject({ holdUntilMs: 1000 + limits.frameMs });
    expect(mask.flush(1000 + limits.frameMs)).toMatchObject({ bytes: Buffer.from('bc'), holdUntilMs: null });
  });

  it('of a flood are fewer, and nothing passes that was not looked at (A-MSK-01)', () => {
    const mask = terminalOf(['secret']);
    mask.push(Buffer.from(enter), 0);
    const flood = Buffer.from(`\x1b[2J\x1b[H${aws} ${'x'.repeat(200)}`.repeat(2000));
    let out = mask.push(flood, 1000);
    let turns = 0;
    let frames = 0;
    for (; out.holdUntilMs !== null && turns < 100_000; turns++) {
      if (out.bytes.length > 0) frames++;
      expect(out.bytes.includes(aws)).toBe(false);
      out = mask.flush(Math.max(1000 + turns, out.holdUntilMs));
    }
    expect(turns).toBeGreaterThan(5);
    expect(frames).toBeLessThan(5 + turns / (limits.floodFrameMs / 2));
  });

  it('are not held up by numbers that no screen has (A-MSK-01)', () => {
    const { push, text } = session(['secret']);
    push(`${enter}\x1b[2;2Hx\x1b[2147483647b\x1b[2147483647L\x1b[99999999;1H\x1b[1;1H${aws}`);
    expect(text()).not.toContain(aws);
  });
});

describe('a whole session', () => {
  it('goes from lines to a screen and back, and counts what it masked', () => {
    const mask = terminalOf(['aws_key']);
    const out = run(mask, [`$ cat ${aws}\r\n`, `${enter}${aws}`, '\x1b[?1049l', `$ ${aws}`, '\r\n']);
    expect(out).not.toContain(aws);
    expect(out.endsWith(`\x1b[?1049l$ ${'*'.repeat(aws.length)}\r\n`)).toBe(true);
    expect([...mask.hits]).toEqual([['a', 3]]);
  });
});
