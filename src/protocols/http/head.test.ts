/**
 * A-HTTP-01: our reading of HTTP/1.1 against Node's strict parser, on made-up connections: what that refuses is refused; what
 * both take, both read alike, to the last byte. And the limits of heads and bodies, at each and one past it.
 */
import { describe, expect, test } from 'vitest';
import { BodyReader } from './body.ts';
import type { Field } from './fields.ts';
import { type Framing, FramingFault, HeadBuffer, headText, scanAnswer, scanRequest } from './head.ts';
import * as limits from './limits.ts';
import { Message } from './message.ts';
import { type Parsed, type Reading, readByNode } from './node-parser-testing.ts';

/** Connections that are made up for each run; more of them for whoever changes the parser. */
const runs = Number(process.env['HTTP_FUZZ_RUNS'] ?? 6_000);
const seed = Number(process.env['HTTP_FUZZ_SEED'] ?? 20_261_121);

/** What ours makes of these bytes. */
function readByUs(kind: 'request' | 'answer', pieces: readonly Buffer[], isHead = false): Reading {
  const messages: Parsed[] = [];
  const heads = new HeadBuffer(64 * 1024);
  let body: BodyReader | null = null;
  let isLast = false;
  const message = (): Parsed => messages.at(-1)!;
  const sink = {
    data: (view: Buffer) => {
      message().body += view.toString('latin1');
    },
    trail: (trailers: Field[]) => {
      message().trailers = trailers.flat();
      message().isWhole = true;
    },
  };
  const take = (chunk: Buffer, from: number): number => {
    if (body !== null && !body.isOver) return body.push(chunk, from, sink);
    if (isLast) throw new FramingFault('bytes behind the last message');
    const text = heads.take(chunk, from);
    if (text === null) return chunk.length;
    const scanned = kind === 'request' ? scanRequest(text) : scanAnswer(text, isHead ? 'HEAD' : 'GET');
    isLast = !scanned.keepsAlive;
    messages.push({
      start: 'status' in scanned ? String(scanned.status) : `${scanned.method} ${scanned.target}`,
      version: 'version' in scanned ? scanned.version : text.slice(5, 8),
      fields: scanned.fields.flat(),
      body: '',
      trailers: [],
      isWhole: scanned.framing.kind === 'none',
    });
    body = new BodyReader(scanned.framing);
    return heads.next;
  };
  try {
    for (const piece of pieces) for (let at = 0; at < piece.length; ) at = take(piece, at);
  } catch (error) {
    if (!(error instanceof FramingFault)) throw error;
    return { messages, isRefused: true };
  }
  const reader = body as BodyReader | null;
  const isCut = heads.isBegun || (reader !== null && !reader.isOver && !reader.finish(sink));
  return { messages, isRefused: isCut };
}

/** Mulberry32. */
function randomOf(from: number): (below: number) => number {
  let state = from;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = ReturnType<typeof randomOf>;
const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)]!;

