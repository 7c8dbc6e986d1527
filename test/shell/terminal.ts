/**
 * One shell of one test person behind a gate (or an observer), over a real sshd: the smallest driver of the machinery.
 *
 * The person's home is a fresh directory with `bin/danger` (denied; leaves a line in `ledger` when it runs) and `bin/safe`.
 */
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client, ClientChannel } from 'ssh2';
import { systemClock } from '../../src/base/clock.ts';
import { Gate, type GateAction, type GateAsk } from '../../src/language/terminal/index.ts';
import { isUnbounded, reduce, runsDanger } from './reduce.ts';

export type ShellKind = 'bash' | 'zsh' | 'fish' | 'dash' | 'ash';

export const shellPaths: Readonly<Record<ShellKind, string>> = {
  bash: '/bin/bash',
  zsh: '/usr/bin/zsh',
  fish: '/usr/bin/fish',
  dash: '/bin/dash',
  ash: '/usr/bin/busybox',
};

export interface TerminalOptions {
  readonly shell: ShellKind;
  readonly columns?: number;
  readonly rows?: number;
  /** Files of the person's home, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly strict?: boolean;
  readonly unhooked?: 'refuse' | 'observe' | 'exec-only';
  /** Overrides the verdict for a text; null: the usual. */
  readonly decide?: (ask: GateAsk, gate: Gate) => 'allow' | 'deny' | 'later' | null;
}

export class TestTerminal {
  readonly gate: Gate;
  readonly asks: GateAsk[] = [];
  readonly actions: GateAction[] = [];
  readonly home: string;
  output = '';
  readonly #client: Client;
  readonly #options: TerminalOptions;
  #side: ClientChannel | null = null;
  #pty: ClientChannel | null = null;
  #waiters: (() => void)[] = [];
  lastOutputMs = 0;

  private constructor(client: Client, options: TerminalOptions, home: string) {
    this.#client = client;
    this.#options = options;
    this.home = home;
    this.gate = new Gate({
      clock: systemClock,
      act: (action) => this.#act(action),
      reduce,
      columns: options.columns ?? 100,
      rows: options.rows ?? 30,
      unhooked: options.unhooked ?? 'refuse',
      // The corpus loads the machine; that is not what it measures.
      helloMs: 20_000,
    });
  }

  static async open(client: Client, options: TerminalOptions): Promise<TestTerminal> {
    const home = await makeHome(options.files ?? {});
    const terminal = new TestTerminal(client, options, home);
    terminal.gate.start();
    return terminal;
  }

