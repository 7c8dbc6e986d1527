/** Errors of detection. What is found is no error: it is a Finding. */
import { defineErrors } from '../base/errors.ts';

export const detectionErrors = defineErrors({
  'detection.malformed': {
    kind: 'operation',
    message: 'The Detection {name} cannot be used: {field}: {reason}. Correct its manifest and apply it again.',
  },
  'detection.too-many': {
    kind: 'operation',
    message: 'There are more than {maximum} Detections. Join some of them by a condition or a list.',
  },
});
