/** The verdict channel: framing at every cut, limits, and a parser that stays dead (A-SSH-19). */
import { describe, expect, test } from 'vitest';
import * as limits from './limits.ts';
import { encodeReply, RequestParser, UsedTokens } from './verdicts.ts';

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
