/** `sallyport access who|what|export`: who may reach what, by what, and since when. */
import { resolve as resolvePath } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { accessExportFormats, type ReachView } from '../../api/contract/index.ts';
import { escapeText } from '../../base/escape.ts';
import type { CommandSpec } from '../command.ts';
import { writeWhole } from '../files.ts';
import type { Output } from '../output/output.ts';
import { byteSize, relativeTime } from '../output/time.ts';

const pageEntries = 500;

export const accessWhoCommand: CommandSpec = {
  name: 'access who',
  group: 'Look',
  summary: 'Say who may open a resource, and by what: Access, on request, or a grant.',
  arguments: [{ name: '<resource>', description: 'What is opened.', complete: 'resource' }],
  async run(context) {
    const { args, io, output } = context;
    const { client } = await context.api();
    const found: ReachView[] = [];
    let cursor: string | undefined;
    do {
      const query = { resource: args[0]!, limit: pageEntries, cursor };
      const page = await client.call('accessWho', { query });
      found.push(...page.reach);
      if (page.next === cursor) break;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    await output.result(found, async () => {
      if (found.length === 0) return output.note('Nobody may open it.');
      await show(found, 'principal', io.clock.now(), output);
    });
  },
};

export const accessWhatCommand: CommandSpec = {
  name: 'access what',
  group: 'Look',
  summary: 'Say what you, or another principal, may open or ask for, and by what.',
  options: [{ flags: '--principal <name>', description: 'Who; yourself when left out.', complete: 'principal' }],
  async run(context) {
    const { io, options, output } = context;
    const { client } = await context.api();
    const principal = options.text('principal') ?? undefined;
    const { reach } = await client.call('accessWhat', { query: { principal } });
    await output.result(reach, async () => {
      if (reach.length === 0) return output.note('Nothing.');
      await show(reach, 'resource', io.clock.now(), output);
    });
  },
};

export const accessExportCommand: CommandSpec = {
  name: 'access export',
  group: 'Look',
  summary: 'Export who may reach what, for recertification: every principal, every resource, every way.',
  options: [
    { flags: '--format <format>', description: 'csv (default) or json.', choices: accessExportFormats },
    {
      flags: '-O, --out <file>',
      description: 'Write here, readable by you alone; to standard output when left out.',
      complete: 'file',
    },
  ],
  examples: ['sallyport access export --format csv -O access.csv'],
  async run(context) {
    const { io, options, output } = context;
    const { client } = await context.api();
    const format = accessExportFormats.find((known) => known === options.text('format')) ?? 'csv';
    const chunks = client.bytes('exportAccess', { query: { format } });
    const path = options.text('out');
    if (path !== null) {
      const bytes = await writeWhole(resolvePath(io.cwd, path), chunks);
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

function show(
  reach: readonly ReachView[],
  first: 'principal' | 'resource',
  now: number,
  output: Output,
): Promise<void> {
  const { palette } = output;
  return output.table(
    [
      { title: '' },
      { title: first === 'principal' ? 'WHO' : 'WHERE', widest: 32 },
      { title: 'BY', widest: 40 },
      { title: 'HOW', widest: 40 },
      { title: 'WHEN', widest: 48, spare: 1 },
      { title: 'LAST USED', spare: 2 },
    ],
    reach.map((one) => [
      one.counts && one.how !== 'request' ? { text: '✔', paint: palette.good } : { text: '·', paint: palette.faint },
      { text: one[first], paint: palette.strong },
      one.grant ?? one.access,
      howOf(one),
      whenOf(one, now),
      one.lastUsed === null ? 'never' : relativeTime(Date.parse(one.lastUsed), now),
    ]),
  );
}

function howOf({ how, stepUp, locked }: ReachView): string {
  const ways = { standing: 'standing', request: 'on request', grant: 'granted' };
  const more = [...(stepUp ? ['step-up'] : []), ...(locked === null ? [] : [`locked by ${locked}`])];
  return [ways[how], ...more].join(', ');
}

function whenOf({ windows, until }: ReachView, now: number): string {
  const parts = [
    ...(windows === null ? [] : [windows]),
    ...(until === null ? [] : [`ends ${relativeTime(Date.parse(until), now)}`]),
  ];
  return parts.join('; ');
}
