/**
 * A session from its start to its end on one line: commands coloured by what came of them, how much happened, pauses, alerts, and
 * where one is. A slider: click, drag, arrow keys.
 *
 * Invariant: what is drawn is bounded by the pixels there are: commands that share one are one mark, of the gravest of them.
 */
import { type KeyboardEvent, type PointerEvent, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { clockTime, duration, plural } from '../../format/format.ts';
import { safeText } from '../../format/safe.tsx';
import type { SessionModel } from './model.ts';
import { type Playback, usePosition } from './playback.ts';
import { noRules, type Rules, type Standing, standingOf } from './rules.ts';
import { height, type Marks, marksOf, tickWidth } from './timeline-marks.ts';

export const standingInk: Readonly<Record<Standing, string>> = {
  allow: 'fill-good',
  mask: 'fill-veil',
  hold: 'fill-warn',
  failed: 'fill-warn',
  withdrawn: 'fill-faint',
  block: 'fill-bad',
  terminate: 'fill-bad',
};
export interface TimelineProps {
  readonly model: SessionModel;
  readonly rules: Rules;
  readonly version: number;
  readonly playback: Playback;
  readonly endMs: number;
  readonly onSeek: (ms: number) => void;
}

export function Timeline(props: TimelineProps): ReactNode {
  const { model, playback, endMs, onSeek } = props;
  const { ref, width } = useWidth();
  const [hover, setHover] = useState<number | null>(null);
  const marks = useMarks(props, width);
  const at = (event: PointerEvent): number => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / Math.max(1, box.width))) * endMs;
  };
  return (
    <div ref={ref} className="relative min-w-0 flex-1">
      <Slider playback={playback} endMs={endMs} onSeek={onSeek}>
        <svg
          width={width}
          height={height}
          className="block touch-none"
          aria-hidden="true"
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            onSeek(at(event));
          }}
          onPointerMove={(event) => {
            setHover(at(event));
            if (event.buttons === 1) onSeek(at(event));
          }}
          onPointerLeave={() => setHover(null)}
        >
          <Drawn marks={marks} width={width} />
          {hover === null ? null : (
            <rect
              x={(hover / Math.max(1, endMs)) * width}
              y={0}
              width={1}
              height={height}
              className="fill-line-strong"
            />
          )}
        </svg>
        <Playhead playback={playback} endMs={endMs} />
      </Slider>
      {hover === null ? null : <Hint model={model} ms={hover} width={width} endMs={endMs} />}
    </div>
  );
}

function useWidth(): { readonly ref: React.RefObject<HTMLDivElement | null>; readonly width: number } {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) =>
      setWidth(Math.max(100, Math.floor(entry?.contentRect.width ?? 600))),
    );
    if (ref.current !== null) observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}

function useMarks({ model, rules, version, endMs }: TimelineProps, width: number): Marks {
  // A long recording is drawn again in steps while it comes, not for each piece.
  const step = model.commands.length > 5_000 ? Math.floor(version / 10) : version;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the model changes in place; its version says when
  return useMemo(() => marksOf(model, rules, endMs, width), [model, rules, step, endMs, width]);
}

function Drawn({ marks, width }: { readonly marks: Marks; readonly width: number }): ReactNode {
  return (
    <>
      <rect x={0} y={0} width={width} height={height} rx={4} className="fill-raised" />
      {marks.gaps.map(({ x, width: wide, ms }) => (
        <g key={x}>
          <rect
            x={x + 3}
            y={height - 3}
            width={Math.max(0, wide - 6)}
            height={1}
            className="fill-line-strong opacity-50"
          />
          {wide < 64 ? null : (
            <text x={x + wide / 2} y={height - 7} textAnchor="middle" className="fill-quiet text-[10px]">
              {duration(ms)} idle
            </text>
          )}
        </g>
      ))}
      <path d={marks.density} className="fill-accent opacity-12" />
      {marks.ticks.map(({ x, standing }) => (
        <rect
          key={x}
          x={x}
          y={standing === 'allow' ? 16 : 10}
          width={tickWidth}
          height={standing === 'allow' ? 16 : 22}
          rx={1}
          className={standingInk[standing]}
        />
      ))}
      {marks.alerts.map(({ x, text }) => (
        <path key={`${x}-${text}`} d={`M${x - 4} 1 L${x + 4} 1 L${x} 8 Z`} className="fill-bad" />
      ))}
    </>
  );
}

