/**
 * The API as commands use it: the contract's client, bound to a profile and to the run's signal.
 *
 * Deliberately absent: translation of errors, which is done once, at the end of a run (`failure.ts`).
 */
import { readFile, stat } from 'node:fs/promises';
import { type Client, createClient } from '../api/contract/index.ts';
import { cliError, codeOf, reasonOf } from './errors.ts';
import { profileBytesMax, requestDeadlineMs } from './limits.ts';
import type { Profile } from './profile.ts';

export interface Api {
  readonly client: Client;
  readonly profile: Profile;
  readonly server: URL;
  /** PEM text of the authority that the profile names; null trusts the system's. */
  readonly ca: string | null;
}

/** Opens the API for a profile. Without a token only what is public can be called. */
export async function openApi(profile: Profile, signal: AbortSignal, deadlineMs = requestDeadlineMs): Promise<Api> {
  if (profile.server === null) throw cliError('cli.not-logged-in');
  const ca = profile.ca === null ? null : await readAuthority(profile.ca);
  const client = createClient({
    baseUrl: profile.server,
    answerDeadlineMs: deadlineMs,
    ...(profile.token === null ? {} : { token: profile.token }),
    ...(ca === null ? {} : { ca }),
  });
  return { client: withSignal(client, signal), profile, server: new URL(profile.server), ca };
}

async function readAuthority(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > profileBytesMax)
      throw cliError('cli.too-large', { what: path, bytes: profileBytesMax });
    const text = await readFile(path, 'utf8');
    if (!text.includes('-----BEGIN CERTIFICATE-----')) {
      throw cliError('cli.usage', { what: `${path} holds no certificate.`, todo: 'Name a PEM file with --ca FILE.' });
    }
    return text;
  } catch (error) {
    if (codeOf(error)?.startsWith('cli.') === true) throw error;
    throw cliError('cli.no-file', { path, why: reasonOf(error) }, error);
  }
}

/** The same client, with the run's signal on every call that brings none. */
function withSignal(client: Client, signal: AbortSignal): Client {
  type Untyped = (name: never, input?: never, options?: { signal: AbortSignal }) => never;
  const bind =
    (method: Untyped) =>
    (name: never, input?: never, options?: { signal: AbortSignal }): never =>
      method(name, input, options ?? { signal });
  // The table's generic signatures stay what they are; only a trailing argument is filled in.
  return {
    call: bind(client.call as unknown as Untyped),
    stream: bind(client.stream as unknown as Untyped),
    bytes: bind(client.bytes as unknown as Untyped),
    text: bind(client.text as unknown as Untyped),
  } as unknown as Client;
}
