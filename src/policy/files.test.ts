import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommandDraft } from '../core/command.ts';
import {
  effectOfFiles,
  type FileOperation,
  type FileSelector,
  fileOperation,
  filePath,
  showPath,
} from '../core/files.ts';
import { Facts } from './facts.ts';
import { Fields } from './fields.ts';
import { compileFiles } from './files.ts';
import { no, opaque, perhaps, yes } from './finding.ts';
import { compilePathGlob } from './path-glob.ts';

function raw(path: string): string {
  return Buffer.from(path).toString('latin1');
}

describe('globs of paths', () => {
  const table: readonly (readonly [pattern: string, matches: readonly string[], others: readonly string[]])[] = [
    ['/etc/**', ['/etc', '/etc/passwd', '/etc/ssh/keys/a'], ['/etcetera', '/opt/etc/x', '/']],
    ['/etc/*', ['/etc/passwd', '/etc/.hidden'], ['/etc', '/etc/ssh/a']],
    ['*.pem', ['/a.pem', '/x/y/.pem', '/x/a.pem'], ['/a.pem/b', '/a.PEM', '/a.pemx']],
    ['/people/*/.ssh/**', ['/people/u/.ssh', '/people/u/.ssh/id'], ['/people/.ssh/id', '/people/a/b/.ssh/id']],
    ['.ssh/*', ['/people/u/.ssh/id', '/.ssh/x'], ['/people/u/.ssh', '/people/u/x.ssh/id']],
    ['/**/secret/**', ['/secret', '/a/secret/b', '/a/b/secret'], ['/a/secrets/b']],
    ['/srv/{a,b{c,d}}/[0-9]?', ['/srv/a/1x', '/srv/bc/2é', '/srv/bd/3日'], ['/srv/b/1x', '/srv/a/x1', '/srv/a/1xx']],
    ['/x/[!a-c]*', ['/x/d', '/x/é'], ['/x/a1', '/x/']],
    ['/a\\*b', ['/a*b'], ['/axb']],
    ['/', ['/'], ['/a']],
    ['/**', ['/', '/a', '/a/b'], []],
    ['/a*b*c*d', ['/abcd', '/axbxcxd', '/abbbccdd'], ['/abdc', '/abc']],
    ['/größe', ['/größe'], ['/grösse', '/GRÖßE']],
  ];
  it.each(table)('%s', (pattern, matches, others) => {
    const glob = compilePathGlob(pattern)!;
    for (const path of matches) expect(glob(raw(path)).is, path).toBe(true);
    for (const path of others) expect(glob(raw(path)).is, path).toBe(false);
  });

  it.each(['', '/a/../b', './a', '/{a', '/a}', '/[a', '/a\\', `/${'{a,b}'.repeat(7)}`])(
    'takes %j for no pattern',
    (pattern) => {
      expect(compilePathGlob(pattern)).toBeNull();
    },
  );

  it('knows what may be below a directory', () => {
    const below = (pattern: string, path: string) => compilePathGlob(pattern)!(raw(path)).mayBeBelow;
    expect(below('/srv/secret/**', '/srv')).toBe(true);
    expect(below('/srv/secret/key', '/')).toBe(true);
    expect(below('*.pem', '/anything')).toBe(true);
    expect(below('/srv/secret/key', '/srv/secret/key')).toBe(false);
    expect(below('/srv/secret/**', '/srv/other')).toBe(false);
  });

  it('takes any bytes for a name, and agrees with a plain expression', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('*', 'a', 'b', '?', '\xff'), { maxLength: 8 }),
        fc.array(fc.constantFrom('a', 'b', 'c', '\xff'), { minLength: 1, maxLength: 12 }),
        (pattern, name) => {
          fc.pre(pattern.length > 0 && pattern.join('') !== '**');
          const wanted = new RegExp(
            `^${pattern.map((one) => (one === '*' ? '.*' : one === '?' ? '(?:é|.)' : one === '\xff' ? 'ÿ' : one)).join('')}$`,
            's',
          );
          const text = name.join('').replaceAll('\xff', 'ÿ');
          // Names and patterns in UTF-8, where ÿ has two bytes.
          expect(compilePathGlob(`/${pattern.join('')}`)!(raw(`/${text}`)).is).toBe(wanted.test(text));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is quick for names that are made to be slow', () => {
    const glob = compilePathGlob(`/${'*a'.repeat(60)}b`)!;
    expect(glob(`/${'a'.repeat(4000)}`).is).toBe(false);
    const deep = compilePathGlob(`/${'**/a/'.repeat(60)}b`)!;
    expect(deep('/a'.repeat(2000)).is).toBe(false);
  });
});

