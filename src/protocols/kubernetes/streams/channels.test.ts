import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, opcodes } from '../../http/index.ts';
import {
  chooseSpdyExec,
  chooseWebSocketExec,
  createExecStreams,
  spdyExecProtocols,
  webSocketExecProtocols,
} from './channels.ts';
import { exited, failed, SizeReader, StatusReader } from './exec-parts.ts';
import { spdyExec, spdyExecInput, webSocketExecInput } from './fixtures/kubectl.ts';
import * as limits from './limits.ts';
import { SpdyWriter } from './spdy-frames.ts';
import { execLog, feed, Sink, talkExec } from './streams-testing.ts';
import type { ExecShape, ExecTransport } from './types.ts';

const shape: ExecShape = { stdin: true, stdout: true, stderr: true, tty: false };
const terminal: ExecShape = { ...shape, tty: true };
const transports: readonly ExecTransport[] = [
  ...spdyExecProtocols.map((protocol) => ({ kind: 'spdy' as const, protocol })),
  ...webSocketExecProtocols.map((protocol) => ({ kind: 'websocket' as const, protocol })),
];
const v5: ExecTransport = { kind: 'websocket', protocol: 'v5.channel.k8s.io' };
const v4: ExecTransport = { kind: 'websocket', protocol: 'v4.channel.k8s.io' };
const spdy: ExecTransport = { kind: 'spdy', protocol: 'v4.channel.k8s.io' };
const hasCodes = ({ protocol }: ExecTransport): boolean => protocol.startsWith('v4.') || protocol.startsWith('v5.');
const key = Buffer.from('1234');

function message(channel: number, content: string | Buffer, fin = true): Buffer {
  const payload = Buffer.concat([Buffer.from([channel]), Buffer.from(content)]);
  return encodeFrame({ fin, opcode: opcodes.binary, payload }, key);
}

/** A server end on a WebSocket that has begun. */
function wsServer(transport = v5, asked = shape) {
  const [sink, log] = [new Sink(), [] as string[]];
  const end = createExecStreams('server', transport, asked, sink, execLog(log));
  end.start();
  sink.take();
  log.length = 0;
  return { end, sink, log };
}

describe('which protocol', () => {
  it("takes the first of the client's that is known", () => {
    expect(chooseSpdyExec(['v9.channel.k8s.io', 'v3.channel.k8s.io', 'v4.channel.k8s.io'])).toBe('v3.channel.k8s.io');
    expect(chooseSpdyExec(['v5.channel.k8s.io', 'v4.channel.k8s.io'])).toBe('v4.channel.k8s.io');
    expect(chooseSpdyExec([])).toBe('channel.k8s.io');
    expect(chooseSpdyExec(['v9.channel.k8s.io'])).toBe(null);
    expect(chooseWebSocketExec(['v5.channel.k8s.io'])).toBe('v5.channel.k8s.io');
    expect(chooseWebSocketExec(['v4.base64.channel.k8s.io', 'v4.channel.k8s.io'])).toBe('v4.base64.channel.k8s.io');
    expect(chooseWebSocketExec(['constructor'])).toBe(null);
  });
});

describe('what kubectl wrote', () => {
  it.each([
    ['SPDY', spdy, { ...shape, stdin: false }, spdyExec, ['ready']],
    ['SPDY with input', spdy, shape, spdyExecInput, ['ready', 'stdin some input\n', 'ended stdin']],
  ] as const)('is understood however it is cut: %s', (_name, transport, asked, bytes, expected) => {
    const run = (sizes: readonly number[]): string[] => {
      const log: string[] = [];
      const end = createExecStreams('server', transport, asked, new Sink(), execLog(log));
      end.start();
      feed(end, bytes, sizes);
      return log.filter((line) => !line.startsWith('refused') && !line.startsWith('over'));
    };
    expect(run([1])).toEqual(expected);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 30 }), (sizes) => {
        expect(run(sizes)).toEqual(expected);
      }),
    );
  });

  it('is understood over WebSocket v5', () => {
    for (const size of [1, 3, 1000]) {
      const { end, log } = wsServer();
      feed(end, webSocketExecInput, [size]);
      expect(log.slice(0, 2)).toEqual(['stdin some input\n', 'ended stdin']);
    }
  });
});

