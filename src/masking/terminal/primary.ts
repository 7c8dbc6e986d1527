/**
 * The primary screen of a terminal: tokens become text of a line, moves within it, or its end.
 *
 * Transparent, so that a word goes on behind them: colours, modes, queries, titles, bells. Moves within a line are followed
 * (line.ts). Everything else ends the line.
 *
 * Titles, clipboards and the like are looked at as texts of their own; one with a finding is dropped, and so is one that is
 * too long to be looked at.
 */
import type { Finder } from './finder.ts';
import type { Hits } from './hits.ts';
import type { Stream } from './stream.ts';
import type { Sequence, TokenSink } from './tokeniser.ts';
import type { Turn } from './turn.ts';

const lineFeed = 0x0a;

/** What a sequence does beyond the line. */
export type Effect = 'none' | 'alternate' | 'addressing';

export class Primary implements TokenSink {
  /** Set by a sequence that needs the screen; its bytes are not taken. The tokeniser stops. */
  pending: { readonly sequence: Sequence; readonly effect: Exclude<Effect, 'none'> } | null = null;
  readonly #stream: Stream;
  readonly #texts: SequenceTexts;
  readonly #turn: Turn;

  constructor(stream: Stream, texts: SequenceTexts, turn: Turn) {
    this.#stream = stream;
    this.#texts = texts;
    this.#turn = turn;
  }

  get stopped(): boolean {
    return this.pending !== null || this.#turn.isLate;
  }

  text(bytes: Buffer, start: number, end: number): void {
    this.#stream.print(bytes, start, end);
  }

  control(byte: number): void {
    const stream = this.#stream;
    const bytes = Buffer.of(byte);
    switch (byte) {
      case 0x08:
        this.#move(bytes, stream.line.left(1));
        return;
      case 0x09:
        stream.tab();
        return;
      case 0x0d:
        this.#move(bytes, stream.line.carriageReturn());
        return;
      case lineFeed:
        // Within a wrapped line it moves to the next row of it.
        if (stream.line.vertical(1)) this.#move(bytes, true);
        else stream.close(bytes);
        return;
      case 0x0b:
      case 0x0c:
        stream.close(bytes);
        return;
      default:
        stream.raw(bytes);
    }
  }

  sequence(sequence: Sequence): void {
    const stream = this.#stream;
    const { kind, bytes } = sequence;
    if (kind === 'osc' || kind === 'string') {
      if (this.#texts.mayPass(sequence)) stream.raw(bytes);
      return;
    }
    if (sequence.long) return;
    const effect = effectOf(sequence);
    if (effect !== 'none') {
      this.pending = { sequence, effect };
      return;
    }
    if (sequence.final === '' || sequence.controls) stream.close(bytes);
    else if (kind === 'csi') this.#csi(sequence);
    else if ('MDEc78Z'.includes(sequence.final) && sequence.marks === '') stream.close(bytes);
    else stream.raw(bytes);
  }

  #csi({ final, marks, numbers, bytes }: Sequence): void {
    const stream = this.#stream;
    const { line } = stream;
    const count = Math.max(1, numbers[0] ?? 1);
    if (marks !== '') {
      if (marks.includes('$') && 'vxz{'.includes(final)) stream.close(bytes);
      else stream.raw(bytes);
      return;
    }
    switch (final) {
      case 'm':
      case 'c':
      case 'n':
      case 't':
      case 'g':
      case 'i':
      case 'x':
      case 'h':
      case 'l':
      case 's':
        stream.raw(bytes);
        return;
      case 'K':
      case 'J':
        this.#erase(final, numbers[0] ?? 0, bytes);
        return;
      case 'C':
      case 'a':
        this.#move(bytes, line.right(count));
        return;
      case 'D':
        this.#move(bytes, line.left(count));
        return;
      case 'G':
      case '`':
        this.#move(bytes, line.toColumn(count));
        return;
      case 'A':
        this.#move(bytes, line.vertical(-count));
        return;
      case 'B':
      case 'e':
        this.#move(bytes, line.vertical(count));
        return;
      case 'P':
      case '@':
        stream.look();
        this.#move(bytes, final === 'P' ? line.delete(count) : line.insert(count));
        return;
      default:
        stream.close(bytes);
    }
  }

  #erase(final: string, what: number, bytes: Buffer): void {
    const stream = this.#stream;
    if (what > 0) {
      stream.close(bytes);
      return;
    }
    if (stream.line.isWithin) {
      stream.look();
      stream.line.eraseTail(final === 'J');
      stream.touch();
    }
    stream.raw(bytes);
  }

  /** A move within the line, or out of it. */
  #move(bytes: Buffer, within: boolean): void {
    if (within) this.#stream.moved(bytes);
    else this.#stream.close(bytes);
  }
}

const alternateScreens: readonly number[] = [47, 1047, 1049];

/** Whether a sequence enters or leaves the alternate screen. */
export function isAlternate({ kind, final, marks, numbers }: Sequence, set: 'h' | 'l'): boolean {
  return (
    kind === 'csi' && final === set && marks === '?' && numbers.some((number) => alternateScreens.includes(number))
  );
}

/** Sequences that draw at places of the screen, rather than on a line. Home alone is how screens are cleared. */
export function isAddressing({ kind, final, marks, numbers }: Sequence): boolean {
  if (kind === 'escape') return final === 'M' && marks === '';
  if (kind !== 'csi' || marks !== '' || final === '') return false;
  if (final === 'H' || final === 'f') return (numbers[0] ?? 1) > 1;
  return final === 'd' || (final === 'r' && numbers.length > 0) || 'LMST'.includes(final);
}

function effectOf(sequence: Sequence): Effect {
  if (isAlternate(sequence, 'h')) return 'alternate';
  return isAddressing(sequence) ? 'addressing' : 'none';
}

/** Looks into titles, clipboards and other strings within sequences. */
export class SequenceTexts {
  readonly #finder: Finder;
  readonly #hits: Hits;
  /** A string that is too long goes on: whether its pieces pass. */
  #long: boolean | null = null;

  constructor(finder: Finder, hits: Hits) {
    this.#finder = finder;
    this.#hits = hits;
  }

  mayPass({ kind, bytes, final, long }: Sequence): boolean {
    if (long) {
      // Images have no text; what else is so long cannot be looked at.
      this.#long ??= isImage(kind, bytes);
      const passes = this.#long;
      if (final !== '') this.#long = null;
      return passes;
    }
    this.#long = null;
    if (isImage(kind, bytes)) return true;
    const text = bytes.toString('utf8');
    const clipboard = /^(?:\x1b\]|\xc2\x9d|\u009d)52;[^;]*;([A-Za-z0-9+/=]*)/.exec(text);
    const spans = this.#finder.find(clipboard === null ? text : Buffer.from(clipboard[1]!, 'base64').toString('utf8'));
    for (const { rule } of spans) this.#hits.count(rule);
    return spans.length === 0;
  }
}

/** Sixel, iTerm2 and kitty. */
function isImage(kind: Sequence['kind'], bytes: Buffer): boolean {
  const head = bytes.toString('latin1', 2, 24);
  return kind === 'osc' ? /^1337;(?:File|Multipart)/.test(head) : /^[0-9;]*q|^G/.test(head);
}
