/** What masks the output of a released command: a stream for each of its two, by the plan that its verdict came with. */
import type { OutputMask, TerminalMask } from '../../core/masking.ts';
import type { Command } from '../../core/session.ts';
import type { PtySize } from './transport/index.ts';

/** `pty`: its output is a terminal's, and it has no error stream of its own. */
export function masksOf(
  command: Command,
  pty: PtySize | null,
): readonly [TerminalMask | OutputMask | null, OutputMask | null] {
  const streams = command.judgement?.output?.streams ?? null;
  if (streams === null) return [null, null];
  return [pty === null ? streams.plain() : streams.terminal({ columns: pty.columns, rows: pty.rows }), streams.plain()];
}
