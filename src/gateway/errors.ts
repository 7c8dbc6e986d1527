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
  'gateway.resource-ca': {
    kind: 'operation',
    message: 'The certificate authority of {resource} is not available to the gateway. Call its administrator.',
  },
  'gateway.inspector': {
    kind: 'operation',
    message: 'The gateway does not run under an inspector: remove --inspect from NODE_OPTIONS and the command line.',
  },
});