const starts = {
  request: [
    'GET / HTTP/1.1',
    'GET /a/b?c=d#e HTTP/1.1',
    'POST /x HTTP/1.1',
    'PUT /~!$&()*+,;=:@%2f HTTP/1.0',
    'HEAD /"<>[]{}|^` HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'DELETE http://a.example/ HTTP/1.1',
    'M-SEARCH /x HTTP/1.1',
    'QUERY /x HTTP/1.1',
    'PATCH  /two HTTP/1.1',
    'FOO /x HTTP/1.1',
    'SOURCE /x HTTP/1.1',
    'DESCRIBE /x HTTP/1.1',
    'PRI * HTTP/2.0',
    'GET /x HTTP/2.0',
    'GET /x HTTP/0.9',
    'GET /x RTSP/1.0',
    'GET x HTTP/1.1',
  ],
  answer: [
    'HTTP/1.1 200 OK',
    'HTTP/1.1 200',
    'HTTP/1.1 200 ',
    'HTTP/1.0 200 OK',
    'HTTP/1.1 204 No Content',
    'HTTP/1.1 304 Not Modified',
    'HTTP/1.1 100 Continue',
    'HTTP/1.1 404 N\xf6t found',
    'HTTP/1.1 999 Odd',
    'HTTP/1.1 99 Short',
    'HTTP/1.1 2000 Long',
    'HTTP/2.0 200 OK',
    'HTTP/1.1  200 OK',
    'ICY 200 OK',
  ],
} as const;
const lines = [
  'Host: a',
  'Content-Length: 3',
  'Content-Length: 0',
  'Content-Length: 03',
  'content-length: 3 ',
  'Content-Length: 3, 3',
  'Content-Length: +3',
  'Content-Length: 99999999999999999999',
  'Transfer-Encoding: chunked',
  'transfer-encoding: CHUNKED',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding:',
  'Transfer-Encoding : chunked',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: x, CLOSE',
  'Proxy-Connection: close',
  'X: y',
  'X:',
  'X: \t y z \t',
  'X: \xe9\xa0',
  'X: y\x7f',
  'X: y\x00',
  'X\x00: y',
  ' X: folded',
  '\tX: folded',
  ': nameless',
  'nothing',
  'X(y): z',
  "!#$%&'*+-.^_`|~: token",
  'Expect: 100-continue',
  'Trailer: X',
];
const bodies = [
  '',
  'abc',
  '3\r\nabc\r\n0\r\n\r\n',
  '3\r\nabc\r\n0\r\nX: y\r\n\r\n',
  '3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n',
  '003;x=y\r\nabc\r\n000\r\n\r\n',
  '3;x="a b"\r\nabc\r\n0\r\n\r\n',
  '3 \r\nabc\r\n0\r\n\r\n',
  'A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n',
  '3\nabc\n0\n\n',
  '3\r\nabcd\r\n0\r\n\r\n',
  'fffffffffffffffff\r\nabc\r\n0\r\n\r\n',
];
const ends = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n'];
const odd = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '\0',
  '\x7f',
  '\x80',
  '\xff',
  '0',
  '3',
  'a',
  'x',
  '"',
  '/',
  '-',
  '%',
];

function oneOf(random: Random, kind: 'request' | 'answer'): string {
  const isFair = random(3) > 0;
  const end = (): string => (isFair ? '\r\n' : pick(random, ends));
  const isChunked = random(3) === 0;
  const framed = isChunked ? ['Transfer-Encoding: chunked'] : random(2) === 0 ? ['Content-Length: 3'] : [];
  const some = Array.from({ length: random(4) }, () =>
    pick(random, isFair ? ['X: y', 'Host: a', 'X:', 'A: b\tc'] : lines),
  );
  const fields = random(2) === 0 ? [...framed, ...some] : [...some, ...framed];
  const start = isFair && random(2) === 0 ? starts[kind][0] : pick(random, starts[kind]);
  const body = !isFair ? pick(random, bodies) : isChunked ? bodies[2 + random(5)]! : framed.length > 0 ? 'abc' : '';
  return `${random(12) === 0 ? '\r\n' : ''}${start}${end()}${fields.map((line) => line + end()).join('')}${end()}${body}`;
}

function spoiled(random: Random, text: string): string {
  let out = text;
  for (let times = random(3); times > 0; times--) {
    const at = random(out.length + 1);
    const cut = random(3);
    out = out.slice(0, at) + (random(4) === 0 ? '' : pick(random, odd)) + out.slice(at + (cut === 2 ? 1 : 0));
  }
  return out;
}

function cut(random: Random, bytes: Buffer): Buffer[] {
  const way = random(4);
  if (way === 0) return [bytes];
  if (way === 1) return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const next = at + 1 + random(40);
    pieces.push(bytes.subarray(at, next));
    at = next;
  }
  return pieces;
}

/** What is wrong with ours, beside theirs; null: nothing. */
function difference(ours: Reading, theirs: Reading): string | null {
  if (ours.messages.length > theirs.messages.length) return 'a message that Node does not see';
  for (const [at, one] of ours.messages.entries()) {
    const other = theirs.messages[at]!;
    for (const part of ['start', 'version'] as const) if (one[part] !== other[part]) return `${part} of message ${at}`;
    if (JSON.stringify(one.fields) !== JSON.stringify(other.fields)) return `fields of message ${at}`;
    if (one.isWhole && !other.isWhole) return `the end of message ${at}`;
    if (one.isWhole && one.body !== other.body) return `the body of message ${at}`;
    if (one.isWhole && JSON.stringify(one.trailers) !== JSON.stringify(other.trailers))
      return `trailers of message ${at}`;
    if (!other.body.startsWith(one.body)) return `the beginning of the body of message ${at}`;
  }
  return theirs.isRefused && !ours.isRefused ? 'something that Node refuses' : null;
}

