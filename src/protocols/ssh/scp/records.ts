/**
 * The lines that scp's two ends exchange ("How the SCP protocol works", J. Pechanec; OpenSSH scp.c, `source` and `sink`).
 *
 * | line                      | says                                              |
 * |---------------------------|---------------------------------------------------|
 * | `C`mode size name         | a file; `size` bytes follow, then one status      |
 * | `D`mode 0 name            | a directory begins                                |
 * | `E`                       | the directory ends                                |
 * | `T`mtime 0 atime 0        | times of the next file or directory               |
 * | 0x01 text, 0x02 text      | an error; after 0x02 nothing follows              |
 *
 * Each is answered by a status: 0x00, or 0x01 or 0x02 with a line of text.
 *
 * Invariants: a name is a name (A-SSH-14): no slash, no zero byte, not `.` or `..`, not empty. A size is a decimal number
 * below 2^53. Anything else is malformed.
 */
import { sftpErrors } from '../sftp/index.ts';

export type ScpRecord =
  | { readonly type: 'file' | 'directory'; readonly mode: number; readonly size: number; readonly name: string }
  | { readonly type: 'end' }
  | { readonly type: 'times' }
  | { readonly type: 'error'; readonly isFatal: boolean; readonly text: Buffer };

/** Reads one record; `first` is its first byte, `line` what follows without the line feed. */
export function readRecord(first: number, line: Buffer): ScpRecord {
  switch (first) {
    case 1:
    case 2:
      return { type: 'error', isFatal: first === 2, text: line };
    case 0x43:
    case 0x44:
      return readEntry(first === 0x43 ? 'file' : 'directory', line.toString('latin1'));
    case 0x45:
      if (line.length > 0) throw malformed('E with more');
      return { type: 'end' };
    case 0x54:
      if (!/^\d{1,19} \d{1,6} \d{1,19} \d{1,6}$/.test(line.toString('latin1'))) throw malformed('T');
      return { type: 'times' };
    default:
      throw malformed(`a record of type ${first}`);
  }
}

function readEntry(type: 'file' | 'directory', line: string): ScpRecord {
  const found = /^([0-7]{4,5}) (\d{1,16}) (.*)$/s.exec(line);
  const size = Number(found?.[2] ?? Number.NaN);
  if (found === null || !Number.isSafeInteger(size)) throw malformed(type);
  const name = found[3]!;
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) throw sftpErrors('scp.name');
  return { type, mode: Number.parseInt(found[1]!, 8) & 0o7777, size, name };
}

function malformed(detail: string): Error {
  return sftpErrors('scp.malformed', { detail });
}

/** An error as either end says it. The text has one line. */
export function writeError(text: string, isFatal = false): Buffer {
  return Buffer.concat([Buffer.of(isFatal ? 2 : 1), Buffer.from(text.replaceAll('\n', ' ')), Buffer.of(0x0a)]);
}

export const accepted = Buffer.of(0);
