/** Secrets from end to end: references, storing, rotation, and that nothing shows a value. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import type { Resource, SecretReference } from '../core/resource.ts';
import { createCredentials, createSecrets, openKeyRing, Secret, secretBytesMax, secretNameBytesMax } from './index.ts';
import type { SealedStore } from './secrets.ts';
import { MemoryStore, rejection } from './testing/store.ts';

const folder = mkdtempSync(join(tmpdir(), 'sp-secrets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let serial = 0;
const fresh = (): string => join(folder, `file-${++serial}`);
const value = 'pa$$wörd-👩‍💻-7f3a';

async function setUp(options: { environment?: Record<string, string>; fileFolders?: string[] } = {}) {
  const keyFile = fresh();
  const keyRing = await openKeyRing({ file: keyFile, create: true });
  const sealedStore = new MemoryStore();
  const clock = new FakeClock();
  const secrets = createSecrets({ keyRing, sealedStore, clock, environment: {}, ...options });
  const reveal = (name: string) => secrets.reveal({ provider: 'store', name });
  return { keyFile, keyRing, sealedStore, clock, secrets, reveal };
}

function write(content: string | Buffer): string {
  const path = fresh();
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

describe('stored secrets', () => {
  it('come back as they were set, and are nowhere in the rows', async () => {
    const { secrets, sealedStore, reveal } = await setUp();
    await secrets.put('orders', value);
    expect(await reveal('orders')).toBe(value);
    const row = sealedStore.rows.get('orders')!;
    const stored = Buffer.concat([row.wrappedKey, row.nonce, row.ciphertext, row.tag]);
    expect(stored.includes(value)).toBe(false);
    expect(await secrets.delete('orders')).toBe(true);
    expect(await secrets.delete('orders')).toBe(false);
    expect((await rejection(reveal('orders'))).code).toBe('secrets.missing');
  });

  it('come back for any name and any text', async () => {
    const { secrets, reveal } = await setUp();
    const names = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme-composite' });
    const texts = fc
      .string({ minLength: 1, maxLength: 3_000, unit: 'grapheme' })
      .filter((text) => !text.includes('\0'));
    await fc.assert(
      fc.asyncProperty(names, texts, async (name, text) => {
        const stored = await secrets.put(name, text).then(
          () => true,
          () => false,
        );
        // A name with a control or formatting character is refused; every other one must work.
        fc.pre(stored);
        expect(await reveal(name)).toBe(text);
      }),
      { numRuns: 200 },
    );
  });

  it('are listed with their dates, in pages, and without values', async () => {
    const { secrets, clock, keyRing } = await setUp();
    for (let at = 0; at < 1_001; at++) await secrets.put(`s${String(at).padStart(4, '0')}`, value);
    const createdAtMs = clock.now();
    clock.advance(1_000);
    await secrets.put('s0000', 'other');
    const all = await secrets.list();
    expect(all).toHaveLength(1_001);
    expect(all[0]).toEqual({ name: 's0000', keyId: keyRing.currentId, createdAtMs, updatedAtMs: createdAtMs + 1_000 });
    expect(Object.keys(all[1000]!)).toEqual(['name', 'keyId', 'createdAtMs', 'updatedAtMs']);
  });

  it('have limits: names, sizes, text', async () => {
    const { secrets, reveal } = await setUp();
    const put = (name: string, text = 'x') =>
      secrets.put(name, text).then(
        () => 'none',
        (error: { code: string }) => error.code,
      );
    expect(await put('x'.repeat(secretNameBytesMax))).toBe('none');
    expect(await put('x'.repeat(secretNameBytesMax + 1))).toBe('secrets.bad-name');
    for (const bad of ['', 'a\nb', 'a\0b', 'a\u202eb', 'a\u2028b', '\ud800'])
      expect(await put(bad)).toBe('secrets.bad-name');
    expect(await put('a', 'x'.repeat(secretBytesMax))).toBe('none');
    expect(await put('a', 'x'.repeat(secretBytesMax + 1))).toBe('secrets.too-large');
    expect(await put('a', '')).toBe('secrets.empty');
    expect(await put('a', 'x\0y')).toBe('secrets.not-text');
    expect(await put('a', '\ud800')).toBe('secrets.not-text');
    expect(await put('bom', '\ufeffx')).toBe('none');
    expect(await reveal('bom')).toBe('\ufeffx');
  });

  it('do not open when any field of the row was changed', async () => {
    const { secrets, sealedStore, reveal } = await setUp();
    await secrets.put('a', value);
    const row = sealedStore.rows.get('a')!;
    for (const field of ['wrappedKey', 'nonce', 'ciphertext', 'tag'] as const) {
      const spoilt = Buffer.from(row[field]);
      spoilt[0]! ^= 1;
      sealedStore.rows.set('a', { ...row, [field]: spoilt });
      expect((await rejection(reveal('a'))).code).toBe('secrets.tampered');
    }
    sealedStore.rows.set('a', { ...row, keyId: 'key_0123456789abcdef' });
    expect((await rejection(reveal('a'))).code).toBe('secrets.unknown-key');
    sealedStore.rows.set('a', { ...row, keyId: '\u001b[31mevil' });
    expect((await rejection(reveal('a'))).message).not.toContain('evil');
    sealedStore.rows.set('a', row);
    expect(await reveal('a')).toBe(value);
  });

  it('do not open under another name: rows and parts of rows cannot be exchanged', async () => {
    const { secrets, sealedStore, reveal } = await setUp();
    await secrets.put('mine', 'my own');
    await secrets.put('theirs', 'the other');
    const [mine, theirs] = [sealedStore.rows.get('mine')!, sealedStore.rows.get('theirs')!];
    for (const row of [theirs, { ...theirs, name: 'mine' }, { ...mine, wrappedKey: theirs.wrappedKey }]) {
      sealedStore.rows.set('mine', row);
      expect((await rejection(reveal('mine'))).code).toBe('secrets.tampered');
    }
  });

  it('say that the key is wrong, and which one it should be', async () => {
    const { secrets, sealedStore, keyRing } = await setUp();
    await secrets.put('a', value);
    const wrong = createSecrets({ keyRing: await openKeyRing({ file: fresh(), create: true }), sealedStore });
    const error = await rejection(wrong.reveal({ provider: 'store', name: 'a' }));
    expect(error.code).toBe('secrets.unknown-key');
    expect(error.message).toContain(keyRing.currentId);
  });
});

describe('rotation', () => {
  it('moves every secret to the new key, keeps the previous key, drops the one before', async () => {
    const { secrets, sealedStore, keyRing, keyFile, reveal } = await setUp();
    for (let at = 0; at < 700; at++) await secrets.put(`s${at}`, `${value}${at}`);
    const [first, before] = [keyRing.currentId, new Map(sealedStore.rows)];
    const one = await secrets.rotate();
    expect(one).toEqual({ keyId: keyRing.currentId, rewrapped: 700, dropped: [] });
    expect(one.keyId).not.toBe(first);
    for (const [name, row] of sealedStore.rows) {
      expect(row.keyId).toBe(one.keyId);
      expect(row.updatedAtMs).toBe(before.get(name)!.updatedAtMs);
      expect(await reveal(name)).toBe(`${value}${name.slice(1)}`);
    }
    const two = await secrets.rotate();
    expect(two.dropped).toEqual([first]);
    // A row from before the first rotation, put back: its key is gone, and the error says so.
    sealedStore.rows.set('s0', before.get('s0')!);
    expect((await rejection(reveal('s0'))).code).toBe('secrets.unknown-key');
    expect((await openKeyRing({ file: keyFile, create: false })).currentId).toBe(two.keyId);
  });

  it('cut off at any write leaves all readable, also to a new process, and finishes when repeated', async () => {
    for (const crashAt of [1, 2]) {
      const { secrets, sealedStore, keyFile } = await setUp();
      for (let at = 0; at < 5; at++) await secrets.put(`s${at}`, `${value}${at}`);
      let writes = 0;
      sealedStore.beforeWrite = () => {
        if (++writes === crashAt) throw new Error('crash');
      };
      if (crashAt === 1) await rejection(secrets.rotate());
      else await secrets.rotate();
      sealedStore.beforeWrite = () => {};
      const next = createSecrets({ keyRing: await openKeyRing({ file: keyFile, create: false }), sealedStore });
      for (let at = 0; at < 5; at++)
        expect(await next.reveal({ provider: 'store', name: `s${at}` })).toBe(`${value}${at}`);
      const done = await next.rotate();
      expect(new Set([...sealedStore.rows.values()].map((row) => row.keyId))).toEqual(new Set([done.keyId]));
      for (let at = 0; at < 5; at++)
        expect(await next.reveal({ provider: 'store', name: `s${at}` })).toBe(`${value}${at}`);
    }
  });

  it('cut off between the rows leaves all readable', async () => {
    const { secrets, sealedStore, keyFile, reveal } = await setUp();
    for (let at = 0; at < 6; at++) await secrets.put(`s${at}`, value);
    // The transaction of a store is whole; a store that breaks after half of it is worse than any crash.
    const half: SealedStore['replaceAll'] = async (replacements) => {
      await MemoryStore.prototype.replaceAll.call(sealedStore, replacements.slice(0, 3));
      throw new Error('crash');
    };
    sealedStore.replaceAll = half;
    await rejection(secrets.rotate());
    for (let at = 0; at < 6; at++) expect(await reveal(`s${at}`)).toBe(value);
    const next = createSecrets({ keyRing: await openKeyRing({ file: keyFile, create: false }), sealedStore });
    for (let at = 0; at < 6; at++) expect(await next.reveal({ provider: 'store', name: `s${at}` })).toBe(value);
  });

  it('neither loses nor resurrects what is set or deleted meanwhile', async () => {
    const { secrets, sealedStore, reveal } = await setUp();
    for (const name of ['a', 'b', 'c']) await secrets.put(name, 'old');
    let isFirst = true;
    sealedStore.replaceAll = async (replacements) => {
      if (isFirst) {
        isFirst = false;
        await secrets.put('a', 'new');
        await secrets.delete('b');
      }
      return MemoryStore.prototype.replaceAll.call(sealedStore, replacements);
    };
    await secrets.rotate();
    expect(await reveal('a')).toBe('new');
    expect((await rejection(reveal('b'))).code).toBe('secrets.missing');
    expect(await reveal('c')).toBe('old');
  });

  it('is noticed by another gateway that shares the file, for opening and for sealing', async () => {
    const { secrets, sealedStore, keyFile, keyRing, reveal } = await setUp();
    const otherRing = await openKeyRing({ file: keyFile, create: false });
    const other = createSecrets({ keyRing: otherRing, sealedStore });
    await secrets.put('a', value);
    await secrets.rotate();
    expect(await other.reveal({ provider: 'store', name: 'a' })).toBe(value);
    await secrets.rotate();
    await other.put('b', 'from the other');
    expect(sealedStore.rows.get('b')!.keyId).toBe(keyRing.currentId);
    expect(await reveal('b')).toBe('from the other');
  });

  it('runs once at a time', async () => {
    const { secrets, sealedStore, keyFile, reveal } = await setUp();
    await secrets.put('a', value);
    const other = createSecrets({ keyRing: await openKeyRing({ file: keyFile, create: false }), sealedStore });
    const outcomes = await Promise.allSettled([secrets.rotate(), other.rotate(), secrets.rotate()]);
    const codes = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'done' : outcome.reason.code));
    expect(codes.filter((code) => code === 'done').length).toBeGreaterThanOrEqual(1);
    expect(new Set(codes)).toEqual(new Set(['done', 'secrets.rotation-running']));
    expect(await reveal('a')).toBe(value);
    await secrets.rotate();
    expect(await reveal('a')).toBe(value);
  });

  it('says what it could not move, keeps the keys, and goes on with the rest', async () => {
    const { secrets, sealedStore, keyRing, reveal } = await setUp();
    await secrets.put('good', value);
    await secrets.put('spoilt', value);
    const first = keyRing.currentId;
    const row = sealedStore.rows.get('spoilt')!;
    sealedStore.rows.set('spoilt', { ...row, wrappedKey: randomBytes(row.wrappedKey.length) });
    for (let round = 0; round < 3; round++) {
      expect((await rejection(secrets.rotate())).code).toBe('secrets.rotation-incomplete');
    }
    expect(sealedStore.rows.get('good')!.keyId).toBe(keyRing.currentId);
    sealedStore.rows.set('spoilt', row);
    expect(row.keyId).toBe(first);
    expect(await reveal('spoilt')).toBe(value);
  });

  it('with keys from the environment wants a new one first', async () => {
    const sealedStore = new MemoryStore();
    const [old, next] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
    const before = createSecrets({ keyRing: await openKeyRing({ keys: old }), sealedStore });
    await before.put('a', value);
    expect((await rejection(before.rotate())).code).toBe('secrets.rotation-needs-key');
    const after = createSecrets({ keyRing: await openKeyRing({ keys: `${next},${old}` }), sealedStore });
    expect(await after.rotate()).toMatchObject({ rewrapped: 1, dropped: [] });
    const alone = createSecrets({ keyRing: await openKeyRing({ keys: next }), sealedStore });
    expect(await alone.reveal({ provider: 'store', name: 'a' })).toBe(value);
  });
});

describe('references to the environment', () => {
  it('give the value as it is', async () => {
    const { secrets } = await setUp({ environment: { ORDERS: ` ${value}\n`, SALLYPORT_SECRET_X: 'x' } });
    expect(await secrets.reveal({ provider: 'env', name: 'ORDERS' })).toBe(` ${value}\n`);
    expect(await secrets.reveal({ provider: 'env', name: 'SALLYPORT_SECRET_X' })).toBe('x');
  });

  it.each([
    ['ABSENT', 'secrets.missing'],
    ['toString', 'secrets.missing'],
    ['__proto__', 'secrets.missing'],
    ['EMPTY', 'secrets.empty'],
    ['', 'secrets.bad-reference'],
    ['SALLYPORT_MASTER_KEY', 'secrets.bad-reference'],
    ['sallyport_store', 'secrets.bad-reference'],
  ])('%j is refused with %s', async (name, code) => {
    const environment = { EMPTY: '', SALLYPORT_MASTER_KEY: value, sallyport_store: value };
    const { secrets } = await setUp({ environment });
    const error = await rejection(secrets.reveal({ provider: 'env', name }));
    expect(error.code).toBe(code);
    expect(inspect(error, { depth: 10 })).not.toContain(value);
  });
});

describe('references to files', () => {
  it.each([
    [`${value}\n`, value],
    [`${value}\r\n`, value],
    [`${value}\n\n`, `${value}\n`],
    [value, value],
    [` ${value} `, ` ${value} `],
    ['x'.repeat(secretBytesMax), 'x'.repeat(secretBytesMax)],
    [`${'x'.repeat(secretBytesMax)}\r\n`, 'x'.repeat(secretBytesMax)],
  ])('lose one line end', async (content, expected) => {
    const { secrets } = await setUp();
    expect(await secrets.reveal({ provider: 'file', path: write(content) })).toBe(expected);
  });

  it.each([
    ['too long by one', 'x'.repeat(secretBytesMax + 1), 'secrets.too-large'],
    ['far too long', 'x'.repeat(secretBytesMax * 3), 'secrets.too-large'],
    ['empty', '', 'secrets.empty'],
    ['only a line end', '\n', 'secrets.empty'],
    ['not UTF-8', Buffer.from([0x61, 0xff]), 'secrets.not-text'],
    ['with NUL', 'a\0b', 'secrets.not-text'],
  ])('that are %s are refused', async (_what, content, code) => {
    const { secrets } = await setUp();
    expect((await rejection(secrets.reveal({ provider: 'file', path: write(content) }))).code).toBe(code);
  });

  it('must name a plain file absolutely; devices and FIFOs neither block nor flood', async () => {
    const { secrets } = await setUp();
    const fifo = fresh();
    execFileSync('mkfifo', [fifo]);
    const code = async (path: string) => (await rejection(secrets.reveal({ provider: 'file', path }))).code;
    expect(await code('relative')).toBe('secrets.bad-reference');
    expect(await code('')).toBe('secrets.bad-reference');
    expect(await code('/a\0b')).toBe('secrets.bad-reference');
    for (const path of [fifo, '/dev/zero', folder]) expect(await code(path)).toBe('secrets.bad-reference');
    expect(await code(fresh())).toBe('secrets.missing');
    expect(await code(join(write('x'), 'below'))).toBe('secrets.missing');
  });

  it('never give out the key file, by whatever name', async () => {
    const { secrets, keyFile } = await setUp();
    const link = fresh();
    symlinkSync(keyFile, link);
    for (const path of [keyFile, link, join(folder, '..', keyFile.slice(tmpdir().length))]) {
      expect((await rejection(secrets.reveal({ provider: 'file', path }))).code).toBe('secrets.bad-reference');
    }
    await secrets.put('a', value);
    await secrets.rotate();
    expect((await rejection(secrets.reveal({ provider: 'file', path: link }))).code).toBe('secrets.bad-reference');
  });

  it('stay below the folders that are allowed, links followed', async () => {
    const allowed = fresh();
    mkdirSync(join(allowed, 'deep'), { recursive: true });
    writeFileSync(join(allowed, 'deep', 'in'), value);
    writeFileSync(join(allowed, '..in'), value);
    const outside = write('outside');
    mkdirSync(`${allowed}-sibling`);
    copyFileSync(outside, join(`${allowed}-sibling`, 'x'));
    symlinkSync(outside, join(allowed, 'link'));
    const { secrets } = await setUp({ fileFolders: [join(folder, 'absent'), allowed] });
    expect(await secrets.reveal({ provider: 'file', path: join(allowed, 'deep', 'in') })).toBe(value);
    expect(await secrets.reveal({ provider: 'file', path: join(allowed, '..in') })).toBe(value);
    for (const path of [
      outside,
      join(allowed, 'link'),
      `${allowed}/../${outside.split('/').at(-1)}`,
      `${allowed}-sibling/x`,
    ]) {
      expect((await rejection(secrets.reveal({ provider: 'file', path }))).code).toBe('secrets.bad-reference');
    }
  });

  it('that may not be read say so', async () => {
    const path = write(value);
    chmodSync(path, 0);
    const { secrets } = await setUp();
    const reading = secrets.reveal({ provider: 'file', path });
    // Root reads whatever the mode says.
    if (process.getuid?.() === 0) expect(await reading).toBe(value);
    else expect((await rejection(reading)).code).toBe('secrets.unreadable');
  });
});

describe('credentials for the core', () => {
  const resource = (password: SecretReference | null): Resource => ({
    id: 'res_1',
    name: 'orders',
    labels: {},
    protocol: 'postgres',
    host: 'db',
    port: 5432,
    tls: { mode: 'disable', ca: null, serverName: null },
    credential: { username: 'app', password },
    recording: 'strict',
    settings: {},
  });

  it('are revealed at use', async () => {
    const { secrets } = await setUp({ environment: { P: value } });
    const credentials = createCredentials(secrets);
    expect(await credentials.reveal(resource({ provider: 'env', name: 'P' }))).toEqual({
      username: 'app',
      aws: null,
      clientCertificate: null,
      password: value,
      privateKey: null,
      token: null,
      headers: {},
      authority: null,
    });
    expect(await credentials.reveal(resource(null))).toMatchObject({ username: 'app', password: null });
    expect(await credentials.reveal({ ...resource(null), credential: null })).toBeNull();
  });

  it('A-HTTP-01: nothing is sent in a head field that would end it', async () => {
    const { secrets } = await setUp();
    const reveal = async (text: string) => {
      await secrets.put('key', text);
      const key = { provider: 'store', name: 'key' } as const;
      const credential = { username: '', password: null, token: null, headers: { 'X-Api-Key': key } };
      return createCredentials(secrets).reveal({ ...resource(null), credential });
    };
    expect((await reveal('k 1'))?.headers).toEqual({ 'X-Api-Key': 'k 1' });
    for (const text of ['k\r\nX-Admin: 1', 'k\n', ' k', 'ключ']) {
      const error = await rejection(reveal(text));
      expect(error.code).toBe('core.credential-unavailable');
      expect(inspect(error)).not.toContain('X-Admin');
    }
  });

  it('fail with one public message, whatever went wrong', async () => {
    const { secrets, sealedStore } = await setUp();
    await secrets.put('spoilt', value);
    const row = sealedStore.rows.get('spoilt')!;
    sealedStore.rows.set('spoilt', { ...row, tag: randomBytes(16) });
    const credentials = createCredentials(secrets);
    const references: readonly SecretReference[] = [
      { provider: 'env', name: 'ABSENT' },
      { provider: 'file', path: join(folder, 'absent') },
      { provider: 'store', name: 'absent' },
      { provider: 'store', name: 'spoilt' },
    ];
    const messages = new Set<string>();
    for (const reference of references) {
      const error = await rejection(credentials.reveal(resource(reference)));
      expect(error.code).toBe('core.credential-unavailable');
      expect(error.cause).toBeUndefined();
      messages.add(error.message);
    }
    expect([...messages]).toEqual([
      'core.credential-unavailable: The credential for orders is not available to the gateway. Call its administrator.',
    ]);
  });
});

describe('nothing shows a value (A-API-06)', () => {
  const forms = (thing: unknown): string =>
    [
      inspect(thing, { depth: 20, showHidden: true, getters: true }),
      JSON.stringify(thing) ?? '',
      String(thing),
      thing instanceof Error ? `${thing.stack} ${String(thing.cause)}` : '',
    ].join('\n');

  it('a Secret hides itself however it is printed', () => {
    const secret = new Secret(value);
    const printed = [
      forms(secret),
      forms({ deep: [secret] }),
      `${secret}`,
      `${secret}x`,
      inspect(new Map([['a', secret]])),
    ];
    for (const text of printed) expect(text).not.toContain(value);
    expect(JSON.stringify({ secret })).toBe('{"secret":"(secret)"}');
    expect(forms(structuredClone(secret))).not.toContain(value);
    expect(secret.reveal()).toBe(value);
  });

  it('the service, its lists and its errors hold none', async () => {
    const environment = { P: value, BAD: `${value}\0` };
    const { secrets, sealedStore, keyRing, keyFile } = await setUp({ environment });
    const errors: unknown[] = [];
    await secrets.put('a', value);
    const rotation = await secrets.rotate();
    errors.push(await rejection(secrets.put('', value)));
    errors.push(await rejection(secrets.put('a', `${value}\0`)));
    errors.push(await rejection(secrets.put('a', value.repeat(secretBytesMax))));
    errors.push(await rejection(secrets.reveal({ provider: 'env', name: 'BAD' })));
    errors.push(await rejection(secrets.reveal({ provider: 'file', path: write(`${value}\0`) })));
    const row = sealedStore.rows.get('a')!;
    sealedStore.rows.set('a', { ...row, tag: randomBytes(16) });
    errors.push(await rejection(secrets.reveal({ provider: 'store', name: 'a' })));
    const keys = readFileSync(keyFile, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(keys).toHaveLength(2);
    for (const thing of [...errors, secrets, createCredentials(secrets), keyRing, rotation, await secrets.list()]) {
      for (const hidden of [value, ...keys]) expect(forms(thing)).not.toContain(hidden);
    }
  });
});
