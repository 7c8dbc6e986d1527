/**
 * The fields of the query language: one table, from which the parser, its errors, the suggestions and the reference are made.
 *
 * Invariant: a field either names one of `core/search.ts`, or is made of those (`compile.ts`); there is no other meaning.
 */
import type { TouchAccess, TouchKind } from '../../core/facts.ts';
import { entryTypes, type FacetField, type NumberField, type SearchSort, type TextField } from '../../core/search.ts';

interface Described {
  readonly name: string;
  /** Other names for the same. */
  readonly aliases?: readonly string[];
  /** One sentence for the reference and beside a suggestion. */
  readonly means: string;
  readonly example: string;
  /** Values that there are; `isClosed`: no others. */
  readonly values?: readonly string[];
  readonly isClosed?: true;
  /** Whose counts say which values there are. */
  readonly facet?: FacetField;
}

export type FieldDefinition = Described &
  (
    | { readonly kind: 'text'; readonly field: TextField; readonly words?: Readonly<Record<string, string>> }
    | { readonly kind: 'touch'; readonly kinds: readonly TouchKind[]; readonly accesses: readonly TouchAccess[] }
    | { readonly kind: 'number'; readonly field: NumberField; readonly unit: 'count' | 'bytes' | 'time' }
    | { readonly kind: 'time'; readonly bound: 'since' | 'until' | 'on' }
    | { readonly kind: 'part' }
    | { readonly kind: 'is' }
    | { readonly kind: 'sort' }
  );

/** How people say verdicts. */
const verdictWords: Readonly<Record<string, string>> = {
  allowed: 'allow',
  masked: 'mask',
  held: 'hold',
  blocked: 'block',
  denied: 'block',
  terminated: 'terminate',
};

export const sorts: readonly SearchSort[] = ['newest', 'oldest', 'rows', 'bytes', 'duration'];

/** What `is:` may say besides a type of entry. */
export const conditions = [
  'live',
  'uncertain',
  'failed',
  'allowed',
  'masked',
  'held',
  'blocked',
  'terminated',
] as const;
export type Condition = (typeof conditions)[number];

export { verdictWords };

