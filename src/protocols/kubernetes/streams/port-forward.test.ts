import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, opcodes } from '../../http/index.ts';
import { spdyPortForward, tunnelPortForward } from './fixtures/kubectl.ts';
import * as limits from './limits.ts';
import { createPortForward } from './port-forward.ts';
import { SpdyWriter } from './spdy-frames.ts';
import { feed, forwardLog, Sink, talkForward } from './streams-testing.ts';
import type { Forward, ForwardTransport } from './types.ts';
import { base64ChannelsMax } from './websocket-channels.ts';

const spdy: ForwardTransport = { kind: 'spdy', protocol: 'portforward.k8s.io' };
const tunnel: ForwardTransport = { kind: 'tunnel', protocol: 'SPDY/3.1+portforward.k8s.io' };
const channels = (...ports: readonly number[]): ForwardTransport => ({
  kind: 'channels',
  protocol: 'v4.channel.k8s.io',
  ports,
});
const key = Buffer.from('1234');

/** A server end that answers as the one did to which kubectl wrote the fixtures. */
function answering(transport: ForwardTransport): { run: (bytes: Buffer, sizes: readonly number[]) => string[] } {
  return {
    run: (bytes, sizes) => {
      const log: string[] = [];
      const events = forwardLog(log);
      const end = createPortForward('server', transport, new Sink(), {
        ...events,
        data: (forward, view) => {
          events.data(forward, view);
          if (log.at(-1) !== 'data 0 one' && log.at(-1) !== 'data 1 two') return;
          forward.write(Buffer.from('HELLO xxx'));
          forward.end();
        },
      });
      end.start();
      feed(end, bytes, sizes);
      end.finish();
      return log;
    },
  };
}

describe('what kubectl wrote', () => {
  const expected = [
    'opened 8080 0',
    'data 0 one',
    'ended 0',
    'closed 0 3 9',
    'opened 8080 1',
    'data 1 two',
    'ended 1',
    'closed 1 3 9',
    'over true',
  ];

  it.each([
    ['SPDY', spdy, spdyPortForward],
    ['the tunnel', tunnel, tunnelPortForward],
  ] as const)('is understood however it is cut: %s', (_name, transport, bytes) => {
    const { run } = answering(transport);
    expect(run(bytes, [1])).toEqual(expected);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 30 }), (sizes) => {
        expect(run(bytes, sizes)).toEqual(expected);
      }),
    );
  });
});

describe.each([
  ['SPDY', spdy],
  ['the tunnel', tunnel],
] as const)('over %s', (_name, transport) => {
  it('carries connections side by side, each to its end', () => {
    const opened: Forward[] = [];
    const { client, server, fromClient, fromServer, settle } = talkForward(transport, opened, [5, 60]);
    client.start();
    server.start();
    const [one, two] = [client.open(80, '0'), client.open(443, 'b')];
    one.write(Buffer.from('first'));
    settle();
    two.write(Buffer.from('second'));
    opened[0]!.write(Buffer.from('answer'));
    settle();
    expect(server.forwards.map(({ port }) => port)).toEqual([80, 443]);
    one.end();
    one.write(Buffer.from('late'));
    settle();
    opened[0]!.end();
    opened[1]!.fail('connection refused');
    settle();
    two.end();
    settle();
    expect(fromClient).toEqual([
      'opened 80 0',
      'opened 443 b',
      'data 0 first',
      'data b second',
      'ended 0',
      'closed 0 5 6',
      'ended b',
      'closed b 6 0',
    ]);
    expect(fromServer).toEqual([
      'opened 80 0',
      'opened 443 b',
      'data 0 answer',
      'ended 0',
      'closed 0 5 6',
      'failed b connection refused',
      'ended b',
      'closed b 6 0',
    ]);
    expect([client.forwards, server.forwards]).toEqual([[], []]);
  });

  it('tells a reset of either side to the other', () => {
    const opened: Forward[] = [];
    const { client, fromClient, fromServer, settle } = talkForward(transport, opened);
    const one = client.open(80, '0');
    client.open(80, '1');
    settle();
    one.reset();
    one.reset();
    opened[1]!.reset();
    settle();
    expect(fromClient).toContain('closed 0 0 0');
    expect(fromServer.slice(2)).toEqual(['closed 0 0 0', 'ended 1', 'closed 1 0 0']);
  });

  it('closes what is open when it ends, before it is over', () => {
    const opened: Forward[] = [];
    const { client, server, fromClient, fromServer, settle } = talkForward(transport, opened);
    client.open(80, '0');
    settle();
    server.finish();
    server.finish();
    expect(fromClient.slice(1)).toEqual(['closed 0 0 0', 'over false']);
    client.close();
    client.close();
    expect(fromServer.slice(1)).toEqual(['closed 0 0 0']);
  });

  it('says goodbye in a way that the other side understands', () => {
    const opened: Forward[] = [];
    const { client, server, clientSink, serverSink, fromClient, settle } = talkForward(transport, opened);
    client.open(80, '0');
    settle();
    client.close();
    settle();
    expect(fromClient.at(-1)).toBe('over true');
    server.close();
    expect([clientSink.isEnded, serverSink.isEnded]).toEqual([true, true]);
  });

  it('tells when its transport is full', () => {
    const { client, clientSink } = talkForward(transport, []);
    const forward = client.open(80, '0');
    expect(forward.write(Buffer.from('x'))).toBe(true);
    clientSink.isFlowing = false;
    expect(forward.write(Buffer.from('x'))).toBe(false);
  });
});

