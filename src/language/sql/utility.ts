/** Statements that are no queries: those with a row in `statements.ts`, and those about objects and rows. */

import type { StatementKind } from '../../core/sql-effects.ts';
import { type Access, expandQuery, expandTruncateCascade, useRelation } from './expand.ts';
import { noteSetting } from './expression.ts';
import { grammar } from './grammar.ts';
import type { Fields, Json } from './parser.ts';
import { relationOf, target } from './query.ts';
import type { Scope } from './scope.ts';
import { Scope as NewScope } from './scope.ts';
import { type StatementRow, statementRows } from './statements.ts';
import { type Handler, namesOf, textOf, unwrap, type Walker } from './walk.ts';

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);

/** Begins a statement: its kind, its effects, and what definitions have in common. */
export function begin(walker: Walker, row: Pick<StatementRow, 'kind' | 'effects'>, isDefinition = false): void {
  const { out } = walker;
  out.kind ??= row.kind;
  if (walker.frame.mode === 'store') return;
  if (walker.runs) out.effect(...row.effects);
  else out.obstacle('statement', row.kind);
  if (isDefinition && walker.runs && walker.frame.context.catalog?.hasEventTriggers) out.unknown('triggers', 'event');
}

function cascade(walker: Walker, fields: Fields): void {
  if (walker.runs && fields['behavior'] === 'DROP_CASCADE') walker.out.unknown('dependents');
}

/** Objects that are no relations of the catalog: their names are noted, not looked up. */
const unlisted = new Set(['OBJECT_INDEX', 'OBJECT_TYPE', 'OBJECT_ATTRIBUTE', 'REINDEX_OBJECT_INDEX']);
/** What runs the expressions of a relation over its rows. */
const rewriters = new Set(['AlterTableStmt', 'IndexStmt', 'ClusterStmt', 'ReindexStmt']);
const creators = new Set(['CreateStmt', 'CreateSeqStmt', 'ViewStmt', 'CompositeTypeStmt']);

function byRow(type: string, row: StatementRow): Handler {
  return (walker, fields, scope) => {
    begin(walker, row, row.isDefinition);
    cascade(walker, fields);
    const objectType = textOf(fields['objtype'] ?? fields['renameType'] ?? fields['kind']);
    for (const name of row.writes) {
      const isNew = (creators.has(type) && name !== 'inhRelations') || unlisted.has(objectType);
      const isRewrite = rewriters.has(type) && name !== 'inhRelations';
      writeTo(walker, type, fields, name, isNew ? 'create' : isRewrite ? 'define' : 'object');
    }
    special(walker, type, fields);
    if (!row.isDefinition) {
      walker.children(type, fields, scope, ...row.writes);
      return;
    }
    for (const name of row.runs) walker.one(type, fields, name, scope);
    walker.within({ mode: 'store' }, () => walker.children(type, fields, scope, ...row.writes, ...row.runs));
  };
}

/** The relation, or the list of relations, in a field. */
function writeTo(walker: Walker, type: string, fields: Fields, name: string, access: Access): void {
  const value = fields[name];
  if (value === undefined) return;
  if (grammar.get(type)!.get(name) === 'RangeVar') target(walker, value, access);
  else for (const item of listOf(value)) target(walker, unwrap(item, 'RangeVar') ?? {}, access);
}

/** What single statements add to their row. */
function special(walker: Walker, type: string, fields: Fields): void {
  const { out } = walker;
  if (!walker.runs) return;
  switch (type) {
    case 'CreateExtensionStmt':
    case 'AlterExtensionStmt':
    case 'CreatePLangStmt':
    case 'LoadStmt':
    case 'ImportForeignSchemaStmt':
      out.unknown('extension');
      break;
    case 'CreateFunctionStmt': {
      const language = listOf(fields['options']).find((item) => unwrap(item, 'DefElem')?.['defname'] === 'language');
      const name = textOf(unwrap(unwrap(language, 'DefElem')?.['arg'], 'String')?.['sval']).toLowerCase();
      if (name === 'c' || name === 'internal') out.effect('program-execution');
      break;
    }
    case 'RenameStmt':
    case 'AlterObjectSchemaStmt':
    case 'AlterTableStmt':
      displace(walker, type, fields);
      break;
    case 'DiscardStmt':
      if (fields['target'] === 'DISCARD_ALL') noteSetting(walker, null);
      if (fields['target'] !== 'DISCARD_PLANS') out.effect('drop');
      break;
    case 'DeallocateStmt':
    case 'ClosePortalStmt':
      out.sessionDependent = true;
      break;
    case 'DropOwnedStmt':
      out.unknown('dependents');
      break;
  }
}

