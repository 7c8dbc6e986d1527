/**
 * DNS-01 (RFC 8555, section 8.4): a program of the administrator's puts records into the DNS and takes them back.
 *
 * It is called as `COMMAND… add NAME VALUE` and `COMMAND… remove NAME VALUE`, where NAME is `_acme-challenge.HOST` without a
 * dot behind it, and a TXT record with exactly VALUE is to stand there; for a name and its wildcard there are two at once.
 *
 * Invariants: no shell; of the gateway's environment, which has keys, it gets PATH, HOME, LANG and what is configured;
 * it has a deadline, and is ended with all that it started; each record that may have been made is taken back.
 *
 * Deliberately absent: credentials for a DNS. They are the program's.
 */
import { spawn } from 'node:child_process';
import type { Clock } from '../base/clock.ts';
import type { HookConfig } from './acme-config.ts';
import { type Proof, type Prover, pause } from './acme-order.ts';
import * as limits from './limits.ts';

export class HookProver implements Prover {
  readonly type = 'dns-01';
  readonly #config: HookConfig;
  readonly #clock: Clock;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #onLeft: (detail: string) => void;
  #made: Proof[] = [];

  /** `onLeft` is told of a record that could not be taken back. */
  constructor(
    config: HookConfig,
    clock: Clock,
    environment: Readonly<Record<string, string | undefined>>,
    onLeft: (detail: string) => void,
  ) {
    this.#config = config;
    this.#clock = clock;
    this.#environment = environment;
    this.#onLeft = onLeft;
  }

  async offer(proofs: readonly Proof[], signal: AbortSignal): Promise<void> {
    for (const proof of proofs) {
      signal.throwIfAborted();
      // Before it is made: whoever is cut off half-way may have made it.
      this.#made.push(proof);
      await this.#run('add', proof, signal);
    }
    await pause(this.#config.waitMs, this.#clock, signal);
  }

  async withdraw(): Promise<void> {
    for (const proof of this.#made.splice(0)) {
      // One that stays proves nothing to anybody else, and must not keep a certificate from being used.
      await this.#run('remove', proof, null).catch((error: unknown) =>
        this.#onLeft(error instanceof Error ? error.message : String(error)),
      );
    }
  }

  #run(action: 'add' | 'remove', { name, value }: Proof, signal: AbortSignal | null): Promise<void> {
    const [program = '', ...leading] = this.#config.command;
    const host = `_acme-challenge.${name}`;
    const what = `the hook (${action} ${host})`;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const child = spawn(program, [...leading, action, host, value], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that it is ended with what it started.
      detached: true,
      env: this.#variables(),
    });
    let output = '';
    const take = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-limits.acmeHookOutputBytesMax);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    let why: string | null = null;
    let killing: { cancel(): void } | null = null;
    const end = (reason: string): void => {
      if (why !== null) return;
      why = reason;
      kill(child.pid, 'SIGTERM');
      killing = this.#clock.after(limits.acmeHookKillMs, () => {
        kill(child.pid, 'SIGKILL');
        // Who holds the pipes and has left the group is not waited for.
        child.stdout.destroy();
        child.stderr.destroy();
      });
    };
    const onAbort = (): void => end('was broken off');
    const timer = this.#clock.after(this.#config.deadlineMs, () =>
      end(`took longer than ${this.#config.deadlineMs / 1000} seconds and was ended`),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    const over = (): void => {
      timer.cancel();
      killing?.cancel();
      signal?.removeEventListener('abort', onAbort);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      over();
      reject(new Error(`${what} cannot be run (${error.code ?? 'unknown'}): it must be there, and executable`));
    });
    child.on('close', (code, killedBy) => {
      over();
      if (why === null && code === 0) return resolve();
      const last = output.trimEnd().split('\n').at(-1) ?? '';
      const ended = why ?? (code === null ? `was ended by ${killedBy}` : `failed with ${code}`);
      reject(new Error(`${what} ${ended}${last === '' ? '' : `: ${last.slice(0, limits.acmeReasonLengthMax)}`}`));
    });
    return promise;
  }

  #variables(): Record<string, string> {
    const names = ['PATH', 'HOME', 'LANG', ...this.#config.environment];
    const found = names.map((name) => [name, this.#environment[name]] as const);
    return Object.fromEntries(found.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
  }
}

function kill(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // It has gone by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
