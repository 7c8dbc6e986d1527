/** The verdict channel: framing at every cut, limits, and a parser that stays dead (A-SSH-19). */
import { describe, expect, test } from 'vitest';
import * as limits from './limits.ts';
import { encodeReply, RequestParser, saidDirectory, UsedTokens } from './verdicts.ts';

const frame = (level: string, token: string, text: string): Buffer =>
  Buffer.from(`${level}\x1f${token}\x1f${text}\0`, 'utf8');

describe('requests', () => {
  test('read the same in one chunk and byte by byte', () => {
    const bytes = Buffer.concat([frame('L1', '42.7', 'ls é\x1f x'), frame('C', 'm.1', 'true'), frame('P', 'm.2', '')]);
    const whole = new RequestParser().push(bytes);
    const parser = new RequestParser();
    const single = [...bytes].flatMap((byte) => parser.push(Buffer.from([byte])));
    expect(single).toEqual(whole);
    expect(whole.map(({ level, ordinal, token, text }) => [level, ordinal, token, text])).toEqual([
      ['line', 1, '42.7', 'ls é\x1f x'],
      ['command', 0, 'm.1', 'true'],
      ['part', 0, 'm.2', ''],
    ]);
  });

  test.each([
    ['no separators', Buffer.from('L1 42.7 ls\0')],
    ['unknown level', frame('X', '42.7', 'ls')],
    ['ordinal zero', frame('L0', '42.7', 'ls')],
    ['token without lane', frame('C', '427', 'ls')],
    ['lane with a path', frame('C', '../x.7', 'ls')],
  ])('%s: refused, now and ever after', (_, bytes) => {
    const parser = new RequestParser();
    expect(() => parser.push(bytes)).toThrow('language.side-channel-malformed');
    expect(() => parser.push(frame('C', '1.1', 'ls'))).toThrow('language.side-channel-malformed');
  });

  test('text at the limit is whole, one byte past it is cut and says so', () => {
    const [at] = new RequestParser().push(frame('C', '1.1', 'x'.repeat(limits.textBytesMax)));
    expect([at!.text.length, at!.isCut]).toEqual([limits.textBytesMax, false]);
    const [past] = new RequestParser().push(frame('C', '1.1', 'x'.repeat(limits.textBytesMax + 1)));
    expect([past!.text.length, past!.isCut]).toEqual([limits.textBytesMax, true]);
  });

  test('a request without end is refused before it is kept', () => {
    const parser = new RequestParser();
    const chunk = Buffer.alloc(64 * 1024, 0x61);
    expect(() => {
      for (let at = 0; at < 8; at++) parser.push(chunk);
    }).toThrow('language.side-channel-malformed');
  });

  test('what is not UTF-8 is told', () => {
    const bytes = Buffer.concat([Buffer.from('C\x1f1.1\x1f'), Buffer.from([0xff, 0xfe, 0])]);
    expect(new RequestParser().push(bytes)[0]!.isText).toBe(false);
  });
});

describe('replies', () => {
  test('are one line, whatever the text', () => {
    const bytes = encodeReply('42.7', { verdict: 'deny', text: 'no\nA\x1b[2J' });
    expect(bytes.toString()).toBe('42 42.7Dno A [2J\n');
    expect(encodeReply('m.7', { verdict: 'allow-text' }).toString()).toBe('m m.7G\n');
  });
});

test('a token is good for one use, and memory is bounded', () => {
  const tokens = new UsedTokens();
  expect([tokens.use('1.1'), tokens.use('1.1')]).toEqual([true, false]);
  for (let at = 0; at < limits.tokensRemembered; at++) tokens.use(`2.${at}`);
  expect(tokens.use('1.1')).toBe(true);
});

describe('where the shell says that it is', () => {
  const place = (token: string, directory: string): Buffer => frame('W', token, directory);
  const said = (...bytes: Buffer[]): (string | null)[] =>
    new RequestParser().push(Buffer.concat(bytes)).map(({ directory }) => directory);

  test('is a frame of its own before the request with its token, at every cut', () => {
    const bytes = Buffer.concat([place('42.7', '/srv/app'), frame('L1', '42.7', 'ls')]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const parser = new RequestParser();
      const all = [...parser.push(bytes.subarray(0, cut)), ...parser.push(bytes.subarray(cut))];
      expect(all).toMatchObject([{ level: 'line', text: 'ls', directory: '/srv/app' }]);
    }
  });

  test('A-SSH-19: whatever it is called, the text that is judged is the text that was sent', () => {
    const hostile = 'x\x1fL1\x1f42.8\x1ftrue';
    const read = new RequestParser().push(Buffer.concat([place('42.7', hostile), frame('L1', '42.7', 'rm -rf /')]));
    expect(read).toMatchObject([{ token: '42.7', text: 'rm -rf /', directory: hostile }]);
    // With a NUL, which no shell but zsh has in a variable, it is at most a further question.
    expect(() => new RequestParser().push(place('42.7', 'x\0y'))).toThrow('language.side-channel-malformed');
  });

  test('counts for that request only', () => {
    expect(said(place('1.1', '/a'), frame('C', '1.2', 'ls'), frame('C', '1.1', 'ls'))).toEqual([null, null]);
    expect(said(place('1.1', '/a'), place('1.1', '/b'), frame('C', '1.1', 'ls'))).toEqual(['/b']);
    expect(said(place('1.1', ''), frame('C', '1.1', 'ls'), frame('C', '1.3', 'ls'))).toEqual([null, null]);
  });

  test('at the limit it is whole, one byte past it is cut and says so, never within a character', () => {
    const at = 'x'.repeat(limits.directoryBytesMax);
    expect(saidDirectory(at)).toBe(at);
    expect(saidDirectory(`${at}y`)).toBe(`${at}…`);
    expect(saidDirectory(`${at.slice(1)}é`)).toBe(`${at.slice(1)}…`);
  });
});
