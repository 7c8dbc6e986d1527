/** A new protocol begins as a whole one. */
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newProtocol } from './new-protocol.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sallyport-new-'));
  const protocols = join(root, 'src/protocols');
  await mkdir(protocols, { recursive: true });
  const here = join(import.meta.dirname, '../src/protocols');
  await cp(join(here, '_template'), join(protocols, '_template'), { recursive: true });
  await cp(join(here, 'registry.ts'), join(protocols, 'registry.ts'));
});

afterEach(() => rm(root, { recursive: true, force: true }));

test('copies, renames, registers', async () => {
  const files = await newProtocol(root, 'redis');
  expect(files).toContain('src/protocols/redis/index.ts');
  expect(files).toContain('src/protocols/redis/fixtures/server.ts');
  for (const file of files) {
    if (file.endsWith('registry.ts')) continue;
    expect((await readFile(join(root, file), 'utf8')).toLowerCase()).not.toContain('template');
  }
  expect(await readFile(join(root, 'src/protocols/redis/index.ts'), 'utf8')).toContain("name: 'redis'");
  const registry = await readFile(join(root, 'src/protocols/registry.ts'), 'utf8');
  expect(registry).toContain("import { createRedis } from './redis/index.ts';");
  expect(registry).toMatch(/ {2}createRedis,\n {2}\/\/ new-protocol adds here/);
});

test('a second one stands behind the first', async () => {
  await newProtocol(root, 'redis');
  await newProtocol(root, 'ldap');
  const registry = await readFile(join(root, 'src/protocols/registry.ts'), 'utf8');
  expect(registry.indexOf('createRedis,')).toBeLessThan(registry.indexOf('createLdap,'));
});

test.each(['', 'Redis', '../x', 'a-b', 'contract', '1a'])('refuses the name %j', async (name) => {
  const before = await readFile(join(root, 'src/protocols/registry.ts'), 'utf8');
  await expect(newProtocol(root, name)).rejects.toThrow();
  expect(await readFile(join(root, 'src/protocols/registry.ts'), 'utf8')).toBe(before);
});

test('refuses a name that is taken', async () => {
  await newProtocol(root, 'redis');
  await expect(newProtocol(root, 'redis')).rejects.toThrow(/exists/);
});
