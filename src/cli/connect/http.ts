/**
 * HTTP for `sallyport connect`: curl with the token in a file that only its owner can read, and lines and variables for
 * other programs.
 *
 * Invariants:
 * - The token is in no command line: curl reads it from a file of its own, or from its standard input (`-K`).
 * - It goes to the resource's origin only: over TLS, and to no other address that is given beside it.
 *
 * curl(1): -K, --oauth2-bearer, --cacert, --proto.
 */
import { join } from 'node:path';
import { usage } from '../errors.ts';
import type { ClientAdapter, Invocation, PrepareOptions, PrintedLine, Target } from './client.ts';
import { shellWord } from './quote.ts';
import { makeThrowAway, removeThrowAway, writeText } from './ssh-files.ts';

export const httpClient: ClientAdapter = {
  protocol: 'http',
  title: 'HTTP',
  programs: ['curl'],
  prepare,
  printedLines,
  forward: null,
};

async function prepare(target: Target, options: PrepareOptions): Promise<Invocation> {
  const origin = originOf(target);
  const args = addressed(origin, options.args);
  const directory = await makeThrowAway(options.env);
  try {
    const settings = join(directory, 'curlrc');
    await writeText(settings, curlSettings(target));
    return { program: 'curl', args: ['-K', settings, ...args], env: {}, dispose: () => removeThrowAway(directory) };
  } catch (error) {
    await removeThrowAway(directory);
    throw error;
  }
}

/**
 * curl's own arguments with the path made an address: the first word, or one that follows no option (`-X DELETE /v1/a`).
 * What follows an option may be its value, such as a file.
 */
function addressed(origin: string, args: readonly string[]): string[] {
  const at = args.findIndex((word, index) => word.startsWith('/') && args[index - 1]?.startsWith('-') !== true);
  const path = at < 0 ? undefined : args[at];
  const others = withoutOthers(
    origin,
    args.filter((_word, index) => index !== at),
  );
  if (path !== undefined) return [`${origin}${path}`, ...others];
  if (args.some((word) => isOf(origin, word))) return [...others];
  if (args.some((word) => word.startsWith('/'))) {
    throw usage(
      'What of this is the path, and what belongs to an option?',
      'Give the path first: sallyport connect RESOURCE -- /path -N -o /tmp/file',
    );
  }
  return [`${origin}/`, ...others];
}

/** What follows an option is its value; every other address would be sent the token. */
function withoutOthers(origin: string, args: readonly string[]): readonly string[] {
  const other = args.find(
    (word, index) => /^[a-z][a-z0-9+.-]*:\/\//i.test(word) && !isOf(origin, word) && args[index - 1]?.[0] !== '-',
  );
  if (other === undefined) return args;
  throw usage(
    `Your token is for ${origin} and would be sent to ${other}, too.`,
    `Give a path first: sallyport connect RESOURCE -- /path, or an address of ${origin}.`,
  );
}

function isOf(origin: string, word: string): boolean {
  return URL.canParse(word) && new URL(word).origin === origin;
}

function curlSettings({ token, caFile }: Target): string {
  const lines = [
    `oauth2-bearer = ${quoted(token)}`,
    'proto = "=https"',
    ...(caFile === null ? [] : [`cacert = ${quoted(caFile)}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** A word in curl's settings: double quotes, in which a backslash takes the next character as it is. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function printedLines(target: Target, { isTokenShown }: { readonly isTokenShown: boolean }): readonly PrintedLine[] {
  const origin = originOf(target);
  const { caFile } = target;
  const token = isTokenShown ? shellWord(target.token) : '"$SALLYPORT_TOKEN"';
  const trust = caFile === null ? '' : ` --cacert ${shellWord(caFile)}`;
  const variables = ['CURL_CA_BUNDLE', 'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS'];
  return [
    // printf is the shell's own, so that no list of processes shows the token.
    {
      title: 'curl',
      line: `printf 'oauth2-bearer = "%s"\\n' ${token} | curl -K -${trust} ${shellWord(`${origin}/`)}`,
    },
    { title: 'Browser', line: `${origin}/` },
    { title: 'Programs', line: `export BASE_URL=${shellWord(origin)} SALLYPORT_TOKEN=${isTokenShown ? token : '…'}` },
    { title: 'Header', line: `Authorization: Bearer ${isTokenShown ? target.token : '$SALLYPORT_TOKEN'}` },
    ...(caFile === null
      ? []
      : [
          { title: 'Trust', line: `export ${variables.map((name) => `${name}=${shellWord(caFile)}`).join(' ')}` },
          { title: 'Authority', line: caFile },
        ]),
  ];
}

function originOf({ origin, resource }: Target): string {
  if (origin !== undefined && origin !== null) return origin;
  throw usage(
    `${resource} has no origin that this program could use.`,
    'Its administrator gives HTTP resources names that are labels of host names; see sallyport status for the listener.',
  );
}
