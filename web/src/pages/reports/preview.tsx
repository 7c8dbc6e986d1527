/**
 * A report as it is read here: figures, tables, notes, and what proves it. Drawn from its JSON, as text, so nothing that was recorded
 * can be anything but text.
 */
import { Download } from 'lucide-react';
import type { ReactNode } from 'react';
import { download, saveAs } from '../../api/client.ts';
import { exactTime, number, plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Button, cx, Verdict } from '../../ui/controls.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { attempt } from '../../ui/overlays.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { Answered } from '../../ui/states.tsx';
import {
  type Cell,
  type Format,
  type Layout,
  type Made,
  orderOf,
  type Report,
  type ReportName,
  type Span,
  useReport,
} from './making.ts';

interface Asked {
  readonly report: ReportName;
  readonly span: Span;
}

export function Preview({ report, span }: Asked): ReactNode {
  const asked = useReport(report, span);
  return <Answered of={asked}>{(made) => <Document made={made} report={report} span={span} />}</Answered>;
}

function Document({ made, report, span }: Asked & { readonly made: Report }): ReactNode {
  const { document } = made;
  return (
    <article aria-label={document.title} className="grid min-w-0 gap-4">
      <header className="flex flex-wrap items-start gap-3">
        <div className="mr-auto min-w-0">
          <h2 className="text-lg font-semibold tracking-tight">{document.title}</h2>
          <p className="text-quiet">{document.question}</p>
          <p className="mt-1 text-xs text-faint">
            {exactTime(document.since)} to {exactTime(document.until)}. Made {exactTime(document.madeAt)} by{' '}
            <Safe text={document.madeBy} oneLine />.
          </p>
        </div>
        <Downloads made={made} report={report} span={span} />
      </header>
      <Figures of={document.figures} />
      {document.notes.map((note) => (
        <p key={note} className="rounded-md bg-warn-soft px-4 py-2 text-warn">
          <Safe text={note} />
        </p>
      ))}
      {Object.entries(document.layout).map(([key, layout]) => (
        <Sheet key={key} layout={layout} rows={document.tables[key] ?? []} />
      ))}
      <Proof of={document} />
    </article>
  );
}

function Downloads({ made, report, span }: Asked & { readonly made: Report }): ReactNode {
  const save = (format: Format): Promise<void> =>
    attempt(async () => {
      // JSON is the very document that is shown; the others are made of the same days.
      const blob = format === 'json' ? made.blob : await download('makeReport', orderOf(report, span, format));
      saveAs(blob, `${report}-${span.since}-${span.until}.${format}`);
    });
  return (
    <div className="flex flex-wrap gap-2">
      {(['html', 'csv', 'json'] as const).map((format) => (
        <Button key={format} icon={<Download className="size-3.5" />} onClick={() => void save(format)}>
          {format.toUpperCase()}
        </Button>
      ))}
    </div>
  );
}

function Figures({ of }: { readonly of: Made['figures'] }): ReactNode {
  return (
    <dl className="grid grid-cols-2 overflow-hidden rounded-lg border bg-sheet sm:grid-cols-3 lg:grid-cols-4">
      {of.map(({ label, value }) => (
        <div key={label} className="-mr-px -mb-px flex flex-col-reverse justify-end border-r border-b px-4 py-2.5">
          <dt className="text-xs text-quiet">{label}</dt>
          <dd className="text-lg font-semibold tabular-nums">
            {typeof value === 'number' ? number(value) : <Safe text={value ?? '–'} oneLine />}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** More is in the documents: a page of this many rows is read by nobody. */
const shownMost = 200;

function Sheet({ layout, rows }: { readonly layout: Layout; readonly rows: Made['tables'][string] }): ReactNode {
  return (
    <Panel title={layout.title} flush>
      <p className="px-4 py-2 text-xs text-quiet">{layout.note}</p>
      {rows.length === 0 ? (
        <p className="border-t px-4 py-3">{layout.empty}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
        <div className="max-h-[70vh] overflow-auto border-t" tabIndex={0} role="group" aria-label={layout.title}>
          <table className="w-full text-left">
            <thead className="sticky top-0 bg-sheet text-2xs text-faint">
              <tr>
                {layout.columns.map(({ key, title, look }) => (
                  <th
                    key={key}
                    scope="col"
                    className={cx('px-4 py-1.5 font-medium whitespace-nowrap', look === 'figure' && 'text-right')}
                  >
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, shownMost).map((row, index) => (
                <tr key={index} className="border-t align-top">
                  {layout.columns.map(({ key, look }) => (
                    <td key={key} className={cx('max-w-md px-4 py-1.5', looks[look ?? 'plain'])}>
                      <Value of={row[key] ?? null} look={look} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > shownMost ? (
        <p className="border-t px-4 py-2 text-xs text-quiet">
          The first {shownMost} of {plural(rows.length, 'row')}; all of them are in the documents.
        </p>
      ) : null}
    </Panel>
  );
}

const looks: Readonly<Record<string, string>> = {
  plain: 'min-w-28',
  figure: 'text-right tabular-nums',
  time: 'whitespace-nowrap tabular-nums',
  id: 'font-mono text-xs whitespace-nowrap',
  code: 'font-mono text-xs break-all',
  text: 'whitespace-pre-wrap break-words',
};

function Value({ of, look }: { readonly of: Cell; readonly look: string | undefined }): ReactNode {
  if (of === null) return <span className="text-faint">–</span>;
  if (typeof of === 'number') return number(of);
  return look === 'verdict' ? <Verdict name={of} /> : <Safe text={of} />;
}

function Proof({ of: { proof } }: { readonly of: Made }): ReactNode {
  const { gateway, journal, keyDigest, durableSequence, evidence, checkpoint } = proof;
  return (
    <Panel title="What proves it">
      <div className="grid gap-3">
        <Facts
          of={[
            [
              'Gateway',
              <code key="g" className="font-mono text-xs break-all">
                {gateway}
              </code>,
            ],
            [
              'Journal',
              <code key="j" className="font-mono text-xs break-all">
                {journal ?? 'without a checkpoint yet'}
              </code>,
            ],
            [
              'Key, SHA-256',
              <code key="k" className="font-mono text-xs break-all">
                {keyDigest}
              </code>,
            ],
            ['Journal durable to', number(durableSequence)],
            [
              'Rests on',
              evidence.length === 0
                ? 'no event'
                : evidence
                    .map(({ events, first, last }) => `${plural(events, 'event')}, ${first} to ${last}`)
                    .join('; '),
            ],
          ]}
        />
        {checkpoint === null ? null : <Copyable text={checkpoint.trim()} label="Copy the checkpoint" />}
        <p className="text-quiet">
          To check the journal that it rests on, with the checkpoint saved as a file and the public key from where it
          was kept:
        </p>
        <Copyable text="sallyport verify --journal copy/journal --key journal.pub --checkpoint checkpoint.txt" />
      </div>
    </Panel>
  );
}