/** Notes what a statement renames, moves or takes away: rules go by names. */
function displace(
  { out }: Walker,
  type: 'RenameStmt' | 'AlterObjectSchemaStmt' | 'AlterTableStmt',
  fields: Fields,
): void {
  const { schema, name: relation } = relationOf((fields['relation'] ?? {}) as Fields);
  const objectType = textOf(fields['renameType'] ?? fields['objectType'] ?? fields['objtype']);
  const named = { schema, relation, column: null };
  if (type === 'AlterTableStmt') {
    for (const item of listOf(fields['cmds'])) {
      const command = unwrap(item, 'AlterTableCmd');
      if (command?.['subtype'] !== 'AT_DropColumn') continue;
      out.displaced.push({ ...named, column: textOf(command['name']), becomes: null });
    }
  } else if (type === 'AlterObjectSchemaStmt') {
    if (relationTypes.has(objectType)) {
      out.displaced.push({ ...named, becomes: { schema: textOf(fields['newschema']) } });
    }
  } else {
    const [was, becomes] = [textOf(fields['subname']), textOf(fields['newname'])];
    if (objectType === 'OBJECT_COLUMN') out.displaced.push({ ...named, column: was, becomes: { column: becomes } });
    else if (relationTypes.has(objectType)) out.displaced.push({ ...named, becomes: { relation: becomes } });
    else if (objectType === 'OBJECT_SCHEMA') {
      out.displaced.push({ schema: was, relation: null, column: null, becomes: { schema: becomes } });
    }
  }
}

/** Statements about an object that is named by a list of strings. */
const relationTypes = new Set(
  'OBJECT_TABLE OBJECT_VIEW OBJECT_MATVIEW OBJECT_FOREIGN_TABLE OBJECT_SEQUENCE'.split(' '),
);
/** Parts of a relation: the last string is theirs. */
const partTypes = new Set('OBJECT_COLUMN OBJECT_TRIGGER OBJECT_RULE OBJECT_POLICY OBJECT_TABCONSTRAINT'.split(' '));

function nameObject(walker: Walker, objectType: string, object: Json | undefined, access: 'object' | 'drop'): void {
  if (!relationTypes.has(objectType) && !partTypes.has(objectType)) return;
  const names = namesOf(unwrap(object, 'List')?.['items']);
  const isPart = partTypes.has(objectType);
  if (isPart) names.pop();
  const name = names.at(-1) ?? '';
  useRelation(
    walker,
    { schema: names.length > 1 ? names.at(-2)! : null, name, inherits: false },
    isPart ? 'object' : access,
  );
}

const dropStmt: Handler = (walker, fields, scope) => {
  begin(walker, { kind: 'drop', effects: ['drop'] }, true);
  cascade(walker, fields);
  const removeType = textOf(fields['removeType']);
  for (const object of listOf(fields['objects'])) {
    nameObject(walker, removeType, object, 'drop');
    if (!walker.runs) continue;
    const names = namesOf(unwrap(object, 'List')?.['items']);
    const gone = { column: null, becomes: null };
    if (relationTypes.has(removeType)) {
      walker.out.displaced.push({ schema: names.at(-2) ?? null, relation: names.at(-1) ?? '', ...gone });
    } else if (removeType === 'OBJECT_SCHEMA') {
      walker.out.displaced.push({ schema: textOf(unwrap(object, 'String')?.['sval']), relation: null, ...gone });
    }
  }
  walker.within({ mode: 'store' }, () => walker.children('DropStmt', fields, scope));
};

