/**
 * The gateway's own identity and keys: its id, the key that signs checkpoints, the secret behind SCRAM salts. Sealed in
 * the store like any secret, under names that no Resource can refer to and no route lists.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../base/ids.ts';
import type { SealedStore, Secrets } from '../secrets/index.ts';

/** Names of secrets that belong to the gateway itself begin with this. */
export const ownPrefix = 'gateway.';

/** The sealed store as Resources and the API see it: without the gateway's own secrets. */
export function withoutOwnSecrets(store: SealedStore): SealedStore {
  const isOwn = (name: string): boolean => name.startsWith(ownPrefix);
  return {
    get: async (name) => (isOwn(name) ? null : store.get(name)),
    put: async (row) => {
      if (isOwn(row.name)) throw new Error('this name is the gateway’s own');
      await store.put(row);
    },
    list: async (page) => (await store.list(page)).filter(({ name }) => !isOwn(name)),
    delete: async (name) => (isOwn(name) ? false : store.delete(name)),
    replaceAll: (replacements) => store.replaceAll(replacements),
  };
}

/** The same secrets, with a rotation that reaches the gateway's own data keys as well. */
export function withRotation(secrets: Secrets, rotate: Secrets['rotate']): Secrets {
  return {
    reveal: (reference) => secrets.reveal(reference),
    put: (name, value) => secrets.put(name, value),
    delete: (name) => secrets.delete(name),
    list: () => secrets.list(),
    rotate,
  };
}

/** This gateway's id, made at the first start. */
export async function gatewayId(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, 'gateway-id');
  if (!existsSync(path)) await writeFile(path, `${newId('gw')}\n`, { mode: 0o644, flag: 'wx' });
  return (await readFile(path, 'utf8')).trim();
}

/** The Ed25519 key that signs this gateway's checkpoints. */
export async function signingKey(secrets: Secrets, gateway: string): Promise<KeyObject> {
  const name = `${ownPrefix}journal-key.${gateway}`;
  const pem = await getOrCreate(secrets, name, () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  });
  return createPrivateKey(pem);
}

/** The secret that salts of access tokens derive from; shared by all gateways on one store. */
export async function tokenSecret(secrets: Secrets): Promise<Buffer> {
  return Buffer.from(
    await getOrCreate(secrets, `${ownPrefix}token-secret`, () => randomBytes(32).toString('hex')),
    'hex',
  );
}

/** The key of keyed masks; shared by all gateways on one store, so that equal values stay equal everywhere. */
export async function maskKey(secrets: Secrets): Promise<Buffer> {
  return Buffer.from(await getOrCreate(secrets, `${ownPrefix}mask-key`, () => randomBytes(32).toString('hex')), 'hex');
}

/** What references in chat messages are signed with; shared by all gateways on one store: any may be answered. */
export function chatSecret(secrets: Secrets): Promise<string> {
  return getOrCreate(secrets, `${ownPrefix}chat-secret`, () => randomBytes(32).toString('hex'));
}

/** A secret of the gateway's own, made the first time it is asked for. */
export async function getOrCreate(secrets: Secrets, name: string, make: () => string): Promise<string> {
  const known = (await secrets.list()).some((summary) => summary.name === name);
  if (!known) await secrets.put(name, make());
  return secrets.reveal({ provider: 'store', name });
}
