/**
 * A-SSH-21: the gateway is killed while SSH sessions run. Whatever was begun stands in the journal, the next start closes the
 * sessions as interrupted, what was recorded verifies, and the door opens again.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../src/protocols/ssh/held-testing.ts';
import { runSsh, startSsh } from '../../src/protocols/ssh/testing/testing.ts';
import { eventsOf, isType, verifyClean } from '../faults/support/gateway.ts';
import { type SshWorld, startSshWorld } from '../openssh/gateway.ts';

let world: SshWorld;

beforeAll(async () => {
  world = await startSshWorld();
}, 120_000);

afterAll(() => world?.close(), 60_000);

test('A-SSH-21 SIGKILL in the middle of an exec, a terminal and a flood', { timeout: 180_000 }, async () => {
  const login = { port: world.port, user: 'engineer+web-1', password: world.token, deadlineMs: 150_000 } as const;
  const exec = startSsh({ ...login, command: 'echo before-the-kill; sleep 600' });
  const flood = startSsh({ ...login, command: 'cat /dev/zero' });
  const shell = startSsh({ ...login, args: ['-tt'] });
  await exec.until(/before-the-kill/, 60_000);
  await until('the flood', () => flood.stdout().length > 1_000_000);
  await shell.until(/[#$] /, 60_000);
  shell.child.stdin!.write('echo typed-in-the-$((40+2))\r');
  await shell.until(/typed-in-the-42/, 60_000);
  await world.kill('SIGKILL');
  for (const client of [exec, flood, shell]) expect((await client.finished).code).not.toBe(0);

  await world.restart();
  const events = await eventsOf(world.dataDirectory);
  const opened = events.filter(isType('session.opened')).map(({ session }) => session);
  const ended = events.filter(isType('session.ended'));
  expect(opened).toHaveLength(3);
  expect(ended.map(({ session }) => session).sort()).toEqual([...opened].sort());
  for (const { reason } of ended) expect(reason).toBe('interrupted');
  const texts = events.filter(isType('command.intent')).map(({ text }) => text);
  expect(texts).toContain('echo before-the-kill; sleep 600');
  expect(texts).toContain('echo typed-in-the-$((40+2))');
  verifyClean(world.dataDirectory);

  const again = await runSsh({ ...login, port: world.port, command: 'echo again' });
  expect(again.stderr).toBe('');
  expect(again.stdout.toString()).toBe('again\n');
});
