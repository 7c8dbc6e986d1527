/** `sallyport explain`: may this principal open that resource, and which Access says so. */
import { escapeLine } from '../../base/escape.ts';
import type { CommandSpec } from '../command.ts';
import { exitCodes } from '../exit.ts';

export const explainCommand: CommandSpec = {
  name: 'explain',
  group: 'Look',
  summary: 'Say whether a principal may open a resource, and why. Exit code 1 when not.',
  options: [
    { flags: '--principal <name>', description: 'Who; yourself when left out.', complete: 'principal' },
    { flags: '--resource <name>', description: 'What.', required: true, complete: 'resource' },
  ],
  examples: ['sallyport explain --principal engineer --resource orders'],
  async run(context) {
    const { output, options } = context;
    const { client } = await context.api();
    const principal = options.text('principal') ?? (await client.call('whoami')).name;
    const answer = await client.call('explainAccess', { query: { principal, resource: options.text('resource')! } });
    await output.result(answer, async () => {
      const { palette } = output;
      const who = `${palette.strong(escapeLine(answer.principal))} → ${palette.strong(escapeLine(answer.resource))}`;
      await output.line(
        answer.granted
          ? `${palette.good('✔')} ${who}: granted by Access ${palette.accent(escapeLine(answer.rule))}`
          : `${palette.bad('✘')} ${who}: no Access grants this`,
      );
      if (answer.trace.length === 0) return await output.line('There is no Access at all.');
      await output.line();
      await output.table(
        [{ title: '' }, { title: 'ACCESS' }, { title: 'WHY' }],
        answer.trace.map((step) => [
          step.matched ? { text: '✔', paint: palette.good } : { text: '·', paint: palette.faint },
          step.access,
          step.why,
        ]),
      );
    });
    return answer.granted ? exitCodes.ok : exitCodes.no;
  },
};