describe('over SPDY', () => {
  const stream = (writer: SpdyWriter, id: number, headers: Record<string, string>): Buffer =>
    writer.synStream(id, new Map(Object.entries(headers)));
  function server(): { end: ReturnType<typeof createPortForward>; sink: Sink; log: string[] } {
    const [sink, log] = [new Sink(), [] as string[]];
    return { sink, log, end: createPortForward('server', spdy, sink, forwardLog(log)) };
  }

  it.each<[string, Record<string, string>]>([
    ['no port', { streamtype: 'error', requestid: '0' }],
    ['port 0', { streamtype: 'error', port: '0', requestid: '0' }],
    ['a port that is too high', { streamtype: 'error', port: '65536', requestid: '0' }],
    ['a port that is no number', { streamtype: 'error', port: '0x50', requestid: '0' }],
    ['a type that is none', { streamtype: 'stdin', port: '80', requestid: '0' }],
    ['no type', { port: '80', requestid: '0' }],
    [
      'a number that is too long',
      { streamtype: 'error', port: '80', requestid: 'x'.repeat(limits.requestIdBytesMax + 1) },
    ],
  ])('refuses a stream with %s', (_what, headers) => {
    const { end, sink, log } = server();
    end.push(stream(new SpdyWriter(), 1, headers));
    expect(sink.take()).toEqual(new SpdyWriter().rstStream(1, 3));
    end.finish();
    expect(log).toEqual(['over true']);
  });

  it('takes a number of the longest length', () => {
    const { end, log } = server();
    const writer = new SpdyWriter();
    const headers = { port: '65535', requestid: 'x'.repeat(limits.requestIdBytesMax) };
    end.push(stream(writer, 1, { streamtype: 'error', ...headers }));
    end.push(stream(writer, 3, { streamtype: 'data', ...headers }));
    expect(log).toEqual([`opened 65535 ${headers.requestid}`]);
  });

  it('refuses the second stream of a kind, and one for another port', () => {
    const { end, sink, log } = server();
    const writer = new SpdyWriter();
    end.push(stream(writer, 1, { streamtype: 'error', port: '80', requestid: '0' }));
    sink.take();
    end.push(stream(writer, 3, { streamtype: 'error', port: '80', requestid: '0' }));
    end.push(stream(writer, 5, { streamtype: 'data', port: '81', requestid: '0' }));
    expect(sink.take()).toEqual(Buffer.concat([writer.rstStream(3, 3), writer.rstStream(5, 3)]));
    end.finish();
    // Nobody heard of it: nobody hears of its end.
    expect(log).toEqual(['over false']);
  });

  it('pairs the streams of clients without numbers as they come', () => {
    const { end, log } = server();
    const writer = new SpdyWriter();
    for (const id of [1, 5]) {
      end.push(stream(writer, id, { streamtype: 'error', port: '80' }));
      end.push(stream(writer, id + 2, { streamtype: 'data', port: '80' }));
      end.push(writer.data(id + 2, Buffer.from('x'), false));
    }
    expect(log).toEqual(['opened 80 ', 'data  x', 'opened 80 ', 'data  x']);
  });

  it('A-K8S-06: takes no content that nobody was told of', () => {
    const { end } = server();
    const writer = new SpdyWriter();
    end.push(stream(writer, 1, { streamtype: 'data', port: '80', requestid: '0' }));
    expect(() => end.push(writer.data(1, Buffer.from('x'), false))).toThrow('no error stream');
  });

  it('opens as many connections as it may, and not one more', () => {
    const opened: Forward[] = [];
    const { client, server: far, settle, fromClient } = talkForward(spdy, opened);
    for (let index = 0; index < limits.forwardsMax; index++) client.open(80, String(index));
    expect(() => client.open(80, 'more')).toThrow('too-many-forwards');
    settle();
    expect([far.forwards.length, fromClient.length]).toEqual([limits.forwardsMax, limits.forwardsMax]);
    client.forwards[0]!.reset();
    settle();
    client.open(80, 'again');
    settle();
    expect(fromClient.at(-1)).toBe('opened 80 again');
  });

  it('gives up a connection whose streams are refused', () => {
    const [sink, log] = [new Sink(), [] as string[]];
    const end = createPortForward('client', spdy, sink, forwardLog(log));
    end.open(80, '0');
    end.push(new SpdyWriter().rstStream(1, 3));
    expect(log).toEqual(['closed 0 0 0']);
  });
});

