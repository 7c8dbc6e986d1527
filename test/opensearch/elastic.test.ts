/**
 * The sink for Elasticsearch and OpenSearch against a real OpenSearch; what a node without its security plugin does not answer
 * (401, 429, 413) by a stand-in for `_bulk`. Where OpenSearch is not there, its tests skip and say why.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createElastic } from '../../src/audit/sinks/elastic.ts';
import type { SinkFormat, SinkTarget } from '../../src/core/sink.ts';
import { alertEvent, recordsOf, sessionEvents, testParts } from '../sinks/records.ts';
import { missing, type OpenSearch, startOpenSearch } from './opensearch.ts';

type Target = NonNullable<SinkTarget['elastic']>;
interface Hits {
  readonly hits: { readonly hits: readonly { readonly _id: string; readonly _source: Record<string, unknown> }[] };
}

const signal = () => AbortSignal.timeout(45_000);
const events = [...sessionEvents('s-1', ['select 1', 'select 2']), alertEvent(20)];

/** As the documentation has it. */
function documentedTemplate(): object {
  const recipes = readFileSync(resolve(import.meta.dirname, '../../docs/learn/sink-recipes.md'), 'utf8');
  const text = /```json template\n([\s\S]*?)```/.exec(recipes)?.[1];
  return JSON.parse(text ?? '') as object;
}

describe.skipIf(missing !== null)(`the sink for OpenSearch${missing === null ? '' : ` (${missing})`}`, () => {
  let cluster: OpenSearch;
  beforeAll(async () => {
    cluster = await startOpenSearch();
    await cluster.call('PUT', '/_index_template/sallyport', documentedTemplate());
    await cluster.call('PUT', '/_index_template/odd', {
      index_patterns: ['odd-*'],
      template: { mappings: { properties: { type: { type: 'date' } } } },
    });
  }, 180_000);
  afterAll(() => cluster?.stop());

  const search = async (index: string): Promise<Hits['hits']['hits']> => {
    await cluster.call('POST', `/${index}/_refresh`);
    const found = (await cluster.call('GET', `/${index}/_search?size=100&sort=@timestamp`)) as unknown as Hits;
    return found.hits.hits;
  };

  it.each(['ecs', 'json', 'ocsf'] as const)(
    'creates each event once in a data stream (%s)',
    async (format: SinkFormat) => {
      const target: Target = { url: cluster.url, index: `sallyport-${format}` };
      const batch = await recordsOf(events, { to: { elastic: target }, format });
      const sink = createElastic(target, testParts({ format }));
      expect(await sink.send(batch, signal())).toEqual({ outcome: 'taken' });
      // Once more, as after an answer that was lost.
      expect(await sink.send(batch, signal())).toEqual({ outcome: 'taken' });
      const hits = await search(`sallyport-${format}`);
      expect(new Set(hits.map(({ _id }) => _id))).toEqual(new Set(events.map(({ seq }) => `gw-1-${seq}`)));
      expect(hits).toHaveLength(events.length);
      expect(hits.every(({ _source }) => typeof _source['@timestamp'] === 'string')).toBe(true);
    },
  );

  it('is found by what ECS calls things', async () => {
    const found = (await cluster.call('GET', '/sallyport-ecs/_search?q=user.name:ana')) as unknown as Hits;
    expect(found.hits.hits.length).toBeGreaterThan(0);
  });

  it('writes to an index of the day', async () => {
    const target: Target = { url: cluster.url, index: 'by-day-{date}' };
    const batch = await recordsOf(events, { to: { elastic: target }, format: 'json' });
    await createElastic(target, testParts()).send(batch, signal());
    expect(await search('by-day-2026.10.05')).toHaveLength(events.length);
  });

  it('names each document that the cluster will not take, and creates the others', async () => {
    const target: Target = { url: cluster.url, index: 'odd-1' };
    const batch = await recordsOf(events, { to: { elastic: target }, format: 'json' });
    // `type` is no date, in any of them, but where it is left out.
    const some = batch.map((record, at) =>
      at % 2 === 0 ? { ...record, text: record.text.replace('"type":', '"kind":') } : record,
    );
    const outcome = await createElastic(target, testParts()).send(some, signal());
    const places = outcome.outcome === 'refused' ? outcome.refused.map(({ at }) => at) : [];
    expect(places).toEqual([1, 3, 5]);
    expect(JSON.stringify(outcome)).toContain('mapper_parsing_exception');
    expect(await search('odd-1')).toHaveLength(events.length - 3);
  });
});

describe('the sink for Elasticsearch, by what a stand-in answers', () => {
  let server: Server;
  let url: string;
  let answer: (
    body: string,
    headers: Readonly<Record<string, unknown>>,
  ) => { readonly status: number; readonly body?: string };

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let body = '';
      for await (const piece of request) body += String(piece);
      const { status, body: text = '' } = answer(body, request.headers);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix/`;
  });
  afterAll(() => server.close());

  it('sends its key, and tells no secret', async () => {
    const target: Target = { url, index: 'x', apiKey: { store: 'key' } };
    const batch = await recordsOf(events, { to: { elastic: target } });
    const seen: unknown[] = [];
    answer = (_, headers) => {
      seen.push(headers['authorization']);
      return { status: 200, body: '{"errors":false}' };
    };
    expect(await createElastic(target, testParts()).send(batch, signal())).toEqual({ outcome: 'taken' });
    const basic: Target = { url, index: 'x', basic: { username: 'u', password: { store: 'p' } } };
    await createElastic(basic, testParts()).send(batch, signal());
    expect(seen).toEqual(['ApiKey secret of key', `Basic ${Buffer.from('u:secret of p').toString('base64')}`]);
    answer = () => ({ status: 401, body: 'secret of key' });
    const error: unknown = await createElastic(target, testParts())
      .send(batch, signal())
      .catch((problem: unknown) => problem);
    expect(String(error)).toContain('401');
    expect(String(error)).not.toContain('secret of key');
  });

  it('tries all again where the cluster is busy, and halves what is too large', async () => {
    const target: Target = { url, index: 'x' };
    const batch = await recordsOf(events, { to: { elastic: target } });
    answer = (body) => {
      const items = body.trim().split('\n').length / 2;
      const busy = { create: { status: 429, error: { type: 'circuit_breaking_exception' } } };
      return { status: 200, body: JSON.stringify({ errors: true, items: Array.from({ length: items }, () => busy) }) };
    };
    await expect(createElastic(target, testParts()).send(batch, signal())).rejects.toThrow('busy (429)');
    const sizes: number[] = [];
    answer = (body) => {
      const items = body.trim().split('\n').length / 2;
      sizes.push(items);
      return items > 3 ? { status: 413 } : { status: 200, body: '{"errors":false}' };
    };
    expect(await createElastic(target, testParts()).send(batch, signal())).toEqual({ outcome: 'taken' });
    expect(sizes[0]).toBe(batch.length);
    answer = () => ({ status: 200, body: '<html>a proxy</html>' });
    await expect(createElastic(target, testParts()).send(batch, signal())).rejects.toThrow('not JSON');
  });
});
