/**
 * `sallyport login`: proves who you are once, and keeps the short-lived token in a profile. At a terminal by the browser, where
 * the identity providers and passkeys are; by device where the browser is elsewhere; by password, with its second step, where
 * a name is given.
 */
import { resolve as resolvePath } from 'node:path';
import { ApiError } from '../../api/contract/index.ts';
import { escapeLine } from '../../base/escape.ts';
import { beginBrowserLogin, browserProgram, openPage } from '../browser-login.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { certify } from '../connect/ssh-files.ts';
import { cliError, usage } from '../errors.ts';
import { startSpinner } from '../output/progress.ts';
import { relativeTime } from '../output/time.ts';
import { parseSeconds, readSecret } from '../parse.ts';
import { emptyProfile, type Profile } from '../profile.ts';
import { askSecret, askText, canPrompt } from '../prompt.ts';
import { withCode } from '../prove.ts';
import { normaliseServer } from '../resolve.ts';
import { sleep } from '../sleep.ts';
import { tokenOfWorkload, workloadOptions } from '../workload.ts';

export const loginCommand: CommandSpec = {
  name: 'login',
  group: 'Connect',
  summary: 'Log in and keep a short-lived access token.',
  options: [
    { flags: '--provider <name>', description: 'The identity provider to log in with.' },
    { flags: '--browser', description: 'By the browser, also where a name is given; the link is printed too.' },
    { flags: '--no-browser', description: 'Only print the link, and wait for it to be opened on this machine.' },
    { flags: '--device', description: 'By a code that you type at the identity provider, on any device.' },
    { flags: '--principal <name>', description: 'Who you are, with a password of this gateway.' },
    { flags: '--password-stdin', description: 'Read the password from standard input.' },
    {
      flags: '--code <code>',
      description: 'The code of your authenticator, or a recovery code, where one is asked for.',
    },
    { flags: '--lifetime <time>', description: 'With a password, how long the token is good for: 30m, 8h, 7d.' },
    ...workloadOptions,
    {
      flags: '--ssh-key <file>',
      description: 'Write an SSH certificate beside this public key too, good as long as the login.',
      complete: 'file',
    },
  ],
  examples: [
    'sallyport login --server https://gateway.internal:7443 --ca ca.pem',
    'sallyport login --device --provider corp',
    'sallyport login --principal engineer',
    'sallyport login --server https://gateway.internal:7443 --token TOKEN',
  ],
  async run(context) {
    const { options, output, io } = context;
    const name = await context.profileName();
    const target = await whereTo(context, name);
    const profile = await wayOf(context)(context, target);
    await context.profiles.save(name, profile);
    const certificate = await certified(context, profile);
    const expires = profile.tokenExpiresAtMs;
    await output.result(
      {
        profile: name,
        server: profile.server,
        principal: profile.principal,
        expiresAt: expires === null ? null : new Date(expires).toISOString(),
        ...(certificate === null ? {} : { certificate }),
      },
      async () => {
        output.note(
          `✔ Logged in to ${profile.server} as ${profile.principal}${expires === null ? '' : `; the token expires ${relativeTime(expires, io.clock.now())}`}.`,
        );
      },
    );
    if (io.env['SALLYPORT_TOKEN'] && options.text('token') === null) {
      output.warn('SALLYPORT_TOKEN is set and goes before what was stored now.');
    }
  },
};

/** The certificate for a key of the person's own, where one is asked for. */
async function certified(context: CommandContext, profile: Profile): Promise<string | null> {
  const given = context.options.text('sshKey');
  if (given === null) return null;
  const path = resolvePath(context.io.cwd, given);
  const api = await context.openApi(profile);
  const { certificatePath } = await certify(api, path.endsWith('.pub') ? path : `${path}.pub`);
  context.output.note(`✔ ${certificatePath}: ssh takes it with the key while this login lasts.`);
  return certificatePath;
}

type Way = (context: CommandContext, target: Profile) => Promise<Profile>;

/** Which way was asked for; at a terminal the browser unless a name or password is given. */
function wayOf(context: CommandContext): Way {
  const { options } = context;
  if (options.text('workload') !== null) return byWorkload;
  if (options.text('token') !== null) return byToken;
  if (options.flag('device')) return byDevice;
  const isByName = options.text('principal') !== null || options.flag('passwordStdin');
  const isAsked = options.flag('browser') || options.isRefused('browser') || options.text('provider') !== null;
  return isAsked || (!isByName && canPrompt(context)) ? byBrowser : byPassword;
}

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

