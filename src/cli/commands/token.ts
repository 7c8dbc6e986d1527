/** `sallyport token …`: short-lived access tokens, for yourself and for what runs without a person. */

import { escapeLine } from '../../base/escape.ts';
import type { CommandSpec } from '../command.ts';
import { relativeTime } from '../output/time.ts';
import { parseSeconds } from '../parse.ts';

export const tokenLsCommand: CommandSpec = {
  name: 'token ls',
  group: 'Connect',
  summary: 'List access tokens, without their secrets.',
  options: [{ flags: '--all', description: "Everybody's, where you may see them." }],
  async run(context) {
    const { io, options, output } = context;
    const { client } = await context.api();
    const { tokens } = await client.call('listTokens', options.flag('all') ? { query: { all: true } } : { query: {} });
    await output.result(tokens, async () => {
      if (tokens.length === 0) return output.note('There is no valid token.');
      const now = io.clock.now();
      const when = (at: string | null): string => (at === null ? 'never' : relativeTime(Date.parse(at), now));
      await output.table(
        [
          { title: 'ID' },
          { title: 'OWNER' },
          { title: 'DESCRIPTION', widest: 40 },
          { title: 'USE' },
          { title: 'PROVEN BY', widest: 32 },
          { title: 'CREATED' },
          { title: 'EXPIRES' },
          { title: 'LAST USED' },
        ],
        tokens.map((token) => [
          token.id,
          token.owner,
          token.description,
          useOf(token),
          provenBy(token),
          when(token.createdAt),
          Date.parse(token.expiresAt) < now
            ? { text: when(token.expiresAt), paint: output.palette.bad }
            : when(token.expiresAt),
          when(token.lastUsedAt),
        ]),
      );
    });
  },
};

/** `web` is a browser's; what is in an agent's hands says whose. */
function useOf({ use, agents }: { readonly use: string; readonly agents: readonly string[] }): string {
  return agents.length === 0 ? use : `${use}, by ${agents.join(' for ')}`;
}

function provenBy({
  method,
  provider,
  factors,
}: {
  readonly method: string | null;
  readonly provider: string | null;
  readonly factors: readonly string[];
}): string {
  const by = provider ?? method ?? '';
  return factors.length === 0 ? by : `${by}: ${factors.join(', ')}`;
}

export const tokenCreateCommand: CommandSpec = {
  name: 'token create',
  group: 'Connect',
  summary: 'Issue a token. Its secret goes to standard output, once.',
  options: [
    { flags: '--principal <name>', description: 'For whom; yourself when left out.', complete: 'principal' },
    { flags: '--description <text>', description: 'What it is for.' },
    { flags: '--lifetime <time>', description: 'How long it is good for: 30m, 8h, 7d.' },
    { flags: '--for <time>', description: 'The same as --lifetime.' },
    {
      flags: '--resource <name>',
      description: 'The only resource that it is good for. May be repeated.',
      repeat: true,
      complete: 'resource',
    },
    {
      flags: '--for-agent <name>',
      description: 'Has this agent act for you, for an hour unless --for says less; it ends with your login.',
      complete: 'principal',
    },
  ],
  examples: [
    'TOKEN=$(sallyport token create --principal ci --for 7d --resource orders --description deploy)',
    'sallyport token create --for-agent claude-1 --resource orders --for 1h',
  ],
  async run(context) {
    const { io, options, output } = context;
    const principal = options.text('principal');
    const description = options.text('description');
    const lifetime = options.text('lifetime') ?? options.text('for');
    const resources = options.list('resource');
    const agent = options.text('forAgent');
    const { client } = await context.api();
    const token = await client.call('createToken', {
      body: {
        ...(principal === null ? {} : { principal }),
        ...(description === null ? {} : { description }),
        ...(lifetime === null ? {} : { lifetimeSeconds: parseSeconds(lifetime, '--lifetime') }),
        ...(resources.length === 0 ? {} : { resources: [...resources] }),
        ...(agent === null ? {} : { agent }),
      },
    });
    const scope = resources.length === 0 ? '' : `, good for ${resources.join(', ')}`;
    const acting = agent === null ? '' : `, with which ${agent} acts`;
    await output.result(token, async () => {
      output.note(
        `✔ Token ${token.id} for ${token.owner}${acting}${scope}, expires ${relativeTime(Date.parse(token.expiresAt), io.clock.now())}. It is shown only now:`,
      );
      await output.line(escapeLine(token.token));
    });
  },
};

export const tokenRevokeCommand: CommandSpec = {
  name: 'token revoke',
  group: 'Connect',
  summary: 'Revoke tokens at once; live sessions that they opened end within a second.',
  arguments: [{ name: '<ids...>', description: 'As token ls shows them.', complete: 'token' }],
  async run(context) {
    const { client } = await context.api();
    for (const id of context.args) {
      await client.call('revokeToken', { params: { id } });
      context.output.note(`✔ Revoked ${id}.`);
    }
  },
};
