/**
 * Streams of which everything is masked (the verdict `mask` of a guardrail), and two plans for one stream.
 *
 * Invariant: what either masks is masked.
 */
import type {
  ContentHit,
  ContentScan,
  HttpMasks,
  MaskedOutput,
  OutputMask,
  OutputStreams,
  TerminalMask,
} from '../../core/masking.ts';
import { Hits } from './hits.ts';
import { Tokeniser, type TokenSink } from './tokeniser.ts';

const star = 0x2a;

/** Whether two plans are both of whole streams is told by this mark. */
const wholly = new WeakSet<OutputStreams>();

/** Characters become stars; lines, blanks and moves stay, so that a terminal stays usable. Strings in sequences are dropped. */
function createWholeMask(rule: string): TerminalMask {
  const hits = new Hits();
  const tokeniser = new Tokeniser();
  let out: Buffer[] = [];
  const sink: TokenSink = {
    text: (bytes, start, end) => {
      const stars: number[] = [];
      for (let index = start; index < end; index++) {
        const byte = bytes[index]!;
        // One star for each character; what continues one has none.
        if ((byte & 0xc0) !== 0x80) stars.push(byte === 0x20 ? byte : star);
      }
      out.push(Buffer.from(stars));
    },
    control: (byte) => out.push(Buffer.of(byte)),
    sequence: ({ kind, bytes, final }) => {
      if (kind !== 'osc' && kind !== 'string' && final !== '') out.push(bytes);
    },
  };
  const answer = (): MaskedOutput => {
    const bytes = Buffer.concat(out);
    out = [];
    return { bytes, holdUntilMs: null };
  };
  return {
    hits: hits.counts,
    push(view) {
      if (view.length > 0 && hits.counts.size === 0) hits.count(rule);
      tokeniser.run(view, 0, view.length, sink);
      return answer();
    },
    flush: answer,
    resize: answer,
    end() {
      tokeniser.end(sink);
      return answer().bytes;
    },
  };
}

/** Everything is masked; content is refused with its first byte. `http`: the same for answers of HTTP. */
export function maskStreamsWholly(rule: string, http: HttpMasks | null = null): OutputStreams {
  const hit: ContentHit = { rule, detector: 'everything', offset: 0 };
  const streams: OutputStreams = Object.freeze({
    terminal: () => createWholeMask(rule),
    plain: () => createWholeMask(rule),
    content: (): ContentScan => {
      let found: ContentHit | null = null;
      return {
        clearBytes: 0,
        push: (view) => {
          if (view.length > 0) found = hit;
          return found;
        },
        end: () => found,
      };
    },
    ...(http === null ? {} : { http }),
  });
  wholly.add(streams);
  return streams;
}

/** First one, then the other over what is left. */
function inTurn<Mask extends OutputMask>(first: Mask, second: Mask): OutputMask {
  const through = (one: MaskedOutput, nowMs: number, due: boolean): MaskedOutput => {
    let other = second.push(one.bytes, nowMs);
    if (due) {
      const more = second.flush(nowMs);
      other = { bytes: Buffer.concat([other.bytes, more.bytes]), holdUntilMs: more.holdUntilMs };
    }
    const times = [one.holdUntilMs, other.holdUntilMs].filter((time) => time !== null);
    return { bytes: Buffer.from(other.bytes), holdUntilMs: times.length === 0 ? null : Math.min(...times) };
  };
  return {
    get hits() {
      return new Map([...first.hits, ...second.hits]);
    },
    push: (view, nowMs) => through(first.push(view, nowMs), nowMs, false),
    flush: (nowMs) => through(first.flush(nowMs), nowMs, true),
    end: () => Buffer.concat([second.push(first.end(), 0).bytes, second.end()]),
  };
}

/** What both plans ask for. Null: that plan asks for nothing. */
export function joinStreams(first: OutputStreams | null, second: OutputStreams | null): OutputStreams | null {
  if (first === null || second === null || first === second) return first ?? second;
  if (wholly.has(first)) return first;
  if (wholly.has(second)) return second;
  return {
    terminal: (size) => {
      const [one, other] = [first.terminal(size), second.terminal(size)];
      const both = inTurn(one, other);
      return {
        push: both.push,
        flush: both.flush,
        end: both.end,
        get hits() {
          return both.hits;
        },
        resize: (next, nowMs) => {
          const moved = other.resize(next, nowMs);
          const made = one.resize(next, nowMs);
          const through = other.push(made.bytes, nowMs);
          const times = [made.holdUntilMs, through.holdUntilMs].filter((time) => time !== null);
          return {
            bytes: Buffer.concat([moved.bytes, through.bytes]),
            holdUntilMs: times.length === 0 ? null : Math.min(...times),
          };
        },
      };
    },
    plain: () => inTurn(first.plain(), second.plain()),
    content: () => {
      const [one, other] = [first.content(), second.content()];
      return {
        get clearBytes() {
          return Math.min(one.clearBytes, other.clearBytes);
        },
        push: (view) => {
          const [first, second] = [one.push(view), other.push(view)];
          return first ?? second;
        },
        end: () => {
          const [first, second] = [one.end(), other.end()];
          return first ?? second;
        },
      };
    },
  };
}
