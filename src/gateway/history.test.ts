/**
 * The index of what happened, from a real journal and real recordings into a real store: what becomes of events, restarts in their
 * midst, dropping and building anew.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { Actor, Event, EventBody } from '../core/event.ts';
import type { SearchHit, SearchNode } from '../core/search.ts';
import { cleanUp, open, temporary, testKeys } from '../recording/fixtures/kit.ts';
import {
  DurableMark,
  openRecordings,
  type RecordingJournal,
  readEvents,
  type SessionRecordings,
} from '../recording/index.ts';
import { openStore, type Store, type StoreShare } from '../store/index.ts';
import { type History, openHistory } from './history.ts';

const folder = mkdtempSync(join(tmpdir(), 'sp-history-'));
let store: Store;
let journal: RecordingJournal;
let recordings: SessionRecordings;
let history: History;
let gauges: Map<string, () => number | ReadonlyMap<string, number>>;
let gateway: string;
let serial = 0;

beforeAll(async () => {
  store = await openStore({ directory: folder });
}, 120_000);
afterAll(async () => {
  await store?.close();
  cleanUp();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

beforeEach(async () => {
  gateway = `gw-${++serial}`;
  journal = await open(temporary());
  recordings = openRecordings({ journal, keys: testKeys });
  await follow();
});
afterEach(async () => {
  await history.close();
  await recordings.close();
  await journal.close();
});

async function follow(over: Pick<Store, 'share' | 'history'> = store): Promise<void> {
  gauges = new Map();
  history = await openHistory({
    gateway,
    store: over,
    journal,
    recordings,
    metrics: { gauge: (name, _help, read) => void gauges.set(name, read) },
    clock: systemClock,
    log: silentLog,
  });
}

const ana: Actor = {
  id: 'prn_ana',
  issuer: 'local',
  name: 'ana',
  kind: 'person',
  groups: ['engineering'],
  credentialId: 'tok_1',
  actors: [{ name: 'claude' }] as unknown as NonNullable<Actor['actors']>,
};
const carol: Actor = { ...ana, id: 'prn_carol', name: 'carol', groups: ['dba'] };

function opened(session: string, protocol = 'postgres'): EventBody {
  return {
    type: 'session.opened',
    session,
    connection: 'con_1',
    source: '192.0.2.7',
    principal: ana,
    resource: 'orders',
    labels: { env: 'prod' },
    protocol,
    recording: 'strict',
    access: 'engineers',
    client: { application_name: 'psql' },
  };
}

function intent(session: string, command: number, text: string): EventBody {
  return {
    type: 'command.intent',
    session,
    command,
    kind: 'sql',
    verb: 'select',
    text,
    textBytes: Buffer.byteLength(text),
    parameters: [{ type: 'int4', value: '4711', bytes: 4 }],
    effect: 'read',
    of: null,
    facts: {
      fingerprint: '0123456789abcdef',
      effects: ['read'],
      touches: [['table', 'read', 'public.customers']],
      complete: true,
    },
  };
}

const verdict = (session: string, command: number, name: 'allow' | 'hold', rule: string): EventBody => ({
  type: 'command.verdict',
  session,
  command,
  verdict: { name, rule, reason: 'because' },
});

const commandEnded = (session: string, command: number): EventBody => ({
  type: 'command.ended',
  session,
  command,
  outcome: 'completed',
  tag: 'SELECT 3',
  error: null,
  rows: 3,
  bytes: 99,
  durationMs: 12,
  masked: { ssn: 2, mail: 1 },
});

const ended = (session: string): EventBody => ({
  type: 'session.ended',
  session,
  reason: 'client-closed',
  code: null,
  by: null,
  commands: 1,
  bytesIn: 5,
  bytesOut: 7,
  durationMs: 70,
});

async function append(...events: readonly EventBody[]): Promise<number> {
  let last = 0;
  for (const event of events) last = journal.append(event);
  await journal.flush();
  return last;
}

async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await isDone())) {
    if (Date.now() > deadline) throw new Error('waited too long');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Everything that is durable is in the index. */
const caughtUp = (): Promise<void> => until(async () => (await history.port.status()).lag === 0);

