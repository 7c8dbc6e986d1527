/** What people are shown in chats and on pagers. The services themselves cannot be had here: receivers stand in for them. */
import { expect, test } from 'vitest';
import type { Event } from '../../core/event.ts';
import type { SinkSpec } from '../../core/sink.ts';
import { noticeOf } from './formats/notice.ts';
import { createPagerduty } from './pagerduty.ts';
import { createSlack, slackNotice } from './slack.ts';
import { createTeams, teamsNotice } from './teams.ts';
import { recordOf, transportParts } from './testing.ts';
import type { Transport, TransportParts } from './transport.ts';

type EventOf<Type extends Event['type']> = Extract<Event, { readonly type: Type }>;

const ana = { id: 'p-1', issuer: 'local', name: 'ana', kind: 'person', groups: [], credentialId: null } as const;
const at = 1_790_000_000_000;
const signal = AbortSignal.timeout(60_000);

function alert(change: Partial<EventOf<'alert.raised'>> = {}): Event {
  return {
    ...{
      seq: 5,
      at,
      type: 'alert.raised',
      rule: 'volume',
      session: 's-1',
      command: 2,
      principal: ana,
      resource: 'orders',
    },
    reason: 'ana read 50,000 rows of orders; usual are 120.',
    alert: { id: 'al-1', detection: 'volume', severity: 'critical', evidence: [2], facts: { rows: 50_000 } },
    ...change,
  } as Event;
}

function changed(action: EventOf<'alert.changed'>['action'], seq = 6): Event {
  return { seq, at, type: 'alert.changed', alert: 'al-1', principal: ana, action, to: null, text: 'looked at it' };
}

/** A receiver that answers by what it is sent. */
function receiver(answer: (body: string) => { readonly status: number; readonly body?: string }): {
  readonly parts: TransportParts;
  readonly sent: { readonly url: string; readonly body: Record<string, unknown> }[];
} {
  const sent: { url: string; body: Record<string, unknown> }[] = [];
  const parts = transportParts({
    secret: async () => 'https://hooks.example/T1/SECRET\n',
    fetch: async (url, { body }) => {
      const { status, body: text = '' } = answer(String(body));
      if (status < 300) sent.push({ url, body: JSON.parse(String(body)) as Record<string, unknown> });
      return { status, body: text };
    },
  });
  return { parts, sent };
}

const slack = (parts: TransportParts): Transport => createSlack({ url: { store: 's' } }, parts);
const teams = (parts: TransportParts): Transport => createTeams({ url: { store: 't' } }, parts);
const pagerduty = (parts: TransportParts): Transport => createPagerduty({ routingKey: { store: 'p' } }, parts);

/** Every text that a client might interpret: of any element that is not plain. */
function marked(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(marked);
  if (typeof value !== 'object' || value === null) return [];
  const { type, text } = value as { type?: string; text?: unknown };
  const own = type === 'mrkdwn' || type === 'TextBlock' || type === 'FactSet' ? [String(text)] : [];
  return [...own, ...Object.values(value).flatMap(marked)];
}

test('an alert says who, where, how much and how bad, and leads to the console', () => {
  const notice = noticeOf(recordOf(alert()), transportParts());
  expect(notice).toMatchObject({
    key: 'al-1',
    stage: 'open',
    severity: 'critical',
    link: 'https://console.test/alerts/al-1',
  });
  expect(notice.title).toBe('ana read 50,000 rows of orders; usual are 120.');
  const facts = Object.fromEntries(notice.facts);
  expect(facts).toMatchObject({
    Detection: 'volume',
    Figures: 'rows 50000',
    Who: 'ana',
    Where: 'orders',
    Session: 's-1',
  });
});

test('A-REV-02, A-REC-02: nothing that an event says becomes mark-up, a mention, a link or another line', () => {
  const reason = '<!channel> <https://evil|here> [x](https://evil) **b**\n\u202eright\u0007';
  const notices = [noticeOf(recordOf(alert({ reason, resource: '<@U1>' })), transportParts())];
  const inSlack = slackNotice(notices) as { text: string };
  expect(inSlack.text).not.toMatch(/[<>]/);
  expect(marked(inSlack)).toEqual([]);
  expect(marked(teamsNotice(notices))).toEqual([]);
  expect(notices[0]!.title).not.toMatch(/[\u0000-\u001f\u202e]/);
});

test('no text of a command is in a notice, whatever event it is of', () => {
  const text = "select * from cards where number = '4111'";
  const intent: Event = {
    ...{ seq: 9, at, type: 'command.intent', session: 's-1', command: 1, kind: 'sql', verb: 'select', effect: 'read' },
    ...{ text, textBytes: text.length, parameters: null, of: null },
  } as Event;
  const notice = noticeOf(recordOf(intent), transportParts());
  expect(JSON.stringify(notice)).not.toContain('4111');
  expect(notice.title).not.toBe('');
});

test('what the sink hides is in no notice', () => {
  const spec: Partial<SinkSpec> = {
    to: { slack: { url: { store: 's' } } },
    fields: { omit: ['details.reason'], redact: ['principal.name'], hash: ['resource.name'] },
  };
  const text = JSON.stringify(slackNotice([noticeOf(recordOf(alert(), spec), transportParts())]));
  for (const hidden of ['ana', 'orders', '50,000']) expect(text).not.toContain(hidden);
  expect(text).toContain('[redacted]');
});

