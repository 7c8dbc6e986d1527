import { constants, createDeflate, createInflate, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spdyExec, spdyPortForward } from './fixtures/kubectl.ts';
import * as limits from './limits.ts';
import { SpdyConnection, type SpdyStream, type SpdyStreamEvents } from './spdy.ts';
import { type SpdyFrame, SpdyReader, SpdyWriter } from './spdy-frames.ts';
import { dictionary, HeaderReader, HeaderWriter } from './spdy-headers.ts';
import { Sink } from './streams-testing.ts';

function framesOf(bytes: Buffer, sizes: readonly number[]): unknown[] {
  const reader = new SpdyReader();
  const frames: unknown[] = [];
  const data = new Map<number, string>();
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length]!);
    reader.push(bytes.subarray(at, at + size), (frame) => {
      if (frame.type !== 'data') {
        frames.push('headers' in frame ? { ...frame, headers: [...frame.headers] } : frame);
        return;
      }
      // Pieces of one stream together: where they are cut depends on how the bytes come.
      data.set(frame.stream, (data.get(frame.stream) ?? '') + frame.content.toString('latin1'));
      if (frame.fin) frames.push({ end: frame.stream, data: data.get(frame.stream) });
    });
    at += size;
  }
  expect(reader.isBetweenFrames).toBe(true);
  return frames;
}

const word = (value: number): Buffer => {
  const view = Buffer.alloc(4);
  view.writeUInt32BE(value >>> 0);
  return view;
};
const control = (kind: number, flags: number, body: Buffer, length = body.length): Buffer =>
  Buffer.concat([Buffer.from([0x80, 3, 0, kind, flags]), word(length).subarray(1), body]);

function read(bytes: Buffer): SpdyFrame[] {
  const frames: SpdyFrame[] = [];
  new SpdyReader().push(bytes, (frame) => frames.push(frame));
  return frames;
}

/** A header block that was not made by the writer under test, as plain text first. */
function blockOf(...texts: readonly string[]): Buffer {
  const parts = texts.flatMap((text) => [word(text.length), Buffer.from(text)]);
  return Buffer.concat([word(texts.length / 2), ...parts]);
}

function compressed(plain: Buffer): Buffer {
  const block = deflateRawSync(plain, { dictionary, finishFlush: constants.Z_SYNC_FLUSH });
  return Buffer.concat([Buffer.from('78bbe3c6a7c2', 'hex'), block]);
}

