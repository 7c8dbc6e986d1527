/** Keys in files and in the environment. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { openKeyRing } from './index.ts';
import { keysMax } from './limits.ts';
import { rejection } from './testing/store.ts';

const folder = mkdtempSync(join(tmpdir(), 'sp-keys-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let serial = 0;
const fresh = (): string => join(folder, `key-${++serial}`);
const newKey = (): string => randomBytes(32).toString('base64');

async function codeOf(source: Parameters<typeof openKeyRing>[0]): Promise<string | undefined> {
  return (await rejection(openKeyRing(source))).code;
}

describe('a key file', () => {
  it('is made on request only, with mode 600, and is the same next time', async () => {
    const file = fresh();
    expect(await codeOf({ file, create: false })).toBe('secrets.key-missing');
    const made = await openKeyRing({ file, create: true });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await openKeyRing({ file, create: true })).currentId).toBe(made.currentId);
    expect((await openKeyRing({ file, create: false })).currentId).toBe(made.currentId);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is made once where several gateways start together', async () => {
    const file = fresh();
    const rings = await Promise.all(Array.from({ length: 8 }, () => openKeyRing({ file, create: true })));
    expect(new Set(rings.map((ring) => ring.currentId)).size).toBe(1);
  });

  it.each([0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666, 0o777])('with mode %o is refused', async (mode) => {
    const file = fresh();
    await openKeyRing({ file, create: true });
    chmodSync(file, mode);
    const error = await rejection(openKeyRing({ file, create: true }));
    expect(error.code).toBe('secrets.key-permissions');
    expect(error.message).toContain('chmod 600');
  });

  it.each([0o600, 0o400])('with mode %o is taken', async (mode) => {
    const file = fresh();
    const made = await openKeyRing({ file, create: true });
    chmodSync(file, mode);
    expect((await openKeyRing({ file, create: false })).currentId).toBe(made.currentId);
  });

  it('must be a plain file: no folder, no FIFO that would block', async () => {
    const below = fresh();
    mkdirSync(below, { mode: 0o700 });
    expect(await codeOf({ file: below, create: true })).toBe('secrets.key-unreadable');
    const fifo = fresh();
    execFileSync('mkfifo', ['-m', '600', fifo]);
    expect(await codeOf({ file: fifo, create: true })).toBe('secrets.key-unreadable');
    expect(await codeOf({ file: join(fresh(), 'below'), create: true })).toBe('secrets.key-unreadable');
  });

  it('behind a link is judged by what the link leads to', async () => {
    const file = fresh();
    await openKeyRing({ file, create: true });
    const link = fresh();
    symlinkSync(file, link);
    await openKeyRing({ file: link, create: false });
    chmodSync(file, 0o644);
    expect(await codeOf({ file: link, create: false })).toBe('secrets.key-permissions');
  });

  it('takes comments, empty lines and several keys, the first being current', async () => {
    const file = fresh();
    const [first, second] = [newKey(), newKey()];
    writeFileSync(file, `# note\r\n\n  ${first}\r\n${second}\n${first}\n`, { mode: 0o600 });
    const ring = await openKeyRing({ file, create: false });
    expect(ring.currentId).toBe((await openKeyRing({ keys: first })).currentId);
  });

  it('names the line of what is no key, and never quotes it (A-API-06)', async () => {
    const file = fresh();
    const almost = newKey().slice(0, -4);
    writeFileSync(file, `${newKey()}\n${almost}\n`, { mode: 0o600 });
    const error = await rejection(openKeyRing({ file, create: false }));
    expect(error.code).toBe('secrets.key-invalid');
    expect(error.message).toContain('Line or entry 2');
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(almost);
  });

  it('that is empty, too long or holds too many keys is refused', async () => {
    const write = (text: string): string => {
      const file = fresh();
      writeFileSync(file, text, { mode: 0o600 });
      return file;
    };
    expect(await codeOf({ file: write(''), create: true })).toBe('secrets.key-missing');
    expect(await codeOf({ file: write('# nothing\n'), create: true })).toBe('secrets.key-missing');
    expect(await codeOf({ file: write(`#${'x'.repeat(64 * 1024)}\n`), create: true })).toBe('secrets.key-unreadable');
    const many = (count: number) => Array.from({ length: count }, newKey).join('\n');
    await openKeyRing({ file: write(many(keysMax)), create: false });
    expect(await codeOf({ file: write(many(keysMax + 1)), create: false })).toBe('secrets.key-invalid');
  });
});

describe('keys from the environment', () => {
  it('are separated by commas, the first being current', async () => {
    const [first, second] = [newKey(), newKey()];
    const ring = await openKeyRing({ keys: `${first}, ${second}` });
    expect(ring.currentId).toBe((await openKeyRing({ keys: first })).currentId);
  });

  it.each(['', ' , ', 'short', 'A'.repeat(44), `${'A'.repeat(43)}!`, `${'A'.repeat(43)}==`, 'a'.repeat(64)])(
    'that are %j are refused',
    async (keys) => {
      expect(await codeOf({ keys })).toMatch(/^secrets\.key-(invalid|missing)$/);
    },
  );
});

describe('a key ring', () => {
  it('shows no key, however it is printed (A-API-06)', async () => {
    const file = fresh();
    const ring = await openKeyRing({ file, create: true });
    const key = readFileSync(file, 'utf8').trim().split('\n').at(-1)!;
    const bytes = Buffer.from(key, 'base64');
    const printed = [
      inspect(ring, { depth: 10, showHidden: true }),
      JSON.stringify(ring),
      String(ring),
      `${ring}`,
    ].join();
    expect(printed).toContain(ring.currentId);
    for (const form of [key, bytes.toString('hex'), bytes.toString('hex').match(/../g)!.join(' ')]) {
      expect(printed).not.toContain(form);
    }
    expect(ring.currentId).not.toContain(bytes.toString('hex').slice(0, 8));
  });
});
