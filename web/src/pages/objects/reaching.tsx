/** Who may open a resource, and by what. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useAsk } from '../../api/query.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge } from '../../ui/controls.tsx';
import { Answered } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';
import type { ToolProps } from './tools.tsx';

const tones = { standing: 'good', request: 'info', grant: 'warn' } as const;

export function Reaching({ stored }: ToolProps): ReactNode {
  if (stored === null) return <p className="text-quiet">When it is saved, this lists who may open it, and by what.</p>;
  return <Reach name={stored.metadata.name} />;
}

function Reach({ name }: { readonly name: string }): ReactNode {
  const asked = useAsk('accessWho', { query: { resource: name, limit: 200 } });
  return (
    <Answered of={asked} rows={3}>
      {({ reach, next }) =>
        reach.length === 0 ? (
          <p>
            Nobody may open it.{' '}
            <Link to="/objects/$kind/-/new" params={{ kind: 'Access' }} search={{}} className="text-accent underline">
              Write an Access
            </Link>
          </p>
        ) : (
          <>
            <ul className="divide-y rounded-md border bg-sheet">
              {reach.map(({ principal, access, how, counts, locked, lastUsed, grant }) => (
                <li
                  key={`${principal}/${access}/${grant ?? how}`}
                  className="flex flex-wrap items-center gap-2 px-3 py-1.5"
                >
                  <span className="font-medium">
                    <Safe text={principal} oneLine />
                  </span>
                  <Badge tone={tones[how]}>{how === 'request' ? 'may ask' : how}</Badge>
                  <Link
                    to="/objects/$kind/$name"
                    params={{ kind: 'Access', name: access }}
                    className="truncate text-quiet underline"
                  >
                    <Safe text={access} oneLine />
                  </Link>
                  {locked === null ? null : <Badge tone="bad">locked</Badge>}
                  {counts || locked !== null ? null : <Badge>not now</Badge>}
                  <span className="ml-auto text-xs text-faint">
                    {lastUsed === null ? 'never used' : <Ago at={lastUsed} />}
                  </span>
                </li>
              ))}
            </ul>
            {next === null ? null : (
              <p className="mt-2 text-xs text-faint">There are more. Reports have all of them.</p>
            )}
          </>
        )
      }
    </Answered>
  );
}
