/**
 * What a sink owes, seen from its receiver: signed requests, everything once it takes them, again after a kill between sending and
 * noting, dead letters that can be sent again, and a journal that is not pruned before it.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../src/api/contract/index.ts';
import type { EventDocument } from '../../src/audit/sinks/formats/document.ts';
import { isSignedBy } from '../../src/review/index.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { type GatewayProcess, startGatewayProcess } from '../env/process.ts';
import { setUp } from '../env/setup.ts';

interface Request {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly documents: readonly EventDocument[];
}

/** Answers as `answer` says; null: never. */
class Receiver {
  readonly requests: Request[] = [];
  answer: (request: Request) => number | null = () => 204;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const request = { headers: incoming.headers, body, documents: JSON.parse(body) as EventDocument[] };
        this.requests.push(request);
        const status = this.answer(request);
        if (status !== null) outgoing.writeHead(status).end();
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/events`;
  }

  get documents(): readonly EventDocument[] {
    return this.requests.flatMap(({ documents }) => documents);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function until<T>(what: string, look: () => T | null | Promise<T | null>, deadlineMs = 30_000): Promise<T> {
  for (const end = Date.now() + deadlineMs; ; await sleep(50)) {
    const found = await look();
    if (found !== null) return found;
    if (Date.now() > end) throw new Error(`${what} did not come about`);
  }
}

const sink = (name: string, spec: object): object => ({ kind: 'Sink', metadata: { name }, spec });

describe('a webhook', () => {
  let env: TestEnv;
  let receiver: Receiver;
  let url: string;

  beforeAll(async () => {
    receiver = new Receiver();
    url = await receiver.listen();
    env = await createTestEnv();
  }, 120_000);
  afterAll(async () => {
    await env?.close();
    await receiver?.close();
  });

  it('is signed, and gets every kind of event in order from the journal’s beginning', async () => {
    const admin = await env.api('admin');
    const spec = {
      to: { webhook: { url, secret: { value: 'a secret of the receiver' } } },
      private: true,
      from: 'beginning',
    };
    await admin.call('apply', { body: { documents: [sink('signed', spec)] } });
    await until('the event of the sink itself', () =>
      receiver.documents.some(({ details }) => details['kind'] === 'Sink') ? true : null,
    );
    const [first] = receiver.requests;
    expect(first?.documents[0]?.sequence).toBe(1);
    const sequences = receiver.documents.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    for (const { headers, body, documents } of receiver.requests) {
      const signature = String(headers['sallyport-signature']);
      expect(isSignedBy('a secret of the receiver', signature, body, Date.now())).toBe(true);
      expect(isSignedBy('another', signature, body, Date.now())).toBe(false);
      const range = `${documents[0]!.sequence}-${documents.at(-1)!.sequence}`;
      expect(headers).toMatchObject({ 'sallyport-sequence': range, 'sallyport-sink': 'signed' });
    }
    // What was given as a value is sealed, and no answer or event has it.
    const kept = await admin.call('getObject', { params: { kind: 'Sink', name: 'signed' } });
    expect(JSON.stringify(kept)).toContain('"secret":{"store":"sink.signed.webhook.secret"}');
    expect(JSON.stringify(receiver.documents)).not.toContain('a secret of the receiver');
    await admin.call('deleteObject', { params: { kind: 'Sink', name: 'signed' }, query: {} });
    await until('the sink is gone', async () => ((await admin.call('listSinks')).sinks.length === 0 ? true : null));
  }, 120_000);

  it('keeps what is refused as dead letters, sends them again, or gives them up, and says so', async () => {
    const admin = await env.api('admin');
    receiver.requests.length = 0;
    receiver.answer = ({ documents }) => (documents.some(({ type }) => type === 'token.issued') ? 413 : 204);
    const spec = { to: { webhook: { url } }, events: ['token.issued', 'token.revoked', 'sink.changed'], private: true };
    await admin.call('apply', { body: { documents: [sink('picky', spec)] } });
    await until('the sink runs', async () => {
      const { gateways } = await admin.call('getSink', { params: { name: 'picky' } });
      return gateways.length === 1 ? true : null;
    });
    const issue = () => admin.call('createToken', { body: { principal: 'engineer', description: 'test' } });
    const tokens = [await issue(), await issue(), await issue()];
    await admin.call('revokeToken', { params: { id: tokens[0]!.id } });
    const { deadLetters } = await until('three dead letters', async () => {
      const page = await admin.call('listDeadLetters', { params: { name: 'picky' }, query: {} });
      return page.deadLetters.length === 3 ? page : null;
    });
    expect(deadLetters.map(({ type, why }) => [type, why])).toEqual(Array(3).fill(['token.issued', 'it answered 413']));
    // What follows was taken all the same, and what the sink says of itself too.
    await until('what follows', () => {
      const { documents } = receiver;
      const isSaid = documents.some(({ details }) => details['standing'] === 'dead-lettered');
      return isSaid && documents.some(({ type }) => type === 'token.revoked') ? true : null;
    });
    const [oldest] = deadLetters;
    const needed = await env.gateway.store.sinks.oldestDeadLetters(env.gateway.id);
    expect(needed.get('picky')).toBe(oldest!.sequence);

    receiver.answer = () => 204;
    receiver.requests.length = 0;
    const choice = { gateway: oldest!.gateway, sequence: oldest!.sequence };
    expect(await admin.call('resendDeadLetters', { params: { name: 'picky' }, body: choice })).toEqual({
      wanted: 1,
      left: 0,
    });
    expect(receiver.documents.find(({ type }) => type === 'token.issued')?.sequence).toBe(oldest!.sequence);
    expect(await admin.call('discardDeadLetters', { params: { name: 'picky' }, body: {} })).toEqual({ discarded: 2 });
    await until('the events of both', () => {
      const said = receiver.documents
        .filter(({ principal }) => principal?.name === 'admin')
        .map(({ details }) => details['standing']);
      return said.includes('resent') && said.includes('discarded') ? true : null;
    });
    expect((await admin.call('listDeadLetters', { params: { name: 'picky' }, query: {} })).deadLetters).toEqual([]);
    const metrics = await admin.text('metrics');
    for (const name of ['lag_events', 'lag_seconds', 'working', 'sent_events', 'refused_events', 'failed_batches']) {
      expect(metrics).toMatch(new RegExp(`^sallyport_sink_${name}\\{sink="picky"\\} \\d`, 'm'));
    }
  }, 120_000);

  it('goes on where it was after a change, being off, and a restart', async () => {
    const admin = await env.api('admin');
    const steady = (): readonly EventDocument[] =>
      receiver.requests
        .filter(({ headers }) => headers['sallyport-sink'] === 'steady')
        .flatMap(({ documents }) => documents);
    receiver.requests.length = 0;
    const spec = { to: { webhook: { url } }, events: ['token.*'], private: true };
    await admin.call('apply', { body: { documents: [sink('steady', spec)] } });
    const first = await admin.call('createToken', { body: { description: 'first' } });
    const has = (id: string) => () => (steady().some(({ details }) => details['token'] === id) ? true : null);
    await until('the first', has(first.id));
    await admin.call('apply', { body: { documents: [sink('steady', { ...spec, enabled: false })] } });
    await until('it is off', async () => {
      const { gateways } = await admin.call('getSink', { params: { name: 'steady' } });
      return gateways[0]?.standing === 'off' ? true : null;
    });
    const whileOff = await admin.call('createToken', { body: { description: 'while it is off' } });
    await env.restart();
    const again = await env.api('admin');
    await again.call('apply', { body: { documents: [sink('steady', { ...spec, description: 'on again' })] } });
    await until('the second', has(whileOff.id));
    const ids = steady()
      .filter(({ type }) => type === 'token.issued')
      .map(({ details }) => details['token']);
    expect(ids.filter((id) => id === first.id)).toHaveLength(1);
    expect(ids.indexOf(first.id)).toBeLessThan(ids.indexOf(whileOff.id));
  }, 120_000);

  it('is refused where the manifest is wrong, with words that say what to do', async () => {
    const admin = await env.api('admin');
    const refused = async (spec: object): Promise<string> =>
      admin.call('apply', { body: { documents: [sink('wrong', spec)], dryRun: true } }).then(
        () => 'taken',
        (error: unknown) => JSON.stringify(error),
      );
    expect(await refused({ to: {} })).toContain('exactly one of: syslog, webhook');
    expect(await refused({ to: { webhook: { url }, file: { directory: '/x' } } })).toContain('exactly one of');
    expect(await refused({ to: { webhook: { url } } })).toContain('must be https; http takes private: true');
    expect(await refused({ to: { syslog: { address: 'a:1' } } })).toContain('clear text takes private: true');
    expect(await refused({ to: { slack: { url: { env: 'X' } } }, format: 'json' })).toContain('a form of its own');
    expect(await refused({ to: { file: { directory: '/x' } }, events: ['comand.*'] })).toContain(
      'matches no type of event',
    );
  }, 60_000);
});

it('a kill -9 between sending and noting sends again, and skips nothing', async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'sallyport-sink-kill-'));
  const receiver = new Receiver();
  const url = await receiver.listen();
  let gateway: GatewayProcess | null = null;
  try {
    gateway = await startGatewayProcess({ dataDirectory, tls: 'optional' });
    const tokens = await setUp(gateway, []);
    const client = async (of: GatewayProcess) =>
      createClient({ baseUrl: of.consoleUrl, ca: await readFile(of.caPath, 'utf8'), token: tokens.get('admin')! });
    const before = await client(gateway);
    const spec = { to: { webhook: { url } }, events: ['token.issued'], private: true };
    await before.call('apply', { body: { documents: [sink('hooked', spec)] } });
    const taken = await before.call('createToken', { body: { description: 'taken' } });
    await until('the first', () =>
      receiver.documents.some(({ details }) => details['token'] === taken.id) ? true : null,
    );
    // Taken, and never said so.
    receiver.answer = () => null;
    const cut = await before.call('createToken', { body: { description: 'cut off' } });
    await until('the second', () =>
      receiver.documents.some(({ details }) => details['token'] === cut.id) ? true : null,
    );
    await gateway.stop('SIGKILL');
    receiver.answer = () => 204;
    gateway = await startGatewayProcess({ dataDirectory, tls: 'optional' });
    const last = await (await client(gateway)).call('createToken', { body: { description: 'last' } });
    await until('the third', () =>
      receiver.documents.some(({ details }) => details['token'] === last.id) ? true : null,
    );
    const ids = receiver.documents.map(({ details }) => details['token']);
    expect(ids.filter((id) => id === cut.id).length).toBeGreaterThanOrEqual(2);
    expect(ids.filter((id) => id === taken.id)).toHaveLength(1);
    expect(ids.lastIndexOf(cut.id)).toBeLessThan(ids.indexOf(last.id));
  } finally {
    await gateway?.stop('SIGKILL');
    await receiver.close();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}, 180_000);
