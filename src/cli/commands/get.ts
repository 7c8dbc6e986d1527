/** `sallyport get`: gives objects back as tables, YAML (which `apply` takes) or JSON. */
import { type ManifestView, manifestKinds } from '../../api/contract/index.ts';
import type { CommandSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { kindOf, kindTables } from '../kinds.ts';
import type { Output } from '../output/output.ts';
import { toJson, toYaml } from '../output/structured.ts';

export const getCommand: CommandSpec = {
  name: 'get',
  group: 'Configure',
  summary: 'List objects of a kind, or give one back. The YAML is what apply takes.',
  arguments: [
    { name: '<kind>', description: `${manifestKinds.join(', ')}, or all.`, complete: 'kind' },
    { name: '[name]', description: 'One object; shown as YAML unless -o says otherwise.', complete: 'object' },
  ],
  examples: [
    'sallyport get resources',
    'sallyport get Access engineers -o yaml',
    'sallyport get all -o yaml > backup.yaml',
  ],
  async run(context) {
    const { args, output } = context;
    const [word, name] = args as [string, string | undefined];
    const isAll = word.toLowerCase() === 'all';
    if (isAll && name !== undefined)
      throw usage('One object has one kind.', 'Name the kind: sallyport get Resource orders');
    const kinds = isAll ? manifestKinds : [kindOf(word)];
    const { client } = await context.api();
    if (name !== undefined) {
      const object = await client.call('getObject', { params: { kind: kinds[0]!, name } });
      if (output.format === 'json') return await output.line(toJson(object));
      if (output.format === 'yaml' || !context.isFormatGiven) return await output.line(toYaml(object));
      return await showTables(output, [object]);
    }
    const objects: ManifestView[] = [];
    for (const kind of kinds) objects.push(...(await client.call('listObjects', { params: { kind } })).objects);
    if (output.format === 'json') return await output.line(toJson(objects));
    if (output.format === 'yaml') return await output.lines(objects.map(toYaml).join('\n---\n').split('\n'));
    if (objects.length === 0) return output.note(isAll ? 'There is nothing yet.' : `There is no ${kinds[0]} yet.`);
    await showTables(output, objects);
  },
};

async function showTables(output: Output, objects: readonly ManifestView[]): Promise<void> {
  let isFirst = true;
  for (const kind of manifestKinds) {
    const own = objects.filter((object) => object.kind === kind);
    if (own.length === 0) continue;
    if (!isFirst) await output.line();
    if (own.length < objects.length) await output.line(output.palette.strong(kind));
    isFirst = false;
    const table = kindTables[kind];
    await output.table(
      table.columns,
      own.map((object) => table.row(object)),
    );
  }
}
