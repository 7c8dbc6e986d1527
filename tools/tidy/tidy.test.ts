/** Each rule of tidy catches a violation, and leaves the innocent alone. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { licenceCounts } from './licences.ts';
import { readProject, readSource } from './project.ts';
import { checkAll } from './rules.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Writes a tree and returns `rule file:line` of each problem. */
function check(files: Record<string, string>, exempt: Parameters<typeof checkAll>[1] = []): string[] {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-tidy-'));
  folders.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return checkAll(readProject(root), exempt).map(({ rule, file, line }) => `${rule} ${file}:${line}`);
}

const header = '/** A file. */\n';
/** A room that nothing can be said against. */
const room = (name: string, body = ''): Record<string, string> => ({
  [`src/${name}/README.md`]: `# ${name}\n`,
  [`src/${name}/index.ts`]: header + body,
});

describe('walls', () => {
  const forms: readonly [string, string][] = [
    ['a static import', "import { a } from '../store/index.ts';"],
    ['a type import', "import type { A } from '../store/index.ts';"],
    ['a side-effect import', "import '../store/index.ts';"],
    ['a dynamic import', "const a = await import('../store/index.ts');"],
    ['a re-export', "export * from '../store/index.ts';"],
    ['a re-export of types', "export type { A } from '../store/index.ts';"],
    ['an import on several lines', "import {\n  a,\n  b,\n} from '../store/index.ts';"],
    ['a worker', "new Worker(new URL('../store/index.ts', import.meta.url));"],
  ];
  test.each(forms)('%s of a sibling', (_name, line) => {
    expect(check({ ...room('store'), ...room('policy', line) })).toEqual(['forbidden-import src/policy/index.ts:2']);
  });
  test('what looks like an import in a comment or a string is none', () => {
    const text = "// import { a } from '../store/index.ts';\nconst b = \"import '../store/index.ts'\";\n";
    expect(check({ ...room('store'), ...room('policy', text) })).toEqual([]);
  });
  test('what the table allows passes, from a file of vocabulary too', () => {
    const core = { ...room('base'), ...room('core', "import '../base/wire.ts';"), 'src/base/wire.ts': header };
    expect(check({ ...core, ...room('policy', "import '../core/index.ts';\nimport '../base/wire.ts';") })).toEqual([]);
  });
  test('the vocabulary imports nobody', () => {
    expect(check({ ...room('base', "import '../core/index.ts';"), ...room('core') })).toEqual([
      'forbidden-import src/base/index.ts:2',
    ]);
  });
  test('past a door: the composition root and tests may, others may not', () => {
    const deep = "import '../language/sql.ts';";
    const files = { ...room('language'), 'src/language/sql.ts': header };
    const postgres = room('protocols/postgres', "import '../../language/sql.ts';");
    expect(check({ ...files, ...postgres })).toEqual(['deep-import src/protocols/postgres/index.ts:2']);
    expect(check({ ...files, ...room('gateway', deep) })).toEqual([]);
    expect(check({ ...files, ...room('policy'), 'src/policy/a.test.ts': deep })).toEqual([]);
  });
  test('protocols do not know each other, except where declared', () => {
    const files = { ...room('protocols/http'), ...room('protocols/ssh') };
    const line = "import '../http/index.ts';";
    expect(check({ ...files, ...room('protocols/ssh', line) })).toEqual([
      'forbidden-import src/protocols/ssh/index.ts:2',
    ]);
    expect(check({ ...files, ...room('protocols/kubernetes', line) })).toEqual([]);
  });
  test('the registry names protocols', () => {
    const registry = {
      'src/protocols/registry.ts': `${header}import './ssh/index.ts';`,
      'src/protocols/README.md': '#',
    };
    expect(check({ ...room('protocols/ssh'), ...registry })).toEqual([]);
  });
  test('the program does not import its tests', () => {
    const files = { ...room('base', "import './a.test.ts';"), 'src/base/a.test.ts': '' };
    expect(check(files)).toEqual([]);
    expect(check({ ...room('base', "import '../../test/env/index.ts';") })).toEqual([
      'forbidden-import src/base/index.ts:2',
    ]);
    expect(check({ ...room('core', "import '../base/a.test.ts';"), ...files })).toContain(
      'forbidden-import src/core/index.ts:2',
    );
  });
  test('packages per room', () => {
    expect(check(room('policy', "import { z } from 'zod';"))).toEqual(['forbidden-package src/policy/index.ts:2']);
    expect(check(room('store', "import type { Kysely } from 'kysely/deep';"))).toEqual([]);
    expect(check(room('gateway', "import '@scope/name/deep';"))).toEqual(['forbidden-package src/gateway/index.ts:2']);
    expect(check({ ...room('policy'), 'src/policy/a.test.ts': "import { test } from 'vitest';" })).toEqual([]);
    expect(check({ ...room('policy'), 'src/policy/a.test.ts': "import 'left-pad';" })).toHaveLength(1);
  });
  test('rooms that do no I/O', () => {
    expect(check(room('core', "import 'node:crypto';"))).toEqual([]);
    expect(check(room('core', "import 'node:fs';"))).toEqual(['forbidden-builtin src/core/index.ts:2']);
    expect(check(room('language', "import 'node:fs';"))).toEqual(['forbidden-builtin src/language/index.ts:2']);
    expect(check(room('protocols/ssh', "import 'node:net';"))).toEqual([
      'forbidden-builtin src/protocols/ssh/index.ts:2',
    ]);
    expect(check(room('recording', "import 'node:fs';"))).toEqual([]);
  });
  test('a room that nobody declared', () => {
    expect(check(room('helpers'))).toEqual(['unknown-room src/helpers/index.ts:1']);
  });
});