test('whatever a sink hides, a notice comes of it', () => {
  const hiding: Partial<SinkSpec> = { fields: { omit: ['*'] } };
  const session: Event = { seq: 3, at, type: 'session.kill', session: 's-1', principal: ana, reason: 'because' };
  for (const event of [alert(), changed('assign'), session]) {
    for (const fields of [hiding.fields!, { redact: ['*'] }, { omit: ['*.name', 'details.*'] }]) {
      const notice = noticeOf(recordOf(event, { fields }), transportParts());
      expect(notice.title).not.toMatch(/undefined|null|object/);
      expect(JSON.stringify(slackNotice([notice]))).not.toContain('ana');
    }
  }
});

test('long texts stay within what the services take', () => {
  const long = noticeOf(recordOf(alert({ reason: 'x'.repeat(5_000), resource: 'y'.repeat(5_000) })), transportParts());
  const { blocks } = slackNotice(Array.from({ length: 8 }, () => long)) as {
    blocks: { type: string; text?: { text: string }; fields?: { text: string }[] }[];
  };
  expect(blocks.length).toBeLessThanOrEqual(50);
  expect(blocks.every(({ text }) => text === undefined || text.text.length <= 150)).toBe(true);
  expect(blocks.flatMap(({ fields = [] }) => fields).every(({ text }) => text.length <= 2_000)).toBe(true);
});

test('a burst is one message; a message that is refused is halved until the bad one stands alone', async () => {
  const { parts, sent } = receiver((body) => ({ status: body.includes('bad') ? 400 : 200 }));
  const batch = [alert(), alert({ reason: 'bad' }), alert({ reason: 'third' })].map((event) => recordOf(event));
  expect(await slack(parts).send([batch[0]!, batch[2]!], signal)).toEqual({ outcome: 'taken' });
  expect(sent).toHaveLength(1);
  expect(sent[0]!.url).toBe('https://hooks.example/T1/SECRET');
  expect(await slack(parts).send(batch, signal)).toMatchObject({ outcome: 'refused', refused: [{ at: 1 }] });
});

test('what may work later rejects, and tells no URL', async () => {
  for (const [make, status] of [
    [slack, 429],
    [slack, 404],
    [teams, 500],
    [pagerduty, 429],
  ] as const) {
    const { parts } = receiver(() => ({ status }));
    const error: unknown = await make(parts)
      .send([recordOf(alert())], signal)
      .catch((problem: unknown) => problem);
    expect(error).toMatchObject({ code: 'audit.sink-failed' });
    expect(String(error)).toContain(String(status));
    expect(String(error)).not.toContain('SECRET');
  }
});

test('Teams: 202 is taken; 200 that tells of a failure is not', async () => {
  const flow = receiver(() => ({ status: 202 }));
  expect(await teams(flow.parts).send([recordOf(alert())], signal)).toEqual({ outcome: 'taken' });
  const before = receiver(() => ({ status: 200, body: '1' }));
  expect(await teams(before.parts).send([recordOf(alert())], signal)).toEqual({ outcome: 'taken' });
  const lost = receiver(() => ({
    status: 200,
    body: 'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429',
  }));
  await expect(teams(lost.parts).send([recordOf(alert())], signal)).rejects.toThrow('did not deliver');
});

test('PagerDuty: an incident is opened, acknowledged and resolved under the alert’s id', async () => {
  const { parts, sent } = receiver(() => ({ status: 202 }));
  const batch = [alert(), changed('comment'), changed('acknowledge'), changed('assign'), changed('resolve')];
  expect(
    await pagerduty(parts).send(
      batch.map((event) => recordOf(event)),
      signal,
    ),
  ).toEqual({ outcome: 'taken' });
  expect(sent.map(({ body }) => [body['event_action'], body['dedup_key']])).toEqual([
    ['trigger', 'al-1'],
    ['acknowledge', 'al-1'],
    ['resolve', 'al-1'],
  ]);
  expect(sent[0]!.url).toBe('https://events.pagerduty.com/v2/enqueue');
  expect(sent[0]!.body).toMatchObject({
    routing_key: 'https://hooks.example/T1/SECRET',
    payload: { severity: 'critical', source: 'gw_1', component: 'orders' },
  });
  const bad = receiver(() => ({ status: 400 }));
  expect(await pagerduty(bad.parts).send([recordOf(alert()), recordOf(alert())], signal)).toMatchObject({
    outcome: 'refused',
    refused: [{ at: 0 }, { at: 1 }],
  });
});

test('alerts of a rule without an id are one incident for a rule and a principal', () => {
  const { alert: _, ...own } = alert() as EventOf<'alert.raised'>;
  const first = noticeOf(recordOf({ ...own, seq: 7 } as Event), transportParts());
  const second = noticeOf(recordOf({ ...own, seq: 8 } as Event), transportParts());
  expect(first.key).toBe(second.key);
  expect(first.link).toBe('https://console.test/sessions/s-1');
});

test('a test of a sink shows as one', () => {
  const event: Event = {
    ...{
      seq: 9,
      at,
      type: 'sink.changed',
      sink: 'chat',
      standing: 'tested',
      sequences: [],
      problem: '',
      principal: ana,
    },
  } as Event;
  expect(noticeOf(recordOf(event), transportParts()).title).toBe('A test of the sink chat: what it sends arrives');
});
