/** The small parts: transfers by offset, pace, lanes, the walk over a path, the locator. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock, systemClock } from '../../../base/clock.ts';
import { HandleLane, PathLane } from './lane.ts';
import { rangesMax } from './limits.ts';
import { PathLocator } from './locator.ts';
import { Pace } from './pace.ts';
import { clampLimits } from './server-limits.ts';
import { sftpServer } from './testing.ts';
import { Transfer } from './transfer.ts';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a transfer', () => {
  it('in order has the digest of the file', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.array(fc.nat(500)), (all, cuts) => {
        const content = Buffer.from(all);
        const transfer = new Transfer();
        let at = 0;
        for (const cut of [...cuts, content.length].map((one) => Math.min(one, content.length)).sort((a, b) => a - b)) {
          transfer.add(at, content.subarray(at, cut));
          at = Math.max(at, cut);
        }
        const summary = transfer.summary(content.length);
        expect(summary).toMatchObject({ bytes: content.length, isWhole: true, sha256: sha256(content) });
      }),
    );
  });

  it('in parts is counted by offsets, each contiguous part with its digest', () => {
    const transfer = new Transfer();
    transfer.add(4, Buffer.from('efgh'));
    transfer.add(0, Buffer.from('ab'));
    transfer.add(2, Buffer.from('cd'));
    transfer.add(4, Buffer.from('ef'));
    const { bytes, covered, isWhole, sha256: whole, ranges } = transfer.summary(8);
    expect({ bytes, covered, isWhole, whole }).toEqual({ bytes: 10, covered: 8, isWhole: true, whole: null });
    expect(ranges).toEqual([
      { from: 0, until: 6, sha256: sha256(Buffer.from('abcdef')) },
      { from: 4, until: 8, sha256: sha256(Buffer.from('efgh')) },
    ]);
  });

  it('that stops early, or of a size that is not known, is not whole', () => {
    const transfer = new Transfer();
    transfer.add(0, Buffer.from('abc'));
    expect(transfer.summary(4).isWhole).toBe(false);
    const other = new Transfer();
    other.add(1, Buffer.from('abc'));
    expect(other.summary(4).isWhole).toBe(false);
    expect(new Transfer().summary(null).isWhole).toBe(false);
    expect(new Transfer().summary(0)).toMatchObject({ isWhole: true, sha256: sha256(Buffer.alloc(0)) });
  });

  it('has so many digests and no more, and goes on counting', () => {
    const transfer = new Transfer();
    for (let index = 0; index <= rangesMax; index++) transfer.add(index * 10, Buffer.from('x'));
    const { bytes, ranges, isPartial } = transfer.summary(null);
    expect([bytes, ranges.length, isPartial]).toEqual([rangesMax + 1, rangesMax, true]);
  });
});

describe('pace', () => {
  it('lets pass what its rate allows over any time', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 20, maxLength: 60 }), (pieces) => {
        const clock = new FakeClock();
        const pace = new Pace(clock, 1000);
        let passed = 0;
        for (const piece of pieces) {
          passed += piece;
          clock.advance(pace.take(piece));
        }
        // No faster than the rate, but for the bucket; and no slower than it.
        expect(clock.monotonic()).toBeGreaterThanOrEqual(passed - 500 - 1);
        expect(clock.monotonic()).toBeLessThanOrEqual(passed + 1);
      }),
    );
  });
});

describe('lanes', () => {
  it('lets lookers go together, and who changes names alone, in order', async () => {
    const lane = new PathLane();
    const log: string[] = [];
    const enter = (name: string, exclusive: boolean) => lane.enter(exclusive).then(() => void log.push(name));
    for (const [name, exclusive] of [
      ['a', false],
      ['b', false],
      ['C', true],
      ['d', false],
    ] as const)
      void enter(name, exclusive);
    await Promise.resolve();
    expect(log).toEqual(['a', 'b']);
    lane.leave();
    await Promise.resolve();
    expect(log).toEqual(['a', 'b']);
    lane.leave();
    await Promise.resolve();
    expect(log).toEqual(['a', 'b', 'C']);
    lane.leave();
    await Promise.resolve();
    expect(log).toEqual(['a', 'b', 'C', 'd']);
  });

  it('keeps the order of a handle while something blocks it', () => {
    const lane = new HandleLane();
    const log: number[] = [];
    let go = (): void => {};
    lane.push(() => log.push(1));
    lane.push(() => {
      log.push(2);
      go = lane.block();
    });
    lane.push(() => log.push(3));
    lane.push(() => log.push(4));
    expect(log).toEqual([1, 2]);
    go();
    go();
    expect(log).toEqual([1, 2, 3, 4]);
  });
});

describe('limits of a server', () => {
  const limits = (...values: readonly bigint[]): Buffer => {
    const bytes = Buffer.alloc(8 * values.length);
    for (const [index, value] of values.entries()) bytes.writeBigUInt64BE(value, 8 * index);
    return bytes;
  };
  it('are never more than the gate takes', () => {
    expect(clampLimits(limits(0n, 2n ** 63n, 1000n, 0n))).toEqual(limits(262_144n, 261_120n, 1000n, 1024n));
    expect(clampLimits(limits(1n))).toBeNull();
  });
});

describe('where paths lead, against the kernel', () => {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'sallyport-paths-')));
  let locator: PathLocator;
  let server: ReturnType<typeof spawn>;

  beforeAll(() => {
    mkdirSync(join(top, 'a/b'), { recursive: true });
    mkdirSync(join(top, 'c'));
    writeFileSync(join(top, 'a/b/f'), '');
    symlinkSync('../a/b', join(top, 'c/to-b'));
    symlinkSync(join(top, 'c/to-b/f'), join(top, 'a/to-f'));
    symlinkSync('missing', join(top, 'dangling'));
    symlinkSync('round', join(top, 'round'));
    symlinkSync('..', join(top, 'a/up'));
    symlinkSync('.', join(top, 'a/here'));
    symlinkSync('/', join(top, 'root'));
    server = spawn(sftpServer, [], { cwd: top, stdio: ['pipe', 'pipe', 'ignore'] });
    locator = new PathLocator((view) => void server.stdin!.write(view), systemClock);
    server.stdout!.on('data', (chunk: Buffer) => locator.fromUpstream(chunk));
  });
  afterAll(() => {
    locator.close();
    server.stdin!.end();
    rmSync(top, { recursive: true, force: true });
  });

  it('is what realpath(3) says, for any path', async () => {
    const names = [
      'a',
      'b',
      'c',
      'f',
      '.',
      '..',
      'to-b',
      'to-f',
      'up',
      'here',
      'missing',
      'dangling',
      'root',
      'round',
      '',
    ];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 7 }), async (parts) => {
        const path = `${top}/${parts.join('/')}`;
        const found = await locator.locate(path);
        let wanted: string | null = null;
        try {
          wanted = realpathSync.native(path);
        } catch (error) {
          if (!(error instanceof Error)) throw error;
        }
        if (wanted === null) expect(found.kind).not.toBe('file');
        else expect(found).toMatchObject({ path: wanted, canonical: true });
      }),
      { numRuns: 400 },
    );
  });

  it('knows what is missing, and what a shell would expand is not known', async () => {
    expect(await locator.locate('dangling')).toEqual({ path: `${top}/missing`, canonical: true, kind: 'missing' });
    expect(await locator.locate('~/x')).toEqual({ path: '~/x', canonical: false, kind: 'unknown' });
    expect(await locator.locate('round')).toMatchObject({ canonical: false, kind: 'unknown' });
  });

  it('says that it does not know, where nobody answers or nonsense comes', async () => {
    for (const answer of [null, Buffer.from('ffffffff', 'hex'), Buffer.from('000000050200000009', 'hex')]) {
      const other = new PathLocator(() => {}, systemClock);
      if (answer === null) other.close();
      else other.fromUpstream(answer);
      expect(await other.locate('/x')).toEqual({ path: '/x', canonical: false, kind: 'unknown' });
      other.close();
    }
  });
});