describe.each(transports.map((transport) => [`${transport.kind} ${transport.protocol}`, transport] as const))(
  '%s',
  (_name, transport) => {
    it.each([[[65_536]], [[1]], [[7, 100, 3]]])('carries a conversation, cut into %j', (sizes) => {
      const { client, server, fromClient, fromServer, settle } = talkExec(transport, terminal, sizes);
      server.start();
      client.start();
      settle();
      expect([client.isReady, server.isReady]).toEqual([true, true]);
      client.resize({ columns: 132, rows: 43 });
      client.resize({ columns: 80, rows: 0 });
      client.write('stdin', Buffer.from('question'));
      settle();
      server.write('stdout', Buffer.from('ans\u00ffwer', 'latin1'));
      const isEnded = client.end('stdin');
      settle();
      server.writeStatus(exited(3));
      server.writeStatus(exited(4));
      settle();
      server.end('stdout');
      server.close();
      settle();
      client.finish();
      const canResize = transport.kind === 'websocket' || /v[34]/.test(transport.protocol);
      expect(fromClient).toEqual([
        'ready',
        ...(canResize ? ['resized 132 43', 'resized 80 0'] : []),
        'stdin question',
        ...(isEnded ? ['ended stdin'] : []),
      ]);
      expect(isEnded).toBe(client.canEndStdin);
      const status = `status false ${hasCodes(transport) ? 3 : null} command terminated with non-zero exit code: 3`;
      expect(fromServer.filter((line) => !line.startsWith('refused')).toSorted()).toEqual(
        ['ready', 'stdout ans\u00ffwer', 'ended stdout', status, 'over true'].toSorted(),
      );
      expect(fromServer.indexOf('stdout ans\u00ffwer')).toBeLessThan(fromServer.indexOf(status));
      expect(fromServer.at(-1)).toBe('over true');
    });

    it('tells stdout from stderr, without a terminal', () => {
      const { client, server, fromServer, settle } = talkExec(transport, shape);
      server.start();
      client.start();
      settle();
      server.write('stdout', Buffer.from('1'));
      server.write('stderr', Buffer.from('2'));
      server.write('stdin', Buffer.from('not its channel'));
      settle();
      expect(fromServer.filter((line) => line.startsWith('std'))).toEqual(['stdout 1', 'stderr 2']);
    });

    it('tells success, and why something did not run', () => {
      for (const [given, told] of [
        [exited(0), `status true ${hasCodes(transport) ? 0 : null} `],
        [failed('no such thing'), 'status false null no such thing'],
      ] as const) {
        const { client, server, fromServer, settle } = talkExec(transport, shape);
        server.start();
        client.start();
        settle();
        server.writeStatus(given);
        server.close();
        settle();
        client.finish();
        expect(fromServer).toContain(told);
        expect(fromServer.at(-1)).toBe('over true');
      }
    });

    it('never takes a lost connection for an end', () => {
      const { client, server, fromServer, settle } = talkExec(transport, shape);
      server.start();
      client.start();
      settle();
      server.write('stdout', Buffer.from('half'));
      settle();
      client.finish();
      client.finish();
      expect(fromServer).toEqual(['ready', 'stdout half', 'over false']);
    });

    it('ends its link once, and nothing follows', () => {
      const { client, server, fromClient, clientSink, serverSink, settle } = talkExec(transport, shape);
      server.start();
      client.start();
      settle();
      client.close();
      client.close();
      client.write('stdin', Buffer.from('x'));
      client.end('stdin');
      client.resize({ columns: 1, rows: 1 });
      settle();
      server.finish();
      server.close();
      expect(fromClient.at(-1)).toBe('over true');
      expect([clientSink.isEnded, serverSink.isEnded]).toEqual([true, true]);
    });

    it('takes content that is longer than a frame', () => {
      const { client, server, fromClient, settle } = talkExec(transport, shape, [100_000]);
      server.start();
      client.start();
      settle();
      const content = 'abcdefg'.repeat(40_000);
      client.write('stdin', Buffer.from(content));
      settle();
      expect(fromClient.at(-1)).toBe(`stdin ${content}`);
    });
  },
);

