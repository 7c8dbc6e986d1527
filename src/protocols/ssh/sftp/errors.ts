/** Errors of SFTP and scp. What a client is told of a refused request is a status, not an error: see `answer.ts`. */
import { defineErrors } from '../../../base/errors.ts';

export const sftpErrors = defineErrors({
  'sftp.message-length': { kind: 'protocol', message: 'An SFTP message has an impossible length.' },
  'sftp.message-malformed': { kind: 'protocol', message: 'An SFTP message is malformed.' },
  'sftp.unexpected-message': {
    kind: 'protocol',
    message: 'An SFTP message came that the conversation does not allow.',
  },
  'sftp.version': { kind: 'protocol', message: 'The target speaks no version of SFTP that the gateway speaks (3).' },
  'sftp.unknown-reply': { kind: 'protocol', message: 'The target answered what it was not asked.' },
  'sftp.unanswered': { kind: 'operation', message: 'The target did not answer in time, so the transfer was ended.' },
  'sftp.closed': { kind: 'operation', message: 'The file transfer was closed.' },
  'scp.malformed': { kind: 'protocol', message: 'The scp conversation is malformed, so it was ended.' },
  'scp.name': { kind: 'protocol', message: 'scp was given a file name that would lead elsewhere, so it was ended.' },
});
