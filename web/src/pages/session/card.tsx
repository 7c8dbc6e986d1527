/** One command with everything that came of it. */
import { Link2 } from 'lucide-react';
import { memo, type ReactNode, useMemo, useState } from 'react';
import { bytes, clockTime, duration, number, plural } from '../../format/format.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { Badge, Button, cx, IconButton } from '../../ui/controls.tsx';
import { Dot } from './commands.tsx';
import { BodyView, Exchange } from './exchange.tsx';
import type { Entry, Row, SessionCommand } from './model.ts';
import { ResultGrid } from './result-grid.tsx';
import { type CommandRules, standingOf } from './rules.ts';
import { ScreenText } from './screen-text.tsx';
import type { Highlighter } from './sql.ts';
import { Verdicts } from './verdicts.tsx';

const linesFirst = 14;

export interface CardProps {
  readonly command: SessionCommand;
  readonly version: number;
  readonly rules: CommandRules;
  readonly protocol: string;
  readonly isSelected: boolean;
  readonly isLive: boolean;
  readonly highlight: Highlighter | null;
  readonly onSelect: (command: SessionCommand) => void;
  readonly onLink: (command: SessionCommand) => void;
  readonly readRows: (command: number, result: number) => Promise<readonly Row[]>;
}

export const Card = memo(function Card(props: CardProps): ReactNode {
  const { command, rules, isSelected, onSelect, onLink } = props;
  return (
    <article
      aria-label={`Command ${command.ordinal}`}
      aria-current={isSelected ? 'true' : undefined}
      className={cx('overflow-hidden rounded-lg border bg-sheet', isSelected && 'border-accent ring-1 ring-accent')}
    >
      <header className="flex min-h-9 items-center gap-2 px-4 text-xs text-quiet tabular-nums">
        <Dot standing={standingOf(command, rules)} />
        <button type="button" className="font-medium text-ink hover:underline" onClick={() => onSelect(command)}>
          #{command.ordinal}
        </button>
        <span>{safeText(command.verb)}</span>
        {command.of === null ? null : <span>of #{command.of}</span>}
        <span className="ml-auto">{clockTime(command.atMs)}</span>
        <IconButton
          label={`Copy a link to command ${command.ordinal}`}
          className="-mr-2 size-7"
          onClick={() => onLink(command)}
        >
          <Link2 />
        </IconButton>
      </header>
      <Statement {...props} />
      <Parameters command={command} />
      <Verdicts rules={rules} />
      <Output {...props} />
      <Messages {...props} />
      <Foot command={command} isLive={props.isLive} />
    </article>
  );
});

function Statement({ command, highlight }: CardProps): ReactNode {
  const [isWhole, setWhole] = useState(false);
  // The request's body stands among the bodies.
  const full =
    command.kind === 'http' || command.kind === 'kubernetes' ? command.text.split('\n\n', 1)[0]! : command.text;
  const lines = full.split('\n');
  const isLong = lines.length > linesFirst + 4;
  const text = isLong && !isWhole ? lines.slice(0, linesFirst).join('\n') : full;
  const spans = useMemo(
    () => (command.kind === 'sql' && highlight !== null ? highlight(text) : [{ text, look: '' }]),
    [command.kind, highlight, text],
  );
  if (full.trim() === '') return null;
  return (
    <div className="border-t px-4 py-2.5">
      <pre className="font-mono text-[0.8125rem] leading-5 break-words whitespace-pre-wrap">
        {spans.map((span, index) =>
          span.look === '' ? (
            <Safe key={index} text={span.text} />
          ) : (
            <span key={index} className={span.look}>
              <Safe text={span.text} />
            </span>
          ),
        )}
      </pre>
      {isLong ? (
        <Button size="small" tone="ghost" className="mt-1 -ml-2" onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'Show less' : `Show all ${number(lines.length)} lines`}
        </Button>
      ) : null}
    </div>
  );
}

