/**
 * The core's port `Credentials`, fulfilled from secrets.
 *
 * Invariant: whatever goes wrong, the client hears `core.credential-unavailable` and the resource's name; which
 * variable, file or key it was stands in `detail`, for the log. No cause is attached: it could carry more than that.
 */
import { describeError } from '../base/errors.ts';
import { coreErrors } from '../core/errors.ts';
import type { Credentials } from '../core/ports.ts';
import type { Secrets } from './secrets.ts';

export function createCredentials(secrets: Pick<Secrets, 'reveal'>): Credentials {
  return {
    async reveal(resource) {
      const { credential } = resource;
      if (credential === null) return null;
      if (credential.password === null) return { username: credential.username, password: null };
      try {
        return { username: credential.username, password: await secrets.reveal(credential.password) };
      } catch (error) {
        throw coreErrors('core.credential-unavailable', {
          values: { resource: resource.name },
          detail: describeError(error),
        });
      }
    },
  };
}