describe('over SPDY', () => {
  const opening = (...names: readonly string[]): Buffer => {
    const writer = new SpdyWriter();
    return Buffer.concat(names.map((name, index) => writer.synStream(2 * index + 1, new Map([['streamtype', name]]))));
  };

  it('keeps what is written before all streams are there, in order, and says that it does', () => {
    const { client, server, fromServer, settle } = talkExec(spdy, shape);
    server.start();
    expect(server.write('stdout', Buffer.from('early'))).toBe(false);
    server.writeStatus(exited(0));
    client.start();
    settle();
    expect(fromServer).toEqual(['ready', 'stdout early', 'status true 0 ']);
  });

  it('keeps as much as it may, and not one byte more', () => {
    const make = () => createExecStreams('client', spdy, shape, new Sink(), execLog([]));
    const end = make();
    expect(end.write('stdin', Buffer.alloc(limits.earlyBytesMax))).toBe(false);
    expect(() => end.write('stdin', Buffer.alloc(1))).toThrow('written-early');
  });

  it('does not take a server that resets everything for a success', () => {
    const { client, server, serverSink, fromServer, settle } = talkExec(spdy, shape);
    server.start();
    client.start();
    settle();
    const writer = new SpdyWriter();
    client.push(Buffer.concat([...[1, 3, 5, 7].map((id) => writer.rstStream(id, 5)), writer.goaway(0)]));
    expect(serverSink.views).toEqual([]);
    expect(fromServer).toEqual(['ready', 'refused stdin', 'ended stdout', 'ended stderr', 'over true']);
  });

  it('refuses streams that were not asked for, and those that come twice', () => {
    const [sink, log] = [new Sink(), [] as string[]];
    const end = createExecStreams('server', spdy, { ...shape, stdin: false }, sink, execLog(log));
    end.push(opening('error', 'stdin', 'resize', 'error', '__proto__', 'stdout'));
    expect(log).toEqual([]);
    // RST_STREAM with REFUSED_STREAM, of streams 3, 5, 7 and 9.
    const refusals = [3, 5, 7, 9].map((id) => new SpdyWriter().rstStream(id, 3));
    const written = sink.take();
    for (const refusal of refusals) expect(written.includes(refusal)).toBe(true);
  });

  it('tells that a program takes no more input, and that a client reads no more', () => {
    const { client, server, fromClient, fromServer, settle } = talkExec(spdy, shape);
    server.start();
    client.start();
    settle();
    server.end('stdin');
    settle();
    expect(fromServer.at(-1)).toBe('refused stdin');
    client.close();
    settle();
    expect(fromClient).toEqual(['ready', 'ended stdin', 'refused stdout', 'refused stderr', 'over true']);
  });

  it('means nothing by the end of stdin in the first version, whose servers end it at once', () => {
    const { client, server, fromServer, settle } = talkExec({ kind: 'spdy', protocol: 'channel.k8s.io' }, shape);
    server.start();
    client.start();
    settle();
    server.end('stdin');
    settle();
    expect(fromServer).toEqual(['ready']);
  });
});