async function all(where: SearchNode | null = null): Promise<readonly SearchHit[]> {
  await caughtUp();
  const own: SearchNode = { node: 'text', field: 'gateway', glob: gateway };
  const found: SearchHit[] = [];
  for (let after: string | null = null, turn = 0; turn === 0 || after !== null; turn++) {
    const query = {
      where: where === null ? own : ({ node: 'all', of: [own, where] } as const),
      fromMs: 0,
      toMs: 4e12,
      sort: 'oldest',
    } as const;
    const page: { hits: readonly SearchHit[]; next: string | null } = await history.port.search(query, 'all', {
      limit: 500,
      after,
    });
    found.push(...page.hits);
    after = page.next;
  }
  return found;
}

const verdictIs = (glob: string): SearchNode => ({ node: 'text', field: 'verdict', glob });

describe('what becomes of events', () => {
  it('a held command is found while it waits, and after', async () => {
    await append(opened('ses_a'), intent('ses_a', 1, 'select ssn'), verdict('ses_a', 1, 'hold', 'ask-first'));
    const [waiting] = await all(verdictIs('held'));
    expect(waiting).toMatchObject({ verdict: 'hold', judged: 'hold', rule: 'ask-first', outcome: null, live: true });
    await append(verdict('ses_a', 1, 'allow', 'review'), commandEnded('ses_a', 1));
    const [after, ...others] = await all(verdictIs('held'));
    expect(others).toEqual([]);
    expect(after).toMatchObject({
      id: waiting!.id,
      verdict: 'allow',
      judged: 'hold',
      rule: 'ask-first',
      outcome: 'completed',
      live: false,
      principal: { id: 'prn_ana', name: 'ana', kind: 'person' },
      agents: ['claude'],
      resource: 'orders',
      protocol: 'postgres',
      source: '192.0.2.7',
      text: 'select ssn\n-- $1: 4711',
      touches: [['table', 'read', 'public.customers']],
      rows: 3,
      bytes: 99,
      durationMs: 12,
      masked: 3,
    });
    expect(await all(verdictIs('allowed'))).toHaveLength(1);
  });

  it('what ran without a rule having its say was allowed', async () => {
    await append(opened('ses_a'), intent('ses_a', 1, 'select 1'));
    expect(await all(verdictIs('allowed'))).toEqual([]);
    await append(commandEnded('ses_a', 1));
    expect(await all(verdictIs('allowed'))).toHaveLength(1);
  });

  it('a session grows under its opening, and ends what was under way in it', async () => {
    await append(opened('ses_a'), intent('ses_a', 1, 'select pg_sleep(1)'));
    expect(await all({ node: 'live' })).toHaveLength(2);
    await append(ended('ses_a'));
    const found = await all();
    expect(found.map(({ type, live, outcome }) => [type, live, outcome])).toEqual([
      ['session', false, 'client-closed'],
      ['command', false, null],
    ]);
  });

  it('everything else has an entry of its own, under the one it is of', async () => {
    const review = 'rev_1';
    await append(
      { type: 'gateway.started', version: '1' },
      { type: 'identity.refused', connection: 'c', source: '192.0.2.9', login: 'root', code: 'identity.denied' },
      { type: 'identity.signed-on', principal: ana, source: '192.0.2.7', method: 'password', factors: ['otp'] },
      {
        type: 'session.refused',
        connection: 'c',
        source: 's',
        principal: ana,
        resource: 'vault',
        code: 'x',
        rule: 'none',
      },
      opened('ses_a'),
      intent('ses_a', 1, 'drop table x'),
      {
        type: 'review.requested',
        review,
        kind: 'command',
        session: 'ses_a',
        command: 1,
        principal: ana,
        resource: 'orders',
        rule: 'ask-first',
        digest: 'd',
        approvals: 1,
        expiresAtMs: 1,
        reason: 'ticket 9',
      },
      {
        type: 'review.decided',
        review,
        decision: 'approve',
        principal: carol,
        reason: 'fine',
        state: 'approved',
        how: 'api',
      },
      { type: 'review.ended', review, outcome: 'executed', reason: null },
      {
        type: 'configuration.changed',
        principal: carol,
        action: 'updated',
        kind: 'Guardrail',
        name: 'no-drop',
        changes: ['spec.verdict: hold → block'],
      },
      { type: 'recording.read', session: 'ses_a', principal: carol, how: 'console' },
      {
        type: 'alert.raised',
        rule: 'bulk',
        reason: 'too much',
        session: 'ses_a',
        command: 1,
        principal: ana,
        resource: 'orders',
      },
      {
        type: 'violation',
        connection: 'c',
        session: 'ses_a',
        source: 's',
        side: 'client',
        code: 'pg.bad',
        detail: 'odd',
      },
      { type: 'search.run', principal: carol, query: 'who:ana', hits: 4, export: 'csv' },
      { type: 'session.kill', session: 'ses_a', principal: carol, reason: 'enough' },
      { type: 'output.limited', session: 'ses_a', command: 1, rule: 'rows', verdict: 'terminate' },
    );
    const short = (await all()).map(({ type, principal, resource, verb, rule, text, review: of, session }) =>
      [type, principal?.name ?? '-', resource ?? '-', verb, rule ?? '-', text, of ?? '-', session ?? '-'].join('|'),
    );
    expect(short).toEqual([
      'system|-|-|gateway.started|-|version=1|-|-',
      'refusal|-|-|identity|-|root|-|-',
      'sign-on|ana|-|password|-|password otp|-|-',
      'refusal|ana|vault|session|none||-|-',
      'session|ana|orders|opened|engineers|application_name=psql|-|ses_a',
      'command|ana|orders|select|-|drop table x\n-- $1: 4711|-|ses_a',
      'review|ana|orders|requested|ask-first|ticket 9|rev_1|ses_a',
      'review|carol|orders|approve|ask-first|fine|rev_1|ses_a',
      'review|-|orders|ended|ask-first||rev_1|ses_a',
      'change|carol|-|updated|no-drop|Guardrail/no-drop updated\nspec.verdict: hold → block|-|-',
      'reading|carol|orders|console|-||-|ses_a',
      'alert|ana|orders|raised|bulk|too much|-|ses_a',
      'violation|ana|orders|client|-|odd|-|ses_a',
      'reading|carol|-|export|-|who:ana|-|-',
      'change|carol|orders|kill|-|enough|-|ses_a',
      'refusal|ana|orders|output|rows||-|ses_a',
    ]);
  });

  it('keeps what hostile clients say, to the letter (A-REC-02)', async () => {
    const hostile = `\u001b]0;x\u0007'; drop table history.entries; --\u0000\ud800 {"a":[1]} =cmd|' /C calc'!A1`;
    await append(
      { ...opened('ses_a'), client: { application_name: hostile } } as EventBody,
      intent('ses_a', 1, hostile),
      { type: 'identity.refused', connection: 'c', source: hostile, login: hostile, code: 'x' },
    );
    const fits = hostile.toWellFormed().replaceAll('\0', '\ufffd');
    const found = await all({ node: 'part', text: fits });
    expect(found.map(({ type, text }) => [type, text])).toEqual([
      ['session', `application_name=${fits}`],
      ['command', `${fits}\n-- $1: 4711`],
      ['refusal', fits],
    ]);
    expect(await all({ node: 'text', field: 'source', glob: fits })).toHaveLength(1);
  });

  it('what stood on a terminal is found, by its words and to the moment', async () => {
    const startedAtMs = Date.now();
    await append(opened('ses_t', 'ssh'));
    const recording = recordings.open('ses_t', startedAtMs);
    recording.append({ type: 'terminal', command: 1, columns: 40, rows: 5, term: 'xterm' });
    const screen = (text: string): void =>
      void recording.append({ type: 'screen', command: 1, direction: 'out', data: Buffer.from(text) });
    screen('$ cat secret.txt\r\n');
    screen('\u001b[31mthe \u001b[1mpass');
    screen('phrase\u001b[0m is swordfish\r\n$ ls\r\n');
    for (let line = 0; line < 30; line++) screen(`file-${line}.txt\r\n`);
    screen('\u001b[?1049h\u001b[2J\u001b[HEDITOR line one');
    screen('\u001b[?1049l$ ');
    await recording.close();
    await append(ended('ses_t'));
    const type: SearchNode = { node: 'text', field: 'type', glob: 'screen' };
    await until(async () => (await all(type)).length > 0);
    const screens = await all(type);
    const whole = screens.map(({ text }) => text).join('');
    expect(whole).toContain('the passphrase is swordfish\n');
    expect(whole).toContain('file-0.txt\n');
    expect(whole).toContain('file-29.txt\n');
    expect(whole).toContain('EDITOR line one');
    expect(whole).not.toContain('\u001b');
    const [hit] = await all({ node: 'words', text: 'passphrase swordfish' });
    expect(hit).toMatchObject({ type: 'screen', session: 'ses_t', command: 1, principal: { name: 'ana' } });
    expect(hit!.atMs).toBeGreaterThanOrEqual(startedAtMs);
    expect(hit!.id).toMatch(new RegExp(`^${gateway}:\\d+\\.\\d+$`));
  });
});

