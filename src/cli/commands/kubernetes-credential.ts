/**
 * The credential plugin of a kubeconfig: prints a token that is good for a quarter of an hour, as kubectl and client libraries
 * call for it (client.authentication.k8s.io, `ExecCredential`).
 *
 * Invariants: the token is kept in a file that only its owner can read, and given out again as long as it is good for a
 * while, so that calls which follow each other are one session at the gateway; nothing but the credential goes to standard
 * output.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ApiError } from '../../api/contract/index.ts';
import type { Api } from '../api.ts';
import type { CommandSpec } from '../command.ts';
import { cliError, codeOf, reasonOf } from '../errors.ts';
import { writeWhole } from '../files.ts';
import { credentialLifetimeSeconds, credentialMarginMs } from '../limits.ts';

const kept = z.object({ token: z.string(), expiresAt: z.string(), by: z.string() });
type Kept = z.output<typeof kept>;

export const kubernetesCredentialCommand: CommandSpec = {
  name: 'kubernetes-credential',
  group: 'Connect',
  summary: 'Print a short-lived token as kubectl asks for it.',
  hidden: true,
  async run(context) {
    const { io, output, profiles } = context;
    const api = await context.api();
    // A token that another sign-on brought about ends with that one.
    const by = createHash('sha256').update(`${api.server.href}\n${api.profile.token!}`).digest('hex');
    const directory = join(profiles.directory, 'kubernetes');
    const path = join(directory, `${await context.profileName()}.json`);
    let found = await load(path);
    const isGood = (one: Kept): boolean =>
      one.by === by && Date.parse(one.expiresAt) > io.clock.now() + credentialMarginMs;
    if (found === null || !isGood(found)) {
      const body = { lifetimeSeconds: credentialLifetimeSeconds, description: 'kubectl' };
      const { token, expiresAt } = await api.client
        .call('createToken', { body })
        .catch((error: unknown) => own(api, error));
      found = { token, expiresAt, by };
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
      } catch (error) {
        throw cliError('cli.cannot-write', { path: directory, why: reasonOf(error) }, error);
      }
      await writeWhole(path, [Buffer.from(JSON.stringify(found))]);
    }
    const credential = {
      kind: 'ExecCredential',
      apiVersion: versionAsked(io.env['KUBERNETES_EXEC_INFO']),
      spec: {},
      status: { expirationTimestamp: new Date(found.expiresAt).toISOString(), token: found.token },
    };
    await output.line(JSON.stringify(credential));
  },
};

/** A token that is narrowed, or an agent's, makes no others: it is given out itself. */
async function own(api: Api, refusal: unknown): Promise<{ readonly token: string; readonly expiresAt: string }> {
  if (!(refusal instanceof ApiError) || refusal.status !== 403) throw refusal;
  const { token } = await api.client.call('whoami');
  return { token: api.profile.token!, expiresAt: token.expiresAt };
}

async function load(path: string): Promise<Kept | null> {
  try {
    return kept.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    // What is not there, or not as it was written, is made anew.
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw cliError('cli.no-file', { path, why: reasonOf(error) }, error);
  }
}

/** The answer must be of the version that was asked for. */
function versionAsked(info: string | undefined): string {
  const asked = /"apiVersion":\s*"(client\.authentication\.k8s\.io\/v1(?:alpha1|beta1)?)"/.exec(info ?? '')?.[1];
  return asked ?? 'client.authentication.k8s.io/v1';
}
