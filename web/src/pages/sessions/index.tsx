/**
 * Sessions: search what happened. One box is the page; below it lists, times and facets put terms into its text, and what was found
 * stands in a list of any length, with everything of a hit beside it.
 *
 * Invariants: the address holds all (the query, and which hit is looked at); an empty box shows the newest sessions; a search runs
 * when it is asked for, never by itself, since each is recorded.
 */
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { useKeys } from '../../ui/keys.ts';
import { Sheet } from '../../ui/sheet.tsx';
import { Failure, Loading } from '../../ui/states.tsx';
import { setPlace } from '../../ui/title.ts';
import { Box, QueryProblem } from './box.tsx';
import { Facets } from './facets.tsx';
import { type Finding, type Hit, useFinding } from './found.ts';
import { Peek } from './peek.tsx';
import { Results } from './results.tsx';
import { Export, Saved } from './saved.tsx';
import { HowToAsk, IndexNotice, NothingFound, Summary } from './saying.tsx';
import { Toolbar } from './toolbar.tsx';

/** Facets and list side by side; with room for what is looked at as well. */
const wide = matchMedia('(min-width: 64rem)');

function useIsNarrow(): boolean {
  return !useSyncExternalStore(
    (listener) => {
      wide.addEventListener('change', listener);
      return () => wide.removeEventListener('change', listener);
    },
    () => wide.matches,
  );
}

/** How far a hit that an address names is looked for. */
const soughtMax = 3_000;

export function SessionsPage(): ReactNode {
  const { q: query = '', hit: looked = null } = useSearch({ from: '/sessions' });
  const navigate = useNavigate({ from: '/sessions' });
  const [turn, setTurn] = useState(0);
  const finding = useFinding(query, turn);
  const isNarrow = useIsNarrow();
  const [isFacetsOpen, setFacetsOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => setPlace('Sessions'), []);

  const run = useCallback(
    (next: string): void => {
      const q = next.trim();
      if (q === query) setTurn((before) => before + 1);
      else void navigate({ search: q === '' ? {} : { q } });
    },
    [navigate, query],
  );
  const look = useCallback(
    (hit: Hit | null): void => {
      const q = query === '' ? {} : { q: query };
      // Looking from row to row is one step of the history.
      void navigate({ search: hit === null ? q : { ...q, hit: hit.id }, replace: looked !== null });
    },
    [navigate, query, looked],
  );
  const focusList = (): void => list.current?.querySelector<HTMLElement>('[role=row][tabindex="0"]')?.focus();
  useKeys({
    '/': () => {
      input.current?.focus();
      input.current?.select();
    },
    j: focusList,
    k: focusList,
    Escape: () => looked !== null && look(null),
  });

  const { problem, hit } = useLooked(finding, looked);
  const unreadable = finding.problem?.code === 'api.unreadable-search' ? (finding.problem.problems[0] ?? null) : null;
  return (
    <div className="flex h-full min-h-0 min-w-0 flex-col">
      <h1 className="sr-only">Sessions: search what happened</h1>
      <div className="flex shrink-0 items-center gap-2 px-4 pt-3 pb-2.5 md:px-6">
        <Box query={query} problem={unreadable} input={input} onRun={run} onLeave={focusList} />
        <Saved query={query} />
        <Export query={query} />
      </div>
      {unreadable === null ? null : <QueryProblem problem={unreadable} query={query} onRun={run} />}
      <Toolbar query={query} onQuery={run} isNarrow={isNarrow} onFacets={() => setFacetsOpen(true)} />
      <IndexNotice />
      <div className="flex min-h-0 flex-1">
        {isNarrow ? (
          <Sheet open={isFacetsOpen} side="left" title="Narrow it" onClose={() => setFacetsOpen(false)}>
            <Facets finding={finding} query={query} onQuery={run} />
          </Sheet>
        ) : unreadable !== null ? null : (
          <div className="w-56 shrink-0 overflow-auto border-r" data-facets>
            <Facets finding={finding} query={query} onQuery={run} />
          </div>
        )}
        <div ref={list} className="flex min-w-0 flex-1 flex-col">
          {unreadable === null ? (
            <Summary finding={finding} query={query} onQuery={run} onAgain={() => setTurn((before) => before + 1)} />
          ) : null}
          <Found finding={finding} query={query} onQuery={run} looked={hit} onLook={look} />
        </div>
        {hit !== null ? <Peek hit={hit} marks={finding.marks} isNarrow={isNarrow} onClose={() => look(null)} /> : null}
        {problem}
      </div>
    </div>
  );
}

/** The hit that the address names: where it is not among what is there, more is fetched, so far. */
function useLooked(finding: Finding, id: string | null): { readonly hit: Hit | null; readonly problem: ReactNode } {
  const { version, rows, state, hasMore } = finding;
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are added to in place, and the version says so
  const hit = useMemo(() => (id === null ? null : (rows.find((row) => row.id === id) ?? null)), [id, rows, version]);
  const isSought = id !== null && hit === null && hasMore && rows.length < soughtMax;
  useEffect(() => {
    if (isSought && state === 'idle') finding.more();
  }, [isSought, state, finding]);
  if (id === null || hit !== null || state !== 'idle' || isSought || finding.problem !== null)
    return { hit, problem: null };
  return {
    hit: null,
    problem: (
      <p role="status" className="absolute right-4 bottom-4 rounded-lg border bg-sheet px-3 py-2 text-quiet shadow-pop">
        The entry that this address names is not among the first of what was found.
      </p>
    ),
  };
}

interface FoundProps {
  readonly finding: Finding;
  readonly query: string;
  readonly onQuery: (query: string) => void;
  readonly looked: Hit | null;
  readonly onLook: (hit: Hit | null) => void;
}

function Found({ finding, query, onQuery, looked, onLook }: FoundProps): ReactNode {
  const { problem, rows, state } = finding;
  if (problem?.code === 'api.unreadable-search') {
    return (
      <div className="min-h-0 flex-1 overflow-auto">
        <HowToAsk onQuery={onQuery} />
      </div>
    );
  }
  if (problem !== null && rows.length === 0) return <Failure error={problem} retry={finding.again} />;
  if (rows.length === 0 && state === 'first') return <Loading rows={14} />;
  if (rows.length === 0 && !finding.hasMore) {
    return (
      <div className="min-h-0 flex-1 overflow-auto">
        <NothingFound finding={finding} query={query} onQuery={onQuery} />
      </div>
    );
  }
  return <Results key={query} finding={finding} looked={looked} onLook={onLook} />;
}
