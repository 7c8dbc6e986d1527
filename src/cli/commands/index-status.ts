/** `sallyport index status|rebuild`: how far the index of what happened has come. */
import type { IndexView } from '../../api/contract/index.ts';
import type { Api } from '../api.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { indexLookIntervalMs } from '../limits.ts';
import { startBar } from '../output/progress.ts';
import { count, groupDigits, relativeTime } from '../output/time.ts';
import { sleep } from '../sleep.ts';

export const indexStatusCommand: CommandSpec = {
  name: 'index status',
  group: 'Look',
  summary: 'Say how far the index of what happened has come, for each gateway.',
  async run(context) {
    const { client } = await context.api();
    const index = await client.call('indexStatus');
    await context.output.result(index, () => show(context, index));
  },
};

export const indexRebuildCommand: CommandSpec = {
  name: 'index rebuild',
  group: 'Look',
  summary: 'Build the gateway’s part of the index anew from its journal. Searches find less until it is done.',
  options: [{ flags: '--no-wait', description: 'Begin, and do not wait: it goes on in the gateway.' }],
  async run(context) {
    const { io, options, output } = context;
    const api = await context.api();
    const begun = await api.client.call('rebuildIndex');
    const index = options.isRefused('wait') ? begun : await whenBuilt(api, begun, context);
    await output.result(index, async () => {
      if (index.rebuilding !== null) output.note('It goes on in the gateway. See: sallyport index status');
      await show(context, index);
    });
    if (index.rebuilding === null) output.note(`✔ Built anew, ${new Date(io.clock.now()).toISOString()}.`);
  },
};

async function whenBuilt(api: Api, begun: IndexView, { io, output, signal }: CommandContext): Promise<IndexView> {
  const bar = startBar(output, io.clock, 'Building');
  try {
    let index = begun;
    while (index.rebuilding !== null) {
      bar.update(index.rebuilding.sequence, index.rebuilding.of);
      await sleep(indexLookIntervalMs, io.clock, signal);
      index = await api.client.call('indexStatus');
    }
    return index;
  } finally {
    bar.stop();
  }
}

async function show({ io, output }: CommandContext, index: IndexView): Promise<void> {
  const { palette } = output;
  const { rebuilding } = index;
  const state = !index.working
    ? { text: 'cannot be asked just now', paint: palette.bad }
    : rebuilding !== null
      ? {
          text: `is built anew: ${groupDigits(rebuilding.sequence)} of ${groupDigits(rebuilding.of)} events`,
          paint: palette.warning,
        }
      : { text: 'works', paint: palette.good };
  await output.fields([
    ['Index', state],
    ['Lag', index.lag === 0 ? 'none' : `${count(index.lag, 'event')} of ${groupDigits(index.durableSequence)}`],
  ]);
  if (index.gateways.length === 0) return;
  await output.line();
  await output.table(
    [
      { title: 'GATEWAY' },
      { title: 'ENTRIES', align: 'right' },
      { title: 'UP TO EVENT', align: 'right' },
      { title: 'OF' },
    ],
    index.gateways.map(({ gateway, entries, sequence, at }) => [
      gateway,
      groupDigits(entries),
      groupDigits(sequence),
      at === null ? 'never' : relativeTime(Date.parse(at), io.clock.now()),
    ]),
  );
}
