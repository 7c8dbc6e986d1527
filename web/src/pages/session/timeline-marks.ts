/**
 * What is drawn on the timeline: bounded by the pixels there are. Commands that share one are one mark, of the gravest of them.
 */
import type { SessionModel } from './model.ts';
import { noRules, type Rules, type Standing, standingOf } from './rules.ts';

export const height = 44;
export const tickWidth = 2;
/** A pause is drawn from so many pixels on. */
const gapPixels = 14;

const gravity: Readonly<Record<Standing, number>> = {
  allow: 0,
  withdrawn: 1,
  mask: 2,
  failed: 3,
  hold: 4,
  block: 5,
  terminate: 6,
};

export interface Marks {
  readonly ticks: readonly { readonly x: number; readonly standing: Standing }[];
  readonly density: string;
  readonly gaps: readonly { readonly x: number; readonly width: number; readonly ms: number }[];
  readonly alerts: readonly { readonly x: number; readonly text: string }[];
}

export function marksOf(model: SessionModel, rules: Rules, endMs: number, width: number): Marks {
  const scale = width / Math.max(1, endMs);
  const slots = new Map<number, Standing>();
  const bins = new Float64Array(Math.ceil(width / 4) + 1);
  const busy: number[] = [];
  for (const command of model.commands) {
    const slot = Math.floor((command.atMs * scale) / (tickWidth + 1));
    const standing = standingOf(command, rules.of.get(command.ordinal) ?? noRules);
    const before = slots.get(slot);
    if (before === undefined || gravity[standing] > gravity[before]) slots.set(slot, standing);
    busy.push(command.atMs);
    if (command.ended !== null) busy.push(command.ended.atMs);
    const bin = Math.floor((command.atMs * scale) / 4);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  for (const { activity } of model.terminals) {
    for (const ms of activity) {
      busy.push(ms);
      const bin = Math.floor((ms * scale) / 4);
      bins[bin] = (bins[bin] ?? 0) + 0.25;
    }
  }
  return {
    ticks: [...slots].map(([slot, standing]) => ({ x: slot * (tickWidth + 1), standing })),
    density: areaOf(bins),
    gaps: gapsOf(busy, endMs, scale),
    alerts: rules.alerts.map(({ at, rule }) => ({ x: (Date.parse(at) - model.startMs) * scale, text: rule })),
  };
}

function areaOf(bins: Float64Array): string {
  const most = bins.reduce((max, bin) => Math.max(max, bin), 1);
  const points = [...bins].map(
    (bin, index) => `L${index * 4} ${(height - 1 - Math.sqrt(bin / most) * (height - 18)).toFixed(1)}`,
  );
  return `M0 ${height} ${points.join(' ')} L${bins.length * 4} ${height} Z`;
}

function gapsOf(busy: number[], endMs: number, scale: number): Marks['gaps'] {
  busy.sort((a, b) => a - b);
  const gaps: { x: number; width: number; ms: number }[] = [];
  let before = 0;
  for (const ms of [...busy, endMs]) {
    const width = (ms - before) * scale;
    if (width >= gapPixels && ms - before > 5_000) gaps.push({ x: before * scale, width, ms: ms - before });
    before = Math.max(before, ms);
  }
  return gaps;
}