describe('over WebSocket', () => {
  it('greets on the lowest channel that it writes', () => {
    for (const [asked, channel] of [
      [shape, 1],
      [{ ...shape, stdout: false }, 2],
      [{ stdin: true, stdout: false, stderr: true, tty: true }, 3],
    ] as const) {
      const sink = new Sink();
      createExecStreams('server', v5, asked, sink, execLog([])).start();
      expect(sink.take()).toEqual(Buffer.from([0x82, 1, channel]));
    }
  });

  it('answers a ping with its content', () => {
    const { end, sink } = wsServer();
    end.push(encodeFrame({ fin: true, opcode: opcodes.ping, payload: Buffer.from('hi') }, key));
    expect(sink.take()).toEqual(Buffer.from([0x8a, 2, 0x68, 0x69]));
  });

  it('takes a message in parts, and a ping between them', () => {
    const { end, log } = wsServer();
    end.push(message(0, 'one ', false));
    end.push(encodeFrame({ fin: true, opcode: opcodes.ping, payload: Buffer.alloc(0) }, key));
    end.push(encodeFrame({ fin: false, opcode: opcodes.continuation, payload: Buffer.from('two ') }, key));
    end.push(encodeFrame({ fin: true, opcode: opcodes.continuation, payload: Buffer.from('three') }, key));
    expect(log).toEqual(['stdin one two three']);
  });

  it('takes a half-close in parts', () => {
    const { end, log } = wsServer();
    end.push(encodeFrame({ fin: false, opcode: opcodes.binary, payload: Buffer.alloc(0) }, key));
    end.push(encodeFrame({ fin: false, opcode: opcodes.continuation, payload: Buffer.from([255]) }, key));
    end.push(encodeFrame({ fin: true, opcode: opcodes.continuation, payload: Buffer.from([0]) }, key));
    end.push(message(0, 'late'));
    end.push(message(255, Buffer.from([0])));
    expect(log).toEqual(['ended stdin']);
  });

  it('takes text for bytes, as the Python client sends it', () => {
    const { end, log } = wsServer(v4);
    end.push(encodeFrame({ fin: true, opcode: opcodes.text, payload: Buffer.from('\0ls\n') }, key));
    expect(log).toEqual(['stdin ls\n']);
  });

  it('A-K8S-06: drops input that was not asked for, and what goes against its direction', () => {
    const { end, log } = wsServer(v5, { ...shape, stdin: false });
    end.push(Buffer.concat([message(0, 'hidden'), message(1, 'x'), message(3, 'x'), message(4, 'no terminal')]));
    end.push(message(255, Buffer.from([0])));
    expect(log).toEqual([]);
  });

  it.each<[string, ExecTransport, Buffer]>([
    ['channel that does not exist', v5, message(5, 'x')],
    ['channel that does not exist', v4, message(255, Buffer.from([0]))],
    ['channel that does not exist', v5, message(255, Buffer.from([9]))],
    ['half-close of nothing', v5, message(255, '')],
    ['half-close of nothing', v5, message(255, Buffer.from([0, 0]))],
    ['terminal size', v5, message(4, '{"Width":70000}')],
    ['not base64', { kind: 'websocket', protocol: 'base64.channel.k8s.io' }, message(0x30, 'a===')],
    ['not base64', { kind: 'websocket', protocol: 'base64.channel.k8s.io' }, message(0x30, 'YQ')],
    ['digit', { kind: 'websocket', protocol: 'base64.channel.k8s.io' }, message(0, 'YQ==')],
    ['out of place', v5, encodeFrame({ fin: true, opcode: opcodes.continuation, payload: Buffer.from('x') }, key)],
    ['unmasked', v5, encodeFrame({ fin: true, opcode: opcodes.binary, payload: Buffer.from('\0x') }, null)],
    ['half a status', v5, encodeFrame({ fin: true, opcode: opcodes.close, payload: Buffer.from('x') }, key)],
  ])('refuses: %s', (what, transport, bytes) => {
    expect(() => wsServer(transport, terminal).end.push(bytes)).toThrow(what);
  });

  it('takes a frame of the limit, and refuses a longer one by its head', () => {
    const { end, log } = wsServer();
    end.push(message(0, Buffer.alloc(limits.webSocketFrameBytesMax - 1, 'x')));
    expect(log[0]?.length).toBe('stdin '.length + limits.webSocketFrameBytesMax - 1);
    const long = message(0, Buffer.alloc(limits.webSocketFrameBytesMax, 'x'));
    expect(() => end.push(long.subarray(0, 14))).toThrow('too long');
  });

  it('puts together base64 of the limit, and not one byte more', () => {
    const base64: ExecTransport = { kind: 'websocket', protocol: 'v4.base64.channel.k8s.io' };
    const send = (bytes: number): string[] => {
      const { end, log } = wsServer(base64);
      const half = bytes >> 1;
      const text = Buffer.concat([Buffer.from('0'), Buffer.alloc(bytes - 1, 'QUJD')]);
      end.push(encodeFrame({ fin: false, opcode: opcodes.text, payload: text.subarray(0, half) }, key));
      end.push(encodeFrame({ fin: true, opcode: opcodes.continuation, payload: text.subarray(half) }, key));
      return log;
    };
    // One digit and whole groups of four: three bytes below the limit.
    expect(send(limits.webSocketMessageBytesMax - 3)[0]?.startsWith('stdin ABCABC')).toBe(true);
    expect(() => send(limits.webSocketMessageBytesMax + 1)).toThrow('too long');
  });

  it('answers a Close with its code, and ends', () => {
    const { end, log, sink } = wsServer();
    end.push(encodeFrame({ fin: true, opcode: opcodes.close, payload: Buffer.from([3, 0xe8, 0x62]) }, key));
    end.push(message(0, 'late'));
    expect([sink.take(), sink.isEnded, log]).toEqual([Buffer.from([0x88, 2, 3, 0xe8]), true, ['over true']]);
    const other = wsServer();
    other.end.push(encodeFrame({ fin: true, opcode: opcodes.close, payload: Buffer.from([3, 0xea]) }, key));
    expect(other.log).toEqual(['over false']);
  });
});