describe('match.commands.files', () => {
  const find = (selector: FileSelector, ...operations: FileOperation[]) => {
    const meaning = { language: 'file' as const, file: { operations, complete: true } };
    return findIn(selector, { kind: 'transfer', meaning, verb: 'download', text: '' });
  };
  const findIn = (selector: FileSelector, command: Partial<CommandDraft>) => {
    const condition = compileFiles(new Fields('rule'), 'files', selector);
    const facts = new Facts({ command } as unknown as ConstructorParameters<typeof Facts>[0]);
    condition.because(facts);
    return condition.test(facts);
  };
  const op = (operation: FileOperation['operation'], path: string, more: Partial<FileOperation> = {}) =>
    fileOperation(operation, filePath(raw(path)), more);

  it('asks for all of one operation, not for parts of several', () => {
    const selector: FileSelector = { operations: ['write'], paths: ['/etc/**'] };
    expect(find(selector, op('write', '/etc/x'))).toBe(yes);
    expect(find(selector, op('read', '/etc/x'), op('write', '/tmp/x'))).toBe(no);
    expect(find({ direction: 'upload' }, op('write', '/x', { direction: 'upload' }))).toBe(yes);
    expect(find({ direction: 'upload' }, op('rename', '/x'))).toBe(no);
  });

  it('takes both paths of a rename, and what may be below a directory', () => {
    expect(find({ paths: ['/etc/**'] }, op('rename', '/tmp/x', { target: filePath('/etc/x') }))).toBe(yes);
    expect(find({ paths: ['/srv/secret/key'] }, op('rename', '/srv', { target: filePath('/tmp/s'), tree: true }))).toBe(
      perhaps,
    );
    expect(find({ paths: ['/srv/secret/key'] }, op('rename', '/srv', { target: filePath('/tmp/s') }))).toBe(no);
  });

  it('is never certain of what is not known', () => {
    expect(find({ paths: ['/etc/**'] }, op('read', '/tmp/x', { canonical: false }))).toBe(perhaps);
    expect(find({ paths: ['/etc/**'], uncertain: 'ignore' }, op('read', '/tmp/x', { canonical: false }))).toBe(no);
    expect(find({ paths: ['/etc/**'], operations: ['write'] }, op('read', '/tmp/x', { canonical: false }))).toBe(no);
    expect(find({ sizeMin: 10 }, op('write', '/x', { direction: 'upload' }))).toBe(perhaps);
    expect(find({ sizeMin: 10 }, op('read', '/x', { direction: 'download', sizeBytes: 9 }))).toBe(no);
    expect(find({ sizeMin: 10 }, op('read', '/x', { direction: 'download', sizeBytes: 10 }))).toBe(yes);
    expect(find({ sizeMin: 10 }, op('mkdir', '/x'))).toBe(no);
    expect(findIn({ paths: ['/x'] }, { kind: 'transfer', meaning: null })).toBe(opaque);
    expect(findIn({ paths: ['/x'] }, { kind: 'shell', meaning: null })).toBe(no);
    const pipe = { language: 'file' as const, file: { operations: [op('read', '/pipe')], complete: false } };
    expect(findIn({ paths: ['/x'] }, { kind: 'transfer', meaning: pipe })).toBe(perhaps);
  });

  it('refuses what it does not know, and what selects nothing', () => {
    const compile = (value: unknown) => () => compileFiles(new Fields('rule'), 'files', value);
    for (const value of [
      {},
      { uncertain: 'ignore' },
      { paths: [] },
      { paths: ['/a/..'] },
      { operations: ['fly'] },
      { other: 1 },
      { sizeMin: 0 },
    ]) {
      expect(compile(value)).toThrow('policy.malformed-guardrail');
    }
  });
});

describe('paths for people', () => {
  it('A-SSH-14: never spells two paths alike, and nothing in it moves a cursor', () => {
    const path = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
    const nasty = fc
      .array(fc.constantFrom('\\', '"', ' ', 'x', '1', 'b', '\x1b', '\n', '\xff', '\xc3', '\xa9', '\\x1b', '\\u001b'), {
        maxLength: 6,
      })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(path, nasty), fc.oneof(path, nasty), (a, b) => {
        if (a !== b) expect(showPath(a)).not.toBe(showPath(b));
        expect(showPath(a)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
      }),
      { numRuns: 3000 },
    );
    expect(showPath(raw('/Größe/日本'))).toBe('/Größe/日本');
    expect(showPath('/a b')).toBe('"/a b"');
    expect(showPath('/\xff')).toBe('/\\xff');
  });

  it('an operation that writes makes a writing command', () => {
    const [read, write] = [fileOperation('read', filePath('/x')), fileOperation('mkdir', filePath('/x'))];
    expect(effectOfFiles({ operations: [read], complete: true })).toBe('read');
    expect(effectOfFiles({ operations: [read], complete: false })).toBe('unknown');
    expect(effectOfFiles({ operations: [read, write], complete: true })).toBe('write');
  });
});
