/**
 * From the lineage of a statement to what is done with its results, for one set of masks in force.
 *
 * Invariants:
 * - Fails closed: without lineage, or where it was not followed to the end, everything is masked whole, or the command is
 *   blocked where a mask says so.
 * - A column that carries anything of a masked column is masked, whatever it is called. Only the unchanged column gets the
 *   mask's own method; what was computed from it is redacted, since the end of `reverse(card)` is its beginning.
 * - Of several masks the strictest counts.
 *
 * Deliberately absent: finding values on the wire (protocols); deciding what a text means (language).
 */
import type { CommandKind } from '../core/command.ts';
import type { KubernetesMeaning } from '../core/kubernetes.ts';
import type { HttpMasks, OutputPlan, OutputStreams, ResultMasks, ValueMask } from '../core/masking.ts';
import type {
  Analysis,
  ColumnFlow,
  ColumnOrigin,
  ResultColumn,
  SinkKind,
  StatementAnalysis,
  Steering,
} from '../core/sql.ts';
import type { SqlEffect, StatementKind } from '../core/sql-effects.ts';
import { type ColumnPattern, mayTouch, spellOrigin } from './columns.ts';
import { passingStreams } from './http/passing.ts';
import type { KubernetesMasks } from './kubernetes/index.ts';
import { createConstantMask, passingMask, strictness } from './methods.ts';

/** A Mask as far as plans need it. */
export interface PlannedMask {
  readonly name: string;
  readonly columns: readonly ColumnPattern[];
  readonly predicates: 'block' | 'allow';
  readonly unresolved: 'mask' | 'block';
  /** What it does to a column that it names. */
  readonly value: ValueMask;
}

/** One thing that a mask did to a command: for `explain`. */
export interface MaskTrace {
  /** The Mask. */
  readonly rule: string;
  readonly statement: number;
  readonly what: 'column' | 'derived' | 'steering' | 'flow' | 'unresolved' | 'messages';
  /** For people: which column, and how it was used. */
  readonly because: string;
}

export interface MaskOutcome {
  /** Set where the command must not run. `reason` says what happened and what to do next. */
  readonly blocked: { readonly rule: string; readonly reason: string } | null;
  /** Null when blocked. */
  readonly output: OutputPlan | null;
  readonly trace: readonly MaskTrace[];
}

const steeringWords: Readonly<Record<Steering, string>> = {
  where: 'in a condition (WHERE)',
  join: 'in a join',
  group: 'in GROUP BY',
  having: 'in HAVING',
  order: 'in ORDER BY',
  distinct: 'in DISTINCT',
  window: 'in a window',
  'set-operation': 'in UNION, INTERSECT or EXCEPT',
  limit: 'in LIMIT or OFFSET',
};

const sinkWords: Readonly<Record<SinkKind, string>> = {
  relation: 'into the table',
  setting: 'into the setting',
  notification: 'into the notification',
  file: 'into a file or program',
  'large-object': 'into a large object',
  function: 'into the function',
  message: 'into a message',
};

/** Effects that put something where a later statement or somebody else may find it. */
const storingEffects: readonly SqlEffect[] = [
  'insert',
  'update',
  'update-all',
  'create',
  'alter',
  'copy-in',
  'program-execution',
  'file-access',
  'foreign-access',
  'large-object',
  'notify',
];

/** Functions that keep what they are given where a later statement finds it, whatever their effect is called. */
const storingFunctions: ReadonlySet<string> = new Set(['set_config', 'setval', 'pg_logical_emit_message']);

/** Effects by which a query reaches what may write on its behalf. */
const reachingEffects: readonly SqlEffect[] = ['foreign-access', 'program-execution'];

/** Statements that run what the client wrote and nobody read: they could copy what they like. */
const opaqueKinds: readonly StatementKind[] = ['do', 'execute', 'cluster', 'unknown'];

const advice = 'Ask an administrator for an exception if you need it.';

