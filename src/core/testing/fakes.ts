/**
 * Stand-ins for the ports, for tests of the pipeline: a journal whose durability the test controls, a recording that
 * remembers, wires that are arrays. Fakes because the point of these tests is what happens when the real ones are slow
 * or fail at a chosen moment; the real ones are tested in their rooms and together in `test/`.
 */
import type { TlsFacts, Wire, WireHandler } from '../../base/wire.ts';
import type { CommandDraft } from '../command.ts';
import { coreErrors } from '../errors.ts';
import type { EventBody, SpaceLevel } from '../event.ts';
import { allowed, type HoldTerms } from '../judgement.ts';
import type { Identification, Journal, Judge, Recording, Recordings } from '../ports.ts';
import type { Principal } from '../principal.ts';
import type { RecordingEntry } from '../recording.ts';
import type { Resource } from '../resource.ts';
import type { Reviews } from '../review.ts';
import type { Verdict } from '../verdict.ts';

/** A journal in memory. Durability follows at once, or when `sync` is called. */
export class FakeJournal implements Journal {
  readonly events: (EventBody & { seq: number })[] = [];
  durableSequence = 0;
  failure: Error | null = null;
  spaceLevel: SpaceLevel = 'ample';
  automatic: boolean;
  #waiting: { sequence: number; callback: (error: Error | null) => void }[] = [];

  constructor(automatic = true) {
    this.automatic = automatic;
  }

  append(event: EventBody): number {
    if (this.failure !== null) throw coreErrors('core.journal-unavailable', { cause: this.failure });
    this.events.push({ ...event, seq: this.events.length + 1 });
    if (this.automatic) this.sync();
    return this.events.length;
  }

  afterDurable(sequence: number, callback: (error: Error | null) => void): void {
    if (this.failure !== null) callback(this.failure);
    else if (sequence <= this.durableSequence) callback(null);
    else this.#waiting.push({ sequence, callback });
  }

  /** Makes everything so far durable. */
  sync(): void {
    this.durableSequence = this.events.length;
    const ready = this.#waiting.filter(({ sequence }) => sequence <= this.durableSequence);
    this.#waiting = this.#waiting.filter(({ sequence }) => sequence > this.durableSequence);
    for (const { callback } of ready) callback(null);
  }

  fail(error = new Error('disk failed')): void {
    this.failure = error;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { callback } of waiting) callback(error);
  }

  types(): string[] {
    return this.events.map(({ type }) => type);
  }
}

export class FakeRecording implements Recording {
  readonly entries: RecordingEntry[] = [];
  congested = false;
  onReady: (() => void) | null = null;
  onFailure: ((error: Error) => void) | null = null;
  closed = false;
  failing = false;

  append(entry: RecordingEntry): void {
    if (this.failing) throw coreErrors('core.recording-failed');
    this.entries.push('data' in entry ? { ...entry, data: Buffer.from(entry.data) } : entry);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

export class FakeRecordings implements Recordings {
  readonly opened = new Map<string, FakeRecording>();

  open(session: string): FakeRecording {
    const recording = new FakeRecording();
    this.opened.set(session, recording);
    return recording;
  }
}

/** A wire that keeps what was written and lets the test say what arrives. */
export class FakeWire implements Wire {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 50_000;
  readonly tls: TlsFacts | null = null;
  readonly written: Buffer[] = [];
  bytesRead = 0;
  bytesWritten = 0;
  pendingBytes = 0;
  closed = false;
  ended = false;
  paused = false;
  frozen = false;
  #handler: WireHandler | null = null;

  handle(handler: WireHandler): void {
    this.#handler = handler;
  }
  write(view: Buffer): boolean {
    this.written.push(view);
    this.bytesWritten += view.length;
    return this.pendingBytes === 0;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  freeze(frozen: boolean): void {
    this.frozen = frozen;
  }
  end(last?: Buffer): void {
    if (last !== undefined) this.written.push(last);
    this.ended = true;
  }
  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.#handler?.close(null);
  }
  async startServerTls(): Promise<void> {}
  async startClientTls(): Promise<void> {}

  arrive(chunk: Buffer): void {
    this.bytesRead += chunk.length;
    this.#handler?.read(chunk);
  }
  drain(): void {
    this.pendingBytes = 0;
    this.#handler?.drain();
  }
  text(): string {
    return Buffer.concat(this.written).toString('latin1');
  }
}

export const testPrincipal: Principal = {
  id: 'local:erin',
  issuer: 'local',
  subject: 'erin',
  name: 'erin',
  kind: 'person',
  groups: ['engineering'],
  roles: ['member'],
  authentication: { method: 'token', credentialId: 'tok_1', atMs: 0 },
};

/** A command as a protocol would submit it. */
export function testDraft(text: string, change: Partial<CommandDraft> = {}): CommandDraft {
  return {
    kind: 'sql',
    verb: 'query',
    text,
    recordedText: text,
    parameters: null,
    effect: 'unknown',
    meaning: null,
    context: {},
    of: null,
    ...change,
  };
}

/** A judge that says of each command what `verdict` says of its draft; a hold asks any member of `dba`. */
export function judgeBy(verdict: (draft: CommandDraft) => Verdict): Judge {
  return {
    judge: ({ command }) => {
      const judgement = allowed(verdict(command));
      const { name, rule, reason } = judgement.verdict;
      return name === 'hold' ? { ...judgement, hold: testHold(rule, reason) } : judgement;
    },
  };
}

/** What a guardrail might ask for. */
export function testHold(rule: string, message: string): HoldTerms {
  return {
    rule,
    reviewers: { names: [], groups: ['dba'] },
    approvals: 1,
    withinMs: 60_000,
    inTransactionMs: 30_000,
    escalation: null,
    breakGlass: [],
    message,
  };
}

/** Allows everything. */
export const allowAll: Judge = judgeBy(() => ({ name: 'allow', rule: 'access', reason: '' }));

/** Identification by keys and approval, for tests of protocols without them. */
export const noKeys: Omit<Identification, 'bySecret' | 'byScram'> = {
  byToken: () => Promise.reject(coreErrors('core.not-authenticated')),
  acceptsKey: () => Promise.resolve(false),
  byKey: () => Promise.reject(coreErrors('core.not-authenticated')),
  byCertificate: () => Promise.reject(coreErrors('core.not-authenticated')),
  byTlsCertificate: () => Promise.reject(coreErrors('core.not-authenticated')),
  byApproval: () => Promise.reject(coreErrors('core.not-authenticated')),
  confirm: () => Promise.reject(coreErrors('core.step-up-refused')),
  visitLink: ({ resource }) => `https://console.example/visit.html#resource=${resource}`,
  redeemVisit: () => Promise.reject(coreErrors('core.not-authenticated')),
  byVisit: () => Promise.reject(coreErrors('core.not-authenticated')),
  endVisit: () => Promise.resolve(null),
};

/** Nobody can be asked. */
export const noReviews: Reviews = {
  request: () => {
    throw coreErrors('core.review-unavailable');
  },
};

export function testResource(change: Partial<Resource> = {}): Resource {
  return {
    id: 'orders',
    name: 'orders',
    labels: { env: 'prod' },
    protocol: 'echo',
    host: 'localhost',
    port: 1,
    tls: { mode: 'disable', ca: null, serverName: null },
    credential: null,
    recording: 'strict',
    settings: {},
    ...change,
  };
}
