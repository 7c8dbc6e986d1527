/** How hits stand in the table: of commands and everything else, of sessions, and on a phone. */
import type { ReactNode } from 'react';
import { bytes, duration, exactTime, number, timeOfDay } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge, Verdict } from '../../ui/controls.tsx';
import type { Column } from '../../ui/list.tsx';
import type { Hit } from './found.ts';
import { KindSign } from './kinds.tsx';
import { Marked } from './marked.tsx';

const day = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short' });
const minute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const year = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short', year: 'numeric' });

/** `02:13:45` of today, `21 Nov 09:12` of this year, the day of another. */
export function When({ at }: { readonly at: string }): ReactNode {
  const date = new Date(at);
  const now = new Date();
  const isToday = date.toDateString() === now.toDateString();
  const isThisYear = date.getFullYear() === now.getFullYear();
  return (
    <time dateTime={at} title={exactTime(at)} className="text-xs text-quiet tabular-nums">
      {isToday ? timeOfDay(at) : isThisYear ? `${day.format(date)} ${minute.format(date)}` : year.format(date)}
    </time>
  );
}

export function Who({ hit }: { readonly hit: Hit }): ReactNode {
  if (hit.principal === null) return <span className="text-faint">–</span>;
  const agents = hit.agents.join(' → ');
  return (
    <>
      <Safe text={hit.principal.name} oneLine />
      {agents === '' ? null : (
        <span className="text-quiet">
          {' '}
          by <Safe text={agents} oneLine />
        </span>
      )}
    </>
  );
}

/** What came of it. What was simply allowed is no news, and stands quietly. */
export function Outcome({ hit }: { readonly hit: Hit }): ReactNode {
  const { verdict, judged, outcome, live } = hit;
  if (live) return <Badge tone="good">live</Badge>;
  if (judged !== null && verdict !== null && judged !== verdict) {
    return (
      <span className="inline-flex items-center gap-1" title={`${judged} first, then ${verdict}`}>
        <Verdict name={judged} />
        <span className="text-2xs text-quiet">→ {verdict}</span>
      </span>
    );
  }
  if (verdict !== null && verdict !== 'allow') return <Verdict name={verdict} />;
  if (outcome === 'failed' || outcome === 'interrupted') return <Badge tone="bad">{outcome}</Badge>;
  const word = hit.type === 'command' ? (verdict ?? outcome) : (outcome ?? verdict);
  return (
    <span className="text-xs text-quiet">
      <Safe text={word ?? ''} oneLine />
    </span>
  );
}

const quietNumber = (text: string | null): ReactNode =>
  text === null ? null : <span className="text-xs text-quiet">{text}</span>;

const when: Column<Hit> = { id: 'when', title: 'When', width: '5.75rem', cell: (hit) => <When at={hit.at} /> };
const who: Column<Hit> = { id: 'who', title: 'Who', width: '6rem', cell: (hit) => <Who hit={hit} /> };
const resource: Column<Hit> = {
  id: 'resource',
  title: 'Resource',
  width: '6rem',
  from: 620,
  cell: (hit) => <Safe text={hit.resource ?? ''} oneLine />,
};
const delivered: Column<Hit> = {
  id: 'bytes',
  title: 'Bytes',
  width: '3.75rem',
  align: 'right',
  from: 860,
  cell: (hit) => quietNumber(hit.bytes === null || hit.bytes === 0 ? null : bytes(hit.bytes)),
};
const took: Column<Hit> = {
  id: 'took',
  title: 'Took',
  width: '4.25rem',
  align: 'right',
  from: 740,
  cell: (hit) => quietNumber(hit.durationMs === null ? null : duration(hit.durationMs)),
};

const verbed = (hit: Hit): ReactNode =>
  ['command', 'screen', 'session'].includes(hit.type) || hit.verb === null ? null : (
    <span className="mr-2 text-xs text-quiet">
      <Safe text={hit.verb} oneLine />
    </span>
  );

function what(marks: readonly string[]): Column<Hit> {
  return {
    id: 'what',
    title: 'What',
    width: 'minmax(9rem, 1fr)',
    cell: (hit) => (
      <span className="flex min-w-0 items-center gap-2">
        <KindSign hit={hit} />
        <span className="min-w-0 flex-1 truncate font-mono text-xs">
          {verbed(hit)}
          <Marked text={hit.text} marks={marks} oneLine />
        </span>
      </span>
    ),
  };
}

/** Of what rules said and commands did. */
export function hitColumns(marks: readonly string[]): readonly Column<Hit>[] {
  return [
    when,
    who,
    resource,
    { id: 'verdict', title: 'Verdict', width: '5rem', cell: (hit) => <Outcome hit={hit} /> },
    what(marks),
    {
      id: 'effects',
      title: 'Effects',
      width: '7rem',
      from: 1_080,
      cell: (hit) => (
        <span className="text-xs text-quiet">
          <Safe text={hit.effects.join(' ')} oneLine />
        </span>
      ),
    },
    {
      id: 'rows',
      title: 'Rows',
      width: '3.5rem',
      align: 'right',
      from: 680,
      cell: (hit) =>
        hit.rows === null || (hit.rows === 0 && hit.kind !== 'sql') ? null : (
          <span className="text-xs">{number(hit.rows)}</span>
        ),
    },
    {
      id: 'masked',
      title: 'Masked',
      width: '3.5rem',
      align: 'right',
      from: 980,
      cell: (hit) =>
        hit.masked === null || hit.masked === 0 ? null : (
          <span className="text-xs text-veil">{number(hit.masked)}</span>
        ),
    },
    delivered,
    took,
  ];
}

export function sessionColumns(marks: readonly string[]): readonly Column<Hit>[] {
  return [
    { ...when, title: 'Began' },
    who,
    resource,
    {
      id: 'protocol',
      title: 'Protocol',
      width: '5rem',
      from: 760,
      cell: (hit) => <span className="text-xs text-quiet">{hit.protocol}</span>,
    },
    {
      id: 'source',
      title: 'From',
      width: '6.5rem',
      from: 900,
      cell: (hit) => (
        <span className="text-xs text-quiet">
          <Safe text={hit.source ?? ''} oneLine />
        </span>
      ),
    },
    { id: 'ended', title: 'Ended', width: '5.5rem', cell: (hit) => <Outcome hit={hit} /> },
    { ...what(marks), title: 'With' },
    delivered,
    { ...took, title: 'Lasted', width: '5.25rem' },
  ];
}

/** One column of two lines: a phone. */
export function phoneColumns(marks: readonly string[]): readonly Column<Hit>[] {
  return [
    {
      id: 'all',
      title: 'What happened',
      width: 'minmax(0, 1fr)',
      cell: (hit) => (
        <span className="grid gap-0.5">
          <span className="flex min-w-0 items-center gap-1.5">
            <KindSign hit={hit} />
            <span className="min-w-0 truncate font-medium">
              <Who hit={hit} />
            </span>
            <span className="min-w-0 truncate text-quiet">
              <Safe text={hit.resource ?? ''} oneLine />
            </span>
            <span className="ml-auto flex shrink-0 items-center gap-2">
              <Outcome hit={hit} />
              <When at={hit.at} />
            </span>
          </span>
          <span className="truncate font-mono text-xs text-quiet">
            {verbed(hit)}
            <Marked text={hit.text} marks={marks} oneLine />
          </span>
        </span>
      ),
    },
  ];
}
