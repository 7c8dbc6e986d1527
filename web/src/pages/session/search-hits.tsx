/** What was found on the terminals of a session: the lines, each with its moment. */
import { type ReactNode, useEffect, useState } from 'react';
import { clockTime } from '../../format/format.ts';
import { safeText } from '../../format/safe.tsx';
import type { Found, Terminals } from './terminals.ts';

const typingMs = 200;
const hitsShown = 60;

export function useFound(terminals: Terminals, text: string, isWanted: boolean, version: number): Found | null {
  const [found, setFound] = useState<Found | null>(null);
  // While it comes, what is found grows; not for every piece of it.
  const step = Math.floor(version / 40);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is searched again as more comes
  useEffect(() => {
    if (!isWanted || text.trim() === '') {
      setFound(null);
      return;
    }
    let isHere = true;
    const timer = setTimeout(
      () => void terminals.search(text.trim()).then((answer) => isHere && setFound(answer)),
      typingMs,
    );
    return () => {
      isHere = false;
      clearTimeout(timer);
    };
  }, [terminals, text, isWanted, step]);
  return found;
}

export function SearchHits({
  found,
  onGo,
}: {
  readonly found: Found | null;
  readonly onGo: (terminal: number, ms: number) => void;
}): ReactNode {
  if (found === null) return null;
  const { hits, isPartial } = found;
  return (
    <section aria-label="On the terminal" className="max-h-[45%] shrink-0 overflow-auto border-b">
      <h2 className="sticky top-0 bg-ground px-3 py-1 text-2xs font-medium text-quiet">
        On the terminal:{' '}
        {hits.length === 0 ? 'nothing' : hits.length > hitsShown ? `the first ${hitsShown} lines` : hits.length}
        {isPartial ? ', as far as it is kept' : ''}
      </h2>
      {hits.slice(0, hitsShown).map(({ terminal, ms, text }, index) => (
        <button
          key={`${ms}-${index}`}
          type="button"
          className="flex w-full gap-2 px-3 py-0.5 text-left text-xs hover:bg-hover focus-visible:-outline-offset-2"
          onClick={() => onGo(terminal, ms)}
        >
          <span className="shrink-0 text-2xs leading-4 text-quiet tabular-nums">{clockTime(ms)}</span>
          <span className="truncate font-mono leading-4">{safeText(text.trim().slice(0, 160))}</span>
        </button>
      ))}
    </section>
  );
}
