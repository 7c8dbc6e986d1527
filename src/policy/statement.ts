/**
 * `match.commands.sql`: what a statement means, put to its analysis.
 *
 * Invariants:
 * - A rule is put to each statement of a text by itself; one that matches is enough.
 * - Whatever a statement may do without it being known counts as `perhaps` (`hidden.ts`), unless the rule ignores it.
 * - A command of SQL without an analysis, or with one that was not understood, is `opaque` and never `no`.
 *
 * Deliberately absent: the text. Literals and comments are not looked at here, so they cannot match.
 */
import { escapeLine } from '../base/escape.ts';
import type { Analysis, Reason, StatementAnalysis } from '../core/sql.ts';
import { type SqlEffect, sqlEffects, statementKinds, unknownReasons } from '../core/sql-effects.ts';
import { estimateOf } from './estimate.ts';
import type { CommandCondition, Facts } from './facts.ts';
import { type Fields, shownSelector } from './fields.ts';
import { both, either, type Finding, no, opaque, perhaps, yes } from './finding.ts';
import { NameList } from './glob.ts';
import { type Hidden, hiddenIn } from './hidden.ts';
import * as limits from './limits.ts';

type Part = (statement: StatementAnalysis, hidden: Hidden, facts: Facts) => Finding;

const uncertain = (isHidden: boolean): Finding => (isHidden ? perhaps : no);

const effectNames = Object.keys(sqlEffects) as SqlEffect[];
const sqlFields = [
  'effects',
  'statements',
  'relations',
  'access',
  'functions',
  'incomplete',
  'rowsMin',
  'uncertain',
] as const;

export function compileSql(fields: Fields, path: string, value: unknown): CommandCondition {
  const given = fields.object(path, value, sqlFields);
  const parts: Part[] = [];
  const effects = fields.choices(`${path}.effects`, given.effects, effectNames);
  if (effects !== null) parts.push(effectsPart(new Set(effects)));
  const kinds = fields.choices(`${path}.statements`, given.statements, statementKinds);
  if (kinds !== null) {
    const wanted = new Set<string>(kinds);
    parts.push((statement) => (wanted.has(statement.kind) ? yes : no));
  }
  const access = given.access === undefined ? null : fields.choice(`${path}.access`, given.access, ['read', 'write']);
  const relations = names(fields, `${path}.relations`, given.relations);
  if (relations !== null || access !== null) parts.push(relationsPart(relations, access));
  const functions = names(fields, `${path}.functions`, given.functions);
  if (functions !== null) parts.push(functionsPart(functions));
  if (given.incomplete !== undefined) {
    if (typeof given.incomplete !== 'boolean')
      throw fields.fault(`${path}.incomplete`, 'this is neither true nor false');
    const wanted = given.incomplete;
    parts.push((statement) => (statement.complete === wanted ? no : yes));
  }
  const rowsMin = fields.number(`${path}.rowsMin`, given.rowsMin, 1);
  if (rowsMin !== null) parts.push(rowsPart(rowsMin));
  if (parts.length === 0) throw fields.fault(path, 'this selects nothing in particular; name effects, statements, …');
  const ignores = fields.ignoresUncertain(path, given.uncertain);
  return {
    name: path,
    isVolatile: rowsMin !== null,
    needsStructure: true,
    steps: ((relations?.wildcards ?? 0) + (functions?.wildcards ?? 0)) * limits.wildcardSteps,
    test: (facts) => {
      const found = test(parts, facts);
      return ignores ? found & ~perhaps : found;
    },
    because: (facts) => `${spellSql(facts)}; it asks for ${shownSelector(value)}`,
  };
}

function test(parts: readonly Part[], facts: Facts): Finding {
  // Of a shell or a web request no SQL selector can hold; whether a rule may ask so is settled when it is saved.
  if (!facts.isSql) return no;
  const { sql } = facts;
  if (sql === null) return opaque;
  let found: Finding = sql.understood || sql.statements.length > 0 ? no : opaque;
  for (const statement of sql.statements) found = either(found, testStatement(parts, statement, facts));
  return found;
}