/** Why statement `index` must not run, and what each mask did to its columns. */
interface StatementPlan {
  readonly masks: ResultMasks | null;
  readonly blocked: { readonly rule: string; readonly reason: string } | null;
  /** It may touch masked values, so its messages may quote them. */
  readonly touches: boolean;
}

/** The masks in force for one principal on one resource. Keeps a plan per Analysis for as long as that lives. */
export class MaskSet {
  /** The Masks in force, by name. */
  readonly names: readonly string[];
  readonly #columnMasks: readonly PlannedMask[];
  /** What is done with everything of unknown origin, under the name of the first mask. */
  readonly #whole: ValueMask | null;
  readonly #derived: ReadonlyMap<PlannedMask, ValueMask>;
  readonly #detect: ValueMask | null;
  /** Streams have no columns: only what detectors look for is masked in them. */
  readonly #streams: OutputStreams | null;
  /** Those of an answer of HTTP, whose places have names. */
  readonly #httpStreams: OutputStreams | null;
  /** Those of an API server, whose objects have places and come in many ways. */
  readonly #kubernetes: KubernetesMasks | null;
  readonly #plans = new WeakMap<Analysis, MaskOutcome>();
  #unknown: MaskOutcome | null = null;
  readonly #byColumn = new Map<string, PlannedMask | null>();

  constructor(
    masks: readonly PlannedMask[],
    detect: ValueMask | null,
    streams: OutputStreams | null,
    http: HttpMasks | null,
    kubernetes: KubernetesMasks | null = null,
  ) {
    this.#kubernetes = kubernetes;
    this.#httpStreams = http === null ? null : Object.freeze({ ...(streams ?? passingStreams), http });
    // Whoever does not say what its command is gets all that is known.
    this.#streams = streams === null ? null : this.#httpStreams;
    this.names = masks.map(({ name }) => name);
    this.#columnMasks = masks.filter(({ columns }) => columns.length > 0);
    this.#detect = detect;
    const first = this.#columnMasks[0];
    this.#whole = first === undefined ? null : createConstantMask(first.name);
    this.#derived = new Map(this.#columnMasks.map((mask) => [mask, createConstantMask(mask.name)]));
  }

  /** What is done with the results of a command. `meaning` null: nothing is known of it. Never throws. */
  plan(meaning: Analysis | null): MaskOutcome {
    if (meaning === null || meaning.statements.length === 0) return this.#planUnknown(meaning);
    let outcome = this.#plans.get(meaning);
    if (outcome === undefined) {
      outcome = this.#planAnalysis(meaning);
      this.#plans.set(meaning, outcome);
    }
    return outcome;
  }

  /**
   * What is done with a command of this kind that has streams instead of results; null where nothing is. Of commands that
   * are no HTTP, Masks with nothing but fields and headers want nothing. `asked`: of Kubernetes, what was asked for; null:
   * it is not known, and every Mask is for it.
   */
  planStreams(kind: CommandKind | null = null, asked: KubernetesMeaning | null = null): MaskOutcome | null {
    if (kind === 'kubernetes') {
      if (this.#kubernetes === null) return null;
      const refusal = asked === null ? null : this.#kubernetes.refusal(asked);
      if (refusal !== null) {
        const { rule, reason: because } = refusal;
        return { blocked: refusal, output: null, trace: [{ rule, statement: 0, what: 'flow', because }] };
      }
      const http = this.#kubernetes.for(asked);
      return this.#outcome([], [], false, { ...(this.#httpStreams ?? passingStreams), http });
    }
    const streams = kind === null || kind === 'http' ? this.#httpStreams : this.#streams;
    return streams === null ? null : this.#outcome([], [], false, streams);
  }

  /** The mask of a base column, or null. */
  column(schema: string, relation: string, column: string): ValueMask | null {
    return this.#maskOf({ schema, relation, column })?.value ?? null;
  }

  #planUnknown(meaning: Analysis | null): MaskOutcome {
    // An empty text does nothing and says nothing.
    if (meaning?.understood === true) return this.#outcome([], [], false);
    // What is no SQL here may be SQL to an older server, and copy what it likes (A-PG-22).
    if (meaning !== null && this.#columnMasks.length > 0)
      return this.#refuseUnread(meaning, this.#columnMasks[0]!.name);
    if (this.#unknown === null) {
      const trace: MaskTrace[] = [];
      const blocked = this.#unresolved(0, 'nothing is known of what this command returns', trace);
      this.#unknown =
        blocked === null ? this.#outcome([], trace, this.#whole !== null) : { blocked, output: null, trace };
    }
    return this.#unknown;
  }

  #refuseUnread({ unparsed, reasons }: Analysis, rule: string): MaskOutcome {
    const what = unparsed?.message ?? reasons[0]?.code ?? 'unknown';
    const because = `this text was not understood (${what})`;
    const reason = `Masked columns may be copied: ${because}. Write it as PostgreSQL 18 reads it, in UTF-8. ${advice}`;
    return { blocked: { rule, reason }, output: null, trace: [{ rule, statement: 0, what: 'unresolved', because }] };
  }

