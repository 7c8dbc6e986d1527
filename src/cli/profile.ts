/**
 * Profiles: which gateway, which authority to trust, and the access token, between calls.
 *
 * Kept in `$XDG_CONFIG_HOME/sallyport/profiles.json`, mode 0600 in a folder of mode 0700, replaced whole by a rename so
 * that a crash leaves the old or the new file. The environment (SALLYPORT_SERVER, SALLYPORT_TOKEN, SALLYPORT_CA) wins
 * over the file, options win over both.
 *
 * Deliberately absent: the system's key ring (no package of it installs without a compiler); passwords, which are never
 * kept; the authority's certificate itself, which stays where the person put it.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { cliError, codeOf, reasonOf } from './errors.ts';
import { profileBytesMax } from './limits.ts';

const profileSchema = z.object({
  server: z.string().nullable(),
  /** Absolute path of a PEM file; null trusts the system's authorities. */
  ca: z.string().nullable(),
  principal: z.string().nullable(),
  token: z.string().nullable(),
  /** Milliseconds since the epoch. */
  tokenExpiresAtMs: z.number().nullable(),
});

const fileSchema = z.object({
  version: z.literal(1),
  current: z.string(),
  profiles: z.record(z.string(), profileSchema),
});

export type StoredProfile = z.infer<typeof profileSchema>;
type ProfileFile = z.infer<typeof fileSchema>;

/** A profile with its name, as options, environment and file make it. */
export interface Profile extends StoredProfile {
  readonly name: string;
}

export const emptyProfile: StoredProfile = {
  server: null,
  ca: null,
  principal: null,
  token: null,
  tokenExpiresAtMs: null,
};

export class ProfileStore {
  readonly directory: string;
  readonly path: string;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    const configured = env['XDG_CONFIG_HOME'];
    // The XDG specification: a relative path is to be ignored.
    const base = configured?.startsWith('/') === true ? configured : join(env['HOME'] ?? homedir(), '.config');
    this.directory = join(base, 'sallyport');
    this.path = join(this.directory, 'profiles.json');
  }

  async names(): Promise<readonly string[]> {
    return Object.keys((await this.#load()).profiles).sort();
  }

  /** The named profile, or the current one; null where it was never stored. */
  async find(name: string | null): Promise<Profile | null> {
    const file = await this.#load();
    const wanted = name ?? file.current;
    const found = Object.hasOwn(file.profiles, wanted) ? file.profiles[wanted] : undefined;
    return found === undefined ? null : { ...found, name: wanted };
  }

  async currentName(): Promise<string> {
    return (await this.#load()).current;
  }

  /** Stores a profile and makes it the current one. */
  async save(name: string, profile: StoredProfile): Promise<void> {
    const file = await this.#load();
    const { server, ca, principal, token, tokenExpiresAtMs } = profile;
    const profiles = { ...file.profiles, [name]: { server, ca, principal, token, tokenExpiresAtMs } };
    await this.#store({ version: 1, current: name, profiles });
  }

  /** True when others on this machine may read the file, tokens included. */
  async isExposed(): Promise<boolean> {
    try {
      return ((await stat(this.path)).mode & 0o077) !== 0;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw cliError('cli.no-file', { path: this.path, why: reasonOf(error) }, error);
    }
  }

  async #load(): Promise<ProfileFile> {
    let text: string;
    try {
      if ((await stat(this.path)).size > profileBytesMax) throw cliError('cli.profiles-damaged', { path: this.path });
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return { version: 1, current: 'default', profiles: {} };
      if (codeOf(error)?.startsWith('cli.') === true) throw error;
      throw cliError('cli.no-file', { path: this.path, why: reasonOf(error) }, error);
    }
    const parsed = fileSchema.safeParse(parseJson(text));
    if (!parsed.success) throw cliError('cli.profiles-damaged', { path: this.path });
    return parsed.data;
  }

  async #store(file: ProfileFile): Promise<void> {
    const next = `${this.path}.${randomBytes(6).toString('hex')}`;
    try {
      await mkdir(this.directory, { recursive: true, mode: 0o700 });
      // `wx` refuses a file or link that someone put there; the mode holds from the first byte on.
      const handle = await open(next, 'wx', 0o600);
      try {
        await handle.writeFile(`${JSON.stringify(file, null, 2)}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      // The mode above is subject to the umask, which only ever takes away; said again for those who set odd ones.
      await chmod(next, 0o600);
      await rename(next, this.path);
    } catch (error) {
      await rm(next, { force: true });
      throw cliError('cli.cannot-write', { path: this.path, why: reasonOf(error) }, error);
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Narrowed to "no such thing": the schema then says that the file is damaged.
    return null;
  }
}
