import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { type RouteDefinition, routes } from '../api/contract/index.ts';
import { FakeClock } from '../base/clock.ts';
import { testDraft } from '../core/testing/fakes.ts';
import { type Review, reviewLimits, reviewOfCommand, slackMessage } from '../review/index.ts';
import { loggedIn, TestDirectory, testRequest, testReview } from '../review/testing/reviews.ts';
import { type Chat, type ChatAnswer, createChat } from './chat.ts';
import { codeOf as thrownBy } from './fixtures/review-world.ts';

const secret = 'signing';
const review = testReview();

let clock: FakeClock;
let chat: Chat;
let decided: { by: string; id: string; decision: string; how: string; digest: string | undefined }[];
let replies: { url: string; message: object }[];
let failure: Error | null;
let loginMs: number | null;
let known: readonly string[];

beforeEach(() => {
  clock = new FakeClock();
  decided = [];
  replies = [];
  failure = null;
  loginMs = clock.now();
  known = ['dana', 'dave'];
  chat = createChat({
    clock,
    reviews: {
      decide: async (principal, id, decision, { how, digest }) => {
        if (failure !== null) throw failure;
        decided.push({ by: principal.name, id, decision, how, digest });
        return review;
      },
    },
    signingSecret: async () => secret,
    referenceSecret: 'reference',
    accounts: () =>
      new Map([
        ['slack:T1/U1', 'local:dana'],
        ['slack:T1/U2', 'local:dave'],
      ]),
    principal: (id) => (known.includes(id.slice(6)) ? loggedIn(id.slice(6)) : null),
    lastLoginMs: async () => loginMs,
    reply: (url, message) => void replies.push({ url, message }),
  });
});

/** Why nothing was decided, said or thrown; `none` where something was. */
async function codeOf(answer: Promise<ChatAnswer>): Promise<string> {
  const thrown = await thrownBy(answer);
  return thrown === 'none' ? ((await answer).code ?? 'none') : `thrown: ${thrown}`;
}

const replyUrl = 'https://hooks.slack.com/actions/T1/1/abc';
let presses = 0;

function press(
  value: string,
  change: { user?: string; team?: string; action?: string; key?: string; payload?: string } = {},
) {
  const { user = 'U1', team = 'T1', action = 'sallyport-approve', key = secret } = change;
  const payload = {
    type: 'block_actions',
    team: { id: team },
    user: { id: user },
    actions: [{ action_id: action, value }],
    response_url: replyUrl,
    at: ++presses,
  };
  const body = Buffer.from(new URLSearchParams({ payload: change.payload ?? JSON.stringify(payload) }).toString());
  const timestamp = String(Math.floor(clock.now() / 1000));
  const signature = `v0=${createHmac('sha256', key).update(`v0:${timestamp}:`).update(body).digest('hex')}`;
  return { timestamp, signature, body };
}

