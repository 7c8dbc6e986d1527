/**
 * Colours, and whether to use them: `--no-color`, NO_COLOR (no-color.org), TERM=dumb, FORCE_COLOR, else what the
 * stream is. Decided per stream, so that a redirected output stays plain while notes on the terminal keep colour.
 */
import pico from 'picocolors';

export type Paint = (text: string) => string;

/** What colours mean here. Named by meaning, so that the same thing looks the same everywhere. */
export interface Palette {
  readonly enabled: boolean;
  readonly heading: Paint;
  readonly strong: Paint;
  readonly faint: Paint;
  readonly good: Paint;
  readonly warning: Paint;
  readonly bad: Paint;
  readonly accent: Paint;
  readonly name: Paint;
}

export function makePalette(enabled: boolean): Palette {
  const colours = pico.createColors(enabled);
  return {
    enabled,
    heading: (text) => colours.bold(colours.dim(text)),
    strong: colours.bold,
    faint: colours.dim,
    good: colours.green,
    warning: colours.yellow,
    bad: colours.red,
    accent: colours.cyan,
    name: colours.magenta,
  };
}

export function wantsColour(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
  refused: boolean,
): boolean {
  if (refused || isSet(env['NO_COLOR'])) return false;
  if (isSet(env['FORCE_COLOR']) && env['FORCE_COLOR'] !== '0') return true;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
