/** What replays of rules and of detections have in common: over how many days, running, stopping, what came so far. */
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Button, Select } from '../../ui/controls.tsx';

export type StreamState = 'idle' | 'running' | 'done' | 'failed';

export interface Replay<Entry> {
  readonly state: StreamState;
  readonly entries: readonly Entry[];
  readonly problem: string | null;
  readonly days: number;
  setDays(days: number): void;
  start(): void;
  stop(): void;
}

/** Entries kept at most: a list of more is read by nobody. */
const entriesMax = 300;
const drawMs = 100;

export function useReplay<Entry>(open: (since: string, signal: AbortSignal) => AsyncIterable<Entry>): Replay<Entry> {
  const [state, setState] = useState<StreamState>('idle');
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const [days, setDays] = useState(7);
  const stopping = useRef<AbortController | null>(null);
  useEffect(() => () => stopping.current?.abort(), []);
  const run = async (): Promise<void> => {
    stopping.current?.abort();
    const stop = new AbortController();
    stopping.current = stop;
    setState('running');
    setProblem(null);
    setEntries([]);
    const found: Entry[] = [];
    let drawnAt = 0;
    try {
      const since = new Date(Date.now() - days * 86_400_000).toISOString();
      for await (const entry of open(since, stop.signal)) {
        // The last one is the summary, and always kept.
        if (found.length >= entriesMax) found.splice(entriesMax - 1, 1);
        found.push(entry);
        if (performance.now() - drawnAt < drawMs) continue;
        drawnAt = performance.now();
        setEntries([...found]);
      }
      setEntries(found);
      setState('done');
    } catch (error) {
      setEntries(found);
      if (stop.signal.aborted) return setState('idle');
      setState('failed');
      setProblem(error instanceof Error ? error.message : 'The replay broke off.');
    }
  };
  return { state, entries, problem, days, setDays, start: () => void run(), stop: () => stopping.current?.abort() };
}

export function Span({
  replay,
  isReady,
  about,
}: {
  readonly replay: Replay<unknown>;
  readonly isReady: boolean;
  readonly about: string;
}): ReactNode {
  const { state, problem, days, setDays, start, stop } = replay;
  return (
    <>
      <div className="flex flex-wrap items-center gap-2">
        <span className="flex items-center gap-2 text-quiet">
          <span aria-hidden="true">Over the last</span>
          <Select
            className="max-w-32"
            aria-label="Over the last"
            value={days}
            onChange={(event) => setDays(Number(event.target.value))}
          >
            {[1, 7, 30, 90].map((count) => (
              <option key={count} value={count}>
                {count === 1 ? 'day' : `${count} days`}
              </option>
            ))}
          </Select>
        </span>
        {state === 'running' ? (
          <Button onClick={stop}>Stop</Button>
        ) : (
          <Button onClick={start} disabled={!isReady}>
            Replay
          </Button>
        )}
        {state === 'running' ? (
          <span role="status" className="text-quiet">
            Reading…
          </span>
        ) : null}
      </div>
      {state === 'idle' ? <p className="text-xs text-faint">{about}</p> : null}
      {problem === null ? null : (
        <p role="alert" className="text-bad">
          {problem}
        </p>
      )}
    </>
  );
}
