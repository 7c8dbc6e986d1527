import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { busyboxArchive, gnuArchive, paxArchive, sparseArchive } from './fixtures/archives.ts';
import * as limits from './limits.ts';
import { TarListing } from './tar-listing.ts';
import type { TarSummary } from './types.ts';

function list(bytes: Buffer, sizes: readonly number[] = [65_536]): TarSummary {
  const listing = new TarListing();
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    listing.push(bytes.subarray(at, at + size));
    at += size;
  }
  return listing.summary(true);
}

interface Given {
  readonly name: string | Buffer;
  readonly type?: string;
  readonly size?: number;
  readonly link?: string;
  readonly mode?: number;
  readonly prefix?: string;
}

function header({ name, type = '0', size = 0, link = '', mode = 0o644, prefix = '' }: Given): Buffer {
  const block = Buffer.alloc(512);
  Buffer.from(name).copy(block, 0, 0, 100);
  block.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write(type, 156);
  block.write(link, 157);
  block.write('ustar\x0000', 257);
  block.write(prefix, 345);
  return summed(block);
}

function summed(block: Buffer): Buffer {
  block.write('        ', 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function padded(content: string | Buffer): Buffer {
  const view = Buffer.from(content);
  return Buffer.concat([view, Buffer.alloc((512 - (view.length % 512)) % 512)]);
}

const end = Buffer.alloc(1024);
const member = (given: Given, content: string): Buffer =>
  Buffer.concat([header({ ...given, size: Buffer.byteLength(content) }), padded(content)]);
const record = (name: string, value: string): string => {
  const rest = ` ${name}=${value}\n`;
  const length = Buffer.byteLength(rest);
  const digits = String(length + String(length).length).length;
  return `${length + digits}${rest}`;
};
const extended = (text: string, type = 'x'): Buffer => member({ name: 'PaxHeader', type }, text);
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('archives of real tars', () => {
  const long = `long-${'n'.repeat(150)}.txt`;
  it.each([
    ['GNU', gnuArchive],
    ['pax', paxArchive],
    ['busybox', busyboxArchive],
  ])('%s, however it is cut', (_name, bytes) => {
    const summary = list(bytes);
    expect(summary).toMatchObject({ omitted: 0, isComplete: true, fault: null, bytes: 6 + 5 });
    const seen = summary.entries.map(({ name, type, target, bytes: size, mode, sha256 }) => {
      return [name, type, target, size, mode, sha256];
    });
    // busybox takes a directory in the order of its file system.
    expect(seen.toSorted(([one], [other]) => String(one).localeCompare(String(other)))).toEqual([
      ['d/', 'directory', null, 0, 0o755, null],
      ['d/a.txt', 'file', null, 6, 0o640, digest('hello\n')],
      ['d/link', 'symbolic-link', 'a.txt', 0, 0o777, null],
      [`d/${long}`, 'file', null, 5, 0o4755, digest('long\n')],
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        expect(list(bytes, sizes)).toEqual(summary);
      }),
    );
    expect(list(bytes, [1])).toEqual(summary);
  });

  it('follows sparse files, whose content is taken as it is stored', () => {
    const { entries, isComplete, fault } = list(sparseArchive);
    expect([isComplete, fault]).toEqual([true, null]);
    expect(entries.map(({ name, type }) => [name, type])).toEqual([
      ['holes', 'file'],
      ['after', 'file'],
    ]);
    expect(entries[1]!.sha256).toBe(digest('after\n'));
  });
});

describe('names', () => {
  it.each([
    ['../etc/passwd', '../etc/passwd'],
    ['a/../../b', 'a/../../b'],
    ['/etc/passwd', '/etc/passwd'],
    ['..', '..'],
    ['C:\\x', 'C:\\x'],
    ['..\\x', '..\\x'],
    ['a\nb', 'a\\nb'],
    ['\u001b]0;pwned\u0007', '\\u001b]0;pwned\\u0007'],
    ['gnp\u202etxt.exe', 'gnp\\u202etxt.exe'],
    ['', ''],
  ])('A-K8S-10: %j is shown escaped, and is suspicious', (name, shown) => {
    const { entries } = list(Buffer.concat([member({ name }, 'x'), end]));
    expect(entries).toMatchObject([{ name: shown, isSuspicious: true }]);
  });

  it('A-K8S-10: bytes that are no UTF-8, and targets of links, are looked at too', () => {
    const { entries } = list(
      Buffer.concat([
        header({ name: Buffer.from([0x61, 0xff]) }),
        header({ name: 'l', type: '2', link: '../../root' }),
        header({ name: 'h', type: '1', link: '/etc/shadow' }),
        header({ name: 'f', link: '/ignored' }),
        end,
      ]),
    );
    expect(entries.map(({ name, target, isSuspicious }) => [name, target, isSuspicious])).toEqual([
      ['a\ufffd', null, true],
      ['l', '../../root', true],
      ['h', '/etc/shadow', true],
      ['f', null, false],
    ]);
  });

  it.each(['a', 'a/b', './a', 'a..b/c...', '\u00fcml\u00e4ut/\u{1f600}', '.hidden', 'with space'])(
    '%j is not',
    (name) => {
      const { entries } = list(Buffer.concat([member({ name }, 'x'), end]));
      expect(entries).toMatchObject([{ name, isSuspicious: false, isCut: false }]);
    },
  );

  it('come from ustar prefixes, long names and extended headers, for one member each', () => {
    const { entries, fault } = list(
      Buffer.concat([
        header({ name: 'tail', prefix: 'head/of' }),
        member({ name: '././@LongLink', type: 'L' }, 'gnu-long\0'),
        member({ name: '././@LongLink', type: 'K' }, 'gnu-target\0'),
        header({ name: 'cut', type: '2', link: 'cut' }),
        extended(`${record('path', 'pax\nname')}${record('linkpath', 'pax-target')}${record('mtime', '1.5')}`),
        header({ name: 'cut', type: '2', link: 'cut' }),
        extended(record('comment', 'x'), 'g'),
        header({ name: 'plain' }),
        end,
      ]),
    );
    expect(fault).toBe(null);
    expect(entries.map(({ name, target }) => [name, target])).toEqual([
      ['head/of/tail', null],
      ['gnu-long', 'gnu-target'],
      ['pax\\nname', 'pax-target'],
      ['plain', null],
    ]);
  });

  it('are kept up to their limit, and cut beyond', () => {
    const named = (bytes: number) =>
      list(Buffer.concat([extended(record('path', 'x'.repeat(bytes))), header({ name: 'y' }), end])).entries[0]!;
    expect(named(limits.tarNameBytesMax)).toMatchObject({ name: 'x'.repeat(limits.tarNameBytesMax), isCut: false });
    expect(named(limits.tarNameBytesMax + 1)).toMatchObject({ name: 'x'.repeat(limits.tarNameBytesMax), isCut: true });
  });
});

describe('sizes', () => {
  it('come from extended headers where octal does not suffice, and in base 256', () => {
    const binary = header({ name: 'b' });
    Buffer.from('800000000000000000000005', 'hex').copy(binary, 124);
    const { entries, bytes } = list(
      Buffer.concat([
        extended(record('size', '3')),
        header({ name: 'p' }),
        padded('abc'),
        summed(binary),
        padded('12345'),
        end,
      ]),
    );
    expect(entries.map(({ bytes: size, sha256 }) => [size, sha256])).toEqual([
      [3, digest('abc')],
      [5, digest('12345')],
    ]);
    expect(bytes).toBe(8);
  });
});

describe('what it cannot follow', () => {
  it.each<[string, Buffer]>([
    ['no archive', Buffer.alloc(512, 'x')],
    ['damaged', Buffer.concat([member({ name: 'a' }, 'x').subarray(512), end])],
    ['follows its end', Buffer.concat([end, header({ name: 'a' })])],
    ['follows its end', Buffer.concat([Buffer.alloc(512), header({ name: 'a' })])],
    ['extended header is damaged', Buffer.concat([extended('9 path=x'), header({ name: 'a' }), end])],
    ['extended header is damaged', Buffer.concat([extended('999 path=x\n'), header({ name: 'a' }), end])],
    ['extended header is damaged', Buffer.concat([extended(record('size', '-1')), header({ name: 'a' }), end])],
    ['renames its members', Buffer.concat([extended(record('path', 'x'), 'g'), header({ name: 'a' }), end])],
    ['has a size', Buffer.concat([header({ name: 'd/', type: '5', size: 512 }), Buffer.alloc(512), end])],
    ['has a size', Buffer.concat([extended(record('size', '512')), header({ name: 'l', type: '1', link: 'x' }), end])],
    ['behind extended headers', Buffer.concat([extended(record('path', 'x')), end])],
    ['it ends in the middle', header({ name: 'a', size: 5 })],
    ['it ends in the middle', member({ name: 'a' }, 'x')],
    ['it ends in the middle', Buffer.alloc(0)],
  ])('is told: %s', (fault, bytes) => {
    for (const sizes of [[1], [65_536]]) {
      const summary = list(bytes, sizes);
      expect(summary.isComplete).toBe(false);
      expect(summary.fault).toContain(fault);
    }
  });

  it('keeps what was seen before, and a member that was cut off without a digest', () => {
    const { entries, bytes } = list(
      Buffer.concat([member({ name: 'a' }, 'x'), header({ name: 'b', size: 9 }), Buffer.from('12')]),
    );
    expect(entries.map(({ name, sha256 }) => [name, sha256])).toEqual([
      ['a', digest('x')],
      ['b', null],
    ]);
    expect(bytes).toBe(3);
  });

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
            fc
              .record({
                name: fc.string(),
                type: fc.constantFrom('0', '5', 'L', 'K', 'x', 'g', 'S', 'Z', '2'),
                size: fc.nat(2000),
              })
              .map(header),
          ),
          { maxLength: 12 },
        ),
        (parts) => {
          const summary = list(Buffer.concat(parts), [37, 512]);
          expect(summary.isComplete ? summary.fault === null : summary.fault !== null).toBe(true);
        },
      ),
    );
  });
});