describe('rooms', () => {
  test('without README, without door', () => {
    expect(check({ 'src/policy/a.ts': header })).toEqual(['room-readme src/policy:1', 'room-index src/policy:1']);
    expect(check({ 'src/protocols/ssh/a.ts': header })).toEqual([
      'room-readme src/protocols/ssh:1',
      'room-index src/protocols/ssh:1',
    ]);
    expect(check({ 'src/core/a.ts': header })).toEqual(['room-readme src/core:1']);
  });
  test('files at their limit and one past it', () => {
    const lines = (count: number): string => header + 'x;\n'.repeat(count - 1);
    expect(check({ ...room('core'), 'src/core/a.ts': lines(500) })).toEqual([]);
    expect(check({ ...room('core'), 'src/core/a.ts': lines(501) })).toEqual(['file-length src/core/a.ts:501']);
    expect(check({ ...room('core'), 'src/core/a.test.ts': lines(800) })).toEqual([]);
    expect(check({ ...room('core'), 'src/core/a.test.ts': lines(801) })).toEqual([
      'file-length src/core/a.test.ts:801',
    ]);
    expect(check({ ...room('core'), 'src/core/fixtures/goldens.ts': lines(2000) })).toEqual([]);
  });
  test('no header', () => {
    expect(check({ ...room('core'), 'src/core/a.ts': 'export const a = 1;\n' })).toEqual([
      'file-header src/core/a.ts:1',
    ]);
    expect(check({ ...room('core'), 'src/core/a.ts': `#!/usr/bin/env node\n${header}` })).toEqual([]);
  });
});

describe('style', () => {
  const found = (text: string, path = 'src/core/a.ts'): string[] => check({ ...room('core'), [path]: header + text });

  test.each([
    'let a: any;',
    'f(a as any);',
    'const m = new Map<string, any>();',
    'const l: Array<any> = [];',
    'let b: any[] = [];',
    'function f(a: any, b: string) {}',
    '// @ts-ignore',
    '/* @ts-nocheck */',
  ])('any: %s', (text) => {
    expect(found(text)).toEqual(['any src/core/a.ts:2']);
  });
  test.each(['// is any of these: any', "const s = ': any';", 'const company: anything = 1;', 'f(x, anyOf);'])(
    'not any: %s',
    (text) => {
      expect(found(text)).toEqual([]);
    },
  );
  test('@ts-expect-error is for tests', () => {
    expect(found('// @ts-expect-error')).toHaveLength(1);
    expect(found('// @ts-expect-error', 'src/core/a.test.ts')).toEqual([]);
  });
  test.each([
    'try { f(); } catch {}',
    'try { f(); } catch (error) { log.error("x", { a: 1 }); }',
    `try { f(); } catch (error) { this.#parts.log.warn(\`a \${b}\`); console.error(error); }`,
    'try { f(); } catch (error) {\n  console.log(error);\n}',
    'p.catch((error: unknown) => { log.error("x"); });',
    'p.catch(() => {});',
  ])('swallowed: %s', (text) => {
    expect(found(text)).toEqual(['swallowed-error src/core/a.ts:2']);
  });
  test.each([
    'try { f(); } catch { /* gone already: that is what was wanted */ }',
    'try { f(); } catch (error) { log.error("x"); throw error; }',
    'try { f(); } catch { return null; }',
    'p.catch(() => undefined);',
  ])('dealt with: %s', (text) => {
    expect(found(text)).toEqual([]);
  });
  test('debts need an issue', () => {
    expect(found('// TODO later')).toEqual(['debt src/core/a.ts:2']);
    expect(found('/* FIXME */')).toEqual(['debt src/core/a.ts:2']);
    expect(found('// TODO(#12) later')).toEqual([]);
    expect(found("const TODO = 'TODO';")).toEqual([]);
  });
  test('tests are not switched off', () => {
    const path = 'src/core/a.test.ts';
    expect(found('test.only("a", f);', path)).toEqual(['switched-off src/core/a.test.ts:2']);
    expect(found('describe.skip("a", f);', path)).toEqual(['switched-off src/core/a.test.ts:2']);
    expect(found('test.concurrent.only("a", f);', path)).toHaveLength(1);
    expect(found('test.skipIf(windows)("a", f);', path)).toEqual([]);
  });
});

