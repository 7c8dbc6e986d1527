/** `sallyport delete`: removes one object. */
import { manifestKinds } from '../../api/contract/index.ts';
import type { CommandSpec } from '../command.ts';
import { kindOf } from '../kinds.ts';
import { diffLines } from '../output/diff.ts';

export const deleteCommand: CommandSpec = {
  name: 'delete',
  group: 'Configure',
  summary: 'Delete an object. What still names it is told.',
  arguments: [
    { name: '<kind>', description: `${manifestKinds.join(', ')}.`, complete: 'kind' },
    { name: '<name>', description: 'The object.', complete: 'object' },
  ],
  options: [{ flags: '--dry-run', description: 'Show what would be lost and change nothing.' }],
  async run(context) {
    const { args, options, output } = context;
    const [word, name] = args as [string, string];
    const isDryRun = options.flag('dryRun');
    const { client } = await context.api();
    const result = await client.call('deleteObject', {
      params: { kind: kindOf(word), name },
      query: { ...(isDryRun ? { dryRun: true } : { dryRun: undefined }) },
    });
    await output.result(result, async () => {
      await output.lines(diffLines(result, output.palette));
      if (isDryRun) await output.line('Dry run, nothing was changed.');
    });
  },
};
