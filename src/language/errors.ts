/** What goes wrong while a command is understood. A statement that cannot be understood is a value, never an error. */
import { defineErrors } from '../base/errors.ts';

export const languageError = defineErrors({
  'language.parser-unavailable': {
    kind: 'operation',
    message: 'The SQL parser could not be loaded. Check that the installation is complete.',
  },
});
