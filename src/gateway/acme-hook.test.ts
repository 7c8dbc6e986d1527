/** The hook of DNS-01: how a program is called, what it sees, and what ends it. Programs are real. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Clock, FakeClock, systemClock } from '../base/clock.ts';
import type { HookConfig } from './acme-config.ts';
import { HookProver } from './acme-hook.ts';
import * as limits from './limits.ts';

const proof = { name: 'gw.example.com', token: 'token', value: '-value; $(touch x)' };
const never = new AbortController().signal;
let folder: string;
let left: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-hook-'));
  left = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function prover(
  script: string,
  changes: Partial<HookConfig> = {},
  clock: Clock = systemClock,
): Promise<HookProver> {
  const program = join(folder, 'hook');
  await writeFile(program, `#!/bin/sh\nlog=${folder}/log\n${script}\n`);
  await chmod(program, 0o755);
  const config = { command: [program, '--zone', 'example.com'], environment: ['OWN'], deadlineMs: 60_000, waitMs: 0 };
  const environment = { PATH: process.env['PATH'], OWN: 'own', SALLYPORT_KEY: 'a key of the gateway' };
  return new HookProver({ ...config, ...changes }, clock, environment, (detail) => left.push(detail));
}

const log = (): Promise<string> => readFile(join(folder, 'log'), 'utf8');

/** Until the program has said something. */
async function said(): Promise<string> {
  for (;;) {
    const text = await log().catch(() => '');
    if (text !== '') return text;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('a hook', () => {
  test('adds and removes each record, by arguments that no shell reads', async () => {
    const hook = await prover('printf "%s|" "$@" >> $log; echo >> $log');
    await hook.offer([proof, { ...proof, value: 'second' }], never);
    await hook.withdraw();
    await hook.withdraw();
    const line = (action: string, value: string): string =>
      `--zone|example.com|${action}|_acme-challenge.gw.example.com|${value}|\n`;
    const values = [proof.value, 'second'];
    expect(await log()).toBe(
      [...values.map((value) => line('add', value)), ...values.map((value) => line('remove', value))].join(''),
    );
  });

  test('sees the variables that it is given, and none of the gateway’s', async () => {
    const hook = await prover('env > $log');
    await hook.offer([proof], never);
    const seen = await log();
    expect(seen).toContain('OWN=own');
    expect(seen).toContain('PATH=');
    expect(seen).not.toContain('SALLYPORT');
  });

  test('that fails says so by its last line, and is asked to take back what it may have made', async () => {
    const hook = await prover('echo "$3" >> $log; echo first; echo "no such zone" >&2; exit 3');
    await expect(hook.offer([proof, proof], never)).rejects.toThrow(
      'the hook (add _acme-challenge.gw.example.com) failed with 3: no such zone',
    );
    await hook.withdraw();
    expect(await log()).toBe('add\nremove\n');
    expect(left).toEqual(['the hook (remove _acme-challenge.gw.example.com) failed with 3: no such zone']);
  });

  test('that is not there is said to be', async () => {
    const hook = await prover('', { command: [join(folder, 'none')] });
    await expect(hook.offer([proof], never)).rejects.toThrow('cannot be run (ENOENT)');
  });

  test('that hangs is ended with what it started, also where that does not listen', async () => {
    const clock = new FakeClock();
    const hook = await prover("trap '' TERM; (trap '' TERM; sleep 600) & echo $! > $log; wait; sleep 600", {}, clock);
    const offered = hook.offer([proof], never);
    const refused = expect(offered).rejects.toThrow('took longer than 60 seconds and was ended');
    const pid = Number(await said());
    clock.advance(60_000);
    clock.advance(limits.acmeHookKillMs);
    await refused;
    // Gone, or gone and not fetched yet by who inherited it.
    const state = (): Promise<string> => readFile(`/proc/${pid}/stat`, 'latin1').catch(() => ') Z');
    while (!(await state()).includes(') Z')) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('ends when the order is broken off', async () => {
    const hook = await prover('echo on > $log; exec sleep 600');
    const abort = new AbortController();
    const offered = hook.offer([proof], abort.signal);
    const refused = expect(offered).rejects.toThrow('was broken off');
    await said();
    abort.abort(new Error('stop'));
    await refused;
  });
});
