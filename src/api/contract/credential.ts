/**
 * What a Resource's `credential` may hold, by what its protocol presents: a login name with password, key or certificate,
 * or what an HTTP request carries (request-credential.ts).
 *
 * Invariants: every secret is a `secretSource`; whoever adds one adds it to `secretsOf`, so that it is sealed on arrival,
 * never given back, and dropped with its resource (A-API-06).
 */
import { z } from 'zod';
import { namePattern } from './names.ts';
import { headerFields, requestCredential, requestFields } from './request-credential.ts';
import { type SecretSource, secretSource, username } from './secret-source.ts';

export { type SecretSource, secretSource } from './secret-source.ts';

/** Protocols whose resources stand at an origin of their own, and are sent head fields as credentials. */
export const originProtocols: readonly string[] = ['http', 'kubernetes'];

/** The first label of an origin's host name (RFC 1123, section 2.1), which is the resource's name. */
export const originLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The name of a resource that has an origin. */
export const originName = z
  .string()
  .regex(namePattern, 'must be 1 to 63 of a-z 0-9 . _ - and begin with a letter or a digit')
  .regex(originLabel, 'must be the label of a host name, since the resource gets one: 1 to 63 of a-z 0-9 -')
  .meta({ description: 'Unique within its kind; the first label of its host name.' });

/** A login: PostgreSQL, SSH. */
const loginCredential = z.strictObject({
  username,
  password: secretSource.optional(),
  privateKey: secretSource.optional().describe('A private key without passphrase, as OpenSSH or PEM writes it.'),
  certificate: z
    .boolean()
    .optional()
    .describe('The gateway signs a short-lived user certificate for each session (sallyport ssh-authority).'),
});

/** Whatever a credential may hold, for resources whose protocol is not known here. */
export const anyCredential = z.strictObject({
  ...loginCredential.shape,
  username: username.optional(),
  ...requestFields,
  headers: headerFields.optional(),
});
export type Credential = z.output<typeof anyCredential>;

/** What the credential of a protocol's resources may hold. */
export function credentialOf(protocol: string) {
  return originProtocols.includes(protocol) ? requestCredential : loginCredential;
}

/** One secret of a credential, and where it stands. */
export interface SecretPlace {
  /** Below `spec.credential`: `password`, `headers.X-Api-Key`, `oauth.clientSecret`. */
  readonly path: string;
  readonly source: SecretSource;
}

/** Members that are secrets themselves, and the secrets of members that hold several. */
const single = ['password', 'privateKey', 'token'] as const;
const nested = {
  oauth: ['clientSecret'],
  aws: ['accessKeyId', 'secretAccessKey', 'sessionToken'],
  clientCertificate: ['certificate', 'key'],
} as const;

/** Every secret of a credential. */
export function secretsOf(credential: Credential | undefined): readonly SecretPlace[] {
  if (credential === undefined) return [];
  const places: [string, SecretSource | undefined][] = single.map((field) => [field, credential[field]]);
  for (const [group, fields] of Object.entries(nested)) {
    const members = (credential[group as keyof typeof nested] ?? {}) as Readonly<Record<string, SecretSource>>;
    for (const field of fields) places.push([`${group}.${field}`, members[field]]);
  }
  for (const [name, source] of Object.entries(credential.headers ?? {})) places.push([`headers.${name}`, source]);
  return places.flatMap(([path, source]) => (source === undefined ? [] : [{ path, source }]));
}

/** The same credential with the secrets at these places put elsewhere. */
export function withSecrets(credential: Credential, placed: ReadonlyMap<string, SecretSource>): Credential {
  const changed: Record<string, unknown> = { ...credential };
  for (const [path, source] of placed) {
    const [group = '', ...rest] = path.split('.');
    const field = rest.join('.');
    changed[group] = field === '' ? source : { ...(changed[group] as object), [field]: source };
  }
  return changed as Credential;
}
