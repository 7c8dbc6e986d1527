import { describe, expect, it } from 'vitest';
import type { RecordedEntryView } from './contract/index.ts';
import { exportMediaTypes, writeEntries } from './export.ts';

const at = (ms: number): string => new Date(Date.UTC(2026, 10, 21, 12, 0, 0, ms)).toISOString();
const screen = (command: number, ms: number, data: string, direction: 'in' | 'out' = 'out'): RecordedEntryView => ({
  type: 'screen',
  at: at(ms),
  command,
  direction,
  bytes: Buffer.byteLength(data),
  encoding: 'utf8',
  data,
});
const bytes = (command: number, ms: number, data: Buffer): RecordedEntryView => ({
  type: 'screen',
  at: at(ms),
  command,
  direction: 'out',
  bytes: data.length,
  encoding: 'base64',
  data: data.toString('base64'),
});
const terminal = (command: number, ms: number, columns = 80, rows = 24): RecordedEntryView => ({
  type: 'terminal',
  at: at(ms),
  command,
  columns,
  rows,
  term: ms === 0 ? 'xterm-256color' : null,
});
const line = (command: number, ms: number, text: string, verb = 'line'): RecordedEntryView => ({
  type: 'command',
  at: at(ms),
  command,
  kind: 'shell',
  verb,
  text,
  parameters: null,
  of: null,
});
const completed = (command: number, ms: number, tag: string | null): RecordedEntryView => ({
  type: 'completed',
  at: at(ms),
  command,
  outcome: 'completed',
  tag,
  rows: 0,
  bytes: 0,
  durationMs: 1,
});

async function cast(entries: readonly RecordedEntryView[], command: number | null = null): Promise<unknown[]> {
  async function* all(): AsyncGenerator<RecordedEntryView> {
    yield* entries;
  }
  let text = '';
  for await (const piece of writeEntries(all(), 'asciicast', { title: 'ses_1', command })) text += piece;
  expect(text.endsWith('\n')).toBe(true);
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  return text
    .trimEnd()
    .split('\n')
    .map((one) => JSON.parse(one) as unknown);
}

/** The format's own rules: docs.asciinema.org/manual/asciicast/v3. */
function check([header, ...events]: readonly unknown[]): void {
  expect(header).toMatchObject({ version: 3, term: { cols: expect.any(Number), rows: expect.any(Number) } });
  for (const event of events) {
    expect(event).toEqual([expect.any(Number), expect.stringMatching(/^[oirmx]$/), expect.any(String)]);
    const [interval, code, data] = event as [number, string, string];
    expect(interval).toBeGreaterThanOrEqual(0);
    if (code === 'r') expect(data).toMatch(/^\d+x\d+$/);
    if (code === 'x') expect(data).toMatch(/^\d+$/);
  }
}

describe('asciicast v3', () => {
  it('holds one terminal: size, output, input, resizes, commands as markers, and the exit status', async () => {
    const written = await cast([
      line(1, 0, '(interactive shell)', 'shell'),
      terminal(1, 0),
      screen(1, 250, 'web-1$ '),
      screen(1, 1250, 'l', 'in'),
      line(2, 1300, 'ls -l'),
      line(3, 1310, 'ls', 'run'),
      screen(1, 1350, 'ls -l\r\n\u001b[1mREADME\u001b[0m\r\n'),
      terminal(1, 2000, 90, 30),
      completed(2, 2100, 'exit 0'),
      screen(9, 2150, 'of another'),
      completed(1, 2250, 'exit 3'),
      screen(1, 2300, 'afterwards'),
    ]);
    check(written);
    expect(written).toEqual([
      { version: 3, term: { cols: 80, rows: 24, type: 'xterm-256color' }, timestamp: 1795262400, title: 'ses_1' },
      [0.25, 'o', 'web-1$ '],
      [1, 'i', 'l'],
      [0.05, 'm', 'ls -l'],
      [0.05, 'o', 'ls -l\r\n\u001b[1mREADME\u001b[0m\r\n'],
      [0.65, 'r', '90x30'],
      [0.25, 'o', '\u001b[4l\u001b[?7h\u001b[?25h\u001b[0m'],
      [0, 'x', '3'],
    ]);
  });

  it('takes the terminal that is asked for', async () => {
    const written = await cast([terminal(1, 0), screen(1, 10, 'a'), terminal(5, 20), screen(5, 30, 'b')], 5);
    check(written);
    expect(written.slice(1)).toEqual([[0.01, 'o', 'b']]);
  });

  it('keeps nothing that a terminal would act on (A-SSH-22), and characters that pieces cut', async () => {
    const umlaut = Buffer.from('ü');
    const written = await cast([
      terminal(1, 0),
      screen(1, 10, '\u001b]52;c;cm0=\u0007\u001b]0;title\u0007\u001b[c\u001b[6n'),
      bytes(1, 20, umlaut.subarray(0, 1)),
      bytes(1, 30, umlaut.subarray(1)),
      bytes(1, 40, Buffer.from([0xff])),
    ]);
    check(written);
    expect(written.slice(1)).toEqual([
      [0.03, 'o', 'ü'],
      [0.01, 'o', '\ufffd'],
    ]);
  });

  it('is a header alone where there is no terminal, and never goes back in time', async () => {
    expect(await cast([line(1, 0, 'select 1')])).toEqual([
      { version: 3, term: { cols: 80, rows: 24 }, title: 'ses_1' },
    ]);
    const back = await cast([terminal(1, 100), screen(1, 50, 'a'), screen(1, 150, 'b')]);
    check(back);
    expect(back.slice(1)).toEqual([
      [0, 'o', 'a'],
      [0.05, 'o', 'b'],
    ]);
  });

  it('has the media type and the extension that players know', () => {
    expect(exportMediaTypes.asciicast).toBe('application/x-asciicast');
  });
});
