/**
 * Taking passwords out of SQL text before it is recorded (A-REC-05): `ALTER ROLE … PASSWORD '…'`, options of user
 * mappings, connection strings in literals, the same inside dollar-quoted bodies.
 *
 * A scan by PostgreSQL's lexical rules (documentation, chapter 4.1): comments, quoted names, the literal forms. It never
 * changes what is judged or forwarded, only what is written down, and errs towards hiding more.
 *
 * Deliberately absent: secrets in data (`INSERT INTO users VALUES ('…')`): those are for masks.
 */

import * as limits from './limits.ts';

const [minus, slash, star, quote, doubleQuote, dollar, backslash] = [0x2d, 0x2f, 0x2a, 0x27, 0x22, 0x24, 0x5c] as const;
const replacement = "'(secret)'";
// Every repetition is bounded: no text may hold the loop (A-MSK-01).
const mention = /passw(?:or)?d|:\/\/[^\s/@:]{1,128}:[^\s/@]{1,128}@/i;
const passwordWord = /^passw(?:or)?d$/i;
const inConnectionString = /(passw(?:or)?d\s{0,8}=\s{0,8})(?:\\?'(?:[^'\\]|\\.|'')*'?|[^\s'&;,)]+)/gi;
const inUri = /(:\/\/[^\s/@:]{1,128}:)[^\s/@]{1,128}(?=@)/g;
/** Within a literal: PASSWORD and a quote of any form behind it; everything to the end of the literal is hidden. */
const nestedStatement = /passw(?:or)?d\s{0,8}(?:=>|:=|=)?\s{0,8}(?:[eE]|[uU]&)?(?:''|\\'|\$|%[LIs]|'?\s{0,8}\|\|)/i;

/** The text as it may be recorded; the very same string where nothing in it looks like a password. */
export function withoutPasswords(text: string): string {
  const whole = recordable(text);
  if (whole !== null) return whole;
  // The scan must not hold the loop: what lies beyond is left out, for it may hold what was to be hidden.
  const beyond = text.length - limits.redactedCharactersMax;
  return `${new Scanner(text.slice(0, limits.redactedCharactersMax), 0).redact()}\n-- ${beyond} more characters, not recorded because the statement mentions a password`;
}

/**
 * The same where the whole text can be recorded; null where it mentions a password and is too long to be scanned. Such a
 * statement must not run: everything behind the limit would be hidden by one word before it (A-REC-05).
 */
export function recordable(text: string): string | null {
  if (!mention.test(text)) return text;
  return text.length <= limits.redactedCharactersMax ? new Scanner(text, 0).redact() : null;
}

class Scanner {
  readonly #text: string;
  /** How many dollar-quoted bodies stand around this text. */
  readonly #depth: number;
  #at = 0;
  #copied = 0;
  #out = '';
  /** The last word was PASSWORD, and nothing but `=`, `:=`, `=>` came since. */
  #afterPassword = false;

  constructor(text: string, depth: number) {
    this.#text = text;
    this.#depth = depth;
  }

  redact(): string {
    while (this.#at < this.#text.length) this.#token();
    return this.#out + this.#text.slice(this.#copied);
  }

  #token(): void {
    const text = this.#text;
    const start = this.#at;
    const code = text.charCodeAt(start);
    const next = text.charCodeAt(start + 1);
    if (code <= 0x20) this.#at++;
    else if (code === minus && next === minus) this.#comment(endOfLine(text, start));
    else if (code === slash && next === star) this.#comment(endOfComment(text, start));
    else if (code === quote) this.#literal(start, endOfQuoted(text, start, false));
    else if (code === doubleQuote) this.#name(start, endOfName(text, start));
    else if (code === dollar) this.#dollar(start);
    else if (isWordStart(code)) this.#word(start);
    else {
      this.#at++;
      if (code !== 0x3d && code !== 0x3a && code !== 0x3e) this.#afterPassword = false;
    }
  }

