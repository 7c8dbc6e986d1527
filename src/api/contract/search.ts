/** Saved searches: a query under a name, for those who ask the same again. */
import { z } from 'zod';
import { facetFields } from '../../core/search.ts';
import * as limits from './limits.ts';
import { metadata, shortText } from './names.ts';

export const searchFacets = z
  .array(z.enum(facetFields))
  .max(facetFields.length)
  .refine((facets) => new Set(facets).size === facets.length, 'must not name a facet twice');

/** As a person writes it: docs/learn/search.md. */
export const searchText = z.string().max(limits.searchQueryLengthMax);

export const searchSchema = z.strictObject({
  kind: z.literal('Search'),
  metadata,
  spec: z.strictObject({
    query: searchText.min(1).describe('As it is typed: who:ana reads:customers.ssn since:30d.'),
    description: shortText.optional(),
    facets: searchFacets.optional().describe('What is counted beside what is found.'),
    members: z
      .boolean()
      .default(false)
      .describe(
        'true: members see it too, and find by it what they did themselves. A query may say more than they should know.',
      ),
  }),
});

export type SearchManifest = z.output<typeof searchSchema>;
