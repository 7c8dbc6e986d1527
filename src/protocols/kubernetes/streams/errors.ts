/** Errors of Kubernetes' streams: a peer that does not keep to them. */
import { defineErrors } from '../../../base/errors.ts';

export const streamErrors = defineErrors({
  'kubernetes.spdy': { kind: 'protocol', message: 'A connection broke the rules of SPDY: {what}.' },
  'kubernetes.websocket': { kind: 'protocol', message: 'A conversation broke the rules of WebSocket: {what}.' },
  'kubernetes.channels': {
    kind: 'protocol',
    message: 'A conversation broke the rules of its streams (remote command or port-forward): {what}.',
  },
  'kubernetes.too-many-forwards': {
    kind: 'operation',
    message: 'As many connections to ports are open as one conversation may have. Close some, or start it again.',
  },
  'kubernetes.written-early': {
    kind: 'assertion',
    message: 'Too much was written to a conversation that is not agreed yet.',
  },
});
