/** What would have changed: recorded commands judged by the draft. Each difference leads to its replay. */
import { Link } from '@tanstack/react-router';
import { ArrowRight } from 'lucide-react';
import type { ReactNode } from 'react';
import { type EntryOf, stream } from '../../api/client.ts';
import { number, plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Verdict } from '../../ui/controls.tsx';
import { Ago } from '../../ui/time.tsx';
import { Span, type StreamState, useReplay } from './replay-parts.tsx';
import type { ToolProps } from './tools.tsx';

type Entry = EntryOf<'replayPolicy'>;
type Difference = Extract<Entry, { type: 'difference' }>;

export function PolicyReplay({ draft }: ToolProps): ReactNode {
  const replay = useReplay<Entry>((since, signal) =>
    stream('replayPolicy', { body: { documents: [draft.parsed.value], since } }, { signal }),
  );
  const differences = replay.entries.filter((entry): entry is Difference => entry.type === 'difference');
  const summary = replay.entries.find((entry) => entry.type === 'summary');
  return (
    <div className="grid gap-3">
      <Span
        replay={replay}
        isReady={draft.parsed.value !== null}
        about="Recorded commands are judged again as if this were saved. Each session that is shown counts as read."
      />
      {replay.state === 'done' && summary?.type === 'summary' ? (
        <p role="status">
          Of {plural(summary.commands, 'recorded command')}, <strong>{number(summary.different)}</strong> would have
          come out otherwise.
          {summary.truncated ? ' There were more; ask for less time to see all.' : ''} <Skipped of={summary.skipped} />
        </p>
      ) : null}
      <ul className="grid gap-1">
        {differences.map((entry) => (
          <Row key={`${entry.session}/${entry.command}`} of={entry} />
        ))}
      </ul>
    </div>
  );
}

function Skipped({ of }: { readonly of: Readonly<Record<string, number>> }): ReactNode {
  const parts = Object.entries(of);
  if (parts.length === 0) return null;
  return (
    <span className="text-quiet">
      Not judged again: {parts.map(([why, count]) => `${number(count)} (${why})`).join(', ')}.
    </span>
  );
}

function Row({ of }: { readonly of: Difference }): ReactNode {
  return (
    <li>
      <Link
        to="/sessions/$id"
        params={{ id: of.session }}
        search={{ command: of.command }}
        className="grid gap-1 rounded-md border bg-sheet px-3 py-2 hover:bg-hover"
      >
        <span className="flex flex-wrap items-center gap-2">
          <Verdict name={of.before.name} />
          <ArrowRight aria-label="would have been" className="size-3.5 text-faint" />
          <Verdict name={of.after.name} />
          <span className="text-quiet">
            <Safe text={of.principal} oneLine /> on <Safe text={of.resource} oneLine />
          </span>
          <span className="ml-auto text-xs text-faint">
            <Ago at={of.at} />
          </span>
        </span>
        <code className="truncate font-mono text-xs">
          <Safe text={of.text} oneLine />
        </code>
      </Link>
    </li>
  );
}

export type { StreamState };
