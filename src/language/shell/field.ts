/**
 * A word after expansion, as far as it is known.
 *
 * Invariant: `text` is given only where the word is certain to be exactly that one word.
 */
export interface Field {
  /** Null where dynamic. */
  readonly text: string | null;
  /** How it begins for certain; all of it where `text` is given. */
  readonly head: string;
  /** Exactly one word, whatever it is: it was quoted, or cannot split. */
  readonly isSingle: boolean;
  /** The pattern, where it is dynamic only because the shell matches it against files. */
  readonly pattern: string | null;
  /** As written, without quotes, expansions or escapes: the shell may take it for an alias. */
  readonly isBare: boolean;
  /** An integer, though not known which. */
  readonly isNumber: boolean;
  /** What reading the file of this name gives (`<(echo x)`); undefined where it is no such file, null where it is not known. */
  readonly contents?: string | null;
  /** `name=value` behind `export` and its like, and has been dealt with. */
  readonly isAssignment?: boolean;
}

export function literal(text: string, isBare = false): Field {
  return { text, head: text, isSingle: true, pattern: null, isBare, isNumber: false };
}

export function dynamic(head = '', isSingle = false): Field {
  return { text: null, head, isSingle, pattern: null, isBare: false, isNumber: false };
}

export const someNumber: Field = { ...dynamic('', true), isNumber: true };

/** None, one or several words of which nothing is known. */
export const anyWords: Field = dynamic();

/** True where it may be taken for an option. */
export function mayBeOption({ text, head, isSingle, isNumber, pattern }: Field): boolean {
  if (text !== null) return text.length > 1 && text.startsWith('-');
  // What a pattern matches begins as the pattern does, each of it.
  if (pattern !== null) return head === '' || head.startsWith('-');
  if (isNumber) return true;
  return head === '' || head.startsWith('-') || !isSingle;
}

/** `-` counts as an operand, as it does for getopt. */
export function isOptionText(text: string | null): text is string {
  return text !== null && text.length > 1 && text.startsWith('-');
}

export const textOf = ({ text }: Field): string | null => text;

export const textsOf = (fields: readonly Field[]): (string | null)[] => fields.map(textOf);

/** All of them in one string, joined; null where one is dynamic. */
export function joined(fields: readonly Field[], separator = ' '): string | null {
  const texts = textsOf(fields);
  return texts.includes(null) ? null : texts.join(separator);
}

/** The last part of a path. */
export function baseName(path: string): string {
  const end = path.replace(/\/+$/, '');
  return end.slice(end.lastIndexOf('/') + 1);
}
