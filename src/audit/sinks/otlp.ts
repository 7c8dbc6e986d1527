/**
 * OpenTelemetry over HTTP in JSON: each event a log record; with `traces`, each session a trace and each of its commands a span.
 *
 * Log records are sent first, then spans. Where only the spans failed, the log records are not sent again with them; everything
 * else that fails is sent again whole, and may be there twice, to be told by `sallyport.sequence`.
 *
 * Answers, by the protocol: 429, 502, 503, 504 and no answer are tried again; 400 and 413 refuse something in it, and a partial
 * success does not say what: it is found by halves. Every other answer is one of settings, and is tried again.
 *
 * OTLP 1.5 (OTLP/HTTP, JSON Protobuf encoding; Partial Success; Failures).
 */
import type { SinkTarget } from '../../core/sink.ts';
import { logsOf, spansOf } from './formats/otlp.ts';
import { type Attempt, sendHalving } from './halving.ts';
import * as limits from './limits.ts';
import { sinkProblem } from './problem.ts';
import type { SendOutcome, SinkRecord, Transport, TransportParts } from './transport.ts';
import { caOf, headersOf } from './webhook.ts';

type OtlpTarget = NonNullable<SinkTarget['otlp']>;

export function createOtlp(target: OtlpTarget, parts: TransportParts): Transport {
  const base = target.url.replace(/\/+$/, '').replace(/\/v1\/(?:logs|traces)$/, '');
  const origin = { gateway: parts.gateway, version: parts.version };
  /** The batch whose log records were taken, while its spans were not. */
  let halfDone: { readonly batch: string; readonly outcome: SendOutcome } | null = null;

  const post = async (path: string, body: object, signal: AbortSignal): Promise<Attempt> => {
    const headers = { 'content-type': 'application/json', ...(await headersOf(target.headers ?? {}, parts)) };
    const answer = await parts.fetch(`${base}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal,
      ...caOf(target),
    });
    if (answer.status === 400) return { outcome: 'unclear', why: 'the collector refused it (400)' };
    if (answer.status === 413) return { outcome: 'unclear', why: 'it is larger than the collector takes (413)' };
    if (answer.status !== 200) throw sinkProblem(`it answered ${answer.status} to ${path}`);
    return rejectedOf(answer.body) > 0
      ? { outcome: 'unclear', why: 'the collector took only a part' }
      : { outcome: 'taken' };
  };
  const sendSpans = (batch: readonly SinkRecord[], signal: AbortSignal): Promise<SendOutcome> =>
    sendHalving(batch, async (part) => {
      const spans = spansOf(part, origin);
      return spans === null ? { outcome: 'taken' } : await post('/v1/traces', spans, signal);
    });
  return {
    batchRecordsMax: limits.batchRecordsMax,
    // A document takes about twice its bytes as attributes; collectors take 20 MiB.
    batchBytesMax: limits.batchBytesMax,
    async send(batch, signal) {
      const named = `${batch[0]?.sequence}-${batch.at(-1)?.sequence}/${batch.length}`;
      const logs =
        halfDone?.batch === named
          ? halfDone.outcome
          : await sendHalving(batch, (part) => post('/v1/logs', logsOf(part, origin), signal));
      if (target.traces !== true) return logs;
      halfDone = { batch: named, outcome: logs };
      const spans = await sendSpans(batch, signal);
      halfDone = null;
      return joined(logs, spans);
    },
    close: async () => {},
  };
}

function joined(...outcomes: readonly SendOutcome[]): SendOutcome {
  const refused = new Map<number, string>();
  for (const one of outcomes) {
    if (one.outcome === 'refused') for (const { at, why } of one.refused) refused.set(at, why);
  }
  const places = [...refused].map(([at, why]) => ({ at, why })).sort((a, b) => a.at - b.at);
  return places.length === 0 ? { outcome: 'taken' } : { outcome: 'refused', refused: places };
}

/** How many were rejected of what was answered with success. An empty answer rejects none. */
function rejectedOf(body: string): number {
  if (body.trim() === '') return 0;
  try {
    const { partialSuccess } = Object(JSON.parse(body)) as { partialSuccess?: Readonly<Record<string, unknown>> };
    return Number(partialSuccess?.['rejectedLogRecords'] ?? partialSuccess?.['rejectedSpans'] ?? 0);
  } catch {
    // What answers 200 and no JSON is not a collector that rejects: a proxy that took it.
    return 0;
  }
}
