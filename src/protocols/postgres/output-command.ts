/**
 * What is done to all that comes back for one command: the plan at work, result by result, and whether limits count it.
 *
 * Invariant: a result is masked by its own place in the text; what was not described is masked by `otherwise`.
 *
 * Deliberately absent: bytes (output-content.ts).
 */
import { type CommandDraft, sqlOf } from '../../core/command.ts';
import type { CopyMasker } from './mask-copy.ts';
import { copyMasker } from './mask-copy.ts';
import { copyFormatOf } from './mask-copy-options.ts';
import { type OriginOf, PlanInForce } from './mask-plan.ts';
import { RowMasker } from './mask-row.ts';
import type { MaskedColumn } from './mask-value.ts';
import type { CopyResponse, Field } from './messages.ts';
import type { Request } from './request.ts';

export class CommandOutput {
  readonly plan: PlanInForce | null;
  readonly isLimited: boolean;
  readonly #request: Request;
  /** The statement whose result is coming, by its place in the text. */
  #statement = 0;
  #isDescribed = false;
  #outdated = false;
  #rows: RowMasker | null = null;
  #copy: CopyMasker | null = null;

  constructor(request: Request, plan: PlanInForce | null, isLimited: boolean) {
    this.#request = request;
    this.plan = plan;
    this.isLimited = isLimited;
  }

  /** For the rows that come now; null where nothing in them is masked. */
  get rows(): RowMasker | null {
    if (!this.#isDescribed && this.plan !== null) this.#describeBefore(this.plan);
    return this.#rows;
  }

  /** For the COPY that is under way; null where nothing in it is masked. */
  get copy(): CopyMasker | null {
    return this.#copy;
  }

  /** RowDescription of the rows that follow. */
  describe(fields: readonly Field[]): void {
    const { plan } = this;
    if (plan === null) return;
    this.#isDescribed = true;
    const columns = plan.columns(this.#place, fields);
    this.#rows =
      columns === null
        ? null
        : new RowMasker(columns, (count) => plan.unknownColumns(count, (index) => fields[index]?.format === 1));
  }

  /** The result is over; what comes next is the next statement's. */
  next(): void {
    this.#statement++;
    this.#isDescribed = false;
    this.#rows = null;
    this.#copy = null;
  }

  /** A COPY to the client begins. False: it cannot be read, and must not be delivered. */
  beginCopy(response: CopyResponse, standardConformingStrings: boolean): boolean {
    const { plan } = this;
    if (plan === null) return true;
    const count = response.columnFormats.length;
    const masks = plan.masks(this.#place, count);
    if (masks.every((mask) => mask === null)) return true;
    const draft = this.#request.command!.draft;
    const format = copyFormatOf(statementOf(draft, this.#statement), standardConformingStrings);
    if (format === null || (format.format === 'binary') !== (response.format === 'binary')) return false;
    const isBinary = format.format === 'binary';
    const facts = (index: number): Parameters<PlanInForce['column']>[1] => ({
      name: nameOf(draft, this.#statement, index),
      typeOid: 0,
      typeModifier: -1,
      isBinary,
    });
    const columns: (MaskedColumn | null)[] = masks.map((mask, index) =>
      mask === null ? null : plan.column(mask, facts(index)),
    );
    const beyond = plan.column(plan.plan.otherwise, facts(count));
    this.#copy = copyMasker(format, (index) => (index < count ? columns[index]! : beyond));
    return true;
  }

  /** The COPY is over, or has failed. */
  endCopy(): void {
    this.#copy = null;
  }

  /** An Execute runs one statement; where its text is several, which one is not certain. */
  get #place(): number | null {
    if (this.#isOutdated()) return null;
    if (this.#request.kind === 'query') return this.#statement;
    return this.plan?.plan.results.length === 1 ? 0 : null;
  }

  /**
   * Another session changed objects after this command was judged, while it waited for a lock, say: what a name meant then
   * it may not mean now (A-PG-22). Nothing of the plan counts any more, and everything is masked.
   */
  #isOutdated(): boolean {
    const { context, changes } = this.#request;
    this.#outdated ||= context !== null && context.changes !== changes;
    return this.#outdated;
  }

  /** An Execute's rows were described before it ran, by portal or by statement, or never. */
  #describeBefore(plan: PlanInForce): void {
    const { portal } = this.#request;
    const formats = portal?.resultFormats ?? [];
    const isBinary = (index: number): boolean => (formats.length === 1 ? formats[0] : formats[index]) === 1;
    const fields = portal?.fields ?? portal?.statement?.fields ?? null;
    if (fields !== null) {
      this.describe(fields.map((field, index) => ({ ...field, format: isBinary(index) ? 1 : 0 })));
      return;
    }
    this.#isDescribed = true;
    this.#rows = new RowMasker([], (count) => plan.unknownColumns(count, isBinary));
  }
}

/** What is done to what comes back for the request; null: nothing. */
export function outputOf(request: Request, originOf: OriginOf | null): CommandOutput | null {
  if (request.output !== undefined) return request.output;
  const judgement = request.command?.judgement ?? null;
  const plan = judgement?.output ?? null;
  const isLimited = judgement !== null && judgement.limits.length > 0;
  request.output =
    plan === null && !isLimited
      ? null
      : new CommandOutput(request, plan === null ? null : new PlanInForce(plan, originOf), isLimited);
  return request.output;
}

/** The text of one of the statements; all of it where the analysis does not tell them apart. */
function statementOf(draft: CommandDraft, index: number): string {
  const statements = sqlOf(draft.meaning)?.statements ?? [];
  const statement = statements[index];
  if (statement === undefined || statements.length < 2) return draft.text;
  return Buffer.from(draft.text).toString('utf8', statement.start, statement.end);
}

function nameOf(draft: CommandDraft, statement: number, column: number): string {
  return sqlOf(draft.meaning)?.statements[statement]?.lineage.columns?.[column]?.name ?? '';
}
