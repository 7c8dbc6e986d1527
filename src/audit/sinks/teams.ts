/**
 * Microsoft Teams: an Adaptive Card of a few notices, posted by a workflow ("When a Teams webhook request is received") or by an
 * incoming webhook of before.
 *
 * Invariant: nothing that an event says becomes mark-up: its text stands in text runs of a `RichTextBlock`, which know none
 * (A-REV-02); a `FactSet` or a `TextBlock` would read Markdown.
 *
 * Taken is an answer 200 or 202. The webhooks of before answer 200 to what they could not deliver, with words to that effect in
 * the body: whatever they say other than `1` is tried again.
 *
 * Microsoft Teams: Create incoming webhooks with Workflows; Adaptive Cards schema 1.4. A message is 28 KB at most.
 */
import type { SinkTarget } from '../../core/sink.ts';
import type { Notice } from './formats/notice.ts';
import type { Attempt } from './halving.ts';
import * as limits from './limits.ts';
import { noticeTransport } from './notices.ts';
import { sinkProblem } from './problem.ts';
import type { Transport, TransportParts } from './transport.ts';

type TeamsTarget = NonNullable<SinkTarget['teams']>;

export function createTeams(target: TeamsTarget, parts: TransportParts): Transport {
  const attempt = async (notices: readonly Notice[], signal: AbortSignal): Promise<Attempt> => {
    const body = JSON.stringify(teamsNotice(notices));
    if (Buffer.byteLength(body) > limits.teamsBytesMax) {
      return { outcome: 'unclear', why: 'it is larger than Teams takes' };
    }
    const url = await parts.secret(target.url);
    const headers = { 'content-type': 'application/json' };
    const { status, body: said } = await parts.fetch(url.trim(), { method: 'POST', headers, body, signal });
    if (status === 202 || (status === 200 && !/failed|error/i.test(said))) return { outcome: 'taken' };
    if (status === 200) throw sinkProblem('Teams took the message and did not deliver it');
    if (status === 400 || status === 413) return { outcome: 'unclear', why: `Teams refused the message (${status})` };
    throw sinkProblem(`Teams answered ${status}`);
  };
  return noticeTransport(parts, attempt);
}

export function teamsNotice(notices: readonly Notice[]): object {
  const line = (text: string, change: object = {}): object => ({
    type: 'RichTextBlock',
    inlines: [{ type: 'TextRun', text, ...change }],
  });
  const body = notices.map(({ title, facts, link, severity }, index) => ({
    type: 'Container',
    separator: index > 0,
    style: severity === 'critical' || severity === 'high' ? 'attention' : 'default',
    items: [
      line(title === '' ? '(nothing said)' : title, { weight: 'bolder', size: 'medium' }),
      ...facts.map(([name, value]) => line(`${name}: ${value}`)),
      ...(link === null
        ? []
        : [{ type: 'ActionSet', actions: [{ type: 'Action.OpenUrl', title: 'Look', url: link }] }]),
    ],
  }));
  const $schema = 'http://adaptivecards.io/schemas/adaptive-card.json';
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: { $schema, type: 'AdaptiveCard', version: '1.4', body },
      },
    ],
  };
}
