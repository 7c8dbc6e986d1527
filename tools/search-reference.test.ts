/** The reference of the query language is what its table of fields says. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { render } from './search-reference.ts';

test('docs/reference/search.md is current: node tools/search-reference.ts', async () => {
  const written = await readFile(new URL('../docs/reference/search.md', import.meta.url), 'utf8');
  expect(written).toBe(render());
});
