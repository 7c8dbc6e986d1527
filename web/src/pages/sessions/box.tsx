/**
 * The box in which one asks. Suggestions while typing, chosen by arrow keys and Tab; Enter runs what stands there; what cannot be read
 * is underlined in its place, with what is possible there.
 *
 * Invariant: what is typed is the input's own text; the underline lies below it, letter for letter in the same type.
 */
import { Search, X } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useRef, useState } from 'react';
import type { FieldProblem } from '../../api/client.ts';
import { Safe } from '../../format/safe.tsx';
import { cx, IconButton, Kbd } from '../../ui/controls.tsx';
import { type Suggesting, useSuggesting } from './suggesting.ts';

/** The language's own limit. */
const queryLengthMax = 4_000;
const type = 'font-mono text-[0.8125rem] leading-9 tracking-normal whitespace-pre';

export interface BoxProps {
  readonly query: string;
  /** Of the query as it was run. */
  readonly problem: FieldProblem | null;
  readonly input: RefObject<HTMLInputElement | null>;
  readonly onRun: (text: string) => void;
  /** The keyboard goes on to what was found. */
  readonly onLeave: () => void;
}

export function Box({ query, problem, input, onRun, onLeave }: BoxProps): ReactNode {
  const [text, setText] = useState(query);
  const [left, setLeft] = useState(0);
  const cursor = useRef<number | null>(null);
  const suggesting = useSuggesting();
  const { close } = suggesting;
  useEffect(() => {
    setText(query);
    close();
  }, [query, close]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the cursor goes behind what was taken, once that is there
  useEffect(() => {
    if (cursor.current === null) return;
    input.current?.setSelectionRange(cursor.current, cursor.current);
    cursor.current = null;
  }, [text]);
  const take = (index: number): void => {
    const { of, from, to, suggestions } = suggesting.suggested;
    const chosen = suggestions[index];
    if (chosen === undefined || of !== text) return;
    const isField = chosen.text.endsWith(':');
    const put = isField ? chosen.text : `${chosen.text} `;
    const next = text.slice(0, from) + put + text.slice(to).replace(/^ /, '');
    cursor.current = from + put.length;
    setText(next);
    if (isField) suggesting.ask(next, from + put.length);
    else close();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    const did = keyed(event, suggesting, {
      take,
      run: () => {
        close();
        onRun(text);
      },
      leave: onLeave,
    });
    if (did) event.preventDefault();
  };
  const shownProblem = text === query ? problem : null;
  const { isOpen, at } = suggesting;
  return (
    <search className="relative min-w-0 flex-1">
      <div className="relative flex h-10 items-center overflow-hidden rounded-lg border border-line-strong/50 bg-sheet focus-within:outline-2 focus-within:outline-(--focus)">
        <Search className="pointer-events-none absolute left-3 size-4 text-faint" aria-hidden />
        <div className="relative ml-9 min-w-0 flex-1 overflow-hidden">
          <Underlined text={text} left={left} problem={shownProblem} />
          <input
            ref={input}
            value={text}
            maxLength={queryLengthMax}
            role="combobox"
            aria-label="Search what happened"
            aria-expanded={isOpen}
            aria-controls="search-suggestions"
            aria-autocomplete="list"
            aria-activedescendant={isOpen && at >= 0 ? `search-suggestion-${at}` : undefined}
            aria-invalid={shownProblem === null ? undefined : true}
            aria-describedby={shownProblem === null ? undefined : 'search-problem'}
            placeholder="who:… reads:customers.ssn on:2026-10, or any words"
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            enterKeyHint="search"
            onChange={({ currentTarget }) => {
              setText(currentTarget.value);
              suggesting.ask(currentTarget.value, currentTarget.selectionStart ?? currentTarget.value.length);
            }}
            onScroll={({ currentTarget }) => setLeft(currentTarget.scrollLeft)}
            onKeyDown={onKeyDown}
            onBlur={close}
            className={cx('relative w-full bg-transparent text-ink outline-none placeholder:text-faint', type)}
          />
        </div>
        {text === '' ? (
          <span className="mx-2.5 hidden md:block">
            <Kbd>/</Kbd>
          </span>
        ) : (
          <IconButton
            label="Clear the search"
            className="mx-1"
            onClick={() => {
              setText('');
              onRun('');
              input.current?.focus();
            }}
          >
            <X />
          </IconButton>
        )}
      </div>
      <Suggestions of={suggesting} onTake={take} />
    </search>
  );
}

interface Acts {
  readonly take: (index: number) => void;
  readonly run: () => void;
  readonly leave: () => void;
}

/** What a key does; false: what it always does. */
function keyed(event: KeyboardEvent<HTMLInputElement>, suggesting: Suggesting, acts: Acts): boolean {
  const { at } = suggesting;
  // What was suggested for another text is on its way out.
  const isOpen = suggesting.isOpen && suggesting.suggested.of === event.currentTarget.value;
  if (event.nativeEvent.isComposing) return false;
  switch (event.key) {
    case 'ArrowDown':
    case 'ArrowUp': {
      const { value, selectionStart } = event.currentTarget;
      if (isOpen) suggesting.move(event.key === 'ArrowDown' ? 1 : -1);
      else if (event.key === 'ArrowDown') suggesting.ask(value, selectionStart ?? value.length);
      return true;
    }
    case 'Tab':
      if (!isOpen || event.shiftKey) return false;
      acts.take(Math.max(0, at));
      return true;
    case 'Enter':
      if (isOpen && at >= 0) acts.take(at);
      else acts.run();
      return true;
    case 'Escape':
      if (isOpen) suggesting.close();
      else acts.leave();
      return true;
    default:
      return false;
  }
}

function Underlined({
  text,
  left,
  problem,
}: {
  readonly text: string;
  readonly left: number;
  readonly problem: FieldProblem | null;
}): ReactNode {
  const range = problem?.range;
  if (range === undefined) return null;
  const at = Math.min(range.at, Math.max(0, text.length - 1));
  return (
    <div
      aria-hidden
      className={cx('pointer-events-none absolute inset-y-0 left-0 text-transparent select-none', type)}
      style={{ transform: `translateX(${-left}px)` }}
    >
      {text.slice(0, at)}
      <span
        data-problem
        className="rounded-xs bg-bad-soft underline decoration-bad decoration-wavy decoration-[1.5px] underline-offset-4"
      >
        {text.slice(at, Math.max(range.end, at + 1)) || ' '}
      </span>
    </div>
  );
}

function Suggestions({ of, onTake }: { readonly of: Suggesting; readonly onTake: (index: number) => void }): ReactNode {
  const { suggested, at, isOpen } = of;
  const chosen = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is chosen is brought into sight
  useEffect(() => {
    chosen.current?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  return (
    <div
      id="search-suggestions"
      role="listbox"
      aria-label="Suggestions"
      hidden={!isOpen}
      className="absolute inset-x-0 top-full z-30 mt-1 max-h-[min(24rem,60dvh)] overflow-auto rounded-lg border bg-sheet p-1 shadow-pop"
    >
      {suggested.suggestions.map(({ text, means }, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the input's
        <div
          key={text}
          ref={index === at ? chosen : null}
          id={`search-suggestion-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === at}
          // The input keeps the keyboard.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onTake(index)}
          className={cx(
            'flex min-h-8 items-baseline gap-3 rounded px-2.5 py-1.5 hover:bg-hover max-md:flex-col max-md:gap-0',
            index === at && 'bg-hover',
          )}
        >
          <span className="shrink-0 font-mono text-xs">
            <Safe text={text} oneLine />
          </span>
          <span className="min-w-0 truncate text-xs text-quiet max-md:max-w-full">
            <Safe text={means.replaceAll('`', '')} oneLine />
          </span>
        </div>
      ))}
    </div>
  );
}

/** Said below the box: what cannot be read, and what could stand there. */
export function QueryProblem({
  problem,
  query,
  onRun,
}: {
  readonly problem: FieldProblem;
  readonly query: string;
  readonly onRun: (text: string) => void;
}): ReactNode {
  const { range, possible = [] } = problem;
  return (
    <div
      id="search-problem"
      role="alert"
      className="flex flex-wrap items-center gap-x-2 gap-y-1 px-4 pb-2 text-bad md:px-6"
    >
      <span>
        <Safe text={problem.message} />
      </span>
      {possible.length === 0 || range === undefined ? null : (
        <span className="flex flex-wrap items-center gap-1">
          <span className="text-quiet">Possible here:</span>
          {possible.slice(0, shownPossible).map((one) => (
            <button
              key={one}
              type="button"
              onClick={() => onRun(query.slice(0, range.at) + one + query.slice(range.end))}
              className="rounded border bg-sheet px-1.5 font-mono text-xs text-ink hover:bg-hover"
            >
              <Safe text={one} oneLine />
            </button>
          ))}
          {possible.length > shownPossible ? (
            <span className="text-quiet">and {possible.length - shownPossible} more</span>
          ) : null}
        </span>
      )}
    </div>
  );
}

const shownPossible = 12;
