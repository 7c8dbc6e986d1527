/** The emulators of a session's terminals, beside the page's own thread. Of seeks of one terminal only the latest is answered. */

import type { Frame } from '../../ui/terminal/frame.ts';
import { Emulation } from './emulation.ts';
import type { TerminalPiece } from './model.ts';

export type ToEmulator =
  | { readonly type: 'push'; readonly pieces: readonly TerminalPiece[] }
  | {
      readonly type: 'seek';
      readonly terminal: number;
      readonly ms: number;
      readonly history: number;
      readonly serial: number;
    }
  | { readonly type: 'search'; readonly text: string; readonly serial: number };

export type FromEmulator =
  | {
      readonly type: 'frame';
      readonly terminal: number;
      readonly serial: number;
      readonly frame: Frame;
      readonly tookMs: number;
    }
  | {
      readonly type: 'found';
      readonly serial: number;
      readonly hits: readonly { readonly terminal: number; readonly ms: number; readonly text: string }[];
      readonly isPartial: boolean;
    };

const emulations = new Map<number, Emulation>();
const latest = new Map<number, number>();
const answer = (message: FromEmulator): void => postMessage(message);

function of(terminal: number): Emulation {
  const known = emulations.get(terminal);
  if (known !== undefined) return known;
  const made = new Emulation();
  emulations.set(terminal, made);
  return made;
}

async function seek({ terminal, ms, history, serial }: Extract<ToEmulator, { type: 'seek' }>): Promise<void> {
  latest.set(terminal, serial);
  // What else was asked for meanwhile is here after a turn.
  await new Promise((resolve) => setTimeout(resolve, 0));
  if (latest.get(terminal) !== serial) return;
  const began = performance.now();
  const frame = await of(terminal).frame(ms, history);
  answer({ type: 'frame', terminal, serial, frame, tookMs: performance.now() - began });
}

function search({ text, serial }: Extract<ToEmulator, { type: 'search' }>): void {
  const found = [...emulations].map(([terminal, emulation]) => ({ terminal, ...emulation.search(text) }));
  answer({
    type: 'found',
    serial,
    hits: found.flatMap(({ terminal, hits }) => hits.map((hit) => ({ terminal, ...hit }))),
    isPartial: found.some(({ isPartial }) => isPartial),
  });
}

addEventListener('message', ({ data }: MessageEvent<ToEmulator>): void => {
  if (data.type === 'push') {
    const touched = new Set<number>();
    for (const piece of data.pieces) {
      touched.add(piece.terminal);
      of(piece.terminal).push(piece.ms, piece.data ?? '', piece.encoding ?? 'utf8', piece.size ?? null);
    }
    for (const terminal of touched) void of(terminal).parse();
  } else if (data.type === 'seek') void seek(data);
  else search(data);
});
