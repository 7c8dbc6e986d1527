/** `sallyport token exchange|rotate`: a token for a workload's own or for an agent, and a new one in place of an old one. */
import { tokenExchange } from '../../api/contract/index.ts';
import { escapeLine } from '../../base/escape.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { relativeTime } from '../output/time.ts';
import { parseSeconds } from '../parse.ts';
import { exchangeToken } from '../token-endpoint.ts';
import { exchangeFields, workloadSources, workloadToken } from '../workload.ts';

export const tokenExchangeCommand: CommandSpec = {
  name: 'token exchange',
  group: 'Connect',
  summary: 'Exchange a workload’s own token, or have an agent act (RFC 8693). The new secret goes to standard output.',
  options: [
    { flags: '--subject <from>', description: `Whose token: ${workloadSources}.` },
    { flags: '--actor <from>', description: 'The agent’s own token, which acts for the subject: from where as above.' },
    { flags: '--audience <url>', description: 'What GitHub is to write the token for (default: the gateway).' },
    { flags: '--principal <name>', description: 'Who to be, where several rules would take the token.' },
    {
      flags: '--resource <name>',
      description: 'What it is to be good for; less than the subject’s only. May be repeated.',
      repeat: true,
      complete: 'resource',
    },
    { flags: '--for <time>', description: 'How long it is good for at most: 15m, 1h.' },
  ],
  examples: [
    'PGPASSWORD=$(sallyport token exchange --subject env:SALLYPORT_ID_TOKEN --resource orders)',
    'sallyport token exchange --subject env:DELEGATED --actor env:AGENT_TOKEN --for 10m',
  ],
  async run(context) {
    const { options, output } = context;
    const { server, ca } = await context.openApi(await context.profile());
    const audience = options.text('audience') ?? server.origin;
    const subject = await workloadToken(context, options.text('subject') ?? 'github', audience);
    const from = options.text('actor');
    const actor = from === null ? null : await workloadToken(context, from, audience);
    const fields = [
      ['grant_type', tokenExchange.grantType],
      ['subject_token', subject],
      ['subject_token_type', typeOf(subject)],
      ...(actor === null
        ? []
        : ([
            ['actor_token', actor],
            ['actor_token_type', typeOf(actor)],
          ] as const)),
      ...exchangeFields(context),
    ] as const;
    const given = await exchangeToken({ server, ca }, fields, context.signal);
    await output.result(given, async () => {
      const scope = given.scope === null ? '' : `, good for ${given.scope.replaceAll('resource:', '')}`;
      output.note(`✔ A token for ${given.expiresInSeconds} seconds${escapeLine(scope)}. It is shown only now:`);
      await output.line(escapeLine(given.token));
    });
  },
};

/** Tokens of ours begin with `sp_`; everything else is somebody else's. */
function typeOf(token: string): string {
  return token.startsWith('sp_') ? tokenExchange.accessToken : tokenExchange.jwt;
}

export const tokenRotateCommand: CommandSpec = {
  name: 'token rotate',
  group: 'Connect',
  summary: 'Replace a token by a new one. The new secret goes to standard output, once.',
  arguments: [{ name: '<id>', description: 'As token ls shows it.', complete: 'token' }],
  options: [
    { flags: '--overlap <time>', description: 'How long the old one stays good beside it: 10m (default: not at all).' },
  ],
  examples: ['sallyport token rotate tok_06gz… --overlap 10m'],
  async run(context: CommandContext) {
    const { io, options, output } = context;
    const overlap = options.text('overlap');
    const { client } = await context.api();
    const id = context.args[0]!;
    const body = { overlapSeconds: overlap === null ? 0 : parseSeconds(overlap, '--overlap') };
    const token = await client.call('rotateToken', { params: { id }, body });
    await output.result(token, async () => {
      const old = overlap === null ? 'has ended' : `ends in ${overlap}`;
      const expires = relativeTime(Date.parse(token.expiresAt), io.clock.now());
      output.note(`✔ Token ${token.id} for ${token.owner}, expires ${expires}; ${id} ${old}. It is shown only now:`);
      await output.line(escapeLine(token.token));
    });
  },
};
