/** The commands of a session, beside what came of them: what was asked, when, how it ended. Filtered by text and by what became of it. */

import { useVirtualizer } from '@tanstack/react-virtual';
import { Search, X } from 'lucide-react';
import { type ReactNode, type RefObject, useEffect, useMemo, useRef } from 'react';
import { clockTime, compact, duration, number } from '../../format/format.ts';
import { safeText } from '../../format/safe.tsx';
import { cx } from '../../ui/controls.tsx';
import type { SessionCommand, SessionModel } from './model.ts';
import { noRules, type Rules, type Standing, standingOf } from './rules.ts';

const rowHeight = 44;

export type Only = 'all' | 'refused' | 'held' | 'masked' | 'failed';
export const onlyNames: readonly Only[] = ['all', 'refused', 'held', 'masked', 'failed'];
const onlyTitles: Readonly<Record<Only, string>> = {
  all: 'All',
  refused: 'Refused',
  held: 'Held',
  masked: 'Masked',
  failed: 'Failed',
};

const dots: Readonly<Record<Standing, string>> = {
  allow: 'bg-good',
  mask: 'bg-veil',
  hold: 'bg-warn',
  failed: 'bg-warn',
  withdrawn: 'bg-faint',
  block: 'bg-bad',
  terminate: 'bg-bad',
};
const standingTitles: Readonly<Record<Standing, string>> = {
  allow: 'allowed',
  mask: 'masked',
  hold: 'held',
  failed: 'failed',
  withdrawn: 'withdrawn',
  block: 'blocked',
  terminate: 'ended by a rule',
};

export function Dot({ standing }: { readonly standing: Standing }): ReactNode {
  const title = standingTitles[standing];
  return (
    <span title={title} className={cx('inline-block size-2 shrink-0 rounded-full', dots[standing])}>
      <span className="sr-only">{title}</span>
    </span>
  );
}

function isOnly(command: SessionCommand, rules: Rules, only: Only): boolean {
  if (only === 'all') return true;
  const own = rules.of.get(command.ordinal) ?? noRules;
  const standing = standingOf(command, own);
  if (only === 'refused') return standing === 'block' || standing === 'terminate';
  if (only === 'held') return own.held.length > 0 || standing === 'hold';
  if (only === 'masked') return own.masked !== null || standing === 'mask';
  return standing === 'failed' || command.messages.some(({ entry }) => entry.level === 'error');
}

/** Whether a text stands in a command, or in what came of it as far as it is kept. */
function holds(command: SessionCommand, wanted: string): boolean {
  const has = (text: string | null | undefined): boolean => text?.toLowerCase().includes(wanted) === true;
  return (
    has(command.text) ||
    has(command.verb) ||
    has(command.screen) ||
    command.messages.some(({ entry }) => has(entry.text)) ||
    command.results.some(({ rows }) => rows.some((row) => row.some(has))) ||
    command.bodies.some(({ pieces }) => pieces.some(({ data, encoding }) => encoding === 'utf8' && has(data)))
  );
}

export function useShownCommands(
  model: SessionModel,
  rules: Rules,
  version: number,
  text: string,
  only: Only,
): readonly SessionCommand[] {
  const wanted = text.trim().toLowerCase();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the model changes in place; its version says when
  return useMemo(() => {
    const all = model.commands;
    if (wanted === '' && only === 'all') return [...all];
    return all.filter((command) => isOnly(command, rules, only) && (wanted === '' || holds(command, wanted)));
  }, [model, rules, version, wanted, only]);
}

export interface CommandsProps {
  readonly commands: readonly SessionCommand[];
  readonly total: number;
  readonly rules: Rules;
  readonly selected: number | null;
  readonly isLive: boolean;
  readonly onSelect: (command: SessionCommand) => void;
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly only: Only;
  readonly onOnly: (only: Only) => void;
  readonly searchField: RefObject<HTMLInputElement | null>;
  readonly children?: ReactNode;
}

