/**
 * Errors of the secrets room.
 *
 * Invariant: no message and no `detail` holds a secret, a key, or part of one. Names of variables, files and stored
 * secrets stand in `detail` only, for the operator; clients see none of these errors, for `createCredentials` replaces
 * them by `core.credential-unavailable`.
 */
import { defineErrors } from '../base/errors.ts';

export const secretErrors = defineErrors({
  'secrets.missing': {
    kind: 'operation',
    message: 'The secret does not exist where its reference points. Create it, or correct the reference.',
  },
  'secrets.unreadable': {
    kind: 'operation',
    message: 'The secret exists and cannot be read by the gateway. Check its owner and permissions.',
  },
  'secrets.bad-reference': {
    kind: 'operation',
    message:
      'The gateway does not read secrets from there. Name another variable, or an absolute path to a plain file.',
  },
  'secrets.empty': { kind: 'operation', message: 'The secret is empty. Give it a value.' },
  'secrets.too-large': {
    kind: 'operation',
    message: 'The secret is longer than the {limit} bytes that a secret may have.',
  },
  'secrets.not-text': { kind: 'operation', message: 'The secret is not UTF-8 text without NUL.' },
  'secrets.bad-name': {
    kind: 'operation',
    message: 'The name of a secret has 1 to {limit} bytes and no control characters.',
  },
  'secrets.unknown-key': {
    kind: 'operation',
    message:
      'The secret is sealed with the key {key}, which this gateway does not have. Give it that key, or set the secret again.',
  },
  'secrets.tampered': {
    kind: 'operation',
    message: 'The stored secret was changed or belongs to another name. Set it again, and find out who changed it.',
  },
  'secrets.key-missing': {
    kind: 'operation',
    message:
      'There is no key to seal secrets with. Provide the key file or the environment variable that should hold it.',
  },
  'secrets.key-permissions': {
    kind: 'operation',
    message:
      'The key file may be read or changed by others than its owner. Run chmod 600 on it, and consider its keys known.',
  },
  'secrets.key-invalid': {
    kind: 'operation',
    message:
      'A key must be 32 bytes in base 64, as `openssl rand -base64 32` prints them. Line or entry {entry} is not.',
  },
  'secrets.key-unreadable': {
    kind: 'operation',
    message:
      'The key file cannot be read or written by the gateway. Check that it is a plain file of the gateway’s own.',
  },
  'secrets.rotation-needs-key': {
    kind: 'operation',
    message:
      'The keys come from the environment, so the gateway cannot make a new one. Put a new key before the old one, separated by a comma, restart, and rotate again.',
  },
  'secrets.rotation-running': {
    kind: 'operation',
    message: 'A rotation of the keys is already under way. Wait until it is done.',
  },
  'secrets.rotation-incomplete': {
    kind: 'operation',
    message:
      'Some secrets could not be moved to the new key. They were left as they are, and every key that they name was kept. Rotate again; if that does not help, set those secrets again.',
  },
});
