import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { backendMessages, frontendMessages, MessageReader } from './codec.ts';
import * as limits from './limits.ts';
import * as messages from './messages.ts';

interface Conversation {
  readonly name: string;
  readonly runs: readonly { readonly from: 'client' | 'server'; readonly hex: string }[];
  readonly unique: readonly { readonly from: string; readonly offset: number; readonly length: number }[];
}

const { conversations } = JSON.parse(
  readFileSync(new URL('./fixtures/conversations.json', import.meta.url), 'utf8'),
) as { conversations: Conversation[] };

function bytesOf(conversation: Conversation, from: 'client' | 'server'): Buffer {
  return Buffer.from(
    conversation.runs.reduce((all, run) => all + (run.from === from ? run.hex : ''), ''),
    'hex',
  );
}

type Copy = { type: string; buffer: Buffer; start: number; end: number };

function split(bytes: Buffer, table: typeof backendMessages): Copy[] {
  const reader = new MessageReader(table);
  const list: Copy[] = [];
  reader.push(bytes);
  while (reader.advance()) {
    const buffer = Buffer.from(reader.buffer.subarray(reader.start, reader.end));
    list.push({ type: String.fromCharCode(reader.type), buffer, start: 0, end: buffer.length });
  }
  expect(reader.gatheredBytes).toBe(0);
  return list;
}

/** Decodes a server's message and encodes it again, where the gateway encodes it. */
function again(message: Copy): Buffer | null {
  switch (message.type) {
    case 'R': {
      const request = messages.decodeAuthentication(message);
      switch (request.name) {
        case 'AuthenticationOk':
          return messages.encodeAuthenticationOk();
        case 'AuthenticationSASL':
          return messages.encodeAuthenticationSASL(request.mechanisms);
        case 'AuthenticationSASLContinue':
          return messages.encodeAuthenticationSASLContinue(request.data);
        case 'AuthenticationSASLFinal':
          return messages.encodeAuthenticationSASLFinal(request.data);
        default:
          throw new Error(request.name);
      }
    }
    case 'S':
      return messages.encodeParameterStatus(messages.decodeParameterStatus(message));
    case 'K':
      return messages.encodeBackendKeyData(messages.decodeBackendKeyData(message));
    case 'v':
      return messages.encodeNegotiateProtocolVersion(messages.decodeNegotiateProtocolVersion(message));
    case 'Z':
      return messages.encodeReadyForQuery(messages.decodeReadyForQuery(message));
    case 'T':
      return messages.encodeRowDescription(messages.decodeRowDescription(message));
    case 't':
      return messages.encodeParameterDescription(messages.decodeParameterDescription(message));
    case 'C':
      return messages.encodeCommandComplete(messages.decodeCommandComplete(message));
    case 'G':
      return messages.encodeCopyResponse('in', messages.decodeCopyResponse(message));
    case 'H':
      return messages.encodeCopyResponse('out', messages.decodeCopyResponse(message));
    case 'A':
      return messages.encodeNotificationResponse(messages.decodeNotificationResponse(message));
    case 'E':
    case 'N': {
      const fields =
        message.type === 'E' ? messages.decodeErrorResponse(message) : messages.decodeNoticeResponse(message);
      expect(fields['C']).toMatch(/^[0-9A-Z]{5}$/);
      expect(fields['V']).toMatch(/^(ERROR|FATAL|WARNING)$/);
      return null;
    }
    case 'c':
      messages.decodeEmpty(message);
      return messages.encodeCopyDone();
    case 'I':
      messages.decodeEmpty(message);
      return messages.encodeEmptyQueryResponse();
    case '1':
      return messages.encodeParseComplete();
    case '2':
      return messages.encodeBindComplete();
    case 'n':
      return messages.encodeNoData();
    case 'd':
      return messages.encodeCopyData(message.buffer.subarray(5));
    case 'D':
      return null;
    default:
      throw new Error(`no decoder for ${message.type}`);
  }
}

