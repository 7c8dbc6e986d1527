/**
 * Statements that are no queries: what each does and which relations it names, as a literal table.
 *
 * A row gives the kind, the effects, the fields whose relations are written, and whether what the statement contains runs
 * now or is stored for later. Statements that need more than a row have a handler in `utility.ts`; those of neither are unknown.
 */
import type { SqlEffect, StatementKind } from '../../core/sql-effects.ts';
import type { NodeType } from './grammar.ts';

export interface StatementRow {
  readonly kind: StatementKind;
  readonly effects: readonly SqlEffect[];
  /** Fields with a relation, or a list of them, that the statement writes to. */
  readonly writes: readonly string[];
  /** True when event triggers may fire, and what the statement contains is stored rather than run. */
  readonly isDefinition: boolean;
  /** Fields of a definition whose nodes run at once all the same. */
  readonly runs: readonly string[];
}

const effectsOf = (text: string): readonly SqlEffect[] => text.split(' ').filter(Boolean) as SqlEffect[];
const fieldsOf = (text: string): readonly string[] => text.split(' ').filter(Boolean);

/** Definitions of objects. */
function defines(kind: StatementKind, effects: string, writes = '', runs = ''): StatementRow {
  return { kind, effects: effectsOf(effects), writes: fieldsOf(writes), runs: fieldsOf(runs), isDefinition: true };
}

/** Everything else. */
function does(kind: StatementKind, effects: string, writes = ''): StatementRow {
  return { kind, effects: effectsOf(effects), writes: fieldsOf(writes), runs: [], isDefinition: false };
}

export const statementRows: Readonly<Partial<Record<NodeType, StatementRow>>> = {
  CreateStmt: defines('create', 'create', 'relation inhRelations', 'partbound'),
  CreateForeignTableStmt: defines('create', 'create foreign-access', '', 'base'),
  CreateSchemaStmt: defines('create', 'create', '', 'schemaElts'),
  CreateSeqStmt: defines('create', 'create', 'sequence'),
  CreateDomainStmt: defines('create', 'create'),
  CreateEnumStmt: defines('create', 'create'),
  CreateRangeStmt: defines('create', 'create'),
  CompositeTypeStmt: defines('create', 'create', 'typevar'),
  DefineStmt: defines('create', 'create'),
  CreateCastStmt: defines('create', 'create'),
  CreateConversionStmt: defines('create', 'create'),
  CreateTransformStmt: defines('create', 'create'),
  CreateOpClassStmt: defines('create', 'create'),
  CreateOpFamilyStmt: defines('create', 'create'),
  CreateAmStmt: defines('create', 'create program-execution'),
  CreateFunctionStmt: defines('create', 'create'),
  CreatePLangStmt: defines('create', 'create program-execution'),
  CreateExtensionStmt: defines('create', 'create program-execution'),
  CreateFdwStmt: defines('create', 'create program-execution'),
  CreateForeignServerStmt: defines('create', 'create foreign-access'),
  CreateUserMappingStmt: defines('create', 'create grant foreign-access'),
  ImportForeignSchemaStmt: defines('create', 'create foreign-access'),
  CreatePolicyStmt: defines('create', 'create grant', 'table'),
  CreateTrigStmt: defines('create', 'create', 'relation'),
  CreateEventTrigStmt: defines('create', 'create server-control'),
  RuleStmt: defines('create', 'create', 'relation'),
  IndexStmt: defines('create', 'create', 'relation', 'indexParams whereClause'),
  CreateStatsStmt: defines('create', 'create'),
  ViewStmt: defines('create', 'create', 'view'),
  CreatePublicationStmt: defines('create', 'create replication'),
  CreateSubscriptionStmt: defines('create', 'create replication foreign-access'),
  CreateRoleStmt: does('create', 'create grant'),
  CreatedbStmt: does('create', 'create'),
  CreateTableSpaceStmt: does('create', 'create file-access'),

  AlterTableStmt: defines('alter', 'alter', 'relation', 'cmds'),
  AlterSeqStmt: defines('alter', 'alter sequence-change', 'sequence'),
  AlterDomainStmt: defines('alter', 'alter', '', 'def'),
  AlterEnumStmt: defines('alter', 'alter'),
  AlterTypeStmt: defines('alter', 'alter'),
  AlterCollationStmt: defines('alter', 'alter'),
  AlterFunctionStmt: defines('alter', 'alter'),
  AlterOperatorStmt: defines('alter', 'alter'),
  AlterOpFamilyStmt: defines('alter', 'alter'),
  AlterExtensionContentsStmt: defines('alter', 'alter'),
  AlterExtensionStmt: defines('alter', 'alter program-execution'),
  AlterFdwStmt: defines('alter', 'alter program-execution'),
  AlterForeignServerStmt: defines('alter', 'alter foreign-access'),
  AlterUserMappingStmt: defines('alter', 'alter grant foreign-access'),
  AlterPolicyStmt: defines('alter', 'alter grant', 'table'),
  AlterEventTrigStmt: defines('alter', 'alter server-control'),
  AlterStatsStmt: defines('alter', 'alter'),
  AlterPublicationStmt: defines('alter', 'alter replication'),
  AlterSubscriptionStmt: defines('alter', 'alter replication foreign-access'),
  AlterTSDictionaryStmt: defines('alter', 'alter'),
  AlterTSConfigurationStmt: defines('alter', 'alter'),
  AlterTableMoveAllStmt: defines('alter', 'alter'),
  AlterObjectDependsStmt: defines('alter', 'alter', 'relation'),
  AlterObjectSchemaStmt: defines('alter', 'alter', 'relation'),
  AlterOwnerStmt: defines('alter', 'alter grant', 'relation'),
  AlterDefaultPrivilegesStmt: defines('grant', 'grant', '', 'action'),
  RenameStmt: defines('alter', 'alter', 'relation'),
  AlterRoleStmt: does('alter', 'alter grant'),
  AlterRoleSetStmt: defines('alter', 'alter grant'),
  AlterDatabaseStmt: does('alter', 'alter server-control'),
  AlterDatabaseSetStmt: defines('alter', 'alter server-control'),
  AlterDatabaseRefreshCollStmt: does('alter', 'alter'),
  AlterTableSpaceOptionsStmt: does('alter', 'alter'),
  AlterSystemStmt: defines('alter', 'alter server-control file-access'),

  DropOwnedStmt: defines('drop', 'drop grant'),
  DropUserMappingStmt: defines('drop', 'drop grant'),
  DropSubscriptionStmt: defines('drop', 'drop replication foreign-access'),
  DropRoleStmt: does('drop', 'drop grant'),
  DropdbStmt: does('drop', 'drop'),
  DropTableSpaceStmt: does('drop', 'drop file-access'),
  ReassignOwnedStmt: defines('alter', 'alter grant'),

  GrantRoleStmt: does('grant', 'grant'),

  ClusterStmt: does('cluster', 'maintenance', 'relation'),
  ReindexStmt: defines('reindex', 'maintenance', 'relation'),
  CheckPointStmt: does('checkpoint', 'maintenance server-control'),

  VariableShowStmt: does('show', 'read'),
  DiscardStmt: does('discard', 'session-change'),
  LoadStmt: does('load', 'program-execution file-access session-change'),
  ConstraintsSetStmt: does('constraints', 'transaction'),
  DeallocateStmt: does('deallocate', 'session-change'),
  ClosePortalStmt: does('close-cursor', 'session-change'),
  ListenStmt: does('listen', 'session-change'),
  UnlistenStmt: does('unlisten', 'session-change'),
  NotifyStmt: does('notify', 'notify'),
};
