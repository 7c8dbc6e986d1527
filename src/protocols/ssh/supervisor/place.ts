/**
 * Placing the supervisor: the script of the side channel, and what it says. Pure.
 *
 * The script runs under whatever login shell the person has, so the command is one `exec sh -c '…'` without single quotes,
 * exclamation marks or backslashes that fish would read. POSIX sh, and `mktemp head chmod cp rm uname`; `sha256sum` where
 * there is one.
 *
 *     out   RS nonce US system RS             `Linux x86_64`
 *     in    bytes SP sha256 LF, the binary
 *     out   RS nonce US ok US directory RS    and from here on frames (codec.ts); or a reason instead of `ok`
 *
 * Invariants: the directory is the person's own (umask 077). It is removed by the script where it fails, and by the
 * supervisor as soon as it runs, or when nobody comes.
 */
import { sshRoomErrors } from '../errors.ts';
import { supervisors } from './binaries.generated.ts';
import * as limits from './limits.ts';

/** Why it could not be placed, as the script says it. */
export type PlaceFailure = 'no-directory' | 'no-kernel' | 'altered';

export type PlaceEvent =
  | { readonly event: 'system'; readonly system: string }
  | { readonly event: 'placed'; readonly directory: string; readonly rest: Buffer }
  | { readonly event: 'failed'; readonly why: PlaceFailure };

export function placeCommand(nonce: string): string {
  const say = (word: string, more = ''): string => `printf "\\036${nonce}\\037${word}${more}\\036"`;
  const script = [
    'umask 077',
    'd= b=',
    'gone() { [ -z "$d" ] || rm -rf "$d"; }',
    'trap gone EXIT; trap "exit 1" HUP INT TERM PIPE',
    `${say('%s')} "$(uname -sm)"`,
    'IFS=" " read -r n h || exit 1',
    'for t in "$XDG_RUNTIME_DIR" /tmp "$HOME/.cache" "$HOME" /dev/shm /var/tmp; do',
    '[ -n "$t" ] && [ -d "$t" ] && [ -w "$t" ] || continue',
    'e=$(mktemp -d "$t/.term.XXXXXXXXXX" 2>/dev/null) && [ -n "$e" ] || continue',
    'if [ -z "$d" ]; then head -c "$n" > "$e/s"; else cp "$d/s" "$e/s"; rm -rf "$d"; fi',
    'd=$e',
    'chmod 700 "$d/s"',
    `if command -v sha256sum >/dev/null 2>&1; then g=$(sha256sum < "$d/s"); [ "\${g%% *}" = "$h" ] || { ${say('altered')}; exit 9; }; fi`,
    '"$d/s" probe >/dev/null 2>&1',
    `case $? in 0) b=1; break ;; 1) ${say('no-kernel')}; exit 9 ;; esac`,
    'done',
    `[ -n "$b" ] || { ${say('no-directory')}; exit 9; }`,
    `${say('ok', '\\037%s')} "$d"`,
    'trap - EXIT HUP INT TERM PIPE',
    'exec "$d/s" side "$d"',
  ].join('\n');
  return `exec sh -c '${script}'`;
}

/** What follows the greeting; null where there is no supervisor for that system. */
export function binaryFor(system: string): Buffer | null {
  const machine = /^Linux (x86_64|aarch64)$/.exec(system)?.[1];
  const found = machine === undefined ? undefined : supervisors[machine as keyof typeof supervisors];
  if (found === undefined) return null;
  const bytes = Buffer.from(found.base64, 'base64');
  return Buffer.concat([Buffer.from(`${bytes.length} ${found.sha256}\n`), bytes]);
}

const RS = 0x1e;
const failures: ReadonlySet<string> = new Set(['no-directory', 'no-kernel', 'altered']);

/** Reads what the script says out of whatever start-up files print around it. */
export class PlaceParser {
  readonly #opening: Buffer;
  #buffer: Buffer = Buffer.alloc(0);
  #hasGreeted = false;

  constructor(nonce: string) {
    this.#opening = Buffer.concat([Buffer.from([RS]), Buffer.from(`${nonce}\x1f`, 'latin1')]);
  }

  /** Null: more is to come. Throws where there is too much of it, or it is not the script's. */
  push(chunk: Buffer): PlaceEvent | null {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    if (this.#buffer.length > limits.noiseBytesMax) throw malformed('no greeting');
    const from = this.#buffer.indexOf(this.#opening);
    if (from < 0) return null;
    const end = this.#buffer.indexOf(RS, from + this.#opening.length);
    if (end < 0) return null;
    const [word = '', directory = ''] = this.#buffer.toString('latin1', from + this.#opening.length, end).split('\x1f');
    const rest = Buffer.from(this.#buffer.subarray(end + 1));
    this.#buffer = rest;
    if (!this.#hasGreeted) {
      this.#hasGreeted = true;
      return { event: 'system', system: word };
    }
    if (failures.has(word)) return { event: 'failed', why: word as PlaceFailure };
    // It becomes part of a command without quotes.
    if (word !== 'ok' || !/^\/[\w./+@-]+$/.test(directory)) throw malformed('greeting');
    return { event: 'placed', directory, rest };
  }
}

function malformed(detail: string): Error {
  return sshRoomErrors('ssh.supervisor-malformed', { detail });
}
