/** Errors of the pipeline. */
import { defineErrors } from '../base/errors.ts';

export const coreErrors = defineErrors({
  'core.journal-unavailable': {
    kind: 'operation',
    message: 'The gateway cannot record at the moment, so nothing may pass. Try again, or call its administrator.',
  },
  'core.recording-failed': {
    kind: 'operation',
    message: 'The gateway could not record this session, so it was ended.',
  },
  'core.no-space': {
    kind: 'operation',
    message: 'The gateway has no room left to record, so it takes no new sessions. Call its administrator.',
  },
  'core.too-many-sessions': {
    kind: 'denial',
    message: 'You have {count} sessions open, which is as many as the gateway allows. Close some and connect again.',
  },
  'core.gateway-full': {
    kind: 'operation',
    message: 'The gateway has as many sessions open as it can hold. Try again in a moment.',
  },
  'core.shutting-down': { kind: 'operation', message: 'The gateway is shutting down. Connect again in a moment.' },
  'core.not-authenticated': {
    kind: 'denial',
    message: 'Authentication failed. Log in with principal+resource and a valid access token (sallyport login).',
  },
  'core.throttled': {
    kind: 'denial',
    message: 'Too many failed attempts. Wait {seconds} seconds and try again.',
  },
  'core.no-access': {
    kind: 'denial',
    message: 'No access: the resource {resource} does not exist, or no Access lets you open a session on it.',
  },
  'core.access-closed': {
    kind: 'denial',
    message: 'Your access to {resource} is limited to certain times. It opens next on {when}.',
  },
  'core.access-on-request': {
    kind: 'denial',
    message:
      'Access to {resource} is given on request. Ask for it: {command}{place}. Then connect again once it is approved.',
  },
  'core.access-refused': {
    kind: 'denial',
    message: 'Access to {resource} was asked for and not given: {why}. To ask again: {command}',
  },
  'core.access-pending': {
    kind: 'denial',
    message:
      'Access to {resource} was asked for as {review}, and waits for approval by {audience}: {link} Connect again; once it is approved, it opens.',
  },
  'core.locked': {
    kind: 'denial',
    message: 'Locked by {lock}: {reason}. Ask an administrator of the gateway.',
  },
  'core.step-up-required': {
    kind: 'denial',
    message:
      'Opening {resource} takes a confirmation by you, which this connection could not ask for or has not got. Connect with a client that shows the link and waits, such as ssh with keyboard-interactive, or psql.',
  },
  'core.step-up-refused': {
    kind: 'denial',
    message: 'The confirmation was refused, or not given in time. Connect again, and approve it if it is yours.',
  },
  'core.wrong-protocol': {
    kind: 'denial',
    message: 'The resource {resource} does not speak the protocol of this port.',
  },
  'core.upstream-unreachable': {
    kind: 'operation',
    message: 'The resource {resource} could not be reached from the gateway.',
  },
  'core.no-route': {
    kind: 'operation',
    message: 'A resource on the way to {resource} is missing or speaks another protocol. Call its administrator.',
  },
  'core.credential-unavailable': {
    kind: 'operation',
    message: 'The credential for {resource} is not available to the gateway. Call its administrator.',
  },
  'core.command-refused': { kind: 'denial', message: '{reason}' },
  'core.review-unavailable': {
    kind: 'operation',
    message:
      'Nobody can be asked to approve this at the moment, so it was refused. Call the administrator of the gateway.',
  },
  'core.illegal-forward': { kind: 'assertion', message: 'The gateway met a state that it does not allow.' },
  'core.too-many-connections': {
    kind: 'operation',
    message: 'This session has {count} connections open already. Close some, or use fewer at a time.',
  },
  'core.too-many-pending': {
    kind: 'protocol',
    message: 'Too many commands are waiting in this session.',
  },
});
