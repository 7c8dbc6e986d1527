/**
 * Evidence as an auditor handles it, with a whole gateway, stock psql and the command line: checkpoints kept elsewhere, a copy of the
 * files, `sallyport verify` (A-REC-01, G11). What was changed is named: the session and chunk, the roll-back, the exchanged key.
 */
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestEnv, type TestEnv } from '../env/index.ts';

const program = join(import.meta.dirname, '../../bin/sallyport.js');
const run = promisify(execFile);

let folder: string;
let env: TestEnv | null = null;

const inFolder = (...names: string[]): string => join(folder, ...names);

/** The files that prove something, as an auditor takes them along. */
function copyEvidence(to: string): void {
  for (const name of ['journal', 'recordings', 'journal.pub']) {
    cpSync(join(env!.dataDirectory, name), inFolder(to, name), { recursive: true });
  }
}

async function ask(text: string): Promise<void> {
  await run('psql', ['-XAtc', text], { env: { ...process.env, ...env!.libpq('engineer') } });
}

async function keepCheckpoint(name: string): Promise<void> {
  writeFileSync(inFolder('witness', name), (await env!.gateway.journal.checkpoint())!);
}

function verify(copy: string, ...more: string[]): { status: number | null; out: string } {
  const done = spawnSync(process.execPath, [program, 'verify', '--journal', inFolder(copy, 'journal'), ...more], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { status: done.status, out: done.stdout + done.stderr };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-evidence-'));
  mkdirSync(inFolder('witness'));
  env = await createTestEnv();
  for (const text of ['select 1', "select 'the first'"]) await ask(text);
  await env.gateway.doors.sessions.whenEmpty();
  await keepCheckpoint('1.txt');
  copyEvidence('older');
  for (const text of ['select 2', "select 'the second'"]) await ask(text);
  await env.gateway.doors.sessions.whenEmpty();
  await keepCheckpoint('2.txt');
  copyEvidence('copy');
}, 120_000);

afterAll(async () => {
  await env?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('what is there is proven with every witness, and recordings lie sealed beside their keys', () => {
  const { status, out } = verify('copy', '--witness', inFolder('witness'));
  expect(out).toContain('Nothing was changed, dropped or added.');
  expect(out).toContain('2 checkpoints consistent');
  expect(status).toBe(0);
  const names = readdirSync(inFolder('copy', 'recordings'));
  expect(names.filter((name) => name.endsWith('.rec'))).toHaveLength(4);
  expect(names.filter((name) => name.endsWith('.key'))).toHaveLength(4);
});

test('a flipped byte in a recording is found, and named by session and chunk', () => {
  const name = readdirSync(inFolder('copy', 'recordings')).find((one) => one.endsWith('.rec'))!;
  const path = inFolder('copy', 'recordings', name);
  const bytes = readFileSync(path);
  const changed = Buffer.from(bytes);
  changed[bytes.length - 20]! ^= 1;
  writeFileSync(path, changed);
  const { status, out } = verify('copy');
  writeFileSync(path, bytes);
  expect(status).toBe(1);
  expect(out).toContain(`Recording ${name.replace('.rec', '')}, chunk 0: its bytes are not those that were recorded.`);
});

test('the keys of two recordings exchanged are found, without any key', () => {
  const [a, b] = readdirSync(inFolder('copy', 'recordings')).filter((one) => one.endsWith('.key'));
  const [pathA, pathB] = [inFolder('copy', 'recordings', a!), inFolder('copy', 'recordings', b!)];
  const exchange = (): void => {
    renameSync(pathA, `${pathA}.x`);
    renameSync(pathB, pathA);
    renameSync(`${pathA}.x`, pathB);
  };
  exchange();
  const { status, out } = verify('copy');
  exchange();
  expect(status).toBe(1);
  expect(out).toContain(`Recording ${a!.replace('.key', '')}: its key is not the one it was sealed with.`);
});

test('a journal that was rolled back is consistent in itself, and the witness says what is missing', () => {
  expect(verify('older').status).toBe(0);
  const { status, out } = verify('older', '--witness', inFolder('witness'));
  expect(status).toBe(1);
  expect(out).toContain('1 checkpoint consistent');
  expect(out).toMatch(/2\.txt, event [\d ]+ of .*: ROLLED BACK: from one of the events [\d ]+ to [\d ]+ on/);
  // A witness that can be found out to be something else is none.
  writeFileSync(inFolder('strange.txt'), 'nothing of the kind');
  const strange = verify('copy', '--witness', inFolder('strange.txt'));
  expect(strange.status).toBe(1);
  expect(strange.out).toContain('strange.txt cannot be used');
  expect(verify('copy', '--witness', inFolder('none.txt')).status).toBe(2);
});
