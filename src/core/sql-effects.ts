/**
 * What a statement can do, what kind it is, and why something about it stays unknown: the closed unions that rules are
 * written against, each member with one line of meaning. Rules, the console and the reference read these tables.
 */

export const sqlEffects = {
  read: 'Rows, settings or files are read and returned or used.',
  insert: 'Rows are added.',
  update: 'Rows are changed.',
  'update-all': 'Rows are changed without a condition that restricts which, as far as can be told.',
  delete: 'Rows are removed.',
  'delete-all': 'Rows are removed without a condition that restricts which, as far as can be told.',
  truncate: 'A table is emptied.',
  create: 'An object comes into being.',
  alter: 'An object changes.',
  drop: 'An object is removed.',
  grant: 'Rights, roles, owners or policies change.',
  'copy-in': 'Rows come from the client or a file through COPY.',
  'copy-out': 'Rows go to the client or a file through COPY.',
  'program-execution': 'The server runs a program or loads code.',
  'file-access': 'The server reads or writes files.',
  'foreign-access': 'Another server is reached.',
  'large-object': 'Large objects are read or changed.',
  'sequence-change': 'A sequence moves.',
  'session-change': 'Settings, prepared statements, cursors or subscriptions of the session change.',
  'role-change': 'The role under which later statements run changes.',
  transaction: 'A transaction, savepoint or prepared transaction begins or ends, or gets its id.',
  procedural: 'Code in a procedural language runs.',
  notify: 'A notification is sent to other sessions.',
  lock: 'Rows, tables or advisory keys are locked.',
  maintenance: 'Storage, statistics or materialised contents are rewritten.',
  'server-control': 'Other sessions or the whole server are affected.',
  replication: 'Replication slots, origins, publications or subscriptions are used or changed.',
  unknown: 'Anything: some code that runs was not read.',
} as const;

export type SqlEffect = keyof typeof sqlEffects;

export const statementKinds = [
  'select',
  'values',
  'select-into',
  'insert',
  'update',
  'delete',
  'merge',
  'copy-in',
  'copy-out',
  'create',
  'create-table-as',
  'alter',
  'drop',
  'truncate',
  'comment',
  'grant',
  'revoke',
  'refresh',
  'set',
  'reset',
  'show',
  'discard',
  'load',
  'begin',
  'commit',
  'rollback',
  'savepoint',
  'rollback-to',
  'prepare-transaction',
  'commit-prepared',
  'rollback-prepared',
  'lock',
  'constraints',
  'prepare',
  'execute',
  'deallocate',
  'declare-cursor',
  'fetch',
  'close-cursor',
  'explain',
  'explain-analyse',
  'listen',
  'unlisten',
  'notify',
  'call',
  'do',
  'vacuum',
  'analyse',
  'cluster',
  'reindex',
  'checkpoint',
  'unknown',
] as const;

export type StatementKind = (typeof statementKinds)[number];

/**
 * Why something stays unknown. `text`: the statement itself was not understood. `hidden`: it was, but what stands behind
 * a name was not read. `opaque` reasons also add the effect `unknown`: code runs that nobody read.
 */
export const unknownReasons = {
  unparsed: { about: 'text', opaque: true, meaning: 'The text is no SQL that PostgreSQL 18 accepts.' },
  'too-large': { about: 'text', opaque: true, meaning: 'The text is longer than is judged.' },
  'too-deep': { about: 'text', opaque: true, meaning: 'The statement nests too deeply.' },
  'too-complex': { about: 'text', opaque: true, meaning: 'The statement expands to too much.' },
  'invalid-text': { about: 'text', opaque: true, meaning: 'The text has a zero byte or is not valid UTF-8.' },
  'client-encoding': { about: 'text', opaque: true, meaning: 'The client encoding is not UTF-8.' },
  'backslash-strings': {
    about: 'text',
    opaque: true,
    meaning: 'A backslash, and standard_conforming_strings may be off.',
  },
  'parser-unavailable': { about: 'text', opaque: true, meaning: 'The parser is being replaced after a failure.' },
  'unknown-node': { about: 'text', opaque: true, meaning: 'The grammar has something here that nobody has mapped.' },
  'dynamic-code': { about: 'text', opaque: true, meaning: 'A block of procedural code runs.' },
  'dynamic-sql': {
    about: 'text',
    opaque: true,
    meaning: 'A built-in function runs SQL or code that its arguments name.',
  },
  'prepared-unknown': { about: 'text', opaque: true, meaning: 'The prepared statement is not known.' },
  'cursor-unknown': { about: 'text', opaque: true, meaning: 'The cursor is not known.' },
  'no-catalog': {
    about: 'hidden',
    opaque: false,
    meaning: 'Nothing is known of what the database has behind its names.',
  },
  'context-changed': {
    about: 'hidden',
    opaque: false,
    meaning: 'An earlier statement of the same text changed what names mean.',
  },
  'relation-unresolved': {
    about: 'hidden',
    opaque: true,
    meaning: 'Rows are read from or written to a relation that the catalog does not have.',
  },
  'relation-missing': { about: 'hidden', opaque: false, meaning: 'The catalog has no such relation to change.' },
  'relation-ambiguous': {
    about: 'hidden',
    opaque: false,
    meaning: 'The name may mean several relations, or a temporary one.',
  },
  'function-unread': { about: 'hidden', opaque: true, meaning: 'A function that is not built in is called.' },
  'function-unresolved': { about: 'hidden', opaque: true, meaning: 'A function is called that is not known.' },
  'function-unlisted': {
    about: 'hidden',
    opaque: true,
    meaning: 'A volatile built-in function is called that nobody has classified.',
  },
  'procedure-unread': { about: 'hidden', opaque: true, meaning: 'A procedure is called.' },
  'operator-unread': { about: 'hidden', opaque: true, meaning: 'An operator may not be the built-in one.' },
  'operator-native': { about: 'hidden', opaque: false, meaning: 'An operator may be an extension’s, written in C.' },
  'type-unread': { about: 'hidden', opaque: true, meaning: 'A type that is not built in checks or converts values.' },
  'cast-unread': {
    about: 'hidden',
    opaque: true,
    meaning: 'The database has casts of its own between built-in types.',
  },
  triggers: {
    about: 'hidden',
    opaque: true,
    meaning: 'Triggers fire on a relation that is written, or on the definition of objects.',
  },
  rules: { about: 'hidden', opaque: true, meaning: 'Rules rewrite what is done to a relation.' },
  'row-security': { about: 'hidden', opaque: true, meaning: 'Row security policies run on a relation.' },
  'foreign-table': { about: 'hidden', opaque: true, meaning: 'A foreign table is reached through its wrapper.' },
  'view-unread': { about: 'hidden', opaque: true, meaning: 'A view or expression could not be followed to its end.' },
  dependents: { about: 'hidden', opaque: false, meaning: 'CASCADE reaches objects that were not looked up.' },
  extension: { about: 'hidden', opaque: true, meaning: 'An extension’s script or a library runs.' },
} as const satisfies Readonly<Record<string, { about: 'text' | 'hidden'; opaque: boolean; meaning: string }>>;

export type UnknownReason = keyof typeof unknownReasons;

/** Whether a condition restricts the rows that UPDATE, DELETE or MERGE reach. */
export type WhereState =
  /** There is none. */
  | 'missing'
  /** It is true for every row. */
  | 'always-true'
  /** It may be true for every row: it does not depend on the row, or only on its being not null. */
  | 'may-be-always-true'
  /** It depends on the row. It may still be true for all of them. */
  | 'restricts';
