/**
 * Time zones of IANA's database, as the runtime has it: what a clock on a wall there shows, and when it shows it.
 *
 * Invariant: a wall time that comes twice (clocks set back) is its first coming, and one that never comes (clocks set
 * forward) is the moment at which they are set: a day's times are in order, whatever happens to the clocks.
 *
 * Deliberately absent: zones as offsets (`+02:00`), which have no summer; lengths of time (duration.ts).
 */

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Formatters are dear to make. Zones are few; a name that is none makes none. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formatters.set(zone, made);
  return made;
}

/** Whether a name is that of a zone: `Europe/Berlin`, `UTC`. Offsets are none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false;
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

/** What the wall shows, as if it were UTC: milliseconds, without those below a second. */
export function wallTime(zone: string, atMs: number): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatterOf(zone).formatToParts(atMs)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function offsetMs(zone: string, atMs: number): number {
  return wallTime(zone, atMs) - Math.floor(atMs / 1000) * 1000;
}

/** The first moment at which the wall shows `wallMs` (as `wallTime` has it), or the one at which it is set beyond it. */
export function momentOf(zone: string, wallMs: number): number {
  const before = offsetMs(zone, wallMs - dayMs);
  const after = offsetMs(zone, wallMs + dayMs);
  // The larger offset gives the earlier moment.
  for (const offset of before > after ? [before, after] : [after, before]) {
    if (offsetMs(zone, wallMs - offset) === offset) return wallMs - offset;
  }
  // It never shows: the clocks are set forward somewhere between.
  let earlier = wallMs - dayMs - before;
  let later = wallMs + dayMs - after;
  while (later - earlier > minuteMs) {
    const middle = Math.floor((earlier + later) / 2 / minuteMs) * minuteMs;
    if (middle <= earlier) break;
    if (wallTime(zone, middle) >= wallMs) later = middle;
    else earlier = middle;
  }
  return Math.ceil(later / minuteMs) * minuteMs;
}

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** For people: `Mon 23 Nov 2026, 08:00 (Europe/Berlin)`. */
export function spellMoment(atMs: number, zone: string): string {
  const wall = new Date(wallTime(zone, atMs));
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${weekdays[wall.getUTCDay()]} ${wall.getUTCDate()} ${months[wall.getUTCMonth()]} ${wall.getUTCFullYear()}`;
  return `${day}, ${two(wall.getUTCHours())}:${two(wall.getUTCMinutes())} (${zone})`;
}
