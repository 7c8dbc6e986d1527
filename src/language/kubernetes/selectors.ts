/**
 * Label and field selectors, as far as the facts of a request need them: whether the API server can read them, and which
 * value a field selector asks for exactly (k8s.io/apimachinery, `labels.Parse`, `fields.ParseSelector`).
 *
 * Deliberately absent: matching objects.
 */
import * as limits from './limits.ts';

const name = '[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const key = `(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?${name}`;
const blanks = '[ \\t\\r\\n]*';
const label = `(?:${name})?`;
const requirement = new RegExp(
  `^${blanks}(?:!${blanks}${key}|${key}(?:${blanks}(?:==?|!=)${blanks}${label}|${blanks}[<>]${blanks}-?\\d+|${blanks} (?:in|notin)${blanks}\\(${blanks}${label}${blanks}(?:,${blanks}${label}${blanks})*\\))?)${blanks}$`,
);

/** Whether the API server can read it. */
export function isLabelSelector(text: string): boolean {
  if (text.length > limits.selectorTextMax) return false;
  if (text.trim() === '') return true;
  // Commas within parentheses separate values.
  return text.split(/,(?![^(]*\))/).every((part) => requirement.test(part));
}

export interface FieldTerm {
  readonly field: string;
  readonly isEqual: boolean;
  readonly value: string;
}

/** The terms, all of which must hold; null where the API server cannot read it. */
export function fieldTerms(text: string): readonly FieldTerm[] | null {
  if (text.length > limits.selectorTextMax) return null;
  const terms: FieldTerm[] = [];
  for (const term of splitTerms(text)) {
    if (term === '') continue;
    const at = operatorAt(term);
    if (at === null) return null;
    const value = unescaped(term.slice(at.to));
    if (value === null) return null;
    terms.push({ field: term.slice(0, at.from), isEqual: at.isEqual, value });
  }
  return terms;
}

/** At commas that have no backslash before them. */
function splitTerms(text: string): readonly string[] {
  const terms: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === ',') {
      terms.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...terms, text.slice(from)];
}

/** The first operator: `!=`, `==` or `=`. */
function operatorAt(term: string): { readonly from: number; readonly to: number; readonly isEqual: boolean } | null {
  for (let at = 0; at < term.length; at++) {
    if (term.startsWith('!=', at)) return { from: at, to: at + 2, isEqual: false };
    if (term.startsWith('==', at)) return { from: at, to: at + 2, isEqual: true };
    if (term[at] === '=') return { from: at, to: at + 1, isEqual: true };
  }
  return null;
}

/** Null where an escape is none, or something is not escaped that must be. */
function unescaped(text: string): string | null {
  return /^(?:[^\\,=]|\\[\\,=])*$/.test(text) ? text.replaceAll(/\\([\\,=])/g, '$1') : null;
}

/** The value that a field must have; null where none is asked for. */
export function exactField(terms: readonly FieldTerm[], field: string): string | null {
  return terms.find((term) => term.isEqual && term.field === field)?.value ?? null;
}
