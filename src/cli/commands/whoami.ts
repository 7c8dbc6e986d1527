/** `sallyport whoami`: says who the gateway takes you for. */
import type { CommandSpec } from '../command.ts';
import { relativeTime } from '../output/time.ts';

export const whoamiCommand: CommandSpec = {
  name: 'whoami',
  group: 'Connect',
  summary: 'Show who you are logged in as, and until when.',
  async run(context) {
    const { output, io } = context;
    const { client, server } = await context.api();
    const me = await client.call('whoami');
    await output.result({ server: server.origin, ...me }, async () => {
      await output.fields([
        ['Principal', { text: me.name, paint: output.palette.strong }],
        ['Kind', me.kind],
        ['Identity', `${me.issuer} ${me.subject}`],
        ['Groups', me.groups.join(', ') || '(none)'],
        ['Roles', me.roles.join(', ') || '(none)'],
        ['Gateway', server.origin],
        ['Token', `${me.token.id}, expires ${relativeTime(Date.parse(me.token.expiresAt), io.clock.now())}`],
      ]);
    });
  },
};
