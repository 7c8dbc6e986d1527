/** Everything of one hit, beside the list; on a phone over it. */
import { Link } from '@tanstack/react-router';
import { Copy, Play, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useMay } from '../../app/me.tsx';
import { bytes, duration, exactTime, plural } from '../../format/format.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { Badge, Button, IconButton, Verdict } from '../../ui/controls.tsx';
import { attempt } from '../../ui/overlays.tsx';
import { Facts } from '../../ui/page.tsx';
import { Sheet } from '../../ui/sheet.tsx';
import { Ago } from '../../ui/time.tsx';
import type { Hit } from './found.ts';
import { KindSign, kindWord } from './kinds.tsx';
import { Marked } from './marked.tsx';
import { BoundValues } from './parameters.tsx';
import { Rule } from './rule.tsx';
import { spell } from './terms.ts';
import { Touched } from './touched.tsx';

export interface PeekProps {
  readonly hit: Hit;
  readonly marks: readonly string[];
  readonly isNarrow: boolean;
  readonly onClose: () => void;
}

export function Peek({ hit, marks, isNarrow, onClose }: PeekProps): ReactNode {
  const title = (
    <span className="flex items-center gap-2">
      <KindSign hit={hit} />
      <span className="truncate">{kindWord(hit)}</span>
    </span>
  );
  if (isNarrow) {
    return (
      <Sheet open side="right" onClose={onClose} title={title} actions={<OpenReplay hit={hit} />}>
        <Everything hit={hit} marks={marks} />
      </Sheet>
    );
  }
  return (
    <aside aria-label="What was found" className="flex w-[26rem] shrink-0 flex-col border-l bg-sheet">
      <div className="flex h-11 shrink-0 items-center gap-2 border-b pr-2 pl-4">
        <h2 className="mr-auto min-w-0 font-semibold">{title}</h2>
        <OpenReplay hit={hit} />
        <IconButton label="Close" onClick={onClose}>
          <X />
        </IconButton>
      </div>
      <div className="min-h-0 flex-1 overflow-auto">
        <Everything hit={hit} marks={marks} />
      </div>
    </aside>
  );
}

function OpenReplay({ hit }: { readonly hit: Hit }): ReactNode {
  if (hit.session === null) return null;
  return (
    <Link
      to="/sessions/$id"
      params={{ id: hit.session }}
      search={hit.command === null || hit.command === 0 ? {} : { command: hit.command }}
      className="inline-flex h-7 shrink-0 items-center gap-1.5 rounded-md bg-accent px-2.5 text-xs font-medium text-accent-ink hover:opacity-90"
    >
      <Play className="size-3.5" />
      {hit.live ? 'Watch' : 'Open in replay'}
    </Link>
  );
}

function Everything({ hit, marks }: { readonly hit: Hit; readonly marks: readonly string[] }): ReactNode {
  const mayRead = useMay('recordings.read') !== null;
  const hasValues = hit.type === 'command' && hit.kind === 'sql' && hit.session !== null && /\$\d/.test(hit.text);
  return (
    <div key={hit.id}>
      <Whole hit={hit} marks={marks} />
      <Part>
        <Facts of={factsOf(hit)} />
      </Part>
      {hit.type === 'command' && (hit.touches.length > 0 || !hit.complete) ? (
        <Part title="Touched">
          <Touched hit={hit} />
        </Part>
      ) : null}
      {hasValues && mayRead ? (
        <Part title="Parameters">
          <BoundValues session={hit.session!} command={hit.command!} />
        </Part>
      ) : null}
      <Part title="Find">
        <Others hit={hit} />
      </Part>
    </div>
  );
}

function Part({ title, children }: { readonly title?: string; readonly children: ReactNode }): ReactNode {
  return (
    <section className="border-t px-4 py-3 first:border-0">
      {title === undefined ? null : <h3 className="mb-2 text-xs font-medium text-quiet">{title}</h3>}
      {children}
    </section>
  );
}

const tallText = 900;

/** The text, whole: cut only until it is asked for. */
function Whole({ hit, marks }: { readonly hit: Hit; readonly marks: readonly string[] }): ReactNode {
  const [isTall, setTall] = useState(false);
  if (hit.text === '') return null;
  const isCut = hit.text.length > tallText && !isTall;
  return (
    <div className="relative border-b bg-ground">
      <section
        aria-label="Text"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        tabIndex={0}
        className="max-h-[40dvh] overflow-auto"
      >
        <pre className="px-4 py-3 pr-11 font-mono text-xs break-words whitespace-pre-wrap">
          <Marked text={isCut ? hit.text.slice(0, tallText) : hit.text} marks={marks} />
          {isCut ? '…' : null}
        </pre>
      </section>
      <IconButton
        label="Copy the text"
        className="absolute top-1.5 right-2"
        onClick={() => void attempt(() => navigator.clipboard.writeText(hit.text), 'Copied.')}
      >
        <Copy />
      </IconButton>
      {isCut ? (
        <Button size="small" tone="ghost" className="mx-2 mb-2" onClick={() => setTall(true)}>
          Show all {plural(hit.text.length, 'character')}
        </Button>
      ) : null}
    </div>
  );
}

/** Rows are of statements; of a line in a shell none is no news. */
const hasRows = (hit: Hit): hit is Hit & { readonly rows: number } =>
  hit.rows !== null && (hit.rows > 0 || hit.kind === 'sql');

type Fact = readonly [name: string, value: ReactNode];

