/** What conditions on requests share: the form of a part, and what a meaning leaves open. */
import { escapeLine } from '../base/escape.ts';
import type { HttpMeaning } from '../core/http.ts';
import type { Finding } from './finding.ts';

/** What one field of the selector finds. */
export type HttpPart = (http: HttpMeaning) => Finding;

/** Something is asked for that is not in the meaning. */
export function hidesContent({ body, upgrade }: HttpMeaning): boolean {
  return body.kind === 'unread' || body.kind === 'text' || unknownOf(body) !== null || upgrade !== null;
}

/** Why there may be more in a body that was read than is known; null where there is not. */
function unknownOf(body: HttpMeaning['body']): string | null {
  return body.kind === 'json' ? (body.unknown ?? null) : null;
}

/** For people: what of the request is not known; empty where all of it is. */
export function spellHttpDoubt({ body, upgrade, graphql }: HttpMeaning): string {
  if (upgrade !== null) return 'What passes on the connection after the upgrade is not known beforehand.';
  if (body.kind === 'unread') return `The body of the request was not read: ${escapeLine(body.reason)}.`;
  if (body.kind === 'text') return 'The body of the request is text that the service may read in its own way.';
  const unknown = unknownOf(body);
  if (unknown !== null) return `The body of the request is not known whole: ${escapeLine(unknown)}.`;
  return graphql === 'unread' ? 'The GraphQL of the request is not known.' : '';
}
