import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditRegions, regionOf } from '../../../base/regions.ts';
import { type Attributes, noAttributes } from './attributes.ts';
import { extensions, packet, status } from './constants.ts';
import { FieldWriter } from './fields.ts';
import { goldens } from './fixtures/goldens.ts';
import { FrameReader } from './frames.ts';
import * as limits from './limits.ts';
import { type Reply, readReply, readVersion, writeReply, writeVersion } from './replies.ts';
import { type Request, readInit, readRequest, writeInit, writeRequest } from './requests.ts';

const uint32 = fc.nat(0xffff_ffff);
const path = fc
  .uint8Array({ maxLength: 200 })
  .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0)).toString('latin1'));
const handle = fc.uint8Array({ maxLength: limits.handleBytesMax }).map((bytes) => Buffer.from(bytes));
const bytes = fc.uint8Array({ maxLength: 300 }).map((all) => Buffer.from(all));
const offset = fc.nat(Number.MAX_SAFE_INTEGER - limits.messageBytesMax);
const attributes: fc.Arbitrary<Attributes> = fc.record({
  size: fc.option(fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })),
  owner: fc.option(fc.record({ user: uint32, group: uint32 })),
  permissions: fc.option(uint32),
  times: fc.option(fc.record({ access: uint32, modification: uint32 })),
});

function of<T extends string>(types: readonly T[], more: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Request> {
  return fc.record({ type: fc.constantFrom(...types), id: uint32, ...more }) as unknown as fc.Arbitrary<Request>;
}

const request: fc.Arbitrary<Request> = fc.oneof(
  of(['stat', 'lstat', 'opendir', 'remove', 'rmdir', 'realpath', 'readlink', 'statvfs', 'expand-path'], { path }),
  of(['close', 'fstat', 'readdir', 'fstatvfs', 'fsync'], { handle }),
  of(['open'], { path, flags: fc.nat(0x3f), attributes }),
  of(['read'], { handle, offset, length: fc.nat(limits.readBytesMax) }),
  of(['write'], { handle, offset, data: bytes }),
  of(['setstat', 'lsetstat', 'mkdir'], { path, attributes }),
  of(['fsetstat'], { handle, attributes }),
  of(['rename', 'posix-rename', 'hardlink', 'symlink'], { path, target: path }),
  of(['copy-data'], { from: handle, fromOffset: offset, length: offset, to: handle, toOffset: offset }),
  of(['limits'], {}),
  of(['home-directory'], { user: path }),
  of(['users-groups-by-id'], {
    users: fc.array(uint32, { maxLength: 5 }).map((ids) => Buffer.concat(ids.map(word))),
    groups: fc.array(uint32, { maxLength: 5 }).map((ids) => Buffer.concat(ids.map(word))),
  }),
);

const reply: fc.Arbitrary<Reply> = fc.oneof(
  fc.record({ type: fc.constant('status' as const), id: uint32, code: uint32, message: fc.string() }),
  fc.record({ type: fc.constant('handle' as const), id: uint32, handle }),
  fc.record({ type: fc.constant('data' as const), id: uint32, data: bytes }),
  fc.record({ type: fc.constant('extended' as const), id: uint32, data: bytes }),
  fc.record({ type: fc.constant('attributes' as const), id: uint32, attributes }),
  fc.record({
    type: fc.constant('name' as const),
    id: uint32,
    entries: fc.array(fc.record({ name: bytes, longName: bytes, attributes }), { maxLength: 8 }),
  }),
);

function word(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

function framed(body: Buffer): Buffer {
  return Buffer.concat([word(body.length), body]);
}

function framesOf(chunks: readonly Buffer[]): Buffer[] {
  const reader = new FrameReader();
  const frames: Buffer[] = [];
  for (const chunk of chunks) reader.push(chunk, (frame) => frames.push(Buffer.from(frame)));
  return frames;
}

function pieces(all: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (all.length + 1)))].sort((a, b) => a - b);
  return [...at, all.length].map((end, index) => Buffer.from(all.subarray(at[index - 1] ?? 0, end)));
}

