/**
 * The part of the table that second factors have: the second step of a sign-on, passkeys by themselves, and what people keep.
 * See routes.ts.
 */
import { z } from 'zod';
import * as limits from './limits.ts';
import { objectName } from './names.ts';
import { defineRoute, http, json, none } from './route.ts';
import { issuedTokenShape, principalShape } from './shapes.ts';

const kind = z.enum(['passkey', 'totp', 'recovery']);
const lifetime = z.int().min(limits.tokenLifetimeSecondsMin).max(limits.tokenLifetimeSecondsMax);

/** A code as typed, or what `navigator.credentials` gave, as JSON. What of it counts is read where it is judged. */
const response = z.union([z.string().max(limits.factorCodeLengthMax), z.looseObject({})]);

export const factorAnswer = z.strictObject({ kind, response });

/** That it is the person, now; not needed where the sign-on of the call is of the last minutes and had a factor. */
const proof = z
  .strictObject({
    password: z.string().min(1).max(limits.passwordLengthMax).optional(),
    factor: factorAnswer.optional(),
  })
  .optional();

const label = z.string().min(1).max(limits.factorLabelLengthMax);
const byFactor = z.strictObject({ id: z.string().regex(/^fct_[0-9a-z]{1,64}$/) });
const pending = { pendingId: z.string().min(1).max(limits.factorIdLengthMax), ...factorAnswer.shape };

const factorShape = z.object({
  id: z.string(),
  kind,
  label: z.string(),
  createdAt: z.string(),
  lastUsedAt: z.string().nullable(),
  /** Of a passkey: whether it may be on several devices, whether it is backed up, whether it asks for PIN or finger. */
  passkey: z.object({ isShared: z.boolean(), isBackedUp: z.boolean(), verifiesUser: z.boolean() }).optional(),
  /** Of recovery codes: those that were not used. */
  codesLeft: z.number().optional(),
});

const options = z.looseObject({}).describe('For navigator.credentials, as JSON (WebAuthn Level 3, section 5.1).');
const recoveryCodes = z.array(z.string()).describe('Shown once; keep them on paper.');
const enrolledShape = z.object({ factor: factorShape, recoveryCodes: recoveryCodes.nullable() });
const large = 64 * 1024;