describe('A-HTTP-01: against Node’s strict parser', () => {
  test.each(['request', 'answer'] as const)(`%s: ${runs} connections of seed ${seed}`, (kind) => {
    const random = randomOf(seed + kind.length);
    let agreed = 0;
    for (let run = 0; run < runs; run++) {
      const isHead = kind === 'answer' && random(8) === 0;
      // What is behind a message that was read wrongly would be read wrongly, too.
      const text = Array.from({ length: 1 + random(3) }, () => oneOf(random, kind)).join('') + oneOf(random, kind);
      const bytes = Buffer.from(random(2) === 0 ? text : spoiled(random, text), 'latin1');
      const ours = readByUs(kind, cut(random, bytes), isHead);
      const theirs = readByNode(kind, [bytes], isHead);
      const found = difference(ours, theirs);
      if (found !== null) {
        expect.fail(
          `run ${run}: ${found}: ${JSON.stringify(bytes.toString('latin1'))}\n${JSON.stringify({ ours, theirs })}`,
        );
      }
      if (!ours.isRefused) agreed++;
    }
    // Or else it compares nothing but refusals.
    expect(agreed).toBeGreaterThan(runs / 20);
  });
});

const refused = (act: () => unknown): FramingFault['kind'] | null => {
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof FramingFault) return error.kind;
    throw error;
  }
};

/** All pieces of a head, as one and byte by byte. */
function taken(bytesMax: number, text: string, isCut: boolean): string | null {
  const heads = new HeadBuffer(bytesMax);
  const bytes = Buffer.from(text, 'latin1');
  let found: string | null = null;
  for (const piece of isCut ? Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)) : [bytes]) {
    found ??= heads.take(piece, 0);
  }
  return found;
}

