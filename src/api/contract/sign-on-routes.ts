/**
 * The part of the table that signing on by identity providers and by browsers has: see routes.ts. What providers call stands
 * under `/sign-on/`, spelled as their own standards have it.
 */
import { z } from 'zod';
import * as limits from './limits.ts';
import { objectName } from './names.ts';
import { defineRoute, http, json } from './route.ts';
import { issuedTokenShape, principalShape } from './shapes.ts';

const byProvider = z.strictObject({ provider: objectName });
const browserHeaders = z.object({ cookie: z.string().max(limits.cookieLengthMax).optional() });
const form = 'application/x-www-form-urlencoded';
const signedOnShape = issuedTokenShape.extend({ principal: principalShape });

/** A path of the console's own; whatever else it says leads to `/` (A-ID-09). */
export const returnPath = z.string().max(limits.returnPathLengthMax);

export const signOnRoutes = {
  signOnOptions: defineRoute({
    method: 'GET',
    path: '/api/v1/sign-on',
    summary: 'Says by which identity providers one may sign on here.',
    permission: 'public',
    response: json(
      z.object({
        providers: z.array(
          z.object({ name: z.string(), title: z.string(), type: z.enum(['oidc', 'saml']), device: z.boolean() }),
        ),
        passkeys: z.boolean().describe('Browsers have passkeys at this console’s address.'),
      }),
    ),
  }),
  beginSignOn: defineRoute({
    method: 'GET',
    path: '/sign-on/:provider',
    summary: 'Sends a browser to an identity provider to sign on.',
    permission: 'public',
    params: byProvider,
    query: z.strictObject({
      returnTo: returnPath.optional(),
      fresh: z.literal('true').optional().describe('The person proves themself anew, whatever the provider remembers.'),
    }),
    response: http('A redirection to the provider, or a page that goes on there.', 'text/html'),
  }),
  finishOidcSignOn: defineRoute({
    method: 'GET',
    path: '/sign-on/:provider/callback',
    summary: 'Takes the answer of an OpenID provider: the redirect URI that is registered there.',
    permission: 'public',
    crossSite: true,
    params: byProvider,
    query: z.looseObject({}),
    headers: browserHeaders,
    response: http('A redirection into the console, or a page that says what went wrong.', 'text/html'),
  }),
  finishSamlSignOn: defineRoute({
    method: 'POST',
    path: '/sign-on/:provider/acs',
    summary: 'Takes the answer of a SAML provider: the assertion consumer service.',
    permission: 'public',
    crossSite: true,
    params: byProvider,
    headers: browserHeaders,
    rawBody: {
      mediaType: form,
      schema: z.object({ SAMLResponse: z.string(), RelayState: z.string().optional() }),
    },
    bodyBytesMax: limits.samlMessageBytesMax,
    response: http('A redirection into the console, or a page that says what went wrong.', 'text/html'),
  }),
  samlMetadata: defineRoute({
    method: 'GET',
    path: '/sign-on/:provider/metadata',
    summary: 'Gives the gateway’s own SAML metadata for a provider.',
    permission: 'public',
    params: byProvider,
    response: http('An EntityDescriptor.', 'application/samlmetadata+xml'),
  }),
  samlLogout: defineRoute({
    method: 'GET',
    path: '/sign-on/:provider/slo',
    summary: 'Takes a SAML logout by redirection.',
    permission: 'public',
    crossSite: true,
    params: byProvider,
    query: z.looseObject({}),
    headers: browserHeaders,
    response: http('A redirection back to the provider, or a page.', 'text/html'),
  }),
  samlLogoutPosted: defineRoute({
    method: 'POST',
    path: '/sign-on/:provider/slo',
    summary: 'Takes a SAML logout by form.',
    permission: 'public',
    crossSite: true,
    params: byProvider,
    headers: browserHeaders,
    rawBody: {
      mediaType: form,
      schema: z.object({ SAMLRequest: z.string().optional(), SAMLResponse: z.string().optional() }),
    },
    bodyBytesMax: limits.samlMessageBytesMax,
    response: http('A redirection back to the provider, or a page.', 'text/html'),
  }),
  backChannelLogout: defineRoute({
    method: 'POST',
    path: '/sign-on/:provider/back-channel-logout',
    summary:
      'Ends what came of a session at an OpenID provider, because the provider says so (Back-Channel Logout 1.0).',
    // The signature of the logout token is the proof.
    permission: 'public',
    params: byProvider,
    rawBody: { mediaType: form, schema: z.object({ logout_token: z.string() }) },
    bodyBytesMax: 64 * 1024,
    response: http('200 when it is done, 400 where the token is none.', 'application/json'),
  }),
  frontChannelLogout: defineRoute({
    method: 'GET',
    path: '/sign-on/:provider/front-channel-logout',
    summary: 'The same through the browser (Front-Channel Logout 1.0).',
    permission: 'public',
    crossSite: true,
    params: byProvider,
    query: z.looseObject({}),
    response: http('A page.', 'text/html'),
  }),

  beginDeviceSignOn: defineRoute({
    method: 'POST',
    path: '/api/v1/sign-on/device',
    summary: 'Begins a sign-on at an OpenID provider for a program without a browser (RFC 8628).',
    permission: 'public',
    body: z.strictObject({ provider: objectName }),
    bodyBytesMax: 4 * 1024,
    response: json(
      z.object({
        id: z.string(),
        userCode: z.string(),
        verificationUri: z.string(),
        verificationUriComplete: z.string().nullable(),
        intervalSeconds: z.number(),
        expiresAt: z.string(),
      }),
    ),
  }),
  pollDeviceSignOn: defineRoute({
    method: 'POST',
    path: '/api/v1/sign-on/device/poll',
    summary: 'Asks how a sign-on by device stands; gives the token once it is done.',
    permission: 'public',
    body: z.strictObject({ id: z.string().min(1).max(limits.deviceIdLengthMax) }),
    bodyBytesMax: 4 * 1024,
    response: json(
      z.object({
        state: z.enum(['pending', 'slow-down', 'denied', 'expired', 'signed-on']),
        signedOn: signedOnShape.nullable(),
      }),
    ),
  }),
  authoriseTerminal: defineRoute({
    method: 'POST',
    path: '/api/v1/sign-on/terminal',
    summary: 'Gives a terminal on the browser’s own machine a code for a token of yours (RFC 8252, section 7.3).',
    permission: 'self.prove',
    body: z.strictObject({
      redirectUri: z
        .string()
        .max(200)
        .regex(
          /^http:\/\/(?:127\.0\.0\.1|\[::1\]):[0-9]{1,5}\/[A-Za-z0-9/_-]{0,100}$/,
          'must be http on 127.0.0.1 or [::1]',
        ),
      challenge: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be an S256 challenge'),
      state: z.string().regex(/^[A-Za-z0-9_-]{22,86}$/, 'must be random'),
    }),
    response: json(z.object({ url: z.string() })),
  }),
  redeemTerminal: defineRoute({
    method: 'POST',
    path: '/api/v1/sign-on/terminal/token',
    summary: 'Gives the token for a code that the browser brought, once.',
    permission: 'public',
    body: z.strictObject({
      code: z.string().min(1).max(100),
      verifier: z.string().regex(/^[A-Za-z0-9_~.-]{43,128}$/, 'must be a PKCE verifier'),
    }),
    bodyBytesMax: 4 * 1024,
    response: json(signedOnShape),
  }),

  beginWebSession: defineRoute({
    method: 'POST',
    path: '/api/v1/web-session',
    summary:
      'Signs a browser on at the console with a password: sets its cookie. Who has a second factor is refused with api.factor-needed, and the step that follows.',
    permission: 'public',
    body: z.strictObject({
      principal: z.string().min(1).max(limits.nameLengthMax),
      password: z.string().min(1).max(limits.passwordLengthMax),
    }),
    bodyBytesMax: 16 * 1024,
    response: http('Who is signed on, and the cookie.', 'application/json'),
  }),
  endWebSession: defineRoute({
    method: 'DELETE',
    path: '/api/v1/web-session',
    summary: 'Signs the browser off, and says where to sign off at the provider too.',
    permission: 'self',
    response: http('Takes the cookie away; `signOff` is the provider’s own page, or null.', 'application/json'),
  }),
} as const;
