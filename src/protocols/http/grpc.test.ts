/** gRPC with stock clients and servers: messages as bytes without descriptors; read, judged, masked and recorded with them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CommandDraft } from '../../core/command.ts';
import type { HttpMasks } from '../../core/masking.ts';
import type { ReviewOutcome, Reviews } from '../../core/review.ts';
import type { Verdict } from '../../core/verdict.ts';
import { descriptorSet, GrpcClient, type GrpcTarget, startGrpcTarget } from './grpc-testing.ts';
import * as limits from './limits.ts';
import { maskingJudge, wordMask, wordMasks } from './masks-testing.ts';
import { eventually, openRoom, type Room, type RoomOptions } from './room-testing.ts';

const status = { ok: 0, denied: 7, unavailable: 14 } as const;
const closing: (() => Promise<void> | void)[] = [];
let target: GrpcTarget;

beforeEach(async () => {
  target = await startGrpcTarget(({ customerId }) => ({
    text: `for ${String(customerId)}`,
    cardNumber: '4111111111111111',
    items: [{ sku: 'mail ada@example.com', count: 1 }],
    total: '12',
  }));
  closing.push(() => target.stop());
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(options: Partial<RoomOptions> = {}, compress = false): Promise<{ room: Room; client: GrpcClient }> {
  const room = await openRoom({
    target,
    ...options,
    settings: { version: '2', grpc_descriptors: descriptorSet(), ...options.settings },
  });
  closing.push(() => room.close());
  const client = new GrpcClient(room, { compress });
  closing.push(() => client.close());
  return { room, client };
}

/** Masks a word in messages, at the same length. */
function messageMasks(word: string, fault: string | null = null): HttpMasks {
  return {
    ...wordMasks(word),
    messages: () => {
      const mask = wordMask(word, fault);
      const { hits } = mask;
      return { hits, fault, apply: (message) => Buffer.concat([mask.push(message), mask.end()]) };
    },
  };
}

const block =
  (pattern: RegExp) =>
  (draft: { text: string }): Verdict | null =>
    pattern.test(draft.text) ? { name: 'block', rule: 'no', reason: 'Not this.' } : null;

const one = { customerId: 'c1', items: [{ sku: 'a', count: 2 }] };

/** What is recorded of bodies, one way. */
function recorded(room: Room, direction: 'in' | 'out'): string {
  const entries = room.recordings.flatMap(({ entries }) => entries);
  const data = entries.flatMap((entry) => (entry.type === 'data' && entry.direction === direction ? [entry.data] : []));
  return Buffer.concat(data).toString('latin1');
}

