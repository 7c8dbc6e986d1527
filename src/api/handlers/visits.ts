/**
 * Handing a browser over to a resource's origin (identity's visits.ts says how).
 *
 * Invariant: where the browser goes is made of the gateway's own listener, the resource's name and one of the gateway's
 * domains, never of what the page was told (open redirects).
 */
import { actorOf } from '../../core/event.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { apiErrors } from '../errors.ts';

export function visitHandlers({ ports, record }: ApiParts): Pick<Handlers, 'beginVisit'> {
  return {
    async beginVisit({ principal, token, source, input }) {
      if (token === null) throw apiErrors('api.not-authenticated');
      const { resource: name, domain, nonce, returnTo } = input.body;
      // A resource that the caller may not open answers as one that is not there.
      const resource = (await ports.access.openable(principal)).find((one) => one.name === name);
      const begun =
        resource === undefined
          ? null
          : await ports.visits.begin({ tokenId: token.id, resource, domain, nonce, returnTo });
      if (begun === null) throw apiErrors('api.not-found', { values: { what: 'resource with an origin' } });
      await record({ type: 'identity.signed-on', principal: actorOf(principal), source, method: 'visit' });
      return { url: begun.url, expiresAt: new Date(begun.expiresAtMs).toISOString() };
    },
  };
}