describe('error codes', () => {
  const table = `${header}export const e = defineErrors({\n  'core.lost': { kind: 'operation', message: 'Lost.' },\n});\n`;
  const thrower = `${header}throw e('core.lost');\n`;
  const reference = '| `core.lost` | Lost. |\n';
  test('thrown and documented', () => {
    const files = { ...room('core'), 'src/core/errors.ts': table, 'src/core/a.ts': thrower };
    expect(check({ ...files, 'docs/reference/errors.md': reference })).toEqual([]);
    expect(check(files)).toEqual(['error-code src/core/errors.ts:3']);
  });
  test('never thrown: a comment or a test does not count', () => {
    const files = { ...room('core'), 'src/core/errors.ts': table, 'docs/reference/errors.md': reference };
    const comment = { 'src/core/a.ts': `${header}// 'core.lost'\n`, 'src/core/a.test.ts': thrower };
    expect(check({ ...files, ...comment })).toEqual(['error-code src/core/errors.ts:3']);
  });
  test('declared twice', () => {
    const files = { ...room('core'), ...room('base'), 'src/core/a.ts': thrower, 'docs/reference/errors.md': reference };
    expect(check({ ...files, 'src/core/errors.ts': table, 'src/base/errors.ts': table })).toEqual([
      'error-code src/core/errors.ts:3',
    ]);
  });
});

describe('leaks', () => {
  // Put together here so that tidy does not find them in this file.
  const home = ['', 'home', 'somebody', 'project'].join('/');
  test('paths of a machine', () => {
    expect(check({ 'docs/a.md': `see ${home}/x` })).toEqual(['machine-path docs/a.md:1']);
    expect(check({ 'docs/a.md': `see ${home.replace('home', 'Users')}` })).toEqual(['machine-path docs/a.md:1']);
    expect(check({ 'docs/a.md': 'see https://example.com/home/page/x and ./home/a/b' })).toEqual([]);
  });
  test('addresses of a registry', () => {
    const lock = '{\n"packages": {\n"node_modules/a": { "license": "MIT",\n"resolved": "https://r.example/a.tgz" }}}';
    expect(check({ 'package-lock.json': lock })).toEqual(['registry-host package-lock.json:4']);
    expect(check({ '.npmrc': 'fund=false\nregistry=https://r.example/\n' })).toEqual(['registry-host .npmrc:2']);
  });
});

describe('licences', () => {
  const lock = (packages: Record<string, object>): Record<string, string> => ({
    'package-lock.json': JSON.stringify({ packages: { '': { name: 'x' }, ...packages } }),
  });
  test('of what is shipped, nested and optional packages included', () => {
    expect(check(lock({ 'node_modules/a': { license: 'GPL-3.0' } }))).toEqual(['licence package-lock.json:1']);
    expect(check(lock({ 'node_modules/b/node_modules/a': { license: 'SSPL-1.0', optional: true } }))).toHaveLength(1);
    expect(check(lock({ 'node_modules/a': {} }))).toHaveLength(1);
    expect(check(lock({ 'node_modules/a': { license: 'GPL-3.0', dev: true } }))).toEqual([]);
    expect(check(lock({ 'node_modules/a': { license: '(GPL-2.0 OR MIT)' } }))).toEqual([]);
    expect(check(lock({ 'node_modules/a': { license: 'MIT AND GPL-2.0' } }))).toHaveLength(1);
  });
  test('what is installed counts more than what the lock says', () => {
    const installed = { 'node_modules/a/package.json': JSON.stringify({ license: 'GPL-3.0' }) };
    expect(check({ ...lock({ 'node_modules/a': { license: 'MIT' } }), ...installed })).toHaveLength(1);
  });
});

test('an exemption takes one finding away, and is reported when it takes none', () => {
  const files = { ...room('core'), 'src/core/a.ts': `${header}let a: any;` };
  expect(check(files, [['any', 'src/core/a.ts', 'because']])).toEqual([]);
  expect(check(room('core'), [['any', 'src/core/a.ts', 'because']])).toEqual(['exemption tools/tidy/tables.ts:1']);
});

describe('readings', () => {
  test('templates, regular expressions and divisions', () => {
    const text = `a = \`x \${f("}") /* c */} // y\`; b = /["\`]/.test(c); d = e / f / "g";`;
    const { code, bare, comments } = readSource('a.ts', text);
    expect(bare.replace(/\s+/g, ' ')).toBe('a = f( ) ; b = .test(c); d = e / f / ;');
    expect(comments.trim()).toBe('/* c */');
    expect(code).toBe(text.replace('/* c */', '       '));
  });
  test('line numbers survive', () => {
    const { bare, code } = readSource('a.ts', '/* a\nb */ x\n`c\nd`\n');
    expect(bare.split('\n')).toHaveLength(5);
    expect(code.split('\n')).toHaveLength(5);
  });
});

test('this repository ships known licences only', () => {
  const project = readProject(join(import.meta.dirname, '../..'));
  expect([...licenceCounts(project).values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
});
