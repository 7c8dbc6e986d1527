/** Errors of masking: what is wrong with a Mask. That a command is blocked is no error: see `MaskOutcome`. */
import { defineErrors } from '../base/errors.ts';

export const maskingErrors = defineErrors({
  'masking.malformed-mask': {
    kind: 'operation',
    message: 'The Mask {name} cannot be used: {field} {reason}. Correct its manifest and apply it again.',
  },
  'masking.unknown-detector': {
    kind: 'operation',
    message: 'The Mask {name} cannot be used: {field} names the detector {detector}, which does not exist. {known}',
  },
  'masking.bad-pattern': {
    kind: 'operation',
    message:
      'The Mask {name} cannot be used: {field} {reason}. Patterns run in linear time: no back-references, no look-around.',
  },
  'masking.too-many-masks': {
    kind: 'operation',
    message: 'There are more than {maximum} Masks. Join some of them by group, label or column.',
  },
  'masking.short-key': {
    kind: 'assertion',
    message: 'Masks cannot be compiled: the key for keyed hashes has fewer than {minimum} bytes.',
  },
});
