/** What other rooms may import from policy. */
export {
  type AccessExplanation,
  type AccessMatch,
  type AccessObject,
  type AccessTrace,
  type ClosedAccess,
  type CompiledAccess,
  type ConditionTrace,
  compileAccess,
  explainAccess,
} from './access.ts';
export { type Assurance, checkGuardrail, type ProtocolCapabilities, type ProtocolCapability } from './check.ts';
export type { WholeMask } from './decide.ts';
export { policyErrors } from './errors.ts';
export { type ExampleOptions, type ExampleTrial, runExamples } from './examples.ts';
export type { GuardrailRequest } from './facts.ts';
export type { FindingName } from './finding.ts';
export {
  type CompiledGuardrails,
  compileGuardrails,
  type GuardrailCondition,
  type GuardrailExplanation,
  type GuardrailJudgement,
  type GuardrailOptions,
  type GuardrailTrace,
} from './guardrail.ts';
export { joinHolds } from './hold.ts';
export { accessListEntriesMax, accessObjectsMax, guardrailListEntriesMax, guardrailsMax } from './limits.ts';
export {
  type CompiledLocks,
  compileLocks,
  type Lock,
  type LockObject,
  type LockTarget,
  lockTargets,
} from './locks.ts';
export { type AccessWindow, type Schedule, type Weekday, weekdays } from './schedule.ts';
export { type DayUse, type DayUses, UsageLedger } from './usage.ts';
