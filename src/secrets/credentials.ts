/**
 * The core's port `Credentials`, fulfilled from secrets.
 *
 * Invariant: whatever goes wrong, the client hears `core.credential-unavailable` and the resource's name; which
 * variable, file or key it was stands in `detail`, for the log. No cause is attached: it could carry more than that.
 */
import { describeError } from '../base/errors.ts';
import { coreErrors } from '../core/errors.ts';
import type { Credentials, UserAuthority } from '../core/ports.ts';
import type { SecretReference } from '../core/resource.ts';
import type { Secrets } from './secrets.ts';

/** `authority` signs user certificates, where there is one. */
export function createCredentials(
  secrets: Pick<Secrets, 'reveal'>,
  authority: UserAuthority | null = null,
): Credentials {
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
          token: sendable('token', await revealed(credential.token)),
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

/** What can stand in a field of a request: a line break would begin another field, or another request (A-HTTP-01). */
function sendable<T extends string | null>(name: string, value: T): T {
  if (value !== null && !/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value)) {
    throw new Error(`the secret for ${name} holds characters that a head field cannot`);
  }
  return value;
}
