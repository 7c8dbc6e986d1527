/** A world for tests of the command line: captured streams, an environment of its own, a clock that tests own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { type Clock, FakeClock } from '../../base/clock.ts';
import type { CliIo, InterruptSignal } from '../io.ts';
import { type CliHost, runCli } from '../main.ts';
import type { CliServices } from '../services.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Pretend that standard output and error are a terminal of so many columns. */
  readonly terminal?: number;
  readonly clock?: Clock;
  readonly services?: Partial<CliServices>;
  /** Called when something was written to standard output. */
  readonly onOutput?: (text: string, world: World) => void;
  /** Breaks standard output after so many bytes, as `| head` does. */
  readonly breakAfter?: number;
}

/** When tests happen. */
export const testNowMs = Date.UTC(2026, 10, 21, 12, 0, 0);

export class World implements AsyncDisposable {
  readonly directory: string;
  readonly #handlers = new Map<InterruptSignal, Set<() => void>>();

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<World> {
    return new World(await mkdtemp(join(tmpdir(), 'sallyport-cli-')));
  }

  get profilesPath(): string {
    return join(this.directory, 'sallyport', 'profiles.json');
  }

  /** Sends a signal to whatever runs. */
  signal(name: InterruptSignal): void {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) handler();
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
    let stdout = '';
    let stderr = '';
    const out = sink((text) => {
      stdout += text;
      options.onOutput?.(stdout, this);
    }, options.breakAfter);
    const err = sink((text) => {
      stderr += text;
    });
    const terminal = options.terminal === undefined ? {} : { isTTY: true, columns: options.terminal };
    const io: CliIo = {
      stdin: options.stdin === undefined ? new PassThrough() : Readable.from([Buffer.from(options.stdin)]),
      stdout: Object.assign(out, terminal),
      stderr: Object.assign(err, terminal),
      env: { XDG_CONFIG_HOME: this.directory, PATH: process.env['PATH'], ...options.env },
      cwd: this.directory,
      clock: options.clock ?? new FakeClock(testNowMs),
      onSignal: (name, callback) => {
        const set = this.#handlers.get(name) ?? new Set();
        this.#handlers.set(name, set.add(callback));
        return () => void set.delete(callback);
      },
    };
    const host: CliHost = {
      version: '1.2.3',
      services: async () => {
        if (options.services === undefined) throw new Error('not here');
        return options.services as CliServices;
      },
    };
    const code = await runCli(argv, io, host);
    return { code, stdout, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

function sink(take: (text: string) => void, breakAfter = Number.POSITIVE_INFINITY): Writable {
  let taken = 0;
  return new Writable({
    decodeStrings: true,
    write(chunk: Buffer, _encoding, done) {
      taken += chunk.length;
      if (taken > breakAfter) return done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      take(chunk.toString('utf8'));
      done();
    },
  });
}
