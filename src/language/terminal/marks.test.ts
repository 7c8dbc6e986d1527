/** Prompt marks: found at every cut, never shown, and foreign ones told. */
import { describe, expect, test } from 'vitest';
import * as limits from './limits.ts';
import { MarkScanner, type OutputPart, promptFacts } from './marks.ts';

const nonce = 'abc123';
const text = `one\x1b]7770;${nonce};A;0\x07$ \x1b]7770;${nonce};B\x07ls\x1b]0;title\x07\x1b[1m\x1b]7770;${nonce};C\x1b\\done`;

function joined(parts: readonly OutputPart[]): string {
  return parts
    .map((part) =>
      part.part === 'bytes' ? part.bytes.toString() : part.part === 'mark' ? `<${part.letter}${part.data}>` : '<!>',
    )
    .join('');
}

describe('the scanner', () => {
  test('takes marks out and leaves every other byte', () => {
    expect(joined(new MarkScanner(nonce).push(Buffer.from(text)))).toBe('one<A0>$ <B>ls\x1b]0;title\x07\x1b[1m<C>done');
  });

  test('finds the same however the output is cut', () => {
    const bytes = Buffer.from(text);
    for (let cut = 1; cut < bytes.length; cut++) {
      const scanner = new MarkScanner(nonce);
      const parts = [...scanner.push(bytes.subarray(0, cut)), ...scanner.push(bytes.subarray(cut))];
      expect(joined(parts)).toBe('one<A0>$ <B>ls\x1b]0;title\x07\x1b[1m<C>done');
      expect(scanner.isHolding).toBe(false);
    }
  });

  test('A-SSH-19: a mark with another nonce, or that does not end, is forged', () => {
    expect(joined(new MarkScanner(nonce).push(Buffer.from('a\x1b]7770;feed;B\x07b')))).toBe('a<!>b');
    const endless = (bytes: number): string =>
      joined(new MarkScanner(nonce).push(Buffer.from(`\x1b]7770;${'x'.repeat(bytes)}`)));
    expect(endless(limits.markBytesMax)).toBe('');
    expect(endless(limits.markBytesMax + 1)).toMatch(/^<!>x/);
  });

  test('a directory that is longer than a mark may be does not make a foreign one of it; no other mark has such data', () => {
    const long = (begin: string): string =>
      joined(new MarkScanner(nonce).push(Buffer.from(`\x1b]7770;${begin}/${'d'.repeat(limits.markBytesMax)}\x07$ `)));
    expect(long(`${nonce};A;0;`)).toMatch(/^<A0;\/d{1000,}>d+\x07\$ $/);
    expect(long(`${nonce};B;`)).toMatch(/^<!>/);
    expect(long('feed;A;0;')).toMatch(/^<!>/);
  });

  test('an escape alone is held, and given back', () => {
    const scanner = new MarkScanner(nonce);
    expect(scanner.push(Buffer.from('a\x1b'))).toHaveLength(1);
    expect(scanner.isHolding).toBe(true);
    expect(scanner.flush().toString()).toBe('\x1b');
  });
});

test('what a prompt says: a status, and a directory, which may have anything in it but what ends a mark', () => {
  expect(promptFacts('')).toEqual({ status: null, directory: null });
  expect(promptFacts('130')).toEqual({ status: 130, directory: null });
  expect(promptFacts('0;')).toEqual({ status: 0, directory: null });
  expect(promptFacts('1;/srv/a;b;')).toEqual({ status: 1, directory: '/srv/a;b;' });
  expect(promptFacts('x;/srv')).toEqual({ status: null, directory: '/srv' });
  const [part] = new MarkScanner(nonce).push(Buffer.from(`\x1b]7770;${nonce};A;0;/srv/é\x07`));
  expect(part).toMatchObject({ letter: 'A', data: '0;/srv/é' });
});
