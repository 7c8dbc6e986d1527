import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { CommandDraft, Effect } from './command.ts';
import * as limits from './limits.ts';
import type { Judge } from './ports.ts';
import type { Protocol } from './protocol.ts';
import type { RecordingMode } from './resource.ts';
import { type Command, Session, type SessionEnding } from './session.ts';
import {
  allowAll,
  FakeJournal,
  FakeRecording,
  FakeWire,
  judgeBy,
  noReviews,
  testDraft,
  testPrincipal,
  testResource,
} from './testing/fakes.ts';
import type { VerdictName } from './verdict.ts';

const protocol = { name: 'echo', housekeeping: ['Sync'] } as unknown as Protocol;

function draft(text: string, effect: Effect = 'unknown'): CommandDraft {
  return testDraft(text, { effect });
}

async function open(options: { recording?: RecordingMode; judge?: Judge; automatic?: boolean } = {}) {
  const journal = new FakeJournal(options.automatic ?? false);
  const recording = new FakeRecording();
  const client = new FakeWire();
  const upstreamWire = new FakeWire();
  const clock = new FakeClock();
  let sealed = 0;
  const session = new Session({
    id: 'ses_1',
    source: '127.0.0.1',
    connection: 'con_1',
    hops: [],
    principal: testPrincipal,
    resource: testResource({ recording: options.recording ?? 'strict' }),
    protocol,
    clock,
    log: silentLog,
    journal,
    recording,
    judge: options.judge ?? allowAll,
    reviews: noReviews,
    clientFacts: {},
    access: 'engineers',
    credentials: { reveal: async () => ({ username: 'app', password: 'secret', privateKey: null, authority: null }) },
    dialler: { dial: async () => upstreamWire },
    client,
    onSealed: () => sealed++,
  });
  const upstream = await session.dial();
  upstream.handle({ read() {}, end() {}, drain() {}, close() {} });
  session.establish();
  return { session, journal, recording, client, upstream, upstreamWire, clock, sealed: () => sealed };
}

const judging = (verdicts: Record<string, VerdictName>): Judge =>
  judgeBy(({ text }) => ({ name: verdicts[text] ?? 'allow', rule: `rule-${text}`, reason: `no ${text}` }));

describe('a command in strict', () => {
  it('is released only after its intent is durable (I1)', async () => {
    const { session, journal } = await open();
    let released: Command | null = null;
    const command = session.submit(draft('drop'), (decided) => {
      released = decided;
    });
    expect(released).toBeNull();
    expect(() => session.forward(Buffer.from('drop'), command)).toThrow(/core.illegal-forward/);
    journal.sync();
    expect(released).toBe(command);
    expect(command.state).toBe('released');
    expect(session.forward(Buffer.from('drop'), command)).toBe(true);
  });

  it('that is proved to read is released at once, and its output waits for the intent', async () => {
    const { session, journal, client, upstreamWire } = await open();
    const command = session.submit(draft('select', 'read'), () => {});
    expect(command.state).toBe('released');
    session.forward(Buffer.from('select'), command);
    expect(upstreamWire.text()).toBe('select');
    session.deliver(Buffer.from('row'));
    expect(client.text()).toBe('');
    journal.sync();
    expect(client.text()).toBe('row');
  });

  it('keeps the order of submission: a read behind a write waits with it', async () => {
    const { session, journal } = await open();
    const order: string[] = [];
    const note = (command: Command): void => void order.push(command.draft.text);
    session.submit(draft('write'), note);
    session.submit(draft('read', 'read'), note);
    expect(order).toEqual([]);
    journal.sync();
    expect(order).toEqual(['write', 'read']);
  });

  it('whose output exceeds what may be held pauses the upstream, exactly at the limit', async () => {
    const { session } = await open();
    const command = session.submit(draft('select', 'read'), () => {});
    session.forward(Buffer.from('select'), command);
    expect(session.deliver(Buffer.alloc(limits.heldOutputBytesMax - 1))).toBe(true);
    expect(session.deliver(Buffer.alloc(1))).toBe(false);
  });
});

describe('a command in best-effort', () => {
  it('is released at once', async () => {
    const { session } = await open({ recording: 'best-effort' });
    expect(session.submit(draft('drop'), () => {}).state).toBe('released');
  });
});

describe('a refused command', () => {
  it('is never forwarded, has its verdict journaled and ends as refused', async () => {
    const { session, journal, upstreamWire } = await open({ judge: judging({ bad: 'block' }), automatic: true });
    const states: string[] = [];
    const command = session.submit(draft('bad'), ({ state }) => states.push(state));
    expect(states).toEqual(['refused']);
    expect(() => session.forward(Buffer.from('bad'), command)).toThrow(/core.illegal-forward/);
    expect(upstreamWire.text()).toBe('');
    expect(journal.types()).toEqual(['command.intent', 'command.verdict', 'command.ended']);
  });

  it('that is held has nobody to ask and is blocked', async () => {
    const { session } = await open({ judge: judging({ big: 'hold' }), automatic: true });
    const command = session.submit(draft('big'), () => {});
    expect(command.state).toBe('refused');
    expect(command.verdict?.name).toBe('block');
  });

  it('with terminate ends the session', async () => {
    const { session, journal } = await open({ judge: judging({ evil: 'terminate' }), automatic: true });
    session.submit(draft('evil'), () => {});
    expect(session.ended).toBe(true);
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(journal.events.at(-1)).toMatchObject({ type: 'session.ended', reason: 'verdict' });
  });
});

