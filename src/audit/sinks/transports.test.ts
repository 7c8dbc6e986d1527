/** Syslog, webhook and file by themselves; against real peers they are tried in test/e2e/sinks.test.ts and sink-delivery.test.ts. */
import { chmod, link, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isGatewayError } from '../../base/errors.ts';
import { createFile } from './file.ts';
import { syslogFacilities, syslogMessage } from './formats/syslog-message.ts';
import { createSyslog, hostAndPort } from './syslog.ts';
import { atOf, intent, opened, recordOf, transportParts } from './testing.ts';
import type { SinkRecord, SinkRequest } from './transport.ts';
import { createWebhook } from './webhook.ts';

const { signal } = new AbortController();
const said = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'taken',
    (error: unknown) => (isGatewayError(error) ? error.publicMessage : String(error)),
  );

const origin = { facility: 'audit', hostname: 'gw_1', version: '1.0.0', gateway: 'gw_1' };

/** Splits frames of RFC 6587 and takes a message of RFC 5424 apart, as a receiver does. */
function parse(bytes: Buffer) {
  const messages: { pri: number; header: string[]; data: string; text: string; mark: boolean }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString('latin1', at, space));
    const message = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      bytes.subarray(space + 1, space + 1 + length),
    );
    at = space + 1 + length;
    const match = /^<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) /.exec(message)!;
    const [, pri, ...header] = match;
    let rest = match[0].length;
    let data = '';
    while (message[rest] === '[') {
      for (let quoted = false; ; rest++) {
        data += message[rest];
        if (message[rest] === '\\') data += message[++rest];
        else if (message[rest] === '"') quoted = !quoted;
        else if (message[rest] === ']' && !quoted) break;
      }
      rest++;
    }
    const text = message.slice(rest + 1);
    messages.push({
      pri: Number(pri),
      header,
      data,
      text: text.replace(/^\ufeff/, ''),
      mark: text.startsWith('\ufeff'),
    });
  }
  return messages;
}

