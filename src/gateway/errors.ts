/** Errors of the composition root. */
import { defineErrors } from '../base/errors.ts';

export const gatewayErrors = defineErrors({
  'gateway.configuration': { kind: 'operation', message: 'The configuration cannot be used: {problem}' },
  'gateway.data-directory': {
    kind: 'operation',
    message: 'The data directory cannot be used: {problem}',
  },
  'gateway.port-in-use': {
    kind: 'operation',
    message: 'Port {port} on {host} is taken. Stop what listens there, or choose other ports (SALLYPORT_PORT_BASE).',
  },
  'gateway.test-failed': {
    kind: 'operation',
    message: 'The connection failed. The gateway’s log says more.',
  },
  'gateway.resource-file': {
    kind: 'operation',
    message: 'A file that the settings of {resource} name is not available to the gateway. Call its administrator.',
  },
  'gateway.resource-ca': {
    kind: 'operation',
    message: 'The certificate authority of {resource} is not available to the gateway. Call its administrator.',
  },
  'gateway.name-taken': {
    kind: 'denial',
    message:
      'The name {name} that {provider} gives is another principal’s here. Ask an administrator: the provider needs a name.prefix, or the other principal another name.',
  },
  'gateway.too-many-groups': {
    kind: 'denial',
    message:
      'The provider says that {name} is in more than {limit} groups, which is more than are kept. Provision fewer.',
  },
  'gateway.nobody-to-confirm': {
    kind: 'denial',
    message:
      'This command takes a confirmation by a person, and {name} is none. Have a person run it, or ask for an Access and rules of its own.',
  },
  'gateway.alert-not-found': { kind: 'denial', message: 'There is no such alert, or it is not yours to see.' },
  'gateway.alert-state': { kind: 'denial', message: 'This alert is {state}: it cannot be {action} now.' },
  'gateway.alert-assignee': {
    kind: 'denial',
    message: '{name} cannot be given alerts: name a person who may handle them.',
  },
  'gateway.alert-own': {
    kind: 'denial',
    message: 'This alert is about you: somebody else who may handle alerts has to resolve it.',
  },
  'gateway.response-own': {
    kind: 'denial',
    message: 'This response concerns you: somebody else who may handle alerts has to end it.',
  },
  'gateway.response-not-found': { kind: 'denial', message: 'There is no such response.' },
  'gateway.response-over': { kind: 'denial', message: 'This response is over already.' },
  'gateway.provisioning-contended': {
    kind: 'operation',
    message: 'Others change this principal at the same time. Try again.',
  },
  'gateway.acme': { kind: 'operation', message: 'The ACME server gave no certificate: {problem}' },
  'gateway.inspector': {
    kind: 'operation',
    message: 'The gateway does not run under an inspector: remove --inspect from NODE_OPTIONS and the command line.',
  },
  'gateway.history-off': {
    kind: 'operation',
    message:
      'The index of what happened is switched off on this gateway. Set `history: on` in its settings and start it again.',
  },
});