describe('header blocks', () => {
  it('has the dictionary of the specification', () => {
    let [low, high] = [1, 0];
    for (const byte of dictionary) {
      low = (low + byte) % 65_521;
      high = (high + low) % 65_521;
    }
    expect([dictionary.length, low, high]).toEqual([1423, 0xa7c2, 0xe3c6]);
  });

  it('reads what a zlib stream of the whole connection wrote, and writes what one reads', async () => {
    const deflate = createDeflate({ dictionary, level: 9 });
    const inflate = createInflate({ dictionary });
    const inflated: Buffer[] = [];
    inflate.on('data', (view: Buffer) => inflated.push(view));
    const [reader, writer] = [new HeaderReader(), new HeaderWriter()];
    const plain: Buffer[] = [];
    // Enough to slide the window more than once.
    for (let index = 0; index < 300; index++) {
      const pairs: [string, string][] = [
        ['streamtype', 'data'],
        ['requestid', String(index)],
        ['x', 'abcdefghij'.repeat(index % 40)],
      ];
      const block = blockOf(...pairs.flat());
      plain.push(block);
      const written = await new Promise<Buffer>((resolve) => {
        deflate.write(block);
        deflate.flush(constants.Z_SYNC_FLUSH, () => resolve(deflate.read() as Buffer));
      });
      expect([...reader.read(written)]).toEqual(pairs);
      await new Promise((resolve) => inflate.write(writer.write(new Map(pairs)), resolve));
    }
    expect(Buffer.concat(inflated).equals(Buffer.concat(plain))).toBe(true);
    deflate.close();
    inflate.close();
  });

  it('takes a block of the limit, and refuses one byte more before it is whole in memory', () => {
    const value = (bytes: number): Buffer => compressed(blockOf('x', 'y'.repeat(bytes)));
    const overhead = 4 + 4 + 1 + 4;
    expect(new HeaderReader().read(value(limits.headerBlockBytesMax - overhead)).get('x')?.length).toBe(
      limits.headerBlockBytesMax - overhead,
    );
    expect(() => new HeaderReader().read(value(limits.headerBlockBytesMax - overhead + 1))).toThrow('too long');
    // A bomb: a megabyte in a kilobyte.
    expect(() => new HeaderReader().read(value(1024 * 1024))).toThrow('too long');
  });

  it('takes as many headers as it may, and not one more', () => {
    const many = (count: number): Buffer =>
      compressed(blockOf(...Array.from({ length: count }, (_, index) => [`n${index}`, 'v']).flat()));
    expect(new HeaderReader().read(many(limits.headersMax)).size).toBe(limits.headersMax);
    expect(() => new HeaderReader().read(many(limits.headersMax + 1))).toThrow('too many headers');
  });

  it.each<[string, Buffer]>([
    [
      'cannot be decompressed',
      Buffer.concat([Buffer.from('78bbe3c6a7c2', 'hex'), Buffer.from('ffffff0000ffff', 'hex')]),
    ],
    ['not flushed', compressed(blockOf('a', 'b')).subarray(0, -1)],
    ['not compressed', blockOf('a', 'b')],
    ['another dictionary', Buffer.concat([Buffer.from('789c', 'hex'), compressed(blockOf('a', 'b')).subarray(6)])],
    [
      'another dictionary',
      Buffer.concat([Buffer.from('78bb00000001', 'hex'), compressed(blockOf('a', 'b')).subarray(6)]),
    ],
    [
      'bytes behind',
      // A last block of deflate, and something that a lenient reader would not see.
      Buffer.concat([
        Buffer.from('78bbe3c6a7c2', 'hex'),
        deflateRawSync(blockOf('a', 'b'), { dictionary }),
        Buffer.from('0000ffff', 'hex'),
      ]),
    ],
    ['bytes behind', compressed(Buffer.concat([blockOf('a', 'b'), Buffer.from('x')]))],
    ['end early', compressed(blockOf('a', 'b').subarray(0, -1))],
    ['end early', compressed(Buffer.concat([word(1), word(0xffff_ffff)]))],
    ['too many', compressed(word(0xffff_ffff))],
    ['capitals', compressed(blockOf('Port', '1'))],
    ['empty', compressed(blockOf('', '1'))],
    ['twice', compressed(blockOf('port', '1', 'port', '2'))],
  ])('refuses headers: %s', (what, block) => {
    const reader = new HeaderReader();
    expect(() => reader.read(block)).toThrow(what);
    expect(() => reader.read(compressed(blockOf('a', 'b')))).toThrow('behind an error');
  });
});

