/** What a driver suite is, and how suites run programs and keep what they fetch. */
import { type ExecFileException, execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Outcome, Report } from './outcome.ts';
import type { Route } from './stage.ts';

export type { Report } from './outcome.ts';

export interface Suite {
  readonly name: string;
  /** SQL that the superuser runs in the fresh database before each run. */
  readonly seed?: string;
  /** Fetches what is needed. Rejects where it cannot run here, saying why. */
  prepare(): Promise<void>;
  run(route: Route): Promise<Report>;
}

/** What suites fetch is kept here, outside the repository's history. */
export const cacheDirectory = fileURLToPath(new URL('../../.cache/drivers/', import.meta.url));

export interface Executed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecuteOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  readonly deadlineMs?: number;
}

const outputBytesMax = 256 * 1024 * 1024;

/** Runs a program to its end; a failure is an answer, too. */
export function execute(program: string, flags: readonly string[], options: ExecuteOptions = {}): Promise<Executed> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      [...flags],
      {
        env: { ...process.env, ...options.environment },
        maxBuffer: outputBytesMax,
        timeout: options.deadlineMs ?? 600_000,
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      },
      (error: ExecFileException | null, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr: code === -1 ? `${stderr}${error?.message ?? ''}` : stderr });
      },
    );
    // A program that does not read its input closes it; that is no failure of the run.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

/** As `execute`, and rejects where the program fails; answers what it wrote. */
export async function executeOk(
  program: string,
  flags: readonly string[],
  options: ExecuteOptions = {},
): Promise<string> {
  const executed = await execute(program, flags, options);
  if (executed.code !== 0) throw new Error(`${program} failed (${executed.code}): ${executed.stderr.slice(-500)}`);
  return executed.stdout;
}

/** Outcomes written as words (`pass`, `fail …`, `skip`) or as the output itself, which must then be equal. */
export function outcomesOf(texts: ReadonlyMap<string, string>): Report {
  return new Map(
    [...texts].map(([name, text]): [string, Outcome] => {
      if (text === 'pass') return [name, { status: 'passed' }];
      if (text === 'skip') return [name, { status: 'skipped' }];
      if (/^(?:fail|did not run)/.test(text)) return [name, { status: 'failed', detail: text }];
      return [name, { status: 'passed', output: text }];
    }),
  );
}