function Parameters({ command: { kind, parameters } }: { readonly command: SessionCommand }): ReactNode {
  if (parameters === null || parameters.length === 0 || kind === 'http' || kind === 'kubernetes') return null;
  return (
    <dl className="grid grid-cols-[max-content_max-content_minmax(0,1fr)] gap-x-3 border-t px-4 py-2 font-mono text-xs">
      {parameters.map(({ type, value, bytes: size, digest }, index) => (
        <div key={index} className="contents">
          <dt className="text-veil">${index + 1}</dt>
          <dd className="text-quiet">{type === null ? '' : safeText(type)}</dd>
          <dd className="min-w-0 break-words">
            {value === null ? <span className="text-quiet italic">null</span> : <Safe text={value} oneLine />}
            {digest === undefined ? null : (
              <span className="ml-2 text-2xs text-quiet">
                cut, {bytes(size)} in all, SHA-256 {digest.slice(0, 16)}…
              </span>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Columns that a verdict says were masked. */
function maskedColumns(rules: CommandRules): ReadonlySet<string> | null {
  const reasons = rules.verdicts.filter(({ verdict }) => verdict.name === 'mask').map(({ verdict }) => verdict.reason);
  if (rules.masked === null && reasons.length === 0) return null;
  return new Set(
    reasons.flatMap((reason) =>
      [...reason.matchAll(/the column (\S+) is \S+ and is masked/g)].map((match) => match[1]!),
    ),
  );
}

function Output({ command, version, rules, protocol, readRows }: CardProps): ReactNode {
  const masked = useMemo(() => maskedColumns(rules), [rules]);
  const isExchange = command.kind === 'http' || command.kind === 'kubernetes';
  return (
    <>
      {isExchange ? <Exchange command={command} /> : null}
      {command.results.map((result, index) => (
        <ResultGrid
          key={index}
          protocol={protocol}
          result={result}
          masked={masked}
          version={version}
          readMore={result.rows.length < result.seen ? () => readRows(command.ordinal, index) : null}
        />
      ))}
      {isExchange
        ? null
        : command.bodies.map((body, index) => (
            <div key={index} className="border-t px-4 py-2.5">
              <h2 className="text-2xs font-medium text-quiet">{body.direction === 'in' ? 'Sent' : 'Received'}</h2>
              <BodyView body={body} type="" />
            </div>
          ))}
      {command.screen === '' ? null : <ScreenText text={command.screen} bytes={command.screenBytes} />}
      {command.omitted.map(({ at, rows, bytes: size, digest, direction }) => (
        <p key={`${at}-${direction ?? ''}`} className="border-t px-4 py-2 text-xs text-warn">
          {rows > 0 ? `${plural(rows, 'more row')}, ` : ''}
          {bytes(size)}
          {direction === undefined ? '' : direction === 'in' ? ' sent' : ' received'} passed beyond what a recording
          keeps. SHA-256 <span className="font-mono break-all">{safeText(digest)}</span>
        </p>
      ))}
    </>
  );
}

const levels = {
  error: { tone: 'bad', title: 'error' },
  notice: { tone: 'warn', title: 'notice' },
  notification: { tone: 'info', title: 'notification' },
  gateway: { tone: 'accent', title: 'gateway' },
} as const;

/** Messages as they are read: the same one again is counted, and what a verdict above says already is not said twice. */
function told(
  { messages }: SessionCommand,
  { verdicts }: CommandRules,
): readonly { readonly entry: Entry<'message'>; readonly times: number }[] {
  const reasons = new Set(verdicts.map(({ verdict }) => verdict.reason));
  const by = new Map<string, { readonly entry: Entry<'message'>; times: number }>();
  for (const { entry } of messages) {
    if (entry.level === 'gateway' && reasons.has(entry.text)) continue;
    const key = JSON.stringify([entry.level, entry.code, entry.text, entry.fields]);
    const known = by.get(key);
    if (known === undefined) by.set(key, { entry, times: 1 });
    else known.times++;
  }
  return [...by.values()];
}

function Messages({ command, rules }: CardProps): ReactNode {
  const messages = told(command, rules);
  if (messages.length === 0) return null;
  return (
    <div className="grid gap-1.5 border-t px-4 py-2.5">
      {messages.map(({ entry, times }, index) => (
        <div key={index} className="flex items-start gap-2">
          <span className="flex w-20 shrink-0">
            <Badge tone={levels[entry.level].tone}>{levels[entry.level].title}</Badge>
          </span>
          <div className={cx('min-w-0 flex-1 break-words', entry.level === 'error' && 'text-bad')}>
            <Safe text={entry.text} />
            {times === 1 ? null : <span className="ml-2 text-2xs text-quiet">{times} times</span>}
            {entry.code === null || entry.code === '00000' ? null : (
              <span className="ml-2 font-mono text-2xs text-quiet">{safeText(entry.code)}</span>
            )}
            {['detail', 'hint', 'position', 'where'].map((name) =>
              (entry.fields[name] ?? '') === '' ? null : (
                <div key={name} className="text-quiet">
                  <span className="text-2xs">{name}</span> <Safe text={entry.fields[name]!} />
                </div>
              ),
            )}
          </div>
        </div>
      ))}
    </div>
  );
}

const outcomes: Readonly<Record<string, { readonly text: string; readonly ink: string }>> = {
  completed: { text: 'completed', ink: 'text-good' },
  failed: { text: 'failed', ink: 'text-bad' },
  refused: { text: 'refused, nothing of it reached the resource', ink: 'text-bad' },
  withdrawn: { text: 'withdrawn', ink: 'text-warn' },
  unfinished: { text: 'unfinished', ink: 'text-warn' },
};

function Foot({
  command: { ended },
  isLive,
}: {
  readonly command: SessionCommand;
  readonly isLive: boolean;
}): ReactNode {
  if (ended === null) {
    const text = isLive ? 'Goes on' : 'The session ended before it did.';
    return <p className="border-t px-4 py-1.5 text-xs text-quiet">{text}</p>;
  }
  const { outcome, tag, bytes: size, durationMs } = ended.entry;
  const { text, ink } = outcomes[outcome] ?? { text: safeText(outcome), ink: 'text-quiet' };
  return (
    <p className="flex flex-wrap gap-x-3 border-t px-4 py-1.5 text-xs text-quiet tabular-nums">
      <span className={cx('font-medium', ink)}>{text}</span>
      {tag === null ? null : <span className="font-mono">{safeText(tag)}</span>}
      {size === 0 ? null : <span>{bytes(size)}</span>}
      <span>{duration(durationMs)}</span>
    </p>
  );
}
