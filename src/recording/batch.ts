/**
 * Events on their way to the writer: serialised once, into shared memory that both threads see.
 *
 * Invariant: every payload begins with `{"seq":…,"at":…,"type":"…"`, in that order; recovery and verification read these
 * fields without parsing the rest.
 */
import type { EventBody } from '../core/event.ts';
import type { CommandFacts } from '../core/facts.ts';
import { frameHeaderBytes } from './frame.ts';
import * as limits from './limits.ts';
import { digestBytes } from './merkle.ts';

const bodyStart = digestBytes + frameHeaderBytes;
const recordOverhead = 5;

/** The JSON of an event as it stands in the journal. */
export function serialise(event: EventBody, sequence: number, atMs: number): string {
  let body = hasKeptFacts(event) ? withFacts(event) : JSON.stringify(event);
  if (!body.startsWith('{"type":"')) body = JSON.stringify(Object.assign({ type: event.type }, event));
  return `{"seq":${sequence},"at":${atMs},${body.slice(1)}`;
}

type WithFacts = Extract<EventBody, { type: 'command.intent' }> & { readonly facts: CommandFacts };

/** Facts are kept as long as the meaning they are of, and come again with every command that means the same. */
const factsTexts = new WeakMap<CommandFacts, string>();

/** What may change is written anew each time. */
function hasKeptFacts(event: EventBody): event is WithFacts {
  return event.type === 'command.intent' && event.facts !== undefined && Object.isFrozen(event.facts);
}

/** The same JSON with its facts last, whose text is made once. */
function withFacts(event: WithFacts): string {
  const { facts, ...rest } = event;
  let text = factsTexts.get(facts);
  if (text === undefined) {
    text = JSON.stringify(facts);
    factsTexts.set(facts, text);
  }
  return `${JSON.stringify(rest).slice(0, -1)},"facts":${text}}`;
}

export class Batch {
  readonly memory: SharedArrayBuffer;
  readonly firstSequence: number;
  readonly #bytes: Buffer;
  #end = bodyStart;
  #count = 0;
  /** Wall clock of its last event. */
  atMs = 0;

  constructor(firstSequence: number, memory: SharedArrayBuffer) {
    this.firstSequence = firstSequence;
    this.memory = memory;
    this.#bytes = Buffer.from(memory);
  }

  /** Memory for a batch that takes at least one payload of `bytes`. */
  static memoryFor(bytes: number): SharedArrayBuffer {
    return new SharedArrayBuffer(Math.max(limits.batchBytes, bodyStart + recordOverhead + bytes + digestBytes));
  }

  get count(): number {
    return this.#count;
  }
  get lastSequence(): number {
    return this.firstSequence + this.#count - 1;
  }
  get bodyEnd(): number {
    return this.#end;
  }
  get bytes(): number {
    return this.#end - bodyStart;
  }

  /** Adds a payload; false when it might not fit. `bytesMax` is an upper bound of its UTF-8 length. */
  add(payload: string, bytesMax: number, atMs: number): boolean {
    if (this.#end + recordOverhead + bytesMax + digestBytes > this.#bytes.length) return false;
    const written = this.#bytes.write(payload, this.#end + recordOverhead, 'utf8');
    this.#bytes.writeUInt32BE(written, this.#end);
    this.#bytes[this.#end + 4] = 0;
    this.#end += recordOverhead + written;
    this.#count++;
    this.atMs = atMs;
    return true;
  }
}
