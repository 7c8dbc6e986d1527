/** The kinds of objects on the command line: reading the word, and the columns of each kind's table. */
import { kindOfWord, type ManifestKind, type ManifestView, manifestKinds } from '../api/contract/index.ts';
import { usage } from './errors.ts';
import type { TableColumn } from './output/table.ts';

/** The kind that a word names in any case, singular or plural. Throws `cli.usage`. */
export function kindOf(word: string): ManifestKind {
  const kind = kindOfWord(word);
  if (kind === null) throw usage(`There is no kind ${word}.`, `Take one of: ${manifestKinds.join(', ')}.`);
  return kind;
}

interface KindTable {
  readonly columns: readonly TableColumn[];
  row(object: ManifestView): readonly string[];
}

const name: TableColumn = { title: 'NAME' };
const wide = 48;

/** Answers come from the gateway and may be of a later version: everything in `spec` is read with care. */
export const kindTables: Readonly<Record<ManifestKind, KindTable>> = {
  Resource: {
    columns: [
      name,
      { title: 'PROTOCOL' },
      { title: 'ADDRESS' },
      { title: 'RECORDING' },
      { title: 'LABELS', widest: wide },
    ],
    row: ({ metadata, spec }) => [
      metadata.name,
      text(spec['protocol']),
      text(spec['address']),
      text(spec['recording']),
      pairs(metadata.labels),
    ],
  },
  Access: {
    columns: [name, { title: 'WHO', widest: wide }, { title: 'WHAT', widest: wide }, { title: 'HOW', widest: wide }],
    row: ({ metadata, spec }) => {
      const match = record(spec['match']);
      const who = record(match['principals']);
      const what = record(match['resources']);
      const except = record(who['except']);
      const left = [
        list('', who['names']),
        list('group ', who['groups']),
        list('not ', except['names']),
        list('not group ', except['groups']),
      ];
      const request = record(spec['request']);
      const how = spec['request'] === undefined ? 'standing' : `on request, up to ${text(request['maxDuration'])}`;
      return [metadata.name, join(left), join([list('', what['names']), pairs(record(what['labels']))]), how];
    },
  },
  CertificateAuthority: {
    columns: [name, { title: 'KEYS' }, { title: 'WHO', widest: wide }],
    row: ({ metadata, spec }) => {
      const keys = [spec['keys'], spec['certificates']].flatMap((list) => (Array.isArray(list) ? list : []));
      return [metadata.name, String(keys.length), whoOf({ principals: spec['principals'] })];
    },
  },
  Lock: {
    columns: [name, { title: 'TARGET', widest: wide }, { title: 'REASON', widest: wide, spare: 1 }, { title: 'UNTIL' }],
    row: ({ metadata, spec }) => {
      const [[kind, target] = ['', '']] = Object.entries(spec['target'] ?? {});
      return [metadata.name, `${kind} ${text(target)}`, text(spec['reason']), text(spec['until'])];
    },
  },
  Retention: {
    columns: [
      name,
      { title: 'OF' },
      { title: 'KEEP' },
      { title: 'WHERE', widest: wide },
      { title: 'KINDS', widest: wide },
    ],
    row: ({ metadata, spec }) => {
      const match = record(spec['match']);
      return [metadata.name, text(spec['of']), text(spec['keep']), whereOf(match), list('', match['kinds']) || 'all'];
    },
  },
  LegalHold: {
    columns: [
      name,
      { title: 'WHO', widest: wide },
      { title: 'WHERE', widest: wide },
      { title: 'SINCE' },
      { title: 'REASON', widest: wide, spare: 1 },
    ],
    row: ({ metadata, spec }) => {
      const match = record(spec['match']);
      const where = join([list('', match['sessions']), whereOf(match)]);
      return [metadata.name, whoOf(match), where, text(spec['since']), text(spec['reason'])];
    },
  },
  Detection: {
    columns: [
      name,
      { title: 'SEVERITY' },
      { title: 'MODE' },
      { title: 'WHAT', widest: 64 },
      { title: 'DOES', widest: wide, spare: 1 },
    ],
    row: ({ metadata, spec }) => {
      const does = Array.isArray(spec['respond']) ? spec['respond'].map((one) => text(record(one)['do'])) : [];
      const what =
        text(spec['detector']) || text(spec['description']) || Object.keys(record(spec['select'])).join(', ');
      return [metadata.name, text(spec['severity']), text(spec['mode']) || 'on', what, join(does)];
    },
  },
  Search: {
    columns: [name, { title: 'QUERY', widest: 64 }, { title: 'FOR' }, { title: 'DESCRIPTION', widest: wide, spare: 1 }],
    row: ({ metadata, spec }) => [
      metadata.name,
      text(spec['query']),
      spec['members'] === true ? 'members too' : 'auditors',
      text(spec['description']),
    ],
  },
  Sink: {
    columns: [
      name,
      { title: 'TO', widest: wide },
      { title: 'FORMAT' },
      { title: 'EVENTS', widest: wide },
      { title: 'STATE' },
      { title: 'DESCRIPTION', widest: wide, spare: 1 },
    ],
    row: ({ metadata, spec }) => [
      metadata.name,
      Object.keys(record(spec['to'])).join(', '),
      text(spec['format']),
      list('', spec['events']),
      spec['enabled'] === false ? 'off' : 'on',
      text(spec['description']),
    ],
  },
  IdentityProvider: {
    columns: [name, { title: 'TYPE' }, { title: 'ISSUER', widest: wide }],
    row: ({ metadata, spec }) => [metadata.name, text(spec['type']), text(spec['issuer'])],
  },
  Guardrail: {
    columns: [
      name,
      { title: 'VERDICT' },
      { title: 'WHAT', widest: wide },
      { title: 'WHO', widest: wide },
      { title: 'WHERE', widest: wide },
    ],
    row: ({ metadata, spec }) => {
      const match = record(spec['match']);
      return [metadata.name, text(spec['verdict']), commandsOf(match, spec['limits']), whoOf(match), whereOf(match)];
    },
  },
  Mask: {
    columns: [
      name,
      { title: 'WHAT', widest: 64 },
      { title: 'HOW' },
      { title: 'WHO', widest: wide },
      { title: 'WHERE', widest: wide },
    ],
    row: ({ metadata, spec }) => {
      const match = record(spec['match']);
      const named = (value: unknown): string =>
        Array.isArray(value) ? value.map((entry) => text(record(entry)['name'])).join(', ') : '';
      const what = [list('', spec['columns']), list('', spec['detect']), named(spec['patterns'])];
      const how = typeof spec['with'] === 'object' ? 'partial' : text(spec['with'] ?? 'redact');
      return [metadata.name, join([...what, named(spec['dictionaries'])]), how, whoOf(match), whereOf(match)];
    },
  },
  Group: {
    columns: [name, { title: 'MEMBERS', widest: 64 }, { title: 'DESCRIPTION', widest: wide }],
    row: ({ metadata, spec }) => [metadata.name, list('', spec['members']), text(spec['description'])],
  },
  Principal: {
    columns: [name, { title: 'KIND' }, { title: 'ROLES' }, { title: 'DISPLAY NAME', widest: wide }, { title: 'STATE' }],
    row: ({ metadata, spec }) => [
      metadata.name,
      text(spec['kind']),
      list('', spec['roles']),
      text(spec['displayName']),
      spec['disabled'] === true ? 'disabled' : 'active',
    ],
  },
};

