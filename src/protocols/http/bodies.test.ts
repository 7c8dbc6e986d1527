/** A-HTTP-11, A-HTTP-12, A-HTTP-14 on bodies: real Masks, every coding, however the answer is cut, and what is refused. */
import { randomBytes } from 'node:crypto';
import { brotliCompressSync, deflateSync, gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { httpMasks } from '../../masking/http/testing.ts';
import * as limits from './limits.ts';
import { maskingJudge } from './masks-testing.ts';
import { answered, startRawTarget } from './raw-target-testing.ts';
import { openRoom, type Room, type RoomOptions, upstreamSecret } from './room-testing.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(
  answer: Parameters<typeof startRawTarget>[0],
  options: Omit<RoomOptions, 'target'> = {},
): Promise<{ room: Room; received: string[] }> {
  const target = await startRawTarget(answer);
  closing.push(() => target.stop());
  const room = await openRoom({ target, ...options });
  closing.push(() => room.close());
  return { room, received: target.received };
}

const card = '4111111111111111';
const masks = httpMasks({ detect: ['credit_card'], fields: ['/ssn', '/rows/*/ssn'], headers: ['x-card'] });
const masked = { judging: maskingJudge(masks) };
const codings = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
} as const;
const typed = (type: string, more = ''): string => `Content-Type: ${type}\r\n${more}`;
const json = JSON.stringify({ id: 12345678901234567890n.toString(), ssn: '123-45-6789', note: `card ${card} end` });

