/**
 * What a Resource's `credential` may hold, by what its protocol presents: a login name with password, key or certificate,
 * or what an HTTP request carries.
 *
 * Invariants: every secret is a `secretSource`; whoever adds one adds it to `secretsOf`, so that it is sealed on arrival,
 * never given back, and dropped with its resource (A-API-06).
 */
import { z } from 'zod';
import * as limits from './limits.ts';
import { absolutePath, namePattern, secretName, utf8Length } from './names.ts';

/** Protocols whose resources stand at an origin of their own, and are sent head fields as credentials. */
export const originProtocols: readonly string[] = ['http'];

/** The first label of an origin's host name (RFC 1123, section 2.1), which is the resource's name. */
export const originLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The name of a resource that has an origin. */
export const originName = z
  .string()
  .regex(namePattern, 'must be 1 to 63 of a-z 0-9 . _ - and begin with a letter or a digit')
  .regex(originLabel, 'must be the label of a host name, since the resource gets one: 1 to 63 of a-z 0-9 -')
  .meta({ description: 'Unique within its kind; the first label of its host name.' });

/** Where the password of a credential is. Exactly one key; `value` is taken and never given back. */
export const secretSource = z
  .strictObject({
    env: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of an environment variable')
      .optional()
      .describe('An environment variable of the gateway.'),
    file: absolutePath.optional().describe('A file on the gateway; a final line feed is dropped.'),
    store: secretName.optional().describe('A secret of the gateway (sallyport secret set).'),
    value: z
      .string()
      .min(1)
      .refine(
        (text) => utf8Length(text) <= limits.secretBytesMax,
        `must not be longer than ${limits.secretBytesMax} bytes`,
      )
      .optional()
      .meta({
        description: 'The secret itself. Sealed on arrival and shown as `store` from then on.',
        writeOnly: true,
      }),
  })
  .refine((source) => Object.keys(source).length === 1, 'must hold exactly one of env, file, store, value')
  .meta({ minProperties: 1, maxProperties: 1 });
export type SecretSource = z.output<typeof secretSource>;

const username = z
  .string()
  .min(1)
  .max(limits.textLengthMax)
  .refine((text) => !text.includes('\0'), 'must not hold a zero byte');

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

/** Fields that frame or route a request; as credentials they would change which request it is (A-HTTP-01). */
const notCredentials =
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-.*|proxy-.*|forwarded|x-forwarded-.*|sec-.*|cookie2?|set-cookie)$/i;

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,45}$/, 'must be the name of a head field: 1 to 46 of A-Z a-z 0-9 _ -')
  .refine((name) => !notCredentials.test(name), 'must not be a field that frames or routes a request');

/** What a request carries. `headers` go with each of the others, and stand alone, too. */
const requestCredential = z
  .strictObject({
    username: username
      .refine((name) => !name.includes(':'), 'must not hold a colon (RFC 7617)')
      .optional()
      .describe('With `password`: basic authentication.'),
    password: secretSource.optional(),
    token: secretSource.optional().describe('A bearer token (RFC 6750).'),
    headers: z
      .record(headerName, secretSource)
      .refine((headers) => Object.keys(headers).length <= limits.credentialHeadersMax, {
        error: `must not be more than ${limits.credentialHeadersMax} head fields`,
      })
      .refine((headers) => {
        const names = Object.keys(headers).map((name) => name.toLowerCase());
        return new Set(names).size === names.length;
      }, 'must not name a head field twice')
      .optional()
      .describe('Head fields by name, such as X-Api-Key. What a client sends under these names is dropped.'),
  })
  .superRefine((credential, context) => {
    const refuse = (path: string[], message: string): void => context.addIssue({ code: 'custom', path, message });
    const { username, password, token, headers = {} } = credential;
    if (username === undefined && token === undefined && Object.keys(headers).length === 0) {
      refuse([], 'must hold token, headers, or username and password');
    }
    if (username !== undefined && token !== undefined) refuse(['token'], 'cannot stand beside username');
    if (username === undefined && password !== undefined) refuse(['password'], 'needs a username');
    if (username !== undefined && password === undefined) refuse(['username'], 'needs a password');
    const authorization = Object.keys(headers).find((name) => name.toLowerCase() === 'authorization');
    if (authorization !== undefined && (username !== undefined || token !== undefined)) {
      refuse(['headers', authorization], 'cannot stand beside token or username, which make this field');
    }
  });

/** Whatever a credential may hold, for resources whose protocol is not known here. */
export const anyCredential = z.strictObject({
  ...loginCredential.shape,
  username: username.optional(),
  token: requestCredential.shape.token,
  headers: z.record(headerName, secretSource).optional(),
});
export type Credential = z.output<typeof anyCredential>;

/** What the credential of a protocol's resources may hold. */
export function credentialOf(protocol: string) {
  return originProtocols.includes(protocol) ? requestCredential : loginCredential;
}

/** One secret of a credential, and where it stands. */
export interface SecretPlace {
  /** Below `spec.credential`: `password`, `headers.X-Api-Key`. */
  readonly path: string;
  readonly source: SecretSource;
}

/** Every secret of a credential. */
export function secretsOf(credential: Credential | undefined): readonly SecretPlace[] {
  if (credential === undefined) return [];
  const { password, privateKey, token, headers = {} } = credential;
  const single = Object.entries({ password, privateKey, token });
  const fields = Object.entries(headers).map(([name, source]) => [`headers.${name}`, source] as const);
  return [...single, ...fields].flatMap(([path, source]) => (source === undefined ? [] : [{ path, source }]));
}

/** The same credential with the secrets at these places put elsewhere. */
export function withSecrets(credential: Credential, placed: ReadonlyMap<string, SecretSource>): Credential {
  const changed = { ...credential };
  for (const field of ['password', 'privateKey', 'token'] as const) {
    const source = placed.get(field);
    if (source !== undefined) changed[field] = source;
  }
  if (credential.headers === undefined) return changed;
  const headers = Object.entries(credential.headers).map(
    ([name, source]) => [name, placed.get(`headers.${name}`) ?? source] as const,
  );
  return { ...changed, headers: Object.fromEntries(headers) };
}
