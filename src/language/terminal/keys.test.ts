/** Input cut into keys: what submits, what does not, at every cut. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeySplitter } from './keys.ts';

const kinds = (text: string): string[] => new KeySplitter().push(Buffer.from(text)).map((key) => key.key);

describe('keys', () => {
  test('what submits', () => {
    expect(kinds('ls\r')).toEqual(['text', 'submit']);
    expect(kinds('a\nb\x0f')).toEqual(['text', 'submit', 'text', 'submit']);
  });

  test('what does not: quoted, pasted, Meta-Enter', () => {
    expect(kinds('\x16\r')).toEqual(['control', 'control']);
    expect(kinds('\x1b[200~a\rb\x1b[201~\r')).toEqual(['control', 'pasted', 'control', 'submit']);
    expect(kinds('\x1b\r')).toEqual(['control']);
  });

  test('answers of the terminal are no keys', () => {
    expect(kinds('\x1b[12;40R\x1b[?62;c\x1b]11;rgb:0/0/0\x07')).toEqual(['report', 'report', 'report']);
  });

  test('a sequence cut by the chunk waits for its end, and ESC alone is a key after a while', () => {
    const splitter = new KeySplitter();
    expect(splitter.push(Buffer.from('\x1b['))).toEqual([]);
    expect(splitter.push(Buffer.from('A')).map((key) => key.bytes.toString())).toEqual(['\x1b[A']);
    expect(splitter.push(Buffer.from('\x1b'))).toEqual([]);
    expect(splitter.flush()!.bytes.toString()).toBe('\x1b');
  });

  test('no byte is lost or moved, however it is cut', () => {
    const piece = fc.constantFrom(
      'a',
      'é',
      '\r',
      '\x1b',
      '[',
      '2',
      '0',
      '1',
      '~',
      '\x1b[200~',
      '\x1b[201~',
      '\x16',
      '\x03',
      ']',
      '\x07',
    );
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.nat(8)), (pieces, cuts) => {
        const bytes = Buffer.from(pieces.join(''));
        const splitter = new KeySplitter();
        const out: Buffer[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          out.push(...splitter.push(bytes.subarray(at, at + cut)).map((key) => key.bytes));
          at += cut;
        }
        const rest = splitter.flush();
        if (rest !== null) out.push(rest.bytes);
        expect(Buffer.concat(out).equals(bytes)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
