/**
 * Both ends of one large body for `bench/http-bulk.ts`, each a process of its own: a target that makes or discards bodies, and
 * a client that does the other half. Neither keeps a byte.
 *
 *     node bench/bulk-peer.ts target
 *     node bench/bulk-peer.ts client PORT HOST TOKEN VERSION WAY KIND BYTES SECONDS
 *
 * The target says its ports (HTTP/1.1, HTTP/2) in one line of JSON; the client says `{ bytes, seconds, status }`.
 */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const pieceBytes = 256 * 1024;
/** Bytes between which windows of HTTP/2 are opened again. */
const windowBytes = 8 * 1024 * 1024;

const types: Readonly<Record<string, string>> = {
  bytes: 'application/octet-stream',
  text: 'text/plain; charset=utf-8',
  json: 'application/x-ndjson',
};

/** The same piece again and again: whole lines, in which every tenth has something that is masked. */
function pieceOf(kind: string): Buffer {
  if (kind === 'bytes') return Buffer.alloc(pieceBytes, 0xa5);
  const line = (at: number): string => {
    const mail = at % 10 === 0 ? `customer-${at}@shop.example` : 'none';
    if (kind === 'json')
      return JSON.stringify({ id: at, name: `customer ${at}`, mail, total: at * 7, note: 'nothing else' });
    return `${at} customer ${at} ordered seven of the usual, mail ${mail}, and paid at the door`;
  };
  let text = '';
  for (let at = 0; text.length < pieceBytes; at++) text += `${line(at)}\n`;
  return Buffer.from(text);
}

/** Stops at the bytes, or when the time is over. */
function bodyOf(kind: string, bytes: number, seconds: number): Readable {
  const piece = pieceOf(kind);
  const untilMs = performance.now() + seconds * 1000;
  let left = bytes;
  return new Readable({
    highWaterMark: 2 * pieceBytes,
    read() {
      if (left <= 0 || performance.now() > untilMs) {
        this.push(null);
        return;
      }
      left -= piece.length;
      this.push(piece);
    },
  });
}

async function discard(stream: Readable): Promise<number> {
  let bytes = 0;
  const sink = new Writable({
    highWaterMark: 2 * pieceBytes,
    write(view: Buffer, _encoding, done) {
      bytes += view.length;
      done();
    },
  });
  await pipeline(stream, sink);
  return bytes;
}

type Answering = Pick<ServerResponse, 'writeHead'> & Writable;

async function answer(request: Readable & Pick<IncomingMessage, 'url'>, response: Answering): Promise<void> {
  const { searchParams } = new URL(request.url ?? '/', 'http://target');
  const kind = searchParams.get('kind') ?? 'bytes';
  if (searchParams.get('way') === 'down') {
    request.resume();
    response.writeHead(200, { 'Content-Type': types[kind]! });
    await pipeline(bodyOf(kind, Number(searchParams.get('bytes')), Number(searchParams.get('seconds'))), response);
    return;
  }
  const bytes = await discard(request);
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ bytes }));
}

async function serve(): Promise<void> {
  const handle = (request: Readable & Pick<IncomingMessage, 'url'>, response: Answering): void => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  };
  const plain = createServer(handle);
  const multiplexed = createHttp2Server({ settings: { initialWindowSize: windowBytes } }, (request, response) =>
    handle(request, response as unknown as Answering),
  );
  multiplexed.on('session', (session) => session.setLocalWindowSize(windowBytes));
  const ports: number[] = [];
  for (const server of [plain, multiplexed]) {
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  console.log(JSON.stringify(ports));
}

interface Transfer {
  readonly port: number;
  readonly host: string;
  readonly token: string;
  readonly way: string;
  readonly kind: string;
  readonly bytes: number;
  readonly seconds: number;
}

interface Got {
  readonly status: number;
  readonly received: number;
}

function pathOf({ way, kind, bytes, seconds }: Transfer): string {
  return `/bulk?way=${way}&kind=${kind}&bytes=${bytes}&seconds=${seconds}`;
}

function headOf({ way, kind, token }: Transfer): Record<string, string> {
  return { authorization: `Bearer ${token}`, ...(way === 'up' ? { 'content-type': types[kind]! } : {}) };
}

/** Counts what left. */
async function send(transfer: Transfer, into: Writable): Promise<number> {
  if (transfer.way === 'down') {
    into.end();
    return 0;
  }
  let sent = 0;
  const body = bodyOf(transfer.kind, transfer.bytes, transfer.seconds);
  body.on('data', (view: Buffer) => {
    sent += view.length;
  });
  await pipeline(body, into);
  return sent;
}

async function overHttp1(transfer: Transfer): Promise<Got & { readonly sent: number }> {
  const { port, host, way } = transfer;
  const method = way === 'up' ? 'POST' : 'GET';
  const headers = { ...headOf(transfer), Host: host };
  const request = httpRequest({ host: '127.0.0.1', port, method, path: pathOf(transfer), headers });
  const got = new Promise<Got>((resolve, reject) => {
    request.on('response', (response) => {
      discard(response).then((received) => resolve({ status: response.statusCode ?? 0, received }), reject);
    });
    request.on('error', reject);
  });
  const sent = await send(transfer, request);
  return { ...(await got), sent };
}

async function overHttp2(transfer: Transfer): Promise<Got & { readonly sent: number }> {
  const { port, host, way } = transfer;
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: windowBytes } });
  await new Promise((resolve, reject) => session.once('connect', resolve).once('error', reject));
  session.setLocalWindowSize(windowBytes);
  const request = session.request({
    ...headOf(transfer),
    ':method': way === 'up' ? 'POST' : 'GET',
    ':path': pathOf(transfer),
    ':authority': host,
  });
  const status = new Promise<number>((resolve, reject) => {
    request.on('response', (head) => resolve(Number(head[':status'])));
    request.on('error', reject);
  });
  const received = discard(request);
  const sent = await send(transfer, request);
  const got = { status: await status, received: await received, sent };
  session.close();
  return got;
}

async function transferOnce(args: readonly string[]): Promise<void> {
  const [port, host, token, version, way, kind, bytes, seconds] = args as readonly [
    ...[string, string, string, string],
    ...[string, string, string, string],
  ];
  const transfer = { port: Number(port), host, token, way, kind, bytes: Number(bytes), seconds: Number(seconds) };
  const begunMs = performance.now();
  const { status, received, sent } = await (version === '2' ? overHttp2(transfer) : overHttp1(transfer));
  const took = (performance.now() - begunMs) / 1000;
  console.log(JSON.stringify({ status, bytes: way === 'up' ? sent : received, seconds: took }));
}

const [role, ...rest] = process.argv.slice(2);
if (role === 'target') await serve();
else await transferOnce(rest);
