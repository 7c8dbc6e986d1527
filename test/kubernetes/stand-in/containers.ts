/**
 * Containers of the stand-in: plain processes, each in a folder of its own, with the host's programs. A process's output is
 * kept as its log and given to whoever is attached; exec starts another process in the same folder.
 *
 * Deliberately absent: roots, restarts, init containers (the real cluster's node has them).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Writable } from 'node:stream';
import { startOnTerminal, type TerminalProcess } from '../terminal.ts';

export interface ContainerSpec {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly stdin?: boolean;
  readonly tty?: boolean;
}

/** Where a process's streams go. */
export interface Streams {
  readonly stdout: (bytes: Buffer) => void;
  readonly stderr: (bytes: Buffer) => void;
}

/** A process whose streams someone has in hand. */
export interface Running {
  input(bytes: Buffer): void;
  endInput(): void;
  resize(rows: number, columns: number): void;
  kill(): void;
  /** Exit code; rejects when there is no such program. */
  readonly ended: Promise<number>;
}

export class Container {
  readonly spec: ContainerSpec;
  readonly folder: string;
  /** Lines of the log with when they were written. */
  readonly lines: { readonly atMs: number; readonly text: string }[] = [];
  onLine: (() => void)[] = [];
  exitCode: number | null = null;
  readonly startedAt = new Date();
  readonly #listeners = new Set<Streams>();
  readonly #running = new Set<Running>();
  #main: Running | null = null;
  #rest = '';

  constructor(spec: ContainerSpec, folder: string) {
    this.spec = spec;
    this.folder = folder;
  }

  async start(ended: () => void): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const { command = [], args = [], stdin, tty } = this.spec;
    const asked = [...command, ...args];
    const argv = asked.length > 0 ? asked : stdin === true ? ['sh'] : ['sleep', '2147483647'];
    const give = (to: keyof Streams) => (bytes: Buffer) => {
      this.#log(bytes.toString());
      for (const one of this.#listeners) one[to](bytes);
    };
    this.#main = this.run(argv, tty === true, { stdout: give('stdout'), stderr: give('stderr') });
    if (stdin !== true) this.#main.endInput();
    const over = (code: number): void => {
      this.exitCode = code;
      for (const one of this.onLine.splice(0)) one();
      ended();
    };
    this.#main.ended.then(over, () => over(128));
  }

  /** Starts a process in the container, as exec does. */
  run(argv: readonly string[], tty: boolean, streams: Streams): Running {
    const env: Record<string, string> = { PATH: searchPath, HOME: this.folder, HOSTNAME: this.spec.name };
    for (const { name, value } of this.spec.env ?? []) env[name] = value ?? '';
    const running = isProgram(argv[0] ?? '', this.folder)
      ? tty
        ? onTerminal(startOnTerminal(argv, { cwd: this.folder, env: { ...env, TERM: 'xterm' } }), streams)
        : onPipes(spawn(argv[0]!, argv.slice(1), { cwd: this.folder, env, detached: true }), streams)
      : absent(argv[0] ?? '');
    this.#running.add(running);
    const gone = (): void => void this.#running.delete(running);
    running.ended.then(gone, gone);
    return running;
  }

  /** Joins the container's own process; the promise resolves when that ends. */
  attach(streams: Streams): Running | null {
    const main = this.#main;
    if (main === null || this.exitCode !== null) return null;
    this.#listeners.add(streams);
    return { ...main, kill: () => void this.#listeners.delete(streams), endInput: () => undefined };
  }

  kill(): void {
    for (const one of this.#running) one.kill();
  }

  async stop(): Promise<void> {
    const all = [...this.#running];
    this.kill();
    await Promise.allSettled(all.map(({ ended }) => ended));
    await rm(this.folder, { recursive: true, force: true });
  }

  #log(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.lines.push({ atMs: Date.now(), text: line });
    for (const one of this.onLine.splice(0)) one();
  }
}

const searchPath = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

function isProgram(name: string, folder: string): boolean {
  if (name.includes('/')) return existsSync(name.startsWith('/') ? name : join(folder, name));
  return searchPath.split(delimiter).some((place) => existsSync(join(place, name)));
}

/** In the words of a container runtime. */
function absent(name: string): Running {
  const what = name.includes('/') ? `stat ${name}: no such file or directory` : 'executable file not found in $PATH';
  const error = new Error(
    'error executing command in container: failed to exec in container: failed to start exec: OCI runtime exec failed: ' +
      `exec failed: unable to start container process: exec: "${name}": ${what}: unknown`,
  );
  const nothing = (): void => undefined;
  return { input: nothing, endInput: nothing, resize: nothing, kill: nothing, ended: Promise.reject(error) };
}

function onPipes(child: ChildProcess, streams: Streams): Running {
  const input = child.stdin as Writable;
  input.on('error', () => undefined);
  child.stdout?.on('data', streams.stdout);
  child.stderr?.on('data', streams.stderr);
  return {
    input: (bytes) => void input.write(bytes),
    endInput: () => void input.end(),
    resize: () => undefined,
    kill: () => killGroup(child),
    ended: new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGTERM' ? 143 : 137)));
    }),
  };
}

function onTerminal(process: TerminalProcess, streams: Streams): Running {
  process.output.on('data', streams.stdout);
  return {
    input: (bytes) => void process.input.write(bytes),
    endInput: () => undefined,
    resize: (rows, columns) => process.resize(rows, columns),
    kill: () => void process.child.kill('SIGTERM'),
    ended: process.ended,
  };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // It has ended by itself meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
