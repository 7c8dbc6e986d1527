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
  'identity.factor-refused': {
    kind: 'denial',
    message: 'That was not accepted. Try again with a fresh code, or with another factor.',
  },
  'identity.sign-on-over': {
    kind: 'denial',
    message: 'This sign-on is over: it took too long, or too many answers were wrong. Start again.',
  },
  'identity.enrolment-refused': {
    kind: 'denial',
    message: 'Nothing was registered: this took too long, or what came back does not prove the factor. Begin again.',
  },
  'identity.too-many-factors': {
    kind: 'denial',
    message: 'This account has {maximum} second factors, which is as many as it may have. Remove one first.',
  },
  'identity.invalid-factor-label': {
    kind: 'denial',
    message: 'The name of a second factor is one line of 1 to {maximum} bytes. Choose a shorter, plainer one.',
  },
  'identity.proof-needed': {
    kind: 'denial',
    message:
      'This takes a proof of the last minutes: confirm with a second factor, or with the password where there is none.',
  },
  'identity.factors-not-here': {
    kind: 'denial',
    message: 'Second factors are for people with a local account. Others prove themselves where their account is.',
  },
  'identity.no-passkeys-here': {
    kind: 'denial',
    message:
      'Browsers have no passkeys for this address: the console needs a name, and TLS. Use an authenticator’s codes, or ask an operator for console.url.',
  },
  'identity.no-factor-yet': {
    kind: 'denial',
    message: 'Recovery codes stand in for a second factor. Register a passkey or an authenticator first.',
  },
  'identity.provider-unreachable': {
    kind: 'operation',
    message:
      'The identity provider {provider} cannot be reached at the moment. Sign-ons that exist stay valid; try again in a minute.',
  },
  'identity.unknown-provider': {
    kind: 'denial',
    message:
      'There is no identity provider of that name to sign on with. Look at the page to sign on for those there are.',
  },
  'identity.sign-on-stale': {
    kind: 'denial',
    message:
      'This sign-on was begun in another browser, was finished already, or took too long. Begin again, in one browser.',
  },
  'identity.sign-on-denied': {
    kind: 'denial',
    message: 'The identity provider {provider} did not sign you on. Begin again, or ask whoever runs the provider.',
  },
  'identity.sign-on-refused': {
    kind: 'denial',
    message:
      'What the identity provider {provider} answered is not accepted. Begin again; an operator finds the reason in the log.',
  },
  'identity.name-refused': {
    kind: 'denial',
    message:
      'What {provider} says in {claim} gives no name here: {why}. Ask an operator to correct it there, or name.claim.',
  },
  'identity.email-unverified': {
    kind: 'denial',
    message:
      'The identity provider {provider} does not say that your address is verified, so it gives no name. Have it verified.',
  },
  'identity.groups-refused': {
    kind: 'denial',
    message: 'What {provider} says of your groups in {claim} cannot be used: {why}. Without them nobody is signed on.',
  },
  'identity.flow-unsupported': {
    kind: 'denial',
    message:
      'The identity provider {provider} does not offer {flow}. Sign on in a browser, or have it switched on there.',
  },
  'identity.logout-refused': {
    kind: 'denial',
    message: 'The logout was not accepted.',
  },
  'identity.workload-refused': {
    kind: 'denial',
    message: 'The token was not accepted. An operator finds the reason in the log.',
  },
  'identity.not-an-agent': {
    kind: 'denial',
    message: 'There is no active agent named {name}. Only a Principal of kind agent acts for others.',
  },
  'identity.chain-refused': {
    kind: 'denial',
    message: '{name} cannot act here as well: each agent acts once, and at most {maximum} one for another.',
  },
  'identity.scope-exceeded': {
    kind: 'denial',
    message: 'A token is never good for more than what it is had with: {resource} is beyond that. Ask for less.',
  },
  'identity.delegation-refused': {
    kind: 'denial',
    message: 'The token that this would rest on is not live any more. Sign on, and begin again.',
  },
  'identity.not-rotatable': {
    kind: 'denial',
    message: 'Only a live token of `token create` is replaced by a new one. Sign on or exchange anew for the others.',
  },
  'identity.saml-metadata-unusable': {
    kind: 'operation',
    message:
      'The metadata of the identity provider {provider} cannot be used: {why}. Ask an administrator to apply it anew.',
  },
  'identity.saml-key-unusable': {
    kind: 'operation',
    message: 'The key that the gateway has for SAML is not RSA. Make a new one.',
  },
});
