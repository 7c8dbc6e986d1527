/** What was recorded, restricted and masked, and where there are gaps. */
import type { ResourceSelector } from '../../core/rules.ts';
import type { SearchHit } from '../../core/search.ts';
import { selectsResource } from '../../core/selecting.ts';
import type { Manifest } from '../contract/index.ts';
import type { ApiPorts } from '../ports.ts';
import { Evidence, type ReportBody, type ReportCell, when } from './document.ts';
import { all, anyOf, cutNote, hitsOf, type Span, sessionsOf } from './look-up.ts';
import { shortened } from './privileged.ts';

interface Recorded {
  sessions: number;
  live: number;
  bestEffort: number;
  broken: number;
  commands: number;
}

/** Ends of a session after which not everything may have been recorded. */
const brokenEnds = ['recording-failed', 'interrupted', 'space'];

/** What of the gateway's own doings tells of a gap, or that something was taken away. */
const gaps = [
  'journal.recovered',
  'journal.pruned',
  'space.changed',
  'recording.deleted',
  'index.rebuilt',
  'sink.changed',
  'gateway.started',
  'gateway.stopped',
];

/** Where a recording is, in words. */
const states = {
  open: 'being written',
  none: 'nothing was recorded in the session',
  local: 'sealed, here',
  stored: 'sealed, here, and in the object store',
  released: 'sealed, in the object store',
  deleted: 'deleted; its digests stay in the journal',
} as const;

type CoveragePorts = Pick<ApiPorts, 'search' | 'sessions' | 'configuration' | 'storage'>;

export async function coverageReport(ports: CoveragePorts, span: Span, signal: AbortSignal): Promise<ReportBody> {
  const [resources, guardrails, masks] = await Promise.all(
    (['Resource', 'Guardrail', 'Mask'] as const).map(async (kind) =>
      (await ports.configuration.list(kind)).map(({ manifest }) => manifest),
    ),
  );
  const recorded = new Map<string, Recorded>();
  for await (const session of sessionsOf(ports, span, signal)) {
    const of = recorded.get(session.resource) ?? { sessions: 0, live: 0, bestEffort: 0, broken: 0, commands: 0 };
    recorded.set(session.resource, of);
    of.sessions++;
    of.commands += session.commands;
    if (session.live) of.live++;
    if (session.recording !== 'strict') of.bestEffort++;
    if (brokenEnds.includes(session.endReason ?? '')) of.broken++;
  }
  const where = all(anyOf('type', 'system'), anyOf('verb', ...gaps));
  const { found, isCut } = await hitsOf(ports, where, span, signal);
  const evidence = new Evidence();
  for (const hit of found) evidence.add(hit);
  const [standings, status, kept] = await Promise.all([
    ports.search.standings(),
    ports.search.status(),
    ports.storage.retention(),
  ]);
  const rows = rowsOf(resources ?? [], guardrails ?? [], masks ?? [], recorded);
  const sum = (pick: (of: Recorded) => number): number =>
    [...recorded.values()].reduce((total, of) => total + pick(of), 0);
  return {
    title: 'Coverage',
    question: 'What is recorded, restricted and masked, and was there any time in which it was not?',
    figures: [
      { label: 'Resources', value: (resources ?? []).length },
      { label: 'Recorded strictly', value: rows.filter(([, , mode]) => mode === 'strict').length },
      { label: 'Sessions', value: sum(({ sessions }) => sessions) },
      { label: 'Sessions recorded at best effort', value: sum(({ bestEffort }) => bestEffort) },
      { label: 'Sessions that broke off', value: sum(({ broken }) => broken) },
      { label: 'Recordings deleted', value: found.filter(({ verb }) => verb === 'recording.deleted').length },
      { label: 'Events not yet in the index', value: status.lag },
    ],
    tables: [
      {
        key: 'resources',
        title: 'Resources',
        note: 'As they are configured now, with the Guardrails and Masks that select them for anybody, and what was recorded in this time.',
        empty: 'There is no resource.',
        columns: [
          { key: 'resource', title: 'Resource' },
          { key: 'protocol', title: 'Protocol' },
          { key: 'recording', title: 'Recording' },
          { key: 'guardrails', title: 'Guardrails' },
          { key: 'masks', title: 'Masks' },
          { key: 'sessions', title: 'Sessions', look: 'figure' },
          { key: 'commands', title: 'Commands', look: 'figure' },
          { key: 'live', title: 'Still open', look: 'figure' },
          { key: 'bestEffort', title: 'At best effort', look: 'figure' },
          { key: 'broken', title: 'Broke off', look: 'figure' },
        ],
        rows,
      },
      {
        key: 'recordings',
        title: 'Recordings of this gateway, as they are kept now',
        note: 'Of all times. What a legal hold or a rule of retention says of them: sallyport retention show.',
        empty: 'Nothing was recorded yet.',
        columns: [
          { key: 'state', title: 'State' },
          { key: 'recordings', title: 'Recordings', look: 'figure' },
          { key: 'bytes', title: 'Bytes', look: 'figure' },
        ],
        rows: kept.recordings.map(({ state, count, bytes }): ReportCell[] => [states[state], count, bytes]),
      },
      {
        key: 'witnesses',
        title: 'Witnesses of the journal',
        note: 'Places outside the gateway’s reach that hold its signed checkpoints: a journal that was rolled back is found by them.',
        empty: 'There is none: nothing outside this machine would show that the journal was put back.',
        columns: [
          { key: 'witness', title: 'Witness' },
          { key: 'kind', title: 'Kind' },
          { key: 'size', title: 'Has checkpoints up to event', look: 'figure' },
          { key: 'at', title: 'Since (UTC)', look: 'time' },
          { key: 'problem', title: 'Problem' },
        ],
        rows: ports.storage
          .witnesses()
          .map(({ name, kind, size, atMs, problem }): ReportCell[] => [
            name,
            kind,
            size,
            atMs === null ? null : when(atMs),
            problem,
          ]),
      },
      {
        key: 'gateways',
        title: 'Gateways and their part of the index',
        note: 'Everything up to the sequence is found by searches and reports; the journal itself has all of it.',
        empty: 'No gateway has written anything yet.',
        columns: [
          { key: 'gateway', title: 'Gateway', look: 'id' },
          { key: 'sequence', title: 'Up to sequence', look: 'figure' },
          { key: 'at', title: 'Of (UTC)', look: 'time' },
          { key: 'entries', title: 'Entries', look: 'figure' },
        ],
        rows: standings.map(({ gateway, sequence, atMs, entries }): ReportCell[] => [
          gateway,
          sequence,
          atMs === 0 ? null : when(atMs),
          entries,
        ]),
      },
      {
        key: 'gaps',
        title: 'Starts, stops, recoveries and what was taken away',
        note: 'Between a stop and the next start nothing passed that gateway. A recovery names how many sessions were cut off.',
        empty: 'Nothing of that kind happened in this time.',
        columns: [
          { key: 'at', title: 'When (UTC)', look: 'time' },
          { key: 'gateway', title: 'Gateway', look: 'id' },
          { key: 'what', title: 'What' },
          { key: 'detail', title: 'Detail', look: 'code' },
          { key: 'evidence', title: 'Sequence', look: 'id' },
        ],
        rows: found.map((hit): ReportCell[] => [when(hit.atMs), hit.gateway, hit.verb, detailOf(hit), hit.id]),
      },
    ],
    notes: [
      ...(isCut ? [cutNote('events')] : []),
      ...(status.rebuilding === null ? [] : ['The index is being built anew: figures from it may be too low.']),
    ],
    evidence,
  };
}

