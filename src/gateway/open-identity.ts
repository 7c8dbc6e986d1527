/** Opens identity with everything around it: tokens and keys, identity providers, and what keeps both true. */
import { generateKeyPair as generateKeyPairCallback, randomBytes, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import * as x509 from '@peculiar/x509';
import type { FactorsPort, ScimStore } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { LiveSessions } from '../core/door.ts';
import type { Journal } from '../core/ports.ts';
import { createIdentity, type Identity, type SpKeys } from '../identity/index.ts';
import type { Secrets } from '../secrets/index.ts';
import type { Store } from '../store/index.ts';
import { ownPrefix, tokenSecret } from './identity-keys.ts';
import * as limits from './limits.ts';
import { workloadsOf } from './machines.ts';
import { openFactors } from './open-factors.ts';
import { createProvisioning, type Provisioning } from './provisioning.ts';
import { refreshSignOns } from './refreshing.ts';
import { createScim } from './scim.ts';
import { createSignOns, type SignOns } from './sign-on.ts';
import type { Snapshot } from './snapshot.ts';
import type { SshKeys } from './ssh-keys.ts';

export interface IdentityOpening {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly journal: Journal;
  readonly snapshot: Snapshot;
  readonly secrets: Secrets;
  readonly ownSecrets: Secrets;
  readonly sshKeys: SshKeys;
  readonly consoleUrl: () => string;
  /** Null until the doors stand. */
  readonly sessions: () => LiveSessions | null;
}

export interface OpenedIdentity {
  readonly identity: Identity;
  readonly provisioning: Provisioning;
  readonly signOns: SignOns;
  readonly factors: FactorsPort;
  readonly scim: ScimStore;
  close(): Promise<void>;
}

export async function openIdentity(parts: IdentityOpening): Promise<OpenedIdentity> {
  const { clock, log, store, journal, snapshot, secrets, ownSecrets, sshKeys, consoleUrl } = parts;
  const factors = await openFactors({ clock, log, store, snapshot, journal, ownSecrets, consoleUrl });
  const identity = createIdentity({
    clock,
    log,
    tokens: store.tokens,
    passwords: store.passwords,
    directory: { find: (name) => snapshot.principal(name), authorities: () => snapshot.authorities() },
    authority: sshKeys.signOnAuthority.key,
    approvalLink: (id) => `${consoleUrl()}/approve.html#${id}`,
    visitPage: () => `${consoleUrl()}/visit.html`,
    serverSecret: await tokenSecret(ownSecrets),
    factors,
    workloads: workloadsOf({ clock, log, snapshot, journal }),
  });
  const provisioning = createProvisioning({ store, snapshot, journal, identity, clock });
  const signOns = createSignOns({
    clock,
    log,
    store,
    snapshot,
    identity,
    provisioning,
    secrets,
    ownSecrets,
    samlKeys: () => openSamlKeys(ownSecrets, clock),
    consoleUrl,
  });
  const stop = refreshSignOns({ clock, log, store, identity, ownSecrets, signOns, sessions: parts.sessions });
  const close = async (): Promise<void> => {
    await stop();
    identity.close();
  };
  return {
    identity,
    provisioning,
    signOns,
    factors,
    scim: createScim({ clock, store, snapshot, provisioning }),
    close,
  };
}

/** The key that SAML messages are signed with and assertions encrypted to; shared by all gateways on one store. */
async function openSamlKeys(secrets: Secrets, clock: Clock): Promise<SpKeys> {
  const name = `${ownPrefix}saml-keys`;
  const isKnown = (await secrets.list()).some((summary) => summary.name === name);
  if (!isKnown) {
    const { privateKey: made } = await generateKeyPair('rsa', { modulusLength: limits.samlKeyBits });
    const privateKey = made.export({ type: 'pkcs8', format: 'pem' }) as string;
    // In one: a key is never beside another's certificate, whichever gateway was faster.
    const keys: SpKeys = { privateKey, certificate: await samlCertificate(privateKey, clock) };
    await secrets.put(name, JSON.stringify(keys));
  }
  return JSON.parse(await secrets.reveal({ provider: 'store', name })) as SpKeys;
}

const generateKeyPair = promisify(generateKeyPairCallback);

/** Providers take the key in it for what the metadata says, and look at nothing else (SAML V2.0 Metadata Interoperability). */
async function samlCertificate(privateKey: string, clock: Clock): Promise<string> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const der = Buffer.from(privateKey.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const signing = await webcrypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']);
  const { kty, n, e } = await webcrypto.subtle.exportKey('jwk', signing);
  const publicKey = await webcrypto.subtle.importKey('jwk', { kty: kty!, n: n!, e: e! }, algorithm, true, ['verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(16).toString('hex'),
    name: 'CN=Sallyport gateway SAML',
    notBefore: new Date(clock.now() - 3_600_000),
    notAfter: new Date(clock.now() + limits.authorityDays * 86_400_000),
    signingAlgorithm: algorithm,
    keys: { privateKey: signing, publicKey },
  });
  return `${certificate.toString('pem')}\n`;
}
