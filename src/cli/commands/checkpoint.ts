/** `sallyport checkpoint`: the latest signed checkpoint, to be kept where the gateway's administrators cannot reach. */
import { resolve as resolvePath } from 'node:path';
import { escapeText } from '../../base/escape.ts';
import type { CommandSpec } from '../command.ts';
import { writeWhole } from '../files.ts';

export const checkpointCommand: CommandSpec = {
  name: 'checkpoint',
  group: 'Prove',
  summary: "Print or save the journal's latest signed checkpoint.",
  options: [{ flags: '-O, --out <file>', description: 'Save it here.', complete: 'file' }],
  examples: ['sallyport checkpoint -O checkpoint-$(date +%F).txt'],
  async run(context) {
    const { output, options } = context;
    const { client } = await context.api();
    const text = await client.text('checkpoint');
    const path = options.text('out');
    if (path === null) {
      await output.result({ checkpoint: text }, () =>
        output.write(escapeText(text.endsWith('\n') ? text : `${text}\n`)),
      );
      return;
    }
    await writeWhole(resolvePath(context.io.cwd, path), [Buffer.from(text)]);
    output.note(`✔ Saved ${path}. Keep it away from the gateway: sallyport verify --checkpoint ${path}`);
  },
};
