/** What was done that changes structures, rights or machines, or that a rule restricted. */
import type { SearchHit } from '../../core/search.ts';
import type { ShellEffect } from '../../core/shell-effects.ts';
import type { SqlEffect } from '../../core/sql-effects.ts';
import type { ApiPorts } from '../ports.ts';
import { Evidence, type ReportBody, when } from './document.ts';
import { all, anyOf, cutNote, hitsOf, type Span } from './look-up.ts';

/** Effects that count as privileged, in the words of their languages. */
const privileged = [
  'drop',
  'truncate',
  'delete-all',
  'update-all',
  'alter',
  'create',
  'grant',
  'role-change',
  'program-execution',
  'file-access',
  'foreign-access',
  'server-control',
  'replication',
  'destructive',
  'permission',
  'privilege',
  'service-control',
  'system-control',
  'kernel',
  'firewall',
  'package',
  'user-admin',
  'disk',
  'mount',
  'schedule',
  // Of Kubernetes: verbs on objects.
  'delete',
  'deletecollection',
  'impersonate',
  'escalate',
  'bind',
] as const satisfies readonly (SqlEffect | ShellEffect | string)[];

export async function privilegedReport(
  ports: Pick<ApiPorts, 'search'>,
  span: Span,
  signal: AbortSignal,
): Promise<ReportBody> {
  const isCommand = anyOf('type', 'command');
  const where = all(isCommand, {
    node: 'any',
    of: [anyOf('effect', ...privileged), anyOf('verdict', 'hold', 'block', 'terminate')],
  });
  const { found, isCut } = await hitsOf(ports, where, span, signal);
  const hits = found.filter(isPrivileged);
  const evidence = new Evidence();
  for (const hit of hits) evidence.add(hit);
  const counted = (pick: (hit: SearchHit) => boolean): number => hits.filter(pick).length;
  const by = new Map<string, number>();
  for (const { principal } of hits) by.set(principal?.name ?? '', (by.get(principal?.name ?? '') ?? 0) + 1);
  return {
    title: 'Privileged commands',
    question: 'Who changed structures, rights or machines, or tried to, and what did the rules say?',
    figures: [
      { label: 'Privileged commands', value: hits.length },
      { label: 'Held for a decision', value: counted(({ judged }) => judged === 'hold') },
      { label: 'Blocked or ended', value: counted(({ verdict }) => verdict === 'block' || verdict === 'terminate') },
      {
        label: 'By agents',
        value: counted(({ agents, principal }) => agents.length > 0 || principal?.kind === 'agent'),
      },
    ],
    tables: [
      {
        key: 'commands',
        title: 'Commands',
        note: 'By what a command means, not by its text. The sequence is that of its intent in the journal of its gateway.',
        empty: 'There was none in this time.',
        columns: [
          { key: 'at', title: 'When (UTC)', look: 'time' },
          { key: 'who', title: 'Who' },
          { key: 'resource', title: 'Resource' },
          { key: 'effects', title: 'Effects' },
          { key: 'text', title: 'Command', look: 'code' },
          { key: 'verdict', title: 'Verdict', look: 'verdict' },
          { key: 'rule', title: 'Rule' },
          { key: 'outcome', title: 'Outcome' },
          { key: 'rows', title: 'Rows', look: 'figure' },
          { key: 'place', title: 'Session and command', look: 'id' },
          { key: 'evidence', title: 'Sequence', look: 'id' },
        ],
        rows: hits.map((hit) => [
          when(hit.atMs),
          whoOf(hit),
          hit.resource,
          hit.effects.join(', '),
          shortened(hit.text),
          hit.judged !== null && hit.judged !== hit.verdict
            ? `${hit.judged}, then ${hit.verdict ?? 'none'}`
            : hit.verdict,
          hit.rule,
          [hit.outcome ?? 'unfinished', ...(hit.error === null ? [] : [hit.error])].join(' '),
          hit.rows,
          `${hit.session ?? ''} #${hit.command ?? ''}`,
          hit.id,
        ]),
      },
      {
        key: 'people',
        title: 'By principal',
        note: 'How many of the commands above are whose.',
        empty: 'Nobody.',
        columns: [
          { key: 'who', title: 'Who' },
          { key: 'commands', title: 'Commands', look: 'figure' },
        ],
        rows: [...by].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)),
      },
    ],
    notes: isCut ? [cutNote('commands')] : [],
    evidence,
  };
}

/** `delete` is a privileged verb of Kubernetes, and everyday work of SQL and of files. */
function isPrivileged({ kind, effects, judged, verdict }: SearchHit): boolean {
  const isRestricted = [judged, verdict].some((name) => name === 'hold' || name === 'block' || name === 'terminate');
  if (isRestricted) return true;
  return effects.some(
    (effect) => (privileged as readonly string[]).includes(effect) && (effect !== 'delete' || kind === 'kubernetes'),
  );
}

export function whoOf({ principal, agents }: Pick<SearchHit, 'principal' | 'agents'>): string {
  const name = principal?.name ?? '';
  return agents.length === 0 ? name : `${name} (by ${agents.join(', ')})`;
}

/** What stands in a report of a text; the whole of it is in the journal. */
const shownMax = 600;

export function shortened(text: string): string {
  const trimmed = text.trim();
  return trimmed.length <= shownMax ? trimmed : `${trimmed.slice(0, shownMax)}…`;
}
