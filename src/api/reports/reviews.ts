/** What was held for people, who decided, how fast, and what went round it by breaking the glass. */
import type { SearchHit } from '../../core/search.ts';
import type { ApiPorts } from '../ports.ts';
import { Evidence, lasting, type ReportBody, type ReportCell, when } from './document.ts';
import { anyOf, cutNote, hitsOf, type Span } from './look-up.ts';
import { shortened, whoOf } from './privileged.ts';

interface Told {
  requested: SearchHit | null;
  readonly decisions: SearchHit[];
  ended: SearchHit | null;
}

/** Requests may be older than what was decided in the time. */
const lookBackMs = 32 * 86_400_000;

export async function reviewsReport(
  ports: Pick<ApiPorts, 'search'>,
  span: Span,
  signal: AbortSignal,
): Promise<ReportBody> {
  const { sinceMs, untilMs } = span;
  const { found, isCut } = await hitsOf(
    ports,
    anyOf('type', 'review'),
    { sinceMs: Math.max(0, sinceMs - lookBackMs), untilMs },
    signal,
  );
  const reviews = new Map<string, Told>();
  for (const hit of found) {
    if (hit.review === null) continue;
    const told = reviews.get(hit.review) ?? { requested: null, decisions: [], ended: null };
    reviews.set(hit.review, told);
    if (hit.verb === 'requested') told.requested = hit;
    else if (hit.verb === 'ended') told.ended = hit;
    else told.decisions.push(hit);
  }
  const within = [...reviews].filter(([, told]) => momentsOf(told).some((atMs) => atMs >= sinceMs));
  const evidence = new Evidence();
  for (const [, { requested, decisions, ended }] of within) {
    for (const hit of [requested, ...decisions, ended]) if (hit !== null) evidence.add(hit);
  }
  const times = within.flatMap(([, told]) => decidedAfter(told) ?? []).sort((a, b) => a - b);
  const broken = within.filter(([, told]) => told.requested?.outcome === 'break-glass');
  const stateOf = (told: Told): string => told.ended?.outcome ?? told.decisions.at(-1)?.outcome ?? 'pending';
  return {
    title: 'Reviews and break-glass',
    question: 'What waited for a decision, who decided it and how fast, and who went round it?',
    figures: [
      { label: 'Reviews', value: within.length },
      {
        label: 'Approved',
        value: within.filter(([, told]) => told.decisions.some(({ verb }) => verb === 'approve')).length,
      },
      {
        label: 'Denied',
        value: within.filter(([, told]) => told.decisions.some(({ verb }) => verb === 'deny')).length,
      },
      { label: 'Break-glass', value: broken.length },
      {
        label: 'Median time to the first decision',
        value: times.length === 0 ? null : lasting(times[Math.floor(times.length / 2)]!),
      },
      { label: 'Shortest', value: times.length === 0 ? null : lasting(times[0]!) },
    ],
    tables: [
      {
        key: 'reviews',
        title: 'Reviews',
        note: 'Each that was asked for, decided or ended in this time. The first decision counts from the request.',
        empty: 'There was none in this time.',
        columns: [
          { key: 'review', title: 'Review', look: 'id' },
          { key: 'asked', title: 'Asked (UTC)', look: 'time' },
          { key: 'kind', title: 'Of' },
          { key: 'who', title: 'Who' },
          { key: 'resource', title: 'Resource' },
          { key: 'rule', title: 'Rule' },
          { key: 'reason', title: 'Why', look: 'text' },
          { key: 'decided', title: 'Decisions', look: 'text' },
          { key: 'after', title: 'First after', look: 'time' },
          { key: 'state', title: 'State' },
          { key: 'place', title: 'Session and command', look: 'id' },
          { key: 'evidence', title: 'Sequences', look: 'id' },
        ],
        rows: within.map(([id, told]): ReportCell[] => {
          const { requested, decisions, ended } = told;
          const after = decidedAfter(told);
          const place = requested ?? ended ?? decisions[0];
          return [
            id,
            requested === null ? 'before' : when(requested.atMs),
            requested?.outcome ?? null,
            requested === null ? null : whoOf(requested),
            place?.resource ?? null,
            place?.rule ?? null,
            requested === null ? null : shortened(requested.text),
            decisions.map(said).join('\n'),
            after === null ? null : lasting(after),
            stateOf(told),
            place?.session == null ? null : `${place.session}${place.command === null ? '' : `\n#${place.command}`}`,
            [requested, ...decisions, ended].flatMap((hit) => (hit === null ? [] : [hit.id])).join('\n'),
          ];
        }),
      },
      {
        key: 'pairs',
        title: 'Who decides for whom',
        note: 'Decisions by requester and reviewer: the same pair again and again, or decisions faster than reading, are worth a look.',
        empty: 'Nothing was decided.',
        columns: [
          { key: 'requester', title: 'Asked by' },
          { key: 'reviewer', title: 'Decided by' },
          { key: 'decisions', title: 'Decisions', look: 'figure' },
          { key: 'approved', title: 'Approved', look: 'figure' },
          { key: 'fastest', title: 'Fastest' },
        ],
        rows: pairsOf(within.map(([, told]) => told)),
      },
    ],
    notes: isCut ? [cutNote('events of reviews')] : [],
    evidence,
  };
}

function momentsOf({ requested, decisions, ended }: Told): readonly number[] {
  return [requested, ...decisions, ended].flatMap((hit) => (hit === null ? [] : [hit.atMs]));
}

function decidedAfter({ requested, decisions }: Told): number | null {
  const first = decisions[0];
  return requested === null || first === undefined ? null : first.atMs - requested.atMs;
}

function said(decision: SearchHit): string {
  const reason = decision.text === '' ? '' : `: ${shortened(decision.text)}`;
  return `${when(decision.atMs)} ${whoOf(decision)} ${decision.verb ?? ''}${reason}`;
}

function pairsOf(reviews: readonly Told[]): ReportCell[][] {
  const pairs = new Map<string, { decisions: number; approved: number; fastest: number | null }>();
  for (const { requested, decisions } of reviews) {
    for (const decision of decisions) {
      const key = `${requested === null ? '(earlier)' : (requested.principal?.name ?? '')}\0${decision.principal?.name ?? ''}`;
      const pair = pairs.get(key) ?? { decisions: 0, approved: 0, fastest: null };
      pairs.set(key, pair);
      pair.decisions++;
      if (decision.verb === 'approve') pair.approved++;
      const after = requested === null ? null : decision.atMs - requested.atMs;
      if (after !== null) pair.fastest = Math.min(pair.fastest ?? after, after);
    }
  }
  return [...pairs]
    .sort((a, b) => b[1].decisions - a[1].decisions || (a[0] < b[0] ? -1 : 1))
    .map(([key, { decisions, approved, fastest }]) => [
      ...key.split('\0'),
      decisions,
      approved,
      fastest === null ? null : lasting(fastest),
    ]);
}
