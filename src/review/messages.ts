/**
 * Reviews as messages: plain JSON for webhooks, blocks for Slack, an Adaptive Card for Microsoft Teams.
 *
 * Invariants: nothing that a requester wrote becomes mark-up, a link or a mention: Slack's three control characters are
 * escaped and its text is `plain_text` or a code block, Teams' text is an Adaptive Card's `RichTextBlock`, which knows no
 * mark-up; what is shown is spelled as for a reviewer (`present.ts`); a message shows the beginning and says so, the
 * whole stands behind the link.
 *
 * Deliberately absent: sending (the gateway's webhooks), taking answers (the gateway's chat).
 *
 * Slack: Block Kit reference. Microsoft: Adaptive Cards schema 1.4.
 */
import { escapeSlack } from '../base/escape.ts';
import { audienceOf } from './eligibility.ts';
import { estimateOf } from './estimate.ts';
import * as limits from './limits.ts';
import { presentPlain, presentValue } from './present.ts';
import type { CommandSubject, Review } from './review.ts';

/** What happened to a review, as messages name it. */
export type ReviewMessageType = 'review.requested' | 'review.escalated' | 'review.decided' | 'review.ended';

/** The body of a generic webhook: everything, unescaped, as JSON. */
export function webhookPayload(type: ReviewMessageType, review: Review, link: string, nowMs: number): object {
  const { requester, subject, terms, decisions, ...rest } = review;
  return {
    type,
    atMs: nowMs,
    link,
    review: {
      ...rest,
      requester: {
        id: requester.id,
        name: requester.name,
        kind: requester.kind,
        groups: requester.groups,
        ...(requester.actors === undefined ? {} : { agents: requester.actors.map(({ name }) => name) }),
      },
      subject,
      rule: terms.rule,
      message: terms.message,
      approvals: terms.approvals,
      reviewers: terms.reviewers,
      decisions: decisions.map(({ principal, decision, reason, how, atMs }) => ({
        by: principal.name,
        decision,
        reason,
        how,
        atMs,
      })),
    },
  };
}

/** Sealed references (`sealReference`) for the buttons of a message that can be answered. */
export interface ChatButtons {
  readonly approve: string;
  readonly deny: string;
}

/** The `action_id` of each button. */
export const chatActions = { 'sallyport-approve': 'approve', 'sallyport-deny': 'deny' } as const;

/**
 * A message for Slack's `chat.postMessage` or an incoming webhook. With `buttons` it can be answered; approving is only
 * offered where all of the text is shown (A-REV-06).
 */
export function slackMessage(review: Review, link: string, buttons: ChatButtons | null = null): object {
  const { title, facts, code, more, isWhole } = summaryOf(review);
  const fields = facts.map(([name, value]) => ({
    type: 'plain_text',
    emoji: false,
    text: cut(`${name}\n${value}`, 1900),
  }));
  const button = (text: string, rest: object): object => ({
    type: 'button',
    text: { type: 'plain_text', text, emoji: false },
    ...rest,
  });
  const answers =
    buttons === null || review.state !== 'pending'
      ? []
      : [
          ...(isWhole
            ? [button('Approve', { action_id: 'sallyport-approve', style: 'primary', value: buttons.approve })]
            : []),
          button('Deny', { action_id: 'sallyport-deny', style: 'danger', value: buttons.deny }),
        ];
  return {
    // What notifications show: not interpreted as mark-up.
    text: escapeSlack(title),
    mrkdwn: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: 'header', text: { type: 'plain_text', emoji: false, text: cut(title, 150) } },
      { type: 'section', fields: fields.slice(0, 10) },
      // A rich text block of code: its text is never parsed.
      {
        type: 'rich_text',
        elements: [
          { type: 'rich_text_preformatted', elements: [{ type: 'text', text: code === '' ? '(no text)' : code }] },
        ],
      },
      ...(more === null ? [] : [{ type: 'context', elements: [{ type: 'plain_text', emoji: false, text: more }] }]),
      { type: 'actions', elements: [button('Look and decide', { url: link }), ...answers] },
    ],
  };
}

