/** How far back a detection looks: what a replay must be led up to by, so that it knows what the live one would have known. */
import { durationMs } from '../base/duration.ts';
import type { DetectionSpec } from '../core/detection.ts';

/** What built-in detectors learn what is usual from, milliseconds: 30 days. */
const builtInMs = 30 * 24 * 3600 * 1000;

export function lookBackMs({ detector, window, baseline }: DetectionSpec): number {
  if (detector !== undefined) return builtInMs;
  const windowMs = window === undefined ? 0 : (durationMs(window) ?? 0);
  const overMs = baseline === undefined ? 0 : (durationMs(baseline.over) ?? 0);
  return Math.max(windowMs, overMs);
}
