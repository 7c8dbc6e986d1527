/**
 * Real clients for tests: ssh, scp, sftp of any OpenSSH here, plink and psftp.
 *
 *   const run = await runSsh({ port, user: 'engineer+web-1', key: keyPath, command: 'echo hi' });
 *   run.code, run.stdout (Buffer), run.stderr (string)
 *
 * Nothing of the machine's or the user's configuration is read, host keys are not checked (the tests of host keys say
 * otherwise by `options`), no agent is asked. Every run has a deadline after which it is killed, by its process id.
 * `startSsh` leaves it running, for tests that type.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machineSsh, type OpenSsh, spawnOf, workFolder } from './openssh-testing.ts';

export interface Run {
  /** The exit code; -1 where a signal ended the program. */
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface SshRun {
  readonly port: number;
  readonly user: string;
  readonly openssh?: OpenSsh;
  /** ssh, scp or sftp. For the latter two, `args` hold the operands; `engineer@127.0.0.1:` is the caller's to write. */
  readonly program?: 'ssh' | 'scp' | 'sftp';
  /** Path of a private key, as this process names it; copied to where the program can read it. */
  readonly key?: string;
  /** Path of a certificate for the key. */
  readonly certificate?: string;
  /** For `password` and `keyboard-interactive`: answered by an askpass program. */
  readonly password?: string;
  /** `-o` options, which win over the defaults here. */
  readonly options?: readonly string[];
  /** Before the host. */
  readonly args?: readonly string[];
  /** After the host. */
  readonly command?: string;
  readonly input?: Buffer | string;
  readonly deadlineMs?: number;
}

export interface Started {
  readonly child: ChildProcess;
  readonly finished: Promise<Run>;
  /** What was said on stdout so far. */
  stdout(): Buffer;
  stderr(): string;
  /** Waits until stdout (or stderr) matches. */
  until(pattern: RegExp, deadlineMs?: number): Promise<void>;
}

export async function runSsh(options: SshRun): Promise<Run> {
  const started = startSsh(options);
  started.child.stdin?.end(options.input ?? '');
  return started.finished;
}

export function startSsh(options: SshRun): Started {
  const openssh = options.openssh ?? machineSsh;
  const folder = workFolder(openssh);
  const { program = 'ssh', port, user } = options;
  const settings = [...(options.options ?? []), ...defaultSettings(options)];
  if (options.key !== undefined) {
    copyFileSync(options.key, join(folder.path, 'key'));
    settings.push(`IdentityFile=${folder.inside('key')}`);
  }
  if (options.certificate !== undefined) {
    copyFileSync(options.certificate, join(folder.path, 'key-cert.pub'));
    settings.push(`CertificateFile=${folder.inside('key-cert.pub')}`);
  }
  const env = { ...process.env };
  delete env['SSH_AUTH_SOCK'];
  if (options.password !== undefined) {
    const askpass = join(folder.path, 'askpass');
    writeFileSync(askpass, `#!/bin/sh\nprintf '%s\\n' '${options.password.replaceAll("'", "'\\''")}'\n`, {
      mode: 0o700,
    });
    Object.assign(env, { SSH_ASKPASS: folder.inside('askpass'), SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' });
  }
  const args = ['-F', '/dev/null', ...settings.flatMap((setting) => ['-o', setting]), ...(options.args ?? [])];
  if (program === 'ssh') args.push('-p', String(port), '-l', user, '127.0.0.1');
  else args.splice(2, 0, '-P', String(port));
  if (options.command !== undefined) args.push(options.command);
  const started = follow(spawnOf(openssh, program, args, env), options.deadlineMs ?? 30_000);
  void started.finished.finally(() => folder.remove());
  return started;
}

function defaultSettings(options: SshRun): string[] {
  return [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'GlobalKnownHostsFile=/dev/null',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'LogLevel=ERROR',
    'ConnectTimeout=15',
    options.password === undefined ? 'BatchMode=yes' : 'NumberOfPasswordPrompts=1',
  ];
}

/** Runs plink, psftp or another program that is not OpenSSH's. */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: { readonly input?: Buffer | string; readonly deadlineMs?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Run> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: options.env ?? process.env });
  const { finished } = follow(child, options.deadlineMs ?? 30_000);
  child.stdin.end(options.input ?? '');
  return finished;
}

function follow(child: ChildProcess, deadlineMs: number): Started {
  const out: Buffer[] = [];
  let said = '';
  const wake: (() => void)[] = [];
  const heard = (): void => {
    for (const waiting of wake.splice(0)) waiting();
  };
  child.stdout?.on('data', (chunk: Buffer) => {
    out.push(chunk);
    heard();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
    heard();
  });
  // A program that ends before it has read its input is none of the test's concern.
  child.stdin?.on('error', () => {});
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  let isOver = false;
  const finished = new Promise<Run>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      isOver = true;
      heard();
      resolve({ code: code ?? -1, stdout: Buffer.concat(out), stderr: said });
    });
  });
  const stdout = (): Buffer => Buffer.concat(out);
  return {
    child,
    finished,
    stdout,
    stderr: () => said,
    until: async (pattern, untilMs = 15_000) => {
      const end = Date.now() + untilMs;
      for (;;) {
        if (pattern.test(stdout().toString('latin1')) || pattern.test(said)) return;
        if (isOver || Date.now() > end) throw new Error(`no ${pattern} in: ${stdout().toString('latin1')} ${said}`);
        await new Promise<void>((resolve) => {
          const again = setTimeout(resolve, 200);
          wake.push(() => {
            clearTimeout(again);
            resolve();
          });
        });
      }
    },
  };
}
