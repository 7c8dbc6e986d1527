/** Errors towards the peer: which reason code of SSH_MSG_DISCONNECT says what, and what an unknown fault is taken for. */
import { describeError, GatewayError, isGatewayError } from '../../../base/errors.ts';
import { disconnectReason } from './messages.ts';

export function codeOf(error: GatewayError): number {
  switch (error.code) {
    case 'ssh.no-common-algorithm':
    case 'ssh.strict-kex-required':
    case 'ssh.kex-failed':
    case 'ssh.kex-deadline':
      return disconnectReason.KEY_EXCHANGE_FAILED;
    case 'ssh.packet-invalid':
      return disconnectReason.MAC_ERROR;
    case 'ssh.host-key-refused':
      return disconnectReason.HOST_KEY_NOT_VERIFIABLE;
    case 'ssh.too-many-attempts':
      return disconnectReason.NO_MORE_AUTH_METHODS_AVAILABLE;
    default:
      return error.kind === 'protocol' ? disconnectReason.PROTOCOL_ERROR : disconnectReason.BY_APPLICATION;
  }
}

/** Whatever is no error of ours is a fault in this program. */
export function asGatewayError(error: unknown): GatewayError {
  if (isGatewayError(error)) return error;
  return new GatewayError('base.assertion', 'assertion', 'The gateway met a state that it does not allow.', {
    cause: error,
    detail: describeError(error),
  });
}
