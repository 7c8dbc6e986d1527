/** Streams that pass as they are: for commands whose Masks say something of HTTP alone. */
import type { ContentScan, MaskedOutput, OutputMask, OutputStreams } from '../../core/masking.ts';
import { nothing } from './body.ts';

const nothingHeld: MaskedOutput = Object.freeze({ bytes: nothing, holdUntilMs: null });

function passing(): OutputMask {
  return {
    push: (view) => ({ bytes: view, holdUntilMs: null }),
    flush: () => nothingHeld,
    end: () => nothing,
    hits: new Map(),
  };
}

function unscanned(): ContentScan {
  let bytes = 0;
  return {
    push: (view) => {
      bytes += view.length;
      return null;
    },
    end: () => null,
    get clearBytes() {
      return bytes;
    },
  };
}

export const passingStreams: OutputStreams = Object.freeze({
  terminal: () => ({ ...passing(), resize: () => nothingHeld }),
  plain: passing,
  content: unscanned,
});
