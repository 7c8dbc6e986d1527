/**
 * A workload's own token, from where the workload has it: a file (Kubernetes projects one), a variable (GitLab sets one),
 * standard input, or GitHub Actions, which is asked for one.
 *
 * Invariants: it is never printed; GitHub is asked over TLS, at the address that the runner itself names.
 */
import { readFile, stat } from 'node:fs/promises';
import { resolve as resolvePath } from 'node:path';
import { tokenExchange } from '../api/contract/index.ts';
import type { Api } from './api.ts';
import type { CommandContext, OptionSpec } from './command.ts';
import { cliError, codeOf, reasonOf, usage } from './errors.ts';
import { secretBytesMax } from './limits.ts';
import { parseSeconds, readSecret } from './parse.ts';
import type { Profile } from './profile.ts';
import { exchangeToken, fetchText, type GivenToken, parseJson } from './token-endpoint.ts';

export const workloadSources = 'github, a file, env:NAME, or - for standard input';

/** Throws `cli.usage` where it is not there. */
export async function workloadToken(context: CommandContext, from: string, audience: string): Promise<string> {
  const { io } = context;
  if (from === 'github') return githubToken(context, audience);
  if (from === '-') return readSecret(io.stdin, 'The token');
  if (from.startsWith('env:')) {
    const name = from.slice('env:'.length);
    const token = io.env[name]?.trim() ?? '';
    if (token === '') throw usage(`The variable ${name} holds no token.`, 'Have the pipeline set it.');
    return token;
  }
  return readToken(resolvePath(io.cwd, from));
}

async function readToken(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > secretBytesMax)
      throw cliError('cli.too-large', { what: path, bytes: secretBytesMax });
    const token = (await readFile(path, 'utf8')).trim();
    if (token === '') throw usage(`${path} is empty.`, 'See that a token is put there.');
    return token;
  } catch (error) {
    if (codeOf(error)?.startsWith('cli.') === true) throw error;
    throw cliError('cli.no-file', { path, why: reasonOf(error) }, error);
  }
}

/** What a runner of GitHub Actions offers to jobs that have the permission `id-token: write`. */
async function githubToken({ io, signal }: CommandContext, audience: string): Promise<string> {
  const asked = io.env['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? '';
  const secret = io.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '';
  const url = URL.parse(asked);
  if (url === null || secret === '') {
    throw usage('This job cannot ask GitHub for a token.', 'Give it: permissions: { id-token: write }');
  }
  const isHere = url.protocol === 'http:' && url.hostname === '127.0.0.1';
  if (url.protocol !== 'https:' && !isHere) throw usage('GitHub is asked over https only.', 'Look at the runner.');
  url.searchParams.set('audience', audience);
  const headers = { authorization: `Bearer ${secret}`, accept: 'application/json' };
  const { status, text } = await fetchText(url, { method: 'GET', headers, signal });
  const said = parseJson(text);
  const token = typeof said === 'object' && said !== null && 'value' in said ? said.value : null;
  if (status !== 200 || typeof token !== 'string') {
    throw cliError('cli.no-token', { server: url.origin, why: `it answers ${status}` });
  }
  return token;
}

/** The options that an exchange takes, as fields of its form. */
export function exchangeFields({ options }: CommandContext): (readonly [string, string])[] {
  const lifetime = options.text('lifetime') ?? options.text('for');
  const principal = options.text('principal');
  return [
    ...options.list('resource').map((name) => ['audience', name] as const),
    ...(principal === null ? [] : [['principal', principal] as const]),
    ...(lifetime === null ? [] : [['expires_in', String(parseSeconds(lifetime, '--lifetime'))] as const]),
  ];
}

/** What `sallyport login` takes of a pipeline, a pod or an agent. */
export const workloadOptions: readonly OptionSpec[] = [
  { flags: '--workload <from>', description: `Log in as a workload, by its own token: ${workloadSources}.` },
  { flags: '--audience <url>', description: 'What GitHub is to write that token for (default: the gateway).' },
];

/** The token of ours that a workload logs in with. */
export async function tokenOfWorkload(context: CommandContext, from: string, target: Profile): Promise<string> {
  const { server, ca } = await context.openApi(target);
  return (await byWorkload(context, from, { server, ca })).token;
}

/** Signs a workload on. `audience` is the gateway's own address unless it is named. */
async function byWorkload(
  context: CommandContext,
  from: string,
  { server, ca }: Pick<Api, 'server' | 'ca'>,
): Promise<GivenToken> {
  const token = await workloadToken(context, from, context.options.text('audience') ?? server.origin);
  const fields = [
    ['grant_type', tokenExchange.grantType],
    ['subject_token', token],
    ['subject_token_type', tokenExchange.jwt],
    ...exchangeFields(context),
  ] as const;
  return exchangeToken({ server, ca }, fields, context.signal);
}