describe('failure (I2)', () => {
  it('of the journal at submission ends the session and forwards nothing', async () => {
    const { session, journal, upstreamWire } = await open();
    let ending: SessionEnding | null = null;
    session.onEnding = (why) => {
      ending = why;
    };
    journal.fail();
    expect(() => session.submit(draft('x'), () => {})).toThrow(/core.journal-unavailable/);
    expect(ending).toMatchObject({ reason: 'recording-failed' });
    expect(upstreamWire.text()).toBe('');
  });

  it('of the journal between intent and durability never decides the command', async () => {
    const { session, journal } = await open();
    let decided = 0;
    session.submit(draft('x'), () => decided++);
    journal.fail();
    expect(decided).toBe(0);
    expect(session.ended).toBe(true);
  });

  it('of the recording ends the session', async () => {
    const { session, recording } = await open({ automatic: true });
    recording.failing = true;
    expect(() => session.observe({ type: 'columns', command: 1, columns: [] })).toThrow();
    expect(session.ended).toBe(true);
  });

  it('of the judge ends the session', async () => {
    const judge: Judge = {
      judge: () => {
        throw new Error('broken rule');
      },
    };
    const { session } = await open({ judge, automatic: true });
    expect(() => session.submit(draft('x'), () => {})).toThrow();
    expect(session.ended).toBe(true);
  });
});

describe('the upstream', () => {
  it('takes no handshake bytes once the session is established (I3)', async () => {
    const { upstream } = await open();
    expect(() => upstream.handshake(Buffer.from('x'))).toThrow(/base.assertion/);
  });

  it('takes housekeeping only by the names on the protocol’s list (I3)', async () => {
    const { session, upstreamWire } = await open();
    session.forwardHousekeeping(Buffer.from('S'), 'Sync');
    expect(upstreamWire.text()).toBe('S');
    expect(() => session.forwardHousekeeping(Buffer.from('Q'), 'Query')).toThrow(/core.illegal-forward/);
  });
});

describe('the end', () => {
  it('ends each pending command once, seals the recording, and then the session', async () => {
    const { session, journal, recording, sealed } = await open();
    session.submit(draft('a'), () => {});
    session.submit(draft('b'), () => {});
    session.finish({ reason: 'client-closed', message: '', code: null, by: null });
    session.finish({ reason: 'failed', message: '', code: null, by: null });
    await new Promise((resolve) => setImmediate(resolve));
    expect(recording.closed).toBe(true);
    expect(sealed()).toBe(1);
    const ended = journal.events.filter(({ type }) => type === 'command.ended');
    expect(ended).toMatchObject([{ outcome: 'unfinished' }, { outcome: 'unfinished' }]);
    expect(journal.events.at(-1)).toMatchObject({ type: 'session.ended', reason: 'client-closed', commands: 2 });
  });

  it('does not wait for a protocol that does not say goodbye (I11)', async () => {
    const { session, clock, client, upstreamWire } = await open({ automatic: true });
    session.onEnding = () => {};
    session.end({ reason: 'killed', message: 'killed', code: null, by: 'admin' });
    expect(upstreamWire.closed).toBe(false);
    clock.advance(limits.goodbyeDeadlineMs);
    expect(upstreamWire.closed).toBe(true);
    clock.advance(limits.goodbyeDeadlineMs);
    expect(client.closed).toBe(true);
  });

  it('bounds the commands that wait, exactly at the limit', async () => {
    const { session } = await open();
    for (let count = 0; count < limits.pendingCommandsMax; count++) session.submit(draft('x'), () => {});
    expect(() => session.submit(draft('x'), () => {})).toThrow(/core.too-many-pending/);
  });
});

describe('an intent', () => {
  it('says so where passwords were taken out of its text', async () => {
    const { session, journal } = await open({ automatic: true });
    session.submit(
      { ...draft("ALTER ROLE x PASSWORD 'y'"), recordedText: "ALTER ROLE x PASSWORD '(secret)'" },
      () => {},
    );
    session.submit(draft('SELECT 1'), () => {});
    const intents = journal.events.filter(({ type }) => type === 'command.intent');
    expect(intents[0]).toMatchObject({ redacted: true });
    expect(intents[1]).not.toHaveProperty('redacted');
  });
});

describe('a connection beside the session', () => {
  it('carries a request of the limit, and not one byte more: no command fits through it (I3)', async () => {
    const { session } = await open();
    const aside = await session.dialAside();
    aside.handshake(Buffer.alloc(limits.asideBytesMax));
    expect(() => aside.handshake(Buffer.alloc(1))).toThrow(/base.assertion/);
    const other = await session.dialAside();
    expect(() => other.handshake(Buffer.alloc(limits.asideBytesMax + 1))).toThrow(/base.assertion/);
  });
});
