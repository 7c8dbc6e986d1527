/** Errors of policy. A refusal is not here: it is an AccessDecision or a Verdict. */
import { defineErrors } from '../base/errors.ts';

export const policyErrors = defineErrors({
  'policy.malformed-access': {
    kind: 'operation',
    message: 'The Access {name} cannot be used: {reason}. Correct its manifest and apply it again.',
  },
  'policy.too-many-access': {
    kind: 'operation',
    message: 'There are more than {maximum} Access objects. Join some of them by group or label.',
  },
  'policy.malformed-lock': {
    kind: 'operation',
    message: 'The Lock {name} cannot be used: {reason}. Until it is corrected or deleted, nobody is let in.',
  },
  'policy.too-many-locks': {
    kind: 'operation',
    message: 'There are more than {maximum} Locks. Delete those that are over.',
  },
  'policy.malformed-guardrail': {
    kind: 'operation',
    message: 'The Guardrail {name} cannot be used: {field}: {reason}. Correct its manifest and apply it again.',
  },
  'policy.too-many-guardrails': {
    kind: 'operation',
    message: 'There are more than {maximum} Guardrails. Join some of them by group or label.',
  },
});
