/** `sallyport report access|privileged|reviews|changes|coverage`: what an auditor asks for, with what proves it. */
import { createHash } from 'node:crypto';
import { resolve as resolvePath } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { reportFormats, reportNames } from '../../api/contract/index.ts';
import { escapeText } from '../../base/escape.ts';
import type { CommandSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { writeWhole } from '../files.ts';
import { startSpinner } from '../output/progress.ts';
import { byteSize } from '../output/time.ts';
import { parseMoment } from '../parse.ts';

const summaries: Readonly<Record<(typeof reportNames)[number], string>> = {
  access: 'Who could open what, by which rule and whose decision, and who did.',
  privileged: 'Who changed structures, rights or machines, or tried to, and what the rules said.',
  reviews: 'What waited for a decision, who decided it and how fast; break-glass.',
  changes: 'Who changed rules and configuration: before and after.',
  coverage: 'What is recorded, restricted and masked, and where there are gaps.',
};

export const reportCommands: readonly CommandSpec[] = reportNames.map(
  (name): CommandSpec => ({
    name: `report ${name}`,
    group: 'Prove',
    summary: summaries[name],
    options: [
      { flags: '--since <time>', description: 'From when: a moment, a day, or 30d ago.', required: true },
      { flags: '--until <time>', description: 'Until when, exclusive; now when left out.' },
      {
        flags: '--format <format>',
        description: 'html (default; one page, ready to be printed), csv, or json.',
        choices: reportFormats,
      },
      {
        flags: '-O, --out <file>',
        description: 'Write here, readable by you alone; to standard output when left out.',
        complete: 'file',
      },
    ],
    examples: [`sallyport report ${name} --since 2026-10-01 --until 2026-11-01 -O ${name}-october.html`],
    async run(context) {
      const { io, options, output } = context;
      const now = io.clock.now();
      const since = parseMoment(options.text('since')!, now, '--since');
      const until = options.text('until');
      const body = {
        since,
        ...(until === null ? {} : { until: parseMoment(until, now, '--until') }),
        format: reportFormats.find((known) => known === options.text('format')) ?? 'html',
      };
      if (body.until !== undefined && Date.parse(body.until) <= Date.parse(since)) {
        throw usage('--since must be before --until.', 'Correct it and run it again.');
      }
      const { client } = await context.api();
      const digest = createHash('sha256');
      const chunks = digested(client.bytes('makeReport', { params: { report: name }, body }), digest);
      const path = options.text('out');
      if (path !== null) {
        const spinner = startSpinner(output, io.clock, `Making the report ${name}`);
        const bytes = await writeWhole(resolvePath(io.cwd, path), chunks).finally(() => spinner.stop());
        output.note(`✔ ${path}, ${byteSize(bytes)}.`);
        return output.note(`  SHA-256 ${digest.digest('hex')}; the journal has it too: sallyport search verb:report`);
      }
      if (io.stdout.isTTY !== true) {
        for await (const chunk of chunks) await output.write(chunk);
        return;
      }
      // The gateway has neutralised it; a terminal does not take that on trust (I13).
      const decoder = new StringDecoder('utf8');
      for await (const chunk of chunks) await output.write(escapeText(decoder.write(chunk).replaceAll('\r\n', '\n')));
    },
  }),
);

async function* digested(
  chunks: AsyncIterable<Buffer>,
  digest: ReturnType<typeof createHash>,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of chunks) {
    digest.update(chunk);
    yield chunk;
  }
}
