/** 256 MiB in one body, both ways, without and with Masks: equal to the byte where nothing is masked, in memory that stays flat. */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { connect as tcpConnect } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { httpMasks } from '../../masking/http/testing.ts';
import { maskingJudge } from './masks-testing.ts';
import { listen, openRoom, type Room, type RoomOptions, token } from './room-testing.ts';

const bytes = 256 * 1024 * 1024;
const piece = 256 * 1024;
/** What target, client and gateway together may have in memory at a time: windows, buffers, and what waits to be collected. */
const growthBytesMax = 128 * 1024 * 1024;
const timeoutMs = 180_000;

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Lines of text, the same each time, and what they come to. */
const line = `${randomBytes(60).toString('base64')} ${randomBytes(60).toString('hex')}\n`;
const block = Buffer.from(
  line
    .repeat(Math.ceil(piece / line.length))
    .slice(0, piece - 1)
    .concat('\n'),
);

function body(): Readable {
  let left = bytes / piece;
  return new Readable({
    read() {
      this.push(left-- > 0 ? Buffer.from(block) : null);
    },
  });
}

const whole = (() => {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes / piece; at++) hash.update(block);
  return hash.digest('hex');
})();

async function digestOf(stream: AsyncIterable<Buffer>): Promise<{ readonly digest: string; readonly length: number }> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    length += chunk.length;
  }
  return { digest: hash.digest('hex'), length };
}

/** Most memory that was in use beyond what was before, while `work` ran. */
async function growthOf(work: () => Promise<void>): Promise<number> {
  const used = (): number => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  globalThis.gc?.();
  const before = used();
  let most = 0;
  const sampling = setInterval(() => {
    most = Math.max(most, used() - before);
  }, 20);
  try {
    await work();
  } finally {
    clearInterval(sampling);
  }
  return most;
}

/** Sends back `/down`, and tells the digest of what came up. */
async function open(type: string, options: Omit<RoomOptions, 'target'> = {}): Promise<Room> {
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.setHeader('Content-Type', type);
      response.setHeader('Content-Length', String(bytes));
      void pipeline(body(), response).catch(() => undefined);
      return;
    }
    void digestOf(request).then(
      (got) => response.end(JSON.stringify(got)),
      () => response.destroy(),
    );
  });
  const port = await listen(server as never);
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const room = await openRoom({ target: { port }, credential: null, ...options });
  closing.push(() => room.close());
  return room;
}

function head(room: Room, method: string): RequestOptions {
  return {
    port: room.port,
    method,
    path: '/bulk',
    headers: { host: room.host, authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
  };
}

function down(room: Room): Promise<{ readonly digest: string; readonly length: number; readonly status: number }> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(head(room, 'GET'), (response: IncomingMessage) => {
      digestOf(response).then((got) => resolve({ ...got, status: response.statusCode ?? 0 }), reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}

function up(room: Room): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(head(room, 'POST'), (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString())));
    });
    pipeline(body(), asked).catch(reject);
  });
}

describe('large bodies', () => {
  test('down: equal to the byte, in flat memory', { timeout: timeoutMs }, async () => {
    const room = await open('application/octet-stream');
    const growth = await growthOf(async () => {
      expect(await down(room)).toEqual({ digest: whole, length: bytes, status: 200 });
    });
    expect(growth).toBeLessThan(growthBytesMax);
    expect(room.journal.of('command.ended')[0]).toMatchObject({ outcome: 'completed', bytes });
  });

  test('up: equal to the byte, in flat memory', { timeout: timeoutMs }, async () => {
    const room = await open('application/octet-stream');
    const growth = await growthOf(async () => {
      expect(await up(room)).toEqual({ digest: whole, length: bytes });
    });
    expect(growth).toBeLessThan(growthBytesMax);
  });

  test('both ways under a Mask: what is not found is equal to the byte', { timeout: timeoutMs }, async () => {
    const masks = httpMasks({ dictionaries: [{ name: 'code', words: ['no-such-word-in-there'] }] });
    const room = await open('text/plain', { judging: maskingJudge(masks) });
    const growth = await growthOf(async () => {
      expect(await down(room)).toEqual({ digest: whole, length: bytes, status: 200 });
      expect(await up(room)).toEqual({ digest: whole, length: bytes });
    });
    expect(growth).toBeLessThan(growthBytesMax);
  });

  test('down over HTTP/2, under its windows', { timeout: timeoutMs }, async () => {
    const room = await open('application/octet-stream');
    const session = http2Connect(`http://${room.host}`, {
      createConnection: () => tcpConnect(room.port, '127.0.0.1'),
      settings: { initialWindowSize: 1 << 20 },
    });
    closing.push(async () => session.destroy());
    const growth = await growthOf(async () => {
      const stream = session.request({ ':path': '/bulk', authorization: `Bearer ${token}` });
      expect(await digestOf(stream)).toEqual({ digest: whole, length: bytes });
    });
    expect(growth).toBeLessThan(growthBytesMax);
  });
});
