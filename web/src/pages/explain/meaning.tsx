/** What a command means, by its language: what it does, to what, and what stays unknown. */
import type { ReactNode } from 'react';
import type { AnswerOf } from '../../api/client.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge } from '../../ui/controls.tsx';
import { Facts } from '../../ui/page.tsx';

type Meaning = NonNullable<AnswerOf<'explainCommand'>['meaning']>;
type Of<Language extends Meaning['language']> = Extract<Meaning, { language: Language }>;

/** Codes of what stays unknown, where they need words. */
const unknowns: Readonly<Record<string, string>> = {
  'no-catalog': 'what the database has behind its names',
};

export function MeaningOf({ meaning }: { readonly meaning: Meaning }): ReactNode {
  return (
    <div className="grid gap-2">
      <Body meaning={meaning} />
      {meaning.complete ? null : (
        <p className="text-warn">
          Not known: <Safe text={meaning.unknown.map((one) => unknowns[one] ?? one).join('; ') || 'all that it does'} />
          . What is not known counts as the worst.
        </p>
      )}
      {meaning.language === 'sql' && !meaning.catalog ? (
        <p className="text-xs text-quiet">
          Judged without the database’s own catalog, which sessions learn when they open: names stand for what they
          usually mean.
        </p>
      ) : null}
    </div>
  );
}

function Body({ meaning }: { readonly meaning: Meaning }): ReactNode {
  switch (meaning.language) {
    case 'sql':
      return <Statements of={meaning.statements} />;
    case 'shell':
      return <Programs of={meaning} />;
    case 'http':
      return <Facts of={requestFacts(meaning)} />;
    case 'kubernetes':
      return (
        <>
          <Facts of={objectFacts(meaning)} />
          {meaning.shell === null ? null : <Programs of={meaning.shell} />}
        </>
      );
  }
}

function Effects({ of }: { readonly of: readonly string[] }): ReactNode {
  return of.map((effect) => (
    <Badge key={effect} tone={effect === 'read' ? 'plain' : 'warn'}>
      <Safe text={effect} oneLine />
    </Badge>
  ));
}

function Statements({ of }: { readonly of: Of<'sql'>['statements'] }): ReactNode {
  return (
    <ul className="grid gap-1.5">
      {of.map(({ kind, effects, relations, functions }, index) => (
        <li key={`${index} ${kind}`} className="flex flex-wrap items-center gap-1.5">
          <span className="font-medium">{kind}</span>
          <Effects of={effects} />
          {relations.map(({ name, access }) => (
            <code key={`${access} ${name}`} className="font-mono text-xs">
              <Safe text={name} oneLine /> <span className="text-faint">({access})</span>
            </code>
          ))}
          {functions.length === 0 ? null : (
            <span className="text-xs text-quiet">
              calls <Safe text={functions.join(', ')} oneLine />
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function Programs({ of }: { readonly of: Pick<Of<'shell'>, 'commands'> }): ReactNode {
  if (of.commands.length === 0) return <p>No program runs.</p>;
  return (
    <ul className="grid gap-1.5">
      {of.commands.map(({ command, effects, via, asUser, host }, index) => (
        <li key={`${index} ${command}`} className="flex flex-wrap items-center gap-1.5">
          <code className="font-mono text-xs break-all">
            <Safe text={command} oneLine />
          </code>
          <Effects of={effects} />
          <span className="text-xs text-quiet">
            <Safe
              text={[
                via.length === 0 ? '' : `by ${via.join(', ')}`,
                asUser === null ? '' : `as ${asUser}`,
                host === null ? '' : `on ${host}`,
              ]
                .filter((part) => part !== '')
                .join(', ')}
              oneLine
            />
          </span>
        </li>
      ))}
    </ul>
  );
}

type Fact = readonly [name: string, value: ReactNode];

/** Without what there is none of. */
function told(facts: readonly (readonly [string, string | null])[]): readonly Fact[] {
  return facts.flatMap(([name, value]): Fact[] =>
    value === null || value === '' ? [] : [[name, <Safe key={name} text={value} oneLine />]],
  );
}

function requestFacts({ method, path, route, query, body, contentType, graphql, rpc, grpc, upgrade }: Of<'http'>) {
  return told([
    ['Request', `${method} ${path}`],
    ['Route', route],
    ['Query', query.join(', ')],
    ['Body', body === 'none' ? null : `${body}${contentType === null ? '' : ` (${contentType})`}`],
    [
      'GraphQL',
      graphql.map(({ operation, name, fields }) => `${operation} ${name ?? ''}: ${fields.join(', ')}`).join('; '),
    ],
    ['JSON-RPC', rpc.join(', ')],
    ['gRPC', grpc],
    ['Upgrade', upgrade],
  ]);
}

function objectFacts({ verb, path, resource, subresource, namespace, name, dryRun }: Of<'kubernetes'>) {
  return told([
    ['Verb', verb],
    ['Path', resource === null ? path : null],
    ['Resource', resource],
    ['Subresource', subresource],
    ['Namespace', namespace],
    ['Name', name],
    ['Dry run', dryRun === null ? 'asked for, and perhaps not heeded' : dryRun ? 'yes' : null],
  ]);
}
