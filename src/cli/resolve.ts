/**
 * Which profile is in force: options win over the environment, which wins over the file.
 *
 * Invariant: a stored token and authority are used with the server that they were stored for, and with no other. Naming
 * another server on the command line must not send it somebody's token.
 */
import { resolve as resolvePath } from 'node:path';
import type { OptionReader } from './command.ts';
import { cliError, usage } from './errors.ts';
import type { CliIo } from './io.ts';
import type { Output } from './output/output.ts';
import { emptyProfile, type Profile, type ProfileStore } from './profile.ts';

export async function resolveProfile(
  store: ProfileStore,
  options: OptionReader,
  io: CliIo,
  output: Output,
): Promise<Profile> {
  const asked = askedName(options, io);
  const stored = await store.find(asked);
  const server = options.text('server') ?? variable(io, 'SALLYPORT_SERVER');
  const token = options.text('token') ?? variable(io, 'SALLYPORT_TOKEN');
  const ca = options.text('ca') ?? variable(io, 'SALLYPORT_CA');
  if (stored === null && asked !== null && (server === null || token === null)) {
    throw cliError('cli.no-profile', { name: asked });
  }
  if (stored?.token != null && (await store.isExposed())) {
    output.warn(`Others on this machine can read ${store.path}. Run: chmod 600 ${store.path}`);
  }
  const isSame = server === null || (stored?.server != null && originOf(server) === originOf(stored.server));
  const base = isSame && stored !== null ? stored : { ...emptyProfile, name: stored?.name ?? asked ?? 'default' };
  return {
    name: base.name,
    server: server === null ? base.server : normaliseServer(server),
    ca: ca === null ? base.ca : resolvePath(io.cwd, ca),
    // Who a token from elsewhere belongs to is not known here; `connect` asks the gateway.
    principal: token === null ? base.principal : null,
    token: token ?? base.token,
    tokenExpiresAtMs: token === null ? base.tokenExpiresAtMs : null,
  };
}

/** The name to store under: what was asked for, or the current one. */
export async function wantedProfileName(store: ProfileStore, options: OptionReader, io: CliIo): Promise<string> {
  const name = askedName(options, io) ?? (await store.currentName());
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
    throw usage(
      'A profile is named with letters, digits, dots, dashes and underscores.',
      'Choose another name with --profile.',
    );
  }
  return name;
}

/** A server as it is kept: the scheme filled in, no path behind it. */
export function normaliseServer(text: string): string {
  const full = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`;
  if (!URL.canParse(full)) throw usage(`${text} is no address of a gateway.`, 'Give https://host:port.');
  return full.replace(/\/+$/, '');
}

function askedName(options: OptionReader, io: CliIo): string | null {
  return options.text('profile') ?? variable(io, 'SALLYPORT_PROFILE');
}

function originOf(server: string): string {
  return new URL(normaliseServer(server)).origin;
}

function variable(io: CliIo, name: string): string | null {
  const value = io.env[name];
  return value === undefined || value === '' ? null : value;
}
