/** The observed level: lines as they stood on the screen, and none of what was not shown. */
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { Observer } from './observer.ts';
import { TerminalView } from './view.ts';

function setUp(): { lines: string[]; type: (text: string) => void; show: (text: string) => void; shown: string[] } {
  const lines: string[] = [];
  const shown: string[] = [];
  const observer = new Observer({
    clock: new FakeClock(),
    columns: 40,
    rows: 10,
    act: (action) => {
      if (action.do === 'line') lines.push(`${action.how}: ${action.text}`);
      else
        shown.push(action.record.kind === 'shown' ? action.record.bytes.toString() : `<${action.record.characters}>`);
    },
  });
  return {
    lines,
    shown,
    type: (text) => observer.input(Buffer.from(text)),
    show: (text) => observer.output(Buffer.from(text)),
  };
}

describe('an observed line', () => {
  test('is what stood there when the shell ended its row', () => {
    const { lines, type, show } = setUp();
    show('user@host:~$ ');
    type('lx');
    show('lx');
    type('\x7f');
    show('\b \b');
    type('s\r');
    show('s\r\nfile\r\nuser@host:~$ ');
    expect(lines).toEqual(['screen: ls']);
  });

  test('recalled from the history is read as well', () => {
    const { lines, type, show } = setUp();
    show('$ ');
    type('\x1b[A');
    show('rm -rf x');
    type('\r');
    show('\r\n$ ');
    expect(lines).toEqual(['screen: rm -rf x']);
  });

  test('begins at the mark where the shell sends marks', () => {
    const { lines, type, show } = setUp();
    show('\x1b]133;A\x07$ \x1b]133;B\x07');
    type('\r');
    show('\r\n\x1b]133;A\x07$ \x1b]133;B\x07');
    type('df -h\r');
    show('df -h\r\nout\r\n');
    expect(lines).toEqual(['marks: df -h']);
  });

  test('that wraps is one line', () => {
    const { lines, type, show } = setUp();
    const long = `echo ${'y'.repeat(90)}`;
    show('$ ');
    type(long);
    show(long);
    type('\r');
    show('\r\n');
    expect(lines).toEqual([`screen: ${long}`]);
  });

  test('is none where nothing appeared: a password', () => {
    const { lines, shown, type, show } = setUp();
    show('[sudo] password: ');
    type('hunter2\r');
    show('\r\n');
    expect(lines).toEqual([]);
    expect(shown.join('')).not.toContain('hunter2');
  });

  test('is none on the alternate screen', () => {
    const { lines, type, show } = setUp();
    show('\x1b[?1049h');
    type('ihello');
    show('hello');
    type('\r');
    show('\r\n');
    expect(lines).toEqual([]);
  });
});

test('A-SSH-16: a sequence that repeats two thousand million times is dropped', () => {
  const view = new TerminalView(80, 24);
  for (const sequence of ['b', 'I', 'Z', 'L', 'M', 'S', 'T', '@', 'P', 'X', ' @', ' A', "'}", "'~"]) {
    view.write(Buffer.from(`x\x1b[2147483647${sequence}`));
  }
  view.write(Buffer.from('\r\x1b[Hready'));
  expect(view.rowText(view.cursor.row, 0, 5)).toBe('ready');
  view.dispose();
});
