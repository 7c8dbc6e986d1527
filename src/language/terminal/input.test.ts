/** A-REC-05: what did not appear on the screen is recorded by number only. */
import { describe, expect, test } from 'vitest';
import { RedactedInput } from './input.ts';
import { KeySplitter } from './keys.ts';
import * as limits from './limits.ts';
import type { InputRecord } from './types.ts';
import { clampSize, TerminalView } from './view.ts';

function setUp(columns = 40): {
  type: (text: string, atMs: number) => void;
  show: (text: string, atMs: number) => void;
  records: string[];
  input: RedactedInput;
  view: TerminalView;
} {
  const records: string[] = [];
  const view = new TerminalView(columns, 10);
  const input = new RedactedInput(view, (record: InputRecord) => {
    records.push(record.kind === 'shown' ? record.bytes.toString() : `<${record.characters}>`);
  });
  const keys = new KeySplitter();
  return {
    records,
    input,
    view,
    type: (text, atMs) => {
      for (const key of keys.push(Buffer.from(text))) input.typed(key, atMs);
    },
    show: (text, atMs) => {
      view.write(Buffer.from(text));
      input.seen(atMs);
    },
  };
}

describe('recorded input', () => {
  test('is what was echoed', () => {
    const { type, show, records } = setUp();
    show('$ ', 0);
    type('ls -l', 1);
    show('ls -l', 2);
    type('\r', 3);
    expect(records.join('')).toBe('ls -l\r');
  });

  test('a password without echo is a number', () => {
    const { type, show, records } = setUp();
    show('Password: ', 0);
    type('hunter2', 1);
    type('\r', 2);
    show('\r\nhunter2 is not shown here\r\n', 3);
    expect(records).toEqual([]);
    show('', limits.echoMs + 2);
    expect(records).toEqual(['<7>', '\r']);
  });

  test('stars are not the characters', () => {
    const { type, show, records, input } = setUp();
    show('PIN: ', 0);
    for (const digit of '1234') {
      type(digit, 1);
      show('*', 1);
    }
    type('\r', 2);
    input.close();
    expect(records).toEqual(['<4>', '\r']);
  });

  test('an echo across a wrapped row, and one that comes late and in pieces', () => {
    const { type, show, records } = setUp(8);
    show('$ ', 0);
    type('abcdefghij', 1);
    show('abcd', 400);
    show('efghij', 800);
    type('\r', 900);
    expect(records.join('')).toBe('abcdefghij\r');
  });

  test('type-ahead for a prompt without echo is a number too', () => {
    const { type, show, records } = setUp();
    show('$ ', 0);
    type('sudo x\rhunter2\r', 1);
    show('sudo x\r\nPassword: ', 2);
    show('\r\n$ ', limits.echoMs + 5);
    expect(records).toEqual(['sudo x', '\r', '<7>', '\r']);
  });
});

test('A-SSH-16: sizes are clamped, and the emulator writes synchronously', () => {
  expect(clampSize(0, 0)).toEqual({ columns: 80, rows: 24 });
  expect(clampSize(2 ** 32, -1)).toEqual({ columns: limits.columnsMax, rows: 24 });
  const view = new TerminalView(20, 5);
  view.write(Buffer.from('abc'));
  expect(view.cursor).toEqual({ row: 0, column: 3 });
  view.resize(2 ** 31, 2 ** 31);
  expect(view.columns).toBe(limits.columnsMax);
});