/** Some days of work, as a journal has it: sessions side by side, reviews, what ends without an end. */
async function work(seed: number, count: number): Promise<void> {
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const live = new Map<string, number>();
  for (let step = 0; step < count; step++) {
    const names = [...live.keys()];
    const session = names[next(Math.max(1, names.length))];
    const what = next(10);
    if (session === undefined || what === 0) {
      const name = `ses_${seed}_${step}`;
      live.set(name, 0);
      journal.append(opened(name));
    } else if (what === 1) {
      journal.append(ended(session));
      live.delete(session);
    } else if (what === 2) {
      journal.append({ type: 'identity.refused', connection: 'c', source: 's', login: `login-${next(5)}`, code: 'x' });
    } else {
      const command = (live.get(session) ?? 0) + 1;
      live.set(session, command);
      journal.append(intent(session, command, `select ${next(50)} from t${next(7)}`));
      if (what === 3) {
        const review = `rev_${seed}_${step}`;
        journal.append(verdict(session, command, 'hold', 'ask-first'));
        journal.append({
          type: 'review.requested',
          review,
          kind: 'command',
          session,
          command,
          principal: ana,
          resource: 'orders',
          rule: 'ask-first',
          digest: 'd',
          approvals: 1,
          expiresAtMs: 1,
          reason: null,
        });
        journal.append({
          type: 'review.decided',
          review,
          decision: 'approve',
          principal: carol,
          reason: '',
          state: 'approved',
          how: 'api',
        });
        journal.append(verdict(session, command, 'allow', 'review'));
      }
      if (what !== 4) journal.append(commandEnded(session, command));
    }
  }
  await journal.flush();
}

