/**
 * A command as conditions see it: the request, and what is derived from it once and only when asked for.
 *
 * Lives for one judgement; nothing keeps it.
 */
import type { CommandDraft } from '../core/command.ts';
import type { JudgeRequest } from '../core/judgement.ts';
import type { Analysis } from '../core/sql.ts';
import { estimateAll } from './estimate.ts';
import type { WhenContext } from './when-context.ts';

/** A request to judge, with the row estimate where somebody made one. */
export interface GuardrailRequest extends JudgeRequest {
  /** Rows that the target's planner expects the command to touch; null or absent where it was not asked. */
  readonly rowEstimate?: number | null;
}

export class Facts {
  readonly request: GuardrailRequest;
  readonly command: CommandDraft;
  /** Null where the command is none of SQL, or has no analysis. */
  readonly sql: Analysis | null;
  /** Rows that the planner expects, where it was asked. */
  readonly plannedRows: number | null;
  /** Set by `when`, for the other expressions of the same judgement. */
  contexts: { readonly full: WhenContext; hidden: WhenContext | null } | null = null;
  #lowerText: string | null = null;

  constructor(request: GuardrailRequest) {
    this.request = request;
    this.command = request.command;
    this.sql = request.command.meaning?.language === 'sql' ? request.command.meaning.sql : null;
    this.plannedRows = request.rowEstimate ?? null;
  }

  /** Rows that the command is expected to touch; null where that is not known. */
  get rowEstimate(): number | null {
    return this.plannedRows ?? (this.sql?.understood === true ? estimateAll(this.sql.statements) : null);
  }

  get isSql(): boolean {
    return this.command.kind === 'sql';
  }

  get lowerText(): string {
    this.#lowerText ??= this.command.text.toLowerCase();
    return this.#lowerText;
  }
}

/** One condition of a rule, put to a command. */
export interface CommandCondition {
  /** As the manifest names it: `match.commands.verbs`. */
  readonly name: string;
  /** False where the same analysis with the same verb always gives the same finding. */
  readonly isVolatile: boolean;
  /** True where it asks what a command means, not only what it is called. */
  readonly needsStructure: boolean;
  /** The same of requests. */
  readonly needsHttp?: boolean;
  /** The same of requests to Kubernetes. */
  readonly needsKubernetes?: boolean;
  /** Steps that it may take at worst, about 50 ns each; zero where it is a matter of look-ups. */
  readonly steps: number;
  test(facts: Facts): number;
  /** For people: what was compared with what. */
  because(facts: Facts): string;
}
