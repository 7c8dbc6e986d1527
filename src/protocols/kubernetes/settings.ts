/** A Kubernetes resource's own settings: what a manifest may say, and what it means. */
import type { Resource, SettingDefinition, SettingValue } from '../../core/resource.ts';
import { type HttpSettings, httpSettings, httpSettingsOf } from '../http/index.ts';
import * as limits from './limits.ts';

/** How a terminal in a pod is judged: see `shells.ts`. */
export const shellLevels = ['observed', 'gated'] as const;
export type ShellLevel = (typeof shellLevels)[number];

export const unhookedChoices = ['refuse', 'observe'] as const;
export type Unhooked = (typeof unhookedChoices)[number];

const { version, answer_timeout, hold_patience } = httpSettings;

export const settingDefinitions: Readonly<Record<string, SettingDefinition>> = {
  version: version!,
  impersonate: {
    type: 'boolean',
    description:
      'Each request is made as the person (Impersonate-User, Impersonate-Group), by a credential that may impersonate and nothing else; otherwise by the credential itself.',
    default: true,
  },
  impersonate_user: {
    type: 'string',
    description: 'What the cluster knows a person as: {name} stands for the login name.',
    default: '{name}',
  },
  group_prefix: {
    type: 'string',
    description: 'Stands before the name of each group that the cluster is told of.',
    default: '',
  },
  proxy: {
    type: 'string',
    description:
      'Requests through the cluster to nodes, pods and services (their subresource proxy), which reach what no rule about Kubernetes sees.',
    choices: ['deny', 'allow'],
    default: 'deny',
  },
  port_forward: {
    type: 'string',
    description: 'Ports of pods that are forwarded; rules judge each request where it is allowed.',
    choices: ['deny', 'allow'],
    default: 'allow',
  },
  shell: {
    type: 'string',
    description: 'How a terminal in a pod is judged: observed (recorded only) or gated (each line before it runs).',
    choices: shellLevels,
    default: 'gated',
  },
  unhooked: {
    type: 'string',
    description: 'What happens where a gated shell cannot be set up in the container.',
    choices: unhookedChoices,
    default: 'refuse',
  },
  idle_timeout: {
    type: 'integer',
    description: 'Seconds without a request after which a session ends; one that still streams is none without.',
    default: limits.idleTimeoutSecondsDefault,
    minimum: 1,
    maximum: 2_147_483,
  },
  answer_timeout: answer_timeout!,
  hold_patience: hold_patience!,
};

export interface KubernetesSettings {
  readonly impersonate: boolean;
  readonly impersonateUser: string;
  readonly groupPrefix: string;
  readonly allowsProxy: boolean;
  readonly allowsPortForward: boolean;
  readonly shell: ShellLevel;
  readonly unhooked: Unhooked;
}

/** The settings of a resource, which were checked against their definitions. */
export function settingsOf({ settings }: Resource): KubernetesSettings {
  const value = (name: string): SettingValue => settings[name] ?? settingDefinitions[name]!.default!;
  return {
    impersonate: value('impersonate') !== false,
    impersonateUser: value('impersonate_user') as string,
    groupPrefix: value('group_prefix') as string,
    allowsProxy: value('proxy') === 'allow',
    allowsPortForward: value('port_forward') === 'allow',
    shell: value('shell') as ShellLevel,
    unhooked: value('unhooked') as Unhooked,
  };
}

/** What of them concerns HTTP. */
export function transportOf(resource: Resource): HttpSettings {
  const settings = { ...resource.settings };
  settings['idle_timeout'] ??= limits.idleTimeoutSecondsDefault;
  return httpSettingsOf({ ...resource, settings });
}