describe('frames', () => {
  it('gives the same frames however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })),
        fc.array(fc.nat(10_000)),
        (bodies, cuts) => {
          const wanted = bodies.map((body) => framed(Buffer.from(body)));
          const all = Buffer.concat(wanted);
          expect(framesOf(pieces(all, cuts))).toEqual(wanted);
          expect(framesOf([...all].map((byte) => Buffer.of(byte)))).toEqual(wanted);
        },
      ),
    );
  });

  it('lends large frames in regions, and keeps none of them', () => {
    auditRegions(true);
    const wanted = [1, limits.lentFrameBytesMin - 4, limits.lentFrameBytesMin, limits.messageBytesMax].map((length) =>
      framed(Buffer.alloc(length, length % 251)),
    );
    const reader = new FrameReader('lends');
    const seen: Buffer[] = [];
    const kept: Buffer[] = [];
    for (const piece of pieces(Buffer.concat(wanted), [3, 5000, 20_000, 20_001, 100_000])) {
      reader.push(piece, (frame) => {
        seen.push(Buffer.from(frame));
        if (regionOf(frame) !== null) kept.push(frame);
      });
    }
    expect(seen).toEqual(wanted);
    expect(kept.length).toBeGreaterThan(0);
    for (const frame of kept) expect(frame.every((byte) => byte === 0xdd)).toBe(true);
    auditRegions(false);
  });

  it('takes a frame of the longest length and refuses one byte more, before its bytes come, and is dead then', () => {
    const longest = framed(Buffer.alloc(limits.messageBytesMax, 1));
    expect(framesOf([longest]).length).toBe(1);
    expect(framesOf(pieces(longest, [1, 2, 3, 4, 5, 100_000])).length).toBe(1);
    for (const length of [limits.messageBytesMax + 1, 0xffff_ffff, 0x8000_0000, 0]) {
      const reader = new FrameReader();
      const never = (): void => expect.unreachable();
      expect(() => reader.push(word(length), never)).toThrow('sftp.message-length');
      expect(reader.pendingBytes).toBe(0);
      expect(() => reader.push(framed(Buffer.of(1)), never)).toThrow('sftp.message-length');
    }
  });
});

describe('requests', () => {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(request, (one) => {
        if (one.type === 'unsupported') return;
        expect(readRequest(writeRequest(one))).toEqual(one);
      }),
    );
  });

  it('never reads past a message, and ends in a value or an error of its own for any bytes', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array({ maxLength: 200 }), (type, body) => {
        const frame = framed(Buffer.concat([Buffer.of(type), Buffer.from(body)]));
        for (const read of [readRequest, readReply, readInit, readVersion]) {
          try {
            read(frame);
          } catch (error) {
            expect(String(error)).toContain('sftp.message-malformed');
          }
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses a message with a byte too few or too many', () => {
    fc.assert(
      fc.property(request, (one) => {
        if (one.type === 'unsupported' || one.type === 'limits') return;
        const whole = writeRequest(one).subarray(4);
        expect(() => readRequest(framed(Buffer.concat([whole, Buffer.of(0)])))).toThrow('sftp.message-malformed');
        expect(() => readRequest(framed(whole.subarray(0, -1)))).toThrow('sftp.message-malformed');
      }),
    );
  });

  it('answers natively what it does not know', () => {
    for (const type of [21, 22, 23, 99, 101, 199, 202, 255, 0]) {
      const read = readRequest(new FieldWriter(type).uint32(7).string('whatever').finish());
      expect(read).toMatchObject({ type: 'unsupported', id: 7, status: status.SSH_FX_OP_UNSUPPORTED });
    }
    const unknown = new FieldWriter(packet.SSH_FXP_EXTENDED)
      .uint32(8)
      .string('evil@example.com')
      .string('/etc')
      .finish();
    expect(readRequest(unknown)).toMatchObject({ type: 'unsupported', id: 8, status: status.SSH_FX_OP_UNSUPPORTED });
  });

  it('takes a path, an offset and a READ at their limits, and no more', () => {
    const open = (name: string) => readRequest(writeRequest({ type: 'stat', id: 1, path: name }));
    expect(open('x'.repeat(limits.pathBytesMax)).type).toBe('stat');
    expect(open('x'.repeat(limits.pathBytesMax + 1))).toMatchObject({ type: 'unsupported', id: 1 });
    expect(open('a\0b')).toMatchObject({ type: 'unsupported', status: status.SSH_FX_BAD_MESSAGE });
    const read = (at: bigint, length: number) =>
      readRequest(new FieldWriter(packet.SSH_FXP_READ).uint32(1).string('h').uint64(at).uint32(length).finish());
    expect(read(2n ** 53n - 1n, 1)).toMatchObject({ type: 'read', offset: Number.MAX_SAFE_INTEGER });
    expect(read(2n ** 53n, 1)).toMatchObject({ type: 'unsupported' });
    expect(read(2n ** 64n - 1n, 1)).toMatchObject({ type: 'unsupported' });
    expect(read(0n, 0xffff_ffff)).toMatchObject({ type: 'read', length: limits.readBytesMax });
    const handled = (bytes: number) => () =>
      readRequest(writeRequest({ type: 'close', id: 1, handle: Buffer.alloc(bytes) }));
    expect(handled(limits.handleBytesMax)).not.toThrow();
    expect(handled(limits.handleBytesMax + 1)).toThrow('sftp.message-malformed');
  });
});

