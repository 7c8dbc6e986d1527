/**
 * The part of the table that service accounts, workloads and agents have: see routes.ts.
 */
import { z } from 'zod';
import * as limits from './limits.ts';
import { defineRoute, http, json } from './route.ts';
import { byId } from './route-parts.ts';
import { issuedTokenShape } from './shapes.ts';

/** As RFC 8693 spells them. */
export const tokenExchange = {
  grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  idToken: 'urn:ietf:params:oauth:token-type:id_token',
} as const;

const { grantType, accessToken, jwt, idToken } = tokenExchange;

export const machineRoutes = {
  exchangeToken: defineRoute({
    method: 'POST',
    path: '/api/v1/token',
    summary: 'Exchanges a workload’s own token, or has an agent act for somebody (RFC 8693).',
    // The tokens in the form are the proof.
    permission: 'public',
    rawBody: {
      mediaType: 'application/x-www-form-urlencoded',
      schema: z.object({
        grant_type: z.literal(grantType),
        subject_token: z
          .string()
          .describe('A workload’s own token, or an access token of whom an agent is to act for.'),
        subject_token_type: z.enum([jwt, idToken, accessToken]),
        actor_token: z.string().optional().describe('The agent’s own token, beside an access token as the subject’s.'),
        actor_token_type: z.enum([jwt, idToken, accessToken]).optional(),
        requested_token_type: z.literal(accessToken).optional(),
        audience: z.array(z.string()).optional().describe('Names of resources that it is to be good for, repeated.'),
        resource: z.array(z.string()).optional().describe('The same as urn:sallyport:resource:NAME.'),
        scope: z.string().optional().describe('The same as resource:NAME, separated by spaces.'),
        principal: z.string().optional().describe('Ours: the principal to be, where rules of several would take it.'),
        expires_in: z.string().optional().describe('Ours: seconds that it is to last at most.'),
      }),
    },
    bodyBytesMax: limits.exchangeBytesMax,
    response: http(
      'RFC 8693, 2.2: access_token, issued_token_type, token_type, expires_in, scope; else an error as RFC 6749, 5.2.',
      'application/json',
    ),
  }),
  rotateToken: defineRoute({
    method: 'POST',
    path: '/api/v1/tokens/:id/rotate',
    summary: 'Gives a new token in place of one; the old one ends at once, or after an overlap.',
    permission: 'tokens.create',
    params: byId,
    body: z.strictObject({
      overlapSeconds: z.int().min(0).max(limits.overlapSecondsMax).default(0).describe('For which both are good.'),
    }),
    response: json(issuedTokenShape),
  }),
} as const;
