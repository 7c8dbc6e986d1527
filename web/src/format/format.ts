/** How numbers and times are written, everywhere alike. Numerals line up; nothing is rounded to a lie. */

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** 1 kB is 1,000 bytes. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
export const number = (value: number): string => whole.format(value);

const compactFormat = new Intl.NumberFormat('en-GB', { notation: 'compact', maximumFractionDigits: 1 });
export const compact = (value: number): string => (value < 10_000 ? number(value) : compactFormat.format(value));

/** `1 row`, `2 rows`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`;

export function duration(ms: number): string {
  if (ms < 1) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A position in a recording: `03:07`, `1:03:07`. */
export function clockTime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return hours === 0 ? rest : `${hours}:${rest}`;
}

const exactFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const timeFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const yearFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

export const exactTime = (at: string): string => exactFormat.format(new Date(at));
export const timeOfDay = (at: string): string => timeFormat.format(new Date(at));

/** `now`, `4 min ago`, `09:12:03`, `3 Oct`, whichever says most in least. */
export function ago(at: string, nowMs: number): string {
  const date = new Date(at);
  const ms = nowMs - date.getTime();
  if (ms < 0) return until(at, nowMs);
  if (ms < 5_000) return 'now';
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s ago`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ago`;
  if (ms < 24 * 3_600_000) return `${Math.floor(ms / 3_600_000)} h ago`;
  return new Date(nowMs).getFullYear() === date.getFullYear() ? dayFormat.format(date) : yearFormat.format(date);
}

/** `in 4 min`. */
export function until(at: string, nowMs: number): string {
  const ms = new Date(at).getTime() - nowMs;
  return ms <= 0 ? 'over' : `in ${duration(ms)}`;
}