function factsOf(hit: Hit): readonly Fact[] {
  const facts: (Fact | null)[] = [
    ['When', <At key="at" hit={hit} />],
    hit.principal === null ? null : ['Who', <Person key="who" hit={hit} />],
    hit.resource === null
      ? null
      : ['Resource', <Named key="resource" field="resource" value={hit.resource} after={hit.protocol} />],
    hit.source === null ? null : ['From', <Named key="source" field="source" value={hit.source} />],
    hit.verb === null ? null : ['Verb', <Safe key="verb" text={hit.verb} oneLine />],
    hit.effects.length === 0 ? null : ['Effects', <Effects key="effects" effects={hit.effects} />],
    hit.verdict === null && hit.judged === null ? null : ['Verdict', <Judged key="verdict" hit={hit} />],
    hit.rule === null ? null : ['Rule', <Rule key="rule" hit={hit} name={hit.rule} />],
    hit.review === null ? null : ['Review', <ReviewLink key="review" id={hit.review} />],
    hit.outcome === null ? null : ['Outcome', <Safe key="outcome" text={hit.outcome} oneLine />],
    hit.error === null
      ? null
      : [
          'Error',
          <code key="error" className="text-bad">
            <Safe text={hit.error} oneLine />
          </code>,
        ],
    !hasRows(hit)
      ? null
      : [
          hit.type === 'reading' ? 'Found' : 'Result',
          `${plural(hit.rows, 'row')}${hit.bytes === null ? '' : `, ${bytes(hit.bytes)}`}`,
        ],
    hasRows(hit) || hit.bytes === null ? null : ['Delivered', bytes(hit.bytes)],
    hit.masked === null || hit.masked === 0
      ? null
      : [
          'Masked',
          <span key="masked" className="text-veil">
            {plural(hit.masked, 'value')}
          </span>,
        ],
    hit.durationMs === null ? null : [hit.type === 'session' ? 'Lasted' : 'Took', duration(hit.durationMs)],
    hit.session === null ? null : ['Session', <SessionLink key="session" hit={hit} />],
    [
      'Event',
      <code key="id" className="text-2xs break-all text-quiet">
        {hit.id}
      </code>,
    ],
  ];
  return facts.filter((fact) => fact !== null);
}

function At({ hit }: { readonly hit: Hit }): ReactNode {
  return (
    <>
      {exactTime(hit.at)}{' '}
      <span className="text-quiet">
        (<Ago at={hit.at} />)
      </span>
    </>
  );
}

/** A value that finds what else there is of it. */
function Named({
  field,
  value,
  after,
}: {
  readonly field: string;
  readonly value: string;
  readonly after?: string | null;
}): ReactNode {
  return (
    <>
      <Link
        to="/sessions"
        search={{ q: `${field}:${spell(value)}` }}
        title={`All of ${safeText(value)}`}
        className="hover:underline"
      >
        <Safe text={value} oneLine />
      </Link>
      {after == null ? null : <span className="text-quiet"> · {after}</span>}
    </>
  );
}

function Person({ hit }: { readonly hit: Hit }): ReactNode {
  const { principal, agents } = hit;
  return (
    <>
      <Named field="who" value={principal!.name} after={principal!.kind === 'person' ? null : principal!.kind} />
      {agents.length === 0 ? null : (
        <span className="text-quiet">
          {' '}
          by <Safe text={agents.join(' → ')} oneLine />
        </span>
      )}
    </>
  );
}

function Effects({ effects }: { readonly effects: readonly string[] }): ReactNode {
  return (
    <span className="flex flex-wrap gap-1">
      {effects.map((effect) => (
        <Badge key={effect}>
          <Safe text={effect} oneLine />
        </Badge>
      ))}
    </span>
  );
}

function Judged({ hit: { verdict, judged } }: { readonly hit: Hit }): ReactNode {
  return (
    <span className="inline-flex items-center gap-1.5">
      <Verdict name={judged ?? verdict!} />
      {judged !== null && verdict !== null && judged !== verdict ? (
        <>
          <span className="text-quiet">then</span> <Verdict name={verdict} />
        </>
      ) : null}
    </span>
  );
}

function ReviewLink({ id }: { readonly id: string }): ReactNode {
  return (
    <Link to="/reviews/$id" params={{ id }} className="text-accent hover:underline">
      Who decided, and why
    </Link>
  );
}

function SessionLink({ hit }: { readonly hit: Hit }): ReactNode {
  return (
    <Link
      to="/sessions/$id"
      params={{ id: hit.session! }}
      className="font-mono text-2xs break-all text-accent hover:underline"
    >
      <Safe text={hit.session!} oneLine />
    </Link>
  );
}

/** Questions that come next. */
function Others({ hit }: { readonly hit: Hit }): ReactNode {
  const questions: (readonly [string, string] | null)[] = [
    hit.fingerprint === null
      ? null
      : ['the same statement, whatever its constants', `fingerprint:${spell(hit.fingerprint)}`],
    hit.session === null ? null : ['all of this session', `session:${spell(hit.session)} type:* sort:oldest`],
    hit.principal === null ? null : [`what ${safeText(hit.principal.name)} did in these minutes`, around(hit)],
    hit.rule === null ? null : ['what this rule decided', `rule:${spell(hit.rule)}`],
  ];
  return (
    <ul className="grid gap-1">
      {questions
        .filter((one) => one !== null)
        .map(([label, q]) => (
          <li key={label}>
            <Link to="/sessions" search={{ q }} className="text-accent hover:underline">
              {label}
            </Link>
          </li>
        ))}
    </ul>
  );
}

const aroundMs = 10 * 60_000;
function around(hit: Hit): string {
  const at = new Date(hit.at).getTime();
  const iso = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  return `who:${spell(hit.principal!.name)} since:${iso(at - aroundMs)} until:${iso(at + aroundMs)} type:* sort:oldest`;
}
