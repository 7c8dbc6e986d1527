/** What other rooms may import from policy. */
export {
  type AccessExplanation,
  type AccessMatch,
  type AccessObject,
  type AccessTrace,
  type CompiledAccess,
  type ConditionTrace,
  compileAccess,
  explainAccess,
} from './access.ts';
export { policyErrors } from './errors.ts';
export { createJudge } from './judge.ts';
export { accessListEntriesMax, accessObjectsMax } from './limits.ts';
