/**
 * Lengths of time and sizes as manifests spell them: `90s`, `30m`, `8h`, `7d`; `512KiB`, `10MiB`.
 *
 * Deliberately absent: months and years, which have no one length, and sizes in powers of ten that are not written out.
 */
import { z } from 'zod';
import { durationMs, durationUnitsMs } from '../../base/duration.ts';

export { durationMs } from '../../base/duration.ts';

const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** A length of time from `leastMs` to `mostMs`, kept as it is spelled. */
export function durationText(leastMs: number, mostMs: number) {
  return z
    .string()
    .regex(/^[1-9]\d{0,5}[smhd]$/, 'must be a length of time such as 90s, 30m, 8h or 7d')
    .refine(
      (text) => {
        const ms = durationMs(text);
        return ms === null || (ms >= leastMs && ms <= mostMs);
      },
      `must be from ${spellDuration(leastMs)} to ${spellDuration(mostMs)}`,
    );
}

/** The shortest spelling of a whole length of time: 5400000 is `90m`. */
export function spellDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm'] as const) {
    const length = durationUnitsMs[unit];
    if (ms >= length && ms % length === 0) return `${ms / length}${unit}`;
  }
  return `${Math.round(ms / 1000)}s`;
}

const sizePattern = /^([1-9]\d{0,11})(B|KB|MB|GB|KiB|MiB|GiB)$/;

const wrongSize = 'must be a number of bytes, or a size such as 512KiB or 10MiB';

/** A number of bytes, or a size with its unit; stored and given back as the number. */
export const byteCount = z
  .union([z.int().min(1).max(Number.MAX_SAFE_INTEGER), z.string().regex(sizePattern, wrongSize)], {
    error: (issue) => (issue.input === undefined ? 'is required' : wrongSize),
  })
  .transform((value) => {
    if (typeof value === 'number') return value;
    const match = sizePattern.exec(value) as RegExpExecArray;
    return Number(match[1]) * (unitBytes[match[2] as string] as number);
  })
  .refine((bytes) => Number.isSafeInteger(bytes), 'is more bytes than can be counted');
