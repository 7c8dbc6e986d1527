/** What is said of a search in plain words: how many, how sure, how far the index is, and what to do when nothing was found. */
import { Link } from '@tanstack/react-router';
import { CircleAlert, RotateCw, SearchX } from 'lucide-react';
import type { ReactNode } from 'react';
import { useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { number, plural, timeOfDay } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Button, IconButton } from '../../ui/controls.tsx';
import { Empty } from '../../ui/states.tsx';
import type { Finding } from './found.ts';
import { isOfCommands, looser, timeOf, uncertainOf, viewOf, withTime, withView } from './terms.ts';

export interface SayingProps {
  readonly finding: Finding;
  readonly query: string;
  readonly onQuery: (query: string) => void;
}

/** The line above the list. */
export function Summary({ finding, query, onAgain }: SayingProps & { readonly onAgain: () => void }): ReactNode {
  const { counts, rows } = finding;
  const isSearch = query.trim() !== '';
  return (
    <div className="flex min-h-8 shrink-0 flex-wrap items-center gap-x-3 gap-y-0.5 border-b px-4 py-1 text-xs text-quiet md:px-6">
      <span role="status" aria-label="What was found">
        {counts === null ? <Meanwhile finding={finding} /> : <Total finding={finding} />}
      </span>
      {counts?.uncertain == null || counts.uncertain === 0 ? null : (
        <span>
          <Link to="/sessions" search={{ q: uncertainOf(query) }} className="text-warn underline underline-offset-2">
            {plural(counts.uncertain, 'other')} may match as well
          </Link>
          : what {counts.uncertain === 1 ? 'it touches' : 'they touch'} is not all known.
        </span>
      )}
      <span className="ml-auto flex items-center gap-2">
        {isSearch ? <span className="max-md:hidden">Searches are recorded.</span> : null}
        {rows.length === 0 && counts === null ? null : (
          <span>As of {timeOfDay(new Date(finding.askedAtMs).toISOString())}</span>
        )}
        <IconButton label="Search again" className="size-6! [&>svg]:size-3.5!" onClick={onAgain}>
          <RotateCw />
        </IconButton>
      </span>
    </div>
  );
}

function Meanwhile({ finding }: { readonly finding: Finding }): ReactNode {
  if (finding.state === 'first') return 'Searching…';
  if (finding.countsProblem !== null)
    return `${plural(finding.rows.length, 'entry', 'entries')} shown; they could not be counted.`;
  return finding.hasMore ? 'Counting…' : `${number(finding.rows.length)} found`;
}

function Total({ finding }: { readonly finding: Finding }): ReactNode {
  const { isExact, ...counts } = finding.counts!;
  // What is listed to its end is what was found.
  const total = isExact && finding.state === 'idle' && !finding.hasMore ? finding.rows.length : counts.total;
  const word = viewOf(finding.query) === 'sessions' ? plural(total, 'session') : `${number(total)} found`;
  if (isExact) return <span className="font-medium text-ink">{word}</span>;
  return (
    <>
      <span className="font-medium text-ink">More than {word}</span>
      <span className="max-xl:hidden"> — counted are the newest; narrow it to count all, or export.</span>
    </>
  );
}

/** The index is behind, is built anew, or rests: searches find less, and that is said. */
export function IndexNotice(): ReactNode {
  const may = useMay('status.read') !== null;
  const { data } = useAsk('indexStatus', {}, { enabled: may, everyMs: 20_000 });
  if (data === undefined) return null;
  const { working, lag, rebuilding, durableSequence } = data;
  if (rebuilding !== null) {
    const share = rebuilding.of === 0 ? 0 : Math.floor((rebuilding.sequence / rebuilding.of) * 100);
    return (
      <Notice>
        The index is being built anew, {share} % so far. Until it is done searches find less.
        <progress className="ml-1 h-1.5 w-24 accent-(--warn)" max={100} value={share} aria-label="Index built" />
      </Notice>
    );
  }
  if (!working) {
    return (
      <Notice>
        New events are not taken into the index just now. What happened since {number(durableSequence - lag)} of{' '}
        {number(durableSequence)} events is recorded, and is found once the index works again.
      </Notice>
    );
  }
  return lag < lagSaid ? null : (
    <Notice>The newest {plural(lag, 'event')} are not in the index yet; they are found in a moment.</Notice>
  );
}