describe('frames', () => {
  it('reads what kubectl wrote', () => {
    expect(framesOf(spdyExec, [65_536]).filter((frame) => (frame as SpdyFrame).type === 'syn-stream')).toEqual(
      ['error', 'stdout', 'stderr'].map((name, index) => ({
        type: 'syn-stream',
        stream: 2 * index + 1,
        fin: false,
        unidirectional: false,
        headers: [['streamtype', name]],
      })),
    );
  });

  it('reads the same frames however the bytes are cut', () => {
    const whole = framesOf(spdyPortForward, [spdyPortForward.length]);
    expect(framesOf(spdyPortForward, [1])).toEqual(whole);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 40 }), (sizes) => {
        expect(framesOf(spdyPortForward, sizes)).toEqual(whole);
      }),
    );
  });

  it('hands over content in the pieces in which it comes', () => {
    const writer = new SpdyWriter();
    const bytes = writer.data(1, Buffer.alloc(100, 'x'), true);
    const frames: SpdyFrame[] = [];
    const reader = new SpdyReader();
    for (const view of [bytes.subarray(0, 58), bytes.subarray(58)]) reader.push(view, (frame) => frames.push(frame));
    expect(frames).toEqual([
      { type: 'data', stream: 1, fin: false, content: Buffer.alloc(50, 'x') },
      { type: 'data', stream: 1, fin: true, content: Buffer.alloc(50, 'x') },
    ]);
  });

  it('waits for a control frame of the limit, and refuses a longer one by its head', () => {
    const head = (length: number): Buffer => control(1, 0, Buffer.alloc(0), length);
    expect(read(head(limits.controlFrameBytesMax))).toEqual([]);
    expect(() => read(head(limits.controlFrameBytesMax + 1))).toThrow('too long');
  });

  it('reads as many settings as it may, and not one more', () => {
    const settings = (count: number): Buffer => control(4, 0, Buffer.concat([word(count), Buffer.alloc(count * 8)]));
    expect(read(settings(limits.settingsMax))).toEqual([{ type: 'settings' }]);
    expect(() => read(settings(limits.settingsMax + 1))).toThrow('wrong length');
  });

  it.each<[string, Buffer]>([
    ['unknown control frame', control(5, 0, Buffer.alloc(4))],
    ['unknown control frame', control(10, 0, Buffer.alloc(8))],
    ['version', Buffer.concat([Buffer.from([0x80, 2]), control(6, 0, word(1)).subarray(2)])],
    ['unknown flag', control(6, 1, word(1))],
    ['unknown flag', Buffer.concat([word(1), Buffer.from([2, 0, 0, 0])])],
    ['stream 0', Buffer.alloc(8)],
    ['stream 0', control(3, 0, Buffer.concat([word(0), word(1)]))],
    ['without a status', control(3, 0, Buffer.concat([word(1), word(0)]))],
    ['without a number', control(6, 0, word(0))],
    ['wrong length', control(6, 0, Buffer.alloc(5))],
    ['wrong length', control(1, 0, Buffer.alloc(9))],
    ['wrong length', control(4, 0, Buffer.concat([word(2), Buffer.alloc(8)]))],
  ])('refuses a frame: %s', (what, bytes) => {
    const reader = new SpdyReader();
    expect(() => reader.push(bytes, () => undefined)).toThrow(what);
    expect(() => reader.push(Buffer.from('x'), () => undefined)).toThrow('behind an error');
  });

  it('never fails otherwise than by its own error, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          expect((error as Error).message).toContain('kubernetes.spdy');
        }
      }),
    );
  });
});

