/** What a hit is of, as a small sign with its word; where it leads. */
import {
  Bell,
  Container,
  Database,
  Eye,
  FileCog,
  FileOutput,
  Gavel,
  Globe,
  KeyRound,
  type LucideIcon,
  MonitorPlay,
  Plug,
  ServerCog,
  ShieldAlert,
  ShieldX,
  Terminal,
  TimerReset,
  UserRound,
  Wrench,
} from 'lucide-react';
import type { ReactNode } from 'react';
import type { Hit } from './found.ts';

const byKind: Readonly<Record<string, readonly [LucideIcon, string]>> = {
  sql: [Database, 'SQL'],
  shell: [Terminal, 'Shell'],
  http: [Globe, 'HTTP'],
  kubernetes: [Container, 'Kubernetes'],
  transfer: [FileOutput, 'File transfer'],
  tool: [Wrench, 'Tool'],
  connection: [Plug, 'Connection'],
};

const byType: Readonly<Record<string, readonly [LucideIcon, string]>> = {
  command: [Terminal, 'Command'],
  session: [MonitorPlay, 'Session'],
  'sign-on': [UserRound, 'Sign-on'],
  refusal: [ShieldX, 'Refused'],
  review: [Gavel, 'Review'],
  grant: [KeyRound, 'Grant'],
  change: [FileCog, 'Change'],
  reading: [Eye, 'Reading'],
  alert: [Bell, 'Alert'],
  violation: [ShieldAlert, 'Violation'],
  screen: [MonitorPlay, 'Terminal screen'],
  system: [ServerCog, 'System'],
};

function signOf({ type, kind }: Hit): readonly [LucideIcon, string] {
  return (kind === null ? undefined : byKind[kind]) ?? byType[type] ?? [TimerReset, type];
}

export const kindWord = (hit: Hit): string => signOf(hit)[1];

export function KindSign({ hit }: { readonly hit: Hit }): ReactNode {
  const [Icon, word] = signOf(hit);
  return (
    <span title={word} className="inline-flex shrink-0 text-faint">
      <Icon className="size-3.5" aria-hidden />
      <span className="sr-only">{word}</span>
    </span>
  );
}

/** Where a hit happened, to be seen there; undefined: not in a session. */
export function replayOf(hit: Hit): string | undefined {
  if (hit.session === null) return undefined;
  const path = `/sessions/${encodeURIComponent(hit.session)}`;
  return hit.command === null || hit.command === 0 ? path : `${path}?command=${hit.command}`;
}