/** In pieces of one size, chunked. */
function inChunks(fields: string, body: Buffer, size: number): Buffer<ArrayBuffer> {
  const parts: Buffer[] = [Buffer.from(`HTTP/1.1 200 OK\r\n${fields}Transfer-Encoding: chunked\r\n\r\n`)];
  for (let at = 0; at < body.length; at += size) {
    const piece = body.subarray(at, at + size);
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

describe('bodies under Masks', () => {
  test.each([1, 3, 16, 1 << 20])('A-HTTP-12: JSON in chunks of %i: what is named and what is found', async (size) => {
    const { room } = await open(() => inChunks(typed('application/json'), Buffer.from(json), size), masked);
    const answer = await room.curl('/');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body).id).toBe('12345678901234567890');
    expect(answer.body).not.toMatch(/4111|123-45/);
    expect(room.recordings[0]!.content().toString()).not.toMatch(/411111|123-45/);
  });

  test.each(Object.entries(codings))('A-HTTP-12: %s is undone, masked, and done again', async (coding, encode) => {
    const fields = typed('application/json', `Content-Encoding: ${coding}\r\nETag: "x"\r\nContent-MD5: abc\r\n`);
    const { room, received } = await open(() => inChunks(fields, encode(Buffer.from(json)), 7), masked);
    const answer = await room.curl('/', '--compressed', '-H', `Accept-Encoding: ${coding}, compress, x-secret`);
    expect(answer.status).toBe(200);
    // Curl may not know each of them: then the body is what it was sent as.
    if (!answer.body.startsWith('{')) expect(coding).toMatch(/br|zstd/);
    else expect(JSON.parse(answer.body).ssn).not.toContain('123');
    expect(answer.body).not.toMatch(/4111|123-45/);
    expect(answer.heads).toContain(`Content-Encoding: ${coding}`);
    expect(answer.heads).not.toMatch(/etag|content-md5|content-length/i);
    expect(received[0]).toContain(`Accept-Encoding: ${coding}\r\n`);
    expect(received[0]).not.toMatch(/compress, |x-secret/);
  });

  test('A-HTTP-12: two codings, one upon the other', async () => {
    const twice = brotliCompressSync(gzipSync(json));
    const fields = typed('application/json', 'Content-Encoding: gzip, br\r\n');
    const { room } = await open(() => answered(fields, twice), masked);
    const answer = await room.curl('/');
    expect(answer.status).toBe(200);
    expect(room.recordings[0]!.content().includes(card)).toBe(false);
    expect(answer.heads).toContain('Content-Encoding: gzip, br');
  });

  test.each([
    ['an unknown coding', typed('application/json', 'Content-Encoding: compress\r\n'), json],
    ['three codings', typed('application/json', 'Content-Encoding: gzip, gzip, gzip\r\n'), json],
    ['a coding that is broken', typed('application/json', 'Content-Encoding: gzip\r\n'), json],
    [
      'a coding that is cut off',
      typed('application/json', 'Content-Encoding: gzip\r\n'),
      gzipSync(json).subarray(0, 30),
    ],
    ['an archive where fields are named', typed('application/zip'), 'PK'],
    ['two types', typed('image/png', typed('application/json')), json],
    ['text that is no JSON', typed('application/json'), `{"ssn": ${card}, oops`],
    ['a character set that nobody reads', typed('application/json; charset=utf-7'), json],
    ['UTF-16', typed('application/json; charset=utf-16'), Buffer.from(json, 'utf16le')],
    ['UTF-16 that is not named', typed('application/json'), Buffer.from(json, 'utf16le')],
    ['protobuf where fields are named', typed('application/x-protobuf'), json],
  ])('A-HTTP-12: %s is not delivered', async (_name, fields, body) => {
    const { room } = await open(() => answered(fields, body as Buffer), masked);
    const answer = await room.curl('/');
    if (answer.status === 200) expect(answer.exit).not.toBe(0);
    else expect(answer.status).toBe(502);
    expect(answer.body).not.toMatch(/4111|123-45|4\x001\x001/);
    expect(room.recordings[0]!.content().toString('latin1')).not.toMatch(/411111|123-45/);
  });

  test('A-HTTP-12: parts of multipart, and fields of heads', async () => {
    const parts = `--b\r\nContent-Type: text/plain\r\nX-Card: ${card}\r\n\r\nmy card ${card}\r\n--b--\r\n`;
    const fields = typed('multipart/mixed; boundary=b', `X-Card: ${card}\r\nX-Other: ${card}\r\n`);
    const { room } = await open(() => inChunks(fields, Buffer.from(parts), 5), masked);
    const answer = await room.curl('/');
    expect(answer.status).toBe(200);
    expect(answer.heads + answer.body).not.toContain('4111');
    expect(answer.body).toContain('my card ');
  });

  test('A-HTTP-12: ranges are not asked for, and a part that comes all the same is not delivered', async () => {
    let part = false;
    const { room, received } = await open((head) => {
      if (!part) return answered(typed('text/plain', 'Accept-Ranges: bytes\r\n'), `card ${card}`);
      expect(head).not.toMatch(/range/i);
      return answered(typed('text/plain', 'Content-Range: bytes 0-9/21\r\n'), card.slice(0, 10), '206 Partial Content');
    }, masked);
    const whole = await room.curl('/', '-r', '0-9', '-H', 'If-Range: "x"');
    expect(whole.status).toBe(200);
    expect(whole.heads).not.toMatch(/accept-ranges/i);
    expect(received[0]).not.toMatch(/\r\n(?:if-)?range:/i);
    part = true;
    const refused = await room.curl('/', '-r', '0-9');
    expect(refused.status).toBe(502);
    expect(refused.body).not.toContain('4111');
    expect(JSON.parse(refused.body).type).toBe('urn:sallyport:problem:http.unmaskable');
  });

  test.each([
    ['HEAD', '200 OK', ['-I']],
    ['204', '204 No Content', []],
    ['304', '304 Not Modified', ['-H', 'If-None-Match: "x"']],
  ])('%s has no body to mask, and heads are masked', async (_name, status, args) => {
    const fields = `${typed('application/zip')}X-Card: ${card}\r\nETag: "x"\r\n`;
    const length = status.startsWith('200') ? 'Content-Length: 5\r\n' : '';
    const { room } = await open(() => Buffer.from(`HTTP/1.1 ${status}\r\n${fields}${length}\r\n`), masked);
    const answer = await room.curl('/', ...args);
    expect(answer.exit).toBe(0);
    expect(answer.status).toBe(Number(status.slice(0, 3)));
    expect(answer.heads).not.toMatch(/4111|etag|content-length: 5/i);
  });

  test('digests of what was changed do not pass, of what cannot change they do', async () => {
    const digests = ['Digest', 'Repr-Digest', 'Content-Digest', 'X-Amz-Checksum-Sha256', 'X-Goog-Hash', 'Content-MD5'];
    const fields = typed('text/plain', `${digests.map((name) => `${name}: abc\r\n`).join('')}ETag: "abc"\r\n`);
    const { room } = await open(() => answered(fields, 'x'), masked);
    expect((await room.curl('/')).heads).not.toMatch(/abc/);
    const { room: plain } = await open(() => answered(fields, 'x'));
    const answer = await plain.curl('/');
    expect(answer.heads).toContain('ETag: "abc"');
    for (const name of digests) expect(answer.heads).toContain(`${name}: abc`);
    expect(answer.heads).toContain('Content-Length: 1');
  });
});

