/**
 * The side channel's own script: makes a private directory with two FIFOs, says which shell the person has, takes the
 * hook files, then carries requests out and replies in until its input ends.
 *
 * It runs under whatever login shell the person has (`$SHELL -c`), so the command is one `exec sh -c '…'` without single
 * quotes, exclamation marks, or backslashes that fish would read. POSIX sh, and `mktemp mkfifo dd cat rm id` only.
 *
 * Invariants: the directory is the person's own (umask 077) and goes when the channel ends. A reply never creates a file.
 */

import { terminalError } from '../errors.ts';
import * as limits from '../limits.ts';
import type { HookNames } from './names.ts';

const RS = 0x1e;

/** What the set-up script says of the host. */
export interface SideGreeting {
  readonly directory: string;
  /** `$SHELL`, else what the account database says, else `/bin/sh`. */
  readonly shell: string;
  /** True where that file runs as busybox. */
  readonly isBusybox: boolean;
  readonly userId: string;
  /** Absolute path of mkfifo, which hooks use for subshells. */
  readonly mkfifo: string;
}

export function sideCommand({ nonce }: HookNames): string {
  // The letters on the left of each printf are octal for RS and US.
  const script = [
    'umask 077',
    'd=',
    'for b in "$XDG_RUNTIME_DIR" /tmp /var/tmp /dev/shm "$HOME"; do',
    '[ -n "$b" ] && [ -d "$b" ] && [ -w "$b" ] && d=$(mktemp -d "$b/.term.XXXXXXXXXX" 2>/dev/null) && [ -n "$d" ] && break',
    'd=',
    'done',
    `[ -n "$d" ] || { printf "\\036${nonce}\\037none\\036"; exit 9; }`,
    'gone() { rm -rf "$d"; }',
    'trap gone EXIT; trap "exit 1" HUP INT TERM PIPE',
    `mkfifo "$d/q" "$d/m" || { printf "\\036${nonce}\\037none\\036"; exit 9; }`,
    'exec 3<>"$d/q" 4<>"$d/m"',
    's=$SHELL; [ -n "$s" ] || s=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f7); [ -n "$s" ] || s=/bin/sh',
    'y=$(readlink -f "$s" 2>/dev/null); case "$y" in */busybox*) k=1 ;; *) k=0 ;; esac',
    `printf "\\036${nonce}\\037ok\\037%s\\037%s\\037%s\\037%s\\037%s\\036" "$d" "$s" "$k" "$(id -u)" "$(command -v mkfifo)"`,
    // dd reads byte by byte, and so never takes what belongs to the next line.
    'while IFS=" " read -r n c; do [ "$n" = . ] && break; dd bs=1 count="$c" of="$d/$n" 2>/dev/null; done',
    `printf "\\036${nonce}\\037up\\036"`,
    'cat <&3 & c=$!',
    'while IFS= read -r l; do case $l in',
    `"m "*) printf "%s\\n" "\${l#m }" >&4 ;;`,
    `*) [ -p "$d/r.\${l%% *}" ] && printf "%s\\n" "\${l#* }" 1<>"$d/r.\${l%% *}" ;;`,
    'esac; done',
    'kill $c',
  ].join('\n');
  return `exec sh -c '${script}'`;
}

/** The hook files as the script's `read` and `dd` take them. */
export function encodeFiles(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, text] of Object.entries(files)) {
    const body = Buffer.from(text, 'utf8');
    parts.push(Buffer.from(`${name} ${body.length}\n`), body);
  }
  parts.push(Buffer.from('. 0\n'));
  return Buffer.concat(parts);
}

export type SideEvent =
  | { readonly event: 'greeting'; readonly greeting: SideGreeting }
  | { readonly event: 'no-directory' }
  | { readonly event: 'up'; readonly rest: Buffer };

/** Reads the greetings of the set-up script out of whatever start-up files print before them. Throws once it is too much. */
export class GreetingParser {
  readonly #nonce: string;
  #buffer: Buffer = Buffer.alloc(0);
  #greeted = false;

  constructor(nonce: string) {
    this.#nonce = nonce;
  }

  push(chunk: Buffer): SideEvent | null {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    if (this.#buffer.length > limits.noiseBytesMax) {
      throw terminalError('language.side-channel-malformed', { detail: 'no greeting' });
    }
    const opening = Buffer.concat([Buffer.from([RS]), Buffer.from(`${this.#nonce}\x1f`, 'latin1')]);
    const from = this.#buffer.indexOf(opening);
    if (from < 0) return null;
    const end = this.#buffer.indexOf(RS, from + opening.length);
    if (end < 0) return null;
    const [word, ...fields] = this.#buffer.toString('utf8', from + opening.length, end).split('\x1f');
    const rest = Buffer.from(this.#buffer.subarray(end + 1));
    this.#buffer = rest;
    if (word === 'none') return { event: 'no-directory' };
    if (word === 'up' && this.#greeted) return { event: 'up', rest };
    const [directory, shell, busybox, userId, mkfifo] = fields;
    const isSafe = /^\/[\w./+@-]+$/.test(directory ?? '') && /^[\w./+@-]+$/.test(mkfifo ?? '');
    if (word !== 'ok' || this.#greeted || !isSafe) {
      throw terminalError('language.side-channel-malformed', { detail: 'greeting' });
    }
    this.#greeted = true;
    return {
      event: 'greeting',
      greeting: { directory: directory!, shell: shell!, isBusybox: busybox === '1', userId: userId!, mkfifo: mkfifo! },
    };
  }
}
