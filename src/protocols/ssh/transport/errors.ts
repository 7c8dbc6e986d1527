/** Errors of the SSH transport. */
import { defineErrors } from '../../../base/errors.ts';

export const sshErrors = defineErrors({
  'ssh.not-ssh': { kind: 'protocol', message: 'This is no SSH 2.0 connection.' },
  'ssh.message-malformed': { kind: 'protocol', message: 'A message of SSH had a wrong format.' },
  'ssh.message-unexpected': { kind: 'protocol', message: 'A message of SSH came where it must not.' },
  'ssh.packet-invalid': {
    kind: 'protocol',
    message: 'A packet had a wrong length or could not be authenticated. The connection may have been tampered with.',
  },
  'ssh.no-common-algorithm': {
    kind: 'protocol',
    message:
      'No {what} algorithm is known to both sides. Use a newer SSH program, or enable a current algorithm in it.',
  },
  'ssh.strict-kex-required': {
    kind: 'protocol',
    message:
      'The other side does not know strict key exchange and offers only ciphers that need it. Update it, or enable aes128-gcm@openssh.com there.',
  },
  'ssh.kex-failed': { kind: 'protocol', message: 'The key exchange failed.' },
  'ssh.kex-deadline': { kind: 'operation', message: 'The key exchange was not finished in time.' },
  'ssh.kex-storm': { kind: 'protocol', message: 'Too many key exchanges in a short time.' },
  'ssh.grace-over': { kind: 'operation', message: 'The login was not finished in time. Connect again.' },
  'ssh.too-many-attempts': { kind: 'denial', message: 'Too many failed login attempts.' },
  'ssh.user-changed': { kind: 'protocol', message: 'The user name changed during the login.' },
  'ssh.flow-violated': { kind: 'protocol', message: 'More data came than the window of its channel allows.' },
  'ssh.too-much-waiting': { kind: 'protocol', message: 'Too many requests wait for an answer.' },
  'ssh.peer-silent': { kind: 'operation', message: 'The other side did not answer in time.' },
  'ssh.peer-disconnected': { kind: 'operation', message: 'The other side ended the connection.' },
  'ssh.connection-lost': { kind: 'operation', message: 'The connection was lost.' },
  'ssh.disconnected': { kind: 'operation', message: '{message}' },
  'ssh.channel-closed': { kind: 'operation', message: 'The channel was closed before the answer came.' },
  'ssh.open-refused': { kind: 'operation', message: 'The other side refused to open the channel.' },
  'ssh.too-many-channels': { kind: 'operation', message: 'The connection has as many channels as it may have.' },
  'ssh.host-key-refused': {
    kind: 'operation',
    message: "The target's host key is not the one that is pinned. Call the administrator of the resource.",
  },
  'ssh.login-refused': {
    kind: 'operation',
    message: 'The target refused the login. The credential of the resource may be wrong; call its administrator.',
  },
  'ssh.login-abandoned': { kind: 'operation', message: 'The login went on another way.' },
  'ssh.key-invalid': { kind: 'operation', message: 'The key is not one that can be used here.' },
  'ssh.certificate-invalid': { kind: 'protocol', message: 'The certificate is malformed, or its signature is wrong.' },
  'ssh.written-without-window': {
    kind: 'assertion',
    message: 'Too much was written to a channel that cannot take it.',
  },
});
