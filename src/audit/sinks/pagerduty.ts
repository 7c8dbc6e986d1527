/**
 * PagerDuty: an event for each step of an alert or a review, under one `dedup_key`, so that an alert opens an incident,
 * and whoever acknowledges or resolves it in the gateway does so there.
 *
 * Invariants: what is sent again is the same incident; the routing key is read at each use and stands in no error.
 *
 * Remarks and assignments are taken and not sent: PagerDuty has no event for them. Of an alert that a guardrail or the gateway itself
 * raised the key is made of rule and principal, and its incident is resolved there.
 *
 * PagerDuty Events API v2.
 */
import type { Severity } from '../../core/alert.ts';
import type { SinkTarget } from '../../core/sink.ts';
import { type Notice, noticeOf } from './formats/notice.ts';
import { type Attempt, sendHalving } from './halving.ts';
import * as limits from './limits.ts';
import { sinkProblem } from './problem.ts';
import type { Transport, TransportParts } from './transport.ts';

type PagerdutyTarget = NonNullable<SinkTarget['pagerduty']>;

const usualUrl = 'https://events.pagerduty.com/v2/enqueue';

const severities: Readonly<Record<Severity, string>> = {
  informational: 'info',
  low: 'warning',
  medium: 'warning',
  high: 'error',
  critical: 'critical',
};

export function createPagerduty(target: PagerdutyTarget, parts: TransportParts): Transport {
  const attempt = async (notice: Notice, signal: AbortSignal): Promise<Attempt> => {
    const event = pagerdutyEvent(notice, parts.gateway);
    if (event === null) return { outcome: 'taken' };
    const body = JSON.stringify({ routing_key: (await parts.secret(target.routingKey)).trim(), ...event });
    const headers = { 'content-type': 'application/json' };
    const { status } = await parts.fetch(target.url ?? usualUrl, { method: 'POST', headers, body, signal });
    if (status === 202 || status === 200) return { outcome: 'taken' };
    // 400 is an event that is not one, or a routing key that is none: a test of the sink tells which.
    if (status === 400) return { outcome: 'unclear', why: 'PagerDuty refused the event, or its routing key (400)' };
    throw sinkProblem(
      status === 429 ? 'PagerDuty takes no more events for a while (429)' : `PagerDuty answered ${status}`,
    );
  };
  return {
    batchRecordsMax: limits.noticesMax,
    batchBytesMax: limits.batchBytesMax,
    async send(batch, signal) {
      const refused: { at: number; why: string }[] = [];
      // One request an event: each is idempotent, so that the whole batch may come again.
      for (const [at, record] of batch.entries()) {
        const outcome = await sendHalving([record], () => attempt(noticeOf(record, parts), signal));
        if (outcome.outcome === 'refused') refused.push({ at, why: outcome.refused[0]?.why ?? '' });
      }
      return refused.length === 0 ? { outcome: 'taken' } : { outcome: 'refused', refused };
    },
    close: async () => {},
  };
}

/** Null where there is nothing to send. Other than a routing key. */
export function pagerdutyEvent(notice: Notice, gateway: string): object | null {
  const { key, stage, title, severity, facts, link, atMs, type } = notice;
  const isAbout = type.startsWith('alert.') || type.startsWith('review.');
  // A remark on an alert opens none.
  if (stage === 'note' && isAbout) return null;
  const dedup_key = key.slice(0, limits.pagerdutyKeyMax);
  if (stage === 'acknowledged') return { event_action: 'acknowledge', dedup_key };
  if (stage === 'closed') return { event_action: 'resolve', dedup_key };
  return {
    event_action: 'trigger',
    dedup_key,
    client: 'Sallyport',
    payload: {
      summary: title,
      source: gateway,
      severity: severities[severity],
      timestamp: new Date(atMs).toISOString(),
      component: facts.find(([name]) => name === 'Where')?.[1] ?? gateway,
      class: type,
      custom_details: Object.fromEntries(facts),
    },
    ...(link === null ? {} : { links: [{ href: link, text: 'Look' }], client_url: link }),
  };
}
