/**
 * A shell that reads its commands from standard input (`bash < script`): what it runs, with what came there.
 *
 * Invariant: of an input that stays open rules see each command that came, and that it is not all.
 */
import type { ShellAnalysis, ShellDialect } from '../../core/shell.ts';
import { analyseShell } from './analyse.ts';

/** What came on the standard input of a shell that reads its commands from there. */
export interface StdinScript {
  readonly bytes: Buffer;
  /** More may follow, which is judged by nobody. */
  readonly isOpen: boolean;
}

/** What of it is judged: all of what is over, and of what is not as much as can be read. Null: nothing. */
export function judgedScript({ bytes, isOpen }: StdinScript): Buffer | null {
  return isOpen ? readableOf(bytes) : bytes;
}

/** `script`: text. `unread`: what the input would be taken for without it. */
export function analyseScripted(
  command: string,
  script: string,
  { dialect, isOpen, unread }: { dialect: ShellDialect; isOpen: boolean; unread: 'terminal' | 'unknown' },
): ShellAnalysis {
  const known = analyseShell(command, { dialect, stdin: { text: script } });
  return isOpen ? withMore(known, analyseShell(command, { dialect, stdin: unread })) : known;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return false;
  }
}

/** What came of a script that is not over, where it is text. */
function readableOf(bytes: Buffer): Buffer | null {
  // A character may have been cut.
  const readable = isUtf8(bytes) ? bytes : bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
  return readable.length === 0 || !isUtf8(readable) || readable.includes(0) ? null : readable;
}

/** A script that is not over: rules see each command that came, and that it is not all. */
function withMore(known: ShellAnalysis, unread: ShellAnalysis): ShellAnalysis {
  const union = <T>(one: readonly T[], other: readonly T[]): T[] => [...new Set([...one, ...other])].sort();
  return {
    ...known,
    effects: union(known.effects, unread.effects),
    flags: union(known.flags, unread.flags),
    reasons: [...known.reasons, ...unread.reasons],
    complete: known.complete && unread.complete,
    bounded: known.bounded && unread.bounded,
    transfer: null,
  };
}
