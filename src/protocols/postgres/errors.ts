/** Errors of the PostgreSQL protocol room. */
import { defineErrors } from '../../base/errors.ts';

export const postgresErrors = defineErrors({
  'postgres.message-length': { kind: 'protocol', message: 'invalid message length' },
  'postgres.message-too-large': {
    kind: 'protocol',
    message: 'message of {bytes} bytes exceeds the limit of {limit} bytes for its type',
  },
  'postgres.message-type': { kind: 'protocol', message: 'invalid message type' },
  'postgres.text-invalid': { kind: 'protocol', message: 'invalid byte sequence for encoding "UTF8"' },
  'postgres.encoding-changed': {
    kind: 'denial',
    message: 'client_encoding must stay UTF8 in sessions through this gateway, so the session was ended.',
  },
  'postgres.upstream-closed': {
    kind: 'operation',
    message: 'The server closed the connection. Connect again; if it persists, call the administrator of the resource.',
  },
  'postgres.too-many-statements': {
    kind: 'operation',
    message: 'The session holds too many prepared statements or portals. Close some, or run DEALLOCATE ALL.',
  },
  'postgres.password-text-too-long': {
    kind: 'operation',
    message:
      'This statement mentions a password and has more than {limit} characters, so it cannot be recorded without the password. Send it in parts, or its values as parameters.',
  },
  'postgres.message-malformed': { kind: 'protocol', message: 'invalid message format' },
  'postgres.closed': { kind: 'operation', message: 'The connection was closed before the session began.' },
  'postgres.not-postgres': { kind: 'protocol', message: 'This is no connection of the PostgreSQL protocol.' },
  'postgres.too-much-early-data': { kind: 'protocol', message: 'Too much data before the session began.' },
  'postgres.plaintext-after-ssl-request': {
    kind: 'protocol',
    message: 'received unencrypted data after SSL request',
  },
  'postgres.negotiation-repeated': { kind: 'protocol', message: 'Encryption was asked for more than once.' },
  'postgres.tls-failed': { kind: 'operation', message: 'The TLS handshake failed.' },
  'postgres.alpn-missing': {
    kind: 'protocol',
    message: 'A direct TLS connection must name the protocol "postgresql" by ALPN.',
  },
  'postgres.tls-required': { kind: 'denial', message: 'This port takes connections with TLS only.' },
  'postgres.protocol-version': {
    kind: 'protocol',
    message: 'unsupported frontend protocol {version}: the gateway supports 3.0 and 3.2',
  },
  'postgres.cancel-unknown': { kind: 'protocol', message: 'No session has this cancel key.' },
  'postgres.no-user': { kind: 'denial', message: 'no PostgreSQL user name specified in startup packet' },
  'postgres.no-resource': {
    kind: 'denial',
    message: 'No resource was named. Connect with the user name principal+resource, or name it as the database.',
  },
  'postgres.startup-parameter': {
    kind: 'denial',
    message: 'The startup parameter "{name}" is refused: {reason}.',
  },
  'postgres.client-encoding': {
    kind: 'denial',
    message: 'The client encoding must be UTF8, since statements are judged as UTF-8. Set client_encoding to UTF8.',
  },
  'postgres.replication': { kind: 'denial', message: 'Replication is not available through the gateway.' },
  'postgres.unexpected-message': {
    kind: 'protocol',
    message: 'A message came that the state of the connection does not allow.',
  },
  'postgres.other-database': {
    kind: 'denial',
    message: 'The resource {resource} gives the database "{database}" only. Leave the database name out, or use that.',
  },
  'postgres.upstream-protocol': {
    kind: 'protocol',
    message: 'The resource {resource} broke the PostgreSQL protocol, so the connection to it was dropped.',
  },
  'postgres.upstream-tls': {
    kind: 'operation',
    message: 'The gateway could not connect to {resource} with TLS as configured. Call its administrator.',
  },
  'postgres.upstream-authentication': {
    kind: 'operation',
    message:
      'The resource {resource} asks for an authentication that is not allowed for it, so no credential was sent. Call its administrator.',
  },
  'postgres.upstream-credential-refused': {
    kind: 'operation',
    message: 'The resource {resource} refused the credential that the gateway presented. Call its administrator.',
  },
  'postgres.upstream-full': {
    kind: 'operation',
    message: 'The resource {resource} has no connection left. Try again in a moment.',
  },
  'postgres.upstream-no-database': {
    kind: 'operation',
    message: 'The resource {resource} has no such database as is configured for it. Call its administrator.',
  },
  'postgres.upstream-unavailable': {
    kind: 'operation',
    message: 'The resource {resource} is starting up or shutting down. Try again in a moment.',
  },
  'postgres.upstream-parameter': {
    kind: 'operation',
    message: 'The resource {resource} refused the value of a startup parameter ({name}).',
  },
  'postgres.upstream-refused': {
    kind: 'operation',
    message: 'The resource {resource} refused the connection (SQLSTATE {state}). Call its administrator.',
  },
  'postgres.upstream-encoding': {
    kind: 'operation',
    message: 'The resource {resource} did not accept UTF8 as encoding, so its statements could not be judged.',
  },
});
