/**
 * Which shell is started how: from the greeting of the side channel to hook files and the command of the PTY channel.
 *
 * Deliberately absent: a fallback. A shell that is not known is a value that the resource's own choice answers.
 */
import type { ShellDialect } from '../../../core/shell.ts';
import type { HookedShell, ShellFacts } from '../types.ts';
import { bashHooks, type HookPlace } from './bash.ts';
import { fishHooks } from './fish.ts';
import type { HookNames } from './names.ts';
import { posixHooks } from './posix.ts';
import type { SideGreeting } from './setup.ts';
import { zshHooks } from './zsh.ts';

export interface ShellPlan {
  readonly shell: HookedShell;
  /** Files for the side script's directory. */
  readonly files: Readonly<Record<string, string>>;
  /** The command of the PTY channel. */
  readonly start: string;
  /** What a shell within the shell is started with, gated as the outer one; empty where that cannot be done. */
  readonly nested: Readonly<Partial<Record<HookedShell, string>>>;
  /** The hello comes only after the person's own files. */
  readonly helloIsLate: boolean;
}

/** Null where the shell cannot be gated. */
export function planShell(
  names: HookNames,
  greeting: SideGreeting,
  options: { lessSecure: boolean },
): ShellPlan | null {
  const shell = greeting.isBusybox ? 'ash' : shellNames[greeting.shell.slice(greeting.shell.lastIndexOf('/') + 1)];
  if (shell === undefined || !/^\/[\w./+@-]+$/.test(greeting.shell)) return null;
  const { directory: d, mkfifo } = greeting;
  const place: HookPlace = { names, directory: d, mkfifo, lessSecure: options.lessSecure };
  const bash = { rc: bashHooks(place, true), nrc: bashHooks(place, false) };
  const zsh = zshHooks(place, `\${SALLYPORT_ZDOTDIR-}`);
  const exe = greeting.shell;
  switch (shell) {
    case 'bash':
      return {
        shell,
        files: { ...bash, ...zsh },
        start: `exec ${exe} --rcfile ${d}/rc -i`,
        nested: nestedIn(d),
        helloIsLate: false,
      };
    case 'zsh':
      return {
        shell,
        files: { ...bash, ...zsh },
        start: `exec env SALLYPORT_ZDOTDIR="$ZDOTDIR" ZDOTDIR=${d} ${exe} -l -i`,
        nested: nestedIn(d),
        helloIsLate: false,
      };
    case 'fish':
      return {
        shell,
        files: { ...bash, ...zsh, frc: fishHooks(place) },
        start: `exec ${exe} -l -i -C ". ${d}/frc"`,
        nested: nestedIn(d),
        helloIsLate: true,
      };
    case 'dash':
    case 'ash':
      return {
        shell,
        files: { prc: posixHooks(place, shell, '') },
        start: `exec env ENV=${d}/prc ${exe} -i`,
        nested: {},
        helloIsLate: false,
      };
  }
}

const nestedIn = (d: string): ShellPlan['nested'] => ({
  bash: `bash --rcfile ${d}/nrc -i`,
  zsh: `env ZDOTDIR=${d} zsh -i`,
});

const shellNames: Readonly<Record<string, HookedShell>> = {
  bash: 'bash',
  zsh: 'zsh',
  fish: 'fish',
  sh: 'dash',
  dash: 'dash',
  ash: 'ash',
};

/** What a hello says: `nonce US shell US version`. Null where it is not one of this session. */
export function readHello(names: HookNames, text: string): ShellFacts | null {
  const [nonce, name, version, ...rest] = text.split('\x1f');
  if (nonce !== names.nonce || rest.length > 0 || version === undefined || version.length > 64) return null;
  const shell =
    name === undefined ? undefined : (['bash', 'zsh', 'fish', 'dash', 'ash'] as const).find((one) => one === name);
  if (shell === undefined) return null;
  return { shell, version, dialect: dialects[shell], assurance: assurances[shell] };
}

/** The oldest version whose hooks hold. */
export function isSupported({ shell, version }: ShellFacts): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  if (shell === 'bash') return major * 100 + minor >= 402;
  if (shell === 'zsh') return major >= 5;
  if (shell === 'fish') return major >= 3;
  return true;
}

const dialects: Readonly<Record<HookedShell, ShellDialect>> = {
  bash: 'bash',
  zsh: 'zsh',
  fish: 'fish',
  dash: 'sh',
  ash: 'busybox',
};
const assurances: Readonly<Record<HookedShell, ShellFacts['assurance']>> = {
  bash: 'line-and-command',
  zsh: 'line-and-command',
  fish: 'line',
  dash: 'screen',
  ash: 'screen',
};
