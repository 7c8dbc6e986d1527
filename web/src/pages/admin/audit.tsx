/** What administrators did, as a timeline by day: who changed what from what to what, who signed on, who looked. */
import { getRouteApi, Link } from '@tanstack/react-router';
import { FileSearch } from 'lucide-react';
import type { ReactNode } from 'react';
import { exactTime, timeOfDay } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge, type BadgeTone, Button } from '../../ui/controls.tsx';
import { Panel } from '../../ui/page.tsx';
import { Answered, Empty } from '../../ui/states.tsx';
import { type Hit, readChange, useActs, views } from './acts.ts';

const route = getRouteApi('/admin/$part');

export function Audit(): ReactNode {
  const { q } = route.useSearch();
  const view = views.find(({ name }) => name === q) ?? views[0];
  const asked = useActs(view.query);
  return (
    <div className="grid gap-4">
      <nav aria-label="What is shown" className="flex flex-wrap gap-1.5">
        {views.map(({ name, title }) => (
          <Link
            key={name}
            to="/admin/$part"
            params={{ part: 'audit' }}
            search={{ q: name }}
            aria-current={name === view.name ? 'true' : undefined}
            className="inline-flex h-7 items-center rounded-full border px-3 text-xs text-quiet hover:bg-hover [&[aria-current]]:border-accent [&[aria-current]]:bg-accent-soft [&[aria-current]]:font-medium [&[aria-current]]:text-accent"
          >
            {title}
          </Link>
        ))}
        <Link
          to="/sessions"
          search={{ q: view.query }}
          className="ml-auto inline-flex h-7 items-center gap-1.5 text-xs text-accent hover:underline"
        >
          <FileSearch aria-hidden="true" className="size-3.5" />
          Search these
        </Link>
      </nav>
      <Answered of={asked}>
        {({ pages }) => {
          const hits = pages.flatMap((page) => page.hits);
          if (hits.length === 0) {
            return <Empty title="Nothing of that in thirty days">Search further back by “Search these”.</Empty>;
          }
          return (
            <>
              {byDay(hits).map(([day, of]) => (
                <Panel key={day} title={day} flush>
                  <ol className="divide-y">
                    {of.map((hit) => (
                      <Act key={hit.id} hit={hit} />
                    ))}
                  </ol>
                </Panel>
              ))}
              {asked.hasNextPage ? (
                <div className="flex justify-center">
                  <Button onClick={() => void asked.fetchNextPage()} disabled={asked.isFetchingNextPage}>
                    Show older ones
                  </Button>
                </div>
              ) : null}
            </>
          );
        }}
      </Answered>
    </div>
  );
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

function byDay(hits: readonly Hit[]): readonly (readonly [string, readonly Hit[]])[] {
  const days = new Map<string, Hit[]>();
  for (const hit of hits) {
    const day = dayFormat.format(new Date(hit.at));
    const of = days.get(day) ?? [];
    of.push(hit);
    days.set(day, of);
  }
  return [...days];
}

const tones: Readonly<Record<string, BadgeTone>> = {
  created: 'good',
  updated: 'info',
  deleted: 'bad',
  kill: 'bad',
  identity: 'bad',
};

function Act({ hit }: { readonly hit: Hit }): ReactNode {
  const { at, principal, agents, verb, text, outcome, error, source, session, gateway, sequence } = hit;
  const [first = '', ...lines] = text.split('\n');
  const isObject = /^[A-Z]\w+\/\S+ (?:created|updated|deleted)$/.test(first);
  return (
    <li className="grid grid-cols-[4.5rem_minmax(0,1fr)] gap-3 px-4 py-2.5">
      <time dateTime={at} title={exactTime(at)} className="text-quiet tabular-nums">
        {timeOfDay(at)}
      </time>
      <div className="min-w-0">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="font-medium">
            <Safe text={principal?.name ?? 'nobody known'} oneLine />
          </span>
          {agents.length === 0 ? null : (
            <span className="text-xs text-quiet">
              by <Safe text={agents.join(' for ')} oneLine />
            </span>
          )}
          {verb === null ? null : <Badge tone={tones[verb] ?? 'plain'}>{verb}</Badge>}
          <span className="min-w-0 break-words">
            {isObject ? <ObjectName text={first} wasDeleted={verb === 'deleted'} /> : <Safe text={first} oneLine />}
          </span>
          <span className="ml-auto text-xs whitespace-nowrap text-faint">
            {[outcome, error, source].filter((one) => one !== null && one !== '').join(' · ')}
            {session === null ? null : (
              <>
                {' '}
                <Link to="/sessions/$id" params={{ id: session }} className="text-accent hover:underline">
                  session
                </Link>
              </>
            )}
            <span title={gateway}> #{sequence}</span>
          </span>
        </p>
        {lines.length === 0 ? null : <Changes lines={lines} />}
      </div>
    </li>
  );
}

/** `Kind/name updated`: linked where it is still there. */
function ObjectName({ text, wasDeleted }: { readonly text: string; readonly wasDeleted: boolean }): ReactNode {
  const [path = ''] = text.split(' ');
  const at = path.indexOf('/');
  const [kind, name] = [path.slice(0, at), path.slice(at + 1)];
  if (wasDeleted || kind === 'Secret') {
    return (
      <>
        {kind} <Safe text={name} oneLine />
      </>
    );
  }
  return (
    <>
      {kind}{' '}
      <Link to="/objects/$kind/$name" params={{ kind, name }} className="text-accent hover:underline">
        <Safe text={name} oneLine />
      </Link>
    </>
  );
}

/** More than these are folded: of what is new, all of its fields stand there. */
const openMost = 6;

function Changes({ lines }: { readonly lines: readonly string[] }): ReactNode {
  if (lines.length <= openMost) return <Fields lines={lines} />;
  return (
    <details className="mt-1">
      <summary className="cursor-pointer text-xs text-quiet hover:text-ink">{lines.length} fields</summary>
      <Fields lines={lines} />
    </details>
  );
}

function Fields({ lines }: { readonly lines: readonly string[] }): ReactNode {
  return (
    <ul className="mt-1.5 grid gap-1 border-l-2 pl-3">
      {lines.map((line, index) => {
        const change = readChange(line);
        if (change === null) {
          return (
            <li key={`${index} ${line}`} className="font-mono text-xs break-words text-quiet">
              <Safe text={line} />
            </li>
          );
        }
        return (
          <li key={`${index} ${line}`} className="text-xs break-words">
            <code className="font-mono break-all text-quiet">
              <Safe text={change.path} oneLine />
            </code>{' '}
            {change.before === null ? null : (
              <del className="rounded bg-bad-soft px-1 font-mono text-bad decoration-bad/50">
                <Safe text={change.before} />
              </del>
            )}{' '}
            {change.after === null ? (
              <span className="text-quiet">removed</span>
            ) : (
              <ins className="rounded bg-good-soft px-1 font-mono text-good no-underline">
                <Safe text={change.after} />
              </ins>
            )}
          </li>
        );
      })}
    </ul>
  );
}