function testStatement(parts: readonly Part[], statement: StatementAnalysis, facts: Facts): Finding {
  const hidden = hiddenIn(statement);
  let found: Finding = yes;
  for (const part of parts) {
    const one = part(statement, hidden, facts);
    // Nothing that a statement lacks is certain where it was not understood.
    found = both(found, hidden.opaque && one !== yes ? opaque : one);
    if (found === no) return no;
  }
  return found;
}

function effectsPart(wanted: ReadonlySet<SqlEffect>): Part {
  return (statement, hidden) =>
    statement.effects.some((effect) => wanted.has(effect)) ? yes : uncertain(hidden.effects);
}

function relationsPart(wanted: NameList | null, access: 'read' | 'write' | null): Part {
  return (statement, hidden) => {
    for (const use of statement.relations) {
      if (access !== null && use.access !== access) continue;
      if (wanted === null) return yes;
      // What a name may mean decides; where that is not known, the name as written does.
      const meant = use.candidates.length > 0 ? use.candidates : [use];
      if (meant.some(({ schema, name }) => wanted.has(schema, name))) return yes;
    }
    return uncertain(hidden.relations);
  };
}

function functionsPart(wanted: NameList): Part {
  return (statement, hidden) => {
    for (const { schema, name, builtIn } of statement.functions) {
      const where = schema ?? (builtIn === 'yes' ? 'pg_catalog' : null);
      if (wanted.has(where, name)) return yes;
    }
    return uncertain(hidden.functions);
  };
}

function rowsPart(rowsMin: number): Part {
  return (statement, _hidden, { plannedRows }) => {
    const { atLeast, isWhole } = estimateOf(statement);
    if (atLeast >= rowsMin || (plannedRows ?? 0) >= rowsMin) return yes;
    return isWhole || plannedRows !== null ? no : perhaps;
  };
}

function names(fields: Fields, path: string, value: unknown): NameList | null {
  const patterns = fields.list(path, value);
  if (patterns === null) return null;
  const list = new NameList();
  for (const [index, pattern] of patterns.entries()) {
    if (!list.add(pattern)) throw fields.fault(`${path}[${index}]`, 'this is neither a name nor schema.name');
  }
  return list;
}

function spellSql({ isSql, sql, command }: Facts): string {
  if (!isSql) return `the command is of kind ${command.kind}`;
  if (sql === null) return 'the command has no analysis';
  const statements = sql.statements.slice(0, limits.explainedEntriesMax).map((statement) => {
    const relations = statement.relations.map(
      ({ access, schema, name }) => `${access} ${schema === null ? '' : `${schema}.`}${name}`,
    );
    const shown = relations.slice(0, limits.explainedEntriesMax).map(escapeLine);
    const rest = relations.length - shown.length;
    return `${statement.kind} with the effects ${statement.effects.join(', ') || '(none)'}, on ${shown.join(', ') || 'no relation'}${rest > 0 ? ` and ${rest} more` : ''}`;
  });
  const doubt = spellDoubt(sql);
  return `the command is ${statements.join('; ') || 'no statement'}${doubt === '' ? '' : ` (${doubt})`}`;
}

/** For people: why something about it stays unknown, first what was not understood; empty where nothing does. */
export function spellDoubt(sql: Analysis | null): string {
  if (sql === null) return 'What it means was not analysed.';
  const rank = ({ code }: Reason): number => (unknownReasons[code].about === 'text' ? 0 : 1);
  const spelled = [...new Set([...sql.reasons].sort((a, b) => rank(a) - rank(b)).map(spellReason))];
  const shown = spelled.slice(0, 3);
  const rest = spelled.length - shown.length;
  return rest > 0 ? `${shown.join(' ')} And ${rest} more.` : shown.join(' ');
}

function spellReason({ code, about }: Reason): string {
  const { meaning } = unknownReasons[code];
  return about === '' ? meaning : `${meaning.slice(0, -1)}: ${escapeLine(about.slice(0, 80))}.`;
}
