/**
 * Reads a session: what was recorded, or what is recorded as it happens; and what the rules did in it.
 *
 * Invariants: reading goes on in slices, so that the page answers keys while a long recording comes; a live session is caught up
 * with from its start and followed until it ends; one that breaks off is followed again from its start.
 */
import { useCallback, useEffect, useRef, useState } from 'react';
import type { SessionEventView } from '../../../../src/api/contract/rule-shapes.ts';
import type { SessionView } from '../../../../src/api/contract/shapes.ts';
import { Problem, stream } from '../../api/client.ts';
import { type LiveEntry, useLiveEntries } from '../../api/live.ts';
import { forget } from '../../api/query.ts';
import * as limits from './limits.ts';
import { SessionModel } from './model.ts';
import { type Rules, rulesOf } from './rules.ts';
import { Terminals } from './terminals.ts';

export type ReadingState = 'reading' | 'following' | 'done' | 'failed';

export interface Reading {
  readonly model: SessionModel;
  readonly terminals: Terminals;
  readonly rules: Rules;
  readonly state: ReadingState;
  readonly error: Error | null;
  /** Changes with everything that came, at most once a frame. */
  readonly version: number;
  readonly retry: () => void;
}

const sliceMs = 8;
const retryMs = 1_500;
/** What the rules did is asked for again so long after something happened, and no more often than this. */
const eventsGatherMs = 250;
const eventsEveryMs = 1_500;

/** Lets the page do what it has to. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

export function useReading(session: SessionView): Reading {
  const { id, live, startedAt } = session;
  const [attemptNumber, setAttempt] = useState(0);
  const wasLive = useRef(live);
  const [source, setSource] = useState(() => sourceFor(startedAt));
  const [state, setState] = useState<ReadingState>('reading');
  const [error, setError] = useState<Error | null>(null);
  const [version, setVersion] = useState(0);
  const rules = useRules(id, version, state === 'following');
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another reading
  useEffect(() => {
    const closing = new AbortController();
    const made = sourceFor(startedAt);
    setSource(made);
    setState('reading');
    setError(null);
    let frame = 0;
    const changed = (): void => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        setVersion((before) => before + 1);
      });
    };
    void read(id, wasLive.current, made.model, changed, setState, closing.signal).catch((problem: unknown) => {
      if (closing.signal.aborted) return;
      const isLost = problem instanceof Problem && (problem.status === 0 || problem.status === 409);
      if (isLost && wasLive.current) {
        // It ended meanwhile, or the gateway went away: what is true now is asked for.
        forget('getSession');
        wasLive.current = problem.status === 0;
        setTimeout(() => !closing.signal.aborted && setAttempt((before) => before + 1), retryMs);
        return;
      }
      setError(problem as Error);
      setState('failed');
      changed();
    });
    return () => {
      closing.abort();
      cancelAnimationFrame(frame);
      made.terminals.close();
    };
  }, [id, startedAt, attemptNumber]);
  const retry = useCallback(() => setAttempt((before) => before + 1), []);
  return { ...source, rules, state, error, version, retry };
}

function sourceFor(startedAt: string): { readonly model: SessionModel; readonly terminals: Terminals } {
  const terminals = new Terminals();
  return { terminals, model: new SessionModel(Date.parse(startedAt), (piece) => terminals.push(piece)) };
}

async function read(
  id: string,
  isLive: boolean,
  model: SessionModel,
  changed: () => void,
  setState: (state: ReadingState) => void,
  signal: AbortSignal,
): Promise<void> {
  if (isLive) setState('following');
  let sliceEnds = performance.now() + sliceMs;
  for await (const entry of stream(isLive ? 'tailSession' : 'readRecording', { params: { id } }, { signal })) {
    model.take(entry);
    if (performance.now() < sliceEnds) {
      if (isLive) changed();
      continue;
    }
    changed();
    await turn();
    sliceEnds = performance.now() + sliceMs;
  }
  changed();
  setState('done');
  if (isLive) forget('getSession', 'proveRecording');
}

/** What the rules did; again while it lives, after something happened. */
function useRules(id: string, version: number, isLive: boolean): Rules {
  const [rules, setRules] = useState<Rules>(() => rulesOf([]));
  const asking = useRef<{ until: number; timer: ReturnType<typeof setTimeout> | null }>({ until: 0, timer: null });
  const ask = useCallback(async () => {
    const began = performance.now();
    const events: SessionEventView[] = [];
    try {
      for await (const event of stream('sessionEvents', { params: { id } })) {
        events.push(event);
        if (events.length >= limits.eventsMax) break;
      }
      setRules(rulesOf(events));
    } catch (error) {
      // What cannot be had is said by the recording's own reading, which asks the same gateway.
      if (!(error instanceof Problem)) throw error;
    }
    // An answer that takes long is asked for less often.
    asking.current.until = performance.now() + Math.max(eventsEveryMs, 4 * (performance.now() - began));
  }, [id]);
  const askSoon = useCallback(() => {
    const waits = asking.current;
    waits.timer ??= setTimeout(
      () => {
        waits.timer = null;
        void ask();
      },
      Math.max(eventsGatherMs, waits.until - performance.now()),
    );
  }, [ask]);
  useEffect(() => {
    void ask();
    const waits = asking.current;
    return () => {
      if (waits.timer !== null) clearTimeout(waits.timer);
      waits.timer = null;
    };
  }, [ask]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each version is news
  useEffect(() => {
    if (isLive) askSoon();
  }, [version, isLive, askSoon]);
  useLiveEntries(
    useCallback(
      (entry: LiveEntry) => {
        if (entry.type === 'changed' && (entry.topic === 'reviews' || entry.topic === 'alerts')) askSoon();
      },
      [askSoon],
    ),
  );
  return rules;
}