describe('limits of heads and bodies', () => {
  test.each([false, true])('bytes of a head, and one more (byte by byte: %s)', (isCut) => {
    const head = 'GET / HTTP/1.1\r\n\r\n';
    expect(taken(head.length, head, isCut)).toBe(head);
    expect(refused(() => taken(head.length - 1, head, isCut))).toBe('too-large');
    expect(refused(() => taken(10, 'x'.repeat(10), isCut))).toBeNull();
    expect(refused(() => taken(10, 'x'.repeat(11), isCut))).toBe('too-large');
  });

  test('a head in two pieces, with a body behind it that has bare line feeds', () => {
    const heads = new HeadBuffer(100);
    expect(heads.take(Buffer.from('POST / HTTP/1.1\r\nHost: a\r\n'), 0)).toBeNull();
    expect(heads.startLine()).toBe('POST / HTTP/1.1');
    const rest = Buffer.from('\r\na\nb\n');
    expect(heads.take(rest, 0)).toBe('POST / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(rest.subarray(heads.next).toString()).toBe('a\nb\n');
    expect(heads.isBegun).toBe(false);
  });

  test('a line without CR is refused before the head is whole', () => {
    expect(refused(() => taken(1_000, 'GET / HTTP/1.1\nHost: a\n\n', true))).toBe('malformed');
  });

  const chunks = (text: string): { readonly body: string; readonly trailers: Field[] | null } => {
    let body = '';
    let trailers: Field[] | null = null;
    const reader = new BodyReader({ kind: 'chunked' });
    const sink = {
      data: (view: Buffer) => {
        body += view.toString();
      },
      trail: (all: Field[]) => {
        trailers = all;
      },
    };
    reader.push(Buffer.from(text), 0, sink);
    return { body, trailers };
  };

  test('digits of a size of a chunk, and one more', () => {
    expect(chunks(`${'3'.padStart(limits.chunkSizeDigitsMax, '0')}\r\nabc\r\n0\r\n\r\n`).trailers).toEqual([]);
    expect(refused(() => chunks(`${'3'.padStart(limits.chunkSizeDigitsMax + 1, '0')}\r\nabc`))).toBe('malformed');
  });

  test('extensions of all chunks of a body, and one byte more', () => {
    const half = limits.chunkExtensionBytesMax / 2;
    const chunk = (bytes: number): string => `1;${'x'.repeat(bytes - 1)}\r\na\r\n`;
    expect(chunks(`${chunk(half)}${chunk(half)}0\r\n\r\n`)).toEqual({ body: 'aa', trailers: [] });
    expect(refused(() => chunks(`${chunk(half)}${chunk(half + 1)}`))).toBe('too-large');
  });

  test('fields behind a body: how many, how long, and which not', () => {
    const fields = (count: number): string => Array.from({ length: count }, (_, at) => `X-${at}: y\r\n`).join('');
    expect(chunks(`0\r\n${fields(limits.fieldsMax)}\r\n`).trailers).toHaveLength(limits.fieldsMax);
    expect(refused(() => chunks(`0\r\n${fields(limits.fieldsMax + 1)}\r\n`))).toBe('too-large');
    expect(refused(() => chunks(`0\r\nX: ${'y'.repeat(limits.headBytesMax)}`))).toBe('too-large');
    for (const name of ['Content-Length', 'transfer-encoding', 'HOST']) {
      expect(refused(() => chunks(`0\r\n${name}: 3\r\n\r\n`))).toBe('malformed');
    }
  });

  test('a reader stops behind its message', () => {
    const seen: string[] = [];
    const sink = { data: (view: Buffer) => void seen.push(view.toString()), trail: () => void seen.push('end') };
    const reader = new BodyReader({ kind: 'length', bytes: 3 });
    expect(reader.push(Buffer.from('xxabcGET'), 2, sink)).toBe(5);
    expect(reader.push(Buffer.from('GET'), 0, sink)).toBe(0);
    expect(seen).toEqual(['abc', 'end']);
  });
});

describe('which request it is', () => {
  const scan = (line: string, ...fields: string[]): ReturnType<typeof scanRequest> =>
    scanRequest(`${line}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`);

  test('whether another may follow', () => {
    expect(scan('GET / HTTP/1.1').keepsAlive).toBe(true);
    expect(scan('GET / HTTP/1.1', 'Connection: x, Close').keepsAlive).toBe(false);
    expect(scan('GET / HTTP/1.1', 'Proxy-Connection: close').keepsAlive).toBe(false);
    expect(scan('GET / HTTP/1.0').keepsAlive).toBe(false);
    expect(scan('GET / HTTP/1.0', 'Connection: keep-alive').keepsAlive).toBe(true);
    expect(scan('GET / HTTP/1.0', 'Connection: keep-alive', 'Connection: close').keepsAlive).toBe(false);
  });

  test('whether it asks to switch: both fields, and HTTP/1.1', () => {
    expect(scan('GET / HTTP/1.1', 'Connection: Upgrade', 'Upgrade: WebSocket').upgrade).toBe('websocket');
    expect(scan('GET / HTTP/1.1', 'Upgrade: websocket').upgrade).toBeNull();
    expect(scan('GET / HTTP/1.1', 'Connection: upgrade').upgrade).toBeNull();
    expect(scan('GET / HTTP/1.0', 'Connection: upgrade', 'Upgrade: websocket').upgrade).toBeNull();
  });

  test('what it expects', () => {
    expect(scan('PUT / HTTP/1.1', 'Expect: 100-Continue').expectsContinue).toBe(true);
    expect(scan('PUT / HTTP/1.0', 'Expect: 100-continue').expectsContinue).toBe(false);
    expect(refused(() => scan('PUT / HTTP/1.1', 'Expect: 200-ok'))).toBe('malformed');
  });

  test('a tunnel is a kind of its own, whatever it is to', () => {
    expect(refused(() => scan('CONNECT a.example:443 HTTP/1.1'))).toBe('connect');
  });

  test('of white space around a value only spaces and tabs are none of it', () => {
    expect(scan('GET / HTTP/1.1', 'X: \t\xa0y\xa0\t ').fields).toEqual([['X', '\xa0y\xa0']]);
  });
});

describe('which answer it is', () => {
  const scan = (line: string, method: string, ...fields: string[]): ReturnType<typeof scanAnswer> =>
    scanAnswer(`${line}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`, method);

  test('how it is framed', () => {
    expect(scan('HTTP/1.1 200 OK', 'GET', 'Content-Length: 3').framing).toEqual({ kind: 'length', bytes: 3 });
    expect(scan('HTTP/1.1 200 OK', 'GET', 'Content-Length: 0').framing).toEqual({ kind: 'none' });
    expect(scan('HTTP/1.1 200 OK', 'GET')).toMatchObject({ framing: { kind: 'close' }, keepsAlive: false });
    expect(scan('HTTP/1.1 200 OK', 'HEAD', 'Content-Length: 3')).toMatchObject({
      framing: { kind: 'none' },
      keepsAlive: true,
    });
    expect(scan('HTTP/1.1 304 Not Modified', 'GET', 'Content-Length: 3').framing).toEqual({ kind: 'none' });
    expect(scan('HTTP/1.0 200 OK', 'GET', 'Content-Length: 3').keepsAlive).toBe(false);
  });

  test('what could be framed in two ways is none', () => {
    for (const fields of [
      ['Content-Length: 3', 'Transfer-Encoding: chunked'],
      ['Content-Length: 3', 'Content-Length: 3'],
      ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding: gzip'],
    ]) {
      expect(refused(() => scan('HTTP/1.1 200 OK', 'GET', ...fields))).toBe('malformed');
    }
    expect(refused(() => scan('HTTP/1.0 200 OK', 'GET', 'Transfer-Encoding: chunked'))).toBe('malformed');
    expect(refused(() => scan('HTTP/1.1 204 No Content', 'GET', 'Transfer-Encoding: chunked'))).toBe('malformed');
  });
});

describe('messages on their way out', () => {
  function written(head: string, framing: Framing): { readonly message: Message; readonly text: () => string } {
    const out: Buffer[] = [];
    const message = new Message((view) => out.push(Buffer.from(view)) > 0, head, framing);
    return { message, text: () => out.map((view) => view.toString('latin1')).join('|') };
  }

  test('head and first bytes leave together', () => {
    const { message, text } = written('H\r\n\r\n', { kind: 'length', bytes: 4 });
    message.write(Buffer.from('ab'));
    message.write(Buffer.from('cd'));
    expect(message.end([])).toBe(true);
    expect(text()).toBe('H\r\n\r\nab|cd');
  });

  test('chunks, and fields behind them', () => {
    const { message, text } = written('H\r\n\r\n', { kind: 'chunked' });
    message.write(Buffer.alloc(0));
    message.write(Buffer.from('abc'));
    message.end([['X', 'y']]);
    expect(text()).toBe('H\r\n\r\n3\r\nabc\r\n|0\r\nX: y\r\n\r\n');
  });

  test('a body that is not as long as its head says is told, and never longer', () => {
    const short = written('H\r\n\r\n', { kind: 'length', bytes: 4 });
    short.message.write(Buffer.from('abc'));
    expect(short.message.end([])).toBe(false);
    const long = written('H\r\n\r\n', { kind: 'length', bytes: 2 });
    expect(() => long.message.write(Buffer.from('abc'))).toThrow();
    expect(long.text()).toBe('');
    const bodyless = written('H\r\n\r\n', { kind: 'none' });
    expect(() => bodyless.message.write(Buffer.from('a'))).toThrow();
  });

  test('no field ends its line, nor its head', () => {
    for (const [name, value] of [
      ['X', 'y\r\nZ: a'],
      ['X', 'y\nZ: a'],
      ['X', 'y\0'],
      ['X', 'Ā'],
      ['X: a\r\nY', 'y'],
      ['', 'y'],
      ['X ', 'y'],
    ] as const) {
      expect(() => headText('GET / HTTP/1.1', [[name, value]])).toThrow();
    }
    expect(() => headText('GET /x\r\nX: y HTTP/1.1', [])).toThrow();
    expect(headText('GET / HTTP/1.1', [['X', 'y']])).toBe('GET / HTTP/1.1\r\nX: y\r\n\r\n');
  });
});
