/**
 * Webhooks: a batch is one POST, signed as messages about reviews are (`Sallyport-Signature: t=…,v1=…`), so that a receiver knows
 * whence it came, that nothing was changed, and when it was sent.
 *
 * Headers: `Sallyport-Sink`, `Sallyport-Gateway`, and `Sallyport-Sequence: FIRST-LAST` of the batch; what was sent before comes
 * again with the same sequences, by which a receiver drops it.
 *
 * Answers: 2xx takes the batch. 400, 413 and 422 of a single event refuse that event for good; of several, they are tried one by
 * one, so that one that cannot be taken does not keep the others. Everything else is tried again.
 */
import { signatureHeader } from '../../base/signed.ts';
import type { SinkSecret, SinkTarget } from '../../core/sink.ts';
import * as limits from './limits.ts';
import { sinkProblem } from './problem.ts';
import type { SendOutcome, SinkRecord, Transport, TransportParts } from './transport.ts';

type WebhookTarget = NonNullable<SinkTarget['webhook']>;

/** What says that this very content will never be taken. */
const refusals: readonly number[] = [400, 413, 422];

export function createWebhook(target: WebhookTarget, parts: TransportParts): Transport {
  const post = async (batch: readonly SinkRecord[], signal: AbortSignal): Promise<number> => {
    const texts = batch.map(({ text }) => text);
    const isArray = target.body !== 'lines' && parts.format !== 'cef';
    const body = isArray ? `[${texts.join(',')}]` : `${texts.join('\n')}\n`;
    const headers: Record<string, string> = {
      'content-type': isArray ? 'application/json' : parts.format === 'cef' ? 'text/plain' : 'application/x-ndjson',
      'sallyport-sink': parts.sink,
      'sallyport-gateway': parts.gateway,
      'sallyport-sequence': `${batch[0]!.sequence}-${batch.at(-1)!.sequence}`,
      ...(await headersOf(target.headers ?? {}, parts)),
    };
    if (target.secret !== undefined) {
      headers['sallyport-signature'] = signatureHeader(await parts.secret(target.secret), body, parts.now());
    }
    const { status } = await parts.fetch(target.url, { method: 'POST', headers, body, signal, ...caOf(target) });
    return status;
  };
  const isTaken = (status: number): boolean => {
    if (status >= 200 && status < 300) return true;
    if (refusals.includes(status)) return false;
    throw sinkProblem(`it answered ${status}`);
  };
  return {
    batchRecordsMax: limits.batchRecordsMax,
    batchBytesMax: limits.batchBytesMax,
    async send(batch, signal): Promise<SendOutcome> {
      const status = await post(batch, signal);
      if (isTaken(status)) return { outcome: 'taken' };
      if (batch.length === 1) return { outcome: 'refused', refused: [{ at: 0, why: `it answered ${status}` }] };
      const refused: { at: number; why: string }[] = [];
      for (const [at, record] of batch.entries()) {
        const alone = await post([record], signal);
        if (!isTaken(alone)) refused.push({ at, why: `it answered ${alone}` });
      }
      return refused.length === 0 ? { outcome: 'taken' } : { outcome: 'refused', refused };
    },
    close: async () => {},
  };
}

/** For a request, where the target has authorities of its own. */
export function caOf({ ca }: { readonly ca?: string }): { readonly ca?: string } {
  return ca === undefined ? {} : { ca };
}

/** Headers as configured, secrets among them read now. */
export async function headersOf(
  headers: Readonly<Record<string, SinkSecret | string>>,
  parts: TransportParts,
): Promise<Record<string, string>> {
  const read: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    read[name.toLowerCase()] = typeof value === 'string' ? value : await parts.secret(value);
  }
  return read;
}