function detailOf({ text, principal, session }: SearchHit): string {
  return shortened([session ?? '', principal === null ? '' : `by ${principal.name}`, text].filter(Boolean).join(' '));
}

function rowsOf(
  resources: readonly Manifest[],
  guardrails: readonly Manifest[],
  masks: readonly Manifest[],
  recorded: ReadonlyMap<string, Recorded>,
): ReportCell[][] {
  const configured = resources.flatMap((manifest): ReportCell[][] => {
    if (manifest.kind !== 'Resource') return [];
    const { metadata, spec } = manifest;
    const resource = { name: metadata.name, labels: metadata.labels ?? {}, protocol: spec.protocol };
    const selecting = (rules: readonly Manifest[]): string =>
      rules
        .flatMap((rule) =>
          (rule.kind === 'Guardrail' || rule.kind === 'Mask') &&
          selectsResource(rule.spec.match.resources as ResourceSelector | undefined, resource)
            ? [rule.metadata.name]
            : [],
        )
        .join(', ');
    return [
      [
        metadata.name,
        spec.protocol,
        spec.recording,
        selecting(guardrails),
        selecting(masks),
        ...countsOf(recorded.get(metadata.name)),
      ],
    ];
  });
  const known = new Set(configured.map(([name]) => name));
  const gone = [...recorded].filter(([name]) => !known.has(name));
  return [
    ...configured,
    ...gone.map(([name, of]) => [name, null, 'not configured any more', null, null, ...countsOf(of)]),
  ];
}

function countsOf(of: Recorded | undefined): ReportCell[] {
  return of === undefined ? [0, 0, 0, 0, 0] : [of.sessions, of.commands, of.live, of.bestEffort, of.broken];
}
