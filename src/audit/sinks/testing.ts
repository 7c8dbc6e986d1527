/** For tests of sinks: events, a target in memory that can be made to fail, and a runner over both. */
import { FakeClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { Activities } from '../../core/activity.ts';
import type { Event, EventBody } from '../../core/event.ts';
import type { SinkSpec } from '../../core/sink.ts';
import { recordMaker } from './records.ts';
import { type NewDeadLetter, Runner, type SinkProgress } from './runner.ts';
import { selectionOf } from './select.ts';
import type { SendOutcome, SinkRecord, Transport, TransportParts } from './transport.ts';

export const engineer = {
  id: 'local:erin',
  issuer: 'local',
  name: 'erin',
  kind: 'person',
  groups: ['engineering'],
  credentialId: 'tok_1',
} as const;

/** 2026-01-01, and a second more with each sequence. */
export const atOf = (seq: number): number => Date.UTC(2026, 0, 1) + seq * 1000;

export function opened(
  seq: number,
  session = 'ses_1',
  change: Partial<Extract<Event, { type: 'session.opened' }>> = {},
): Event {
  return {
    type: 'session.opened',
    seq,
    at: atOf(seq),
    session,
    connection: 'con_1',
    source: '192.0.2.7',
    principal: engineer,
    resource: 'orders',
    labels: { env: 'prod' },
    protocol: 'postgres',
    recording: 'strict',
    access: 'engineers',
    client: { application_name: 'psql' },
    ...change,
  };
}

export function intent(
  seq: number,
  text: string,
  session = 'ses_1',
  command = seq,
  change: Partial<Extract<Event, { type: 'command.intent' }>> = {},
): Event {
  return {
    type: 'command.intent',
    seq,
    at: atOf(seq),
    session,
    command,
    kind: 'sql',
    verb: 'query',
    text,
    textBytes: Buffer.byteLength(text),
    parameters: null,
    effect: 'read',
    of: null,
    facts: {
      fingerprint: '0123456789abcdef',
      effects: ['select'],
      touches: [['table', 'read', 'public.customers']],
      complete: true,
    },
    ...change,
  };
}

export function ended(seq: number, command: number, session = 'ses_1'): Event {
  return {
    type: 'command.ended',
    seq,
    at: atOf(seq),
    session,
    command,
    outcome: 'completed',
    tag: 'SELECT 1',
    error: null,
    rows: 1,
    bytes: 10,
    durationMs: 1.5,
  };
}

export function closed(seq: number, session = 'ses_1'): Event {
  return {
    type: 'session.ended',
    seq,
    at: atOf(seq),
    session,
    reason: 'client-closed',
    code: null,
    by: null,
    commands: 1,
    bytesIn: 10,
    bytesOut: 20,
    durationMs: 5,
  };
}

/** Takes batches, refuses what `refuses` names, and fails while `down` says why. */
export class FakeTarget implements Transport {
  readonly batchRecordsMax: number;
  readonly batchBytesMax = 1_000_000;
  readonly taken: SinkRecord[] = [];
  readonly batches: number[] = [];
  attempts = 0;
  down: string | null = null;
  /** Takes all, and then fails before it says so: a crash between both. */
  forgets = false;
  refuses: (record: SinkRecord) => string | null = () => null;
  isClosed = false;
  /** Awaited before a batch is taken. */
  gate: Promise<void> | null = null;

  constructor(batchRecordsMax = 500) {
    this.batchRecordsMax = batchRecordsMax;
  }

  async send(batch: readonly SinkRecord[]): Promise<SendOutcome> {
    this.attempts++;
    await this.gate;
    if (this.down !== null) throw new Error(this.down);
    const refused: { at: number; why: string }[] = [];
    for (const [at, record] of batch.entries()) {
      const why = this.refuses(record);
      if (why === null) this.taken.push(record);
      else refused.push({ at, why });
    }
    this.batches.push(batch.length);
    if (this.forgets) throw new Error('the connection broke');
    return refused.length === 0 ? { outcome: 'taken' } : { outcome: 'refused', refused };
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

export interface TestRunner {
  readonly runner: Runner;
  readonly clock: FakeClock;
  readonly saved: SinkProgress[];
  readonly letters: NewDeadLetter[];
  readonly journaled: EventBody[];
  /** Room for dead letters; rejections of the store while null. */
  room: number | null;
}

export const atBeginning: SinkProgress = {
  sequence: 0,
  standing: 'working',
  sinceMs: 0,
  problem: '',
  sent: 0,
  lastSentAtMs: null,
  oldestAtMs: null,
};

export function runnerOf(
  transport: Transport,
  { spec = {}, progress = atBeginning }: { readonly spec?: Partial<SinkSpec>; readonly progress?: SinkProgress } = {},
): TestRunner {
  const whole: SinkSpec = { to: { file: { directory: '/nowhere' } }, ...spec };
  const clock = new FakeClock();
  const test = { clock, saved: [] as SinkProgress[], letters: [] as NewDeadLetter[], journaled: [] as EventBody[] };
  const made: TestRunner = {
    ...test,
    room: 1_000,
    runner: new Runner({
      sink: 'siem',
      transport,
      selection: selectionOf(whole),
      record: recordMaker(whole, { gateway: 'gw_1', version: '1.0.0', key: Buffer.alloc(32) }),
      activities: new Activities({ opened: async () => null, command: async () => null }),
      clock,
      log: silentLog,
      random: () => 1,
      progress,
      save: async (now) => void test.saved.push(now),
      bury: async (letters) => {
        if (made.room === null) throw new Error('the store is down');
        if (test.letters.length + letters.length > made.room) return false;
        test.letters.push(...letters);
        return true;
      },
      journal: (event) => void test.journaled.push(event),
    }),
  };
  return made;
}

/** Lets everything that can go on without time passing go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a transport is handed, with nothing behind it; `change` for what a test needs. */
export function transportParts(change: Partial<TransportParts> = {}): TransportParts {
  const none = async (): Promise<never> => {
    throw new Error('not in this test');
  };
  return {
    sink: 'siem',
    gateway: 'gw_1',
    version: '1.0.0',
    format: 'json',
    secret: async () => 'secret',
    fetch: none,
    connect: none,
    link: (kind, id) => `https://console.test/${kind}s/${id}`,
    now: () => atOf(0),
    allowPrivate: true,
    ...change,
  };
}

/** A record of an event, in the project's own format. */
export function recordOf(event: Event, spec: Partial<SinkSpec> = {}): SinkRecord {
  const make = recordMaker(
    { to: { file: { directory: '/nowhere' } }, ...spec },
    { gateway: 'gw_1', version: '1.0.0', key: Buffer.alloc(32) },
  );
  if (event.type === 'command.intent') {
    return make({ event, opened: null, command: { intent: event, judged: null, verdict: null } });
  }
  const joined = new Activities({ opened: async () => null, command: async () => null }).join(event);
  if (joined instanceof Promise) return make({ event, opened: null, command: null });
  return make(joined);
}
