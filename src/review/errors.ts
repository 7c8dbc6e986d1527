/** Errors of reviews. What a reviewer or requester did that may not be is a denial; its message says what to do next. */
import { defineErrors } from '../base/errors.ts';

export const reviewErrors = defineErrors({
  'review.not-found': { kind: 'denial', message: 'There is no such review, or it is not yours to see.' },
  'review.own': {
    kind: 'denial',
    message: 'Nobody decides their own review, nor one of an account or agent of theirs. Ask another reviewer.',
  },
  'review.of-requester': {
    kind: 'denial',
    message:
      'Who asked made or changed this account lately, or issued its token, so it does not count as somebody else. Sign on yourself, or ask another reviewer.',
  },
  'review.not-reviewer': {
    kind: 'denial',
    message: 'You are not among the reviewers that the rule {rule} names, as of now.',
  },
  'review.not-person': { kind: 'denial', message: 'Reviews are decided by people, not by services or agents.' },
  'review.disabled': { kind: 'denial', message: 'Your principal is disabled or gone, so it decides nothing.' },
  'review.already-decided': { kind: 'denial', message: 'You have approved it already. It needs other people as well.' },
  'review.over': { kind: 'denial', message: 'This review is over: it was {state}.' },
  'review.expired': { kind: 'denial', message: 'This review has expired. Nothing can be decided any more.' },
  'review.not-requester': { kind: 'denial', message: 'Only who asked can do that.' },
  'review.no-break-glass': {
    kind: 'denial',
    message: 'Breaking the glass is not open to you here: the rule {rule} names no group of yours for it.',
  },
  'review.reason-required': { kind: 'denial', message: 'A reason is required. Say why in a sentence.' },
  'review.reason-too-long': { kind: 'denial', message: 'The reason is longer than {limit} bytes. Shorten it.' },
  'review.too-many-pending': {
    kind: 'denial',
    message: 'Too many requests wait for a decision already ({limit}). Wait for those, or withdraw some.',
  },
  'review.too-large': {
    kind: 'denial',
    message: 'The command is longer than the {limit} bytes that can be put to a reviewer. Submit it in parts.',
  },
  'review.no-reviewers': {
    kind: 'denial',
    message: 'The rule {rule} asks for {approvals} who may approve, and there are not so many. Call an administrator.',
  },
  'review.conflict': { kind: 'operation', message: 'Others decide at the same moment. Look at it again.' },
  'review.not-requestable': {
    kind: 'denial',
    message: 'No Access lets you ask for {resource}, or there is no such resource.',
  },
  'review.not-extendable': {
    kind: 'denial',
    message: 'You have no such grant on {resource} that still runs. Ask for access anew: sallyport request {resource}',
  },
  'review.duration': {
    kind: 'denial',
    message: 'The duration must be at least one minute and at most what the Access allows ({limit} minutes).',
  },
  'review.bad-terms': { kind: 'denial', message: 'The request terms of {name} cannot be used: {reason}.' },
  'review.grant-not-found': { kind: 'denial', message: 'There is no such live grant, or it is not yours to revoke.' },
  'review.bad-signature': { kind: 'denial', message: 'The signature of the request is not valid.' },
  'review.replayed': { kind: 'denial', message: 'This request or link was used already.' },
  'review.bad-chat-request': { kind: 'denial', message: 'The request of the chat cannot be understood.' },
  'review.login-required': {
    kind: 'denial',
    message: 'Approving from a chat takes a login of today. Log in (sallyport login), then approve again.',
  },
  'review.unmapped': {
    kind: 'denial',
    message: 'This chat account belongs to no principal of the gateway. Decide by the command line instead.',
  },
});
