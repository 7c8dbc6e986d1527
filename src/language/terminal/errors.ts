/** What goes wrong at a terminal's side channel. What a shell does is a value, never an error. */
import { defineErrors } from '../../base/errors.ts';

export const terminalError = defineErrors({
  'language.side-channel-malformed': {
    kind: 'protocol',
    message: 'The integration of the shell sent what it must not send. The session has been stopped.',
  },
});
