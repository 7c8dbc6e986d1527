/** The commands that brought the most out, each leading to where it is replayed. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { bytes, plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Ago } from '../../ui/time.tsx';
import type { Overview } from './asking.ts';

export function Downloads({ of }: { readonly of: Overview['downloads'] }): ReactNode {
  if (of.length === 0) return <p className="px-4 py-6 text-quiet">Nothing was read in this time.</p>;
  return (
    <ol aria-label="Largest downloads" className="divide-y">
      {of.map(({ session, command, at, principal, resource, text, rows, bytes: size }) => (
        <li key={`${session}/${command}`}>
          <Link
            to="/sessions/$id"
            params={{ id: session }}
            search={{ command }}
            className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 px-4 py-2 hover:bg-hover"
          >
            <code className="truncate font-mono text-xs">
              <Safe text={text} oneLine />
            </code>
            <span className="text-right font-medium tabular-nums">{bytes(size)}</span>
            <span className="truncate text-xs text-quiet">
              <Safe text={principal} oneLine /> on <Safe text={resource} oneLine /> · <Ago at={at} />
            </span>
            <span className="text-right text-xs text-quiet tabular-nums">
              {rows === null ? '' : plural(rows, 'row')}
            </span>
          </Link>
        </li>
      ))}
    </ol>
  );
}
