/**
 * Slack: a message an incoming webhook posts, of a few notices each.
 *
 * Invariant: nothing in it is mark-up, a mention or a link but the gateway's own: every text is `plain_text`, and the one that
 * notifications show has Slack's three control characters escaped (A-REV-02).
 *
 * The URL is the secret: it is read at each use and stands in no error.
 *
 * Slack: Sending messages using incoming webhooks; Block Kit reference.
 */
import { escapeSlack } from '../../base/escape.ts';
import type { SinkTarget } from '../../core/sink.ts';
import type { Notice } from './formats/notice.ts';
import type { Attempt } from './halving.ts';
import { noticeTransport } from './notices.ts';
import { sinkProblem } from './problem.ts';
import type { Transport, TransportParts } from './transport.ts';

type SlackTarget = NonNullable<SinkTarget['slack']>;

/** Of a channel or a webhook that is gone: somebody has to correct the sink. */
const settings: Readonly<Record<number, string>> = {
  403: 'Slack does not let this webhook post there (403)',
  404: 'Slack does not know this webhook, or its channel (404)',
  410: 'the channel is archived, or the webhook is gone (410)',
  429: 'Slack takes no more messages for a while (429)',
};

export function createSlack(target: SlackTarget, parts: TransportParts): Transport {
  const attempt = async (notices: readonly Notice[], signal: AbortSignal): Promise<Attempt> => {
    const url = await parts.secret(target.url);
    const body = JSON.stringify(slackNotice(notices));
    const headers = { 'content-type': 'application/json' };
    const { status } = await parts.fetch(url.trim(), { method: 'POST', headers, body, signal });
    if (status === 200) return { outcome: 'taken' };
    if (status === 400) return { outcome: 'unclear', why: 'Slack refused the message (400)' };
    throw sinkProblem(settings[status] ?? `Slack answered ${status}`);
  };
  return noticeTransport(parts, attempt);
}

/** Blocks: five a notice at most, of the 50 that a message may have. */
export function slackNotice(notices: readonly Notice[]): object {
  const plain = (text: string): object => ({ type: 'plain_text', text, emoji: false });
  const more = notices.length > 1 ? ` (and ${notices.length - 1} more)` : '';
  return {
    text: escapeSlack(`${notices[0]?.title ?? ''}${more}`),
    mrkdwn: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: notices.flatMap(({ title, facts, link, stage }, index) => [
      ...(index === 0 ? [] : [{ type: 'divider' }]),
      { type: 'header', text: plain(title === '' ? '(nothing said)' : title) },
      ...(facts.length === 0
        ? []
        : [{ type: 'section', fields: facts.map(([name, value]) => plain(`${name}\n${value}`)) }]),
      ...(link === null ? [] : [{ type: 'actions', elements: [linkButton(link, stage)] }]),
    ]),
  };
}

function linkButton(url: string, stage: Notice['stage']): object {
  const style = stage === 'open' ? { style: 'primary' } : {};
  return { type: 'button', text: { type: 'plain_text', text: 'Look', emoji: false }, url, ...style };
}
