/** `sallyport searches ls|run`: saved searches, which are manifests of the kind Search. */
import type { CommandSpec } from '../command.ts';
import { hitsDefault, queryOf } from '../search.ts';
import { searchAndShow } from './search.ts';

export const searchesLsCommand: CommandSpec = {
  name: 'searches ls',
  group: 'Look',
  summary: 'List saved searches that you may run.',
  async run(context) {
    const { output } = context;
    const { client } = await context.api();
    const { searches } = await client.call('listSearches');
    await output.result(searches, async () => {
      if (searches.length === 0) return output.note('No searches are saved. See: sallyport help searches run');
      await output.table(
        [{ title: 'NAME' }, { title: 'QUERY', widest: 80 }, { title: 'DESCRIPTION', widest: 60, spare: 1 }],
        searches.map(({ name, query, description }) => [
          { text: name, paint: output.palette.strong },
          query,
          description ?? '',
        ]),
      );
    });
  },
};

export const searchesRunCommand: CommandSpec = {
  name: 'searches run',
  group: 'Look',
  summary: 'Run a saved search, narrowed by what you add.',
  arguments: [
    { name: '<name>', description: 'Its name.', complete: 'search' },
    { name: '[query...]', description: 'What must hold besides.', complete: 'query' },
  ],
  options: [{ flags: '-n, --limit <count>', description: `At most so many (default ${hitsDefault}); 0 only counts.` }],
  examples: [
    'sallyport searches run ssn-readers',
    'sallyport searches run ssn-readers who:ana since:7d',
    'sallyport apply -f search.yaml    # kind: Search, spec: { query: … }',
  ],
  async run(context) {
    const [name = '', ...words] = context.args;
    const { client } = await context.api();
    const saved = await client.call('getSearch', { params: { name } });
    const query = words.length === 0 ? saved.query : `(${saved.query}) ${queryOf(words)}`;
    await searchAndShow(context, query, saved.facets);
  },
};
