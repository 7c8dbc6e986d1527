/** What a gate is given: `GateOptions`, with the defaults said in one place. */
import type { Clock } from '../../base/clock.ts';
import type { HookNames } from './hooks/names.ts';
import type { GateAction, Reduce, UnhookedChoice } from './types.ts';

export interface GateOptions {
  readonly clock: Clock;
  /** Carries an action out. Called synchronously, in order; may call back into the gate. */
  readonly act: (action: GateAction) => void;
  readonly reduce: Reduce;
  readonly columns: number;
  readonly rows: number;
  /** What happens where hooks cannot be placed. */
  readonly unhooked: UnhookedChoice;
  /** LESSSECURE=1 in the shell. Default true. */
  readonly lessSecure?: boolean;
  /** Milliseconds until the first sign of life of the hooks. Default 3000; more where a target is known to be slow. */
  readonly helloMs?: number;
  /** Shells inside the shell are started with the hooks in place. Default true. */
  readonly gateNested?: boolean;
  /** Begins every message to the person. Default `sallyport`. */
  readonly speaker?: string;
  /** For tests; random otherwise. */
  readonly names?: HookNames;
}
