/**
 * The sink for Splunk against a stand-in for its HTTP Event Collector, made of what Splunk documents: tokens, channels,
 * acknowledgements, `invalid-event-number`. Splunk itself cannot be had here.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Event } from '../../core/event.ts';
import type { SinkTarget } from '../../core/sink.ts';
import { createSplunk } from './splunk.ts';
import { recordOf, transportParts } from './testing.ts';
import type { TransportParts } from './transport.ts';

type Target = NonNullable<SinkTarget['splunk']>;

interface HecEvent {
  readonly time: number;
  readonly host: string;
  readonly source: string;
  readonly sourcetype: string;
  readonly index?: string;
  readonly event: { readonly sequence: number; readonly details: { readonly reason: string } };
}

let server: Server;
let target: Target;
let parts: TransportParts;
let indexed: HecEvent[];
/** Questions about an acknowledgement until it is true; null: the token has none. */
let asksUntilIndexed: number | null;
let bytesMax: number;
let indexAllowed: string;

/** Splunk takes objects one behind another, with nothing or white space between them. */
function objectsIn(body: string): string[] {
  return body.split('\n').filter((line) => line !== '');
}

beforeEach(async () => {
  indexed = [];
  asksUntilIndexed = null;
  bytesMax = 1_000_000;
  indexAllowed = 'main';
  const pending = new Map<number, { asks: number; readonly events: readonly HecEvent[] }>();
  server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += String(piece);
    const answer = (status: number, content: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
    };
    if (request.headers.authorization !== 'Splunk right') return answer(403, { text: 'Invalid token', code: 4 });
    if (request.headers['x-splunk-request-channel'] === undefined) {
      return answer(400, { text: 'Data channel is missing', code: 10 });
    }
    if (request.url === '/services/collector/ack') {
      const { acks } = JSON.parse(body) as { acks: number[] };
      const said = acks.map((id): [string, boolean] => {
        const one = pending.get(id);
        if (one === undefined || --one.asks > 0) return [String(id), false];
        pending.delete(id);
        indexed.push(...one.events);
        return [String(id), true];
      });
      return answer(200, { acks: Object.fromEntries(said) });
    }
    if (request.url !== '/services/collector/event') return answer(404, { text: 'no such place', code: 404 });
    if (Buffer.byteLength(body) > bytesMax) return response.writeHead(413).end('Request entity too large');
    const events = objectsIn(body).map((text) => JSON.parse(text) as HecEvent);
    const bad = events.findIndex(({ event }) => event.details.reason.includes('malformed'));
    if (bad >= 0) return answer(400, { text: 'Invalid data format', code: 6, 'invalid-event-number': bad });
    if (events.some(({ index = 'main' }) => index !== indexAllowed)) {
      return answer(400, { text: 'Incorrect index', code: 7, 'invalid-event-number': 0 });
    }
    if (asksUntilIndexed === null) {
      indexed.push(...events);
      return answer(200, { text: 'Success', code: 0 });
    }
    const id = pending.size;
    pending.set(id, { asks: asksUntilIndexed, events });
    return answer(200, { text: 'Success', code: 0, ackId: id });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  target = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: { store: 'token' } };
  parts = transportParts({
    secret: async () => 'right',
    fetch: async (url, { headers, body, signal }) => {
      const answer = await fetch(url, { method: 'POST', headers: { ...headers }, body: String(body), signal });
      return { status: answer.status, body: await answer.text() };
    },
  });
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function batchOf(...reasons: readonly string[]) {
  return reasons.map((reason, index) => {
    const seq = index + 1;
    const event: Event = { seq, at: 1_790_000_000_123 + seq, type: 'gateway.stopped', reason };
    return recordOf(event);
  });
}
const signal = () => AbortSignal.timeout(20_000);

test('events are indexed in order, each with its own time', async () => {
  const sink = createSplunk({ ...target, index: 'main', sourcetype: 'ours' }, parts);
  expect(await sink.send(batchOf('a', 'line one\nline two'), signal())).toEqual({ outcome: 'taken' });
  expect(indexed.map(({ event }) => event.sequence)).toEqual([1, 2]);
  expect(indexed[0]).toMatchObject({
    time: 1_790_000_000.124,
    host: 'gw_1',
    source: 'sallyport:siem',
    sourcetype: 'ours',
  });
  expect(indexed[1]?.event.details.reason).toBe('line one\nline two');
});

test('with acknowledgement, a batch is taken once Splunk has indexed it', async () => {
  asksUntilIndexed = 3;
  expect(await createSplunk(target, parts).send(batchOf('a', 'b'), signal())).toEqual({ outcome: 'taken' });
  expect(indexed).toHaveLength(2);
  asksUntilIndexed = Number.POSITIVE_INFINITY;
  const stop = new AbortController();
  const waiting = createSplunk(target, parts).send(batchOf('c'), stop.signal);
  setImmediate(() => stop.abort(new Error('the deadline of the batch has passed')));
  await expect(waiting).rejects.toThrow();
  expect(indexed).toHaveLength(2);
});

test('what Splunk calls malformed is named by its place, all others are taken', async () => {
  const outcome = await createSplunk(target, parts).send(
    batchOf('a', 'malformed', 'b', 'c', 'malformed too', 'd'),
    signal(),
  );
  expect(outcome).toMatchObject({ outcome: 'refused', refused: [{ at: 1 }, { at: 4 }] });
  expect(indexed.map(({ event }) => event.sequence)).toEqual([1, 3, 4, 6]);
});

test('a batch that is too large is halved; an event that is too large by itself is refused', async () => {
  bytesMax = 2_000;
  const outcome = await createSplunk(target, parts).send(batchOf('a', 'x'.repeat(3_000), 'b'), signal());
  expect(outcome).toMatchObject({ outcome: 'refused', refused: [{ at: 1 }] });
  expect(new Set(indexed.map(({ event }) => event.sequence))).toEqual(new Set([1, 3]));
});

test('what is wrong with the settings is said, tried again, and tells no token', async () => {
  const wrong = createSplunk(target, { ...parts, secret: async () => 'wrong-token' });
  const error: unknown = await wrong.send(batchOf('a'), signal()).catch((problem: unknown) => problem);
  expect(String(error)).toContain('does not know the token');
  expect(String(error)).not.toContain('wrong-token');
  indexAllowed = 'elsewhere';
  await expect(createSplunk(target, parts).send(batchOf('a'), signal())).rejects.toThrow('may not write to this index');
  expect(indexed).toEqual([]);
});