function describing(type: 'CommentStmt' | 'SecLabelStmt', row: Pick<StatementRow, 'kind' | 'effects'>): Handler {
  return (walker, fields, scope) => {
    begin(walker, row, true);
    nameObject(walker, textOf(fields['objtype']), fields['object'], 'object');
    walker.within({ mode: 'store' }, () => walker.children(type, fields, scope));
  };
}

const grantStmt: Handler = (walker, fields, scope) => {
  begin(walker, { kind: fields['is_grant'] === true ? 'grant' : 'revoke', effects: ['grant'] }, true);
  cascade(walker, fields);
  for (const object of listOf(fields['objects'])) {
    const relation = unwrap(object, 'RangeVar');
    if (relation !== null) target(walker, relation, 'object');
  }
  walker.within({ mode: 'store' }, () => walker.children('GrantStmt', fields, scope, 'objects'));
  for (const object of listOf(fields['objects'])) {
    if (unwrap(object, 'RangeVar') === null) walker.within({ mode: 'store' }, () => walker.walk(object, scope));
  }
};

const truncateStmt: Handler = (walker, fields, scope) => {
  begin(walker, { kind: 'truncate', effects: ['truncate'] });
  if (fields['restart_seqs'] === true && walker.runs) walker.out.effect('sequence-change');
  for (const item of listOf(fields['relations'])) {
    const relation = unwrap(item, 'RangeVar') ?? {};
    target(walker, relation, 'truncate').columns = null;
    if (fields['behavior'] === 'DROP_CASCADE') expandTruncateCascade(walker, relationOf(relation));
  }
  walker.children('TruncateStmt', fields, scope, 'relations');
};

const lockStmt: Handler = (walker, fields, scope) => {
  begin(walker, { kind: 'lock', effects: ['lock'] });
  for (const item of listOf(fields['relations'])) target(walker, unwrap(item, 'RangeVar') ?? {}, 'name');
  walker.children('LockStmt', fields, scope, 'relations');
};

const refresh: Handler = (walker, fields, scope) => {
  begin(walker, { kind: 'refresh', effects: ['maintenance', 'read'] }, true);
  const relation = (fields['relation'] ?? {}) as Fields;
  target(walker, relation, 'define');
  expandQuery(walker, relationOf(relation));
  walker.children('RefreshMatViewStmt', fields, scope, 'relation');
};

const vacuum: Handler = (walker, fields, scope) => {
  const kind = fields['is_vacuumcmd'] === true ? 'vacuum' : 'analyse';
  begin(walker, { kind, effects: ['maintenance'] });
  // Without a list every table is meant, with the expressions of its indexes.
  if (fields['rels'] === undefined && walker.runs) walker.out.unknown('dependents', 'all tables');
  for (const item of listOf(fields['rels'])) {
    const rel = unwrap(item, 'VacuumRelation');
    if (rel?.['relation'] !== undefined) target(walker, rel['relation'], 'define');
    else walker.walk(item, scope);
  }
  walker.children('VacuumStmt', fields, scope, 'rels');
};

const variableSet: Handler = (walker, fields, scope) => {
  const kind = textOf(fields['kind']);
  const name = textOf(fields['name']).toLowerCase();
  begin(walker, { kind: kind.startsWith('VAR_RESET') ? 'reset' : 'set', effects: ['session-change'] });
  if (walker.runs) {
    // RESET ALL leaves the role as it is.
    if (kind === 'VAR_RESET_ALL') walker.out.settings.add('*');
    else if (kind === 'VAR_SET_MULTI') walker.out.effect('transaction');
    else noteSetting(walker, name);
  }
  walker.children('VariableSetStmt', fields, scope);
};

const transactionKinds: Readonly<Record<string, StatementKind>> = {
  TRANS_STMT_BEGIN: 'begin',
  TRANS_STMT_START: 'begin',
  TRANS_STMT_COMMIT: 'commit',
  TRANS_STMT_ROLLBACK: 'rollback',
  TRANS_STMT_SAVEPOINT: 'savepoint',
  TRANS_STMT_RELEASE: 'savepoint',
  TRANS_STMT_ROLLBACK_TO: 'rollback-to',
  TRANS_STMT_PREPARE: 'prepare-transaction',
  TRANS_STMT_COMMIT_PREPARED: 'commit-prepared',
  TRANS_STMT_ROLLBACK_PREPARED: 'rollback-prepared',
};

