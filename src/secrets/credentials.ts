/**
 * The core's port `Credentials`, fulfilled from secrets.
 *
 * Invariant: whatever goes wrong, the client hears `core.credential-unavailable` and the resource's name; which
 * variable, file or key it was stands in `detail`, for the log. No cause is attached: it could carry more than that.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import { coreErrors } from '../core/errors.ts';
import type { AwsKeys, Credentials, UpstreamCredential, UserAuthority } from '../core/ports.ts';
import type { AwsReference, CredentialReference, SecretReference } from '../core/resource.ts';
import { type CertificatePair, checkedPair } from './certificates.ts';
import { OAuthTokens } from './oauth.ts';
import type { Secrets } from './secrets.ts';

/** `authority` signs user certificates, where there is one. */
export function createCredentials(
  secrets: Pick<Secrets, 'reveal'>,
  authority: UserAuthority | null = null,
  clock: Clock = systemClock,
): Credentials {
  const tokens = new OAuthTokens(clock);
  /** A bearer token that stands in the configuration, or one that an authorisation server gives. */
  const bearer = async ({
    oauth = null,
    token = null,
  }: CredentialReference): Promise<Pick<UpstreamCredential, 'token' | 'renewal'>> => {
    if (oauth !== null) return tokens.token(oauth, await secrets.reveal(oauth.clientSecret));
    return { token: token === null ? null : sendable('token', await secrets.reveal(token)) };
  };
  const pairOf = async (reference: CredentialReference['clientCertificate']): Promise<CertificatePair | null> => {
    if (reference === null || reference === undefined) return null;
    return checkedPair(await secrets.reveal(reference.certificate), await secrets.reveal(reference.key), clock);
  };
  return {
    async reveal(resource) {
      const { credential } = resource;
      if (credential === null) return null;
      const revealed = async (reference: SecretReference | null | undefined): Promise<string | null> =>
        reference === null || reference === undefined ? null : secrets.reveal(reference);
      try {
        return {
          username: credential.username,
          password: await revealed(credential.password),
          privateKey: await revealed(credential.privateKey),
          ...(await bearer(credential)),
          aws: await awsKeys(credential.aws ?? null, secrets),
          clientCertificate: await pairOf(credential.clientCertificate),
          headers: Object.fromEntries(
            await Promise.all(
              Object.entries(credential.headers ?? {}).map(
                async ([name, reference]) => [name, sendable(name, await secrets.reveal(reference))] as const,
              ),
            ),
          ),
          authority: credential.certificate === true ? authority : null,
        };
      } catch (error) {
        throw coreErrors('core.credential-unavailable', {
          values: { resource: resource.name },
          detail: describeError(error),
        });
      }
    },
  };
}

async function awsKeys(reference: AwsReference | null, secrets: Pick<Secrets, 'reveal'>): Promise<AwsKeys | null> {
  if (reference === null) return null;
  const { region, service, accessKeyId, secretAccessKey, sessionToken } = reference;
  return {
    region,
    service,
    accessKeyId: sendable('accessKeyId', await secrets.reveal(accessKeyId)),
    secretAccessKey: sendable('secretAccessKey', await secrets.reveal(secretAccessKey)),
    sessionToken: sessionToken === null ? null : sendable('sessionToken', await secrets.reveal(sessionToken)),
  };
}

/** What can stand in a field of a request: a line break would begin another field, or another request (A-HTTP-01). */
function sendable(name: string, value: string): string {
  if (!/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value)) {
    throw new Error(`the secret for ${name} holds characters that a head field cannot`);
  }
  return value;
}
