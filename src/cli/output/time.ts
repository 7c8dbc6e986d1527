/** Times, durations, sizes and counts as people read them. Scripts get numbers and ISO dates from `-o json`. */

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** `just now`, `5 min ago`, `3 h ago`, `2 d ago`, a date beyond a month; the same forwards: `in 5 min`. */
export function relativeTime(atMs: number, nowMs: number): string {
  const distance = Math.abs(nowMs - atMs);
  if (distance < 5 * second) return atMs > nowMs ? 'in a moment' : 'just now';
  if (distance >= 30 * day) return new Date(atMs).toISOString().slice(0, 10);
  const amount =
    distance < minute
      ? `${Math.floor(distance / second)} s`
      : distance < hour
        ? `${Math.floor(distance / minute)} min`
        : distance < day
          ? `${Math.floor(distance / hour)} h`
          : `${Math.floor(distance / day)} d`;
  return atMs > nowMs ? `in ${amount}` : `${amount} ago`;
}

/** `0.4 ms`, `37 ms`, `4.2 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < second) return `${Math.round(ms)} ms`;
  if (ms < minute) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  if (ms < hour) return `${Math.floor(ms / minute)} min ${two((ms % minute) / second)} s`;
  if (ms < day) return `${Math.floor(ms / hour)} h ${two((ms % hour) / minute)} min`;
  return `${Math.floor(ms / day)} d ${Math.floor((ms % day) / hour)} h`;
}

/** Time since the start of a session, for a transcript: `00:00:04.210`. */
export function offset(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const pad = (value: number, digits: number): string => String(Math.floor(value)).padStart(digits, '0');
  const clock = `${pad(whole / hour, 2)}:${pad((whole % hour) / minute, 2)}:${pad((whole % minute) / second, 2)}`;
  return `${clock}.${pad(whole % second, 3)}`;
}

/** `512 B`, `1.4 KiB`, `20.0 MiB`. */
export function byteSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

/** `1 row`, `2 rows`, `12 345 rows`: thousands apart by a thin gap that survives a copy into any tool. */
export function count(amount: number, noun: string, plural = `${noun}s`): string {
  return `${groupDigits(amount)} ${amount === 1 ? noun : plural}`;
}

export function groupDigits(amount: number): string {
  return String(amount).replace(/\B(?=(\d{3})+$)/g, ' ');
}