describe('A-HTTP-11: bombs', () => {
  const bytes = 256 * 1024 * 1024;
  const zeros = Buffer.alloc(bytes, 0x20);
  test.each([
    ['gzip', gzipSync(zeros)],
    ['br', brotliCompressSync(zeros.subarray(0, 64 << 20), { params: { 1: 5 } })],
    ['zstd', zstdCompressSync(zeros)],
    ['gzip, gzip', gzipSync(gzipSync(zeros))],
  ])('%s: what decodes to more than a hundred times as much is not delivered', async (coding, body) => {
    const fields = typed('text/plain', `Content-Encoding: ${coding}\r\n`);
    const { room } = await open(() => answered(fields, body), masked);
    const answer = await room.curl('/', '--output', '/dev/null');
    expect(answer.status === 502 || answer.exit !== 0).toBe(true);
    expect(room.journal.of('command.ended')[0]).toMatchObject({ outcome: 'failed', error: 'http.inflated' });
  });

  test('what stays below passes, however large', async () => {
    // Noise between blanks: some seventy to one.
    const line = (): string => `${randomBytes(100).toString('hex')}${' '.repeat(10_000)}\n`;
    const text = Array.from({ length: 400 }, line).join('');
    const body = gzipSync(text, { level: 1 });
    expect(text.length / body.length).toBeGreaterThan(10);
    expect(text.length / body.length).toBeLessThan(limits.codingRatioMax);
    const fields = typed('text/plain', 'Content-Encoding: gzip\r\n');
    const { room } = await open(() => answered(fields, body), { judging: maskingJudge('not in there') });
    const answer = await room.curl('/');
    expect(answer).toMatchObject({ exit: 0, status: 200 });
    expect(gunzipSync(Buffer.from(answer.body, 'latin1')).toString() === text).toBe(true);
  });
});

describe('A-HTTP-14: the injected secret in what comes back', () => {
  const spellings = {
    'as it is': upstreamSecret,
    'in base 64': Buffer.from(upstreamSecret).toString('base64'),
    'in a URL': encodeURIComponent(upstreamSecret),
  };
  const wide = Buffer.from(`{"key":"${upstreamSecret}"}`, 'utf16le');
  test.each([
    ...Object.entries(spellings).map(([name, text]) => [name, '', Buffer.from(`{"key":"${text}"}`)] as const),
    ['in UTF-16', '', wide] as const,
    ['in UTF-16, the other way round', '', Buffer.from(wide).swap16()] as const,
    ...Object.entries(codings).map(
      ([name, encode]) =>
        [`in ${name}`, `Content-Encoding: ${name}\r\n`, encode(Buffer.from(`{"key":"${upstreamSecret}"}`))] as const,
    ),
  ])('%s, in chunks of each size', async (_name, fields, body) => {
    for (const size of [1, 7, 64]) {
      const { room } = await open(() => inChunks(typed('application/json', fields), body, size));
      const answer = await room.curl('/', '--compressed');
      expect(answer.status).toBe(200);
      const all = Buffer.from(answer.body, 'latin1');
      for (const text of Object.values(spellings)) {
        expect(all.includes(text)).toBe(false);
        expect(all.includes(Buffer.from(text, 'utf16le'))).toBe(false);
      }
      expect(room.recordings[0]!.content().includes(upstreamSecret)).toBe(false);
    }
  });

  test('basic credentials, and fields of the resource’s own', async () => {
    const credential = { username: 'svc', password: 'pass-word-9x', headers: { 'X-Api-Key': 'api-key-5544' } };
    const basic = Buffer.from('svc:pass-word-9x').toString('base64');
    const { room, received } = await open(
      () => answered(typed('text/plain'), `${basic} pass-word-9x api-key-5544 Basic ${basic}`),
      { credential },
    );
    const answer = await room.curl('/');
    expect(received[0]).toContain(`Authorization: Basic ${basic}`);
    expect(received[0]).toContain('X-Api-Key: api-key-5544');
    expect(answer.body).toMatch(/^[* Basic]+$/);
    expect(answer.body).not.toContain('pass-word');
  });
});
