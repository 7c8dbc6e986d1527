/** The colours of a statement: what PostgreSQL reads as words, strings and comments; no character is lost for them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sqlTokens } from '../../web/src/ui/sql-tokens.ts';

function spelled(text: string): string[] {
  return sqlTokens(text).map(({ from, to, kind }) => `${kind} ${text.slice(from, to)}`);
}

test.each([
  ['SELECT 1.5 -- rest', ['keyword SELECT', 'number 1.5', 'comment -- rest']],
  ['/* a /* b */ c */ x', ['comment /* a /* b */ c */']],
  ["$t$ ' -- $t$ from", ["string $t$ ' -- $t$", 'keyword from']],
  [String.raw`E'a\'b' 'a\' "b""c"`, [String.raw`string E'a\'b'`, String.raw`string 'a\'`, 'name "b""c"']],
  ["a1 = $2 AND 'it''s'", ['number $2', 'keyword AND', "string 'it''s'"]],
  ["'open", ["string 'open"]],
  ['/* open', ['comment /* open']],
])('%s', (text, expected) => {
  expect(spelled(text)).toEqual(expected);
});

test('tokens stand in order, within the text, never across each other', () => {
  const pieces = fc.constantFrom(
    "'",
    '"',
    '$$',
    '$a$',
    '/*',
    '*/',
    '--',
    '\n',
    'e',
    "E'",
    '\\',
    'select',
    '1',
    ' ',
    '\u05d0',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
      const text = parts.join('');
      let at = 0;
      for (const { from, to } of sqlTokens(text)) {
        expect(from).toBeGreaterThanOrEqual(at);
        expect(to).toBeGreaterThan(from);
        at = to;
      }
      expect(at).toBeLessThanOrEqual(text.length);
    }),
  );
});
