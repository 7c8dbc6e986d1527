/** An SSH resource's own settings: what a manifest may say, and what it means. */
import type { Resource, SettingDefinition, SettingValue } from '../../core/resource.ts';
import * as limits from './limits.ts';

/**
 * How a terminal's commands are judged. `observed`: recorded and searched, nothing is stopped. `gated`: each line, and what
 * it runs, is judged before it runs. `strict`: gated, and what cannot be bounded waits for a reviewer. `kernel`: each
 * program start is judged on the target. `exec-only`: no shell; each line is one command.
 */
export const shellLevels = ['observed', 'gated', 'strict', 'kernel', 'exec-only'] as const;
export type ShellLevel = (typeof shellLevels)[number];

export const unhookedChoices = ['refuse', 'observe', 'exec-only'] as const;
export type Unhooked = (typeof unhookedChoices)[number];

export const loginShells = ['sh', 'bash', 'zsh', 'fish', 'busybox', 'unknown'] as const;
export type LoginShell = (typeof loginShells)[number];

export const settingDefinitions: Readonly<Record<string, SettingDefinition>> = {
  host_keys: {
    type: 'string-list',
    description:
      'Host keys of the target, as public keys or SHA256 fingerprints. Without one the target is not connected to; `sallyport trust NAME` fetches and pins it.',
    default: [],
  },
  jump_hosts: {
    type: 'string-list',
    description: 'Names of SSH resources to go through, nearest first.',
    default: [],
  },
  shell: {
    type: 'string',
    description:
      'How a terminal is judged: observed (recorded only), gated (each line before it runs), strict (and what cannot be bounded is held), kernel (each program start on the target), exec-only (no terminal shell).',
    choices: shellLevels,
    default: 'gated',
  },
  unhooked: {
    type: 'string',
    description: 'What happens where a gated or kernel shell cannot be set up on the target.',
    choices: unhookedChoices,
    default: 'refuse',
  },
  login_shell: {
    type: 'string',
    description: 'The shell that the target runs commands with, where it is not bash or sh.',
    choices: loginShells,
    default: 'unknown',
  },
  forwards: {
    type: 'string-list',
    description:
      'What may be forwarded; nothing unless given. Each is `local HOST:PORT`, `remote HOST:PORT`, `local-socket PATH`, `remote-socket PATH` (with * as a wildcard), `agent` or `x11`.',
    default: [],
  },
  environment: {
    type: 'string-list',
    description: 'Names of environment variables that clients may set, with * as a wildcard.',
    default: ['LANG', 'LC_*', 'COLORTERM', 'NO_COLOR'],
  },
  transfers: {
    type: 'string',
    description: 'What becomes of an uploaded file in which a Mask’s detector finds something.',
    choices: ['block', 'quarantine'],
    default: 'block',
  },
  idle_timeout: {
    type: 'integer',
    description: 'Seconds without anything passing after which a session ends.',
    default: limits.idleTimeoutSecondsDefault,
    minimum: 1,
    maximum: 2_147_483,
  },
};

export interface SshSettings {
  readonly hostKeys: readonly string[];
  readonly jumpHosts: readonly string[];
  readonly shell: ShellLevel;
  readonly unhooked: Unhooked;
  readonly loginShell: LoginShell;
  readonly forwards: readonly string[];
  readonly environment: readonly string[];
  readonly transfers: 'block' | 'quarantine';
  readonly idleMs: number;
}

/** The settings of a resource, which were checked against their definitions. */
export function settingsOf({ settings }: Resource): SshSettings {
  const value = (name: string): SettingValue => settings[name] ?? settingDefinitions[name]!.default!;
  return {
    hostKeys: value('host_keys') as readonly string[],
    jumpHosts: value('jump_hosts') as readonly string[],
    shell: value('shell') as ShellLevel,
    unhooked: value('unhooked') as Unhooked,
    loginShell: value('login_shell') as LoginShell,
    forwards: value('forwards') as readonly string[],
    environment: value('environment') as readonly string[],
    transfers: value('transfers') as SshSettings['transfers'],
    idleMs: Number(value('idle_timeout')) * 1000,
  };
}
