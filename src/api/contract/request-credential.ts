/**
 * What an HTTP request may carry as its resource's credential: a token, a name with a password, head fields, a token that an
 * authorisation server gives, AWS signatures, a certificate of the TLS connection.
 *
 * Invariant: one thing makes `Authorization`; head fields and the certificate go with each.
 */
import { z } from 'zod';
import * as limits from './limits.ts';
import { secretSource, username } from './secret-source.ts';

/** Fields that frame or route a request; as credentials they would change which request it is (A-HTTP-01). */
const notCredentials =
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-.*|proxy-.*|forwarded|x-forwarded-.*|sec-.*|cookie2?|set-cookie)$/i;

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,45}$/, 'must be the name of a head field: 1 to 46 of A-Z a-z 0-9 _ -')
  .refine((name) => !notCredentials.test(name), 'must not be a field that frames or routes a request');

export const headerFields = z.record(headerName, secretSource);

/** What stands in a form as it is: printable, and no longer than servers take. */
const parameter = z
  .string()
  .min(1)
  .max(limits.credentialParameterLengthMax)
  .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII');

const tokenUrl = z
  .string()
  .max(limits.urlLengthMax)
  .refine(isTokenUrl, 'must be https://… (http only on a loopback address), without user and fragment')
  .describe('The token endpoint of the authorisation server.');

/** A secret goes there: in clear it may not leave the machine. */
function isTokenUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username: user, password, hash } = new URL(text);
  if (user !== '' || password !== '' || hash !== '' || text.endsWith('#')) return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

const oauth = z.strictObject({
  tokenUrl,
  clientId: parameter,
  clientSecret: secretSource,
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, 'must be a scope (RFC 6749, section 3.3)'))
    .max(limits.listEntriesMax)
    .optional(),
  audience: parameter.optional().describe('Sent as `audience`, where the server asks for it.'),
  resource: parameter
    .refine((text) => URL.canParse(text), 'must be a URL')
    .optional()
    .describe('Sent as `resource` (RFC 8707).'),
  authentication: z
    .enum(['basic', 'body'])
    .optional()
    .describe(
      'How the client proves itself: basic authentication unless said otherwise, or client_secret in the body.',
    ),
  ca: z
    .string()
    .max(limits.certificateLengthMax)
    .regex(/-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/, 'must be certificates in PEM')
    .optional()
    .describe('Authorities to trust at the token endpoint instead of the system’s, in PEM.'),
});

const aws = z.strictObject({
  region: z.string().regex(/^[a-z0-9-]{1,32}$/, 'must be a region such as eu-central-1'),
  service: z.string().regex(/^[a-z0-9-]{1,64}$/, 'must be a service as its scope names it, such as s3 or execute-api'),
  accessKeyId: secretSource,
  secretAccessKey: secretSource,
  sessionToken: secretSource.optional().describe('Of temporary keys.'),
});

const clientCertificate = z.strictObject({
  certificate: secretSource.describe('The certificate, and the ones that lead to its authority, in PEM.'),
  key: secretSource.describe('Its private key without passphrase, in PEM.'),
});

/** The fields that only requests have. */
export const requestFields = {
  token: secretSource.optional().describe('A bearer token (RFC 6750).'),
  oauth: oauth.optional().describe('A bearer token by the client credentials grant (RFC 6749, section 4.4).'),
  aws: aws.optional().describe('AWS Signature Version 4 over each request.'),
  clientCertificate: clientCertificate.optional().describe('A certificate for the TLS connection to the target.'),
};

/** What a request carries. `headers` and `clientCertificate` go with each of the others, and stand alone, too. */
export const requestCredential = z
  .strictObject({
    username: username
      .refine((name) => !name.includes(':'), 'must not hold a colon (RFC 7617)')
      .optional()
      .describe('With `password`: basic authentication.'),
    password: secretSource.optional(),
    ...requestFields,
    headers: headerFields
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
    const { username: name, password, headers = {} } = credential;
    // Each of them makes the field Authorization.
    const makers = (['username', 'token', 'oauth', 'aws'] as const).filter((one) => credential[one] !== undefined);
    if (makers.length === 0 && credential.clientCertificate === undefined && Object.keys(headers).length === 0) {
      refuse([], 'must hold token, oauth, aws, clientCertificate, headers, or username and password');
    }
    const [first, second] = makers;
    if (first !== undefined && second !== undefined) refuse([second], `cannot stand beside ${first}`);
    if (name === undefined && password !== undefined) refuse(['password'], 'needs a username');
    if (name !== undefined && password === undefined) refuse(['username'], 'needs a password');
    for (const header of Object.keys(headers)) {
      const lower = header.toLowerCase();
      if (lower === 'authorization' && first !== undefined) {
        refuse(['headers', header], `cannot stand beside ${first}, which makes this field`);
      }
      if (lower.startsWith('x-amz-') && first === 'aws') {
        refuse(['headers', header], 'cannot stand beside aws, which signs these fields');
      }
    }
  });
