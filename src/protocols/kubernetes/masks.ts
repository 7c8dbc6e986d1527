/**
 * What masks the output of an exec that reads its commands from its input: what rules say of the exec, and what they say of the
 * script, one after the other. Terminals have no such script.
 */
import { masksOf } from '../../core/masked-stream.ts';
import type { MaskedOutput, OutputMask } from '../../core/masking.ts';
import type { Command } from '../../core/session.ts';
import type { TerminalSize } from './streams/index.ts';

/** `script` absent: the exec's own. */
export function execMasks(
  command: Command,
  script: Command | undefined,
  terminal: TerminalSize | null,
): ReturnType<typeof masksOf> {
  const own = masksOf(command, terminal);
  if (script === undefined) return own;
  const more = masksOf(script, null);
  return [inTurn(own[0], more[0]), inTurn(own[1], more[1])];
}

function inTurn(first: OutputMask | null, second: OutputMask | null): OutputMask | null {
  return first === null || second === null ? (first ?? second) : new MasksInTurn(first, second);
}

class MasksInTurn implements OutputMask {
  readonly #first: OutputMask;
  readonly #second: OutputMask;
  #firstUntilMs: number | null = null;
  #secondUntilMs: number | null = null;

  constructor(first: OutputMask, second: OutputMask) {
    this.#first = first;
    this.#second = second;
  }

  get hits(): ReadonlyMap<string, number> {
    const all = new Map(this.#first.hits);
    for (const [rule, count] of this.#second.hits) all.set(rule, (all.get(rule) ?? 0) + count);
    return all;
  }

  push(view: Buffer, nowMs: number): MaskedOutput {
    return this.#through(this.#first.push(view, nowMs), nowMs);
  }

  flush(nowMs: number): MaskedOutput {
    const out: Buffer[] = [];
    if (isDue(this.#secondUntilMs, nowMs)) {
      const { bytes, holdUntilMs } = this.#second.flush(nowMs);
      this.#secondUntilMs = holdUntilMs;
      out.push(Buffer.from(bytes));
    }
    if (isDue(this.#firstUntilMs, nowMs)) out.push(this.#through(this.#first.flush(nowMs), nowMs).bytes);
    return { bytes: Buffer.concat(out), holdUntilMs: this.#untilMs };
  }

  end(): Buffer {
    const last = this.#first.end();
    const given = last.length === 0 ? last : Buffer.from(this.#second.push(last, 0).bytes);
    return Buffer.concat([given, this.#second.end()]);
  }

  #through({ bytes, holdUntilMs }: MaskedOutput, nowMs: number): MaskedOutput {
    this.#firstUntilMs = holdUntilMs;
    if (bytes.length === 0) return { bytes, holdUntilMs: this.#untilMs };
    const masked = this.#second.push(bytes, nowMs);
    this.#secondUntilMs = masked.holdUntilMs;
    return { bytes: masked.bytes, holdUntilMs: this.#untilMs };
  }

  get #untilMs(): number | null {
    if (this.#firstUntilMs === null || this.#secondUntilMs === null) return this.#firstUntilMs ?? this.#secondUntilMs;
    return Math.min(this.#firstUntilMs, this.#secondUntilMs);
  }
}

function isDue(untilMs: number | null, nowMs: number): boolean {
  return untilMs !== null && untilMs <= nowMs;
}
