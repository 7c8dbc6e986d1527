/**
 * A-HTTP-01, A-HTTP-02, A-HTTP-06, A-HTTP-10: requests that two servers could read differently. Each is refused, the connection
 * is closed, and the target sees no byte: neither of the request nor of what was hidden behind it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, openRoom, type Room, startTarget, token } from './room-testing.ts';

let target: Awaited<ReturnType<typeof startTarget>>;
let room: Room;
let requests = 0;

beforeAll(async () => {
  target = await startTarget((_request, response) => {
    requests++;
    response.end('reached');
  });
  room = await openRoom({ target });
});

afterAll(async () => {
  await room.close();
  await target.stop();
});

const host = 'Host: orders.gateway.test\r\n';
const proof = `Authorization: Bearer ${token}\r\n`;
const hidden = `GET /hidden HTTP/1.1\r\n${host}${proof}\r\n`;
const post = (fields: string, body: string): string =>
  `POST /x HTTP/1.1\r\n${host}${proof}Content-Type: text/plain\r\n${fields}\r\n${body}`;
const get = (fields: string, line = 'GET /x HTTP/1.1'): string => `${line}\r\n${fields}${proof}\r\n`;
const path = (text: string): string => get(host, `GET ${text} HTTP/1.1`);
const chunked = 'Transfer-Encoding: chunked\r\n';

/** Status that is answered, or null where the connection just ends. */
const corpus: readonly (readonly [name: string, bytes: string, status: number | null])[] = [
  // Two framings of one body.
  ['CL.TE', post(`Content-Length: 6\r\n${chunked}`, `0\r\n\r\n${hidden}`), 400],
  ['TE.CL', post(`${chunked}Content-Length: 4\r\n`, `5c\r\n${hidden}0\r\n\r\n`), 400],
  [
    'CL.TE with the names in odd cases',
    post('content-LENGTH: 6\r\ntransfer-ENCODING: chunked\r\n', `0\r\n\r\n${hidden}`),
    400,
  ],
  ['two Content-Length that differ', post('Content-Length: 3\r\nContent-Length: 5\r\n', 'abcde'), 400],
  ['two Content-Length that are equal', post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'), 400],
  ['a list of Content-Length', post('Content-Length: 3, 3\r\n', 'abc'), 400],
  ['Content-Length with a sign', post('Content-Length: +3\r\n', 'abc'), 400],
  ['negative Content-Length', post('Content-Length: -3\r\n', 'abc'), 400],
  ['hexadecimal Content-Length', post('Content-Length: 0x3\r\n', 'abc'), 400],
  ['Content-Length with a space in it', post('Content-Length: 3 3\r\n', 'abc'), 400],
  ['empty Content-Length', post('Content-Length:\r\n', 'abc'), 400],
  ['Content-Length beyond all numbers', post('Content-Length: 99999999999999999999999\r\n', 'abc'), 400],
  ['Content-Length with a letter', post('Content-Length: 3a\r\n', 'abc'), 400],
  ['Content-Length with a decimal point', post('Content-Length: 3.0\r\n', 'abc'), 400],
  ['Content-Length with an underscore', post('Content-Length: 1_0\r\n', 'abcdefghij'), 400],
  // Transfer-Encoding that is not quite chunked.
  ['TE: xchunked', post('Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE: chunked twice in a list', post('Transfer-Encoding: chunked, chunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE: chunked in two fields', post(`${chunked}${chunked}`, `0\r\n\r\n${hidden}`), 400],
  ['TE: identity', post('Transfer-Encoding: identity\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE: chunked, identity', post('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE: identity, chunked', post('Transfer-Encoding: identity, chunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE: gzip, chunked', post('Transfer-Encoding: gzip, chunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE: gzip', post('Transfer-Encoding: gzip\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE: chunked and cow', post(`${chunked}Transfer-Encoding: cow\r\n`, `0\r\n\r\n${hidden}`), 400],
  ['TE: cow and chunked', post(`Transfer-Encoding: cow\r\n${chunked}`, `0\r\n\r\n${hidden}`), 400],
  ['TE in quotes', post('Transfer-Encoding: "chunked"\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE with a parameter', post('Transfer-Encoding: chunked;q=1\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE with a vertical tab', post('Transfer-Encoding: \x0bchunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE with a NUL', post('Transfer-Encoding: chunked\0\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE with a comma', post('Transfer-Encoding: ,chunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE behind a space before the colon', post('Transfer-Encoding : chunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE behind a tab before the colon', post('Transfer-Encoding\t: chunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE behind a space at the beginning', post(' Transfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE folded', post('X: y\r\n Transfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE with its value folded', post('Transfer-Encoding:\r\n chunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE behind a bare CR', post('X: y\rTransfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE behind a bare LF', post('X: y\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`), 400],
  ['TE of HTTP/1.0', `POST /x HTTP/1.0\r\n${host}${proof}${chunked}\r\n0\r\n\r\n${hidden}`, 400],
  // Chunks.
  ['a chunk size that is no number', post(chunked, `zz\r\nabc\r\n0\r\n\r\n${hidden}`), 400],
  ['a chunk size with 0x', post(chunked, `0x3\r\nabc\r\n0\r\n\r\n${hidden}`), 400],
  ['a chunk size with a sign', post(chunked, `+3\r\nabc\r\n0\r\n\r\n${hidden}`), 400],
  ['a negative chunk size', post(chunked, `-3\r\nabc\r\n0\r\n\r\n${hidden}`), 400],
  ['a chunk size beyond all numbers', post(chunked, `ffffffffffffffffff\r\nabc\r\n0\r\n\r\n${hidden}`), 400],
  ['a chunk size with a space before it', post(chunked, ` 3\r\nabc\r\n0\r\n\r\n${hidden}`), 400],
  ['a chunk size behind a bare LF', post(chunked, `3\nabc\r\n0\r\n\r\n${hidden}`), 400],
  ['a chunk that is longer than it says', post(chunked, `3\r\nabcd\r\n0\r\n\r\n${hidden}`), 400],
  ['a chunk that ends with a bare LF', post(chunked, `3\r\nabc\n0\r\n\r\n${hidden}`), 400],
  ['a chunk extension with a bare LF', post(chunked, `3;x\nabc\r\n0\r\n\r\n${hidden}`), 400],
  ['a chunk extension with a NUL', post(chunked, `3;a=\0\r\nabc\r\n0\r\n\r\n${hidden}`), 400],
  ['an empty chunk size', post(chunked, `\r\nabc\r\n0\r\n\r\n${hidden}`), 400],
  ['an underscore in a chunk size', post(chunked, `1_0\r\nabcdefghijklmnop\r\n0\r\n\r\n${hidden}`), 400],
  ['a trailer with a space before its colon', post(chunked, `0\r\nX : y\r\n\r\n${hidden}`), 400],
  ['a trailer that is folded', post(chunked, `0\r\nX: y\r\n z\r\n\r\n${hidden}`), 400],
  // Lines and heads.
  ['a line that ends with a bare LF', get(host, 'GET /x HTTP/1.1\nX: y'), 400],
  ['a request line that ends with a bare LF', `GET /x HTTP/1.1\n${host}${proof}\r\n`, 400],
  ['a request line that ends with a bare CR', `GET /x HTTP/1.1\r${host}${proof}\r\n`, 400],
  ['an obsolete fold', get(`${host}X: y\r\n z\r\n`), 400],
  ['a fold behind a tab', get(`${host}X: y\r\n\tz\r\n`), 400],
  ['a space before a colon', get(`${host}X : y\r\n`), 400],
  ['a field without a colon', get(`${host}Xy\r\n`), 400],
  ['a field without a name', get(`${host}: y\r\n`), 400],
  ['a NUL in a name', get(`${host}X\0: y\r\n`), 400],
  ['a NUL in a value', get(`${host}X: y\0z\r\n`), 400],
  ['a bare CR in a value', get(`${host}X: y\rz\r\n`), 400],
  ['a name with a bracket', get(`${host}X(y): z\r\n`), 400],
  ['a name outside ASCII', get(`${host}X\xe9: z\r\n`), 400],
  ['a tab in the request line', get(host, 'GET\t/x HTTP/1.1'), 400],
  ['no version', get(host, 'GET /x'), 400],
  ['HTTP/0.9', 'GET /x\r\n\r\n', 400],
  ['a version that does not exist', get(host, 'GET /x HTTP/1.7'), 400],
  ['HTTP/3.0 in a line', get(host, 'GET /x HTTP/3.0'), 400],
  ['a lower-case version', get(host, 'GET /x http/1.1'), 400],
  ['a method that is none', get(host, 'G@T /x HTTP/1.1'), 400],
  ['a lower-case method', get(host, 'get /x HTTP/1.1'), 400],
  ['what is no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 400],
  // Which host (A-HTTP-02, A-HTTP-10).
  ['no Host', get(''), 400],
  ['two Hosts that differ', get(`${host}Host: other.gateway.test\r\n`), 400],
  ['two Hosts that are equal', get(`${host}${host}`), 400],
  ['an empty Host', get('Host: \r\n'), 400],
  ['a Host with a user', get('Host: orders.gateway.test@evil.test\r\n'), 400],
  ['a Host with a path', get('Host: orders.gateway.test/evil\r\n'), 400],
  ['a Host with a comma', get('Host: orders.gateway.test, evil.test\r\n'), 400],
  ['a Host in brackets', get('Host: [::ffff:169.254.169.254]\r\n'), 400],
  ['a Host elsewhere', get('Host: evil.test\r\n'), 421],
  ['a Host that is an address', get('Host: 169.254.169.254\r\n'), 421],
  ['a Host that is the domain itself', get('Host: gateway.test\r\n'), 421],
  ['a Host two names below', get('Host: a.orders.gateway.test\r\n'), 421],
  ['absolute form', get(host, 'GET http://orders.gateway.test/x HTTP/1.1'), 400],
  ['absolute form of another host', get(host, 'GET http://169.254.169.254/latest HTTP/1.1'), 400],
  ['asterisk form', get(host, 'OPTIONS * HTTP/1.1'), 400],
  ['authority form', get(host, 'CONNECT orders.gateway.test:443 HTTP/1.1'), 405],
  ['TRACE, which would tell the credential', get(host, 'TRACE /x HTTP/1.1'), 405],
  // Which path (A-HTTP-06).
  ['a dot segment', path('/public/../admin'), 400],
  ['an encoded dot segment', path('/public/%2e%2e/admin'), 400],
  ['a half encoded dot segment', path('/public/.%2e/admin'), 400],
  ['two slashes', path('//admin'), 400],
  ['a slash that is encoded', path('/public%2fadmin'), 400],
  ['a backslash', path('/public\\..\\admin'), 400],
  ['parameters of a segment', path('/public;/admin'), 400],
  ['a NUL that is encoded', path('/public%00.png'), 400],
  ['a line feed that is encoded', path('/x%0d%0aX:y'), 400],
  ['a fragment', path('/x#/admin'), 400],
  ['a percent sign alone', path('/x%'), 400],
  ['raw UTF-8', path('/\xc3\xa9'), 400],
  ['an overlong UTF-8 slash', path('/public%c0%af..%c0%afadmin'), 400],
  ['another method by a field', get(`${host}X-HTTP-Method-Override: DELETE\r\n`), 400],
  ['another method by a field with underscores', get(`${host}X_HTTP_Method_Override: DELETE\r\n`), 400],
];

describe('A-HTTP-01: requests that two servers could read differently', () => {
  test('there are more than sixty', () => expect(corpus.length).toBeGreaterThan(60));

  test.each(corpus.map(([name, bytes, status]) => ({ name, bytes, status })))('$name', async ({ bytes, status }) => {
    const before = room.upstreamBytes();
    const socket = await room.raw();
    socket.send(bytes);
    // Whatever is still waited for will not come.
    const answered = await Promise.race([
      socket.until((text) => text.includes('\r\n\r\n'), 'an answer'),
      eventually(
        () => socket.isEnded,
        () => 'the end',
      ).then(() => socket.received),
    ]);
    if (status !== null) expect(answered).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answered).not.toContain('reached');
    socket.socket.end();
    await socket.ended();
    expect(socket.received.match(/HTTP\/1\.1 /g)!.length).toBe(1);
    expect(socket.received).not.toContain('reached');
    expect(room.upstreamBytes() - before).toBe(0);
  });

  test('and one that is right, byte by byte, passes', async () => {
    const socket = await room.raw();
    for (const byte of post(chunked, '3;ext=1\r\nabc\r\n0\r\n\r\n')) socket.send(byte);
    expect(await socket.until((text) => text.includes('reached'), 'the answer')).toMatch(/^HTTP\/1\.1 200 /);
    expect(requests).toBe(1);
    expect(room.upstreamTaps[0]!.sent.includes('ext=1')).toBe(false);
  });
});
