/**
 * The encoded terminal modes of `pty-req` (RFC 4254, 8): opcode and argument, up to TTY_OP_END. Opcodes 160 to 255 end the
 * list, as the RFC says, so that there are 159 at most. Known modes get names, unknown ones are kept, so that what goes on to the target is what came.
 *
 * Deliberately absent: what the modes mean for a terminal.
 */
import { SshReader, SshWriter } from './bytes.ts';

/** Opcode to its argument. */
export type TerminalModes = ReadonlyMap<number, number>;

/** Opcodes that something here or in the rooms above asks for. */
export const terminalMode = {
  VINTR: 1,
  VQUIT: 2,
  VERASE: 3,
  VKILL: 4,
  VEOF: 5,
  ICRNL: 36,
  ISIG: 50,
  ICANON: 51,
  ECHO: 53,
  ECHOE: 54,
  ECHOK: 55,
  ECHONL: 56,
  OPOST: 70,
  ONLCR: 72,
  TTY_OP_ISPEED: 128,
  TTY_OP_OSPEED: 129,
} as const;

const opEnd = 0;
const firstUndefined = 160;

export function decodeTerminalModes(view: Buffer): TerminalModes {
  const modes = new Map<number, number>();
  const reader = new SshReader(view);
  while (reader.left > 0) {
    const opcode = reader.uint8();
    if (opcode === opEnd || opcode >= firstUndefined) break;
    modes.set(opcode, reader.uint32());
  }
  return modes;
}

export function encodeTerminalModes(modes: TerminalModes): Buffer {
  const writer = new SshWriter(1 + 5 * modes.size);
  for (const [opcode, argument] of modes) writer.uint8(opcode).uint32(argument);
  return writer.uint8(opEnd).finish();
}

/** Whether the client's terminal echoes; the usual answer where it did not say. */
export function echoes(modes: TerminalModes): boolean {
  return (modes.get(terminalMode.ECHO) ?? 1) !== 0;
}
