/** Errors of this room. A store that does not answer is none of them: it is tried again, and reported by its owner. */
import { defineErrors } from '../base/errors.ts';

export const auditErrors = defineErrors({
  'audit.sink-failed': {
    kind: 'operation',
    message: 'The target of the sink did not take what was sent: {problem}.',
  },
  'audit.object-unreachable': {
    kind: 'operation',
    message: 'The object store does not answer, or cannot at the moment ({reason}). It is tried again.',
  },
  'audit.object-denied': {
    kind: 'operation',
    message:
      'The object store refused these keys, or they may not do this there. Compare their rights with docs/operate/object-stores.md.',
  },
  'audit.object-refused': {
    kind: 'operation',
    message:
      'The object store refused this for good ({reason}). Compare its settings with docs/operate/object-stores.md.',
  },
  'audit.object-bucket-absent': {
    kind: 'operation',
    message: 'The bucket does not exist. Make it, or correct its name; the gateway makes none.',
  },
  'audit.object-absent': { kind: 'operation', message: 'The object store has nothing under this key.' },
  'audit.object-exists': { kind: 'operation', message: 'The object store has something under this key already.' },
  'audit.object-damaged': {
    kind: 'operation',
    message: 'What the object store has is not what was sent to it. Nothing here was deleted for it.',
  },
  'audit.object-locked': {
    kind: 'operation',
    message: 'The object store keeps this object locked and does not delete it before its time.',
  },
  'audit.object-unlocked': {
    kind: 'operation',
    message:
      'The bucket cannot lock objects, or did not. Make one with object lock, or take the lock out of the configuration.',
  },
  'audit.object-too-large': {
    kind: 'operation',
    message: 'This is larger than what an object store takes ({bytes} bytes).',
  },
});