async function byBrowser(context: CommandContext, target: Profile): Promise<Profile> {
  const { options, io, output, signal } = context;
  const { client } = await context.openApi(target);
  const provider = options.text('provider');
  if (provider !== null) await providerOf(client, provider);
  const login = await beginBrowserLogin(target.server!, provider, io.clock, signal);
  try {
    const program = options.isRefused('browser') ? null : browserProgram(io.env);
    const isOpened = program !== null && (await openPage(program, login.link, io.env));
    // Shown even when quiet: without it nobody can go on.
    const how = isOpened
      ? 'If no browser opens, open this on this machine:'
      : 'Open this in a browser on this machine:';
    io.stderr.write(`${how}\n  ${escapeLine(login.link)}\n`);
    if (!isOpened) output.note('With the browser on another machine: sallyport login --device');
    const spinner = startSpinner(output, io.clock, 'Waiting for the browser');
    const code = await login.code.finally(() => spinner.stop());
    return withToken(target, await client.call('redeemTerminal', { body: { code, verifier: login.verifier } }));
  } finally {
    login.close();
  }
}

async function byDevice(context: CommandContext, target: Profile): Promise<Profile> {
  const { options, io, output, signal } = context;
  const { client } = await context.openApi(target);
  const provider = await providerOf(client, options.text('provider'), true);
  const begun = await client.call('beginDeviceSignOn', { body: { provider } });
  io.stderr.write(
    `Open ${escapeLine(begun.verificationUri)} on any device, and type the code ${escapeLine(begun.userCode)}\n`,
  );
  if (begun.verificationUriComplete !== null) {
    io.stderr.write(`Or open this, where the code is filled in:\n  ${escapeLine(begun.verificationUriComplete)}\n`);
  }
  const spinner = startSpinner(output, io.clock, 'Waiting for you to confirm it there');
  let pauseMs = begun.intervalSeconds * 1000;
  try {
    for (;;) {
      await sleep(pauseMs, io.clock, signal);
      const { state, signedOn } = await client.call('pollDeviceSignOn', { body: { id: begun.id } }, { signal });
      if (signedOn !== null) return withToken(target, signedOn);
      if (state === 'slow-down') pauseMs += 5_000;
      if (state === 'denied' || state === 'expired') {
        const what = state === 'denied' ? 'It was refused at the identity provider.' : 'The code was not used in time.';
        throw cliError('cli.denied', { what, todo: 'Begin again: sallyport login --device' });
      }
    }
  } finally {
    spinner.stop();
  }
}

type Client = Awaited<ReturnType<CommandContext['openApi']>>['client'];

/** The provider that was named, or the only one; `withDevice` those that know devices. */
async function providerOf(client: Client, named: string | null, withDevice = false): Promise<string> {
  const all = (await client.call('signOnOptions')).providers;
  const providers = all.filter(({ device }) => device || !withDevice);
  const found =
    named === null ? (providers.length === 1 ? providers[0] : undefined) : providers.find(({ name }) => name === named);
  if (found !== undefined) return found.name;
  const names = providers.map(({ name }) => name).join(', ');
  const what =
    named === null ? 'Which identity provider?' : `There is no identity provider ${named} to log in with so.`;
  throw usage(
    what,
    names === '' ? 'This gateway has none: sallyport login --principal NAME' : `Name one with --provider: ${names}.`,
  );
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
  const given = options.text('lifetime');
  const lifetime = given === null ? {} : { lifetimeSeconds: parseSeconds(given, '--lifetime') };
  const { client } = await context.openApi(target);
  const answer = await client.call('login', { body: { principal, password, ...lifetime } }).catch((error: unknown) => {
    const step = error instanceof ApiError ? error.step : null;
    if (step === null || step === undefined) throw error;
    return withCode(context, step.factors, options.text('code'), (code) =>
      client.call('answerFactor', { body: { pendingId: step.pendingId, ...code, ...lifetime } }),
    );
  });
  return withToken(target, answer);
}

async function byToken(context: CommandContext, target: Profile): Promise<Profile> {
  return withOwner(context, target, context.options.text('token')!);
}

async function byWorkload(context: CommandContext, target: Profile): Promise<Profile> {
  return withOwner(context, target, await tokenOfWorkload(context, context.options.text('workload')!, target));
}

/** The gateway says whose a token is, and until when. */
async function withOwner(context: CommandContext, target: Profile, token: string): Promise<Profile> {
  const { client } = await context.openApi({ ...target, token });
  const answer = await client.call('whoami');
  return { ...target, principal: answer.name, token, tokenExpiresAtMs: Date.parse(answer.token.expiresAt) };
}

function withToken(
  target: Profile,
  answer: { readonly token: string; readonly expiresAt: string; readonly principal: { readonly name: string } },
): Profile {
  const { token, expiresAt, principal } = answer;
  return { ...target, principal: principal.name, token, tokenExpiresAtMs: Date.parse(expiresAt) };
}
