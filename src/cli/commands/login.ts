/** `sallyport login`: proves who you are once, and keeps the short-lived token in a profile. */
import { resolve as resolvePath } from 'node:path';
import type { CommandContext, CommandSpec } from '../command.ts';
import { usage } from '../errors.ts';
import { relativeTime } from '../output/time.ts';
import { parseSeconds, readSecret } from '../parse.ts';
import { emptyProfile, type Profile } from '../profile.ts';
import { askSecret, askText, canPrompt } from '../prompt.ts';
import { normaliseServer } from '../resolve.ts';

export const loginCommand: CommandSpec = {
  name: 'login',
  group: 'Connect',
  summary: 'Log in and keep a short-lived access token.',
  options: [
    { flags: '--principal <name>', description: 'Who you are.' },
    { flags: '--password-stdin', description: 'Read the password from standard input.' },
    { flags: '--lifetime <time>', description: 'How long the token is good for: 30m, 8h, 7d.' },
  ],
  examples: [
    'sallyport login --server https://gateway.internal:7443 --ca ca.pem --principal engineer',
    'sallyport login --server https://gateway.internal:7443 --token TOKEN',
  ],
  async run(context) {
    const { options, output, io } = context;
    const name = await context.profileName();
    const target = await whereTo(context, name);
    const given = options.text('token');
    const profile = given === null ? await byPassword(context, target) : await byToken(context, target, given);
    await context.profiles.save(name, profile);
    const expires = profile.tokenExpiresAtMs;
    await output.result(
      {
        profile: name,
        server: profile.server,
        principal: profile.principal,
        expiresAt: expires === null ? null : new Date(expires).toISOString(),
      },
      async () => {
        output.note(
          `✔ Logged in to ${profile.server} as ${profile.principal}${expires === null ? '' : `; the token expires ${relativeTime(expires, io.clock.now())}`}.`,
        );
      },
    );
    if (io.env['SALLYPORT_TOKEN']) output.warn('SALLYPORT_TOKEN is set and goes before what was stored now.');
  },
};

/** Server and authority: options, environment, or what the profile held before. */
async function whereTo(context: CommandContext, name: string): Promise<Profile> {
  const { options, io, profiles } = context;
  const stored = await profiles.find(name);
  const server = options.text('server') ?? (io.env['SALLYPORT_SERVER'] || null) ?? stored?.server ?? null;
  if (server === null) throw usage('Which gateway?', 'Name it: sallyport login --server https://host:port');
  const normal = normaliseServer(server);
  const ca = options.text('ca') ?? (io.env['SALLYPORT_CA'] || null);
  const isSame = stored?.server === normal;
  return {
    ...emptyProfile,
    name,
    server: normal,
    ca: ca === null ? (isSame ? stored.ca : null) : resolvePath(io.cwd, ca),
    principal: options.text('principal') ?? (isSame ? stored.principal : null),
  };
}

async function byPassword(context: CommandContext, target: Profile): Promise<Profile> {
  const { options, io } = context;
  const fromStdin = options.flag('passwordStdin');
  if (target.principal === null && (fromStdin || !canPrompt(context))) {
    throw usage('Who are you?', 'Name yourself: sallyport login --principal NAME');
  }
  if (!fromStdin && !canPrompt(context)) {
    throw usage('There is no terminal to ask for the password.', 'Use --password-stdin, or --token.');
  }
  const principal = target.principal ?? (await askText(context, 'Principal'));
  const password = fromStdin
    ? await readSecret(io.stdin, 'The password')
    : await askSecret(context, `Password of ${principal}`);
  const lifetime = options.text('lifetime');
  const { client } = await context.openApi(target);
  const answer = await client.call('login', {
    body: {
      principal,
      password,
      ...(lifetime === null ? {} : { lifetimeSeconds: parseSeconds(lifetime, '--lifetime') }),
    },
  });
  return {
    ...target,
    principal: answer.principal.name,
    token: answer.token,
    tokenExpiresAtMs: Date.parse(answer.expiresAt),
  };
}

async function byToken(context: CommandContext, target: Profile, token: string): Promise<Profile> {
  const { client } = await context.openApi({ ...target, token });
  const answer = await client.call('whoami');
  return { ...target, principal: answer.name, token, tokenExpiresAtMs: Date.parse(answer.token.expiresAt) };
}
