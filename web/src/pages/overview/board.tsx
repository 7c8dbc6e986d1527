/** What an administrator or an auditor looks at first in the morning. */
import { Link } from '@tanstack/react-router';
import { RefreshCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { bytes, duration, exactTime, timeOfDay } from '../../format/format.ts';
import { Button, cx } from '../../ui/controls.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { Answered } from '../../ui/states.tsx';
import {
  commandsQuery,
  deniedQuery,
  type Overview,
  type Range,
  ranges,
  spelled,
  useOverview,
  useRange,
  within,
} from './asking.ts';
import { Commands } from './chart.tsx';
import { Coverage } from './coverage.tsx';
import { Downloads } from './downloads.tsx';
import { Health } from './health.tsx';
import { Found, Ranking } from './parts.tsx';
import { Tiles } from './tiles.tsx';

export function Board(): ReactNode {
  const range = useRange();
  const asked = useOverview(range);
  const { data } = asked;
  return (
    <Page
      title="Overview"
      about={
        data === undefined ? 'Everybody’s sessions' : `Since ${exactTime(data.since)}, as of ${timeOfDay(data.until)}`
      }
      actions={
        <>
          <Ranges at={range} />
          <Button
            icon={<RefreshCw className={cx('size-3.5', asked.isFetching && 'animate-spin')} />}
            disabled={asked.isFetching}
            onClick={() => void asked.refetch()}
          >
            Look again
          </Button>
        </>
      }
    >
      <Answered of={asked} rows={12}>
        {(overview) => <Parts overview={overview} range={range} />}
      </Answered>
    </Page>
  );
}

function Ranges({ at }: { readonly at: Range }): ReactNode {
  const titles: Readonly<Record<Range, string>> = { '24h': '24 hours', '7d': '7 days', '30d': '30 days' };
  return (
    <nav aria-label="Time" className="inline-flex rounded-md border bg-sheet p-0.5">
      {ranges.map((range) => (
        <Link
          key={range}
          to="/"
          search={{ range }}
          aria-current={range === at ? 'true' : undefined}
          className="inline-flex h-6.5 items-center rounded px-2.5 text-xs text-quiet hover:text-ink [&[aria-current]]:bg-hover [&[aria-current]]:font-medium [&[aria-current]]:text-ink"
        >
          {titles[range]}
        </Link>
      ))}
    </nav>
  );
}

function Parts({ overview, range }: { readonly overview: Overview; readonly range: Range }): ReactNode {
  const { denied, resources, downloads, held, coverage } = overview;
  const found = (query: string): string => within(overview, commandsQuery(query));
  return (
    <div className="grid gap-4">
      {overview.isWhole ? null : (
        <p role="status" className="rounded-md bg-warn-soft px-4 py-2 text-warn">
          There was more in this time than could be counted at once: what is missing is the oldest. Take a shorter time.
        </p>
      )}
      <Tiles overview={overview} />
      <Commands overview={overview} range={range} />
      <div className="grid gap-4 lg:grid-cols-3">
        <Panel title="Rules that denied most" flush>
          <Ranking
            label="Rules that denied most"
            of={denied.rules}
            colour="bg-bad"
            empty="No rule denied anything in this time."
            queryOf={(name) => found(`rule:${spelled(name)} ${deniedQuery}`)}
          />
        </Panel>
        <Panel title="Who was denied most" flush>
          <Ranking
            label="Who was denied most"
            of={denied.people}
            colour="bg-bad"
            empty="Nobody was denied anything in this time."
            queryOf={(name) => found(`who:${spelled(name)} ${deniedQuery}`)}
          />
        </Panel>
        <Panel title="Busiest resources, by commands" flush>
          <Ranking
            label="Busiest resources"
            of={resources.map((one) => ({ ...one, about: one.bytes === 0 ? '' : bytes(one.bytes) }))}
            colour="bg-accent"
            empty="No command ran in this time."
            queryOf={(name) => found(`resource:${spelled(name)}`)}
          />
        </Panel>
      </div>
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1.6fr)_minmax(0,1fr)]">
        <Panel title="Largest downloads" flush>
          <Downloads of={downloads} />
        </Panel>
        <Panel title="Held commands">
          <Held of={held} overview={overview} />
        </Panel>
      </div>
      <Panel title="Coverage" flush>
        <Coverage of={coverage} />
      </Panel>
      <Health />
    </div>
  );
}

function Held({ of, overview }: { readonly of: Overview['held']; readonly overview: Overview }): ReactNode {
  if (of.asked === 0) return <p className="text-quiet">No command was held for review in this time.</p>;
  const rows: readonly (readonly [string, ReactNode])[] = [
    [
      'Asked for',
      <Found key="asked" query={within(overview, 'type:review verb:requested outcome:command')}>
        {of.asked}
      </Found>,
    ],
    ['Approved', of.approved],
    ['Denied', of.denied],
    ['Lapsed without a decision', of.lapsed],
    ['Median wait for a decision', of.medianMs === null ? 'none yet' : duration(of.medianMs)],
    ['Longest wait', of.longestMs === null ? 'none yet' : duration(of.longestMs)],
  ];
  return (
    <dl className="grid grid-cols-[minmax(0,1fr)_auto] gap-y-2">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-quiet">{name}</dt>
          <dd className="text-right font-medium tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