const transaction: Handler = (walker, fields, scope) => {
  const kind = transactionKinds[textOf(fields['kind'])];
  if (kind === undefined) walker.out.unknown('unknown-node', 'TransactionStmt');
  begin(walker, { kind: kind ?? 'unknown', effects: ['transaction'] });
  walker.children('TransactionStmt', fields, scope);
};

const doStmt: Handler = (walker, fields, scope) => {
  begin(walker, { kind: 'do', effects: ['procedural'] });
  if (walker.frame.mode !== 'store') walker.out.unknown('dynamic-code');
  walker.children('DoStmt', fields, scope);
};

const callStmt: Handler = (walker, fields, scope) => {
  begin(walker, { kind: 'call', effects: ['procedural'] });
  const call = fields['funccall'] as Fields | undefined;
  if (walker.frame.mode !== 'store') walker.out.unknown('procedure-unread', namesOf(call?.['funcname']).join('.'));
  // The procedure itself is no function; its arguments are expressions.
  if (call !== undefined) walker.children('FuncCall', call, scope, 'funcname');
  walker.children('CallStmt', fields, scope, 'funccall');
};

/** Constraints: the referenced table of a foreign key gets triggers. */
const constraint: Handler = (walker, fields, scope) => {
  if (fields['pktable'] !== undefined) {
    // CREATE TABLE stores its columns, yet this takes place at once.
    const stored = walker.frame.mode === 'store';
    walker.within(stored ? { mode: 'run' } : {}, () => target(walker, fields['pktable'], 'object'));
  }
  walker.children('Constraint', fields, scope, 'pktable');
};

/** Parts of ALTER TABLE that decide who may see or change what. */
const rightsCommands = new Set(
  'AT_ChangeOwner AT_EnableRowSecurity AT_DisableRowSecurity AT_ForceRowSecurity AT_NoForceRowSecurity'.split(' '),
);

const alterTableCmd: Handler = (walker, fields, scope) => {
  cascade(walker, fields);
  if (walker.runs && rightsCommands.has(textOf(fields['subtype']))) walker.out.effect('grant');
  const def = unwrap(fields['def'], 'RangeVar');
  if (def !== null) {
    target(walker, def, 'define');
    walker.children('AlterTableCmd', fields, scope, 'def');
  } else {
    walker.children('AlterTableCmd', fields, scope);
  }
};

const partitionCmd: Handler = (walker, fields, scope: Scope) => {
  if (fields['name'] !== undefined) target(walker, fields['name'], 'define');
  walker.children('PartitionCmd', fields, scope, 'name');
};

/** Relations that only have names here: what SELECT … FOR UPDATE OF lists, for one. */
const tableLike: Handler = (walker, fields) => {
  target(walker, fields['relation'], 'name');
  walker.children('TableLikeClause', fields, new NewScope(null), 'relation');
};

export const utilityHandlers: readonly (readonly [string, Handler])[] = [
  ...Object.entries(statementRows).map(([type, row]) => [type, byRow(type, row)] as const),
  ['DropStmt', dropStmt],
  ['CommentStmt', describing('CommentStmt', { kind: 'comment', effects: ['alter'] })],
  ['SecLabelStmt', describing('SecLabelStmt', { kind: 'alter', effects: ['alter', 'grant'] })],
  ['GrantStmt', grantStmt],
  ['TruncateStmt', truncateStmt],
  ['LockStmt', lockStmt],
  ['RefreshMatViewStmt', refresh],
  ['VacuumStmt', vacuum],
  ['VariableSetStmt', variableSet],
  ['TransactionStmt', transaction],
  ['DoStmt', doStmt],
  ['CallStmt', callStmt],
  ['Constraint', constraint],
  ['AlterTableCmd', alterTableCmd],
  ['PartitionCmd', partitionCmd],
  ['TableLikeClause', tableLike],
];
