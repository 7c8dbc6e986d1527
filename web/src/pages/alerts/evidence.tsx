/** What an alert rests on: the commands themselves, each with the way to where a replay shows it. */
import { Link } from '@tanstack/react-router';
import { Play } from 'lucide-react';
import type { ReactNode } from 'react';
import { bytes, exactTime, plural, timeOfDay } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Panel } from '../../ui/page.tsx';
import type { Alert, Evidence } from './words.ts';

export function EvidenceList({ alert: { evidence, gateway } }: { readonly alert: Alert }): ReactNode {
  return (
    <Panel title={`Evidence · ${plural(evidence.length, 'event')}`} flush>
      {evidence.length === 0 ? <p className="p-4 text-quiet">No event stands for it.</p> : null}
      <ol>
        {evidence.map((one) => (
          <li key={one.sequence} className="border-b last:border-b-0">
            <EvidenceRow evidence={one} gateway={gateway} />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function EvidenceRow({ evidence, gateway }: { readonly evidence: Evidence; readonly gateway: string }): ReactNode {
  const { type, at, session, command, text, outcome, rows, bytes: size, principal, resource } = evidence;
  if (type === null) {
    return (
      <p className="px-4 py-2.5 text-quiet">
        Event {evidence.sequence} stands in the journal of another gateway, {gateway}.
      </p>
    );
  }
  const body = (
    <>
      <span className="text-xs text-quiet tabular-nums">
        {at === null ? (
          ''
        ) : (
          <time dateTime={at} title={exactTime(at)}>
            {timeOfDay(at)}
          </time>
        )}
      </span>
      <span className="min-w-0">
        {text === '' ? null : (
          <code className="line-clamp-4 font-mono text-xs break-words whitespace-pre-wrap">
            <Safe text={text} />
          </code>
        )}
        <span className="block text-2xs text-quiet">
          {[type, principal, resource]
            .filter((one) => one !== null)
            .map((one, index) => (
              <span key={index}>
                {index === 0 ? '' : ' · '}
                <Safe text={one} />
              </span>
            ))}
        </span>
      </span>
      <span className="text-right text-xs whitespace-nowrap text-quiet tabular-nums">
        {outcome === null ? null : (
          <span className="block">
            <Safe text={outcome} />
          </span>
        )}
        {rows === null ? null : <span className="block">{plural(rows, 'row')}</span>}
        {size === null ? null : <span className="block">{bytes(size)}</span>}
      </span>
      {session === null ? null : <Play aria-hidden="true" className="size-4 self-center text-faint" />}
    </>
  );
  const look = 'grid grid-cols-[4.5rem_minmax(0,1fr)_max-content_1rem] gap-3 px-4 py-2.5';
  if (session === null) return <div className={look}>{body}</div>;
  return (
    <Link
      to="/sessions/$id"
      params={{ id: session }}
      search={command === null ? {} : { command }}
      title="Replay it there"
      className={`${look} hover:bg-hover focus-visible:-outline-offset-2`}
    >
      {body}
    </Link>
  );
}
