/**
 * Which sessions are open at a point of the journal, which of their commands have not ended, and how far their
 * recordings are bound in: what a start after a crash must close.
 *
 * It looks at payloads only, so the writer and a recovery come to the same answer from the same bytes.
 * Deliberately absent: everything else events say. That is the index's business.
 */

/** What is known of a session that is not yet over. */
export interface OpenSession {
  readonly session: string;
  /** Sequence of its first event; 0 where the state of an older program did not say. */
  readonly openedSequence: number;
  readonly openedAtMs: number;
  /** Highest ordinal of a command. */
  commands: number;
  /** Commands with an intent and no end. */
  readonly pending: Set<number>;
  /** Chunks and bytes of its recording that the journal vouches for. */
  chunks: number;
  bytes: number;
  isEnded: boolean;
  isSealed: boolean;
}

/** The same as it stands in a state frame. */
export interface OpenSessionState {
  readonly session: string;
  readonly openedSequence?: number;
  readonly openedAtMs: number;
  readonly commands: number;
  readonly pending: readonly number[];
  readonly chunks: number;
  readonly bytes: number;
  readonly isEnded: boolean;
}

/** How every payload begins: `append` writes these three fields first, and this room's reader relies on it. */
const beginning = /^\{"seq":(\d+),"at":(\d+),"type":"([a-z.-]+)"(?:,"session":"([^"\\]+)"(?:,"command":(\d+))?)?/;

const beginningBytes = 240;

export interface Beginning {
  readonly sequence: number;
  readonly atMs: number;
  readonly type: string;
  readonly session: string | null;
  readonly command: number | null;
}

/** Reads the first fields of a leaf view (0x00 ‖ payload) without parsing the whole. */
export function readBeginning(leaf: Buffer): Beginning | null {
  const match = beginning.exec(leaf.toString('latin1', 1, Math.min(leaf.length, beginningBytes)));
  if (match === null) return null;
  return {
    sequence: Number(match[1]),
    atMs: Number(match[2]),
    type: match[3]!,
    session: match[4] ?? null,
    command: match[5] === undefined ? null : Number(match[5]),
  };
}

const beforeSequence = Buffer.from('\0{"seq":');
const beforeTime = Buffer.from(',"at":');
const beforeType = Buffer.from(',"type":"');

const intentMark = Buffer.from('command.intent","session":"');
const endedMark = Buffer.from('command.ended","session":"');
const commandMark = Buffer.from('","command":');
const quote = 0x22;
const backslash = 0x5c;

/**
 * The same fields found byte by byte into an object that is used again: verification asks this of every event, and a
 * regular expression with its strings costs as much there as the hash.
 */
export class Peek {
  sequence = 0;
  atMs = 0;
  /** First byte of the type. */
  initial = 0;
  /** Of the event that `lookAtCommand` found. */
  session = '';
  command = 0;
  #at = 0;