/** The same for a client's message; `order` counts the messages of type 'p'. */
function againFromClient(message: Copy, order: number): Buffer {
  switch (message.type) {
    case 'p': {
      if (order > 0) return messages.encodeSASLResponse(messages.decodeSASLResponse(message));
      const { mechanism, data } = messages.decodeSASLInitialResponse(message);
      return messages.encodeSASLInitialResponse(mechanism, data!);
    }
    case 'Q':
      return messages.encodeQuery(messages.decodeQuery(message));
    case 'P':
      return messages.encodeParse(messages.decodeParse(message));
    case 'B':
      return messages.encodeBind(messages.decodeBind(message));
    case 'D':
      return messages.encodeDescribe(messages.decodeDescribe(message));
    case 'C':
      return messages.encodeClose(messages.decodeClose(message));
    case 'E':
      return messages.encodeExecute(messages.decodeExecute(message));
    case 'f':
      return messages.encodeCopyFail(messages.decodeCopyFail(message));
    case 'S':
      messages.decodeEmpty(message);
      return messages.encodeSync();
    case 'H':
      return messages.encodeFlush();
    case 'c':
      return messages.encodeCopyDone();
    case 'd':
      return messages.encodeCopyData(message.buffer.subarray(5));
    case 'X':
      messages.decodeEmpty(message);
      return messages.encodeTerminate();
    default:
      throw new Error(`no decoder for ${message.type}`);
  }
}

// To a client of version 2 a server answers in that version's format, which is not ours to read.
const readable = conversations.filter(({ name }) => name !== 'version 2.0');

describe('what real clients and a real server said, decoded and encoded again', () => {
  test.each(readable.map((conversation) => [conversation.name, conversation] as const))(
    'server: %s',
    (_name, conversation) => {
      const list = split(bytesOf(conversation, 'server'), backendMessages);
      expect(list.length).toBeGreaterThan(0);
      for (const message of list) {
        const encoded = again(message);
        if (encoded !== null) expect(encoded.toString('hex')).toBe(message.buffer.toString('hex'));
      }
    },
  );

  test.each(readable.map((conversation) => [conversation.name, conversation] as const))(
    'client: %s',
    (_name, conversation) => {
      const bytes = bytesOf(conversation, 'client');
      const first = bytes.subarray(0, bytes.readUInt32BE());
      const startup = messages.decodeStartupPacket(first);
      if (startup.name !== 'StartupMessage') throw new Error(startup.name);
      expect(messages.encodeStartupMessage(startup.major, startup.minor, startup.parameters)).toEqual(first);
      let order = 0;
      for (const message of split(bytes.subarray(first.length), frontendMessages)) {
        expect(againFromClient(message, order).toString('hex')).toBe(message.buffer.toString('hex'));
        if (message.type === 'p') order++;
      }
    },
  );

  test('a server of before 3.2, asked for it, negotiates', () => {
    const of = (name: string) =>
      split(bytesOf(readable.find((one) => one.name === name)!, 'server'), backendMessages)[0]!;
    expect(messages.decodeNegotiateProtocolVersion(of('version 3.2'))).toEqual({ minor: 0, unknownOptions: [] });
    expect(messages.decodeNegotiateProtocolVersion(of('version 3.9999 with an unknown option'))).toEqual({
      minor: 0,
      unknownOptions: ['_pq_.test_protocol_negotiation'],
    });
  });

  test('marks of what differs each time lie within what passed', () => {
    for (const conversation of conversations) {
      for (const { from, offset, length } of conversation.unique) {
        expect(offset + length).toBeLessThanOrEqual(bytesOf(conversation, from as 'client').length);
      }
    }
  });
});

/** A message of `type` whose body is given byte by byte. */
function raw(type: string, ...body: (string | number[])[]): Copy {
  const bytes = Buffer.concat(
    body.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  );
  const head = Buffer.from(`${type}\0\0\0\0`);
  head.writeUInt32BE(bytes.length + 4, 1);
  // Bytes of another message stand behind, which must not be read.
  const buffer = Buffer.concat([head, bytes, Buffer.from('Q\0\0\0\x09DROP\0')]);
  return { type, buffer, start: 0, end: head.length + bytes.length };
}

