/**
 * A query as text, and what clicks change in it: terms are found, added and taken out, the rest stays as it was typed.
 *
 * Invariants: pure; the text is the only state; what a click adds holds for the whole query, whatever is in it. The spelling is that of
 * docs/learn/search.md; whether a query can be read says the gateway.
 */

export interface Term {
  readonly at: number;
  readonly end: number;
  readonly isNot: boolean;
  /** In small letters; null: words. */
  readonly field: string | null;
  readonly values: readonly string[];
  /** In brackets, or beside an `or`. */
  readonly isInner: boolean;
}

const quotes = '"“”„';
const aliases: Readonly<Record<string, string>> = {
  principal: 'who',
  address: 'source',
  tool: 'operation',
  after: 'since',
  before: 'until',
  in: 'on',
  during: 'on',
};
const times: ReadonlySet<string> = new Set(['since', 'until', 'on']);

function quotedEnd(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === '\\') end++;
    else if (quotes.includes(text[end]!)) return end + 1;
  }
  return text.length;
}

function unquoted(text: string): string {
  return quotes.includes(text[0] ?? ' ') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}

/** From a value's beginning to behind its end. */
function valueEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && /[<>=]/.test(text[end]!)) end++;
  if (quotes.includes(text[end] ?? ' ')) return quotedEnd(text, end);
  while (end < text.length && !/[\s,()]/.test(text[end]!) && !quotes.includes(text[end]!)) end++;
  return end;
}

function fieldAt(
  text: string,
  at: number,
): { readonly field: string; readonly values: string[]; readonly end: number } | null {
  const name = /^[A-Za-z][A-Za-z-]*(?=[:<>])/.exec(text.slice(at, at + 40))?.[0];
  if (name === undefined) return null;
  const values: string[] = [];
  let end = at + name.length + (text[at + name.length] === ':' ? 1 : 0);
  for (;;) {
    const from = end;
    end = valueEnd(text, from);
    values.push(unquoted(text.slice(from, end)));
    if (text[end] !== ',' || end === from) break;
    end++;
  }
  const lower = name.toLowerCase();
  return { field: aliases[lower] ?? lower, values, end };
}

/** Every term of a text, as far as it can be told apart. */
export function termsOf(text: string): readonly Term[] {
  const terms: Term[] = [];
  let depth = 0;
  let hasOr = false;
  for (let at = 0; at < text.length; ) {
    const character = text[at]!;
    if (/\s/.test(character)) at++;
    else if (character === '(' || character === ')') {
      depth += character === '(' ? 1 : -1;
      at++;
    } else {
      const isNot = character === '-' && at + 1 < text.length;
      const from = at + (isNot ? 1 : 0);
      const field = fieldAt(text, from);
      let end = field?.end ?? (quotes.includes(text[from]!) ? quotedEnd(text, from) : from);
      if (field === null) while (end < text.length && !/[\s()]/.test(text[end]!)) end++;
      const words = text.slice(from, end);
      if (field === null && words.toLowerCase() === 'or') hasOr ||= depth === 0;
      else if (end > from) {
        const { field: name, values } = field ?? { field: null, values: [unquoted(words)] };
        terms.push({ at, end, isNot, field: name, values, isInner: depth > 0 });
      }
      at = Math.max(end, at + 1);
    }
  }
  return hasOr ? terms.map((term) => ({ ...term, isInner: true })) : terms;
}

