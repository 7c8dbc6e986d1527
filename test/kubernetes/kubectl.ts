/** Real kubectl: Debian's 1.20 (`old`: SPDY), 1.32 (`new`: WebSocket) and unstable's (`newest`), as `tools/kubernetes.sh` fetches them. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missing, program } from './programs.ts';
import { Screen, startOnTerminal } from './terminal.ts';

export type KubectlVersion = 'old' | 'new' | 'newest';
export const kubectlVersions: readonly KubectlVersion[] = ['old', 'new', 'newest'];

export interface KubectlOptions {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** When it is killed; 30 s unless given. */
  readonly deadlineMs?: number;
}

export interface KubectlResult {
  /** Null when it was killed at the deadline. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly output: Buffer;
}

const usualDeadlineMs = 30_000;

export function missingKubectl(versions: readonly KubectlVersion[] = ['old', 'new']): string | null {
  return missing(versions.map((version) => `kubectl-${version}` as const));
}

/** The environment kubectl runs in: nothing of whoever runs the tests, discovery cached in `home`. */
export function kubectlEnvironment(kubeconfig: string, home: string): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: home, KUBECONFIG: kubeconfig, TERM: 'xterm' };
}

/** Starts kubectl and lets the caller speak to it. Its folder is removed when it ends. */
export function startKubectl(
  version: KubectlVersion,
  kubeconfig: string,
  args: readonly string[],
  options: KubectlOptions = {},
): ChildProcessWithoutNullStreams {
  const home = mkdtempSync(join(tmpdir(), 'sallyport-kubectl-'));
  const child = spawn(program(`kubectl-${version}`), args, {
    cwd: options.cwd ?? home,
    env: { ...kubectlEnvironment(kubeconfig, home), ...options.env },
    stdio: 'pipe',
  });
  child.once('close', () => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  child.stdin.on('error', () => undefined);
  return child;
}

/** Runs kubectl to its end. */
export function kubectl(
  version: KubectlVersion,
  kubeconfig: string,
  args: readonly string[],
  options: KubectlOptions = {},
): Promise<KubectlResult> {
  return new Promise((resolve, reject) => {
    const child = startKubectl(version, kubeconfig, args, options);
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.stdin.end(options.input ?? '');
    const late = setTimeout(() => child.kill('SIGKILL'), options.deadlineMs ?? usualDeadlineMs);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(late);
      const stdout = Buffer.concat(output);
      resolve({ code, stdout: stdout.toString(), stderr: Buffer.concat(errors).toString(), output: stdout });
    });
  });
}

/** kubectl at a terminal of its own. */
export function kubectlOnTerminal(
  version: KubectlVersion,
  kubeconfig: string,
  args: readonly string[],
  size: { readonly rows?: number; readonly columns?: number } = {},
): Screen {
  const home = mkdtempSync(join(tmpdir(), 'sallyport-kubectl-'));
  const process = startOnTerminal([program(`kubectl-${version}`), ...args], {
    ...size,
    cwd: home,
    env: kubectlEnvironment(kubeconfig, home),
  });
  void process.ended.finally(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  return new Screen(process);
}
