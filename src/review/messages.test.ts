import { expect, test } from 'vitest';
import { testDraft, testResource } from '../core/testing/fakes.ts';
import * as limits from './limits.ts';
import { slackMessage, teamsCard, webhookPayload } from './messages.ts';
import { reviewOfAccess, reviewOfCommand } from './subject.ts';
import { loggedIn, TestDirectory, testRequest, testTerms } from './testing/reviews.ts';

const link = 'https://console.example/reviews/rev_1';
const directory = new TestDirectory();

function reviewOf(text: string, name = 'erin') {
  const request = testRequest({}, testDraft(text), { principal: loggedIn(name, { groups: ['<!channel>'] }) });
  return reviewOfCommand(request, { id: 'rev_1', gateway: 'gw', nowMs: 0, directory });
}

/** Every text that a client might interpret: of any element that is not plain. */
function marked(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((one, at) => marked(one, `${path}[${at}]`));
  if (typeof value !== 'object' || value === null) return [];
  const { type, text } = value as { type?: string; text?: unknown };
  const own = type === 'mrkdwn' || type === 'TextBlock' ? [String(text)] : [];
  return [...own, ...Object.entries(value).flatMap(([key, one]) => marked(one, `${path}.${key}`))];
}

test('A-REV-02: nothing that a requester wrote becomes mark-up, a mention or a link', () => {
  const review = reviewOf('select 1 -- <!channel> <https://evil|approve here> [x](https://evil)', '<@U1>');
  const slack = slackMessage(review, link) as { text: string };
  expect(slack.text).not.toMatch(/[<>]/);
  expect(marked(slack)).toEqual([]);
  expect(marked(teamsCard(review, link))).toEqual([]);
});

test('A-REV-06: messages spell what is not seen, and say when they show only the beginning', () => {
  const review = reviewOf(`select '\u202e'\n${'x\n'.repeat(2_000)}drop table customers`);
  for (const message of [slackMessage(review, link), teamsCard(review, link)]) {
    const text = JSON.stringify(message);
    expect(text).toContain('⟦U+202E⟧');
    expect(text).not.toContain('\u202e');
    expect(text).toMatch(/\d+ more lines: read all of them behind the link/);
    expect(text).toContain(review.digest);
    expect(text).toContain(link);
  }
});

test('the text of a message stays within what chats take', () => {
  for (const text of ['', 'x'.repeat(limits.chatTextMax * 2), '\n'.repeat(9), '\u202e'.repeat(5_000)]) {
    const slack = slackMessage(reviewOf(text, 'n'.repeat(5_000)), link) as {
      blocks: { fields?: { text: string }[] }[];
    };
    expect(
      slack.blocks
        .flatMap(({ fields = [] }) => fields.map((field) => field.text.length))
        .every((length) => length <= 2_000),
    ).toBe(true);
    expect(JSON.stringify(slack.blocks[2]).length).toBeLessThan(3_000);
  }
});

test('passwords are in no message (A-REC-05)', () => {
  const draft = testDraft("alter role x password 'hunter2'", { recordedText: "alter role x password '***'" });
  const review = reviewOfCommand(testRequest({}, draft), { id: 'r', gateway: 'g', nowMs: 0, directory });
  for (const message of [
    slackMessage(review, link),
    teamsCard(review, link),
    webhookPayload('review.requested', review, link, 0),
  ]) {
    expect(JSON.stringify(message)).not.toContain('hunter2');
    expect(JSON.stringify(message)).toContain('***');
  }
});

test('a request for access names what is asked, for how long and why', () => {
  const review = reviewOfAccess({
    id: 'rev_2',
    gateway: 'gw',
    nowMs: 0,
    directory,
    principal: loggedIn('erin'),
    resource: testResource(),
    access: 'oncall',
    terms: testTerms,
    durationMs: 3_600_000,
    reason: 'ticket 7',
  });
  const text = JSON.stringify([slackMessage(review, link), teamsCard(review, link)]);
  for (const part of ['erin asks for access to orders', '60 minutes from approval', 'ticket 7'])
    expect(text).toContain(part);
});
