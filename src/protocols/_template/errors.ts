/** Errors of the template protocol. */
import { defineErrors } from '../../base/errors.ts';

export const templateErrors = defineErrors({
  'template.line-too-long': { kind: 'protocol', message: 'A line may have {limit} bytes.' },
  'template.malformed': { kind: 'protocol', message: 'The line has no meaning in this protocol.' },
  'template.unexpected': { kind: 'protocol', message: 'The line does not belong where it came.' },
  'template.upstream-malformed': { kind: 'protocol', message: 'The resource broke the protocol.' },
  'template.upstream-closed': { kind: 'operation', message: 'The resource closed the connection. Connect again.' },
  'template.upstream-credential': {
    kind: 'operation',
    message: 'The resource refused the credential that the gateway presented. Call its administrator.',
  },
  'template.closed': { kind: 'operation', message: 'The connection was closed before the session began.' },
});
