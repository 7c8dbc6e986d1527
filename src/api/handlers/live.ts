/** Pushing what changes: whose figures are given follows from whose sessions one may list. */
import type { ApiParts, Handlers } from '../context.ts';

export function liveHandlers({ ports }: ApiParts): Pick<Handlers, 'live'> {
  return {
    async live({ principal, scope, signal }) {
      return ports.live.follow(principal, scope, signal);
    },
  };
}
