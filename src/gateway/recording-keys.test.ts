/** The key under which the keys of recordings lie: kept through rotations, and through the loss of the store. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { createSecrets, type KeyRing, openKeyRing, type SealedRow, type SealedStore } from '../secrets/index.ts';
import { openRecordingKeys, type RecordingKeyRing } from './recording-keys.ts';

let dataDirectory = '';
let keyRing: KeyRing;

beforeEach(async () => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'sallyport-recording-keys-'));
  mkdirSync(join(dataDirectory, 'keys'));
  keyRing = await openKeyRing({ file: join(dataDirectory, 'keys', 'master.key'), create: true });
});

afterEach(() => rmSync(dataDirectory, { recursive: true, force: true }));

function memoryStore(): SealedStore {
  const rows = new Map<string, SealedRow>();
  return {
    get: async (name) => rows.get(name) ?? null,
    put: async (row) => void rows.set(row.name, row),
    list: async () => [...rows.values()],
    delete: async (name) => rows.delete(name),
    replaceAll: async (replacements) => {
      for (const { next } of replacements) rows.set(next.name, next);
      return replacements.length;
    },
  };
}

const openOn = (sealedStore: SealedStore): Promise<RecordingKeyRing> =>
  openRecordingKeys({
    keyRing,
    ownSecrets: createSecrets({ keyRing, sealedStore }),
    dataDirectory,
    gateway: 'gw_1',
    clock: systemClock,
  });

test('a key opens again for its session alone, after a restart and after rotations of the key ring', async () => {
  const store = memoryStore();
  const keys = await openOn(store);
  const { key, wrapped } = keys.create('ses_a');
  expect(key).toHaveLength(32);
  expect(keys.create('ses_a').key.equals(key)).toBe(false);
  expect((await keys.open('ses_a', wrapped)).equals(key)).toBe(true);
  await expect(keys.open('ses_b', wrapped)).rejects.toMatchObject({ code: 'secrets.tampered' });
  const changed = Buffer.from(wrapped);
  changed[20]! ^= 1;
  await expect(keys.open('ses_a', changed)).rejects.toMatchObject({ code: 'secrets.tampered' });
  for (let rotation = 0; rotation < 3; rotation++) expect((await keys.rotate()).rewrapped).toBe(1);
  expect((await keys.open('ses_a', wrapped)).equals(key)).toBe(true);
  expect((await (await openOn(store)).open('ses_a', wrapped)).equals(key)).toBe(true);
});

test('recordings open after the store was lost, whatever was rotated before', async () => {
  const keys = await openOn(memoryStore());
  const { key, wrapped } = keys.create('ses_a');
  for (let rotation = 0; rotation < 3; rotation++) await keys.rotate();
  const path = join(dataDirectory, 'keys', 'recording.key');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const empty = memoryStore();
  expect((await (await openOn(empty)).open('ses_a', wrapped)).equals(key)).toBe(true);
  // It is in the store again, which may be opened without the copy.
  rmSync(path);
  expect((await (await openOn(empty)).open('ses_a', wrapped)).equals(key)).toBe(true);
});

test('a copy that does not open stops the start rather than being replaced, unless the store has the key', async () => {
  const store = memoryStore();
  await openOn(store);
  const path = join(dataDirectory, 'keys', 'recording.key');
  const row = JSON.parse(readFileSync(path, 'utf8')) as { ciphertext: string };
  const ciphertext = Buffer.from(row.ciphertext, 'base64');
  ciphertext[0]! ^= 1;
  writeFileSync(path, JSON.stringify({ ...row, ciphertext: ciphertext.toString('base64') }));
  await expect(openOn(memoryStore())).rejects.toMatchObject({ code: 'secrets.tampered' });
  await openOn(store);
  await openOn(memoryStore());
});
