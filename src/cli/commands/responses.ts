/** `sallyport responses ls|end`: what detections did by themselves, and taking it back. */
import type { ResponseView } from '../../api/contract/index.ts';
import { responseColumns, responseRow } from '../alerts.ts';
import type { CommandSpec } from '../command.ts';

const listedMax = 1000;
const pageEntries = 200;

export const responsesLsCommand: CommandSpec = {
  name: 'responses ls',
  group: 'Look',
  summary: 'List what detections did by themselves and is in force.',
  options: [{ flags: '--all', description: 'What is over too.' }],
  async run(context) {
    const { io, options, output } = context;
    const { client } = await context.api();
    const found: ResponseView[] = [];
    let cursor: string | undefined;
    do {
      const query = { all: options.flag('all') ? true : undefined, alert: undefined, limit: pageEntries, cursor };
      const page = await client.call('listResponses', { query });
      found.push(...page.responses);
      if (page.next === cursor) break;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined && found.length < listedMax);
    await output.result(found, async () => {
      if (found.length === 0) return output.note('Nothing is in force.');
      const now = io.clock.now();
      await output.table(
        responseColumns,
        found.map((response) => responseRow(response, now, output.palette)),
      );
    });
  },
};

export const responsesEndCommand: CommandSpec = {
  name: 'responses end',
  group: 'Look',
  summary: 'End what detections did, for good. A lock is taken away with it.',
  arguments: [{ name: '<ids...>', description: 'As responses ls shows them.', complete: 'response' }],
  async run(context) {
    const { client } = await context.api();
    for (const id of context.args) {
      await client.call('endResponse', { params: { id } });
      context.output.note(`✔ Ended ${id}.`);
    }
  },
};