  #comment(end: number): void {
    const body = this.#text.slice(this.#at, end);
    if (mention.test(body)) this.#replace(this.#at, end, hideInLiteral(body));
    this.#at = end;
  }

  #word(start: number): void {
    let end = start + 1;
    while (isWordPart(this.#text.charCodeAt(end))) end++;
    const word = this.#text.slice(start, end);
    const after = this.#text[end];
    // E'…', B'…', X'…', N'…' and U&'…': the prefix belongs to the literal.
    if (after === "'" && /^[ebxn]$/i.test(word)) {
      this.#literal(start, endOfQuoted(this.#text, end, /e/i.test(word)));
      return;
    }
    if (after === '&' && /^u$/i.test(word) && this.#text[start + 2] === "'") {
      this.#literal(start, endOfQuoted(this.#text, start + 2, false));
      return;
    }
    this.#at = end;
    this.#afterPassword = passwordWord.test(word);
  }

  #name(start: number, end: number): void {
    this.#at = end;
    this.#afterPassword = passwordWord.test(this.#text.slice(start + 1, end - 1));
  }

  #literal(start: number, end: number): void {
    this.#at = end;
    if (this.#afterPassword) {
      // Literals that continue on the next line are one (4.1.2.1); so the state stays.
      this.#replace(start, end, replacement);
      return;
    }
    const body = this.#text.slice(start, end);
    if (mention.test(body)) this.#replace(start, end, hideInLiteral(body));
  }

  #dollar(start: number): void {
    let tagEnd = start + 1;
    while (isWordPart(this.#text.charCodeAt(tagEnd)) && this.#text.charCodeAt(tagEnd) !== dollar) tagEnd++;
    if (this.#text.charCodeAt(tagEnd) !== dollar) {
      this.#at = tagEnd;
      this.#afterPassword = false;
      return;
    }
    const tag = this.#text.slice(start, tagEnd + 1);
    const close = this.#text.indexOf(tag, start + tag.length);
    const end = close === -1 ? this.#text.length : close + tag.length;
    this.#at = end;
    if (this.#afterPassword) {
      this.#replace(start, end, replacement);
      return;
    }
    const bodyEnd = close === -1 ? end : close;
    const body = this.#text.slice(start + tag.length, bodyEnd);
    if (!mention.test(body)) return;
    const tooDeep = this.#depth >= limits.redactedNestingMax;
    const hidden = tooDeep ? '(secret)' : new Scanner(body, this.#depth + 1).redact();
    this.#replace(start + tag.length, bodyEnd, hidden);
  }

  #replace(start: number, end: number, by: string): void {
    this.#out += this.#text.slice(this.#copied, start) + by;
    this.#copied = end;
  }
}

/** Letters, underscore, and everything beyond ASCII, as the server's lexer has it. */
function isWordStart(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || code >= 0x80;
}

function isWordPart(code: number): boolean {
  return isWordStart(code) || (code >= 0x30 && code <= 0x39) || code === dollar;
}

/** What stands in a literal, or a comment, without the passwords of connection strings and nested statements. */
function hideInLiteral(body: string): string {
  const nested = nestedStatement.exec(body);
  const visible = nested === null ? body : `${body.slice(0, nested.index)}password (secret)${closing(body)}`;
  return visible.replace(inConnectionString, '$1(secret)').replace(inUri, '$1(secret)');
}

function closing(body: string): string {
  return body.endsWith("'") ? "'" : body.endsWith('*/') ? '*/' : '';
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return end === -1 ? text.length : end;
}

/** Comments nest (4.1.5). */
function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === slash && text.charCodeAt(at + 1) === star) {
      depth++;
      at++;
    } else if (code === star && text.charCodeAt(at + 1) === slash) {
      at++;
      if (--depth === 0) return at + 1;
    }
  }
  return text.length;
}

function endOfQuoted(text: string, open: number, backslashes: boolean): number {
  for (let at = open + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === backslash && backslashes) at++;
    else if (code === quote) {
      if (text.charCodeAt(at + 1) !== quote) return at + 1;
      at++;
    }
  }
  return text.length;
}

function endOfName(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] !== '"') continue;
    if (text[at + 1] !== '"') return at + 1;
    at++;
  }
  return text.length;
}
