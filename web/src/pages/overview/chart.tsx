/**
 * Commands over time, stacked by what became of them. Each bar leads to its commands; the same stands in a table, which is what a
 * screen reader reads, and anybody may have by a press.
 */
import { Link } from '@tanstack/react-router';
import { BarChart3, Table2 } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { compact, number, plural } from '../../format/format.ts';
import { cx, IconButton } from '../../ui/controls.tsx';
import { Panel } from '../../ui/page.tsx';
import {
  barSpan,
  commandsQuery,
  type Fate,
  fateLooks,
  fates,
  type Overview,
  type Range,
  totalOf,
  within,
} from './asking.ts';
import { Found } from './parts.tsx';

interface Bar {
  readonly at: string;
  readonly counts: Readonly<Partial<Record<Fate, number>>>;
  readonly total: number;
}

/** Every bar of the span, those with nothing in them too. */
function barsOf({ since, until, barSeconds, bars }: Overview): readonly Bar[] {
  const byTime = new Map(bars.map((bar) => [Date.parse(bar.at), bar.fates]));
  const all: Bar[] = [];
  for (let atMs = Date.parse(since); atMs < Date.parse(until); atMs += barSeconds * 1000) {
    const counts = byTime.get(atMs) ?? {};
    const total = fates.reduce((sum, fate) => sum + (counts[fate] ?? 0), 0);
    all.push({ at: new Date(atMs).toISOString(), counts, total });
  }
  return all;
}

const hour = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short' });

function timeOf(at: string, range: Range): string {
  const date = new Date(at);
  return range === '24h'
    ? hour.format(date)
    : range === '30d'
      ? day.format(date)
      : `${day.format(date)} ${hour.format(date)}`;
}

const shortDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** Below the plot: as short as it can be. */
function axisOf(at: string, range: Range): string {
  return (range === '24h' ? hour : shortDay).format(new Date(at));
}

/** A round number at or above the highest bar. */
function ceiling(highest: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, highest)));
  return [1, 2, 4, 5, 10].map((step) => step * power).find((step) => step >= highest) ?? highest;
}

export function Commands({ overview, range }: { readonly overview: Overview; readonly range: Range }): ReactNode {
  const bars = useMemo(() => barsOf(overview), [overview]);
  const [isTable, setTable] = useState(false);
  const [shown, setShown] = useState<Bar | null>(null);
  return (
    <Panel
      title="Commands"
      flush
      actions={
        <IconButton label={isTable ? 'Show as a plot' : 'Show as a table'} onClick={() => setTable(!isTable)}>
          {isTable ? <BarChart3 /> : <Table2 />}
        </IconButton>
      }
    >
      <Legend overview={overview} shown={shown} range={range} />
      {isTable ? (
        <div className="max-h-72 overflow-auto border-t">
          <BarTable overview={overview} bars={bars.filter(({ total }) => total > 0)} range={range} linked />
        </div>
      ) : (
        <>
          <Plot overview={overview} bars={bars} range={range} onShow={setShown} />
          <div className="sr-only">
            <BarTable overview={overview} bars={bars.filter(({ total }) => total > 0)} range={range} />
          </div>
        </>
      )}
    </Panel>
  );
}

/** Totals of each class, or of the bar that is pointed at. */
function Legend({
  overview,
  shown,
  range,
}: {
  readonly overview: Overview;
  readonly shown: Bar | null;
  readonly range: Range;
}): ReactNode {
  const present = fates.filter((fate) => totalOf(overview, fate) > 0);
  return (
    <div className="flex min-h-10 flex-wrap items-center gap-x-5 gap-y-1 px-4 py-2 text-xs">
      {present.map((fate) => (
        <Found
          key={fate}
          query={within(overview, commandsQuery(fateLooks[fate].query))}
          className="inline-flex items-center gap-1.5"
        >
          <span aria-hidden="true" className={cx('size-2.5 rounded-xs', fateLooks[fate].colour)} />
          <span className="text-quiet">{fateLooks[fate].title}</span>
          <span className="font-medium tabular-nums">
            {number(shown === null ? totalOf(overview, fate) : (shown.counts[fate] ?? 0))}
          </span>
        </Found>
      ))}
      <span aria-hidden="true" className="ml-auto text-quiet tabular-nums">
        {shown === null ? ' ' : `${timeOf(shown.at, range)} · ${plural(shown.total, 'command')}`}
      </span>
    </div>
  );
}

