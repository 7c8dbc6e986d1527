/** What one run gave: messages with the rule that spoke, and result grids. */
import { Download, TriangleAlert } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { saveAs } from '../../api/client.ts';
import { csvOf } from '../../format/csv.ts';
import { duration, plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge, Button, cx } from '../../ui/controls.tsx';
import { Empty } from '../../ui/states.tsx';
import type { Message, Result, Run } from './bench.ts';
import { Grid } from './grid.tsx';

export function Output({ run, resource }: { readonly run: Run; readonly resource: string }): ReactNode {
  const grids = run.results.filter(({ columns }) => columns.length > 0);
  const [at, setAt] = useState(0);
  const shown = grids[Math.min(at, grids.length - 1)];
  const tags = run.results.filter(({ columns, tag }) => columns.length === 0 && tag !== null);
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex min-h-10 flex-wrap items-center gap-2 border-b px-4 py-1.5 md:px-6">
        {grids.length > 1
          ? grids.map((_, index) => (
              <Button
                key={index}
                size="small"
                aria-pressed={index === at}
                tone={index === at ? 'plain' : 'ghost'}
                onClick={() => setAt(index)}
              >
                Result {index + 1}
              </Button>
            ))
          : null}
        <span role="status" className="text-quiet">
          {summary(run, shown)}
        </span>
        {shown?.cut === true ? (
          <Badge tone="warn" title="The console shows so many. Use a stock client for more.">
            cut
          </Badge>
        ) : null}
        {shown === undefined || shown.rows.length === 0 ? null : (
          <Button
            size="small"
            className="ml-auto"
            icon={<Download className="size-3.5" />}
            onClick={() =>
              saveAs(new Blob([csvOf(shown.columns, shown.rows)], { type: 'text/csv' }), `${resource}-${run.id}.csv`)
            }
          >
            CSV
          </Button>
        )}
      </div>
      {run.messages.map((message, index) => (
        <Said key={index} message={message} />
      ))}
      {tags.length > 0 && shown === undefined ? (
        <ul className="px-4 py-3 font-mono text-xs md:px-6">
          {tags.map(({ tag }, index) => (
            <li key={index}>
              <Safe text={tag ?? ''} />
            </li>
          ))}
        </ul>
      ) : null}
      {shown === undefined ? null : shown.rows.length === 0 && shown.tag !== null ? (
        <Empty title="No rows">The statement ran and found nothing that matches.</Empty>
      ) : (
        <Grid result={shown} label="Result" />
      )}
    </div>
  );
}

function summary(run: Run, shown: Result | undefined): string {
  if (run.durationMs === null) return shown === undefined ? 'Running…' : `${plural(shown.rows.length, 'row')} so far…`;
  const rows = shown === undefined ? '' : `${plural(shown.rows.length, 'row')} · `;
  return `${rows}${duration(run.durationMs)}`;
}

function Said({ message }: { readonly message: Message }): ReactNode {
  const isError = message.level === 'error';
  return (
    <div
      role={isError ? 'alert' : 'note'}
      className={cx(
        'flex gap-2 border-b px-4 py-2 md:px-6',
        isError ? 'bg-bad-soft text-bad' : 'bg-warn-soft text-warn',
      )}
    >
      <TriangleAlert className="mt-0.5 size-4 shrink-0" />
      <div className="min-w-0">
        <p className="break-words whitespace-pre-wrap">
          <Safe text={message.text} />
        </p>
        {[message.detail, message.hint].map((text, index) =>
          text === null ? null : (
            <p key={index} className="break-words whitespace-pre-wrap opacity-90">
              <Safe text={text} />
            </p>
          ),
        )}
      </div>
      {message.code === null ? null : <span className="ml-auto font-mono text-2xs">{message.code}</span>}
    </div>
  );
}
