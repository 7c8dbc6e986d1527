/**
 * What may stand at a place in a query that is being written: fields, values, operators.
 *
 * Pure: which names there are (of people, resources, tables) is looked up by whoever asks, by `facet`.
 */
import type { FacetField } from '../../core/search.ts';
import { fieldOf, fields } from './fields.ts';
import { quote } from './print.ts';

export interface Suggestion {
  /** What to put in the place. */
  readonly text: string;
  readonly means: string;
}

export interface Suggestions {
  /** What is replaced: from, to before. */
  readonly from: number;
  readonly to: number;
  /** What has been written of it. */
  readonly begun: string;
  readonly found: readonly Suggestion[];
  /** Values to look up, where they are names: those that begin with `begun`. */
  readonly facet: FacetField | null;
}

export function suggest(text: string, cursor: number): Suggestions {
  const before = text.slice(0, cursor);
  const start = startOfTerm(before);
  const term = before.slice(start);
  const bare = term.replace(/^[-(]+/, '');
  const from = start + term.length - bare.length;
  const value = /^([A-Za-z][A-Za-z-]*):((?:[^,]*,)*)([^,]*)$/.exec(bare);
  if (value === null) {
    const begun = bare.toLowerCase();
    const found = fields
      .filter(({ name, aliases = [] }) => [name, ...aliases].some((one) => one.startsWith(begun)))
      .map(({ name, means, example }) => ({ text: `${name}:`, means: `${means} ${example}` }));
    const operators = ['or', 'not'].filter((word) => begun !== '' && word.startsWith(begun));
    return {
      from,
      to: cursor,
      begun: bare,
      found: [...found, ...operators.map((word) => ({ text: word, means: 'operator' }))],
      facet: null,
    };
  }
  const [, name = '', , begun = ''] = value;
  const field = fieldOf(name);
  const at = cursor - begun.length;
  if (field === null) return { from: at, to: cursor, begun, found: [], facet: null };
  const values = field.values ?? (field.kind === 'number' ? [field.example.slice(name.length + 1)] : []);
  return {
    from: at,
    to: cursor,
    begun,
    found: values.filter((one) => one.startsWith(begun.toLowerCase())).map((one) => suggested(one, field.means)),
    facet: field.isClosed === true ? null : (field.facet ?? null),
  };
}

export function suggested(value: string, means: string): Suggestion {
  return { text: /^[^\s,()"“”„]+$/.test(value) ? value : quote(value), means };
}

/** Where the term begins that the cursor stands in: behind the last space that stands in no quotes. */
function startOfTerm(before: string): number {
  let start = 0;
  let isQuoted = false;
  for (let index = 0; index < before.length; index++) {
    const character = before[index]!;
    if (character === '\\' && isQuoted) index++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && /\s/.test(character)) start = index + 1;
  }
  return start;
}