describe('limits', () => {
  it('lists as many members as it may, and counts the others', () => {
    const block = header({ name: 'x' });
    const many = (count: number) => list(Buffer.concat([...Array.from({ length: count }, () => block), end]));
    expect(many(limits.tarEntriesMax)).toMatchObject({ omitted: 0, isComplete: true });
    const more = many(limits.tarEntriesMax + 1);
    expect([more.entries.length, more.omitted, more.isComplete]).toEqual([limits.tarEntriesMax, 1, true]);
  });

  it('keeps as many bytes of names as it may', () => {
    const one = Buffer.concat([extended(record('path', 'x'.repeat(limits.tarNameBytesMax))), header({ name: 'y' })]);
    const fitting = limits.tarNamesBytesMax / limits.tarNameBytesMax;
    const summary = list(Buffer.concat([...Array.from({ length: fitting + 2 }, () => one), end]));
    expect([summary.entries.length, summary.omitted]).toEqual([fitting, 2]);
  });

  it('follows extended headers of the limit, and no longer ones', () => {
    const sized = (bytes: number) => {
      const name = 'x'.repeat(bytes - record('path', '').length - 4);
      const text = record('path', name);
      return { bytes: text.length, summary: list(Buffer.concat([extended(text), header({ name: 'y' }), end])) };
    };
    const fitting = sized(limits.tarExtensionBytesMax);
    expect(fitting.bytes).toBe(limits.tarExtensionBytesMax);
    expect(fitting.summary.fault).toBe(null);
    expect(sized(limits.tarExtensionBytesMax + 1).summary.fault).toContain('too long');
  });

  it('follows as many of them in a row as it may, and not one more', () => {
    const one = extended(record('comment', 'x'));
    const many = (count: number) =>
      list(Buffer.concat([...Array.from({ length: count }, () => one), header({ name: 'y' }), end]));
    expect(many(limits.tarExtensionsInRowMax).fault).toBe(null);
    expect(many(limits.tarExtensionsInRowMax + 1).fault).toContain('in a row');
  });
});
