/**
 * What the tests of the kernel level share: a room at that level, a harmless program that counts as dangerous, and the
 * programs that try to start it around the supervisor.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type CommandDraft, shellOf } from '../../core/command.ts';
import type { Verdict } from '../../core/verdict.ts';
import { openRoom, type Room, type RoomOptions, token } from './room-testing.ts';
import { type Account, runSsh, type Sshd, type SshRun, type Started, startSsh, startSshd } from './testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText } from './transport/index.ts';

export interface KernelRoom {
  readonly room: Room;
  readonly sshd: Sshd;
  readonly folder: string;
  /** Makes the file that it is given; a copy of `touch`. */
  readonly danger: string;
  /** Tries to start it: `attacks WAY DANGER FILE`; null where there is no compiler. */
  readonly attacks: string | null;
  /** A file that is not there yet. */
  fresh(): string;
  run(command: string, more?: Partial<SshRun>): ReturnType<typeof runSsh>;
  start(more: Partial<SshRun>): Started;
  close(): Promise<void>;
}

export const blocked: Verdict = { name: 'block', rule: 'no-danger', reason: 'Dangerous things are not done.' };

/** Blocks every start of the dangerous program, by the file that is loaded and by what it means; nothing else. */
export function isDanger({ verb, text, context, meaning }: CommandDraft): boolean {
  if (verb !== 'run' || context['level'] !== 'kernel') return false;
  if (text.includes('/forbidden-') && !text.includes('/attacks ')) return true;
  if (context['file']?.endsWith('/danger') === true || /\bmemory\b|\bdeleted\b/.test(context['facts'] ?? ''))
    return true;
  return shellOf(meaning)?.commands.some(({ program }) => program === 'danger') ?? true;
}

export async function openKernelRoom(
  options: {
    readonly config?: readonly string[];
    readonly settings?: NonNullable<RoomOptions['settings']>;
    readonly account?: Account;
    readonly judge?: RoomOptions['judge'];
    readonly reviews?: RoomOptions['reviews'];
  } = {},
): Promise<KernelRoom> {
  const key = generateKeyText('ed25519');
  const sshd = await startSshd({
    authorizedKeys: [publicKeyToText(privateKeyFromText(key).publicKey)],
    ...(options.account === undefined ? {} : { account: options.account }),
    ...(options.config === undefined ? {} : { config: options.config }),
  });
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-kernel-'));
  // Accounts without privileges use it too.
  chmodSync(folder, 0o777);
  const danger = join(folder, 'danger');
  copyFileSync('/usr/bin/touch', danger);
  chmodSync(danger, 0o755);
  const room = await openRoom({
    target: { port: sshd.port, hostKeys: sshd.hostKeys },
    credential:
      options.account === undefined
        ? { username: sshd.user, privateKey: key }
        : { username: options.account.name, password: options.account.password },
    settings: { shell: 'kernel', ...options.settings },
    judge: options.judge ?? ((draft) => (isDanger(draft) ? blocked : null)),
    ...(options.reviews === undefined ? {} : { reviews: options.reviews }),
  });
  let count = 0;
  const login = { port: room.port, user: 'engineer+web-1', password: token } as const;
  return {
    room,
    sshd,
    folder,
    danger,
    attacks: compiled(folder),
    fresh: () => join(folder, `made-${++count}`),
    run: (command, more = {}) => runSsh({ ...login, command, ...more }),
    start: (more) => startSsh({ ...login, deadlineMs: 90_000, ...more }),
    close: async () => {
      await room.close();
      await sshd.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Accounts of tests use it without the start-up files of whoever runs them. */
export function script(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o755 });
  chmodSync(path, 0o755);
  return path;
}

function compiled(folder: string): string | null {
  if (!existsSync('/usr/bin/gcc')) return null;
  const path = join(folder, 'attacks');
  const source = resolve(import.meta.dirname, 'supervisor/fixtures/attacks.c');
  execFileSync('/usr/bin/gcc', ['-O1', '-pthread', '-w', '-o', path, source]);
  chmodSync(path, 0o755);
  return path;
}
