/** What a command touched, by its meaning: tables with their columns, files, objects; read, steered by, copied, written. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Safe, safeText } from '../../format/safe.tsx';
import { Badge, type BadgeTone } from '../../ui/controls.tsx';
import type { Hit } from './found.ts';
import { spell } from './terms.ts';

/** Word, tone, and the field that finds others. */
const ways: Readonly<Record<string, readonly [word: string, tone: BadgeTone, field: string]>> = {
  read: ['read', 'info', 'reads'],
  write: ['write', 'warn', 'writes'],
  delete: ['delete', 'bad', 'deletes'],
  steer: ['steers', 'plain', 'steers'],
  flow: ['copied', 'veil', 'copies'],
  use: ['used', 'plain', 'touches'],
};

interface Thing {
  readonly kind: string;
  readonly name: string;
  readonly accesses: string[];
  /** Of a table: its columns. */
  readonly parts: Thing[];
}

/** Columns below their tables; everything in the order it was found. */
export function things(touches: Hit['touches']): readonly Thing[] {
  const all = new Map<string, Thing>();
  const put = (kind: string, name: string): Thing => {
    const key = `${kind}\n${name}`;
    const thing = all.get(key) ?? { kind, name, accesses: [], parts: [] };
    all.set(key, thing);
    return thing;
  };
  for (const [kind, access, name] of touches) put(kind, name).accesses.push(access);
  for (const thing of [...all.values()]) {
    const dot = thing.name.lastIndexOf('.');
    if (thing.kind === 'column' && dot > 0) put('table', thing.name.slice(0, dot)).parts.push(thing);
  }
  return [...all.values()].filter(({ kind, name }) => kind !== 'column' || !name.includes('.'));
}

export function Touched({ hit }: { readonly hit: Hit }): ReactNode {
  if (hit.touches.length === 0) {
    return hit.complete ? null : <p className="text-quiet">What it touches is not known.</p>;
  }
  return (
    <div className="grid gap-2">
      {things(hit.touches).map((thing) => (
        <div key={`${thing.kind} ${thing.name}`}>
          <Line thing={thing} shown={thing.name} />
          {thing.parts.length === 0 ? null : (
            <div className="mt-1 ml-2 grid gap-1 border-l pl-3">
              {thing.parts.map((part) => (
                <Line key={part.name} thing={part} shown={part.name.slice(thing.name.length + 1)} />
              ))}
            </div>
          )}
        </div>
      ))}
      {hit.complete ? null : (
        <p className="text-xs text-warn">It may touch more: part of it runs code that is not in the text.</p>
      )}
    </div>
  );
}

function Line({ thing, shown }: { readonly thing: Thing; readonly shown: string }): ReactNode {
  return (
    <div className="flex min-w-0 items-center gap-2">
      {thing.kind === 'column' || thing.kind === 'table' ? null : (
        <span className="shrink-0 text-xs text-faint">{thing.kind}</span>
      )}
      <span className="min-w-0 truncate font-mono text-xs" title={safeText(thing.name)}>
        <Safe text={shown} oneLine />
      </span>
      <span className="ml-auto flex shrink-0 gap-1">
        {thing.accesses.map((access) => {
          const [word, tone, field] = ways[access] ?? [access, 'plain', 'touches'];
          return (
            <Link
              key={access}
              to="/sessions"
              search={{ q: `${field}:${spell(thing.name)}` }}
              aria-label={`${word} ${safeText(thing.name)}: find others`}
              title="Find others"
              className="rounded hover:underline"
            >
              <Badge tone={tone}>{word}</Badge>
            </Link>
          );
        })}
      </span>
    </div>
  );
}