describe('a connection', () => {
  const silent: SpdyStreamEvents = {
    agreed: () => undefined,
    data: () => undefined,
    ended: () => undefined,
    reset: () => undefined,
    closed: () => undefined,
  };

  function server(streamsMax = 2): { end: SpdyConnection; sink: Sink; log: string[]; streams: SpdyStream[] } {
    const [sink, log, streams] = [new Sink(), [] as string[], [] as SpdyStream[]];
    const end = new SpdyConnection('server', sink, streamsMax, {
      opened: (stream) => {
        streams.push(stream);
        return {
          agreed: () => log.push(`agreed ${stream.id}`),
          data: (view) => log.push(`data ${stream.id} ${view.toString()}`),
          ended: () => log.push(`ended ${stream.id}`),
          reset: () => log.push(`reset ${stream.id}`),
          closed: () => log.push(`closed ${stream.id}`),
        };
      },
      goingAway: () => log.push('going away'),
      over: (isClean) => log.push(`over ${isClean}`),
    });
    return { end, sink, log, streams };
  }
  const named = (name: string): Map<string, string> => new Map([['streamtype', name]]);

  it('opens, carries and ends a stream both ways', () => {
    const { end, log, streams, sink } = server();
    const writer = new SpdyWriter();
    end.push(writer.synStream(1, named('a')));
    end.push(writer.data(1, Buffer.from('hello'), true));
    streams[0]!.write(Buffer.from('answer'));
    streams[0]!.end();
    streams[0]!.end();
    end.finish();
    expect(log).toEqual(['agreed 1', 'data 1 hello', 'ended 1', 'closed 1', 'over true']);
    expect(read(sink.take()).map(({ type }) => type)).toEqual(['syn-reply', 'data', 'data']);
  });

  it('refuses a stream past the limit, and takes one again when another is over', () => {
    const { end, log, sink } = server(1);
    const writer = new SpdyWriter();
    end.push(writer.synStream(1, named('a')));
    end.push(writer.synStream(3, named('b')));
    // What is on its way on a refused stream is nobody's.
    end.push(writer.data(3, Buffer.from('x'), false));
    end.push(writer.rstStream(1, 5));
    end.push(writer.synStream(5, named('c')));
    expect(log).toEqual(['agreed 1', 'reset 1', 'ended 1', 'closed 1', 'agreed 5']);
    expect(read(sink.take())).toMatchObject([
      { type: 'syn-reply' },
      { type: 'rst-stream', stream: 3, status: 3 },
      { type: 'syn-reply' },
    ]);
  });

  it.each<[string, (writer: SpdyWriter) => Buffer]>([
    ['does not grow', (writer) => writer.synStream(2, named('a'))],
    ['does not grow', (writer) => Buffer.concat([writer.synStream(3, named('a')), writer.synStream(3, named('b'))])],
    ['never opened', (writer) => writer.data(1, Buffer.from('x'), false)],
    ['never opened', (writer) => writer.rstStream(7, 1)],
    ['needs none', (writer) => Buffer.concat([writer.synStream(1, named('a')), writer.synReply(1)])],
  ])('refuses a peer: %s', (what, bytes) => {
    expect(() => server().end.push(bytes(new SpdyWriter()))).toThrow(what);
  });

  it("drops content behind a stream's end: kubectl's writers race", () => {
    const { end, log } = server();
    const writer = new SpdyWriter();
    end.push(Buffer.concat([writer.synStream(1, named('a')), writer.data(1, Buffer.alloc(0), true)]));
    end.push(writer.data(1, Buffer.from('late'), false));
    end.push(writer.data(1, Buffer.alloc(0), true));
    expect(log).toEqual(['agreed 1', 'ended 1']);
  });

  it("answers its peer's pings, and not the answers to its own", () => {
    const { end, sink } = server();
    const writer = new SpdyWriter();
    end.push(Buffer.concat([writer.ping(1), writer.ping(2), writer.ping(3)]));
    expect(read(sink.take())).toEqual([
      { type: 'ping', id: 1 },
      { type: 'ping', id: 3 },
    ]);
  });

  it('takes settings and windows, and goes by neither', () => {
    const { end, log } = server();
    end.push(Buffer.concat([control(4, 1, word(0)), control(9, 0, Buffer.concat([word(0), word(1)]))]));
    expect(log).toEqual([]);
  });

  it('ends with what was open: not cleanly, unless it was said', () => {
    const open = server();
    open.end.push(new SpdyWriter().synStream(1, named('a')));
    open.end.finish();
    open.end.finish();
    expect(open.log).toEqual(['agreed 1', 'closed 1', 'over false']);
    const told = server();
    const writer = new SpdyWriter();
    told.end.push(Buffer.concat([writer.synStream(1, named('a')), writer.goaway(0), writer.goaway(0)]));
    told.end.finish();
    expect(told.log).toEqual(['agreed 1', 'going away', 'closed 1', 'over true']);
    const cut = server();
    cut.end.push(writer.goaway(0).subarray(0, 9));
    cut.end.finish();
    expect(cut.log).toEqual(['over false']);
  });

  it('says nothing and hears nothing behind its goodbye', () => {
    const { end, sink, log, streams } = server();
    const writer = new SpdyWriter();
    end.push(writer.synStream(1, named('a')));
    end.close();
    end.close();
    expect(read(sink.take()).at(-1)).toEqual({ type: 'goaway', lastStream: 1, status: 0 });
    expect(sink.isEnded).toBe(true);
    streams[0]!.write(Buffer.from('x'));
    end.push(writer.data(1, Buffer.from('x'), false));
    end.finish();
    expect(log).toEqual(['agreed 1', 'closed 1']);
  });

  it('opens odd streams as a client, as many as it may, and refuses those of a server', () => {
    const sink = new Sink();
    const end = new SpdyConnection('client', sink, 2, {
      opened: () => silent,
      goingAway: () => undefined,
      over: () => undefined,
    });
    expect([end.open(named('a'), silent).id, end.open(named('b'), silent).id]).toEqual([1, 3]);
    expect(() => end.open(named('c'), silent)).toThrow('too-many-forwards');
    sink.take();
    end.push(new SpdyWriter().synStream(2, named('pushed')));
    expect(read(sink.take())).toEqual([{ type: 'rst-stream', stream: 2, status: 3 }]);
  });

  it('cuts long content into frames, and tells when its transport is full', () => {
    const { end, sink, streams } = server();
    end.push(new SpdyWriter().synStream(1, named('a')));
    sink.take();
    sink.isFlowing = false;
    expect(streams[0]!.write(Buffer.alloc(limits.dataFrameBytesMax + 1))).toBe(false);
    expect(sink.views.map(({ length }) => length)).toEqual([8 + limits.dataFrameBytesMax, 9]);
  });
});
