/**
 * What stands where in a SQL text, for colours: words, strings, numbers, comments. As PostgreSQL reads it: nested comments,
 * dollar quotes, `E''`.
 *
 * Invariants: ranges only, ascending, never across each other; no character is changed, left out or added. A colour is a help to
 * read and no word of what runs: that is the gateway's own reading.
 */

export type TokenKind = 'keyword' | 'string' | 'number' | 'comment' | 'name';

export interface Token {
  readonly from: number;
  readonly to: number;
  readonly kind: TokenKind;
}

const keywords = new Set(
  `add all alter analyze and any array as asc begin between both by call cascade case cast check collate column commit concurrently
  conflict constraint copy create cross current cursor database deallocate declare default deferrable delete desc distinct do drop each
  else end escape except exclude execute exists explain extension false fetch filter following for force foreign from full function grant
  group having if ilike in index inner insert instead intersect into is isolation join key lateral leading left like limit local lock
  materialized merge natural no not nothing notify null nulls of offset on only or order outer over owner partition policy preceding
  prepare primary procedure program range references refresh reindex release rename replace reset restrict returning returns revoke right
  role rollback row rows rule savepoint schema select sequence session set share show similar some start table tablesample temporary then
  ties to trailing transaction trigger true truncate type union unique unlogged update user using vacuum values verbose view when where
  window with within without work`.split(/\s+/),
);

const pattern = new RegExp(
  [
    '(?<comment>--[^\\n]*|/\\*)',
    "(?<escaped>[eE]'(?:[^'\\\\]|\\\\[\\s\\S]|'')*'?)",
    "(?<string>(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*'?)",
    '(?<dollar>\\$(?:[\\p{L}_][\\p{L}\\p{N}_]*)?\\$)',
    '(?<name>"(?:[^"]|"")*"?)',
    '(?<parameter>\\$\\d+)',
    '(?<number>(?<![\\p{L}\\p{N}_])(?:\\d[\\d_]*(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|0[xX][\\da-fA-F]+))',
    '(?<word>[\\p{L}_][\\p{L}\\p{N}_$]*)',
  ].join('|'),
  'gu',
);

function endOfComment(text: string, from: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = from;
  for (let depth = 0; ; ) {
    const mark = marks.exec(text);
    if (mark === null) return text.length;
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
}

export function sqlTokens(text: string): readonly Token[] {
  const tokens: Token[] = [];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const from = match.index;
    const { comment, dollar, escaped, string, name, number, parameter, word } = match.groups!;
    let to = from + match[0].length;
    let kind: TokenKind;
    if (comment !== undefined) {
      kind = 'comment';
      if (comment === '/*') to = endOfComment(text, from);
    } else if (dollar !== undefined) {
      kind = 'string';
      const end = text.indexOf(dollar, to);
      to = end < 0 ? text.length : end + dollar.length;
    } else if (escaped !== undefined || string !== undefined) kind = 'string';
    else if (name !== undefined) kind = 'name';
    else if (number !== undefined || parameter !== undefined) kind = 'number';
    else if (word !== undefined && keywords.has(word.toLowerCase())) kind = 'keyword';
    else continue;
    pattern.lastIndex = to;
    tokens.push({ from, to, kind });
  }
  return tokens;
}