describe('in the tunnel', () => {
  it('refuses text', () => {
    const end = createPortForward('server', tunnel, new Sink(), forwardLog([]));
    expect(() => end.push(encodeFrame({ fin: true, opcode: opcodes.text, payload: Buffer.from('x') }, key))).toThrow(
      'a text',
    );
  });

  it('is over cleanly with a Close, and not without', () => {
    for (const [bytes, isClean] of [
      [encodeFrame({ fin: true, opcode: opcodes.close, payload: Buffer.from([3, 0xe8]) }, key), true],
      [encodeFrame({ fin: true, opcode: opcodes.close, payload: Buffer.from([3, 0xea]) }, key), false],
      [Buffer.alloc(0), false],
    ] as const) {
      const opened: Forward[] = [];
      const { client, server, fromClient, settle } = talkForward(tunnel, opened);
      client.open(80, '0');
      settle();
      server.push(bytes);
      server.finish();
      expect(fromClient.slice(1)).toEqual(['closed 0 0 0', `over ${isClean}`]);
    }
  });
});

describe.each(['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'] as const)('over channels of %s', (protocol) => {
  const transport: ForwardTransport = { kind: 'channels', protocol, ports: [80, 8443, 9999, 1, 2, 3] };

  it('carries a connection per port', () => {
    const opened: Forward[] = [];
    const { client, server, fromClient, fromServer, settle } = talkForward(transport, opened, [3, 50]);
    server.start();
    client.start();
    settle();
    expect(fromServer.slice(0, 2)).toEqual(['opened 80 0', 'opened 8443 1']);
    const forward = client.open(8443, '1');
    forward.write(Buffer.from('ask'));
    client.open(3, '5').write(Buffer.from('more'));
    settle();
    opened[1]!.write(Buffer.from([0, 255, 65]));
    opened[0]!.fail('refused');
    settle();
    server.close();
    settle();
    expect(fromClient.slice(6)).toEqual([
      'data 1 ask',
      'data 5 more',
      'closed 0 0 0',
      'closed 1 3 3',
      'closed 2 0 0',
      'closed 3 0 0',
      'closed 4 0 0',
      'closed 5 4 0',
    ]);
    expect(fromServer.slice(6)).toEqual([
      'data 1 \0\u00ffA',
      'failed 0 refused',
      ...[0, 1, 2, 3, 4, 5].flatMap((id) => [
        `ended ${id}`,
        `closed ${id} ${id === 1 ? '3 3' : id === 5 ? '4 0' : '0 0'}`,
      ]),
      'over true',
    ]);
  });

  it('does not take a lost connection for an end', () => {
    const opened: Forward[] = [];
    const { client, server, fromServer, settle } = talkForward({ ...transport, ports: [80] }, opened);
    server.start();
    settle();
    client.finish();
    expect(fromServer).toEqual(['opened 80 0', 'closed 0 0 0', 'over false']);
  });

  it('opens nothing that was not in the query', () => {
    const { client } = talkForward(transport, []);
    expect(() => client.open(22, '0')).toThrow('not in the query');
  });

  it('takes as many ports as have channels, and not one more', () => {
    const portsMax = protocol === 'v4.channel.k8s.io' ? limits.forwardPortsMax : Math.floor(base64ChannelsMax / 2);
    const make = (count: number) =>
      talkForward({ ...transport, ports: Array.from({ length: count }, (_, index) => index + 1) }, []);
    const { client, server, settle, fromServer } = make(portsMax);
    server.start();
    client.start();
    settle();
    expect(fromServer).toHaveLength(portsMax);
    expect(() => make(portsMax + 1)).toThrow('too many');
    expect(() => make(0)).toThrow('no ports');
  });
});

describe('over channels', () => {
  const message = (channel: number, content: Buffer): Buffer =>
    encodeFrame({ fin: true, opcode: opcodes.binary, payload: Buffer.concat([Buffer.from([channel]), content]) }, null);

  it('refuses a channel of another port than was asked for', () => {
    const end = createPortForward('client', channels(80), new Sink(), forwardLog([]));
    expect(() => end.push(message(0, Buffer.from([81, 0])))).toThrow('another port');
  });

  it('refuses a channel that does not exist', () => {
    const end = createPortForward('client', channels(80), new Sink(), forwardLog([]));
    expect(() => end.push(message(2, Buffer.from('x')))).toThrow('does not exist');
  });

  it('takes the port in parts, and content right behind it', () => {
    const log: string[] = [];
    const end = createPortForward('client', channels(0x1234), new Sink(), forwardLog(log));
    end.push(message(0, Buffer.from([0x34])));
    expect(log).toEqual([]);
    end.push(message(0, Buffer.from([0x12, 0x41])));
    expect(log).toEqual(['opened 4660 0', 'data 0 A']);
  });
});
