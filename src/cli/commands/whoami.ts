/** `sallyport whoami`: says who the gateway takes you for. */
import type { CommandSpec } from '../command.ts';
import { relativeTime } from '../output/time.ts';

interface Rests {
  readonly method: string | null;
  readonly provider: string | null;
  readonly factors: readonly string[];
  readonly resources: readonly string[] | null;
  readonly agents: readonly string[];
}

/** What the token rests on, where it is known; and how it is narrowed. */
function provenBy({ method, provider, factors, resources, agents }: Rests): [string, string][] {
  const by = provider ?? method;
  return [
    ...(by === null
      ? []
      : [['Proven by', factors.length === 0 ? by : `${by}: ${factors.join(', ')}`] as [string, string]]),
    ...(resources === null ? [] : [['Only for', resources.join(', ') || '(no resource)'] as [string, string]]),
    ...(agents.length === 0 ? [] : [['Agents', agents.join(' for ')] as [string, string]]),
  ];
}

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
        ...provenBy(me.token),
        ['Gateway', server.origin],
        ['Token', `${me.token.id}, expires ${relativeTime(Date.parse(me.token.expiresAt), io.clock.now())}`],
      ]);
    });
  },
};
