/** Who may reach what, and who did: every principal, every resource, every way, beside what was made of it in the time. */
import type { ApiPorts } from '../ports.ts';
import { Evidence, type ReportBody, type ReportCell, when } from './document.ts';
import { type Span, sessionsOf } from './look-up.ts';

interface Use {
  sessions: number;
  commands: number;
  bytes: number;
  lastMs: number;
  lastSession: string;
  readonly agents: Set<string>;
}

export async function accessReport(
  ports: Pick<ApiPorts, 'access' | 'sessions'>,
  span: Span,
  signal: AbortSignal,
): Promise<ReportBody> {
  const uses = new Map<string, Use>();
  for await (const session of sessionsOf(ports, span, signal)) add(uses, session);
  const rows: ReportCell[][] = [];
  const reached = new Set<string>();
  const people = new Set<string>();
  let unused = 0;
  for await (const reach of ports.access.all(signal)) {
    const key = keyOf(reach.principal, reach.resource);
    const use = uses.get(key);
    reached.add(key);
    people.add(reach.principal);
    if (use === undefined && reach.how === 'standing') unused++;
    rows.push([
      reach.principal,
      reach.kind,
      reach.groups.join(', '),
      reach.resource,
      reach.access,
      [
        reach.how,
        ...(reach.stepUp ? ['step-up'] : []),
        ...(reach.locked === null ? [] : [`locked by ${reach.locked}`]),
      ].join(', '),
      [
        ...(reach.windows === null ? [] : [reach.windows]),
        ...(reach.until === null ? [] : [`until ${reach.until}`]),
      ].join('; '),
      reach.grantedBy.join(', '),
      ...usedCells(use),
    ]);
  }
  const gone = [...uses]
    .filter(([key]) => !reached.has(key))
    .map(([key, use]) => [...key.split('\0'), ...usedCells(use)]);
  return {
    title: 'Access per person and resource',
    question: 'Who could open what, by which rule and whose decision, and who did?',
    figures: [
      { label: 'Principals with access', value: people.size },
      { label: 'Ways of access', value: rows.length },
      { label: 'Standing access not used in this time', value: unused },
      { label: 'Sessions in this time', value: [...uses.values()].reduce((sum, { sessions }) => sum + sessions, 0) },
    ],
    tables: [
      {
        key: 'access',
        title: 'Access as it is now, and its use in this time',
        note: 'One row for each way by which a principal may open a resource. Use is of the principal and resource, by whatever way.',
        empty: 'Nobody may open anything.',
        columns: [
          { key: 'principal', title: 'Who' },
          { key: 'kind', title: 'Kind' },
          { key: 'groups', title: 'Groups' },
          { key: 'resource', title: 'Resource' },
          { key: 'access', title: 'By' },
          { key: 'how', title: 'How' },
          { key: 'when', title: 'When' },
          { key: 'grantedBy', title: 'Given by' },
          ...usedColumns,
        ],
        rows: rows.sort(byCells),
      },
      {
        key: 'former',
        title: 'Used in this time, and not open any more',
        note: 'Sessions of principals who may not open the resource now: access was taken away, ended, or its principal is gone.',
        empty: 'None.',
        columns: [{ key: 'principal', title: 'Who' }, { key: 'resource', title: 'Resource' }, ...usedColumns],
        rows: gone.sort(byCells),
      },
    ],
    notes: [],
    evidence: new Evidence(),
  };
}

const usedColumns = [
  { key: 'sessions', title: 'Sessions', look: 'figure' },
  { key: 'commands', title: 'Commands', look: 'figure' },
  { key: 'bytes', title: 'Bytes out', look: 'figure' },
  { key: 'agents', title: 'Agents that acted' },
  { key: 'lastUsed', title: 'Last used', look: 'time' },
  { key: 'lastSession', title: 'Last session', look: 'id' },
] as const;

function usedCells(use: Use | undefined): ReportCell[] {
  if (use === undefined) return [0, 0, 0, '', null, null];
  return [use.sessions, use.commands, use.bytes, [...use.agents].sort().join(', '), when(use.lastMs), use.lastSession];
}

function add(
  uses: Map<string, Use>,
  {
    id,
    principal,
    resource,
    commands,
    bytesOut,
    startedAtMs,
  }: Awaited<ReturnType<ApiPorts['sessions']['get']>> & object,
): void {
  const key = keyOf(principal.name, resource);
  const use = uses.get(key) ?? { sessions: 0, commands: 0, bytes: 0, lastMs: 0, lastSession: '', agents: new Set() };
  uses.set(key, use);
  use.sessions++;
  use.commands += commands;
  use.bytes += bytesOut;
  for (const agent of principal.agents ?? []) use.agents.add(agent);
  if (startedAtMs < use.lastMs) return;
  use.lastMs = startedAtMs;
  use.lastSession = id;
}

function keyOf(principal: string, resource: string): string {
  return `${principal}\0${resource}`;
}

function byCells(a: readonly ReportCell[], b: readonly ReportCell[]): number {
  const [left, right] = [a, b].map((row) => row.slice(0, 5).join('\0')) as [string, string];
  return left < right ? -1 : left > right ? 1 : 0;
}
