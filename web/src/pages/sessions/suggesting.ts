/** What may stand where one writes: asked of the gateway while typing, a moment after the last key. Never recorded, never kept. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { type AnswerOf, call } from '../../api/client.ts';

export type Suggested = AnswerOf<'suggestSearch'> & {
  /** The text that it is for: of another one nothing is taken. */
  readonly of: string;
};

const settleMs = 60;
const shownMax = 12;
const nothing: Suggested = { of: '', from: 0, to: 0, suggestions: [] };

export interface Suggesting {
  readonly suggested: Suggested;
  /** The one that is chosen; -1: none. */
  readonly at: number;
  readonly isOpen: boolean;
  readonly ask: (text: string, cursor: number) => void;
  readonly move: (step: 1 | -1) => void;
  readonly close: () => void;
}

export function useSuggesting(): Suggesting {
  const [suggested, setSuggested] = useState(nothing);
  const [at, setAt] = useState(-1);
  const asking = useRef<{ timer: ReturnType<typeof setTimeout>; abort: AbortController } | null>(null);
  const stop = useCallback(() => {
    if (asking.current !== null) {
      clearTimeout(asking.current.timer);
      asking.current.abort.abort();
    }
    asking.current = null;
  }, []);
  useEffect(() => stop, [stop]);
  const close = useCallback(() => {
    stop();
    setSuggested(nothing);
    setAt(-1);
  }, [stop]);
  const ask = useCallback(
    (query: string, cursor: number) => {
      stop();
      setAt(-1);
      const abort = new AbortController();
      const run = async (): Promise<void> => {
        try {
          const answer = await call('suggestSearch', { body: { query, cursor } }, { signal: abort.signal });
          if (abort.signal.aborted) return;
          const written = query.slice(answer.from, cursor).toLowerCase();
          // What is written already is no suggestion.
          const fresh = answer.suggestions.filter(({ text }) => text.toLowerCase() !== written);
          setSuggested({ ...answer, of: query, suggestions: fresh.slice(0, shownMax) });
          setAt(-1);
        } catch {
          // Suggestions are a help: without them the query is typed.
          if (!abort.signal.aborted) setSuggested(nothing);
        }
      };
      asking.current = { abort, timer: setTimeout(() => void run(), settleMs) };
    },
    [stop],
  );
  const count = suggested.suggestions.length;
  const move = useCallback(
    (step: 1 | -1) => {
      if (count > 0) setAt((before) => (before < 0 && step < 0 ? count - 1 : (before + step + count) % count));
    },
    [count],
  );
  return { suggested, at, isOpen: count > 0, ask, move, close };
}
