/** Errors of the HTTP room: what becomes of a request that is no command, or whose answer cannot pass. */
import { defineErrors } from '../../base/errors.ts';

export const httpErrors = defineErrors({
  'http.malformed': { kind: 'protocol', message: 'The request is not well-formed: {what}.' },
  'http.tls-required': { kind: 'protocol', message: 'This port speaks HTTPS only.' },
  'http.tls-failed': { kind: 'protocol', message: 'The TLS handshake failed.' },
  'http.head-too-large': { kind: 'protocol', message: 'The head of the request is too large.' },
  'http.target-too-long': { kind: 'protocol', message: 'The path and query of the request are too long.' },
  'http.too-many': { kind: 'denial', message: 'Too much at once on this connection: {what}. Try again in a moment.' },
  'http.too-slow': { kind: 'operation', message: 'The request did not arrive in time.' },
  'http.wrong-origin': {
    kind: 'denial',
    message: 'No resource has this origin here. Each has one of its own: RESOURCE.DOMAIN.',
  },
  'http.no-proof': {
    kind: 'denial',
    message:
      'Say who you are: send an access token (sallyport login) as a bearer token, or as the password of your name.',
  },
  'http.certificate': {
    kind: 'denial',
    message:
      'The client certificate of this connection proves nothing here: nobody trusted issued it for a principal, or it expired or was revoked. Use another, or none.',
  },
  'http.two-principals': {
    kind: 'denial',
    message: 'The client certificate and what the request brings are of two principals. Use one of them.',
  },
  'http.cross-site': { kind: 'denial', message: 'Another site asked for this in your browser, so it was not done.' },
  'http.method-refused': { kind: 'denial', message: 'The gateway does not pass the method {method}.' },
  'http.no-credential': {
    kind: 'operation',
    message: 'The credential of {resource} is none that HTTP can carry. Call its administrator.',
  },
  'http.unsignable': { kind: 'denial', message: 'The request could not be signed for {resource}: {what}.' },
  'http.upstream-tls': { kind: 'operation', message: 'No TLS connection to {resource} could be made.' },
  'http.upstream-protocol': { kind: 'protocol', message: '{resource} sent what is no answer of HTTP.' },
  'http.upstream-slow': { kind: 'operation', message: '{resource} did not answer in time.' },
  'http.upstream-lost': {
    kind: 'operation',
    message: '{resource} closed the connection before its answer was complete.',
  },
  'http.unmaskable': {
    kind: 'denial',
    message: 'A Mask applies to this answer, and the gateway cannot look into it: {what}. It was not delivered.',
  },
  'http.inflated': {
    kind: 'denial',
    message: 'The answer decodes to far more than it holds, so it was not delivered.',
  },
  'http.grpc': { kind: 'protocol', message: 'The call is not well-formed: {what}.' },
  'http.grpc-too-long': {
    kind: 'denial',
    message: 'A message of gRPC is longer than what is looked into here ({limit} bytes).',
  },
  'http.websocket': { kind: 'protocol', message: 'The WebSocket conversation broke its protocol: {what}.' },
});