export function Commands(props: CommandsProps): ReactNode {
  const { commands, total, text, onText, only, onOnly, searchField } = props;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="grid gap-2 border-b p-3">
        <div className="relative">
          <Search className="absolute top-2 left-2 size-4 text-faint" aria-hidden="true" />
          <input
            ref={searchField}
            value={text}
            onChange={(event) => onText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape') event.currentTarget.blur();
            }}
            aria-label="Search in commands and their output"
            placeholder="Search commands and output"
            className="h-8 w-full rounded-md border border-line-strong/50 bg-sheet pr-7 pl-8 placeholder:text-faint"
          />
          {text === '' ? null : (
            <button
              type="button"
              aria-label="Clear the search"
              className="absolute top-2 right-2 text-quiet hover:text-ink"
              onClick={() => onText('')}
            >
              <X className="size-4" />
            </button>
          )}
        </div>
        <div role="group" aria-label="Show only" className="flex flex-wrap items-center gap-1">
          {onlyNames.map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={only === name}
              onClick={() => onOnly(name)}
              className="h-6 rounded px-2 text-xs text-quiet hover:bg-hover aria-pressed:bg-hover aria-pressed:font-medium aria-pressed:text-ink"
            >
              {onlyTitles[name]}
            </button>
          ))}
          <span className="ml-auto text-2xs text-quiet tabular-nums">
            {commands.length === total ? compact(total) : `${compact(commands.length)} of ${compact(total)}`}
          </span>
        </div>
      </div>
      {props.children}
      <Rows {...props} />
    </div>
  );
}

function Rows({ commands, rules, selected, onSelect, text, isLive }: CommandsProps): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: commands.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  });
  const at = commands.findIndex(({ ordinal }) => ordinal === selected);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: 'auto' });
  }, [at, virtual]);
  if (commands.length === 0) {
    return <p className="p-6 text-center text-quiet">{text === '' ? 'No commands.' : 'Nothing here has that text.'}</p>;
  }
  return (
    <div
      ref={scroller}
      role="listbox"
      aria-label="Commands"
      tabIndex={0}
      aria-activedescendant={at < 0 ? undefined : `command-${commands[at]!.ordinal}`}
      className="min-h-0 flex-1 overflow-auto focus-visible:-outline-offset-2"
      onKeyDown={(event) => {
        const step =
          event.key === 'ArrowDown' || event.key === 'j' ? 1 : event.key === 'ArrowUp' || event.key === 'k' ? -1 : 0;
        const to = event.key === 'Home' ? 0 : event.key === 'End' ? commands.length - 1 : at + step;
        const next = commands[Math.max(0, Math.min(commands.length - 1, to))];
        if ((step === 0 && event.key !== 'Home' && event.key !== 'End') || next === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        onSelect(next);
      }}
    >
      <div role="presentation" className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const command = commands[index]!;
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys
            <div
              key={command.ordinal}
              id={`command-${command.ordinal}`}
              role="option"
              tabIndex={-1}
              aria-selected={command.ordinal === selected}
              aria-posinset={index + 1}
              aria-setsize={commands.length}
              onClick={() => onSelect(command)}
              className={cx(
                'absolute inset-x-0 top-0 flex cursor-pointer items-start gap-2 border-b px-3 py-1.5 hover:bg-hover',
                command.ordinal === selected && 'bg-accent-soft hover:bg-accent-soft',
              )}
              style={{ height: rowHeight, transform: `translateY(${start}px)` }}
            >
              <CommandRow command={command} rules={rules} isLive={isLive} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function CommandRow({
  command,
  rules,
  isLive,
}: {
  readonly command: SessionCommand;
  readonly rules: Rules;
  readonly isLive: boolean;
}): ReactNode {
  const standing = standingOf(command, rules.of.get(command.ordinal) ?? noRules);
  const ended = command.ended?.entry ?? null;
  const text = command.text.slice(0, 200).replace(/\s+/g, ' ').trim();
  const rows = ended?.rows ?? 0;
  return (
    <>
      <span className="mt-1.5 flex">
        <Dot standing={standing} />
      </span>
      <span className="min-w-0 flex-1">
        <span className="block truncate font-mono text-xs leading-4">
          {text === '' ? <span className="font-sans text-quiet">{safeText(command.verb)}</span> : safeText(text)}
        </span>
        <span className="flex gap-2 text-2xs leading-4 text-quiet tabular-nums">
          <span>#{command.ordinal}</span>
          <span>{clockTime(command.atMs)}</span>
          <span className="ml-auto">
            {rows > 0 ? `${number(rows)} rows · ` : ''}
            {ended === null ? (isLive ? 'goes on' : '–') : duration(ended.durationMs)}
          </span>
        </span>
      </span>
    </>
  );
}