/** What a guardrail matches, in a few words. */
function commandsOf(match: Readonly<Record<string, unknown>>, limits: unknown): string {
  const commands = record(match['commands']);
  const sql = record(commands['sql']);
  const shown = [
    list('', sql['effects']),
    list('', sql['statements']),
    list('on ', sql['relations']),
    list('calls ', sql['functions']),
    sql['incomplete'] === true ? 'what stays unknown' : '',
    sql['rowsMin'] === undefined ? '' : `${text(sql['rowsMin'])} rows or more`,
    list('', commands['verbs']),
    list('text ', commands['text']),
    commands['pattern'] === undefined ? '' : 'a pattern',
    match['when'] === undefined ? '' : 'a condition',
    limits === undefined ? '' : 'what passes its limits',
  ];
  return join(shown) || 'everything';
}

function whoOf(match: Readonly<Record<string, unknown>>): string {
  const who = record(match['principals']);
  const except = record(who['except']);
  const shown = [
    list('', who['names']),
    list('group ', who['groups']),
    list('', who['kinds']),
    list('not ', except['names']),
    list('not group ', except['groups']),
  ];
  return join(shown) || 'everybody';
}

function whereOf(match: Readonly<Record<string, unknown>>): string {
  const where = record(match['resources']);
  return join([list('', where['names']), pairs(record(where['labels'])), list('', where['protocols'])]) || 'everywhere';
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function list(prefix: string, value: unknown): string {
  return Array.isArray(value) ? value.map((entry) => prefix + text(entry)).join(', ') : '';
}

function pairs(value: Readonly<Record<string, unknown>> | undefined): string {
  return Object.entries(value ?? {})
    .map(([key, entry]) => `${key}=${text(entry)}`)
    .join(', ');
}

function join(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(', ');
}
