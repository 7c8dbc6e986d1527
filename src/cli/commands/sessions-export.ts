/** `sallyport sessions export`: a recording as a file for other tools, neutralised by the gateway. */
import { resolve as resolvePath } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { exportFormats } from '../../api/contract/index.ts';
import { escapeText } from '../../base/escape.ts';
import type { CommandSpec } from '../command.ts';
import { writeWhole } from '../files.ts';
import { startSpinner } from '../output/progress.ts';
import { byteSize } from '../output/time.ts';
import { findSession } from '../sessions.ts';

export const sessionsExportCommand: CommandSpec = {
  name: 'sessions export',
  group: 'Look',
  summary: 'Export a recording as NDJSON, CSV or text, or a terminal as asciicast. Reading is itself recorded.',
  arguments: [{ name: '<id>', description: 'The id, the beginning or end of it, or last.', complete: 'session' }],
  options: [
    {
      flags: '--format <format>',
      description: 'ndjson (default), csv, text, or asciicast (v3).',
      choices: exportFormats,
    },
    { flags: '--command <number>', description: 'With asciicast: which terminal, by the number of its command.' },
    {
      flags: '-O, --out <file>',
      description: 'Write here, readable by you alone; to standard output when left out.',
      complete: 'file',
    },
  ],
  examples: [
    'sallyport sessions export last --format csv -O session.csv',
    'sallyport sessions export last --format asciicast -O session.cast',
  ],
  async run(context) {
    const { io, options, output } = context;
    const api = await context.api();
    const session = await findSession(api, context.args[0]!);
    const format = exportFormats.find((known) => known === options.text('format')) ?? 'ndjson';
    const command = options.integer('command', { minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) ?? undefined;
    const chunks = api.client.bytes('exportSession', { params: { id: session.id }, query: { format, command } });
    const path = options.text('out');
    if (path !== null) {
      const spinner = startSpinner(output, io.clock, `Exporting ${session.id}`);
      const bytes = await writeWhole(resolvePath(io.cwd, path), chunks).finally(() => spinner.stop());
      return output.note(`✔ ${path}, ${byteSize(bytes)}.`);
    }
    if (io.stdout.isTTY !== true) {
      for await (const chunk of chunks) await output.write(chunk);
      return;
    }
    // The gateway has neutralised it; a terminal does not take that on trust (I13).
    const decoder = new StringDecoder('utf8');
    for await (const chunk of chunks) await output.write(escapeText(decoder.write(chunk).replaceAll('\r\n', '\n')));
  },
};
