/** Certificates that stand for tokens, against a stock sshd that trusts the gateway's authority for targets. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { runSsh, startSshd } from '../protocols/ssh/testing/testing.ts';
import type { Secrets } from '../secrets/index.ts';
import type { Snapshot } from './snapshot.ts';
import { openSshKeys } from './ssh-keys.ts';
import { sshServices } from './ssh-services.ts';

/** Secrets in memory. */
function memorySecrets(): Secrets {
  const kept = new Map<string, string>();
  return {
    list: async () => [...kept.keys()].map((name) => ({ name })),
    put: async (name: string, value: string) => void kept.set(name, value),
    reveal: async ({ name }: { name: string }) => kept.get(name) ?? null,
  } as unknown as Secrets;
}

test('a certificate that signs a person on here opens no target that trusts the gateway', {
  timeout: 60_000,
}, async () => {
  const keys = await openSshKeys(memorySecrets());
  const services = sshServices({
    keys,
    snapshot: {} as Snapshot,
    dialler: { dial: () => Promise.reject(new Error('not here')) },
    clock: systemClock,
    log: silentLog,
  });
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-ssh-'));
  const sshd = await startSshd({ userCa: services.userAuthority });
  try {
    // The person is named like an account of the target.
    const principal = userInfo().username;
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
    const certificate = services.sign({
      principal,
      tokenId: 'tok_1',
      publicKey: (await readFile(join(folder, 'key.pub'), 'utf8')).trim(),
      validUntilMs: Date.now() + 600_000,
    });
    await writeFile(join(folder, 'key-cert.pub'), certificate);
    const run = await runSsh({
      port: sshd.port,
      user: principal,
      key: join(folder, 'key'),
      certificate: join(folder, 'key-cert.pub'),
      command: 'echo past the gateway',
    });
    expect(run.stdout.toString()).toBe('');
    expect(run.code).toBe(255);
  } finally {
    await sshd.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
