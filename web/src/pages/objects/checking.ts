/**
 * What the gateway says of a manifest as it is typed: its dry run, a moment after the last key. It changes nothing.
 *
 * Invariant: an answer to an older text is dropped.
 */
import { useEffect, useRef, useState } from 'react';
import { type AnswerOf, call, type FieldProblem, Problem } from '../../api/client.ts';
import type { Parsed } from './document.ts';

export type DryRun = AnswerOf<'apply'>['results'][number];

export interface Checked {
  /** What it would do; null while that is not known. */
  readonly result: DryRun | null;
  readonly problems: readonly FieldProblem[];
  /** Why it could not be checked at all. */
  readonly failure: string | null;
  readonly isChecking: boolean;
  /** The text that this is said of. */
  readonly of: string | null;
}

const waitMs = 350;
const nothing: Checked = { result: null, problems: [], failure: null, isChecking: false, of: null };

export function useChecked(parsed: Parsed, mayWrite: boolean): Checked {
  const [checked, setChecked] = useState<Checked>(nothing);
  const latest = useRef(0);
  useEffect(() => {
    const { text, value } = parsed;
    const turn = ++latest.current;
    if (!mayWrite || value === null) {
      setChecked(nothing);
      return;
    }
    setChecked((before) => ({ ...before, isChecking: true }));
    const stop = new AbortController();
    const timer = setTimeout(() => {
      void check(value, stop.signal).then((answer) => {
        if (turn === latest.current && answer !== null) setChecked({ ...answer, isChecking: false, of: text });
      });
    }, waitMs);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [parsed, mayWrite]);
  return checked;
}

async function check(value: unknown, signal: AbortSignal): Promise<Omit<Checked, 'isChecking' | 'of'> | null> {
  try {
    const { results } = await call('apply', { body: { documents: [value], dryRun: true } }, { signal });
    return { result: results[0] ?? null, problems: [], failure: null };
  } catch (error) {
    if (signal.aborted) return null;
    const problems = error instanceof Problem ? error.problems : [];
    const failure = problems.length > 0 ? null : error instanceof Error ? error.message : 'It could not be checked.';
    return { result: null, problems, failure };
  }
}
