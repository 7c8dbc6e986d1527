/** The commands one below the other, each with what came of it; only those in sight are in the page. Follows a live session. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { stream } from '../../api/client.ts';
import { Button } from '../../ui/controls.tsx';
import { Card } from './card.tsx';
import * as limits from './limits.ts';
import type { Row, SessionCommand } from './model.ts';
import { noRules, type Rules } from './rules.ts';
import { useSql } from './sql.ts';

const heightGuess = 180;

export interface TranscriptProps {
  readonly session: string;
  readonly protocol: string;
  readonly commands: readonly SessionCommand[];
  readonly rules: Rules;
  readonly version: number;
  readonly selected: number | null;
  /** Counts up when the selected command is to be brought into sight. */
  readonly wanted: number;
  readonly isFollowing: boolean;
  readonly onFollow: (isFollowing: boolean) => void;
  readonly isLive: boolean;
  readonly onSelect: (command: SessionCommand) => void;
  readonly onLink: (command: SessionCommand) => void;
}

/** Rows of one result that were not kept: the recording is read again up to them. */
async function readRows(session: string, command: number, result: number): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let at = -1;
  for await (const entry of stream('readRecording', { params: { id: session } })) {
    if (entry.command !== command) continue;
    if (entry.type === 'columns') at++;
    else if (entry.type === 'rows' && Math.max(at, 0) === result)
      rows.push(...entry.rows.slice(0, limits.rowsReadMax - rows.length));
    if (entry.type === 'completed' || rows.length >= limits.rowsReadMax) break;
  }
  return rows;
}

export function Transcript(props: TranscriptProps): ReactNode {
  const { session, protocol, commands, rules, selected, wanted, isFollowing, isLive, onFollow, onSelect, onLink } =
    props;
  const scroller = useRef<HTMLDivElement>(null);
  const highlight = useSql(
    protocol,
    commands.some(({ kind }) => kind === 'sql'),
  );
  const virtual = useVirtualizer({
    count: commands.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => heightGuess,
    getItemKey: (index) => commands[index]!.ordinal,
    overscan: 4,
    gap: 12,
    paddingStart: 12,
    paddingEnd: 24,
  });
  const at = commands.findIndex(({ ordinal }) => ordinal === selected);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is brought into sight when that is wanted, not whenever the list grows
  useEffect(() => {
    if (at < 0 || isFollowing) return;
    const show = (): void => virtual.scrollToIndex(at, { align: 'start' });
    show();
    // What lies above gets its true height as it is drawn: twice more, unless one goes on by oneself.
    const timers = [120, 450].map((ms) => setTimeout(show, ms));
    const stop = (): void => timers.forEach(clearTimeout);
    const element = scroller.current;
    element?.addEventListener('wheel', stop, { once: true, passive: true });
    element?.addEventListener('touchmove', stop, { once: true, passive: true });
    return () => {
      stop();
      element?.removeEventListener('wheel', stop);
      element?.removeEventListener('touchmove', stop);
    };
  }, [wanted, selected, at < 0]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what comes makes the last one longer
  useEffect(() => {
    if (isFollowing && commands.length > 0) virtual.scrollToIndex(commands.length - 1, { align: 'end' });
  }, [isFollowing, commands.length, props.version, virtual]);
  const more = useCallback((command: number, result: number) => readRows(session, command, result), [session]);
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div
        ref={scroller}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
        tabIndex={0}
        role="region"
        aria-label="Transcript"
        className="min-h-0 flex-1 overflow-auto px-3 focus-visible:-outline-offset-2 md:px-4"
        onWheel={(event) => {
          if (event.deltaY < 0) onFollow(false);
        }}
        onTouchMove={() => onFollow(false)}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          if (isLive && !isFollowing && scrollHeight - scrollTop - clientHeight < 2) onFollow(true);
        }}
      >
        <div className="relative mx-auto max-w-5xl" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start, key }) => {
            const command = commands[index]!;
            return (
              <div
                key={key}
                data-index={index}
                ref={virtual.measureElement}
                className="absolute inset-x-0 top-0"
                style={{ transform: `translateY(${start}px)` }}
              >
                <Card
                  command={command}
                  version={command.version}
                  rules={rules.of.get(command.ordinal) ?? noRules}
                  protocol={protocol}
                  isSelected={command.ordinal === selected}
                  isLive={isLive}
                  highlight={highlight}
                  onSelect={onSelect}
                  onLink={onLink}
                  readRows={more}
                />
              </div>
            );
          })}
        </div>
      </div>
      {isLive && !isFollowing ? <NewBelow count={commands.length} onFollow={() => onFollow(true)} /> : null}
    </div>
  );
}

/** Says what came since one scrolled away. */
export function NewBelow({ count, onFollow }: { readonly count: number; readonly onFollow: () => void }): ReactNode {
  const [since] = useState(count);
  const fresh = count - since;
  return (
    <Button
      tone="primary"
      className="absolute bottom-4 left-1/2 -translate-x-1/2 rounded-full shadow-pop"
      icon={<ArrowDown className="size-4" />}
      onClick={onFollow}
    >
      {fresh > 0 ? `${fresh} new below` : 'Follow'}
    </Button>
  );
}
