/**
 * The statement of a review, in the very rows and spans that the gateway made of it (A-REV-06): numbered, with what would not show
 * spelled out and marked, what is written from right to left isolated. Colours come on top.
 *
 * Invariants: no character of a span is changed, added or left out; rows wrap and never scroll sideways, so that nothing stands
 * to the right of what is seen; a span that held something hidden after all is spelled by `Safe`.
 */
import { useVirtualizer } from '@tanstack/react-virtual';
import { Fragment, type ReactNode, useMemo, useRef } from 'react';
import type { AnswerOf } from '../../api/client.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { sqlTokens, type Token, type TokenKind } from '../../ui/sql-tokens.ts';

type Command = NonNullable<AnswerOf<'getReview'>['command']>;
type Line = Command['lines'][number];
type Span = Line['spans'][number];

/** From so many rows on only those in sight are in the page. */
const plainRowsMax = 400;
const rowHeight = 20;

const colours: Readonly<Record<TokenKind, string>> = {
  keyword: 'text-info font-medium',
  string: 'text-good',
  number: 'text-veil',
  comment: 'text-quiet italic',
  name: 'text-accent',
};

interface Row {
  readonly line: Line;
  /** Where its first character stands in the whole text. */
  readonly from: number;
}

/** Rows with their places in one text, in which what is spelled out is a filler of the same length. */
function layOut(lines: readonly Line[]): { readonly rows: readonly Row[]; readonly text: string } {
  const parts: string[] = [];
  let at = 0;
  const rows = lines.map((line, index) => {
    if (!line.continued && index > 0) {
      parts.push('\n');
      at++;
    }
    const from = at;
    for (const { kind, text } of line.spans) {
      parts.push(kind === 'text' || kind === 'rtl' ? text : '\u0001'.repeat(text.length));
      at += text.length;
    }
    return { line, from };
  });
  return { rows, text: parts.join('') };
}

export function Statement({ command }: { readonly command: Command }): ReactNode {
  const { rows, tokens } = useMemo(() => {
    const laid = layOut(command.lines);
    return { rows: laid.rows, tokens: command.kind === 'sql' ? sqlTokens(laid.text) : [] };
  }, [command]);
  const digits = String(command.lines.at(-1)?.number ?? 1).length;
  return (
    <div dir="ltr" className="bg-sheet py-1.5 font-mono text-xs leading-5">
      {rows.length > plainRowsMax ? (
        <LongRows rows={rows} tokens={tokens} digits={digits} />
      ) : (
        <ol aria-label="The statement">
          {rows.map((row, index) => (
            <li key={index}>
              <StatementRow row={row} tokens={tokens} digits={digits} />
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

interface RowsProps {
  readonly rows: readonly Row[];
  readonly tokens: readonly Token[];
  readonly digits: number;
}

function LongRows({ rows, tokens, digits }: RowsProps): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 20,
  });
  return (
    <div
      ref={scroller}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by itself, so it must be reachable by keyboard
      tabIndex={0}
      role="region"
      aria-label="The statement, long"
      className="max-h-[65vh] overflow-auto"
    >
      <ol className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => (
          <li
            key={item.key}
            ref={virtual.measureElement}
            data-index={item.index}
            className="absolute inset-x-0 top-0"
            style={{ transform: `translateY(${item.start}px)` }}
          >
            <StatementRow row={rows[item.index]!} tokens={tokens} digits={digits} />
          </li>
        ))}
      </ol>
    </div>
  );
}

function StatementRow({ row, tokens, digits }: { readonly row: Row } & Omit<RowsProps, 'rows'>): ReactNode {
  const { line, from } = row;
  let at = from;
  return (
    <div className="grid grid-cols-[max-content_minmax(0,1fr)] gap-3 px-3 hover:bg-hover">
      <span className="text-right text-faint select-none" style={{ minWidth: `${digits}ch` }} data-number={line.number}>
        {line.continued ? '…' : line.number}
      </span>
      <code className="break-words whitespace-pre-wrap [overflow-wrap:anywhere] [unicode-bidi:isolate]">
        {line.spans.map((span, index) => {
          const start = at;
          at += span.text.length;
          return <Spelled key={index} span={span} from={start} tokens={tokens} />;
        })}
      </code>
    </div>
  );
}

const meanings: Readonly<Record<Exclude<Span['kind'], 'text'>, string>> = {
  escape: 'A character that does not show or misleads, spelled out by the gateway',
  padding: 'A long run of blanks, shown as its count by the gateway',
  rtl: 'Written from right to left; it stands apart so that it moves nothing beside it',
};

function Spelled({
  span,
  from,
  tokens,
}: {
  readonly span: Span;
  readonly from: number;
  readonly tokens: readonly Token[];
}): ReactNode {
  if (span.kind === 'rtl') {
    return (
      <bdi data-span="rtl" title={meanings.rtl} className="border-b border-dotted border-line-strong">
        {span.text}
      </bdi>
    );
  }
  if (span.kind !== 'text') {
    return (
      <span data-span={span.kind} title={meanings[span.kind]} className="escape">
        {span.text}
      </span>
    );
  }
  if (safeText(span.text) !== span.text) return <Safe text={span.text} />;
  return coloured(span.text, from, tokens);
}

/** The first token that ends behind this place. */
function firstAfter(tokens: readonly Token[], at: number): number {
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tokens[middle]!.to > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

function coloured(text: string, from: number, tokens: readonly Token[]): ReactNode {
  const parts: ReactNode[] = [];
  let at = 0;
  for (let index = firstAfter(tokens, from); index < tokens.length; index++) {
    const token = tokens[index]!;
    const begin = Math.max(0, token.from - from);
    const end = Math.min(text.length, token.to - from);
    if (begin >= text.length) break;
    if (begin > at) parts.push(<Fragment key={at}>{text.slice(at, begin)}</Fragment>);
    parts.push(
      <span key={begin} className={colours[token.kind]}>
        {text.slice(begin, end)}
      </span>,
    );
    at = end;
  }
  if (at < text.length) parts.push(<Fragment key={at}>{text.slice(at)}</Fragment>);
  return parts;
}