/** Events read from the journal, independently of the index: what must be there. */
async function countOf(type: Event['type']): Promise<number> {
  let count = 0;
  for await (const event of readEvents(journal.dir, { to: journal.durableSequence })) if (event.type === type) count++;
  return count;
}

describe('the journal is the truth', () => {
  it('dropped and built anew, it is equal to the one before, row by row', async () => {
    const seed = 20261121;
    await work(seed, 700);
    const before = await all();
    expect(before.filter(({ type }) => type === 'command')).toHaveLength(await countOf('command.intent'));
    expect(before.filter(({ type }) => type === 'session')).toHaveLength(await countOf('session.opened'));
    await history.port.rebuild();
    const after = await all();
    expect(after).toEqual(before);
    expect((await history.port.status()).rebuilding).toBeNull();
    await append(opened('ses_after'));
    expect(await all()).toHaveLength(before.length + 1);
  });

  it('is the same wherever it was interrupted: between intent, verdicts and end, and twice the same batch', async () => {
    const seed = 4;
    await history.close();
    // One gateway in one go, another stopped and begun again after every few events.
    await work(seed, 150);
    await follow();
    const whole = await all();
    await history.close();
    const durable = journal.durableSequence;
    gateway = `${gateway}-pieces`;
    for (let upTo = 7; ; upTo = Math.min(durable, upTo + 37)) {
      const mark = new DurableMark();
      mark.set(upTo);
      const own = await openHistory({
        gateway,
        store,
        // As if the journal ended there.
        journal: {
          dir: journal.dir,
          durable: mark,
          durableSequence: upTo,
          failure: null,
          flush: () => journal.flush(),
        },
        recordings,
        metrics: { gauge: () => {} },
        clock: systemClock,
        log: silentLog,
      });
      await until(async () => (await own.port.status()).lag === 0);
      await own.close();
      if (upTo === durable) break;
    }
    await follow();
    const pieces = await all();
    const nameless = (hits: readonly SearchHit[]) => hits.map(({ id: _id, gateway: _gateway, ...rest }) => rest);
    expect(nameless(pieces)).toEqual(nameless(whole));
  }, 240_000);

  it('is built anew where it is ahead of its journal', async () => {
    await append(opened('ses_a'));
    await caughtUp();
    await history.close();
    await store.history.write({ gateway, upToSequence: 1_000_000, atMs: 1, entries: [], ended: [] });
    await follow();
    expect((await all()).map(({ type }) => type)).toEqual(['session']);
    expect(await store.history.cursor(gateway)).toBeLessThan(1_000_000);
  });

  it('a store that is down delays it and loses nothing; what it is behind is shown', async () => {
    await history.close();
    const gate = gated();
    gate.isDown = true;
    await follow({ history: store.history, share: gate.share });
    await append(opened('ses_a'), intent('ses_a', 1, 'select 1'), commandEnded('ses_a', 1));
    await until(async () => !(await history.port.status()).working);
    expect((await history.port.status()).lag).toBe(3);
    expect(gauges.get('sallyport_history_lag_events')?.()).toBe(3);
    await until(() => Number(gauges.get('sallyport_history_lag_seconds')?.()) > 0);
    gate.isDown = false;
    expect((await all()).map(({ type }) => type)).toEqual(['session', 'command']);
    expect(await history.port.status()).toMatchObject({ working: true, lag: 0 });
  });
});

