/**
 * Progress on long work: a bar or a spinner on standard error, drawn only for a person at a terminal and gone when the
 * work ends, so that nothing of it stays in a log.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { escapeLine } from '../../base/escape.ts';
import type { Output } from './output.ts';
import { byteSize } from './time.ts';
import { cutToWidth } from './width.ts';

/** Time between two drawings: smooth for the eye, nothing for the processor. */
const drawIntervalMs = 80;
const barCells = 28;
const eraseLine = '\r\u001b[2K';
const spinnerFrames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

export interface Progress {
  update(done: number, total: number): void;
  /** Erases what was drawn. Idempotent. */
  stop(): void;
}

const silent: Progress = { update() {}, stop() {} };

/** A bar for work whose bytes are known. */
export function startBar(output: Output, clock: Clock, label: string): Progress {
  if (!output.isInteractive) return silent;
  const started = clock.monotonic();
  let done = 0;
  let total = 0;
  const text = escapeLine(label);
  const stop = drawUntilStopped(output, clock, () => {
    const seconds = (clock.monotonic() - started) / 1000;
    const part = total > 0 ? Math.min(1, done / total) : 0;
    const filled = Math.round(part * barCells);
    const bar = '━'.repeat(filled) + output.notePalette.faint('─'.repeat(barCells - filled));
    const rate = seconds > 0.2 ? `  ${byteSize(Math.round(done / seconds))}/s` : '';
    return `${text} ${bar} ${String(Math.floor(part * 100)).padStart(3)} %  ${byteSize(done)}${rate}`;
  });
  return {
    update(doneNow, totalNow) {
      done = doneNow;
      total = totalNow;
    },
    stop,
  };
}

/** A spinner for work of unknown length. Appears only after a moment, so that fast work does not flicker. */
export function startSpinner(output: Output, clock: Clock, label: string): Progress {
  if (!output.isInteractive) return silent;
  let frame = 0;
  const text = cutToWidth(escapeLine(label), 70);
  const stop = drawUntilStopped(output, clock, () => {
    frame++;
    if (frame < 4) return null;
    return `${output.notePalette.accent(spinnerFrames[frame % spinnerFrames.length]!)} ${text}`;
  });
  return { update() {}, stop };
}

/** Draws what `frame` answers at each beat; the returned function erases it, once. */
function drawUntilStopped(output: Output, clock: Clock, frame: () => string | null): () => void {
  let drawn = false;
  let stopped = false;
  const timer: Timer = clock.every(drawIntervalMs, () => {
    const text = frame();
    if (text === null) return;
    drawn = true;
    output.stderr.write(eraseLine + text);
  });
  return () => {
    if (stopped) return;
    stopped = true;
    timer.cancel();
    if (drawn) output.stderr.write(eraseLine);
  };
}
