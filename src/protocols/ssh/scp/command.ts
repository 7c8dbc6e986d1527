/**
 * What an `scp` that runs on the target does, by its arguments: `-t` takes files (an upload), `-f` gives them (a download).
 * OpenSSH's scp, `source` and `sink`; the same letters in dropbear and PuTTY's pscp.
 *
 * Invariant: an argument that is not known here makes it no scp that the gate can follow; the caller then treats the
 * command as any other (opaque).
 */
export interface ScpCommand {
  readonly direction: 'upload' | 'download';
  readonly recursive: boolean;
  /** `-d`: the target must be a directory. */
  readonly directory: boolean;
  /** One character per byte. One for an upload. */
  readonly paths: readonly string[];
}

/** Null where it is none, or asks for something that is not known. Arguments are words, after the shell. */
export function readScpCommand(words: readonly string[]): ScpCommand | null {
  const [program, ...rest] = words;
  if (program === undefined || program.slice(program.lastIndexOf('/') + 1) !== 'scp') return null;
  const letters = new Set<string>();
  let index = 0;
  for (; index < rest.length; index++) {
    const word = rest[index]!;
    if (word === '--') {
      index++;
      break;
    }
    if (!word.startsWith('-') || word === '-') break;
    for (const letter of word.slice(1)) letters.add(letter);
  }
  const paths = rest.slice(index);
  if ([...letters].some((letter) => !'tfrpdvq'.includes(letter))) return null;
  if (letters.has('t') === letters.has('f')) return null;
  const direction = letters.has('t') ? 'upload' : 'download';
  if (paths.length === 0 || (direction === 'upload' && paths.length !== 1)) return null;
  if (paths.some((path) => path.includes('\0'))) return null;
  return { direction, recursive: letters.has('r'), directory: letters.has('d'), paths };
}