describe('with descriptors', () => {
  for (const compress of [false, true]) {
    const how = compress ? ', compressed' : '';

    test(`one message is judged with its call${how}`, async () => {
      const { room, client } = await open({}, compress);
      const bought = await client.call('Buy', [{ ...one, password: 'hunter22' }]);
      expect(bought).toMatchObject({ code: status.ok, receipts: [{ text: 'for c1', total: '12' }] });
      expect(room.commands()).toEqual([
        'POST /shop.v1.Shop/Buy\n\n{"customer_id":"c1","items":[{"sku":"a","count":2}],"password":"(omitted)","express":false}',
      ]);
      expect(target.orders).toEqual([{ ...one, password: 'hunter22' }]);
      const refusing = await open({ judge: block(/"customer_id":"c2"/) }, compress);
      const refused = await refusing.client.call('Buy', [{ customerId: 'c2' }]);
      expect(refused).toEqual({ code: status.denied, details: 'Not this. (rule no)', receipts: [] });
      expect(target.orders).toHaveLength(1);
      expect(refusing.room.upstreamBytes()).toBe(0);
    });

    test(`what passes is recorded as it reads${how}`, async () => {
      const { room, client } = await open({}, compress);
      await client.call('Buy', [{ ...one, password: 'hunter22' }]);
      await client.call('Watch', [one]);
      expect(JSON.parse(recorded(room, 'in').split('}{', 1)[0]!.replace(/\}?$/, '}'))).toMatchObject({
        customer_id: 'c1',
      });
      expect(recorded(room, 'in')).not.toContain('hunter22');
      const lines = recorded(room, 'out').trimEnd().split('\n');
      expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
        new Array(4).fill({
          text: 'for c1',
          card_number: '4111111111111111',
          items: [{ sku: 'mail ada@example.com', count: 1 }],
          total: 12,
        }),
      );
    });

    test(`each message of a call with many is judged before it goes on${how}`, async () => {
      const { room, client } = await open({ judge: block(/"c3"/) }, compress);
      const orders = ['c1', 'c2'].map((customerId) => ({ customerId }));
      expect(await client.call('Fill', orders)).toMatchObject({ code: status.ok, receipts: [{ text: 'for c2' }] });
      const chat = await client.call('Chat', orders);
      expect(chat).toMatchObject({ code: status.ok, receipts: [{ text: 'for c1' }, { text: 'for c2' }] });
      expect(target.orders).toHaveLength(4);
      const intents = room.journal.of('command.intent');
      expect(intents.map(({ text }) => text.split('\n')[0])).toEqual([
        ...new Array(3).fill('POST /shop.v1.Shop/Fill'),
        ...new Array(3).fill('POST /shop.v1.Shop/Chat'),
      ]);
      expect(room.journal.of('command.ended').map(({ outcome }) => outcome)).toEqual(new Array(6).fill('completed'));
      const refused = await client.call('Fill', [...orders, { customerId: 'c3' }, { customerId: 'c4' }]);
      expect(refused).toMatchObject({ code: status.denied, details: 'Not this. (rule no)' });
      const refusedChat = await client.call('Chat', [{ customerId: 'c3' }, { customerId: 'c1' }]);
      expect(refusedChat.code).not.toBe(status.ok);
      expect(target.orders.map(({ customerId }) => customerId)).not.toContain('c3');
      expect(target.orders.map(({ customerId }) => customerId)).not.toContain('c4');
    });

    test(`answers are masked message by message${how}`, async () => {
      const { room, client } = await open({ judging: maskingJudge(messageMasks('4111111111111111')) }, compress);
      const shown = { text: 'for c1', cardNumber: '****************', total: '12' };
      expect(await client.call('Buy', [one])).toMatchObject({ code: status.ok, receipts: [shown] });
      expect(await client.call('Watch', [one])).toMatchObject({ code: status.ok, receipts: [shown, shown, shown] });
      expect(await client.call('Chat', [one, one])).toMatchObject({ code: status.ok, receipts: [shown, shown] });
      expect(recorded(room, 'out')).not.toContain('4111');
      expect(recorded(room, 'out')).toContain('"card_number":"****************"');
      expect(room.journal.of('command.ended')[0]).toMatchObject({ masked: { 'test-mask': 1 } });
    });
  }

  test('a fault of the masks blocks the answer', async () => {
    const { client } = await open({ judging: maskingJudge(messageMasks('x', 'it has a field that is not known')) });
    const refused = await client.call('Buy', [one]);
    expect(refused).toMatchObject({ code: status.unavailable, receipts: [] });
    expect(refused.details).toContain('it has a field that is not known');
  });

  test('a call that is refused after its answer has begun says so in its trailers', async () => {
    const { client } = await open({ judge: block(/"c3"/) });
    const chat = await client.call('Chat', [one, { customerId: 'c3' }], () =>
      eventually(
        () => target.orders.length === 1 && client.received === 1,
        () => 'the first answer',
      ),
    );
    expect(chat).toMatchObject({ code: status.denied, details: 'Not this. (rule no)', receipts: [{ text: 'for c1' }] });
    expect(target.orders).toHaveLength(1);
  });

  test('a server may answer before the first message', async () => {
    const { client } = await open();
    let seen = 0;
    const chat = await client.call('Chat', [one, { customerId: 'c2' }], () =>
      eventually(
        () => target.orders.length > seen,
        () => 'the order before',
      ).then(() => {
        seen = target.orders.length;
      }),
    );
    expect(chat.receipts).toHaveLength(2);
  });

  test('a message that is held holds back those behind it', async () => {
    const decide: ((outcome: ReviewOutcome) => void)[] = [];
    const reviews: Reviews = {
      request: (_request, onOutcome) => {
        decide.push(onOutcome);
        return {
          ...{
            id: 'rev_1',
            link: 'https://gateway.example/reviews/rev_1',
            audience: 'a member of dba',
            expiresAtMs: 0,
          },
          withdraw: () => undefined,
          claim: async () => null,
        };
      },
    };
    const judge = ({ text }: { text: string }): Verdict | null =>
      text.includes('"c2"') ? { name: 'hold', rule: 'ask-first', reason: 'A DBA has to agree.' } : null;
    const { client } = await open({ reviews, judge });
    const call = client.call('Fill', [one, { customerId: 'c2' }, { customerId: 'c3' }]);
    await eventually(
      () => decide.length === 1 && target.orders.length === 1,
      () => 'the review',
    );
    decide[0]!({ state: 'approved', by: ['dora'] });
    expect(await call).toMatchObject({ code: status.ok, receipts: [{ text: 'for c3' }] });
    expect(target.orders.map(({ customerId }) => customerId)).toEqual(['c1', 'c2', 'c3']);
  });

  test('a field that the descriptors do not know is shown, and may be anything', async () => {
    const seen: unknown[] = [];
    const judge = ({ meaning }: CommandDraft): null => {
      seen.push(meaning?.language === 'http' && meaning.http.body.kind === 'json' ? meaning.http.body.unknown : null);
      return null;
    };
    const { room, client } = await open({ judge });
    expect(await client.call('Buy', [{ ...one, note: 'hi' }])).toMatchObject({ code: status.ok });
    expect(seen).toEqual(['it has fields that the descriptor of the service does not know']);
    expect(room.commands()[0]).toContain('"?15":["egJoaQ=="]');
    expect(target.orders).toEqual([{ ...one, note: 'hi' }]);
  });

  test('what is no message of the method is unread, and one that is too long ends a call with many', async () => {
    const { room, client } = await open();
    expect(await client.call('Buy', [{ customerId: 'x'.repeat(limits.analysedBodyBytesMax) }])).toMatchObject({
      code: status.ok,
    });
    expect(room.commands()).toEqual(['POST /shop.v1.Shop/Buy']);
    const before = target.orders.length;
    // Stock servers take no more than this, either; the gateway refuses it first.
    const long = await client.call('Fill', [{ customerId: 'x'.repeat(limits.grpcMessageBytesMax) }]);
    expect(long.code).not.toBe(status.ok);
    expect(target.orders).toHaveLength(before);
  });
});

describe('without descriptors', () => {
  const bytes = { settings: { grpc_descriptors: '' } };

  test('messages are bytes', async () => {
    const { room, client } = await open(bytes);
    for (const name of ['Buy', 'Watch', 'Fill', 'Chat'] as const) {
      expect(await client.call(name, [one])).toMatchObject({ code: status.ok });
    }
    expect(room.commands()).toEqual(['Buy', 'Watch', 'Fill', 'Chat'].map((name) => `POST /shop.v1.Shop/${name}`));
    expect(recorded(room, 'out')).toContain('4111111111111111');
  });

  test('compressed messages are looked into all the same', async () => {
    const masked = await open({ ...bytes, judging: maskingJudge('4111111111111111') }, true);
    const bought = await masked.client.call('Buy', [one]);
    expect(bought).toMatchObject({ code: status.ok, receipts: [{ cardNumber: '****************' }] });
    // The credential is what the target sends back (A-HTTP-14).
    const injected = await open({ ...bytes, credential: { token: '4111111111111111' } }, true);
    const echoed = await injected.client.call('Buy', [one]);
    expect(echoed.code).toBe(status.ok);
    expect(JSON.stringify(echoed.receipts)).not.toContain('4111111111111111');
  });
});
