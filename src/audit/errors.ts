/** The index has no errors of its own: a store that does not answer is tried again and reported by its owner. */
import { defineErrors } from '../base/errors.ts';

export const auditErrors = defineErrors({});