  /** False where the payload does not begin as it must. */
  look(leaf: Buffer): boolean {
    this.#at = 0;
    if (!this.#skip(leaf, beforeSequence)) return false;
    this.sequence = this.#number(leaf);
    if (!this.#skip(leaf, beforeTime)) return false;
    this.atMs = this.#number(leaf);
    if (!this.#skip(leaf, beforeType)) return false;
    this.initial = leaf[this.#at] ?? 0;
    return true;
  }

  /** Whether it is the beginning or the end of a command, with its fields in the order in which the pipeline writes them. */
  lookAtCommand(leaf: Buffer): 'command.intent' | 'command.ended' | null {
    if (!this.look(leaf)) return null;
    const start = this.#at;
    let type: 'command.intent' | 'command.ended' = 'command.intent';
    if (!this.#skip(leaf, intentMark)) {
      this.#at = start;
      type = 'command.ended';
      if (!this.#skip(leaf, endedMark)) return null;
    }
    const from = this.#at;
    while (this.#at < leaf.length && leaf[this.#at] !== quote && leaf[this.#at] !== backslash) this.#at++;
    const to = this.#at;
    if (!this.#skip(leaf, commandMark)) return null;
    const digits = this.#at;
    this.command = this.#number(leaf);
    if (this.#at === digits) return null;
    this.session = leaf.toString('latin1', from, to);
    return type;
  }

  #skip(leaf: Buffer, expected: Buffer): boolean {
    for (let index = 0; index < expected.length; index++) {
      if (leaf[this.#at++] !== expected[index]) return false;
    }
    return true;
  }

  #number(leaf: Buffer): number {
    let value = 0;
    for (;;) {
      const digit = (leaf[this.#at] ?? 0) - 48;
      if (digit < 0 || digit > 9) return value;
      value = value * 10 + digit;
      this.#at++;
    }
  }
}

const watched: ReadonlySet<string> = new Set([
  'session.opened',
  'session.ended',
  'command.intent',
  'command.ended',
  'recording.chunk',
  'recording.sealed',
]);

export class SessionTracker {
  readonly #sessions = new Map<string, OpenSession>();
  readonly #peek = new Peek();

  static restore(states: readonly OpenSessionState[]): SessionTracker {
    const tracker = new SessionTracker();
    for (const state of states) {
      tracker.#sessions.set(state.session, {
        ...state,
        openedSequence: state.openedSequence ?? 0,
        pending: new Set(state.pending),
        isSealed: false,
      });
    }
    return tracker;
  }

  /** Sessions that are not over, oldest first. */
  states(): OpenSessionState[] {
    return [...this.#sessions.values()].map(({ isSealed: _, ...session }) => ({
      ...session,
      pending: [...session.pending],
    }));
  }

  /** Takes an event. */
  observe(leaf: Buffer): void {
    // Nearly all events are of commands, and the journal's thread does this for each.
    const type = this.#peek.lookAtCommand(leaf);
    if (type === null) {
      this.take(leaf, readBeginning(leaf));
      return;
    }
    const open = this.#sessions.get(this.#peek.session);
    if (open === undefined) return;
    this.#apply(open, type, this.#peek.command, null);
  }

  /** Takes an event whose beginning was read already. */
  take(leaf: Buffer, known: Beginning | null): void {
    if (known === null || !watched.has(known.type)) return;
    let session = known.session;
    let command = known.command;
    const needsCommand = known.type === 'command.intent' || known.type === 'command.ended';
    // The fields stand first when the pipeline wrote the event; any other order is parsed whole.
    let whole: Record<string, unknown> | null = null;
    if (session === null || (needsCommand && command === null) || known.type === 'recording.chunk') {
      whole = JSON.parse(leaf.toString('utf8', 1, leaf.length)) as Record<string, unknown>;
      session = String(whole['session']);
      command = Number(whole['command']);
    }
    if (known.type === 'session.opened') {
      this.#sessions.set(session, {
        session,
        openedSequence: known.sequence,
        openedAtMs: known.atMs,
        commands: 0,
        pending: new Set(),
        chunks: 0,
        bytes: 0,
        isEnded: false,
        isSealed: false,
      });
      return;
    }
    const open = this.#sessions.get(session);
    if (open === undefined) return;
    this.#apply(open, known.type, command ?? 0, whole);
    if (open.isEnded && (open.isSealed || open.chunks === 0)) this.#sessions.delete(session);
  }

  #apply(open: OpenSession, type: string, command: number, whole: Record<string, unknown> | null): void {
    switch (type) {
      case 'session.ended':
        open.isEnded = true;
        open.pending.clear();
        return;
      case 'command.intent':
        open.commands = Math.max(open.commands, command);
        open.pending.add(command);
        return;
      case 'command.ended':
        open.pending.delete(command);
        return;
      case 'recording.chunk':
        open.chunks = Number(whole?.['chunk']) + 1;
        open.bytes = Number(whole?.['offset']) + Number(whole?.['bytes']);
        return;
      case 'recording.sealed':
        open.isSealed = true;
        return;
    }
  }
}
