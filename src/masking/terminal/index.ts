/** What the room makes of its detectors for streams; see README.md. */
import type { OutputStreams } from '../../core/masking.ts';
import type { DetectPart } from '../detection.ts';
import { createContentScan } from './content.ts';
import { Finder } from './finder.ts';
import { createPlainMask } from './plain.ts';
import { createTerminalMask } from './terminal.ts';

export { joinStreams, maskStreamsWholly } from './whole.ts';

/** Masks for streams by what `parts` look for; null where they look for nothing. Made once per set of masks. */
export function createOutputStreams(parts: readonly DetectPart[]): OutputStreams | null {
  if (parts.length === 0) return null;
  const finder = new Finder(parts);
  return Object.freeze({
    terminal: (size) => createTerminalMask(finder, size),
    plain: () => createPlainMask(finder),
    content: () => createContentScan(finder),
  } satisfies OutputStreams);
}
