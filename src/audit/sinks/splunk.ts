/**
 * Splunk's HTTP Event Collector: events as JSON objects, one behind another.
 *
 * Where the token has indexer acknowledgment, Splunk answers with an id, and the batch is taken once Splunk says that it is
 * indexed; elsewhere once the collector has taken it. Every request names a channel, which such a token needs and others ignore.
 * Splunk keeps no ids: what is sent again is there twice, and can be told by `sequence`.
 *
 * An event that Splunk finds malformed is named by its place (`invalid-event-number`); the others are sent again without it.
 *
 * Splunk Enterprise: Format events for HTTP Event Collector; About HTTP Event Collector Indexer Acknowledgment; Troubleshoot
 * HTTP Event Collector (status codes).
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SinkTarget } from '../../core/sink.ts';
import { type Attempt, sendHalving } from './halving.ts';
import * as limits from './limits.ts';
import { sinkProblem } from './problem.ts';
import type { SinkRecord, Transport, TransportParts } from './transport.ts';
import { caOf } from './webhook.ts';

type SplunkTarget = NonNullable<SinkTarget['splunk']>;

interface Answer {
  readonly code?: number;
  readonly ackId?: number;
  readonly 'invalid-event-number'?: number;
}

/** What is wrong with the settings, by Splunk's own codes: tried again until somebody corrected it. */
const settingProblems: Readonly<Record<number, string>> = {
  1: 'the token is switched off (code 1)',
  2: 'it wants a token (code 2)',
  3: 'it does not understand the token (code 3)',
  4: 'it does not know the token (code 4)',
  7: 'the token may not write to this index (code 7)',
  10: 'it wants a channel (code 10)',
  11: 'it refuses the channel (code 11)',
};

export function createSplunk(target: SplunkTarget, parts: TransportParts): Transport {
  const base = target.url.replace(/\/+$/, '').replace(/\/services\/collector(?:\/event)?$/, '');
  const channel = randomUUID();
  const post = async (path: string, body: string, signal: AbortSignal) => {
    const headers = {
      authorization: `Splunk ${await parts.secret(target.token)}`,
      'content-type': 'application/json',
      'x-splunk-request-channel': channel,
    };
    const { status, body: answer } = await parts.fetch(`${base}/services/collector${path}`, {
      ...{ method: 'POST', headers, body, signal },
      ...caOf(target),
    });
    return { status, answer: parse(answer) };
  };
  const isIndexed = async (id: number, signal: AbortSignal): Promise<boolean> => {
    const { status, answer } = await post('/ack', JSON.stringify({ acks: [id] }), signal);
    if (status !== 200) throw sinkProblem(`asked whether it has indexed the events, it answered ${status}`);
    return (answer as { readonly acks?: Readonly<Record<string, boolean>> }).acks?.[String(id)] === true;
  };
  const attempt = async (batch: readonly SinkRecord[], signal: AbortSignal): Promise<Attempt> => {
    const body = batch.map((record) => spell(record, target, parts)).join('\n');
    const { status, answer } = await post('/event', body, signal);
    if (status === 200) {
      if (answer.ackId === undefined) return { outcome: 'taken' };
      for (let pauseMs = limits.splunkAckPauseMs; !(await isIndexed(answer.ackId, signal)); ) {
        await sleep(pauseMs, undefined, { signal });
        pauseMs = Math.min(pauseMs * 2, limits.splunkAckPauseMaxMs);
      }
      return { outcome: 'taken' };
    }
    if (status === 413) return { outcome: 'unclear', why: 'it is larger than Splunk takes' };
    const setting = settingProblems[answer.code ?? 0];
    if (setting !== undefined || status !== 400) throw sinkProblem(setting ?? `it answered ${status}`);
    const bad = answer['invalid-event-number'];
    const why = `Splunk refused the event (code ${answer.code ?? 'unknown'})`;
    if (bad === undefined || bad >= batch.length) return { outcome: 'unclear', why };
    return withoutOne(batch, bad, why, (rest) => attempt(rest, signal));
  };
  return {
    batchRecordsMax: limits.batchRecordsMax,
    batchBytesMax: limits.batchBytesMax,
    send: (batch, signal) => sendHalving(batch, (part) => attempt(part, signal)),
    close: async () => {},
  };
}

/** The rest of a batch, and the one that is refused. */
async function withoutOne(
  batch: readonly SinkRecord[],
  bad: number,
  why: string,
  attempt: (rest: readonly SinkRecord[]) => Promise<Attempt>,
): Promise<Attempt> {
  const refused = [{ at: bad, why }];
  if (batch.length === 1) return { outcome: 'refused', refused };
  const rest = await sendHalving(batch.toSpliced(bad, 1), attempt);
  if (rest.outcome === 'taken') return { outcome: 'refused', refused };
  const others = rest.refused.map((one) => ({ ...one, at: one.at < bad ? one.at : one.at + 1 }));
  return { outcome: 'refused', refused: [...others, ...refused].sort((a, b) => a.at - b.at) };
}

function spell({ activity, text }: SinkRecord, target: SplunkTarget, parts: TransportParts): string {
  const about = JSON.stringify({
    time: activity.event.at / 1000,
    host: parts.gateway,
    source: `sallyport:${parts.sink}`,
    sourcetype: target.sourcetype ?? `sallyport:${parts.format ?? 'json'}`,
    ...(target.index === undefined ? {} : { index: target.index }),
  });
  return `${about.slice(0, -1)},"event":${text}}`;
}

/** Splunk answers in JSON; a proxy before it may not, and then the status alone counts. */
function parse(answer: string): Answer {
  try {
    return Object(JSON.parse(answer)) as Answer;
  } catch {
    return {};
  }
}