describe('A-PG-13: text that is judged', () => {
  test.each<[string, () => unknown]>([
    ['a NUL within a Query', () => messages.decodeQuery(raw('Q', 'SELECT 1\0; DROP TABLE t\0'))],
    ['two NULs at the end of a Query', () => messages.decodeQuery(raw('Q', 'SELECT 1\0\0'))],
    ['invalid UTF-8 in a Query', () => messages.decodeQuery(raw('Q', 'SELECT \xff\0'))],
    ['an overlong form', () => messages.decodeQuery(raw('Q', "SELECT '\xc0\xa7'\0"))],
    ['a surrogate', () => messages.decodeQuery(raw('Q', '\xed\xa0\x80\0'))],
    ['a cut character', () => messages.decodeQuery(raw('Q', '\xe4\xb8\0'))],
    ['invalid UTF-8 in a Parse', () => messages.decodeParse(raw('P', '\0SELECT \xff\0', [0, 0]))],
    ['invalid UTF-8 in a name', () => messages.decodeParse(raw('P', '\xff\0SELECT 1\0', [0, 0]))],
  ])('%s', (_what, decode) => {
    expect(decode).toThrow(expect.objectContaining({ code: 'postgres.text-invalid', kind: 'protocol' }));
  });

  test.each<[string, () => unknown]>([
    ['a Query without NUL', () => messages.decodeQuery(raw('Q', 'SELECT 1'))],
    ['an empty Query message', () => messages.decodeQuery(raw('Q'))],
    ['a NUL within a Parse', () => messages.decodeParse(raw('P', '\0SELECT 1\0; DROP\0', [0, 0]))],
    ['bytes behind a Parse', () => messages.decodeParse(raw('P', '\0SELECT 1\0', [0, 0, 0]))],
  ])('%s', (_what, decode) => {
    expect(decode).toThrow(expect.objectContaining({ code: 'postgres.message-malformed' }));
  });
});

describe('bodies that lie', () => {
  test.each<[string, () => unknown]>([
    ['Parse: more types than bytes', () => messages.decodeParse(raw('P', '\0\0', [0xff, 0xff]))],
    ['Bind: more parameters than bytes', () => messages.decodeBind(raw('B', '\0\0', [0, 0, 0xff, 0xff, 0, 0]))],
    [
      'Bind: a parameter longer than the message',
      () => messages.decodeBind(raw('B', '\0\0', [0, 0, 0, 1, 0, 0, 0, 9, 0, 0])),
    ],
    [
      'Bind: a parameter of negative length',
      () => messages.decodeBind(raw('B', '\0\0', [0, 0, 0, 1, 255, 255, 255, 254, 0, 0])),
    ],
    ['Bind: formats that do not fit', () => messages.decodeBind(raw('B', '\0\0', [0, 2, 0, 0, 0, 0, 0, 0, 0, 0]))],
    ['Bind: an unknown format', () => messages.decodeBind(raw('B', '\0\0', [0, 1, 0, 2, 0, 0, 0, 0]))],
    ['Bind: bytes too many', () => messages.decodeBind(raw('B', '\0\0', [0, 0, 0, 0, 0, 0, 0]))],
    ['Describe: neither', () => messages.decodeDescribe(raw('D', 'X\0'))],
    ['Describe: no end', () => messages.decodeDescribe(raw('D', 'Sname'))],
    ['Close: nothing', () => messages.decodeClose(raw('C'))],
    ['Execute: short', () => messages.decodeExecute(raw('E', '\0', [0, 0]))],
    ['Sync with a body', () => messages.decodeEmpty(raw('S', 'x'))],
    ['PasswordMessage: a NUL inside', () => messages.decodePasswordMessage(raw('p', 'a\0b\0'))],
    [
      'SASLInitialResponse: a length that lies',
      () => messages.decodeSASLInitialResponse(raw('p', 'X\0', [0, 0, 0, 9])),
    ],
    ['SASLInitialResponse: negative', () => messages.decodeSASLInitialResponse(raw('p', 'X\0', [255, 255, 255, 254]))],
    ['RowDescription: more fields than bytes', () => messages.decodeRowDescription(raw('T', [0xff, 0xff]))],
    ['ParameterDescription: bytes too many', () => messages.decodeParameterDescription(raw('t', [0, 0, 0]))],
    ['ReadyForQuery: another status', () => messages.decodeReadyForQuery(raw('Z', 'X'))],
    ['BackendKeyData: a short key', () => messages.decodeBackendKeyData(raw('K', [0, 0, 0, 1, 1, 2, 3]))],
    [
      'BackendKeyData: a long key',
      () =>
        messages.decodeBackendKeyData(raw('K', [0, 0, 0, 1], new Array<number>(limits.cancelKeyBytesMax + 1).fill(1))),
    ],
    [
      'A-PG-27: an error of many fields',
      () => messages.decodeErrorResponse(raw('E', 'Mx\0'.repeat(limits.errorFieldsMax + 1), [0])),
    ],
    ['an error without end', () => messages.decodeErrorResponse(raw('E', 'Mx\0'))],
    ['CopyInResponse: an unknown format', () => messages.decodeCopyResponse(raw('G', [2, 0, 0]))],
    ['AuthenticationMD5Password: a short salt', () => messages.decodeAuthentication(raw('R', [0, 0, 0, 5, 1, 2, 3]))],
    [
      'AuthenticationSASL: mechanisms without end',
      () => messages.decodeAuthentication(raw('R', [0, 0, 0, 10], 'A\0'.repeat(limits.saslMechanismsMax + 1), [0])),
    ],
    [
      'NegotiateProtocolVersion: more options than bytes',
      () => messages.decodeNegotiateProtocolVersion(raw('v', [0, 3, 0, 0, 255, 255, 255, 255])),
    ],
    [
      'NegotiateProtocolVersion: another major version',
      () => messages.decodeNegotiateProtocolVersion(raw('v', [0, 4, 0, 0, 0, 0, 0, 0])),
    ],
  ])('%s', (_what, decode) => {
    expect(decode).toThrow(expect.objectContaining({ code: 'postgres.message-malformed' }));
  });
});

