/**
 * Elasticsearch and OpenSearch: the bulk API, one document an event.
 *
 * Each document is created under an id made of gateway and sequence, so that what comes again is found to be there (409) and is
 * taken as it is; `create` is also all that a data stream takes. Documents that the cluster refuses for good (400: a field of
 * another type than its mapping has) are named one by one; where it is busy (429, 5xx), or denies this key, the whole batch is
 * tried again later.
 *
 * Deliberately absent: making indices, templates and policies (docs/learn/sink-recipes.md has them): rights for that would be
 * rights to weaken what is kept.
 *
 * Elasticsearch and OpenSearch: Bulk API.
 */
import type { SinkTarget } from '../../core/sink.ts';
import { type Attempt, sendHalving } from './halving.ts';
import * as limits from './limits.ts';
import { sinkProblem } from './problem.ts';
import type { SinkRecord, Transport, TransportParts } from './transport.ts';
import { caOf } from './webhook.ts';

type ElasticTarget = NonNullable<SinkTarget['elastic']>;

/** All that is read of an answer: a bulk answer repeats much, and a reason may quote a document. */
const answered = 'errors,items.*.status,items.*.error.type';

interface BulkItem {
  readonly status?: number;
  readonly error?: { readonly type?: string };
}

export function createElastic(target: ElasticTarget, parts: TransportParts): Transport {
  const url = `${target.url.replace(/\/+$/, '')}/_bulk?filter_path=${answered}`;
  const attempt = async (batch: readonly SinkRecord[], signal: AbortSignal): Promise<Attempt> => {
    const body = batch.map((record) => linesOf(record, target.index, parts.gateway)).join('');
    const headers = { 'content-type': 'application/x-ndjson', ...(await authorisation(target, parts)) };
    const { status, body: answer } = await parts.fetch(url, { method: 'POST', headers, body, signal, ...caOf(target) });
    if (status === 413) return { outcome: 'unclear', why: 'it is larger than the cluster takes' };
    if (status !== 200) throw sinkProblem(answerText(status));
    return outcomeOf(answer, batch.length);
  };
  return {
    batchRecordsMax: limits.batchRecordsMax,
    batchBytesMax: limits.batchBytesMax,
    send: (batch, signal) => sendHalving(batch, (part) => attempt(part, signal)),
    close: async () => {},
  };
}

/** An action and its document, each on a line of its own. */
function linesOf({ sequence, activity, text, document }: SinkRecord, index: string, gateway: string): string {
  const time = new Date(activity.event.at).toISOString();
  const _index = index.replaceAll('{date}', time.slice(0, 10).replaceAll('-', '.'));
  const action = JSON.stringify({ create: { _index, _id: `${gateway}-${sequence}` } });
  // A data stream takes nothing without it.
  const isTimed = document !== null && '@timestamp' in document;
  const timed = isTimed ? text : `{"@timestamp":"${time}"${text === '{}' ? '}' : `,${text.slice(1)}`}`;
  return `${action}\n${timed}\n`;
}

async function authorisation(target: ElasticTarget, parts: TransportParts): Promise<Record<string, string>> {
  const { apiKey, basic } = target;
  if (apiKey !== undefined) return { authorization: `ApiKey ${await parts.secret(apiKey)}` };
  if (basic === undefined) return {};
  const password = await parts.secret(basic.password);
  return { authorization: `Basic ${Buffer.from(`${basic.username}:${password}`).toString('base64')}` };
}

function outcomeOf(answer: string, count: number): Attempt {
  const { errors, items } = parse(answer);
  if (errors === false) return { outcome: 'taken' };
  if (errors !== true || items.length !== count) throw sinkProblem('its answer is not one of a bulk request');
  const refused: { at: number; why: string }[] = [];
  for (const [at, item] of items.entries()) {
    const { status = 0, error } = Object.values(item)[0] ?? {};
    // There already: it came before, and the answer to that was lost.
    if (status === 409 || (status >= 200 && status < 300)) continue;
    const type = /^[a-z_]{1,80}$/.test(error?.type ?? '') ? ` (${error?.type})` : '';
    if (status !== 400 && status !== 413) throw sinkProblem(`${answerText(status)}${type}`);
    refused.push({ at, why: `the cluster refused the document${type}` });
  }
  return refused.length === 0 ? { outcome: 'taken' } : { outcome: 'refused', refused };
}

function parse(answer: string): { readonly errors?: boolean; readonly items: readonly Record<string, BulkItem>[] } {
  try {
    const { errors, items } = JSON.parse(answer) as { errors?: boolean; items?: readonly Record<string, BulkItem>[] };
    return { ...(errors === undefined ? {} : { errors }), items: items ?? [] };
  } catch (error) {
    throw sinkProblem('its answer is not JSON', error);
  }
}

function answerText(status: number): string {
  if (status === 401) return 'it does not know this key or password (401)';
  if (status === 403) return 'this key or user may not create documents there (403)';
  if (status === 404) return 'the index does not exist, and is not made by itself (404)';
  if (status === 429) return 'it is busy (429)';
  return `it answered ${status}`;
}
