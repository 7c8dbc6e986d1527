/**
 * The demonstration's HTTP resource: a small shop of its own, on the loopback interface, that answers nobody without its
 * API key. A page for people, JSON for programs, a feed of events, and an echo that shows what reached it.
 *
 *     GET /                      page          GET /v1/events             server-sent events, one a second
 *     GET /v1/customers[?limit]  list          POST /v1/refunds           JSON or form: order, amount
 *     GET /v1/customers/ID       one           ANY /v1/echo               method, path, fields, body
 *     DELETE /v1/customers/ID    204
 *
 * Everything in it is made up; it keeps nothing.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

export interface Service {
  readonly host: string;
  readonly port: number;
  /** What it wants as `X-Api-Key`. New at each start. */
  readonly key: string;
  stop(): Promise<void>;
}

interface Customer {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly ssn: string;
  readonly card: string;
  readonly balance: number;
}

/** Of a request's body: more than a refund or an echo needs. */
const bodyBytesMax = 256 * 1024;
const eventIntervalMs = 1000;

// Numbers that the issuers give as examples: they are nobody's.
const customers: readonly Customer[] = [
  ['Ada Lovelace', '078-05-1120', '4111 1111 1111 1111', 120.5],
  ['Charles Babbage', '219-09-9999', '5555 5555 5555 4444', 0],
  ['Grace Hopper', '457-55-5462', '4012 8888 8888 1881', 31.4],
  ['Alan Turing', '122-05-1121', '3782 822463 10005', 900],
].map(([name, ssn, card, balance], index) => ({
  id: index + 1,
  name: name as string,
  email: `${(name as string).toLowerCase().replace(' ', '.')}@customers.example`,
  ssn: ssn as string,
  card: card as string,
  balance: balance as number,
}));

/** Rejects where the port is taken. */
export async function startService(port: number): Promise<Service> {
  const key = `shop_${randomBytes(18).toString('base64url')}`;
  const server = createServer((request, response) => {
    answer(request, response, key).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    host: '127.0.0.1',
    port,
    key,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, key: string): Promise<void> {
  if (!isKey(request.headers['x-api-key'], key)) {
    return send(response, 401, { error: 'this service answers nobody without its key' });
  }
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://shop');
  const packs = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const method = request.method ?? '';
  const customer = /^\/v1\/customers\/(\d+)$/.exec(pathname);
  if (method === 'GET' && pathname === '/') return sendPage(response);
  if (method === 'GET' && pathname === '/v1/events') return sendEvents(response);
  if (method === 'GET' && pathname === '/v1/customers') {
    const limit = Number(searchParams.get('limit') ?? customers.length);
    return send(response, 200, { customers: customers.slice(0, limit) }, packs ? { 'content-encoding': 'gzip' } : {});
  }
  if (customer !== null) {
    const found = customers.find(({ id }) => id === Number(customer[1]));
    if (found === undefined) return send(response, 404, { error: 'there is no such customer' });
    if (method === 'GET') return send(response, 200, found, { 'x-contact': found.email });
    if (method === 'DELETE') return void response.writeHead(204).end();
  }
  if (method === 'POST' && pathname === '/v1/refunds') {
    const body = await read(request);
    return send(response, 201, { refund: randomBytes(4).toString('hex'), of: body.toString('utf8') });
  }
  if (pathname === '/v1/echo') {
    const body = await read(request);
    return send(response, 200, { method, path: request.url, fields: request.headers, body: body.toString('utf8') });
  }
  send(response, 404, { error: 'there is nothing here' });
}

function isKey(given: string | string[] | undefined, key: string): boolean {
  const [one, other] = [Buffer.from(String(given ?? '')), Buffer.from(key)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function send(response: ServerResponse, status: number, body: unknown, fields: Record<string, string> = {}): void {
  const text = Buffer.from(JSON.stringify(body));
  const bytes = fields['content-encoding'] === 'gzip' ? gzipSync(text) : text;
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length, ...fields });
  response.end(bytes);
}

function sendEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  let order = 1000;
  const timer = setInterval(() => {
    const { email } = customers[order % customers.length]!;
    response.write(`event: order\ndata: ${JSON.stringify({ order: order++, email })}\n\n`);
  }, eventIntervalMs);
  response.once('close', () => clearInterval(timer));
}

function sendPage(response: ServerResponse): void {
  const rows = customers.map(({ id, name, email, card, balance }) =>
    ['<tr>', ...[id, name, email, card, balance].map((cell) => `<td>${cell}</td>`), '</tr>'].join(''),
  );
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Shop</title><link rel="icon" href="data:,"><style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 0 auto; padding: 2rem 1.25rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: 0.4rem 1rem 0.4rem 0; border-bottom: 1px solid color-mix(in srgb, currentcolor 20%, transparent) }
th:last-child, td:last-child { text-align: right; padding-right: 0 }
input, button { font: inherit; padding: 0.2rem 0.5rem }
input { width: 6rem }
</style></head>
<body>
<h1>Customers</h1>
<table><tr><th>id</th><th>name</th><th>email</th><th>card</th><th>balance</th></tr>${rows.join('')}</table>
<form method="post" action="/v1/refunds">
<p>Refund of order <input name="order" value="1001"> amount <input name="amount" value="20.00"> <button>Refund</button></p>
</form>
<p><a href="/v1/customers">As JSON</a> · <a href="/v1/events">Events</a> · <a href="/v1/echo">Echo</a> · <a href="/.sallyport/sign-off">Sign off</a></p>
</body>
</html>
`);
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error('the body is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