export const fields: readonly FieldDefinition[] = [
  {
    name: 'who',
    aliases: ['principal'],
    kind: 'text',
    field: 'who',
    facet: 'who',
    means: 'The principal whose doing it is, by name.',
    example: 'who:ana',
  },
  {
    name: 'group',
    kind: 'text',
    field: 'group',
    means: 'A group that the principal was in at that time.',
    example: 'group:dba',
  },
  {
    name: 'agent',
    kind: 'text',
    field: 'agent',
    means: 'An agent that acted for the principal. `agent:*` is whatever any agent did.',
    example: 'agent:claude-1',
  },
  {
    name: 'resource',
    kind: 'text',
    field: 'resource',
    facet: 'resource',
    means: 'The resource it happened on, by name.',
    example: 'resource:orders',
  },
  {
    name: 'label',
    kind: 'text',
    field: 'label',
    means: 'A label of the resource at that time: `name=value`, or the name alone for any value.',
    example: 'label:env=prod',
  },
  {
    name: 'protocol',
    kind: 'text',
    field: 'protocol',
    facet: 'protocol',
    values: ['postgres', 'ssh', 'http', 'kubernetes'],
    means: 'The protocol that was spoken.',
    example: 'protocol:postgres',
  },
  {
    name: 'type',
    kind: 'text',
    field: 'type',
    facet: 'type',
    values: entryTypes,
    isClosed: true,
    means: 'What the entry is of.',
    example: 'type:review',
  },
  {
    name: 'kind',
    kind: 'text',
    field: 'kind',
    facet: 'kind',
    values: ['sql', 'shell', 'http', 'kubernetes', 'transfer', 'tool', 'connection'],
    isClosed: true,
    means: 'The kind of command.',
    example: '-kind:sql',
  },
  {
    name: 'verb',
    kind: 'text',
    field: 'verb',
    means:
      'The command’s verb as the protocol has it: `query`, `exec`, `GET`. Of a change: `created`, `updated`, `deleted`.',
    example: 'verb:exec',
  },
  {
    name: 'effect',
    kind: 'text',
    field: 'effect',
    facet: 'effect',
    values: ['read', 'insert', 'update', 'delete', 'drop', 'truncate', 'alter', 'grant', 'write', 'network'],
    means: 'What the command would do, by its meaning and in the words of its language.',
    example: 'effect:drop',
  },
  {
    name: 'verdict',
    kind: 'text',
    field: 'verdict',
    facet: 'verdict',
    words: verdictWords,
    values: ['allow', 'mask', 'hold', 'block', 'terminate'],
    isClosed: true,
    means:
      'What the rules said: `allow`, `mask`, `hold`, `block`, `terminate`; `held`, `blocked` and so on as well. What no rule restricts has none.',
    example: 'verdict:held,blocked',
  },
  {
    name: 'rule',
    kind: 'text',
    field: 'rule',
    facet: 'rule',
    means: 'The rule that decided: a Guardrail, an Access, a Detection, or the gateway’s own.',
    example: 'rule:no-drop',
  },
  {
    name: 'outcome',
    kind: 'text',
    field: 'outcome',
    values: ['completed', 'failed', 'refused', 'withdrawn', 'unfinished'],
    means: 'How it ended. Of sessions why, of reviews what was decided.',
    example: 'outcome:failed',
  },
  {
    name: 'error',
    kind: 'text',
    field: 'error',
    means: 'The code of the error: of the protocol, such as a SQLSTATE, or of the gateway.',
    example: 'error:42501',
  },
  {
    name: 'fingerprint',
    kind: 'text',
    field: 'fingerprint',
    means: 'Commands that differ in constants only share it.',
    example: 'fingerprint:3f2a9c01d4e5b677',
  },
  {
    name: 'session',
    kind: 'text',
    field: 'session',
    means: 'One session, by its id.',
    example: 'session:ses_01k9*',
  },
  {
    name: 'review',
    kind: 'text',
    field: 'review',
    means: 'One review, by its id. `review:*` is whatever was reviewed.',
    example: 'review:*',
  },
  {
    name: 'source',
    aliases: ['address'],
    kind: 'text',
    field: 'source',
    means: 'The address that it came from.',
    example: 'source:10.1.*',
  },
  {
    name: 'client',
    kind: 'text',
    field: 'client',
    means: 'What the client said of itself, by value or as `name=value`. It may say anything.',
    example: 'client:psql',
  },
  {
    name: 'gateway',
    kind: 'text',
    field: 'gateway',
    means: 'The gateway that recorded it, by id.',
    example: 'gateway:gw_*',
  },

  {
    name: 'reads',
    kind: 'touch',
    kinds: [],
    accesses: ['read'],
    facet: 'table',
    means: 'Its content came back, whole or as something computed from it: a column, a table, a file, an object.',
    example: 'reads:customers.ssn',
  },
  {
    name: 'writes',
    kind: 'touch',
    kinds: [],
    accesses: ['write', 'delete'],
    facet: 'table',
    means: 'It was written, changed or deleted.',
    example: 'writes:accounts',
  },
  {
    name: 'deletes',
    kind: 'touch',
    kinds: [],
    accesses: ['delete'],
    means: 'It was deleted, or something in it.',
    example: 'deletes:/var/log/*',
  },
  {
    name: 'steers',
    kind: 'touch',
    kinds: [],
    accesses: ['steer'],
    means: 'It decided what came back and did not come back itself: a column in a condition or an order.',
    example: 'steers:customers.ssn',
  },
  {
    name: 'copies',
    kind: 'touch',
    kinds: [],
    accesses: ['flow'],
    means: 'Its values went elsewhere than into the result: into another table, say.',
    example: 'copies:customers.ssn',
  },
  {
    name: 'touches',
    kind: 'touch',
    kinds: [],
    accesses: [],
    facet: 'table',
    means: 'It was touched in any of these ways.',
    example: 'touches:customers.ssn',
  },
  {
    name: 'table',
    kind: 'touch',
    kinds: ['table'],
    accesses: [],
    facet: 'table',
    means: 'A table, view or other relation, touched in any way.',
    example: 'table:customers',
  },
  {
    name: 'column',
    kind: 'touch',
    kinds: ['column'],
    accesses: [],
    means: 'A column, touched in any way.',
    example: 'column:customers.*',
  },
  {
    name: 'function',
    kind: 'touch',
    kinds: ['function'],
    accesses: [],
    means: 'A function that is not built in, called.',
    example: 'function:purge',
  },
  {
    name: 'path',
    kind: 'touch',
    kinds: ['path'],
    accesses: [],
    means: 'A file or folder, or the path of a request.',
    example: 'path:/etc/*',
  },
  {
    name: 'program',
    kind: 'touch',
    kinds: ['program'],
    accesses: [],
    means: 'A program that was run.',
    example: 'program:curl',
  },
  {
    name: 'host',
    kind: 'touch',
    kinds: ['host'],
    accesses: [],
    means: 'Another machine that was reached through it, with or without its port.',
    example: 'host:10.0.0.7',
  },
  {
    name: 'object',
    kind: 'touch',
    kinds: ['object'],
    accesses: [],
    means: 'An object of Kubernetes: `namespace/resource/name`, or the end of that.',
    example: 'object:shop/secrets/*',
  },
  {
    name: 'pod',
    kind: 'touch',
    kinds: ['object'],
    accesses: [],
    means: 'A pod, by name or `namespace/name`.',
    example: 'pod:shop/web-1',
  },
  {
    name: 'route',
    kind: 'touch',
    kinds: ['route'],
    accesses: [],
    means: 'A route of HTTP, with or without its method, or a method of gRPC.',
    example: 'route:"POST /v1/refunds"',
  },
  {
    name: 'operation',
    aliases: ['tool'],
    kind: 'touch',
    kinds: ['operation'],
    accesses: [],
    means: 'A field of GraphQL, a method of JSON-RPC, a tool that was called.',
    example: 'tool:delete_user',
  },

  {
    name: 'rows',
    kind: 'number',
    field: 'rows',
    unit: 'count',
    means: 'Rows that came back or were changed.',
    example: 'rows:>1000',
  },
  {
    name: 'bytes',
    kind: 'number',
    field: 'bytes',
    unit: 'bytes',
    means: 'Bytes of output that were delivered.',
    example: 'bytes:>=10MB',
  },
  {
    name: 'duration',
    kind: 'number',
    field: 'duration',
    unit: 'time',
    means: 'How long it took.',
    example: 'duration:>2s',
  },
  {
    name: 'masked',
    kind: 'number',
    field: 'masked',
    unit: 'count',
    means: 'Values that masks changed.',
    example: 'masked:>0',
  },
  {
    name: 'command',
    kind: 'number',
    field: 'command',
    unit: 'count',
    means: 'The number of the command in its session.',
    example: 'command:7',
  },

  {
    name: 'since',
    aliases: ['after'],
    kind: 'time',
    bound: 'since',
    values: ['1h', '24h', '7d', '30d', 'today', 'yesterday'],
    means: 'From then on: a while ago, a day, a month, a moment.',
    example: 'since:7d',
  },
  {
    name: 'until',
    aliases: ['before'],
    kind: 'time',
    bound: 'until',
    values: ['1h', '24h', '7d', '30d', 'today', 'yesterday'],
    means: 'Before then: of a day or a month, before it begins.',
    example: 'until:2026-11-01',
  },
  {
    name: 'on',
    aliases: ['in', 'during'],
    kind: 'time',
    bound: 'on',
    values: ['today', 'yesterday'],
    means: 'On that day, in that month or year, or from one through another.',
    example: 'on:2026-10',
  },

  {
    name: 'text',
    kind: 'part',
    means: 'A part of the text to the letter, without regard to case.',
    example: 'text:"drop table"',
  },
  {
    name: 'is',
    kind: 'is',
    values: [...entryTypes, ...conditions],
    isClosed: true,
    means:
      'A type of entry, or: live, uncertain (it may touch more than is known), failed, allowed, masked, held, blocked, terminated.',
    example: 'is:command',
  },
  {
    name: 'sort',
    kind: 'sort',
    values: sorts,
    isClosed: true,
    means: 'The order of what is found: newest first unless it says otherwise.',
    example: 'sort:rows',
  },
];

const byName = new Map<string, FieldDefinition>(
  fields.flatMap((field) => [field.name, ...(field.aliases ?? [])].map((name) => [name, field] as const)),
);

export function fieldOf(name: string): FieldDefinition | null {
  return byName.get(name.toLowerCase()) ?? null;
}

/** What a misspelled word was probably meant to be, or null. */
export function nearest(word: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least || (best === null && candidate.startsWith(word) && word.length > 1)) {
      best = candidate;
      least = Math.min(distance, least);
    }
  }
  return best;
}

/** Names that `nearest` chooses among. */
export function fieldNames(): readonly string[] {
  return [...byName.keys()];
}

function editDistance(a: string, b: string): number {
  if (a.length > 40 || b.length > 40) return 40;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + change));
    }
    row = next;
  }
  return row[b.length]!;
}
