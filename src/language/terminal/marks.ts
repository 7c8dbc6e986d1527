/**
 * Prompt marks: `ESC ] 7770 ; nonce ; letter [; data] BEL` in the output of the gated shell, which the person never sees.
 *
 *     A status   a primary prompt begins        F   a continuation prompt begins
 *       [;dir]   (sh) where the shell says that it is
 *     B          it ends: the line begins       G   it ends
 *     C          the line was accepted: output  R/S a right prompt begins / ends
 *
 * The scanner splits output at marks, so that each is handled exactly where it stands. It holds back only what may still
 * become a mark. A mark with another nonce is reported and removed too. Who can read the shell's memory can forge marks:
 * the gate lets them add denials only.
 *
 * Deliberately absent: other OSC sequences, terminal state.
 */
import * as limits from './limits.ts';
import { saidDirectory } from './verdicts.ts';

export type MarkLetter = 'A' | 'B' | 'C' | 'F' | 'G' | 'R' | 'S';

export type OutputPart =
  | { readonly part: 'bytes'; readonly bytes: Buffer }
  | { readonly part: 'mark'; readonly letter: MarkLetter; readonly data: string }
  | { readonly part: 'forged' };

const introducer = Buffer.from('\x1b]7770;', 'latin1');
const BEL = 0x07;
const ESC = 0x1b;

export class MarkScanner {
  readonly #nonce: string;
  #held: Buffer = Buffer.alloc(0);

  constructor(nonce: string) {
    this.#nonce = nonce;
  }

  push(chunk: Buffer): OutputPart[] {
    const out: OutputPart[] = [];
    const whole = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = Buffer.alloc(0);
    let plainFrom = 0;
    let at = whole.indexOf(ESC);
    while (at >= 0) {
      const state = this.#markAt(whole, at);
      if (state === 'no') {
        at = whole.indexOf(ESC, at + 1);
        continue;
      }
      if (at > plainFrom) out.push({ part: 'bytes', bytes: whole.subarray(plainFrom, at) });
      if (state === 'partial') {
        this.#held = Buffer.from(whole.subarray(at));
        return out;
      }
      out.push(state.part);
      plainFrom = state.end;
      at = whole.indexOf(ESC, plainFrom);
    }
    if (whole.length > plainFrom) out.push({ part: 'bytes', bytes: whole.subarray(plainFrom) });
    return out;
  }

  /** What was held back, when the output ends or nothing more has come for a while. */
  flush(): Buffer {
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    return held;
  }

  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  #markAt(view: Buffer, at: number): 'no' | 'partial' | { part: OutputPart; end: number } {
    const available = Math.min(introducer.length, view.length - at);
    if (view.compare(introducer, 0, available, at, at + available) !== 0) return 'no';
    if (available < introducer.length) return 'partial';
    const bodyFrom = at + introducer.length;
    for (let end = bodyFrom; end < view.length && end - bodyFrom <= limits.markBytesMax; end++) {
      const byte = view[end]!;
      if (byte === BEL) return { part: this.#read(view.toString('latin1', bodyFrom, end)), end: end + 1 };
      if (byte !== ESC) continue;
      if (end + 1 === view.length) return 'partial';
      const closes = view[end + 1] === 0x5c;
      return {
        part: closes ? this.#read(view.toString('latin1', bodyFrom, end)) : { part: 'forged' },
        end: closes ? end + 2 : end,
      };
    }
    if (view.length - bodyFrom <= limits.markBytesMax) return 'partial';
    // The name of a directory can be longer, and is none of the person's doing: what is too much is shown.
    const end = bodyFrom + limits.markBytesMax;
    const body = view.toString('latin1', bodyFrom, end);
    return body.startsWith(`${this.#nonce};A;`)
      ? { part: this.#read(body), end }
      : { part: { part: 'forged' }, end: bodyFrom };
  }

  #read(body: string): OutputPart {
    const [nonce, letter, ...data] = body.split(';');
    if (nonce !== this.#nonce || letter === undefined || !/^[ABCFGRS]$/.test(letter)) return { part: 'forged' };
    const text = Buffer.from(data.join(';'), 'latin1').toString('utf8');
    return { part: 'mark', letter: letter as MarkLetter, data: text };
  }
}

/** What a primary prompt says: how the last line ended, and (sh) where the shell says that it is. */
export function promptFacts(data: string): { readonly status: number | null; readonly directory: string | null } {
  const [status = '', ...directory] = data.split(';');
  return {
    status: /^\d{1,3}$/.test(status) ? Number(status) : null,
    directory: saidDirectory(directory.join(';')),
  };
}
