/** Errors of identity. Failed proofs are not here: they all are `core.not-authenticated` or `core.throttled` (A-ID-10). */
import { defineErrors } from '../base/errors.ts';

export const identityErrors = defineErrors({
  'identity.busy': {
    kind: 'operation',
    message: 'Too many people are signing in at the moment. Try again in a few seconds.',
  },
  'identity.unknown-principal': {
    kind: 'denial',
    message: 'There is no active principal named {name}. Check the name, or apply a manifest that creates it.',
  },
  'identity.password-too-short': {
    kind: 'denial',
    message: 'The password is too short: use at least {minimum} characters.',
  },
  'identity.password-too-long': {
    kind: 'denial',
    message: 'The password is too long: use at most {maximum} bytes.',
  },
  'identity.invalid-lifetime': {
    kind: 'denial',
    message: 'A token may live between {minimum} and {maximum} seconds. Ask for a lifetime within that.',
  },
  'identity.invalid-label': {
    kind: 'denial',
    message: 'The label of a token is one line of at most {maximum} bytes. Choose a shorter, plainer one.',
  },
  'identity.too-many-tokens': {
    kind: 'denial',
    message: 'This principal has {maximum} live tokens, which is as many as it may have. Revoke some first.',
  },
  'identity.approvals-waiting': {
    kind: 'denial',
    message: 'Too many sign-ons wait for an approval already. Approve or refuse them, or use an access token.',
  },
  'identity.token-not-stored': {
    kind: 'operation',
    message: 'The token could not be stored. Try again.',
  },
});
