/**
 * A terminal of the session, at the moment where one is: drawn by our own rows of text, played, followed, searched.
 *
 * Invariants: one screen is asked for at a time, the latest moment wins; what is drawn acts on nothing (A-SSH-22). Scrolling up stops
 * following, and shows the lines above.
 */
import { ClipboardCopy, FastForward, Pause, Play, SkipBack } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { clockTime } from '../../format/format.ts';
import { Button, cx, IconButton } from '../../ui/controls.tsx';
import { attempt } from '../../ui/overlays.tsx';
import { TerminalScreen } from '../../ui/terminal/screen.ts';
import * as limits from './limits.ts';
import type { SessionTerminal } from './model.ts';
import { type Playback, speeds, usePosition } from './playback.ts';
import type { Terminals } from './terminals.ts';
import { NewBelow } from './transcript.tsx';

export interface PlayerProps {
  readonly terminals: Terminals;
  readonly terminal: SessionTerminal;
  readonly playback: Playback;
  readonly isLive: boolean;
  readonly version: number;
}

export function Player(props: PlayerProps): ReactNode {
  const { terminal, playback, isLive } = props;
  const host = useRef<HTMLDivElement>(null);
  const screen = useRef<TerminalScreen | null>(null);
  const [history, setHistory] = useState(0);
  const [size, setSize] = useState({ columns: terminal.columns, rows: terminal.rows });
  const position = usePosition(playback);
  useEffect(() => {
    if (host.current === null) return;
    host.current.replaceChildren();
    screen.current = new TerminalScreen(host.current);
  }, []);
  useScreen(props, position.isFollowing ? Number.POSITIVE_INFINITY : position.ms, history, screen, setSize);
  const fontPx = useFont(host, size);
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="relative flex min-h-0 flex-1 flex-col bg-[#15181a]">
        <div
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
          tabIndex={0}
          role="region"
          aria-label={`Terminal of command ${terminal.command}, ${size.columns} by ${size.rows}`}
          className="min-h-0 flex-1 overflow-auto p-3 focus-visible:-outline-offset-2"
          onWheel={(event) => {
            if (event.deltaY >= 0 || history > 0 || event.currentTarget.scrollTop > 0) return;
            playback.pause();
            playback.unfollow();
            setHistory(limits.scrollbackLines);
          }}
        >
          <div
            ref={host}
            data-terminal=""
            className="relative mx-auto w-max font-mono leading-[1.25em] text-[#d9dddd]"
            style={{ fontSize: fontPx }}
          />
        </div>
        {isLive && !position.isFollowing ? (
          <NewBelow
            count={0}
            onFollow={() => {
              setHistory(0);
              playback.follow();
            }}
          />
        ) : null}
      </div>
      <Controls
        playback={playback}
        size={size}
        isLive={isLive}
        copy={() => navigator.clipboard.writeText(screen.current?.text() ?? '')}
        onMove={() => setHistory(0)}
      />
    </div>
  );
}

/** Keeps what is drawn at the moment: one question under way, the latest moment next. */
function useScreen(
  { terminals, terminal: { command } }: PlayerProps,
  ms: number,
  history: number,
  screen: { readonly current: TerminalScreen | null },
  setSize: (size: { columns: number; rows: number }) => void,
): void {
  const asking = useRef({ isBusy: false, wanted: null as (() => void) | null });
  useEffect(() => {
    const state = asking.current;
    let isHere = true;
    const ask = (): void => {
      if (!isHere) return;
      if (state.isBusy) {
        state.wanted = ask;
        return;
      }
      state.isBusy = true;
      terminals.seek(command, ms, history, (frame, tookMs) => {
        state.isBusy = false;
        const host = screen.current;
        if (host !== null) host.draw(frame);
        setSize({ columns: frame.columns, rows: frame.rows });
        document.documentElement.dataset['seekMs'] = tookMs.toFixed(1);
        const next = state.wanted;
        state.wanted = null;
        next?.();
      });
    };
    ask();
    const stop = terminals.onAdded(command, ask);
    return () => {
      isHere = false;
      stop();
    };
  }, [terminals, command, ms, history, screen, setSize]);
}

const fontMost = 14;
const fontLeast = 6;

/** As large as fits the width, up to a size that is easy to read. */
function useFont(host: { readonly current: HTMLElement | null }, { columns }: { readonly columns: number }): number {
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const around = host.current?.parentElement ?? null;
    if (around === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 800));
    observer.observe(around);
    return () => observer.disconnect();
  }, [host]);
  const fitting = Math.floor((width / columns / 0.605) * 2) / 2;
  return Math.max(fontLeast, Math.min(fontMost, fitting));
}

function Controls({
  playback,
  size,
  isLive,
  copy,
  onMove,
}: {
  readonly playback: Playback;
  readonly size: { readonly columns: number; readonly rows: number };
  readonly isLive: boolean;
  readonly copy: () => Promise<void>;
  readonly onMove: () => void;
}): ReactNode {
  const { ms, isPlaying, isFollowing, speed, skipsIdle } = usePosition(playback);
  return (
    <div className="flex flex-wrap items-center gap-x-2 gap-y-1 border-t bg-ground px-3 py-1.5">
      <IconButton
        label={isPlaying ? 'Pause' : 'Play'}
        onClick={() => {
          onMove();
          playback.toggle();
        }}
      >
        {isPlaying ? <Pause /> : <Play />}
      </IconButton>
      <IconButton
        label="To the start"
        onClick={() => {
          onMove();
          playback.seek(0);
        }}
      >
        <SkipBack />
      </IconButton>
      <span className="font-mono text-xs text-quiet tabular-nums">
        {clockTime(Math.min(ms, playback.endMs))} / {clockTime(playback.endMs)}
      </span>
      <div role="group" aria-label="Speed" className="ml-2 flex items-center">
        {speeds.map((one) => (
          <button
            key={one}
            type="button"
            aria-pressed={one === speed}
            onClick={() => playback.setSpeed(one)}
            className="h-6 rounded px-1.5 text-xs text-quiet tabular-nums hover:bg-hover aria-pressed:bg-hover aria-pressed:font-semibold aria-pressed:text-ink"
          >
            {one}×
          </button>
        ))}
      </div>
      <Button
        size="small"
        tone="ghost"
        aria-pressed={skipsIdle}
        className={cx(skipsIdle && 'bg-hover text-ink')}
        icon={<FastForward className="size-3.5" />}
        onClick={() => playback.setSkipsIdle(!skipsIdle)}
      >
        Skip pauses
      </Button>
      <span className="ml-auto text-2xs text-quiet tabular-nums">
        {size.columns}×{size.rows}
      </span>
      {isLive ? (
        <Button
          size="small"
          tone={isFollowing ? 'ghost' : 'plain'}
          aria-pressed={isFollowing}
          onClick={() => playback.follow()}
        >
          {isFollowing ? 'Following' : 'Follow'}
        </Button>
      ) : null}
      <IconButton
        label="Copy what stands on the screen"
        onClick={() => void attempt(copy, 'The screen was copied as text.')}
      >
        <ClipboardCopy />
      </IconButton>
    </div>
  );
}
