/** Reports: what an auditor asks, over a span of days, shown here and taken away as a document that proves itself. */
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { ClipboardList } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Button, cx, Field, Input } from '../../ui/controls.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { Empty } from '../../ui/states.tsx';
import { daysAgo, type ReportName, readDay, reports, type Span, today } from './making.ts';
import { Preview } from './preview.tsx';

const route = getRouteApi('/reports');

export function ReportsPage(): ReactNode {
  const search = route.useSearch();
  const report = reports.find(({ name }) => name === search.report);
  const since = readDay(search.since);
  const until = readDay(search.until);
  const isWhole = report !== undefined && since !== null && until !== null && since <= until;
  return (
    <Page
      title="Reports"
      about="For auditors: what happened, with what proves it attached. Making one is itself recorded."
    >
      <div className="grid items-start gap-4 xl:grid-cols-[22rem_minmax(0,1fr)]">
        <Order
          key={`${search.report ?? ''} ${since ?? ''} ${until ?? ''}`}
          report={report?.name ?? 'access'}
          span={{ since: since ?? daysAgo(30), until: until ?? today() }}
        />
        {isWhole ? (
          <Preview report={report.name} span={{ since, until }} />
        ) : (
          <Empty title="Choose a report and its days" icon={<ClipboardList aria-hidden="true" />}>
            It is shown here, and saved as HTML for people, CSV for spreadsheets or JSON for programs.
          </Empty>
        )}
      </div>
    </Page>
  );
}

const spans: readonly (readonly [title: string, span: () => Span])[] = [
  ['Today', () => ({ since: today(), until: today() })],
  ['7 days', () => ({ since: daysAgo(6), until: today() })],
  ['30 days', () => ({ since: daysAgo(29), until: today() })],
  ['This year', () => ({ since: `${today().slice(0, 4)}-01-01`, until: today() })],
];

function Order(asked: { readonly report: ReportName; readonly span: Span }): ReactNode {
  const navigate = useNavigate();
  const [report, setReport] = useState(asked.report);
  const [span, setSpan] = useState(asked.span);
  const isBackwards = span.since > span.until;
  return (
    <Panel>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBackwards) void navigate({ to: '/reports', search: { report, ...span } });
        }}
      >
        <fieldset className="grid gap-1">
          <legend className="mb-1 text-xs font-medium text-quiet">Report</legend>
          {reports.map(({ name, title, question }) => (
            <label
              key={name}
              className={cx(
                'flex cursor-pointer gap-2.5 rounded-md border px-3 py-2 hover:bg-hover',
                report === name && 'border-accent bg-accent-soft',
              )}
            >
              <input
                type="radio"
                name="report"
                value={name}
                checked={report === name}
                onChange={() => setReport(name)}
                className="mt-0.5 size-4 shrink-0 accent-(--accent)"
              />
              <span>
                <span className="font-medium">{title}</span>
                <span className="block text-xs text-quiet">{question}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <div className="grid gap-2">
          <div className="flex flex-wrap gap-1.5">
            {spans.map(([title, of]) => (
              <Button key={title} size="small" onClick={() => setSpan(of())}>
                {title}
              </Button>
            ))}
          </div>
          <div className="grid grid-cols-2 gap-3">
            <Field label="From">
              {(ids) => (
                <Input
                  {...ids}
                  type="date"
                  required
                  value={span.since}
                  onChange={(event) => setSpan({ ...span, since: event.target.value })}
                />
              )}
            </Field>
            <Field label="Through" problem={isBackwards ? 'This is before the first day.' : null}>
              {(ids) => (
                <Input
                  {...ids}
                  type="date"
                  required
                  value={span.until}
                  onChange={(event) => setSpan({ ...span, until: event.target.value })}
                />
              )}
            </Field>
          </div>
          <p className="text-xs text-faint">Whole days, in UTC.</p>
        </div>
        <Button type="submit" tone="primary" icon={<ClipboardList className="size-4" />}>
          Make the report
        </Button>
      </form>
    </Panel>
  );
}
