/** Errors of the API, and the HTTP status of each. */
import { defineErrors } from '../base/errors.ts';

export const apiErrors = defineErrors({
  'api.not-authenticated': {
    kind: 'denial',
    message: 'A valid access token is needed. Sign on with sallyport login, and send the token as a Bearer token.',
  },
  'api.login-failed': {
    kind: 'denial',
    message: 'Signing on failed: the principal or the password is not right. Check both and try again.',
  },
  'api.factor-needed': {
    kind: 'denial',
    message: 'The password is right; this account has a second factor. Answer it, and you are signed on.',
  },
  'api.forbidden': { kind: 'denial', message: 'Your roles do not allow this. Ask an administrator of the gateway.' },
  'api.prove-again': {
    kind: 'denial',
    message:
      'This confirmation takes a proof that it is you, now: your sign-on is too old, or is what the other end had shown. Give your password with it, or your second factor where you have one, or approve in the browser.',
  },
  'api.not-found': {
    kind: 'denial',
    message: 'There is no such {what}, or you may not see it. Check the name, or ask an administrator.',
  },
  'api.no-route': { kind: 'denial', message: 'The API has nothing at this address. See /api/v1/openapi.json.' },
  'api.invalid': { kind: 'denial', message: 'The request is not valid: {reason}' },
  'api.invalid-manifest': {
    kind: 'denial',
    message: 'Nothing was applied: {count} of the fields given are not valid. Correct them and apply again.',
  },
  'api.malformed': { kind: 'protocol', message: 'The body is not JSON as this API takes it: {reason}' },
  'api.too-large': { kind: 'denial', message: 'The request is larger than {limit} bytes. Split it.' },
  'api.media-type': {
    kind: 'denial',
    message: 'The body must be application/json, save where the description of the API says otherwise.',
  },
  'api.foreign-origin': {
    kind: 'denial',
    message: 'Requests that change something are taken from the gateway’s own origin only.',
  },
  'api.conflict': {
    kind: 'denial',
    message: 'Someone else changed the same object at the same time. Look at it again and repeat.',
  },
  'api.last-admin': {
    kind: 'denial',
    message: 'This would leave no enabled principal with the role admin. Make another one first.',
  },
  'api.secret-in-use': {
    kind: 'denial',
    message: 'The secret is the credential of the resource {resource}. Change the resource first.',
  },
  'api.own-factors': {
    kind: 'denial',
    message: 'Nobody resets their own second factors. Remove them one by one, or ask another administrator.',
  },
  'api.not-live': { kind: 'denial', message: 'The session has ended. Its recording can be replayed.' },
  'api.web-only': {
    kind: 'denial',
    message:
      'Only a browser that signed on at the console works on resources there. Programs connect with a client of their own.',
  },
  'api.not-steerable': {
    kind: 'denial',
    message: 'This session cannot be stopped or spoken to: its protocol has no way to, or it has just ended.',
  },
  'api.locked': {
    kind: 'denial',
    message: 'Locked by {name}: {reason}. Ask an administrator of the gateway.',
  },
  'api.held': {
    kind: 'denial',
    message: 'The legal hold {name} keeps it: {reason}. Whoever placed the hold has to lift it first.',
  },
  'api.not-a-checkpoint': {
    kind: 'denial',
    message: 'This is no checkpoint of a journal: send the signed note to the letter.',
  },
  'api.own-lock': {
    kind: 'denial',
    message: 'The Lock {name} would lock out who applies it. Another administrator has to do that.',
  },
  'api.own-review': {
    kind: 'denial',
    message: 'Nobody decides what they asked for themselves, administrators included. Ask another reviewer.',
  },
  'api.people-only': {
    kind: 'denial',
    message: 'Only people do this, signed on as themselves; services and agents cannot. Ask a reviewer.',
  },
  'api.review-changed': {
    kind: 'denial',
    message: 'The review is of something else than what you were shown. Look at it again before you decide.',
  },
  'api.too-many-streams': { kind: 'denial', message: 'You are reading {limit} streams at once. Close one first.' },
  'api.unreadable-search': {
    kind: 'denial',
    message: 'The search cannot be read, at character {character}: {problem}',
  },
  'api.not-ready': { kind: 'operation', message: 'The gateway takes no new sessions at the moment: {reason}.' },
  'api.no-checkpoint': { kind: 'operation', message: 'The journal has no checkpoint yet. Try again in a minute.' },
  'api.internal': {
    kind: 'assertion',
    message: 'The gateway could not do this. Its log has the reason under the id of this request.',
  },
});

export type ApiErrorCode = keyof typeof apiErrors.codes;

export const statusOfApiError: Readonly<Record<ApiErrorCode, number>> = {
  'api.not-authenticated': 401,
  'api.login-failed': 401,
  'api.factor-needed': 403,
  'api.forbidden': 403,
  'api.prove-again': 403,
  'api.not-found': 404,
  'api.no-route': 404,
  'api.invalid': 400,
  'api.invalid-manifest': 422,
  'api.malformed': 400,
  'api.too-large': 413,
  'api.media-type': 415,
  'api.foreign-origin': 403,
  'api.conflict': 409,
  'api.last-admin': 409,
  'api.secret-in-use': 409,
  'api.own-factors': 403,
  'api.not-live': 409,
  'api.web-only': 403,
  'api.not-steerable': 409,
  'api.locked': 403,
  'api.own-lock': 409,
  'api.held': 409,
  'api.not-a-checkpoint': 400,
  'api.own-review': 403,
  'api.people-only': 403,
  'api.review-changed': 409,
  'api.too-many-streams': 429,
  'api.unreadable-search': 400,
  'api.not-ready': 503,
  'api.no-checkpoint': 503,
  'api.internal': 500,
};
