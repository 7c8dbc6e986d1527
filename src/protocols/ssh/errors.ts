/** Errors of the SSH room above its transport. */
import { defineErrors } from '../../base/errors.ts';

export const sshRoomErrors = defineErrors({
  'ssh.no-resource': {
    kind: 'denial',
    message: 'The login names no resource. Log in as principal+resource: ssh engineer+web-1@gateway.',
  },
  'ssh.host-key-unpinned': {
    kind: 'operation',
    message:
      'No host key of {resource} is pinned, so the gateway cannot tell whether it is the right one. Its administrator can pin it: sallyport trust {resource}.',
  },
  'ssh.no-credential': {
    kind: 'operation',
    message: 'The resource {resource} has no credential that SSH can use. Call its administrator.',
  },
  'ssh.supervisor-malformed': { kind: 'protocol', message: 'The target sent what its supervisor does not send.' },
  'ssh.program-refused': { kind: 'operation', message: 'The target refused to start the {what}.' },
});
