/** Units of time as manifests spell them. Deliberately absent: months and years, which have no one length. */

/** Milliseconds of each unit in `90s`, `30m`, `8h`, `7d`. How many digits may stand before it is the reader's to say. */
export const durationUnitsMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export type DurationUnit = keyof typeof durationUnitsMs;

/** `90s`, `30m`, `8h`, `7d` in milliseconds; null where it is none of these. At most six digits. */
export function durationMs(text: string): number | null {
  const match = /^([1-9]\d{0,5})([smhd])$/.exec(text);
  return match === null ? null : Number(match[1]) * durationUnitsMs[match[2] as DurationUnit];
}