/** Below this the index is caught up before one has read that it is not. */
const lagSaid = 500;

function Notice({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <div
      role="status"
      className="flex shrink-0 items-center gap-2 border-b bg-warn-soft px-4 py-1.5 text-xs text-warn md:px-6"
    >
      <CircleAlert className="size-3.5 shrink-0" />
      <span className="flex flex-wrap items-center gap-1">{children}</span>
    </div>
  );
}

/** Nothing was found: what could be left out. */
export function NothingFound({ query, onQuery }: SayingProps): ReactNode {
  const isEmpty = query.trim() === '';
  if (isEmpty) {
    return (
      <Empty title="No session yet" icon={<SearchX />}>
        Sessions stand here as soon as somebody opens one. How to: see{' '}
        <Link to="/connect" className="text-accent underline">
          Connect
        </Link>
        .
      </Empty>
    );
  }
  const isWrongList = viewOf(query) === 'sessions' && isOfCommands(query);
  const time = timeOf(query);
  return (
    <Empty title="Nothing found" icon={<SearchX />}>
      <p>
        {isWrongList
          ? 'Sessions are listed, and some of these terms are of the commands in them.'
          : 'Nothing that happened matches all of this. Ask for less:'}
      </p>
      <div className="mt-3 flex flex-wrap justify-center gap-1.5">
        {isWrongList ? <Button onClick={() => onQuery(withView(query, 'commands'))}>Look among commands</Button> : null}
        {time === '' ? null : <Button onClick={() => onQuery(withTime(query, null))}>Any time</Button>}
        {looser(query)
          .filter(({ query: rest }) => rest !== '')
          .slice(0, looserMax)
          .map((one) => (
            <Button key={one.query} onClick={() => onQuery(one.query)}>
              Without
              <span className="max-w-60 truncate font-mono text-xs font-normal">
                <Safe text={one.without} oneLine />
              </span>
            </Button>
          ))}
      </div>
      <p className="mt-4 text-xs">
        Names match from the right: <code>ssn</code> finds <code>public.customers.ssn</code>. Times are in UTC.
      </p>
    </Empty>
  );
}

const looserMax = 5;

const asks: readonly (readonly [query: string, means: string])[] = [
  ['drop customers', 'both words, anywhere in what was run or shown'],
  ['"drop table"', 'these words, to the letter'],
  ['reads:customers.ssn since:30d', 'who saw a column, however the statement was written'],
  ['verdict:held,blocked -who:dba', 'what rules stopped, but for one person'],
  ['effect:drop or effect:truncate', 'by what statements do'],
  ['rows:>500 sort:rows', 'the largest results'],
  ['reads:credentials.env protocol:ssh', 'a file, over SSH'],
  ['is:screen password', 'what stood on a terminal'],
  ['type:change', 'what administrators changed'],
];

/** How one asks: where what stands in the box cannot be read. Nothing of it runs before it is chosen. */
export function HowToAsk({ onQuery }: Pick<SayingProps, 'onQuery'>): ReactNode {
  return (
    <section aria-labelledby="how-to-ask" className="mx-auto w-full max-w-2xl px-4 py-10">
      <h2 id="how-to-ask" className="mb-3 text-sm font-medium">
        How to ask
      </h2>
      <p className="mb-4 text-quiet">
        Terms stand side by side, and all must hold. A minus leaves out, <code>or</code> takes either, brackets group.
      </p>
      <ul className="divide-y rounded-lg border bg-sheet">
        {asks.map(([query, means]) => (
          <li key={query}>
            <button
              type="button"
              onClick={() => onQuery(query)}
              className="flex w-full flex-wrap items-baseline gap-x-4 px-4 py-2 text-left hover:bg-hover"
            >
              <span className="w-72 max-w-full font-mono text-xs">{query}</span>
              <span className="text-quiet">{means}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
