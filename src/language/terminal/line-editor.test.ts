/** The gateway's own line editor: each line is handed over whole, and nothing runs by itself. */
import { describe, expect, test } from 'vitest';
import { LineEditor } from './line-editor.ts';
import { TerminalView } from './view.ts';

function setUp(columns = 40): {
  editor: LineEditor;
  done: string[];
  type: (text: string) => void;
  row: () => string;
  view: TerminalView;
} {
  const done: string[] = [];
  const view = new TerminalView(columns, 10);
  const editor = new LineEditor({
    prompt: '> ',
    columns,
    act: (action) => {
      if (action.do === 'to-user') view.write(action.bytes);
      else
        done.push(
          action.do === 'run'
            ? `run ${action.text}`
            : action.do === 'to-target'
              ? `in ${action.bytes.toString()}`
              : action.do,
        );
    },
  });
  editor.start();
  return {
    editor,
    done,
    view,
    type: (text) => editor.input(Buffer.from(text)),
    row: () => view.rowText(view.cursor.row).trimEnd(),
  };
}

describe('the line editor', () => {
  test.each([
    ['plain', 'ls -l\r', 'ls -l'],
    ['backspace and insertion', 'lx\x7fs\x1b[D\x1b[De\x1b[F -a\r', 'els -a'],
    ['home, end, delete', 'xab\x01\x1b[3~\x05c\r', 'abc'],
    ['kill and yank', 'one two\x17\x01\x19\r', 'twoone '],
    ['kill to the end', 'abc def\x01\x06\x06\x06\x0b\r', 'abc'],
    ['wide characters', '日本\x1b[Dx\r', '日x本'],
    ['a paste of two lines is one line', '\x1b[200~a\nb\x1b[201~\r', 'a b'],
  ])('%s', (_, keys, text) => {
    const { type, done } = setUp();
    type(keys);
    expect(done).toEqual([`run ${text}`]);
  });

  test('history by up and down keeps what was being written', () => {
    const { editor, type, done, row } = setUp();
    type('first\r');
    editor.finished();
    type('second\r');
    editor.finished();
    type('dra\x1b[A\x1b[A\x1b[B\x1b[B');
    expect(row()).toBe('> dra');
    type('\x15\x1b[A\x1b[A\r');
    expect(done.at(-1)).toBe('run first');
  });

  test('what is typed behind a line waits for it, and is dropped when it is refused', () => {
    const { editor, type, done } = setUp();
    type('one\rtwo\r');
    expect(done).toEqual(['run one']);
    editor.finished();
    expect(done).toEqual(['run one', 'run two']);
    type('three\r');
    editor.finished('blocked by a rule');
    expect(done).toEqual(['run one', 'run two']);
  });

  test('input goes to the command once it runs', () => {
    const { editor, type, done } = setUp();
    type('cat\r');
    type('early');
    editor.started();
    type('later');
    expect(done).toEqual(['run cat', 'in early', 'in later']);
  });

  test('Ctrl-C takes the line back, and gives up one that waits; Ctrl-D ends', () => {
    const { editor, type, done } = setUp();
    type('danger\x03safe\r');
    type('\x03');
    expect(done).toEqual(['run safe', 'interrupt']);
    editor.finished('given up');
    type('\x04');
    expect(done.at(-1)).toBe('end');
  });

  test('a line that wraps is drawn once, edited at its beginning', () => {
    const { type, view } = setUp(20);
    type(`${'x'.repeat(50)}\x01y`);
    expect(view.rowText(0)).toBe(`> y${'x'.repeat(17)}`);
    expect(view.cursor).toEqual({ row: 0, column: 3 });
  });
});
