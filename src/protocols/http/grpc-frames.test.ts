/** Frames of gRPC: however they are cut, at the limit and one past it, and what cannot be unfolded. */
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { frameOf, type GrpcFrame, GrpcFrames, unfold } from './grpc-frames.ts';
import * as limits from './limits.ts';

function all(frames: GrpcFrames): GrpcFrame[] {
  const found: GrpcFrame[] = [];
  for (let frame = frames.next(); frame !== null; frame = frames.next()) found.push(frame);
  return found;
}

const compressed = (payload: Buffer): Buffer => {
  const whole = frameOf(payload);
  whole[0] = 1;
  return whole;
};

test('however they are cut', () => {
  const messages = ['', 'a', 'bc', 'x'.repeat(1000)].map((text) => Buffer.from(text));
  const body = Buffer.concat(messages.map(frameOf));
  for (const size of [1, 3, 5, 7, body.length]) {
    const frames = new GrpcFrames();
    const found: GrpcFrame[] = [];
    for (let at = 0; at < body.length; at += size) {
      const view = Buffer.from(body.subarray(at, at + size));
      frames.push(view);
      // Nothing may be kept of a view that is borrowed.
      view.fill(0xff);
      found.push(...all(frames));
    }
    expect(found.map(({ payload }) => payload)).toEqual(messages);
    expect(frames.isWithin).toBe(false);
  }
});

test('at the limit, and one past it', () => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(limits.grpcMessageBytesMax, 1);
  const frames = new GrpcFrames();
  frames.push(head);
  expect(frames.next()).toBeNull();
  head.writeUInt32BE(limits.grpcMessageBytesMax + 1, 1);
  const longer = new GrpcFrames();
  longer.push(head);
  expect(() => longer.next()).toThrow(/longer than what is looked into/);
  expect(longer.take()).toEqual(head);
  expect(longer.isWithin).toBe(false);
});

test('what is no frame, and what cannot be unfolded', () => {
  const frames = new GrpcFrames();
  frames.push(Buffer.from([2, 0, 0, 0, 0]));
  expect(() => frames.next()).toThrow(/framed in a way/);
  const frame = (payload: Buffer): GrpcFrame => {
    const one = new GrpcFrames();
    one.push(compressed(payload));
    return one.next()!;
  };
  expect(unfold(frame(gzipSync('abc')), 'gzip').toString()).toBe('abc');
  expect(() => unfold(frame(gzipSync('abc')), 'snappy')).toThrow(/does not know/);
  expect(() => unfold(frame(gzipSync('abc')), null)).toThrow(/does not know/);
  expect(() => unfold(frame(Buffer.from('abc')), 'gzip')).toThrow(/cannot be unfolded/);
  const fits = gzipSync(Buffer.alloc(limits.grpcMessageBytesMax));
  expect(unfold(frame(fits), 'gzip')).toHaveLength(limits.grpcMessageBytesMax);
  // A-HTTP-11: no more comes of it, whatever it was.
  const bomb = gzipSync(Buffer.alloc(limits.grpcMessageBytesMax + 1));
  expect(() => unfold(frame(bomb), 'gzip')).toThrow(/cannot be unfolded/);
});
