/** Prompt marks: found at every cut, never shown, and foreign ones told. */
import { describe, expect, test } from 'vitest';
import { MarkScanner, type OutputPart } from './marks.ts';

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
    expect(joined(new MarkScanner(nonce).push(Buffer.from(`\x1b]7770;${'x'.repeat(400)}`)))).toMatch(/^<!>/);
  });

  test('an escape alone is held, and given back', () => {
    const scanner = new MarkScanner(nonce);
    expect(scanner.push(Buffer.from('a\x1b'))).toHaveLength(1);
    expect(scanner.isHolding).toBe(true);
    expect(scanner.flush().toString()).toBe('\x1b');
  });
});
