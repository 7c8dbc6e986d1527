/** A detection that is not saved yet: its examples, and what it would have raised. */
import { Link } from '@tanstack/react-router';
import { Check, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { type AnswerOf, call, type EntryOf, stream } from '../../api/client.ts';
import { number, plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Button, Severity } from '../../ui/controls.tsx';
import { Ago } from '../../ui/time.tsx';
import { Span, useReplay } from './replay-parts.tsx';
import type { ToolProps } from './tools.tsx';

type Entry = EntryOf<'replayDetections'>;
type Alert = Extract<Entry, { type: 'alert' }>;

export function DetectionReplay({ draft }: ToolProps): ReactNode {
  const replay = useReplay<Entry>((since, signal) =>
    stream('replayDetections', { body: { documents: [draft.parsed.value], names: [draft.name], since } }, { signal }),
  );
  const alerts = replay.entries.filter((entry): entry is Alert => entry.type === 'alert');
  const summary = replay.entries.find((entry) => entry.type === 'summary');
  return (
    <div className="grid gap-3">
      <Span
        replay={replay}
        isReady={draft.parsed.value !== null}
        about="What was journaled is looked at again by this draft. Nobody is told, and nothing is done."
      />
      {replay.state === 'done' && summary?.type === 'summary' ? (
        <p role="status">
          In {plural(summary.events, 'event')} it would have raised <strong>{plural(summary.alerts, 'alert')}</strong>
          {summary.suppressed > 0 ? `, and kept ${number(summary.suppressed)} to itself` : ''}.
          {summary.truncated ? ' There are more than are shown.' : ''}
        </p>
      ) : null}
      <ul className="grid gap-1">
        {alerts.map((alert) => (
          <li key={alert.id} className="rounded-md border bg-sheet px-3 py-2">
            <span className="flex flex-wrap items-center gap-2">
              <Severity name={alert.severity} />
              <span>
                <Safe text={alert.summary} oneLine />
              </span>
              <span className="ml-auto text-xs text-faint">
                <Ago at={alert.at} />
              </span>
              {alert.session === null ? null : (
                <Link
                  to="/sessions/$id"
                  params={{ id: alert.session }}
                  search={alert.command === null ? {} : { command: alert.command }}
                  className="text-xs text-accent underline"
                >
                  Replay
                </Link>
              )}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

type Trials = AnswerOf<'testDetections'>;

export function DetectionExamples({ draft }: ToolProps): ReactNode {
  const [trials, setTrials] = useState<Trials | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const run = async (): Promise<void> => {
    setProblem(null);
    try {
      setTrials(await call('testDetections', { body: { documents: [draft.parsed.value] } }));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'The examples could not be run.');
    }
  };
  return (
    <div className="grid gap-3">
      <div className="flex items-center gap-3">
        <Button onClick={() => void run()} disabled={draft.parsed.value === null}>
          Run the examples
        </Button>
        <span className="text-xs text-faint">They are run before each save as well.</span>
      </div>
      {problem === null ? null : (
        <p role="alert" className="text-bad">
          {problem}
        </p>
      )}
      {trials === null ? null : trials.results.length === 0 ? (
        <p className="text-quiet">It has no examples. Add some: what must alert, and what must stay quiet.</p>
      ) : (
        <ul className="grid gap-1">
          {trials.results.map(({ example, expected, got, passed, reason }) => (
            <li key={example} className="flex items-center gap-2 rounded-md border bg-sheet px-3 py-1.5">
              {passed ? (
                <Check aria-label="passed" className="size-4 text-good" />
              ) : (
                <X aria-label="failed" className="size-4 text-bad" />
              )}
              <span>
                Example {example + 1}: {expected}
                {passed ? '' : ` expected, ${got} came`}
              </span>
              <span className="truncate text-quiet">
                <Safe text={reason} oneLine />
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