export const factorRoutes = {
  answerFactor: defineRoute({
    method: 'POST',
    path: '/api/v1/login/factor',
    summary: 'Answers the second step of a sign-on that login began, and gives the token.',
    permission: 'public',
    body: z.strictObject({ ...pending, lifetimeSeconds: lifetime.optional() }),
    bodyBytesMax: large,
    response: json(issuedTokenShape.extend({ principal: principalShape })),
  }),
  answerWebFactor: defineRoute({
    method: 'POST',
    path: '/api/v1/web-session/factor',
    summary: 'The same for a browser: sets the cookie of its session.',
    permission: 'public',
    body: z.strictObject(pending),
    bodyBytesMax: large,
    response: http('Who is signed on, and the cookie.', 'application/json'),
  }),
  passkeyOptions: defineRoute({
    method: 'POST',
    path: '/api/v1/web-session/passkey/options',
    summary: 'Says what a browser is asked for a sign-on with a passkey alone.',
    permission: 'public',
    body: z.strictObject({ principal: z.string().min(1).max(limits.nameLengthMax).optional() }),
    bodyBytesMax: 4 * 1024,
    response: json(z.object({ options })),
  }),
  passkeyWebSession: defineRoute({
    method: 'POST',
    path: '/api/v1/web-session/passkey',
    summary: 'Signs a browser on with a passkey alone: sets its cookie.',
    permission: 'public',
    body: z.strictObject({ response: z.looseObject({}) }),
    bodyBytesMax: large,
    response: http('Who is signed on, and the cookie.', 'application/json'),
  }),

  listFactors: defineRoute({
    method: 'GET',
    path: '/api/v1/factors',
    summary: 'Lists your second factors; nothing of what proves them.',
    permission: 'self.prove',
    response: json(
      z.object({
        factors: z.array(factorShape),
        /** False for accounts of an identity provider, of services and of agents. */
        mayHave: z.boolean(),
        /** Whether browsers have passkeys at this console's address. */
        passkeys: z.boolean(),
      }),
    ),
  }),
  confirmation: defineRoute({
    method: 'POST',
    path: '/api/v1/factors/confirmation',
    summary: 'Says with which of your factors a change or a step-up may be confirmed, and what a passkey is asked.',
    permission: 'self.prove',
    body: z.strictObject({
      withPassword: z.boolean().optional().describe('The password goes with it: presence is enough of a passkey then.'),
    }),
    bodyBytesMax: 4 * 1024,
    response: json(z.object({ factors: z.array(kind), passkey: options.nullable(), password: z.boolean() })),
  }),
  beginTotp: defineRoute({
    method: 'POST',
    path: '/api/v1/factors/totp',
    summary: 'Begins to register an authenticator app.',
    permission: 'self.prove',
    body: z.strictObject({ label, proof }),
    bodyBytesMax: large,
    response: json(
      z.object({
        id: z.string(),
        uri: z.string().describe('For a QR code; it carries the secret.'),
        secret: z.string().describe('In base 32, for who cannot scan.'),
        qr: z.array(z.string()).describe('The QR code, row by row: 1 is dark.'),
        expiresAt: z.string(),
      }),
    ),
  }),
  finishTotp: defineRoute({
    method: 'POST',
    path: '/api/v1/factors/totp/finish',
    summary: 'Registers an authenticator app by a code that it shows; gives recovery codes with the first factor.',
    permission: 'self.prove',
    body: z.strictObject({
      id: z.string().min(1).max(limits.factorIdLengthMax),
      code: z.string().min(1).max(limits.factorCodeLengthMax),
    }),
    bodyBytesMax: 4 * 1024,
    response: json(enrolledShape),
  }),
  beginPasskey: defineRoute({
    method: 'POST',
    path: '/api/v1/factors/passkey',
    summary: 'Begins to register a passkey of this browser.',
    permission: 'self.prove',
    body: z.strictObject({ label, proof }),
    bodyBytesMax: large,
    response: json(z.object({ options, expiresAt: z.string() })),
  }),
  finishPasskey: defineRoute({
    method: 'POST',
    path: '/api/v1/factors/passkey/finish',
    summary: 'Registers a passkey; gives recovery codes with the first factor.',
    permission: 'self.prove',
    body: z.strictObject({ response: z.looseObject({}) }),
    bodyBytesMax: large,
    response: json(enrolledShape),
  }),
  newRecoveryCodes: defineRoute({
    method: 'POST',
    path: '/api/v1/factors/recovery-codes',
    summary: 'Makes new recovery codes; those before count no more.',
    permission: 'self.prove',
    body: z.strictObject({ proof }),
    bodyBytesMax: large,
    response: json(z.object({ recoveryCodes })),
  }),
  removeFactor: defineRoute({
    method: 'POST',
    path: '/api/v1/factors/:id/remove',
    summary: 'Removes one of your factors; with the last, the recovery codes go too.',
    permission: 'self.prove',
    params: byFactor,
    body: z.strictObject({ proof }),
    bodyBytesMax: large,
    response: none,
  }),
  resetFactors: defineRoute({
    method: 'POST',
    path: '/api/v1/principals/:name/factors/reset',
    summary:
      'Removes all factors of somebody who has lost them: never your own, and with a proof of your own of just now.',
    permission: 'factors.reset',
    params: z.strictObject({ name: objectName }),
    body: z.strictObject({ proof }),
    bodyBytesMax: large,
    response: json(z.object({ removed: z.array(z.object({ kind, label: z.string() })) })),
  }),
} as const;