describe('A-REV-02: a decision from a chat', () => {
  test('counts for the principal that the account stands for, with the digest that was shown', async () => {
    const { approve, deny } = chat.buttons(review);
    await chat.slack(press(approve));
    await chat.slack(press(deny, { user: 'U2', action: 'sallyport-deny' }));
    expect(decided).toEqual([
      { by: 'dana', id: 'rev_1', decision: 'approve', how: 'slack', digest: review.digest },
      { by: 'dave', id: 'rev_1', decision: 'deny', how: 'slack', digest: review.digest },
    ]);
  });

  test('the same request again is a replay, and so is the same button by the same person; not by another', async () => {
    const { approve } = chat.buttons(review);
    const request = press(approve);
    await chat.slack(request);
    expect(await codeOf(chat.slack(request))).toBe('thrown: review.replayed');
    expect(await codeOf(chat.slack(press(approve)))).toBe('review.replayed');
    expect(await codeOf(chat.slack(press(approve, { user: 'U2' })))).toBe('none');
  });

  test.each([
    ['forged', { key: 'other' }, 'thrown: review.bad-signature'],
    ['of an account that maps to nobody', { user: 'U9' }, 'review.unmapped'],
    ['of an account of another team', { team: 'T9' }, 'review.unmapped'],
    ['of another button', { action: 'other' }, 'review.bad-chat-request'],
    ['that is no JSON', { payload: '{' }, 'review.bad-chat-request'],
    ['that is null', { payload: 'null' }, 'review.bad-chat-request'],
  ])('a request %s decides nothing', async (_, change, code) => {
    expect(await codeOf(chat.slack(press(chat.buttons(review).approve, change)))).toBe(code);
    expect(decided).toEqual([]);
  });

  test('a button that was not made here, or too long ago, decides nothing', async () => {
    const { approve } = chat.buttons(review);
    expect(await codeOf(chat.slack(press(`${approve}0`)))).toBe('review.bad-signature');
    clock.advance(reviewLimits.chatLinkMs);
    loginMs = clock.now();
    expect(await codeOf(chat.slack(press(approve)))).toBe('review.bad-signature');
    expect(decided).toEqual([]);
  });

  test('approving takes a login of today; denying does not', async () => {
    const { approve, deny } = chat.buttons(review);
    loginMs = null;
    expect(await codeOf(chat.slack(press(approve)))).toBe('review.login-required');
    loginMs = clock.now() - reviewLimits.chatLoginMs - 1;
    expect(await codeOf(chat.slack(press(approve)))).toBe('review.login-required');
    expect(await codeOf(chat.slack(press(deny, { action: 'sallyport-deny' })))).toBe('none');
    loginMs = clock.now() - reviewLimits.chatLoginMs;
    expect(await codeOf(chat.slack(press(approve)))).toBe('none');
  });

  test('who is gone or disabled decides nothing', async () => {
    known = [];
    expect(await codeOf(chat.slack(press(chat.buttons(review).approve)))).toBe('review.disabled');
  });

  test('who pressed is told what came of it, where Slack says; who pressed nothing of ours is not', async () => {
    const { approve, deny } = chat.buttons(review);
    const approved = await chat.slack(press(approve));
    const refused = await chat.slack(press(approve, { user: 'U9' }));
    expect(approved.text).toBe('You approved what erin asked for on orders. It needs others to approve as well.');
    expect(refused.text).toMatch(/^Nothing was decided. This chat account belongs to no principal/);
    expect(replies).toEqual(
      [approved, refused].map(({ text }) => ({
        url: replyUrl,
        message: { response_type: 'ephemeral', replace_original: false, text },
      })),
    );
    await chat.slack(press(deny, { action: 'other' }));
    await thrownBy(chat.slack(press(deny, { key: 'other' })));
    expect(replies).toHaveLength(2);
  });

  test('an outage is no refusal: Slack is told that it failed', async () => {
    failure = new Error('the store does not answer');
    await expect(chat.slack(press(chat.buttons(review).approve))).rejects.toBe(failure);
    expect(replies).toEqual([]);
  });

  test('the API takes bodies as long as are looked at', () => {
    const route: RouteDefinition = routes.decideFromSlack;
    expect(route.bodyBytesMax).toBe(reviewLimits.chatBodyBytesMax);
  });

  test('a body of the longest length is looked at, and one byte more is not', async () => {
    const sized = (bytes: number) => chat.slack({ timestamp: '0', signature: 'v0=', body: Buffer.alloc(bytes) });
    expect(await codeOf(sized(reviewLimits.chatBodyBytesMax))).toBe('thrown: review.bad-signature');
    expect(await codeOf(sized(reviewLimits.chatBodyBytesMax + 1))).toBe('thrown: review.bad-chat-request');
  });
});

test('A-REV-06: approving is offered only where all that would run is shown', () => {
  const buttons = { approve: 'a', deny: 'd' };
  const offered = (one: Review): string[] =>
    [...JSON.stringify(slackMessage(one, 'https://x', buttons)).matchAll(/sallyport-(?:approve|deny)/g)].map(
      ([id]) => id,
    );
  const made = (draft: Parameters<typeof testRequest>[1]): Review =>
    reviewOfCommand(testRequest({}, draft), { id: 'r', gateway: 'g', nowMs: 0, directory: new TestDirectory() });
  expect(offered(review)).toEqual(['sallyport-approve', 'sallyport-deny']);
  const parameters = [{ type: null, value: '1', bytes: 1 }];
  for (const draft of [
    testDraft('x\n'.repeat(2_000)),
    testDraft("password 'x'", { recordedText: '…' }),
    testDraft('delete from t where id = $1', { parameters }),
  ]) {
    expect(offered(made(draft))).toEqual(['sallyport-deny']);
  }
  expect(offered({ ...review, state: 'denied' })).toEqual([]);
});
