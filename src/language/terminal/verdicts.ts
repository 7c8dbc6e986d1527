/**
 * The verdict channel: what the hooks ask over the side channel's output, and what is answered over its input. Pure.
 *
 *     greeting   RS nonce US word US field … RS                        (the set-up script, before the hooks)
 *     request    level US token US text NUL                            (hooks; level H, U, P, L<n>, C)
 *     place      W US token US directory NUL                           (hooks; right before the request with that token)
 *     reply      lane SP token verdict LF                              (to the side script, which hands "token verdict" on)
 *     token      lane "." number                                       (lane: `m`, or the id of the asking process)
 *     verdict    A | G | D text | R text | N text                      (text: one line)
 *
 * `W` says where the shell believes to be. It is a frame of its own, so that no name of a directory can pass for a part of the
 * text that is judged; it is what the shell says, which may be anything.
 * `P` says that Enter only put a line feed in (fish), and wants no more than `A`.
 * `A` allows once; `G` allows, and the very same text need not be asked again within the line; `D` denies and says why;
 * `R` runs the text instead; `N` shows a text and the verdict is still to come.
 *
 * Invariants: a token is good for one verdict; the parser is dead after its first error; text is bounded before it is kept.
 */
import { terminalError } from './errors.ts';
import * as limits from './limits.ts';

export interface HookRequest {
  readonly level: 'hello' | 'up' | 'part' | 'line' | 'command';
  /** Of a line: which physical line of one submission, from 1. */
  readonly ordinal: number;
  readonly token: string;
  readonly text: string;
  /** False where the text was not UTF-8: such a text is never allowed. */
  readonly isText: boolean;
  /** The text was longer than `textBytesMax`, and `text` is its beginning. */
  readonly isCut: boolean;
  /** Where the shell says that it is (`saidDirectory`); null: it said nothing that can be read. */
  readonly directory: string | null;
}

export type HookReply =
  | { readonly verdict: 'allow' }
  | { readonly verdict: 'allow-text' }
  | { readonly verdict: 'deny' | 'rewrite' | 'note'; readonly text: string };

const US = 0x1f;
const NUL = 0x00;
const tokenPattern = /^(m|[1-9]\d{0,9})\.\d{1,20}$/;
const levelPattern = /^(?:H|U|P|C|W|L([1-9]\d{0,5}))$/;

/** Reads requests. `push` throws `language.side-channel-malformed` and does so ever after. */
export class RequestParser {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #dead = false;
  #place: Frame | null = null;

  push(chunk: Buffer): HookRequest[] {
    if (this.#dead) throw malformed('after an error');
    const out: HookRequest[] = [];
    let from = 0;
    try {
      for (;;) {
        const end = chunk.indexOf(NUL, from);
        if (end < 0) break;
        this.#keep(chunk.subarray(from, end));
        const read = decode(this.#take());
        if (read.level === 'place') this.#place = read;
        else out.push({ ...read, level: read.level, directory: this.#placeOf(read) });
        from = end + 1;
      }
      this.#keep(chunk.subarray(from));
    } catch (error) {
      this.#dead = true;
      this.#chunks = [];
      throw error;
    }
    return out;
  }

  /** What was said right before the request, by whoever asks. */
  #placeOf({ token }: Frame): string | null {
    const place = this.#place;
    this.#place = null;
    return place?.token === token ? saidDirectory(place.text) : null;
  }

  #keep(view: Buffer): void {
    if (view.length === 0) return;
    this.#bytes += view.length;
    // Hooks cut their text before they send it; what is longer than that did not come from them.
    if (this.#bytes > limits.textBytesMax * 4 + limits.requestOverheadBytes) throw malformed('request too long');
    this.#chunks.push(Buffer.from(view));
  }

  #take(): Buffer {
    const whole = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    return whole;
  }
}

/** One frame; a place becomes a part of the request behind it. */
interface Frame extends Omit<HookRequest, 'level' | 'directory'> {
  readonly level: HookRequest['level'] | 'place';
}

function decode(frame: Buffer): Frame {
  const first = frame.indexOf(US);
  const second = first < 0 ? -1 : frame.indexOf(US, first + 1);
  if (second < 0) throw malformed('separators');
  const level = levelPattern.exec(frame.toString('latin1', 0, first));
  const token = frame.toString('latin1', first + 1, second);
  if (level === null) throw malformed('level');
  if (!tokenPattern.test(token)) throw malformed('token');
  const body = frame.subarray(second + 1);
  const isCut = body.length > limits.textBytesMax;
  const text = (isCut ? body.subarray(0, limits.textBytesMax) : body).toString('utf8');
  return {
    level: levels[level[0][0]!]!,
    ordinal: level[1] === undefined ? 0 : Number(level[1]),
    token,
    text,
    isText: isCut || Buffer.from(text, 'utf8').equals(body),
    isCut,
  };
}

const levels: Readonly<Record<string, Frame['level']>> = {
  H: 'hello',
  U: 'up',
  P: 'part',
  C: 'command',
  L: 'line',
  W: 'place',
};

/** A directory as the shell said it, bounded, and unsafe to show as it is. Null where it said none. */
export function saidDirectory(text: string): string | null {
  if (text === '') return null;
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= limits.directoryBytesMax) return text;
  // A character that was cut in two becomes a replacement, and goes.
  return `${bytes.toString('utf8', 0, limits.directoryBytesMax).replace(/\ufffd$/, '')}…`;
}

/** Spells a reply for the side script. Control characters of its text become spaces: it is one line by construction. */
export function encodeReply(token: string, reply: HookReply): Buffer {
  const lane = token.slice(0, token.indexOf('.'));
  return Buffer.from(`${lane} ${token}${spell(reply)}\n`, 'utf8');
}

function spell(reply: HookReply): string {
  switch (reply.verdict) {
    case 'allow':
      return 'A';
    case 'allow-text':
      return 'G';
    case 'deny':
      return `D${oneLine(reply.text)}`;
    case 'rewrite':
      return `R${oneLine(reply.text)}`;
    case 'note':
      return `N${oneLine(reply.text)}`;
  }
}

function oneLine(text: string): string {
  // A backslash would be read as an escape by shells whose `read` lacks `-r`; hooks use `-r`, and texts have no need of C0.
  return text.slice(0, limits.replyTextMax).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

/** Tokens that were used: bounded, oldest forgotten first. */
export class UsedTokens {
  readonly #seen = new Set<string>();

  /** False where the token was used before. */
  use(token: string): boolean {
    if (this.#seen.has(token)) return false;
    this.#seen.add(token);
    if (this.#seen.size > limits.tokensRemembered) {
      const [oldest] = this.#seen;
      this.#seen.delete(oldest!);
    }
    return true;
  }
}

function malformed(detail: string): Error {
  return terminalError('language.side-channel-malformed', { detail });
}