describe('bodies at their limits', () => {
  test('Bind with 65,535 parameters, and its views', () => {
    const count = 65_535;
    const parameters = new Int32Array(count * 2).map((_, index) => (index % 2 === 0 ? index / 2 : 1));
    const buffer = Buffer.alloc(count, 'x');
    const encoded = messages.encodeBind({
      portal: 'p',
      statement: 's',
      parameterFormats: [1],
      parameters,
      resultFormats: [0, 1],
      buffer,
    });
    const bind = messages.decodeBind({ buffer: encoded, start: 0, end: encoded.length });
    expect(bind.parameters).toHaveLength(count * 2);
    expect(bind.buffer).toBe(encoded);
    const at = bind.parameters[count * 2 - 2]!;
    expect(encoded.toString('latin1', at, at + 1)).toBe('x');
    expect(bind).toMatchObject({ portal: 'p', statement: 's', parameterFormats: [1], resultFormats: [0, 1] });
  });

  test('cancel keys of 4 and of 256 bytes', () => {
    for (const size of [4, limits.cancelKeyBytesMax]) {
      const key = Buffer.alloc(size, 7);
      expect(messages.decodeStartupPacket(messages.encodeCancelRequest(-5, key))).toEqual({
        name: 'CancelRequest',
        processId: -5,
        key,
      });
    }
    for (const size of [3, limits.cancelKeyBytesMax + 1]) {
      expect(() => messages.decodeStartupPacket(messages.encodeCancelRequest(1, Buffer.alloc(size)))).toThrow();
    }
  });

  test('the first of two fields of one type counts, and a NUL cannot be smuggled into an error', () => {
    expect(messages.decodeErrorResponse(raw('E', 'C42501\0C00000\0\0'))).toEqual({ C: '42501' });
    const encoded = messages.encodeErrorResponse({ severity: 'ERROR', code: '42501', message: 'a\0Cx' });
    expect(messages.decodeErrorResponse({ buffer: encoded, start: 0, end: encoded.length })['M']).toBe('a Cx');
  });
});