/** A value as it stands in a query. */
export function spell(value: string): string {
  return /^[^\s,()"“”„<>=\\]+$/.test(value) ? value : `"${value.replace(/[\\"“”„]/g, '\\$&')}"`;
}

/** Without what stands between two places. */
export function without(text: string, { at, end }: { readonly at: number; readonly end: number }): string {
  return `${text.slice(0, at).trimEnd()} ${text.slice(end).trimStart()}`.trim();
}

/** Whether an `or` stands in no brackets and no quotes. */
function hasOuterOr(text: string): boolean {
  const words = termsOf(`${text} (x)`);
  return words.every(({ isInner }) => isInner) && /\bor\b/i.test(text) && !isAllBracketed(text);
}

function isAllBracketed(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (quotes.includes(text[at]!)) at = quotedEnd(text, at) - 1;
    else if (text[at] === '(') depth++;
    else if (text[at] === ')') depth--;
    else if (depth === 0 && !/\s/.test(text[at]!)) return false;
  }
  return true;
}

/** With another term, which holds for the whole. */
export function withTerm(text: string, term: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return term;
  return hasOuterOr(trimmed) ? `(${trimmed}) ${term}` : `${trimmed} ${term}`;
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function findTerm(text: string, field: string, value: string): Term | undefined {
  return termsOf(text).find(
    (term) => !term.isInner && term.field === field && term.values.length === 1 && same(term.values[0]!, value),
  );
}

/** Whether a value is asked for, or left out, by a term of its own. */
export function chosen(text: string, field: string, value: string): 'in' | 'out' | null {
  const term = findTerm(text, field, value);
  return term === undefined ? null : term.isNot ? 'out' : 'in';
}

/** Takes a term out where it stands, else puts it in. */
export function toggled(text: string, field: string, value: string, isNot = false): string {
  const term = findTerm(text, field, value);
  const rest = term === undefined ? text : without(text, term);
  if (term !== undefined && term.isNot === isNot) return rest;
  return withTerm(rest, `${isNot ? '-' : ''}${field}:${spell(value)}`);
}

function dropped(text: string, isGone: (term: Term) => boolean): string {
  const term = termsOf(text).findLast((one) => !one.isInner && isGone(one));
  return term === undefined ? text : dropped(without(text, term), isGone);
}

/** With the time that is asked for replaced: `since:7d`, `on:2026-10`; null: any. */
export function withTime(text: string, time: string | null): string {
  const rest = dropped(text, ({ field }) => field !== null && times.has(field));
  return time === null ? rest : withTerm(rest, time);
}

/** The terms that say when, as they stand. */
export function timeOf(text: string): string {
  return termsOf(text)
    .filter(({ field, isNot }) => !isNot && field !== null && times.has(field))
    .map(({ field, values }) => `${field}:${values.map(spell).join(',')}`)
    .join(' ');
}

/** With one value for a field, in place of others. */
export function withOnly(text: string, field: string, value: string | null): string {
  const rest = dropped(text, (term) => term.field === field && !term.isNot);
  return value === null ? rest : withTerm(rest, `${field}:${spell(value)}`);
}

export function givenOf(text: string, field: string): string | null {
  const term = termsOf(text).find(
    (one) => !one.isInner && !one.isNot && one.field === field && one.values.length === 1,
  );
  return term?.values[0] ?? null;
}

export type View = 'sessions' | 'commands' | 'all';

/** Which of the three lists a query asks for. Nothing at all: the sessions. */
export function viewOf(text: string): View {
  if (text.trim() === '') return 'sessions';
  const type = givenOf(text, 'type') ?? (givenOf(text, 'is') === 'command' ? 'command' : null);
  return type === 'session' ? 'sessions' : type === 'command' ? 'commands' : 'all';
}

export function withView(text: string, view: View): string {
  const bare = dropped(
    text,
    ({ field, isNot, values }) => !isNot && (field === 'type' || (field === 'is' && values[0] === 'command')),
  );
  // An empty box shows sessions: everything is then asked for by name.
  const type = { sessions: 'session', commands: 'command', all: bare === '' ? '*' : null }[view];
  return type === null ? bare : withTerm(bare, `type:${type}`);
}

/** What is asked of the gateway: nothing typed means the sessions. */
export const asked = (text: string): string => (text.trim() === '' ? 'type:session' : text);

/** Each way to ask for less, but of time, and what is then left: for a search that found nothing. */
export function looser(text: string): readonly { readonly without: string; readonly query: string }[] {
  return termsOf(text)
    .filter(({ isInner, field }) => !isInner && field !== 'sort' && !(field !== null && times.has(field)))
    .map((term) => ({ without: text.slice(term.at, term.end), query: without(text, term) }));
}

const touchFields: ReadonlySet<string> = new Set(
  'reads writes deletes steers copies touches table column function path program host object pod route operation'.split(
    ' ',
  ),
);

/** Asks for what may touch more than is known, where the query asked for what is touched. */
export function uncertainOf(text: string): string {
  return withTerm(
    dropped(text, ({ field }) => field !== null && touchFields.has(field)),
    'is:uncertain',
  );
}

/** Asked of sessions, terms like these find nothing: they are of commands. */
export function isOfCommands(text: string): boolean {
  return termsOf(text).some(({ field }) => field !== null && (touchFields.has(field) || ofCommands.has(field)));
}
const ofCommands: ReadonlySet<string> = new Set([
  'effect',
  'verdict',
  'fingerprint',
  'rows',
  'masked',
  'command',
  'kind',
]);
