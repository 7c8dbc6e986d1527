/** The sink for OpenTelemetry against a real collector. Where it is not there, the tests skip and say why. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOtlp } from '../../src/audit/sinks/otlp.ts';
import type { SinkSpec } from '../../src/core/sink.ts';
import { alertEvent, recordsOf, sessionEvents, testParts } from '../sinks/records.ts';
import { type Collector, missing, startCollector } from './collector.ts';

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface Entry {
  readonly attributes: readonly Attribute[];
  readonly [name: string]: unknown;
}

function entriesOf(body: object, ...path: readonly string[]): Entry[] {
  let found: unknown[] = [body];
  for (const name of path) found = found.flatMap((one) => (one as Record<string, unknown[]>)[name] ?? []);
  return found as Entry[];
}

function attributeOf(entry: Entry, key: string): unknown {
  return Object.values(entry.attributes.find((one) => one.key === key)?.value ?? {})[0];
}

const signal = () => AbortSignal.timeout(30_000);

describe.skipIf(missing !== null)(`the sink for OpenTelemetry${missing === null ? '' : ` (${missing})`}`, () => {
  let collector: Collector;
  beforeAll(async () => {
    collector = await startCollector();
  });
  afterAll(() => collector?.remove());
  beforeEach(() => {
    collector.received.length = 0;
  });

  const logs = (): Entry[] =>
    collector.received
      .filter(({ path }) => path === '/v1/logs')
      .flatMap(({ body }) => entriesOf(body, 'resourceLogs', 'scopeLogs', 'logRecords'));
  const spans = (): Entry[] =>
    collector.received
      .filter(({ path }) => path === '/v1/traces')
      .flatMap(({ body }) => entriesOf(body, 'resourceSpans', 'scopeSpans', 'spans'));

  it('hands on events as log records, and a session as a trace of its commands', async () => {
    const target = { url: collector.url, traces: true };
    const events = [...sessionEvents('s-1', ['select 1', "select 'é\u202e'"]), alertEvent(20)];
    const batch = await recordsOf(events, { to: { otlp: target } });
    const sink = createOtlp(target, testParts({ format: null }));
    expect(await sink.send(batch, signal())).toEqual({ outcome: 'taken' });
    expect(logs()).toHaveLength(events.length);
    const [opened, intent] = logs();
    expect(opened).toMatchObject({ eventName: 'sallyport.session.opened', severityText: 'informational' });
    expect(attributeOf(opened!, 'user.name')).toBe('ana');
    expect(attributeOf(opened!, 'client.address')).toBe('198.51.100.7');
    expect(attributeOf(opened!, 'client.port')).toBe('50000');
    expect(attributeOf(opened!, 'sallyport.resource.labels.env')).toBe('production');
    expect(attributeOf(intent!, 'sallyport.command.text')).toBe('select 1');
    expect(attributeOf(logs()[3]!, 'sallyport.command.text')).toBe("select 'é\u202e'");
    expect(logs().at(-1)).toMatchObject({ severityText: 'high', severityNumber: 17 });

    expect(spans()).toHaveLength(3);
    const root = spans().find((span) => (span['parentSpanId'] ?? '') === '')!;
    const commands = spans().filter((span) => span !== root);
    expect(new Set(spans().map((span) => span['traceId'])).size).toBe(1);
    expect(commands.every((span) => span['parentSpanId'] === root['spanId'])).toBe(true);
    expect(intent!['traceId']).toBe(root['traceId']);
    expect(intent!['spanId']).toBe(commands[0]!['spanId']);
    expect(root['name']).toBe('session postgres');
    expect(commands[0]!['name']).toBe('sql select');
    const [start, end] = [
      BigInt(String(commands[0]!['startTimeUnixNano'])),
      BigInt(String(commands[0]!['endTimeUnixNano'])),
    ];
    expect(end - start).toBe(5_000_000n);
    expect(BigInt(String(root['startTimeUnixNano']))).toBeLessThanOrEqual(start);
  });

  it('shows nothing of what the sink hides', async () => {
    const spec: SinkSpec = {
      to: { otlp: { url: collector.url, traces: true } },
      fields: { omit: ['command.text'], redact: ['source'], hash: ['principal.name', 'session.principal'] },
    };
    const batch = await recordsOf(sessionEvents('s-2', ['select secret_of_ours']), spec);
    await createOtlp(spec.to.otlp!, testParts({ format: null })).send(batch, signal());
    const sent = JSON.stringify(collector.received);
    expect(spans()).toHaveLength(2);
    for (const hidden of ['secret_of_ours', '198.51.100.7', '"ana"']) expect(sent).not.toContain(hidden);
    expect(attributeOf(logs()[0]!, 'user.name')).toMatch(/^hmac:/);
  });
});

describe('the sink for OpenTelemetry, by what it is answered', () => {
  let server: Server;
  let url: string;
  let answer: (path: string, body: string) => { readonly status: number; readonly body?: string };
  const paths: string[] = [];

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let body = '';
      for await (const piece of request) body += String(piece);
      paths.push(request.url ?? '');
      const { status, body: text = '{}' } = answer(request.url ?? '', body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());
  beforeEach(() => {
    paths.length = 0;
  });

  it('finds what was rejected, by halves', async () => {
    const batch = await recordsOf(sessionEvents('s-3', ['a', 'select bad', 'b']), { to: { otlp: { url } } });
    answer = (_, body) => (body.includes('select bad') ? { status: 400 } : { status: 200 });
    const sink = createOtlp({ url }, testParts());
    expect(await sink.send(batch, signal())).toMatchObject({ outcome: 'refused', refused: [{ at: 3 }, { at: 4 }] });
    answer = (_, body) => ({
      status: 200,
      body: JSON.stringify({ partialSuccess: { rejectedLogRecords: body.includes('select bad') ? '1' : '0' } }),
    });
    expect(await sink.send(batch, signal())).toMatchObject({ outcome: 'refused', refused: [{ at: 3 }, { at: 4 }] });
  });

  it('tries again what may work later, and no log record twice where only spans failed', async () => {
    const target = { url, traces: true, headers: { Authorization: { store: 'otlp' } } };
    const batch = await recordsOf(sessionEvents('s-4', ['a']), { to: { otlp: target } });
    const sink = createOtlp(target, testParts());
    answer = () => ({ status: 503 });
    await expect(sink.send(batch, signal())).rejects.toThrow('it answered 503 to /v1/logs');
    answer = (path) => ({ status: path === '/v1/logs' ? 200 : 429 });
    await expect(sink.send(batch, signal())).rejects.toThrow('it answered 429 to /v1/traces');
    answer = () => ({ status: 200 });
    paths.length = 0;
    expect(await sink.send(batch, signal())).toEqual({ outcome: 'taken' });
    expect(paths).toEqual(['/v1/traces']);
    answer = () => ({ status: 401 });
    const denied: unknown = await sink.send(batch, signal()).catch((error: unknown) => error);
    expect(String(denied)).not.toContain('secret of otlp');
  });
});
