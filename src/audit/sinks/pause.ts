/** How long to wait before trying again: longer each time, and never in step with others. */
import * as limits from './limits.ts';

/** The pause after the `failures`th failure in a row, in milliseconds; `random` between 0 and 1. */
export function pauseFor(failures: number, random: number): number {
  const whole = Math.min(limits.retryMaxMs, limits.retryMinMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(whole / 2 + (whole / 2) * random);
}
