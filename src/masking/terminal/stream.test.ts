/** The window over lines: what is found however it is cut, what passes as it came, and how long anything waits. */
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { Dice, generateCorpus } from '../corpus/generate.ts';
import { corpusSeed } from '../corpus/measure.ts';
import * as limits from './limits.ts';
import { canaries, cut, privateKey, run, streamsOf, terminalOf } from './testing.ts';

const { aws, jwt, email, card, ssn, github } = canaries;
const strip = (text: string): string =>
  text.replace(/\x1b\[[0-9:;<=>?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|[\x00\x07]/g, '');

/** Name, pieces, and what the client must not be able to read. */
const masked: readonly (readonly [string, readonly string[], string])[] = [
  ['whole', [`key=${aws} ok\r\n`], aws],
  ['two chunks', [`key=${aws.slice(0, 9)}`, `${aws.slice(9)} ok\r\n`], aws],
  ['byte by byte', [...`k ${aws} z\r\n`], aws],
  ['colours within (grep --color)', [`id \x1b[01;31m\x1b[KAKIA\x1b[m\x1b[K${aws.slice(4)} ok\r\n`], aws],
  ['a colour for each character', [`${[...aws].map((c, i) => `\x1b[3${i % 8}m${c}`).join('')}\x1b[0m\r\n`], aws],
  ['a sequence split across chunks', [`${aws.slice(0, 8)}\x1b[3`, `1m${aws.slice(8)}\x1b[0m\r\n`], aws],
  ['a long token', [`Authorization: Bearer ${jwt.slice(0, 30)}`, `${jwt.slice(30)}\r\n`], jwt],
  ['an address', [`contact ${email}, bob\r\n`], email],
  ['a card with blanks', ['pan 4111 11', '11 1111 1111\r\n'], card],
  ['a social security number', [`${ssn}\r\n`], ssn],
  ['beside characters of several bytes', [`日本 ${aws} é🚀 ${email}\r\n`], aws],
  ['at the end, without a newline', [`x ${aws}`], aws],
  ['a bell or NUL within', [`${aws.slice(0, 5)}\x07${aws.slice(5, 9)}\x00${aws.slice(9)}\r\n`], aws],
  ['a title within', [`${aws.slice(0, 5)}\x1b]0;title\x07${aws.slice(5)}\r\n`], aws],
  ['a letter written over after a backspace', ['AKIX\b', `A${aws.slice(4)}\r\n`], aws],
  ['written over after a carriage return', [`${github}\rdone${' '.repeat(36)}\r\n`], github],
  ['a move of no columns', [`${aws.slice(0, 5)}\x1b[C\x1b[D${aws.slice(5)}\r\n`], aws],
  ['C1 as ESC', [`${aws.slice(0, 5)}\xc2\x9b31m${aws.slice(5)}\r\n`], aws],
  [
    'wrapped by readline: blank and carriage return',
    [`${' '.repeat(72)}${aws.slice(0, 8)} \r${aws.slice(8)}\r\n`],
    aws,
  ],
  ['wrapped by less: blank and backspace', [`${' '.repeat(72)}${aws.slice(0, 8)} \b${aws.slice(8)}\r\n`], aws],
  ['in a title', [`\x1b]0;${aws}\x07\r\n`], aws],
  ['in the clipboard', [`\x1b]52;c;${Buffer.from(aws).toString('base64')}\x07`], Buffer.from(aws).toString('base64')],
];

describe('a terminal', () => {
  it.each(masked)('masks: %s', (_name, pieces, secret) => {
    const out = run(
      terminalOf(),
      pieces.map((piece) => Buffer.from(piece, piece.includes('\xc2') ? 'latin1' : 'utf8')),
    );
    expect(strip(out)).not.toContain(secret);
    expect(out.replace(/[^A-Za-z0-9]/g, '')).not.toContain(secret.replace(/[^A-Za-z0-9]/g, ''));
    if (!out.includes('\r\n') || !pieces[0]!.startsWith('\x1b]')) expect(out).not.toContain(secret);
  });

  it.each([
    ['a prompt', 'root@host:~# '],
    ['ls', '-rw-r--r-- 1 root root 1234 Jan  1 00:00 AKIA.txt\r\n'],
    ['colours', '\x1b[0m\x1b[01;34mdir\x1b[0m  file\r\n'],
    ['long digits', '1234567890123456789012\r\n'],
    ['UTF-8 and what is none', `${Buffer.from('é日本🚀').toString('latin1')} \xff\xfe\xc3 \x80\r\n`],
    ['latin-1', Buffer.from('caf\xe9 na\xefve\r\n', 'latin1').toString('latin1')],
    ['moves', 'abc\x1b[2Dxy\x1b[K\rz\r\n\x1b[A\x1b[10Cq\x1b[5n\x1b[6n'],
    ['controls within a sequence', 'a\x1b[3\x081mb\x1b[\x18c\x1b\x1b[1mz\r\n'],
    ['an unfinished sequence', 'abc\x1b[31'],
    ['an unfinished character', 'abc\xe2\x82'],
  ])('leaves as it is: %s', (_name, text) => {
    const bytes = Buffer.from(text, 'latin1');
    for (const size of [1, 3, 1000]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      expect(run(terminalOf(), pieces)).toBe(text);
    }
  });

  it('keeps widths, and counts by rule without the value', () => {
    const mask = terminalOf(['aws_key', 'email']);
    expect(run(mask, [`a ${aws} b ${email}\r\n`])).toBe(
      `a ${'*'.repeat(aws.length)} b ${'*'.repeat(email.length)}\r\n`,
    );
    expect([...mask.hits]).toEqual([['a', 2]]);
  });

  it('masks what is wide in as many columns', () => {
    const mask = terminalOf(['credit_card']);
    const wide = '４１１１１１１１１１１１１１１１';
    expect(run(mask, [`x ${wide} y\r\n`])).toBe(`x ${'*'.repeat(32)} y\r\n`);
  });
});

describe('private keys over lines', () => {
  it.each([
    ['plain', (line: string) => line],
    ['with line numbers', (line: string, index: number) => `  ${index} ${line}`],
    ['quoted', (line: string) => `> ${line}`],
    ['coloured', (line: string) => `\x1b[32m${line}\x1b[0m`],
  ])('are masked to their end: %s', (_name, dress) => {
    const text = `before\r\n${privateKey.map(dress).join('\r\n')}\r\nafter all\r\n`;
    for (const size of [7, 10_000]) {
      const out = run(terminalOf(), cut(Buffer.from(text), new Dice(1), size));
      for (const line of privateKey.slice(1, -2)) expect(out).not.toContain(line);
      expect(out).toContain('before\r\n');
      expect(out).toContain('\r\nafter all\r\n');
    }
  });

  it('that are cut off end with the first line that is none', () => {
    const out = run(terminalOf(), [`${privateKey.slice(0, 3).join('\r\n')}\r\nroot@host:~# ls\r\nAAAA\r\n`]);
    expect(out).toContain('root@host:~# ls\r\nAAAA\r\n');
    expect(out).not.toContain(privateKey[2]!);
  });

  it('mask no more than the largest key has', () => {
    const lines = Array.from({ length: 400 }, () => 'A'.repeat(64));
    const out = run(terminalOf(), [`${privateKey[0]}\r\n${lines.join('\r\n')}\r\n`]);
    expect(out.split('\r\n').filter((line) => line === lines[0]).length).toBe(400 - limits.pemBytesMax / 64);
  });
});

describe('waiting', () => {
  const start = (pieces: readonly string[]) => {
    const clock = new FakeClock();
    const mask = terminalOf();
    let shown = '';
    let until: number | null = null;
    for (const piece of pieces) {
      const out = mask.push(Buffer.from(piece), clock.monotonic());
      shown += out.bytes.toString();
      until = out.holdUntilMs;
    }
    return { clock, mask, shown, until };
  };

  it('is not done for what can become nothing', () => {
    expect(start(['root@host:~# '])).toMatchObject({ shown: 'root@host:~# ', until: null });
  });

  it('of a weak beginning ends soon, and it is shown', () => {
    const { mask, shown, until } = start(['token AKI']);
    expect([shown, until]).toEqual(['token ', limits.weakHoldMs]);
    expect(mask.flush(limits.weakHoldMs - 1).bytes.toString()).toBe('');
    expect(mask.flush(limits.weakHoldMs)).toMatchObject({ bytes: Buffer.from('AKI'), holdUntilMs: null });
    expect(run(mask, ['AIOSFODNN7EXAMPLE\r\n'])).toBe(`${'*'.repeat(17)}\r\n`);
  });

  it('of a strong beginning ends with stars, and so does the word behind it', () => {
    const { mask, shown, until } = start(['token ghp_abcdefgh']);
    expect([shown, until]).toEqual(['token ', limits.strongHoldMs]);
    expect(mask.flush(limits.strongHoldMs - 1)).toMatchObject({ holdUntilMs: limits.strongHoldMs });
    expect(mask.flush(limits.strongHoldMs).bytes.toString()).toBe('*'.repeat(12));
    expect(run(mask, ['ijkl and more\r\n'])).toBe('**** and more\r\n');
  });

  it('of what is whole already ends soon, with stars', () => {
    const { mask, shown, until } = start([`key: ${ssn}`]);
    expect([shown, until]).toEqual(['key: ', limits.weakHoldMs]);
    expect(mask.flush(limits.weakHoldMs).bytes.toString()).toBe('*'.repeat(ssn.length));
  });

  it('does not begin again with each byte of a trickle', () => {
    const mask = terminalOf(['github_token']);
    let shown = '';
    let until: number | null = null;
    for (let at = 0; at < 12; at++) {
      const out = mask.push(Buffer.from('ghp_abcdefgh'[at]!), at);
      shown += out.bytes.toString();
      until = out.holdUntilMs;
    }
    expect([shown, until]).toEqual(['', 9 + limits.strongHoldMs]);
  });

  it('shows the first characters of what is typed slowly, and none of the rest', () => {
    const mask = terminalOf(['github_token']);
    let shown = '';
    let nowMs = 0;
    for (const character of github) {
      shown += mask.push(Buffer.from(character), nowMs).bytes.toString();
      nowMs += 300;
      shown += mask.flush(nowMs).bytes.toString();
    }
    expect(shown).toBe(github.slice(0, 9) + '*'.repeat(github.length - 9));
  });
});

describe('cutting', () => {
  const words = [
    ...Object.values(canaries),
    'hello',
    'AKIA',
    'root@',
    '12',
    '\x1b[31m',
    '\x1b[0m',
    '\r\n',
    '\r\n',
    '日本',
    'eyJ',
    '=',
    '"',
    '\x1b[K',
    '\t',
    '\x07',
    'password=',
    'ssn',
    'order 4',
    '\x1b]0;t\x07',
    '-----BEGIN',
    'é',
    '４１',
    '\x1b[1;1H',
    '\x1b[2J',
  ];
  const moves = ['\b', '\b\b', '\r', ' \r', '\x1b[2D', '\x1b[3C', '\x1b[A', '\x1b[5G', '\x1b[P', '\x1b[2@', '\x1b[J'];
  const items = generateCorpus(corpusSeed + 7, 6).map(({ text, column }) => `${column} ${text}`.slice(0, 300));
  const streamOf = (dice: Dice, of: readonly string[], parts: number): string => {
    let text = '';
    for (let part = 0; part < parts; part++)
      text += `${dice.below(4) === 0 ? dice.of(items) : dice.of(of)}${dice.of([' ', ' ', ',', '"'])}`;
    return text;
  };

  it.each([
    ['terminal', 1300, ['secret', 'credit_card', 'us_ssn', 'email']],
    ['plain', 1300, ['secret', 'credit_card', 'us_ssn', 'email']],
    ['terminal', 200, ['secret', 'pii']],
    ['plain', 200, ['secret', 'pii']],
  ] as const)('changes nothing: a %s, %i streams, looking for %j', (kind, count, names) => {
    const streams = streamsOf(...names);
    const make = () => (kind === 'plain' ? streams.plain() : streams.terminal({ columns: 40, rows: 24 }));
    for (let seed = 1; seed <= count; seed++) {
      const dice = new Dice(seed);
      const text = streamOf(dice, words, 12);
      const bytes = Buffer.from(`${text}\r\n`);
      expect(run(make(), cut(bytes, dice, 1 + dice.below(30))), `seed ${seed}: ${JSON.stringify(text)}`).toBe(
        run(make(), [bytes]),
      );
    }
  });

  it('shows nothing more where the cursor moves about: 600 streams', () => {
    const streams = streamsOf('secret', 'email');
    for (let seed = 1; seed <= 600; seed++) {
      const dice = new Dice(seed);
      const text = streamOf(dice, [...words, ...moves, ...moves], 12);
      const bytes = Buffer.from(`${text}\r\n`);
      const out = run(streams.terminal({ columns: 40, rows: 24 }), cut(bytes, dice, 1 + dice.below(30)));
      for (const secret of [aws, github, jwt, email]) {
        for (const before of [' ', '"', ',', '\n'])
          expect(out, `seed ${seed}: ${JSON.stringify(text)}`).not.toContain(`${before}${secret}`);
      }
    }
  });

  it('changes nothing in lines longer than any window', () => {
    for (let seed = 1; seed <= 8; seed++) {
      const dice = new Dice(seed);
      const bytes = Buffer.from(`${streamOf(dice, words, 240).replace(/[\r\n\x1b]/g, '')}\r\n`);
      for (const kind of ['plain', 'terminal'] as const) {
        const streams = streamsOf();
        const make = () => (kind === 'plain' ? streams.plain() : streams.terminal({ columns: 80, rows: 24 }));
        expect(run(make(), cut(bytes, dice, 200)) === run(make(), [bytes]), `seed ${seed} ${kind}`).toBe(true);
      }
    }
  });

  it('masks a token that is longer than any window to its end', () => {
    const long = `eyJ${'a1B2'.repeat(300)}.${'c3D4'.repeat(900)}.${'e5F6'.repeat(100)}`;
    for (const kind of ['plain', 'terminal'] as const) {
      const mask = kind === 'plain' ? streamsOf().plain() : terminalOf();
      const out = run(mask, cut(Buffer.from(`x ${long} y\r\n`), new Dice(3), 700));
      expect(out).toBe(`x ${'*'.repeat(long.length)} y\r\n`);
    }
  });

  it('passes random bytes as they are where nothing is looked for that they have', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const dice = new Dice(seed);
      const bytes = Buffer.from(
        Array.from({ length: 500 }, () => (dice.below(3) === 0 ? dice.below(256) : 0x20 + dice.below(60))),
      );
      expect(run(streamsOf('aws_key').plain(), cut(bytes, dice, 40)), `seed ${seed}`).toBe(bytes.toString('latin1'));
    }
  });
});