/** The store as another thread has it, with a gate in between: while it is down, batches are refused. */
function gated(): { isDown: boolean; refused: number; readonly share: () => StoreShare } {
  const gate = {
    isDown: false,
    refused: 0,
    share: (): StoreShare => {
      const share = store.share();
      if (share.engine !== 'embedded') throw new Error('the embedded store is meant');
      const { port1, port2 } = new MessageChannel();
      port1.on('message', (message: { readonly id: number; readonly sql: string }) => {
        if (!gate.isDown || !message.sql.includes('history.put')) return share.port.postMessage(message);
        gate.refused++;
        const error = { severity: 'FATAL', code: '57P01', constraint: undefined, table: undefined };
        port1.postMessage({ type: 'refused', id: message.id, error });
      });
      share.port.on('message', (message: unknown) => port1.postMessage(message));
      port1.on('close', () => share.port.close());
      share.port.on('close', () => port1.close());
      return { engine: 'embedded', port: port2 };
    },
  };
  return gate;
}

describe('the thread', () => {
  it('is begun again after it crashed, wherever it was, and nothing is lost or twice', async () => {
    for (let seed = 1; seed <= 3; seed++) {
      await work(seed, 120);
      await history.crash();
      await work(seed + 10, 40);
    }
    const found = await all();
    expect(found.filter(({ type }) => type === 'command')).toHaveLength(await countOf('command.intent'));
    expect(found.filter(({ type }) => type === 'session')).toHaveLength(await countOf('session.opened'));
    expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
    const { entries } = (await store.history.standings()).find((one) => one.gateway === gateway)!;
    expect(entries).toBe(found.length);
    await history.port.rebuild();
    expect(await all()).toEqual(found);
  }, 120_000);

  it('ends while it is behind, and goes on from there', async () => {
    await history.close();
    const gate = gated();
    gate.isDown = true;
    await follow({ history: store.history, share: gate.share });
    await work(7, 300);
    await until(() => gate.refused > 0);
    await history.close();
    expect(await store.history.cursor(gateway)).toBe(0);
    await follow();
    expect((await all()).filter(({ type }) => type === 'command')).toHaveLength(await countOf('command.intent'));
  }, 120_000);

  it('is begun again where its way to the store is cut', async () => {
    await history.close();
    const shares: StoreShare[] = [];
    await follow({
      history: store.history,
      share: () => {
        const share = gated().share();
        shares.push(share);
        return share;
      },
    });
    expect(shares).toHaveLength(1);
    await history.crash();
    await append(opened('ses_a'));
    expect((await all()).map(({ type }) => type)).toEqual(['session']);
    expect(shares).toHaveLength(2);
  });
});