const steps: Readonly<Record<string, number>> = {
  ArrowLeft: -5_000,
  ArrowRight: 5_000,
  PageDown: -60_000,
  PageUp: 60_000,
};

function Slider({
  playback,
  endMs,
  onSeek,
  children,
}: Pick<TimelineProps, 'playback' | 'endMs' | 'onSeek'> & { readonly children: ReactNode }): ReactNode {
  const { ms } = usePosition(playback);
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = steps[event.key];
    const to = event.key === 'Home' ? 0 : event.key === 'End' ? endMs : step === undefined ? null : ms + step;
    if (to === null || event.metaKey || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    onSeek(Math.max(0, Math.min(endMs, to)));
  };
  return (
    <div
      role="slider"
      tabIndex={0}
      aria-label="Moment of the session"
      aria-valuemin={0}
      aria-valuemax={Math.round(endMs / 1000)}
      aria-valuenow={Math.round(Math.min(ms, endMs) / 1000)}
      aria-valuetext={`${clockTime(ms)} of ${clockTime(endMs)}`}
      className="relative cursor-crosshair rounded"
      onKeyDown={onKeyDown}
    >
      {children}
    </div>
  );
}

function Playhead({ playback, endMs }: Pick<TimelineProps, 'playback' | 'endMs'>): ReactNode {
  const { ms } = usePosition(playback);
  const share = endMs === 0 ? 0 : Math.min(1, ms / endMs);
  return (
    <span
      className="pointer-events-none absolute inset-y-0 w-0.5 -translate-x-px rounded bg-ink"
      style={{ left: `${share * 100}%` }}
    />
  );
}

function Hint({
  model,
  ms,
  width,
  endMs,
}: {
  readonly model: SessionModel;
  readonly ms: number;
  readonly width: number;
  readonly endMs: number;
}): ReactNode {
  const x = (ms / Math.max(1, endMs)) * width;
  const command = model.commands[model.indexAt(ms)];
  return (
    <div
      aria-hidden="true"
      className="pointer-events-none absolute top-full z-20 mt-1 max-w-72 truncate rounded border bg-sheet px-2 py-0.5 text-2xs shadow-pop"
      style={{ left: Math.min(x, Math.max(0, width - 288)) }}
    >
      <span className="font-medium tabular-nums">{clockTime(ms)}</span>
      {command === undefined ? null : (
        <span className="ml-2 font-mono text-quiet">
          #{command.ordinal} {safeText(command.text.slice(0, 80).replace(/\s+/g, ' '))}
        </span>
      )}
    </div>
  );
}

/** What the colours mean, for those that occur. */
export function Legend({ model, rules }: Pick<TimelineProps, 'model' | 'rules'>): ReactNode {
  const names: Readonly<Record<Standing, string>> = {
    allow: 'allowed',
    mask: 'masked',
    hold: 'held',
    block: 'blocked',
    terminate: 'ended by a rule',
    failed: 'failed',
    withdrawn: 'withdrawn',
  };
  const counts = new Map<Standing, number>();
  for (const command of model.commands) {
    const standing = standingOf(command, rules.of.get(command.ordinal) ?? noRules);
    counts.set(standing, (counts.get(standing) ?? 0) + 1);
  }
  const inks = Object.keys(names).filter((name) => counts.has(name as Standing)) as Standing[];
  return (
    <p className="flex flex-wrap items-center gap-x-3 gap-y-0.5 text-2xs text-quiet">
      {inks.map((standing) => (
        <span key={standing} className="inline-flex items-center gap-1">
          <svg width="6" height="10" aria-hidden="true">
            <rect width="3" height="10" rx="1" className={standingInk[standing]} />
          </svg>
          {counts.get(standing)} {names[standing]}
        </span>
      ))}
      {rules.alerts.length === 0 ? null : (
        <span className="inline-flex items-center gap-1">
          <svg width="8" height="8" aria-hidden="true">
            <path d="M0 0 L8 0 L4 7 Z" className="fill-bad" />
          </svg>
          {plural(rules.alerts.length, 'alert')}
        </span>
      )}
    </p>
  );
}
