/**
 * What the gate needs of whoever carries it: a Session for commands, a channel on each side for bytes. The gate calls,
 * and never waits on I/O itself.
 *
 * How to connect it: `submit`, `spend`, `complete` and `observe` are the Session's own; `forward` and `deliver` are the
 * channel's Flow; `question` is the Flow's `forwardHousekeeping` with the name `fileQuestion`.
 */
import type { CommandDraft } from '../../../core/command.ts';
import type { CommandResult } from '../../../core/commands.ts';
import type { FileDirection } from '../../../core/files.ts';
import type { OutputLimit } from '../../../core/judgement.ts';
import type { RecordingEntry } from '../../../core/recording.ts';
import type { Command } from '../../../core/session.ts';
import type { ContentInspector } from './inspect.ts';

/** The name under which the gateway's own questions pass: INIT, LSTAT, READLINK, REALPATH, FSTAT, limits. */
export const fileQuestion = 'sftp-question';

export interface FileCommands {
  /** As `Session.submit`. */
  submit(draft: CommandDraft, decided: (command: Command) => void): Command;
  /** As `Session.spend`. Of a transfer, bytes of content count, either way; of a listing, names are rows. */
  spend(command: Command, rows: number, bytes: number): OutputLimit | null;
  complete(command: Command, result: CommandResult): void;
  observe(entry: RecordingEntry): void;
  /** What looks into the content of this transfer, as its judgement says; null where nothing does. */
  inspector(command: Command, direction: FileDirection): ContentInspector | null;
}

export interface FileGateHost extends FileCommands {
  /**
   * Bytes for the target, of a released command. False: no more until `upstreamDrained`. Content may lie in a region
   * (base/regions.ts), here as in `deliver`: whoever keeps it beyond the call copies or lends it.
   */
  forward(view: Buffer, command: Command): boolean;
  /** Bytes for the target that are the gateway's own question. */
  question(view: Buffer): boolean;
  /** Bytes for the client. False: no more until `clientDrained`. */
  deliver(view: Buffer): boolean;
  /** One line for the person, beside the conversation (the channel's stderr): stock clients do not show status texts. */
  say(line: string): void;
  /** Stop, or go on, handing the client's (the target's) bytes to the gate. */
  pauseClient(paused: boolean): void;
  pauseUpstream(paused: boolean): void;
  /** A peer broke the protocol; `closed` follows. */
  violation(side: 'client' | 'upstream', code: string, detail: string): void;
  /** The gate is done with: close the channel. Called once. An error has been dealt with otherwise. */
  closed(error: Error | null): void;
}
