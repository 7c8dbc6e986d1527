/**
 * Texts that differ in nothing but numbers that no analysis looks at, so that a statement whose numbers change each time
 * (`… WHERE id = 4711`) is analysed once.
 *
 * Invariants:
 * - Two texts of one form have the same analysis, but for offsets. So a number is left out only where it stands behind a
 *   column and one of a few operators (`column = 5`, `column + -5`), with nothing done to it, or as a whole value in a
 *   VALUES list; and only in texts of one statement made of plain words, numbers and a few signs.
 * - Whatever could make a number matter (`OR`, `NOT`, `CASE`, a number on the left, a call, a quote, a comment, a size that
 *   changes its type) leaves the text as it is.
 *
 * Deliberately absent: strings. What a string holds may be a name, a pattern or code.
 */

/** Longest text that is looked at; a longer one is not typed over and over with other numbers. */
const formCharactersMax = 2_000;

/** More digits may make it a `bigint`. */
const digitsMax = 9;

/** Words under which a constant may decide what the statement does, or offsets matter. */
const excluded = /\b(?:or|not|case|copy|between|in|any|all|some|like|is|interval|limit|offset|tablesample)\b/i;

/** What numbers are typed into. */
const beginnings = /^\s*(?:select|insert|update|delete|with)\b/i;

const token = /\s+|[A-Za-z_][A-Za-z0-9_]*|\d+|<=|>=|<>|!=|[=<>+\-*(),.;]/y;

const operators: ReadonlySet<string> = new Set(['=', '<', '>', '<=', '>=', '<>', '!=', '+', '-']);

/** The text with `?` for such numbers; null where there are none, or the text is not of that kind. */
export function formOf(text: string): string | null {
  if (text.length > formCharactersMax || !beginnings.test(text) || excluded.test(text)) return null;
  const tokens = tokensOf(text);
  if (tokens === null) return null;
  let found = false;
  /** For each open parenthesis, whether it holds a row of VALUES. */
  const open: boolean[] = [];
  let lastClosedIsRow = false;
  const out: string[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const here = tokens[at]!;
    const before = tokens[at - 1] ?? '';
    if (here === ';' && at < tokens.length - 1) return null;
    if (here === '(')
      open.push(before.toLowerCase() === 'values' || (before === ',' && lastClosedIsRow && open.length === 0));
    if (here === ')') lastClosedIsRow = open.pop() === true && open.length === 0;
    else if (here !== ',') lastClosedIsRow = false;
    if (isNumber(here) && mayBeLeftOut(tokens, at, open.at(-1) === true && open.length === 1)) {
      found = true;
      out.push('?');
    } else out.push(here);
  }
  return found ? out.join(' ') : null;
}

function mayBeLeftOut(tokens: readonly string[], at: number, isInRow: boolean): boolean {
  if (tokens[at]!.length > digitsMax) return false;
  const after = tokens[at + 1] ?? '';
  // Nothing is done to it: neither an operator nor a fraction, a call or a cast follows.
  if (operators.has(after) || after === '*' || after === '.' || after === '(' || isNumber(after)) return false;
  const isSigned = tokens[at - 1] === '-' && !isOperand(tokens[at - 2]);
  const sign = isSigned ? at - 1 : at;
  const before = tokens[sign - 1] ?? '';
  if (isInRow && (before === '(' || before === ',')) return after === ',' || after === ')';
  if (!operators.has(before)) return false;
  const operand = tokens[sign - 2] ?? '';
  if (!isWord(operand)) return false;
  // `a.b = 5` and `b = 5`; not `x + 5 = x + 5`, where it matters whether both numbers are the same.
  const behind = tokens[sign - 3] ?? '';
  return !operators.has(behind) || (behind === '=' && isAssigned(tokens, sign - 3));
}

/** `SET column =`, or `, column =`. */
function isAssigned(tokens: readonly string[], equals: number): boolean {
  const before = tokens[equals - 2] ?? '';
  return isWord(tokens[equals - 1] ?? '') && (before === ',' || before.toLowerCase() === 'set');
}

const isNumber = (text: string): boolean => /^\d/.test(text);
const isWord = (text: string): boolean => /^[A-Za-z_]/.test(text);
const isOperand = (text: string | undefined): boolean =>
  text !== undefined && (isWord(text) || isNumber(text) || text === ')');

/** Null where there is anything but plain words, numbers and a few signs. */
function tokensOf(text: string): string[] | null {
  const tokens: string[] = [];
  token.lastIndex = 0;
  for (let at = 0; at < text.length; at = token.lastIndex) {
    const match = token.exec(text);
    if (match === null) return null;
    const [here] = match;
    // A comment, or an operator that is none of these.
    if (
      (here === '-' && tokens.at(-1) === '-' && text[at - 1] === '-') ||
      (isNumber(here) && /[A-Za-z_]/.test(text[token.lastIndex] ?? ''))
    )
      return null;
    if (here.trim() !== '') tokens.push(here);
  }
  return tokens;
}