  #planAnalysis(meaning: Analysis): MaskOutcome {
    const trace: MaskTrace[] = [];
    const results: (ResultMasks | null)[] = [];
    let touches = false;
    let blocked: MaskOutcome['blocked'] = null;
    meaning.statements.forEach((statement, index) => {
      const plan = this.#planStatement(statement, index, meaning.understood, trace);
      blocked ??= plan.blocked;
      touches ||= plan.touches;
      results.push(plan.masks);
    });
    return blocked === null ? this.#outcome(results, trace, touches) : { blocked, output: null, trace };
  }

  #outcome(
    results: readonly (ResultMasks | null)[],
    trace: readonly MaskTrace[],
    withhold: boolean,
    streams = this.#streams,
  ): MaskOutcome {
    // A set of fields and headers of HTTP alone has nothing to say about results of SQL.
    const otherwise = this.#whole ?? this.#detect ?? passingMask(this.names[0]!);
    return {
      blocked: null,
      output: {
        results,
        otherwise,
        column: (schema, relation, column) => this.column(schema, relation, column),
        messages: withhold ? 'withhold' : 'pass',
        text: this.#detect,
        streams,
      },
      trace,
    };
  }

  #planStatement(statement: StatementAnalysis, index: number, understood: boolean, trace: MaskTrace[]): StatementPlan {
    const { lineage } = statement;
    const detect = this.#detect;
    if (this.#whole === null) {
      return {
        blocked: null,
        touches: false,
        masks: lineage.columns === null ? null : { columns: lineage.columns.map(() => detect) },
      };
    }
    const { unread } = lineage;
    const unresolved = lineage.unresolved ?? (understood ? null : 'this text');
    let blocked = this.#steering(statement, index, trace) ?? this.#flows(lineage.flows, index, trace);
    if (unresolved !== null) {
      blocked ??= this.#unresolved(index, `${unresolved} could not be followed`, trace);
      blocked ??= this.#storing(statement, index, trace);
    } else if (unread !== null) blocked ??= this.#unread(unread, index, trace);
    let certain = unresolved === null && unread === null;
    const columns = lineage.columns?.map((column): ValueMask | null => {
      if (unresolved !== null) return this.#whole;
      if (column.unresolved !== null) {
        certain = false;
        blocked ??= this.#unresolved(
          index,
          `${spellColumn(column)}: ${column.unresolved} could not be followed`,
          trace,
        );
        // What another server or a program is asked to do may write here.
        if (statement.effects.some((effect) => reachingEffects.includes(effect))) {
          blocked ??= this.#storing(statement, index, trace);
        }
        return this.#whole;
      }
      return this.#columnMask(column, index, trace) ?? detect;
    });
    const touching = this.#touching(statement);
    // How many rows come back, and in which order, would tell as much as it does where all is followed (A-PG-20).
    const uncertain = unresolved === null ? null : (touching ?? this.#behindUnknown(statement));
    if (uncertain?.predicates === 'block') blocked ??= this.#uncertain(uncertain, index, trace);
    if (touching !== null) {
      trace.push({
        rule: touching.name,
        statement: index,
        what: 'messages',
        because: 'the statement may touch masked columns, so the text of errors and notices is withheld',
      });
    }
    return { blocked, touches: !certain || touching !== null, masks: columns === undefined ? null : { columns } };
  }

  #columnMask(column: ResultColumn, index: number, trace: MaskTrace[]): ValueMask | null {
    let best: { mask: PlannedMask; value: ValueMask; origin: ColumnOrigin } | null = null;
    for (const origin of column.origins) {
      const mask = this.#maskOf(origin);
      if (mask === null) continue;
      const value = column.direct ? mask.value : this.#derived.get(mask)!;
      if (best === null || strictness(value.how) > strictness(best.value.how)) best = { mask, value, origin };
    }
    if (best === null) return null;
    const what = column.direct ? 'column' : 'derived';
    const how = column.direct ? `is masked (${best.value.how})` : 'is computed from it, and redacted';
    trace.push({
      rule: best.mask.name,
      statement: index,
      what,
      because: `${spellColumn(column)} ${column.direct ? 'is' : 'carries'} ${spellOrigin(best.origin)} and ${how}`,
    });
    return best.value;
  }

  /** The strictest mask of a base column; the first by name of equals. */
  #maskOf(origin: ColumnOrigin): PlannedMask | null {
    const key = JSON.stringify([origin.schema, origin.relation, origin.column]);
    const known = this.#byColumn.get(key);
    if (known !== undefined) return known;
    let best: PlannedMask | null = null;
    for (const mask of this.#columnMasks) {
      if (!mask.columns.some((pattern) => pattern.matches(origin.schema, origin.relation, origin.column))) continue;
      if (best === null || strictness(mask.value.how) > strictness(best.value.how)) best = mask;
    }
    // Names of columns are finite in a database, but a peer makes databases.
    if (this.#byColumn.size >= 10_000) this.#byColumn.clear();
    this.#byColumn.set(key, best);
    return best;
  }

  #steering(statement: StatementAnalysis, index: number, trace: MaskTrace[]): MaskOutcome['blocked'] {
    let blocked: MaskOutcome['blocked'] = null;
    for (const { origin, how } of statement.lineage.steering) {
      for (const mask of this.#columnMasks) {
        if (!mask.columns.some((pattern) => pattern.matches(origin.schema, origin.relation, origin.column))) continue;
        const because = `${spellOrigin(origin)} is masked and is used ${steeringWords[how]}`;
        trace.push({ rule: mask.name, statement: index, what: 'steering', because });
        if (mask.predicates !== 'block') continue;
        blocked ??= {
          rule: mask.name,
          reason:
            `${because}, where what comes back would tell its value. ` +
            `Select the column without using it there, or use another column. ${advice}`,
        };
      }
    }
    return blocked;
  }

  #flows(flows: readonly ColumnFlow[], index: number, trace: MaskTrace[]): MaskOutcome['blocked'] {
    let blocked: MaskOutcome['blocked'] = null;
    for (const { origin, into, target } of flows) {
      const mask = this.#maskOf(origin);
      if (mask === null) continue;
      // A file is named, but a program is only said to be one.
      const where =
        into === 'file' && target === 'program' ? 'into a program' : `${sinkWords[into]} ${target}`.trimEnd();
      const because = `${spellOrigin(origin)} is masked and would be written ${where}`;
      trace.push({ rule: mask.name, statement: index, what: 'flow', because });
      blocked ??= {
        rule: mask.name,
        reason: `${because}, where no mask would follow it. Leave the column out of what is written. ${advice}`,
      };
    }
    return blocked;
  }

  /** A relation that is not known, such as a temporary view, may have any masked column behind it. */
  #behindUnknown({ relations }: StatementAnalysis): PlannedMask | null {
    if (!relations.some(({ access, candidates }) => access === 'read' && candidates.length === 0)) return null;
    return this.#columnMasks.find(({ predicates }) => predicates === 'block') ?? null;
  }

  #uncertain({ name }: PlannedMask, index: number, trace: MaskTrace[]): MaskOutcome['blocked'] {
    const because = 'a relation that has masked columns, or may have them behind it, could not be followed';
    trace.push({ rule: name, statement: index, what: 'unresolved', because });
    return {
      rule: name,
      reason: `Masked columns may decide what comes back: ${because}. Use tables and views that are not temporary, and no transaction that changes definitions or settings. ${advice}`,
    };
  }

  /** What the masks say of results that could not be followed; null: mask them. */
  #unresolved(index: number, what: string, trace: MaskTrace[]): MaskOutcome['blocked'] {
    const strict = this.#columnMasks.find((mask) => mask.unresolved === 'block');
    const rule = strict ?? this.#columnMasks[0];
    if (rule === undefined) return null;
    trace.push({
      rule: rule.name,
      statement: index,
      what: 'unresolved',
      because: `${what}, so ${strict === undefined ? 'all that comes back is redacted' : 'it is blocked'}`,
    });
    if (strict === undefined) return null;
    return {
      rule: strict.name,
      reason:
        `Masked columns may be in what this statement returns: ${what}. ` +
        `Name the tables and columns directly, without functions, dynamic SQL or changed settings. ${advice}`,
    };
  }

  /**
   * Code of the database's own that nobody read may look at masked columns and store or tell what it saw. That is as
   * uncertain as a result that could not be followed; where masks are content with masking those, only messages can be
   * held back here.
   */
  #unread(what: string, index: number, trace: MaskTrace[]): MaskOutcome['blocked'] {
    const strict = this.#columnMasks.find((mask) => mask.unresolved === 'block');
    const rule = strict ?? this.#columnMasks[0]!;
    const effect = strict === undefined ? 'errors and notices are withheld' : 'it is blocked';
    trace.push({
      rule: rule.name,
      statement: index,
      what: 'unresolved',
      because: `${what} was not read, so ${effect}`,
    });
    if (strict === undefined) return null;
    return {
      rule: strict.name,
      reason:
        `Masked columns may be used by code that was not read: ${what}. ` +
        `Write the statement without it, or work on tables that have none. ${advice}`,
    };
  }

  /** A statement that was not followed and stores something would put masked values where no mask follows them. */
  #storing(statement: StatementAnalysis, index: number, trace: MaskTrace[]): MaskOutcome['blocked'] {
    const effect =
      opaqueKinds.includes(statement.kind) || statement.reasons.some(({ code }) => code === 'dynamic-sql')
        ? statement.kind
        : (statement.effects.find((one) => storingEffects.includes(one)) ??
          statement.functions.find(({ name }) => storingFunctions.has(name))?.name);
    const mask = this.#columnMasks[0];
    if (effect === undefined || mask === undefined || !readsSomething(statement)) return null;
    const because = `what this statement stores (${effect}) could not be followed to where it comes from`;
    trace.push({ rule: mask.name, statement: index, what: 'flow', because });
    return {
      rule: mask.name,
      reason: `Masked columns may be copied: ${because}. Write plain values, or name the tables and columns directly. ${advice}`,
    };
  }

  #touching(statement: StatementAnalysis): PlannedMask | null {
    for (const mask of this.#columnMasks) {
      for (const use of statement.relations) {
        if (mask.columns.some((pattern) => mayTouch(pattern, use))) return mask;
      }
    }
    return null;
  }
}

/** A write of plain values reads nothing; anything that is opaque may read everything. */
function readsSomething(statement: StatementAnalysis): boolean {
  return (
    // What is defined runs later over anything (A-PG-22).
    statement.kind === 'create' ||
    statement.kind === 'alter' ||
    statement.kind === 'cluster' ||
    statement.effects.includes('unknown') ||
    statement.effects.includes('read') ||
    statement.relations.some((use) => use.access === 'read') ||
    statement.effects.some((effect) =>
      ['procedural', 'program-execution', 'foreign-access', 'file-access'].includes(effect),
    )
  );
}

function spellColumn(column: ResultColumn): string {
  return column.name === '' ? 'a column of the result' : `the column ${column.name}`;
}