interface PlotProps {
  readonly overview: Overview;
  readonly bars: readonly Bar[];
  readonly range: Range;
  readonly onShow: (bar: Bar | null) => void;
}

/** Drawn of boxes: heights are shares, so it fits whatever width there is. The table says the same to who cannot point. */
function Plot({ overview, bars, range, onShow }: PlotProps): ReactNode {
  const top = ceiling(Math.max(1, ...bars.map(({ total }) => total)));
  const labelled = range === '24h' ? 8 : range === '7d' ? 8 : 10;
  return (
    <div aria-hidden="true" className="px-4 pb-3" onMouseLeave={() => onShow(null)}>
      <div className="relative h-44">
        {[1, 0.5].map((share) => (
          <div key={share} className="absolute inset-x-0 border-t border-dashed" style={{ bottom: `${share * 100}%` }}>
            <span className="absolute right-0 -translate-y-1/2 bg-sheet pl-1 text-2xs text-faint tabular-nums">
              {compact(top * share)}
            </span>
          </div>
        ))}
        <div className="absolute inset-y-0 right-8 left-0 flex items-end gap-px border-b">
          {bars.map((bar) => (
            <Link
              key={bar.at}
              to="/sessions"
              search={{ q: within(barSpan(bar, overview.barSeconds), commandsQuery()) }}
              tabIndex={-1}
              onMouseEnter={() => onShow(bar)}
              className="group flex h-full min-w-0 flex-1 flex-col-reverse hover:bg-hover"
            >
              {fates.map((fate) => {
                const count = bar.counts[fate] ?? 0;
                return count === 0 ? null : (
                  <span
                    key={fate}
                    className={cx('block min-h-0.5 group-hover:opacity-80', fateLooks[fate].colour)}
                    style={{ height: `${(count / top) * 100}%` }}
                  />
                );
              })}
            </Link>
          ))}
        </div>
      </div>
      <div className="mt-1 mr-8 flex justify-between text-2xs text-faint tabular-nums">
        {bars
          .filter((_, index) => index % labelled === 0)
          .map(({ at }, index) => (
            <span key={at} className={cx(index % 2 === 1 && 'max-sm:hidden')}>
              {axisOf(at, range)}
            </span>
          ))}
      </div>
    </div>
  );
}

function BarTable({
  overview,
  bars,
  range,
  linked = false,
}: Omit<PlotProps, 'onShow'> & { readonly linked?: boolean }): ReactNode {
  const present = fates.filter((fate) => totalOf(overview, fate) > 0);
  return (
    <table className="w-full text-left tabular-nums">
      <caption className="sr-only">Commands over time, by what became of them</caption>
      <thead className="text-2xs text-faint">
        <tr>
          <th scope="col" className="px-4 py-1.5 font-medium">
            From
          </th>
          {present.map((fate) => (
            <th key={fate} scope="col" className="px-4 py-1.5 text-right font-medium">
              {fateLooks[fate].title}
            </th>
          ))}
          <th scope="col" className="px-4 py-1.5 text-right font-medium">
            All
          </th>
        </tr>
      </thead>
      <tbody>
        {bars.map((bar) => (
          <tr key={bar.at} className="border-t">
            <th scope="row" className="px-4 py-1 font-normal">
              {timeOf(bar.at, range)}
            </th>
            {present.map((fate) => (
              <td key={fate} className="px-4 py-1 text-right">
                {number(bar.counts[fate] ?? 0)}
              </td>
            ))}
            <td className="px-4 py-1 text-right">
              {linked ? (
                <Found query={within(barSpan(bar, overview.barSeconds), commandsQuery())}>{number(bar.total)}</Found>
              ) : (
                number(bar.total)
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