/** A message for a Teams workflow or incoming webhook. */
export function teamsCard(review: Review, link: string): object {
  const { title, facts, code, more } = summaryOf(review);
  const line = (text: string, change: object = {}): object => ({
    type: 'RichTextBlock',
    inlines: [{ type: 'TextRun', text, ...change }],
  });
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            line(title, { weight: 'bolder', size: 'medium' }),
            ...facts.map(([name, value]) => line(`${name}: ${value}`)),
            ...code.split('\n').map((row) => line(row, { fontType: 'monospace' })),
            ...(more === null ? [] : [line(more, { isSubtle: true })]),
          ],
          actions: [{ type: 'Action.OpenUrl', title: 'Look and decide', url: link }],
        },
      },
    ],
  };
}

interface Summary {
  readonly title: string;
  readonly facts: readonly (readonly [string, string])[];
  /** The beginning of the text, in numbered lines. */
  readonly code: string;
  readonly more: string | null;
  /** Nothing of what would run is missing here. */
  readonly isWhole: boolean;
}

/** Who asked on their behalf: nobody should take an agent's request for a person's own. */
function agentsFact({ actors = [] }: Review['requester']): readonly (readonly [string, string])[] {
  return actors.length === 0 ? [] : [['Agent', presentValue(actors.map(({ name }) => name).join(', for '))]];
}

function summaryOf(review: Review): Summary {
  const { requester, subject, terms, digest, reason, kind, state, decisions } = review;
  const resource = (subject.type === 'break-glass' ? subject.command : subject).resource;
  const who = presentValue(requester.name);
  const where = presentValue(resource.name);
  const titles = {
    command: `${who} waits to run something on ${where}`,
    access: `${who} asks for access to ${where}`,
    'break-glass': `${who} broke the glass on ${where}: review it`,
  };
  const title = state === 'pending' ? titles[kind] : `${titles[kind]} (${state})`;
  const facts: (readonly [string, string])[] = [
    ['Who', `${who} (${requester.kind}; ${requester.groups.map(presentValue).join(', ') || 'no groups'})`],
    ...agentsFact(requester),
    ['Where', `${where} (${resource.protocol} ${presentValue(resource.host)}:${resource.port})`],
    ['Rule', presentValue(`${terms.rule}${terms.message === '' ? '' : `: ${terms.message}`}`)],
    ['Whose decision', presentValue(audienceOf(review))],
  ];
  if (reason !== '') facts.push(['Reason', presentValue(reason)]);
  for (const { principal, decision, reason: why } of decisions.slice(-1)) {
    facts.push(['Last decision', presentValue(`${principal.name}: ${decision}${why === '' ? '' : `, ${why}`}`)]);
  }
  facts.push(['Until', new Date(review.expiresAtMs).toISOString()], ['Digest', digest]);
  if (subject.type === 'access') {
    facts.push([
      'For',
      `${Math.floor(subject.durationMs / 60_000)} minutes ${
        subject.extends === undefined ? 'from approval' : `more, of the grant ${presentValue(subject.extends)}`
      }, by ${presentValue(subject.access)}`,
    ]);
    return { title, facts, code: '', more: null, isWhole: true };
  }
  const command = subject.type === 'command' ? subject : subject.command;
  facts.push(['Effects', command.meaning?.effects.join(', ') || 'unknown']);
  facts.push(['Rows', presentValue(estimateOf(command).text)]);
  return { title, facts, ...codeOf(command) };
}

function codeOf({ text, redacted, parameters }: CommandSubject): Pick<Summary, 'code' | 'more' | 'isWhole'> {
  const rows = presentPlain(text);
  const kept: string[] = [];
  let length = 0;
  for (const row of rows) {
    length += row.length + 1;
    if (length > limits.chatTextMax) break;
    kept.push(row);
  }
  const notes: string[] = [];
  if (kept.length < rows.length)
    notes.push(`${rows.length - kept.length} more lines: read all of them behind the link.`);
  if (redacted) notes.push('Passwords are left out of what is shown.');
  if ((parameters ?? []).length > 0) notes.push('It has parameters, which are shown behind the link.');
  return {
    code: kept.join('\n'),
    more: notes.length === 0 ? null : notes.join(' '),
    isWhole: notes.length === 0,
  };
}

/** Cuts between characters. */
function cut(text: string, lengthMax: number): string {
  const characters = Array.from(text);
  return characters.length <= lengthMax ? text : `${characters.slice(0, lengthMax - 1).join('')}…`;
}
