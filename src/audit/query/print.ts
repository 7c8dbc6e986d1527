/** A tree of terms as text again, in one spelling: what is kept of a search, and shown of it. Reads as the same tree. */
import type { RawValue } from './lexer.ts';
import type { Term } from './parser.ts';

export function print(term: Term | null): string {
  return term === null ? '' : printTerm(term, 'any');
}

function printTerm(term: Term, within: 'any' | 'all' | 'not'): string {
  switch (term.node) {
    case 'any': {
      const text = term.of.map((one) => printTerm(one, 'all')).join(' or ');
      return within === 'any' ? text : `(${text})`;
    }
    case 'all': {
      const text = term.of.map((one) => printTerm(one, 'all')).join(' ');
      return within === 'not' ? `(${text})` : text;
    }
    case 'not':
      return `-${printTerm(term.of, 'not')}`;
    case 'word':
      return term.text;
    case 'part':
      return quote(term.text);
    case 'field':
      return `${term.field.name}:${term.values.map(printValue).join(',')}`;
  }
}

function printValue({ compare, text }: RawValue): string {
  return `${compare}${/^[^\s,()"“”„<>=\\]+$/.test(text) ? text : quote(text)}`;
}

export function quote(text: string): string {
  return `"${text.replace(/[\\"“”„]/g, '\\$&')}"`;
}