describe('replies', () => {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(reply, (one) => {
        expect(readReply(writeReply(one))).toEqual(one);
      }),
    );
  });

  it('A-SSH-14: checks the count of names before it reads any', () => {
    for (const count of [1, 2, 0xffff_ffff]) {
      const frame = new FieldWriter(packet.SSH_FXP_NAME).uint32(1).uint32(count).finish();
      expect(() => readReply(frame)).toThrow('sftp.message-malformed');
    }
  });

  it('takes a STATUS of the days when it had no text', () => {
    const frame = new FieldWriter(packet.SSH_FXP_STATUS).uint32(1).uint32(4).finish();
    expect(readReply(frame)).toEqual({ type: 'status', id: 1, code: 4, message: '' });
  });
});

describe('goldens, from the real sftp-server', () => {
  it('reads every message of the server and of OpenSSH’s client, and writes the same bytes', () => {
    for (const { from, hex } of goldens) {
      const frame = Buffer.from(hex, 'hex');
      if (frame[4] === packet.SSH_FXP_INIT) expect(writeInit(readInit(frame).version)).toEqual(frame);
      else if (frame[4] === packet.SSH_FXP_VERSION) expect(writeVersion(readVersion(frame))).toEqual(frame);
      else if (from === 'server') expect(sameButLanguage(writeReply(readReply(frame)), frame)).toBe(true);
      else {
        const read = readRequest(frame);
        if (read.type === 'unsupported') expect.unreachable();
        else expect(writeRequest(read)).toEqual(frame);
      }
    }
    expect(new Set(goldens.map(({ hex }) => Number.parseInt(hex.slice(8, 10), 16))).size).toBeGreaterThan(20);
  });

  it('knows every extension that the server offers', () => {
    const version = goldens.find(({ hex }) => hex.slice(8, 10) === '02')!;
    for (const [name, value] of readVersion(Buffer.from(version.hex, 'hex')).extensions) {
      expect(extensions[name as keyof typeof extensions], name).toBe(value);
    }
  });
});

/** The server sends an empty language tag. */
function sameButLanguage(ours: Buffer, theirs: Buffer): boolean {
  if (theirs[4] !== packet.SSH_FXP_STATUS) return ours.equals(theirs);
  return ours.subarray(4, -6).equals(theirs.subarray(4, -4));
}

it('writes no attributes as four zero bytes', () => {
  expect(writeReply({ type: 'attributes', id: 1, attributes: noAttributes }).subarray(-4)).toEqual(Buffer.alloc(4));
});
