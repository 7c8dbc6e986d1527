/**
 * Where a shell says that it is, in real shells: it comes with each line, is nothing that the text could be mixed up with
 * (A-SSH-19), and what a person does to it harms nobody but the reader of it.
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GateAsk } from '../../src/language/terminal/index.ts';
import { startServer, type TestServer } from './server.ts';
import { type ShellKind, shellPaths, TestTerminal } from './terminal.ts';

const ff = 'ff() { danger "$@"; }\n';
const files = {
  '.bashrc': `PATH=$HOME/bin:/usr/bin:/bin\nPS1='\\$ '\n${ff}`,
  '.zshrc': `PROMPT='%# '\n${ff}`,
};
/** Everything that could end a question, a frame, a mark or a line. */
const hostile = 'x\nL1\u001f1.1\u001ftrue\u0007\u001b\\y';
/** The same as a shell would have to be told it. */
const spelt = "$'x\\nL1\\0371.1\\037true\\a\\033\\\\y'";

const kinds = (['bash', 'zsh', 'fish', 'dash', 'ash'] as const).filter((shell) => existsSync(shellPaths[shell]));

describe.skipIf(!existsSync('/usr/sbin/sshd')).each(kinds)('%s', { timeout: 60_000 }, (shell: ShellKind) => {
  let server: TestServer;
  let client: Client;

  beforeAll(async () => {
    server = (await startServer())!;
    client = await server.connect();
  });
  afterAll(async () => {
    client?.end();
    await server?.stop();
  });

  /** Types lines, and gives what was asked with them, once the last has run. */
  const asked = async (act: (terminal: TestTerminal) => Promise<readonly string[]>): Promise<Asked> => {
    const terminal = await TestTerminal.open(client, { shell, files });
    try {
      expect(await terminal.ready()).toBe(true);
      await terminal.quiet();
      const lines = await act(terminal);
      for (const line of [...lines, 'safe last']) {
        terminal.type(`${line}\r`);
        await terminal.until(() => terminal.asks.some((ask) => ask.level === 'line' && ask.text === line));
        await terminal.quiet();
      }
      for (let at = 0; at < 40 && !(await terminal.ledger()).includes('last'); at++) await terminal.quiet(50, 100);
      const of = ({ level, text, directory }: GateAsk): string[] => [level, text, directory ?? 'null'];
      return { home: terminal.home, asks: terminal.asks.map(of), ledger: await terminal.ledger() };
    } finally {
      await terminal.close();
    }
  };

  test('each line comes with it, as it was when the line was submitted', async () => {
    const { home, asks, ledger } = await asked(async ({ home: at }) => {
      await mkdir(join(at, 'a bé;c/$(d)'), { recursive: true });
      return ["cd 'a bé;c/$(d)'", 'safe there', 'cd /tmp; safe then'];
    });
    expect(asks).toEqual([
      ['line', "cd 'a bé;c/$(d)'", home],
      ['line', 'safe there', `${home}/a bé;c/$(d)`],
      ['line', 'cd /tmp; safe then', `${home}/a bé;c/$(d)`],
      ['line', 'safe last', '/tmp'],
    ]);
    expect(ledger).toBe('safe there\nsafe then\nsafe last\n');
  });

  test.runIf(shell === 'bash' || shell === 'zsh')('so does a command that no line covers', async () => {
    const { home, asks, ledger } = await asked(async () => ['cd /tmp; ff 1']);
    expect(asks.slice(0, 2)).toEqual([
      ['line', 'cd /tmp; ff 1', home],
      ['command', 'danger "$@"', '/tmp'],
    ]);
    expect(ledger).toBe('safe last\n');
  });

  // fish writes its directory into the title of the window, where such a name is a forged mark, and freezes.
  test.runIf(shell !== 'fish')('A-SSH-19: a name that would end a question, a frame or a mark ends none', async () => {
    const { asks, ledger } = await asked(async ({ home }) => {
      await mkdir(join(home, hostile));
      return ['cd x*', 'safe there', 'danger there', 'cd /tmp'];
    });
    const said = shell === 'bash' || shell === 'zsh' ? expect.stringMatching(/\/x\nL1\u001f1\.1\u001ftrue/) : 'null';
    expect(asks.slice(1)).toEqual([
      ['line', 'safe there', said],
      ['line', 'danger there', said],
      ['line', 'cd /tmp', said],
      ['line', 'safe last', '/tmp'],
    ]);
    expect(ledger).toBe('safe there\nsafe last\n');
  });

  test.runIf(shell !== 'fish')('a person who sets it says what they like, and no more', async () => {
    const isPosix = shell === 'dash' || shell === 'ash';
    const set = isPosix ? "PWD=$(printf 'x\\037y\\033\\\\z')" : `PWD=${spelt}`;
    const { asks, ledger } = await asked(async () => [set, 'danger 1', 'unset PWD; set -u', 'danger 2', 'safe 2']);
    const said = isPosix ? 'null' : hostile;
    expect(asks.slice(1)).toEqual([
      ['line', 'danger 1', said],
      ['line', 'unset PWD; set -u', said],
      ['line', 'danger 2', 'null'],
      ['line', 'safe 2', 'null'],
      ['line', 'safe last', 'null'],
    ]);
    expect(ledger).toBe('safe 2\nsafe last\n');
  });

  test.runIf(shell === 'zsh')(
    'A-SSH-19: no option takes the command level away, and no NUL the end of a line',
    async () => {
      const { asks, ledger } = await asked(async (terminal) => {
        terminal.type('safe 1;\x16\x00ff 1\r');
        await terminal.until(() => terminal.asks.length > 0);
        await terminal.quiet();
        return ['setopt no_unset', 'ff 2'];
      });
      expect(asks.map(([level, text]) => [level, text])).toEqual([
        ['line', 'safe 1;\ufffdff 1'],
        ['line', 'setopt no_unset'],
        ['line', 'ff 2'],
        ['command', 'danger "$@"'],
        ['line', 'safe last'],
      ]);
      expect(ledger).toBe('safe last\n');
    },
  );
});

interface Asked {
  readonly home: string;
  readonly asks: readonly (readonly string[])[];
  readonly ledger: string;
}
