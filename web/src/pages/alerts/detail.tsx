/** One alert: what it rests on as the commands themselves, what was done by itself, what people did about it, and what to do now. */
import { Link, useNavigate } from '@tanstack/react-router';
import { ArrowLeft } from 'lucide-react';
import { Fragment, type ReactNode } from 'react';
import { useAsk } from '../../api/query.ts';
import type { AlertsSearch } from '../../app/router.tsx';
import { exactTime, plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Severity } from '../../ui/controls.tsx';
import { useKeys } from '../../ui/keys.ts';
import { Facts, Panel } from '../../ui/page.tsx';
import { Answered } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';
import { Actions } from './act.tsx';
import { EvidenceList } from './evidence.tsx';
import { StateBadge, useAlerts } from './list.tsx';
import { ResponseRow } from './responses.tsx';
import { Trail } from './trail.tsx';
import { type Alert, factName, originOf } from './words.ts';

export function Detail({ id, search }: { readonly id: string; readonly search: AlertsSearch }): ReactNode {
  const asked = useAsk('getAlert', { params: { id } });
  const navigate = useNavigate();
  const rows = useAlerts(search).data ?? [];
  const at = rows.findIndex((row) => row.id === id);
  const show = (row: { readonly id: string } | undefined): void => {
    if (row !== undefined) void navigate({ to: '/alerts/$id', params: { id: row.id }, search, replace: true });
  };
  useKeys({
    j: () => show(rows[at + 1]),
    k: () => show(at < 0 ? undefined : rows[at - 1]),
    u: () => void navigate({ to: '/alerts', search }),
  });
  return (
    <Answered of={asked} rows={10}>
      {(alert) => (
        <article aria-label="Alert" className="flex min-h-0 flex-1 flex-col">
          <Heading alert={alert} search={search} />
          <section
            aria-label="What was found"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by itself, so it must be reachable by keyboard
            tabIndex={0}
            className="@container min-h-0 flex-1 overflow-auto focus-visible:-outline-offset-2"
          >
            <div className="grid max-w-7xl items-start gap-4 p-4 md:p-6 @4xl:grid-cols-[minmax(0,1fr)_22rem]">
              <div className="grid min-w-0 gap-4">
                <EvidenceList alert={alert} />
                <Trail alert={alert} />
              </div>
              <div className="grid min-w-0 gap-4">
                <About alert={alert} />
                <Done alert={alert} />
              </div>
            </div>
          </section>
          <Actions alert={alert} />
        </article>
      )}
    </Answered>
  );
}

function Heading({ alert, search }: { readonly alert: Alert; readonly search: AlertsSearch }): ReactNode {
  return (
    <header className="flex items-start gap-2 border-b bg-ground py-2.5 pr-4 pl-2 md:pr-6 md:pl-3">
      <Link
        to="/alerts"
        search={search}
        aria-label="Back to the list"
        className="inline-flex size-9 shrink-0 items-center justify-center rounded-md text-quiet hover:bg-hover"
      >
        <ArrowLeft className="size-4" />
      </Link>
      <div className="mr-auto min-w-0 py-1">
        <h2 className="text-sm leading-5 font-semibold">
          <Safe text={alert.summary} />
        </h2>
        <p className="mt-1 flex flex-wrap items-center gap-x-2 gap-y-1 text-xs text-quiet">
          <Severity name={alert.severity} />
          <StateBadge of={alert} />
          <span>{plural(alert.count, 'finding')}</span>
          <span>
            last <Ago at={alert.lastAt} />
          </span>
          {alert.assignee === null ? null : (
            <span>
              assigned to <Safe text={alert.assignee.name} />
            </span>
          )}
        </p>
      </div>
    </header>
  );
}

function About({ alert }: { readonly alert: Alert }): ReactNode {
  const kind = originOf(alert);
  const { detection, principal, resource, session, command, suppressed, facts } = alert;
  const link = 'text-accent hover:underline';
  const shown: (readonly [string, ReactNode])[] = [
    [
      kind ?? 'Raised by',
      kind === null ? (
        <Safe key="raised" text={detection} />
      ) : (
        <Link key="raised" to="/objects/$kind/$name" params={{ kind, name: detection }} className={link}>
          <Safe text={detection} />
        </Link>
      ),
    ],
    ['Who', principal === null ? 'nobody in particular' : <Safe key="who" text={principal.name} />],
    ...(resource === null ? [] : [['Resource', <Safe key="resource" text={resource} />] as const]),
    ...(session === null
      ? []
      : [
          [
            'Session',
            <Link
              key="session"
              to="/sessions/$id"
              params={{ id: session }}
              search={command === null ? {} : { command }}
              className={link}
            >
              {command === null ? 'Replay it' : `Replay it at command ${command}`}
            </Link>,
          ] as const,
        ]),
    [
      'First',
      <time key="first" dateTime={alert.firstAt}>
        {exactTime(alert.firstAt)}
      </time>,
    ],
    [
      'Last',
      <time key="last" dateTime={alert.lastAt}>
        {exactTime(alert.lastAt)}
      </time>,
    ],
    ...(alert.dryRun ? ([['Mode', 'its detection only looks: nothing was done']] as const) : []),
    ...(suppressed === null ? [] : [['Suppressed', <Safe key="suppressed" text={suppressed} />] as const]),
    ...Object.entries(facts).map(
      ([key, value]) =>
        [
          factName(key),
          typeof value === 'number' ? value.toLocaleString('en-GB') : <Safe key={key} text={value} />,
        ] as const,
    ),
  ];
  return (
    <Panel title="Facts">
      <Facts of={shown} />
    </Panel>
  );
}

function Done({ alert: { responses } }: { readonly alert: Alert }): ReactNode {
  return (
    <Panel title="Done by itself" flush>
      {responses.length === 0 ? <p className="p-4 text-quiet">Nothing: this is for people alone.</p> : null}
      <ul>
        {responses.map((response) => (
          <Fragment key={response.id}>
            <ResponseRow response={response} isShort />
          </Fragment>
        ))}
      </ul>
    </Panel>
  );
}