describe('messages of syslog', () => {
  it('A-REC-02 are one frame each, whatever stands in an event, and read back', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('"]', '\\', '\n<110>1 - - - - - -', '\u001b[2J', '\ud800', '] [x@1 a="b"', 'ü🔒'),
    );
    fc.assert(
      fc.property(hostile, hostile, (text, name) => {
        const principal = { id: 'x', issuer: 'x', name, kind: 'person', groups: [], credentialId: null } as const;
        const open = recordOf(opened(1, 'ses_1', { principal, resource: text, client: { [name]: text } }));
        const frames = Buffer.concat([
          syslogMessage(open, { ...origin, hostname: name }),
          syslogMessage(recordOf(intent(2, text)), origin),
        ]);
        const [first, second, ...more] = parse(frames);
        expect(more).toEqual([]);
        expect(JSON.parse(first!.text)).toEqual(open.document);
        expect(first!.header[4]).toBe('session.opened');
        expect(first!.header[1]).toMatch(/^[\x21-\x7e]{1,255}$/);
        expect((JSON.parse(second!.text) as { command: { text: string } }).command.text).toBe(text);
        expect(first!.mark).toBe(/[^\u0000-\u007f]/.test(first!.text));
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it('have facility and severity in PRI, and the sequence of RFC 5424, section 7.3.1', () => {
    const pri = (record: SinkRecord, facility: string): number =>
      parse(syslogMessage(record, { ...origin, facility }))[0]!.pri;
    expect(pri(recordOf(opened(1)), 'audit')).toBe(13 * 8 + 6);
    expect(pri(recordOf(opened(1)), 'local7')).toBe(23 * 8 + 6);
    const refused = {
      type: 'violation',
      connection: 'c',
      session: null,
      source: 's',
      side: 'client',
      code: 'x',
      detail: '',
    } as const;
    expect(pri(recordOf({ ...refused, seq: 1, at: 1 }), 'kern')).toBe(4);
    expect(Object.keys(syslogFacilities)).toHaveLength(24);
    const sequence = (seq: number): string => parse(syslogMessage(recordOf({ ...opened(1), seq }), origin))[0]!.data;
    expect(sequence(2 ** 31 - 1)).toContain('[meta sequenceId="2147483647"]');
    expect(sequence(2 ** 31)).toContain('[meta sequenceId="1"]');
  });

  it('go to the port that is usual', () => {
    expect(hostAndPort('logs', 514)).toEqual({ host: 'logs', port: 514 });
    expect(hostAndPort('[2001:db8::1]:6514', 514)).toEqual({ host: '2001:db8::1', port: 6514 });
    expect(() => hostAndPort('a b:c', 1)).toThrow('address');
  });
});

describe('a receiver of syslog', () => {
  let server: Server;
  let behave: (socket: Socket) => void;
  let received: Buffer[];
  const send = (batch: readonly SinkRecord[], abort = signal): Promise<unknown> => {
    const { port } = server.address() as AddressInfo;
    const connect = async (): Promise<Socket> =>
      new Promise((resolve) => {
        const socket = createConnection({ host: '127.0.0.1', port }, () => resolve(socket));
        socket.on('error', () => undefined);
      });
    return createSyslog({ address: `127.0.0.1:${port}` }, transportParts({ connect })).send(batch, abort);
  };

  beforeEach(async () => {
    received = [];
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => received.push(chunk));
      behave(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => new Promise<void>((resolve) => void server.close(() => resolve())));

  it('has taken a batch once it read all of it and closed its side', async () => {
    behave = (socket) => socket.on('end', () => socket.end());
    const batch = Array.from({ length: 50 }, (_, at) => recordOf(intent(at + 1, 'x'.repeat(20_000))));
    expect(await send(batch)).toEqual({ outcome: 'taken' });
    expect(parse(Buffer.concat(received))).toHaveLength(50);
  });

  it('has not where it closes before, breaks off, or never answers', async () => {
    behave = (socket) => socket.destroy();
    const batch = Array.from({ length: 200 }, (_, at) => recordOf(intent(at + 1, 'x'.repeat(50_000))));
    expect(await said(send(batch))).not.toBe('taken');
    behave = (socket) => socket.once('data', () => socket.resetAndDestroy());
    expect(await said(send(batch))).not.toBe('taken');
    const abort = new AbortController();
    let peer: Socket | null = null;
    behave = (socket) => {
      peer = socket;
      socket.on('end', () => abort.abort(new Error('the deadline')));
    };
    expect(await said(send([recordOf(opened(1))], abort.signal))).toBe('Error: the deadline');
    (peer as Socket | null)?.destroy();
  });
});

describe('a file', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sallyport-file-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));
  const day = (at: number): string => join(directory, `sallyport-gw_1-2026-01-0${at}.jsonl`);
  const lines = async (path: string): Promise<string[]> => (await readFile(path, 'utf8')).split('\n').slice(0, -1);

  it('is a new one each day of the events', async () => {
    const file = createFile({ directory }, transportParts());
    const late = { ...opened(3), at: atOf(0) + 86_400_000 };
    await file.send([recordOf(opened(1)), recordOf(intent(2, 'a')), recordOf(late)], signal);
    await file.send([recordOf({ ...intent(4, 'b'), at: late.at })], signal);
    await file.close();
    expect((await readdir(directory)).sort()).toEqual([
      'sallyport-gw_1-2026-01-01.jsonl',
      'sallyport-gw_1-2026-01-02.jsonl',
    ]);
    expect((await lines(day(1))).map((line) => (JSON.parse(line) as { sequence: number }).sequence)).toEqual([1, 2]);
    expect(await lines(day(2))).toHaveLength(2);
  });

  it('goes on behind a line that a crash cut short', async () => {
    await writeFile(day(1), '{"sequence":1}\n{"sequ', { mode: 0o600 });
    const file = createFile({ directory }, transportParts());
    await file.send([recordOf(opened(2))], signal);
    await file.close();
    const [first, torn, second] = await lines(day(1));
    expect([first, torn]).toEqual(['{"sequence":1}', '{"sequ']);
    expect(JSON.parse(second!)).toMatchObject({ sequence: 2 });
  });

  it('A-REC-03 follows no link, writes to no second name and to no missing directory', async () => {
    const send = async (at = directory): Promise<string> => {
      const file = createFile({ directory: at }, transportParts());
      return said(file.send([recordOf(opened(1))], signal)).finally(() => file.close());
    };
    const elsewhere = join(directory, 'elsewhere');
    await writeFile(elsewhere, '');
    await symlink(elsewhere, day(1));
    expect(await send()).toContain('ELOOP');
    await rm(day(1));
    await link(elsewhere, day(1));
    expect(await send()).toContain('second name');
    expect(await readFile(elsewhere, 'utf8')).toBe('');
    await rm(day(1));
    expect(await send(join(directory, 'unmounted'))).toContain('ENOENT');
    expect(() => createFile({ directory: 'relative' }, transportParts())).toThrow('absolute');
    expect(await send()).toBe('taken');
    await chmod(day(1), 0o400);
  });
});

describe('a webhook', () => {
  const requests: { url: string; init: SinkRequest }[] = [];
  const hook = (statuses: readonly number[], target = {}, change = {}) => {
    requests.length = 0;
    const queue = [...statuses];
    return createWebhook(
      { url: 'https://example.test/x', ...target },
      transportParts({
        fetch: async (url, init) => {
          requests.push({ url, init });
          return { status: queue.shift() ?? 204, body: '' };
        },
        ...change,
      }),
    );
  };
  const batch = [recordOf(opened(1)), recordOf(intent(2, 'a')), recordOf(intent(3, 'b'))];

  it('is a POST of an array, or of lines, with headers and signature', async () => {
    await hook([200], { secret: { env: 'X' }, headers: { 'X-A': 'b', 'x-key': { env: 'K' } } }).send(batch, signal);
    const { headers, body, method } = requests[0]!.init;
    expect(method).toBe('POST');
    expect(JSON.parse(String(body))).toHaveLength(3);
    expect(headers).toMatchObject({ 'x-a': 'b', 'x-key': 'secret', 'sallyport-sequence': '1-3' });
    expect(headers['sallyport-signature']).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
    await hook([200], { body: 'lines' }).send(batch, signal);
    expect(String(requests[0]!.init.body).trimEnd().split('\n')).toHaveLength(3);
    expect(requests[0]!.init.headers['content-type']).toBe('application/x-ndjson');
    await hook([200], {}, { format: 'cef' }).send(batch, signal);
    expect(requests[0]!.init.headers['content-type']).toBe('text/plain');
  });

  it('that refuses a batch is asked event by event, and only what it refuses alone is given up', async () => {
    expect(await hook([422, 204, 413, 204]).send(batch, signal)).toEqual({
      outcome: 'refused',
      refused: [{ at: 1, why: 'it answered 413' }],
    });
    expect(await hook([400, 204, 204, 204]).send(batch, signal)).toEqual({ outcome: 'taken' });
    expect(await hook([413]).send(batch.slice(0, 1), signal)).toEqual({
      outcome: 'refused',
      refused: [{ at: 0, why: 'it answered 413' }],
    });
  });

  it('that answers anything else is tried again, a login that is wrong too', async () => {
    for (const status of [301, 401, 403, 404, 408, 429, 500, 503]) {
      expect(await said(hook([status]).send(batch, signal))).toContain(`it answered ${status}`);
    }
  });
});
