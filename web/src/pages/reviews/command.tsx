/** What would run: the statement, its parameters, and what the gateway read out of it, in words. */
import { TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { bytes, number, plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge } from '../../ui/controls.tsx';
import { Facts, Panel } from '../../ui/page.tsx';
import { Statement } from './statement.tsx';
import { effectMeaning, type Review, spanWords } from './words.ts';

type Command = NonNullable<Review['command']>;

export function What({ review, command }: { readonly review: Review; readonly command: Command }): ReactNode {
  return (
    <>
      <Warnings review={review} command={command} />
      <section className="overflow-hidden rounded-lg border">
        <div className="flex min-h-9 flex-wrap items-center gap-x-3 gap-y-1 border-b bg-raised px-3 py-1">
          <h3 className="text-xs font-semibold text-quiet">
            {review.kind === 'break-glass' ? 'What was run' : 'What would run'}
          </h3>
          <span className="ml-auto text-2xs text-quiet">
            {command.kind} · <Safe text={command.verb} /> · {plural(command.length, 'character')}
          </span>
        </div>
        {command.notes.length === 0 ? null : (
          <ul className="border-b bg-warn-soft px-3 py-1.5 text-xs text-warn">
            {command.notes.map((note) => (
              <li key={note}>
                <Safe text={note} />
              </li>
            ))}
          </ul>
        )}
        <Statement command={command} />
        <Parameters of={command} />
      </section>
      <Meaning command={command} />
    </>
  );
}

/** What a reviewer must not miss. */
function Warnings({ review, command }: { readonly review: Review; readonly command: Command }): ReactNode {
  const { inTransaction, redacted, complete, unknown } = command;
  const said = [
    ...(inTransaction && review.state === 'pending'
      ? ['It waits inside an open transaction: others may wait for the rows that it has locked.']
      : []),
    ...(redacted ? ['Passwords were taken out: what runs is not to the letter what stands here.'] : []),
    ...(complete && unknown.length === 0 ? [] : ['Not all that it does could be read. See what stays unknown.']),
  ];
  if (said.length === 0) return null;
  return (
    <ul className="grid gap-1 rounded-lg bg-warn-soft px-3 py-2 text-warn">
      {said.map((one) => (
        <li key={one} className="flex gap-2">
          <TriangleAlert className="mt-0.5 size-4 shrink-0" />
          {one}
        </li>
      ))}
    </ul>
  );
}

function Parameters({ of: { parameters } }: { readonly of: Command }): ReactNode {
  if (parameters === null || parameters.length === 0) return null;
  return (
    <div className="overflow-x-auto border-t">
      <table className="w-full text-xs">
        <caption className="sr-only">Parameters</caption>
        <thead className="text-left text-2xs text-faint">
          <tr>
            <th className="py-1 pl-3 font-medium">Parameter</th>
            <th className="px-3 font-medium">Type</th>
            <th className="w-full px-3 font-medium">Value</th>
          </tr>
        </thead>
        <tbody>
          {parameters.map((parameter) => (
            <tr key={parameter.number} className="border-t align-top">
              <td className="py-1 pl-3 font-mono text-veil">${parameter.number}</td>
              <td className="px-3 py-1 font-mono whitespace-nowrap text-quiet">
                <Safe text={parameter.type ?? 'unknown'} />
              </td>
              <td className="px-3 py-1 font-mono break-all">
                {parameter.value === null ? (
                  <span className="text-quiet">{parameter.digest === undefined ? 'NULL' : bytes(parameter.bytes)}</span>
                ) : (
                  <Safe text={parameter.value} />
                )}
                {parameter.digest === undefined ? null : (
                  <span className="block text-2xs text-quiet">
                    {bytes(parameter.bytes)}, SHA-256 {parameter.digest.slice(0, 16)}…
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Meaning({ command }: { readonly command: Command }): ReactNode {
  const { effects, relations, conditions, functions, unknown, estimate, estimatedRows, inTransaction, context } =
    command;
  const facts: (readonly [string, ReactNode])[] = [
    ...(effects.length === 0 ? [] : [['Effects', <Effects key="effects" command={command} />] as const]),
    ...(relations.length === 0 ? [] : [['Touches', <Relations key="relations" of={relations} />] as const]),
    ...(conditions.length === 0 ? [] : [['Conditions', <Lines key="conditions" of={conditions} />] as const]),
    [
      'Estimate',
      <span key="estimate" className={estimatedRows !== null && estimatedRows >= 1000 ? 'font-medium' : ''}>
        <Safe text={estimate} />
      </span>,
    ],
    ...(functions.length === 0 ? [] : [['Functions', <Lines key="functions" mono of={functions} />] as const]),
    ...(unknown.length === 0 ? [] : [['Unknown', <Lines key="unknown" warn of={unknown} />] as const]),
    ['Transaction', inTransaction ? 'inside an open one' : 'by itself'],
    ...(Object.keys(context).length === 0 ? [] : [['Runs as', <Pairs key="context" of={context} />] as const]),
  ];
  return (
    <Panel title="What it does">
      <Facts of={facts} />
    </Panel>
  );
}

function Effects({ command: { effects, kind } }: { readonly command: Command }): ReactNode {
  return (
    <ul className="grid gap-1">
      {effects.map((effect) => (
        <li key={effect} className="flex flex-wrap items-baseline gap-x-2">
          <Badge tone={effect === 'read' ? 'plain' : 'warn'}>
            <Safe text={effect} />
          </Badge>
          <span>{effectMeaning(kind, effect)}</span>
        </li>
      ))}
    </ul>
  );
}

function Relations({ of }: { readonly of: Command['relations'] }): ReactNode {
  return (
    <ul className="flex flex-wrap gap-x-3 gap-y-1">
      {of.map(({ name, access }) => (
        <li key={`${access} ${name}`} className="inline-flex items-center gap-1.5">
          <Badge tone={access === 'write' ? 'warn' : 'plain'}>{access === 'write' ? 'writes' : 'reads'}</Badge>
          <span className="font-mono text-xs break-all">
            <Safe text={name} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function Lines({
  of,
  mono,
  warn,
}: {
  readonly of: readonly string[];
  readonly mono?: boolean;
  readonly warn?: boolean;
}): ReactNode {
  return (
    <ul className={warn === true ? 'text-warn' : mono === true ? 'font-mono text-xs' : ''}>
      {of.map((line, index) => (
        <li key={index}>
          <Safe text={line} />
        </li>
      ))}
    </ul>
  );
}

export function Pairs({ of }: { readonly of: Readonly<Record<string, string>> }): ReactNode {
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-0.5 text-xs">
      {Object.entries(of).map(([key, value]) => (
        <li key={key}>
          <span className="text-quiet">
            <Safe text={key} />
          </span>{' '}
          <span className="font-mono break-words">
            <Safe text={value} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Access that is asked for, instead of a statement. */
export function AskedAccess({ review }: { readonly review: Review }): ReactNode {
  const { access, resource } = review;
  if (access === null) return null;
  return (
    <Panel title="What is asked for">
      <Facts
        of={[
          ['Resource', <Safe key="resource" text={resource} />],
          ['For', `${spanWords(access.durationSeconds)}${access.extends === null ? ', from the approval' : ' more'}`],
          ...(access.extends === null ? [] : [['Extends', <code key="extends">{access.extends}</code>] as const]),
          ...(access.grant === null ? [] : [['Grant', <code key="grant">{access.grant}</code>] as const]),
          ['Approvals', `${number(review.approvals.given)} of ${number(review.approvals.needed)}`],
        ]}
      />
    </Panel>
  );
}
