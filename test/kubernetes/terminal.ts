/** Programs on pseudo-terminals, by Python's `pty` (terminal.py): kubectl as a person runs it, and shells in stand-in pods. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

export interface TerminalProcess {
  readonly child: ChildProcess;
  readonly input: Writable;
  readonly output: Readable;
  /** Resolves with the exit code, 128 and the signal's number where a signal ended it. */
  readonly ended: Promise<number>;
  resize(rows: number, columns: number): void;
}

const program = join(import.meta.dirname, 'terminal.py');

export function startOnTerminal(
  argv: readonly string[],
  options: SpawnOptions & { readonly rows?: number; readonly columns?: number } = {},
): TerminalProcess {
  const { rows = 24, columns = 80, ...others } = options;
  const child = spawn('/usr/bin/python3', ['-S', program, `${rows}`, `${columns}`, ...argv], {
    ...others,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const sizes = child.stdio[3] as Writable;
  // A program that has ended takes neither keys nor sizes.
  for (const stream of [child.stdin, sizes]) stream?.on('error', () => undefined);
  child.stderr?.resume();
  return {
    child,
    input: child.stdin as Writable,
    output: child.stdout as Readable,
    ended: new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 137));
    }),
    resize: (newRows, newColumns) => void sizes.write(`${newRows} ${newColumns}\n`),
  };
}

/** What a test does at a terminal: type, and wait for something to be shown. */
export class Screen {
  readonly process: TerminalProcess;
  text = '';
  readonly #waiting = new Set<() => void>();

  constructor(process: TerminalProcess) {
    this.process = process;
    const look = (): void => {
      for (const one of this.#waiting) one();
    };
    process.output.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
      look();
    });
    process.ended.then(look, look);
  }

  type(keys: string): void {
    this.process.input.write(keys);
  }

  /** Waits until `pattern` has been shown after `from`, and says where it ended. */
  async shows(pattern: RegExp, from = 0, deadlineMs = 20_000): Promise<number> {
    const find = (): number => {
      const found = pattern.exec(this.text.slice(from));
      return found === null ? -1 : from + found.index + found[0].length;
    };
    if (find() >= 0) return find();
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`${pattern} was not shown, but ${JSON.stringify(this.text.slice(from))}`));
      }, deadlineMs);
      const look = (): void => {
        if (find() < 0) return;
        clearTimeout(late);
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
    return find();
  }
}
