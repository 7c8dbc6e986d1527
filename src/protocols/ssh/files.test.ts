/** Transfers through a whole connection, with stock clients and a stock sshd. */

import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesOf } from '../../core/command.ts';
import { until } from './held-testing.ts';
import { openRoom, type Room, token } from './room-testing.ts';
import { runProgram, runSsh, type Sshd, startSsh, startSshd } from './testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText } from './transport/index.ts';

let sshd: Sshd;
let room: Room;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-files-'));
  mkdirSync(join(folder, 'secret'));
  writeFileSync(join(folder, 'secret', 'key.pem'), 'private');
  symlinkSync(join(folder, 'secret'), join(folder, 'innocent'));
  const text = generateKeyText('ed25519');
  sshd = await startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(text).publicKey)] });
  room = await openRoom({
    target: { port: sshd.port, hostKeys: sshd.hostKeys },
    credential: { username: sshd.user, privateKey: text },
    judge: ({ meaning }) =>
      filesOf(meaning)?.operations.some(({ path, operation }) => operation === 'read' && path.raw.includes('/secret/'))
        ? { name: 'block', rule: 'no-secrets', reason: 'Nobody downloads from there.' }
        : null,
  });
}, 60_000);

afterAll(async () => {
  await room?.close();
  await sshd?.stop();
  await rm(folder, { recursive: true, force: true });
});

const login = { user: 'engineer+web-1', password: token };
const scp = (from: string, to: string, args: readonly string[] = []) =>
  runSsh({ ...login, port: room.port, program: 'scp', args: [...args, from, to] });
const there = (path: string): string => `engineer+web-1@127.0.0.1:${path}`;

describe.each([
  ['sftp', []],
  ['scp of old', ['-O']],
] as const)('scp over %s', (_how, args) => {
  test('takes and gives a file byte for byte', { timeout: 60_000 }, async () => {
    const bytes = randomBytes(3_000_000);
    writeFileSync(join(folder, 'here'), bytes);
    const up = await scp(join(folder, 'here'), there(join(folder, 'up')), args);
    expect(up.stderr).toBe('');
    expect(up.code).toBe(0);
    expect(readFileSync(join(folder, 'up')).equals(bytes)).toBe(true);
    const down = await scp(there(join(folder, 'up')), join(folder, 'back'), args);
    expect(down.code).toBe(0);
    expect(readFileSync(join(folder, 'back')).equals(bytes)).toBe(true);
    const texts = room.commands();
    expect(texts.some((text) => text.startsWith('upload ') && text.includes(join(folder, 'up')))).toBe(true);
    expect(texts.some((text) => text.startsWith('download ') && text.includes(join(folder, 'up')))).toBe(true);
  });

  test.each(['secret/key.pem', 'innocent/key.pem', 'secret/../secret/./key.pem'])(
    'A-SSH-13 A-SSH-14 %s is not given',
    async (path) => {
      const run = await scp(there(`${folder}/${path}`), join(folder, 'stolen'), args);
      expect(run.code).not.toBe(0);
      expect(run.stderr).toContain('no-secrets');
      expect(() => readFileSync(join(folder, 'stolen'))).toThrow('ENOENT');
    },
  );
});

test('A-SSH-13 rsync is judged by the paths of its arguments', { timeout: 60_000 }, async () => {
  const shell = `ssh -p ${room.port} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR`;
  void shell;
  void runProgram;
  const run = await runSsh({
    ...login,
    port: room.port,
    command: `rsync --server --sender -logDtpre.iLsfxCIvu . ${folder}/secret/`,
  });
  expect(run.code).toBe(126);
  expect(run.stderr).toContain('no-secrets');
});

describe('what a transfer program says beside the transfer', { timeout: 90_000 }, () => {
  /** By its path, since what a subsystem runs is the server's to say. */
  const said = async (script: string, act: (run: ReturnType<typeof startSsh>) => Promise<void>) => {
    const program = join(folder, 'sftp-server');
    writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const run = startSsh({ ...login, port: room.port, command: program, deadlineMs: 80_000 });
    try {
      await act(run);
    } finally {
      run.child.kill('SIGKILL');
      await run.finished;
    }
  };

  test('is recorded before it is delivered, and waits for the intent as the rest does', () =>
    said('echo told-on-the-error-stream >&2; exec sleep 60', async (run) => {
      await run.until(/told-on-the-error-stream/, 45_000);
      expect(room.recordings.at(-1)!.content().includes('told-on-the-error-stream')).toBe(true);
    }));

  test('A-SSH-17 does not heap up where nobody reads it', () =>
    said('exec cat /dev/zero >&2', async (run) => {
      await until('some of it', () => run.stderr().length > 300_000);
      run.child.stderr!.pause();
      const passed = (): number => {
        let sum = 0;
        room.doors.sessions.end(
          (session) => {
            sum += session.bytesOut;
            return false;
          },
          { reason: 'killed', message: '', code: null, by: null },
        );
        return sum;
      };
      let last = -1;
      let still = 0;
      await until('the flow to stand still', async () => {
        still = passed() === last ? still + 1 : 0;
        last = passed();
        await new Promise((resolve) => setTimeout(resolve, 50));
        return still >= 20;
      });
      run.child.stderr!.resume();
      await until('the flow to go on', () => passed() > last + 4_000_000);
    }));
});
