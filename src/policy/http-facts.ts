/** What conditions on requests share: the form of a part, and what a meaning leaves open. */
import { escapeLine } from '../base/escape.ts';
import type { HttpMeaning } from '../core/http.ts';
import type { Finding } from './finding.ts';

/** What one field of the selector finds. */
export type HttpPart = (http: HttpMeaning) => Finding;

/** Something is asked for that is not in the meaning. */
export function hidesContent({ body, upgrade }: HttpMeaning): boolean {
  return body.kind === 'unread' || body.kind === 'text' || upgrade !== null;
}

/** For people: what of the request is not known; empty where all of it is. */
export function spellHttpDoubt({ body, upgrade, graphql }: HttpMeaning): string {
  if (upgrade !== null) return 'What passes on the connection after the upgrade is not known beforehand.';
  if (body.kind === 'unread') return `The body of the request was not read: ${escapeLine(body.reason)}.`;
  if (body.kind === 'text') return 'The body of the request is text that the service may read in its own way.';
  return graphql === 'unread' ? 'The GraphQL of the request is not known.' : '';
}