describe('a status', () => {
  const read = (text: string | Buffer) => {
    const reader = new StatusReader('object');
    reader.push(Buffer.from(text));
    return reader.end();
  };
  const withCode = (message: unknown) =>
    JSON.stringify({
      status: 'Failure',
      message: 'm',
      reason: 'NonZeroExitCode',
      details: { causes: [{}, { reason: 'ExitCode', message }] },
    });

  it('has the exit code of its cause', () => {
    expect(read(withCode('137'))).toMatchObject({ succeeded: false, exitCode: 137, message: 'm' });
    expect(read('{"status":"Success"}')).toMatchObject({ succeeded: true, exitCode: 0 });
    expect(read('')).toBe(null);
    expect(new StatusReader('text').end()).toMatchObject({ succeeded: true, exitCode: null });
  });

  it.each([
    withCode('256'),
    withCode(5),
    withCode('-1'),
    '{"status":"Failure","reason":"NonZeroExitCode"}',
    '{}',
    '[]',
    'null',
    'nonsense',
  ])('is a failure where it cannot be understood: %s', (text) => {
    expect(read(text)).toMatchObject({ succeeded: false, exitCode: null });
  });

  it('goes on unchanged where the other side has such objects too', () => {
    const object = Buffer.from('{"status":"Failure",  "message":"m", "extra": 1}');
    const { end, sink } = wsServer();
    end.writeStatus(read(object)!);
    expect(sink.take().includes(object)).toBe(true);
  });

  it('is read up to the limit, and a longer one is a failure', () => {
    const padded = (bytes: number): string => `{"status":"Success"${' '.repeat(bytes - 20)}}`;
    expect(read(padded(limits.statusBytesMax))?.succeeded).toBe(true);
    expect(read(padded(limits.statusBytesMax + 1))?.succeeded).toBe(false);
  });
});

describe('terminal sizes', () => {
  it('come whole, in parts and several at once', () => {
    const reader = new SizeReader();
    expect(reader.push(Buffer.from('{"Width":80,"Hei'))).toEqual([]);
    expect(reader.push(Buffer.from('ght":24}\n{"width":1,"HEIGHT":2} {}'))).toEqual([
      { columns: 80, rows: 24 },
      { columns: 1, rows: 2 },
      { columns: 0, rows: 0 },
    ]);
  });

  it('have a limit', () => {
    const padded = (bytes: number): Buffer => Buffer.from(`{"Width":1${' '.repeat(bytes - 11)}}`);
    expect(new SizeReader().push(padded(limits.resizeBytesMax))).toHaveLength(1);
    expect(() => new SizeReader().push(padded(limits.resizeBytesMax + 1))).toThrow('too long');
    expect(() => new SizeReader().push(Buffer.alloc(limits.resizeBytesMax + 1, 'x'))).toThrow('too long');
  });

  it.each(['{"Width":-1}', '{"Width":1.5}', '{"Width":"80"}', '{"Width":}', 'x}'])('are numbers: %s', (text) => {
    expect(() => new SizeReader().push(Buffer.from(text))).toThrow('terminal size');
  });
});
