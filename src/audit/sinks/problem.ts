/** What went wrong at a sink's target, in words for whoever operates it. */
import { auditErrors } from '../errors.ts';

/** An error that says `problem` to the operator: a sentence without its full stop, and never content or a secret. */
export function sinkProblem(problem: string, cause?: unknown): Error {
  return auditErrors('audit.sink-failed', { values: { problem }, ...(cause === undefined ? {} : { cause }) });
}