  #act(action: GateAction): void {
    this.actions.push(action);
    switch (action.do) {
      case 'open-side':
        this.#exec(action.command, false, (channel) => {
          this.#side = channel;
          channel.on('data', (bytes: Buffer) => this.gate.side(bytes));
          channel.on('close', () => this.gate.sideEnded());
        });
        break;
      case 'open-pty':
        this.#exec(action.command, true, (channel) => {
          this.#pty = channel;
          channel.on('data', (bytes: Buffer) => this.gate.output(bytes));
          channel.on('close', () => this.gate.outputEnded());
        });
        break;
      case 'to-side':
        this.#side?.write(action.bytes);
        break;
      case 'to-target':
        this.#pty?.write(action.bytes);
        break;
      case 'to-user':
        this.output += action.bytes.toString('utf8');
        this.lastOutputMs = performance.now();
        break;
      case 'ask':
        this.asks.push(action.ask);
        if (action.ask.denied === null) this.#decide(action.ask);
        break;
      default:
        break;
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  #decide(ask: GateAsk): void {
    const own = this.#options.decide?.(ask, this.gate) ?? null;
    if (own === 'later') return;
    const isHeld = this.#options.strict === true && isUnbounded(ask.reduction);
    const isDenied = own === null ? isHeld || runsDanger(ask.reduction) : own === 'deny';
    // Answers come after the event, as they do from a judge that writes to a journal first.
    setImmediate(() =>
      this.gate.decide(ask.id, isDenied ? { verdict: 'deny', message: 'denied by the corpus' } : { verdict: 'allow' }),
    );
  }

  #exec(command: string, pty: boolean, opened: (channel: ClientChannel) => void): void {
    const { shell, columns = 100, rows = 30 } = this.#options;
    const whole = remoteCommand(shell, this.home, command);
    const done = (error: Error | undefined, channel: ClientChannel): void => {
      if (error !== undefined) this.gate.sideEnded();
      else {
        channel.stderr.on('data', () => {});
        opened(channel);
      }
    };
    if (pty) this.#client.exec(whole, { pty: { cols: columns, rows, term: 'xterm-256color' } }, done);
    else this.#client.exec(whole, done);
  }

  type(text: string): void {
    this.gate.input(Buffer.from(text, 'utf8'));
  }

  loseSide(): void {
    this.#side?.close();
  }

  resize(columns: number, rows: number): void {
    this.gate.resize(columns, rows);
    this.#pty?.setWindow(rows, columns, 0, 0);
  }

  /** Resolves when `condition` holds; false at the deadline. */
  async until(condition: () => boolean, deadlineMs = 8000): Promise<boolean> {
    const end = performance.now() + deadlineMs;
    while (!condition()) {
      const left = end - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 50));
        this.#waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return true;
  }

  async ready(): Promise<boolean> {
    await this.until(() => this.actions.some((action) => action.do === 'ready' || action.do === 'unhooked'), 25_000);
    return this.actions.some((action) => action.do === 'ready');
  }

  /** Waits until the shell is at its prompt and quiet. */
  async quiet(quietMs = 120, deadlineMs = 6000): Promise<void> {
    await this.until(() => {
      const resting =
        this.gate.phase === 'prompt' ||
        this.gate.phase === 'running' ||
        this.gate.phase === 'frozen' ||
        this.gate.phase === 'over';
      return resting && performance.now() - this.lastOutputMs > quietMs;
    }, deadlineMs);
  }

  async ledger(): Promise<string> {
    return readFile(join(this.home, 'ledger'), 'utf8').catch(() => '');
  }

  async close(): Promise<void> {
    this.gate.close();
    this.#pty?.close();
    this.#side?.end();
    this.#side?.close();
    await rm(this.home, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

// /etc/profile sets PATH anew.
const pathLine = 'PATH=$HOME/bin:/usr/bin:/bin\n';

/** A fresh home with the programs of the corpus. */
export async function makeHome(own: Readonly<Record<string, string>>): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'home-'));
  await mkdir(join(home, 'bin'));
  await symlink(shellPaths.ash, join(home, 'bin', 'ash'));
  await script(join(home, 'bin', 'danger'), `#!/bin/sh\necho "danger $*" >> ${home}/ledger\necho DANGER-RAN\n`);
  await script(join(home, 'bin', 'safe'), `#!/bin/sh\necho "safe $*" >> ${home}/ledger\necho SAFE-RAN "$@"\n`);
  // No first-use dialogue of zsh, and a prompt by which tests know that it is theirs.
  const files = {
    '.zshrc': "PROMPT='%# '\n",
    '.zshenv': pathLine,
    '.bashrc': `${pathLine}PS1='\\$ '\n`,
    '.bash_profile': '. ~/.bashrc\n',
    '.profile': pathLine,
    ...own,
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(home, name, '..'), { recursive: true });
    await writeFile(join(home, name), text);
  }
  return home;
}

/** A command as the login shell of the person would run it. */
export function remoteCommand(shell: ShellKind, home: string, command: string): string {
  // busybox is a shell by the name under which it runs.
  const path = shell === 'ash' ? join(home, 'bin', 'ash') : shellPaths[shell];
  const environment = `HOME=${home} SHELL=${path} PATH=${home}/bin:/usr/bin:/bin TERM=xterm-256color LANG=C.UTF-8 USER=tester`;
  return `cd ${home}; exec env -i ${environment} ${path} -c ${quote(command)}`;
}

async function script(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  await chmod(path, 0o755);
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
