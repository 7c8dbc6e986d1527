/** `sallyport apply`: creates and updates objects from manifests, all or none. */
import type { CommandSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { placed, readSources } from '../manifests.ts';
import { diffLines, summaryOf } from '../output/diff.ts';
import { startSpinner } from '../output/progress.ts';

export const applyCommand: CommandSpec = {
  name: 'apply',
  group: 'Configure',
  summary: 'Create and update objects from manifests, all or none.',
  options: [
    {
      flags: '-f, --file <path>',
      description: 'A file, a folder, or - for standard input. May be repeated.',
      repeat: true,
      complete: 'file',
    },
    { flags: '--dry-run', description: 'Show the difference and change nothing.' },
  ],
  examples: ['sallyport apply -f ./config --dry-run', 'sallyport get Resource orders -o yaml | sallyport apply -f -'],
  async run(context) {
    const { io, options, output } = context;
    const paths = options.list('file');
    if (paths.length === 0) throw usage('Apply what?', 'Name a file, a folder, or - with -f.');
    const sources = await readSources(paths, io);
    const { client } = await context.api();
    const spinner = startSpinner(output, io.clock, 'Applying');
    const answer = await client
      .call('apply', { body: { documents: sources.map((source) => source.value), dryRun: options.flag('dryRun') } })
      .catch((error: unknown) => {
        throw placed(error, sources);
      })
      .finally(() => spinner.stop());
    await output.result(answer, async () => {
      for (const result of answer.results) await output.lines(diffLines(result, output.palette));
      await output.line();
      const summary = summaryOf(answer.results);
      await output.line(answer.dryRun ? `Dry run, nothing was changed. It would be: ${summary}.` : `${summary}.`);
    });
  },
};
