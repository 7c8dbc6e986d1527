/** `match.commands.shell`: what matches, what may match, and what does not. */
import { describe, expect, test } from 'vitest';
import type { GuardrailMatch, ShellSelector } from '../core/rules.ts';
import type { ShellAnalysis, ShellCommand, ShellPath } from '../core/shell.ts';
import { checkGuardrail } from './check.ts';
import { compileGuardrails } from './index.ts';
import { request, rule } from './testing.ts';

const path = (text: string, more: Partial<ShellPath> = {}): ShellPath => ({
  path: text,
  access: 'delete',
  isCanonical: text.startsWith('/'),
  isPattern: /[*?]/.test(text),
  isRecursive: false,
  ...more,
});

const command = (words: string, more: Partial<ShellCommand> = {}): ShellCommand => {
  const argv = words.split(' ').map((word) => (word === '?' ? null : word));
  return {
    argv,
    program: argv[0]?.split('/').at(-1) ?? null,
    path: argv[0] ?? null,
    via: [],
    asUser: null,
    host: null,
    verbs: [],
    paths: [],
    effects: ['read'],
    confidence: 'exact',
    unknown: [],
    ...more,
  };
};

const shell = (commands: readonly ShellCommand[], more: Partial<ShellAnalysis> = {}): ShellAnalysis => ({
  textBytes: 1,
  dialect: 'bash',
  commands,
  redirects: [],
  effects: [],
  flags: [],
  reasons: [],
  complete: true,
  bounded: true,
  isUnterminated: false,
  transfer: null,
  ...more,
});

const dynamic = shell(
  [command('?', { program: null, path: null, unknown: ['arguments', 'paths', 'program', 'verbs'] })],
  {
    complete: false,
    bounded: false,
    flags: ['dynamic-name'],
    reasons: [{ code: 'dynamic-name', about: '$x' }],
  },
);

function verdict(selector: ShellSelector, analysis: ShellAnalysis | null, kind: 'shell' | 'http' = 'shell'): string {
  const compiled = compileGuardrails([rule('r', 'block', { commands: { shell: selector } })], { ledger: null });
  const meaning = analysis === null ? null : ({ language: 'shell', shell: analysis } as const);
  return compiled.judge(request({ command: { kind, meaning } })).verdict.name;
}

const rmRoot = command('rm -rf /', { paths: [path('/', { isRecursive: true })], effects: ['delete', 'destructive'] });
const restart = command('systemctl restart nginx', {
  verbs: ['systemctl restart'],
  effects: ['service-control'],
  asUser: 'root',
});
const unlisted = command('frob x', { effects: ['execute', 'unknown'], unknown: ['paths'], confidence: 'partial' });
const loose = command('rm ?', { unknown: ['arguments', 'paths'], confidence: 'partial', effects: ['delete'] });

describe('what a selector finds', () => {
  const cases: readonly (readonly [ShellSelector, ShellCommand, boolean])[] = [
    [{ programs: ['rm'] }, rmRoot, true],
    [{ programs: ['r*'] }, rmRoot, true],
    [{ programs: ['RM'] }, rmRoot, true],
    [{ programs: ['ls'] }, rmRoot, false],
    [{ programs: ['/opt/*'] }, command('/opt/x/run'), true],
    [{ programs: ['/opt/*'] }, command('/usr/bin/run'), false],
    [{ verbs: ['systemctl restart'] }, restart, true],
    [{ verbs: ['systemctl *'] }, restart, true],
    [{ verbs: ['systemctl stop'] }, restart, false],
    [{ verbs: ['systemctl stop'] }, command('systemctl ? x', { unknown: ['arguments', 'verbs'] }), true],
    [{ programs: ['rm'], arguments: ['-r'] }, rmRoot, true],
    [{ programs: ['rm'], arguments: ['-x'] }, rmRoot, false],
    [{ arguments: ['--force'] }, command('git push --force=yes'), true],
    [{ programs: ['rm'], arguments: ['-x'] }, loose, true],
    [{ effects: ['destructive'] }, rmRoot, true],
    [{ effects: ['network'] }, rmRoot, false],
    [{ effects: ['network'] }, unlisted, true],
    [{ paths: ['/etc/*'] }, rmRoot, true],
    [{ paths: ['/etc/*'], access: 'read' }, rmRoot, false],
    [{ paths: ['/etc/*'] }, command('cat /etc/passwd', { paths: [path('/etc/passwd')] }), true],
    [{ paths: ['/etc/*'] }, command('cat /srv/a', { paths: [path('/srv/a')] }), false],
    [{ paths: ['/etc/*'] }, command('cat a', { paths: [path('a')] }), true],
    [{ paths: ['/etc/*'] }, command('cat /e*', { paths: [path('/e*')] }), true],
    [{ paths: ['/etc/*'] }, command('cat /srv/*', { paths: [path('/srv/*')] }), false],
    [{ paths: ['/etc/*'] }, loose, true],
    [{ users: ['root'] }, restart, true],
    [{ users: ['root'] }, rmRoot, false],
    [{ users: ['root'] }, command('ls', { asUser: '*', unknown: ['user'] }), true],
    [{ hosts: ['web*'] }, command('ls', { host: 'web-1' }), true],
    [{ hosts: ['web*'] }, command('ls'), false],
    [{ programs: ['rm'], users: ['root'] }, restart, false],
  ];
  test.each(cases)('%j', (selector, one, matches) => {
    expect(verdict(selector, shell([one]))).toBe(matches ? 'block' : 'allow');
  });

  test('all of it must hold of one command', () => {
    const two = shell([command('rm x'), command('ls', { asUser: 'root' })]);
    expect(verdict({ programs: ['rm'], users: ['root'] }, two)).toBe('allow');
  });

  test('redirects are judged by their paths and effects', () => {
    const writing = shell([command('echo x')], {
      redirects: [{ operator: '>', path: path('/etc/motd', { access: 'write' }), via: [], asUser: null, host: null }],
    });
    expect(verdict({ paths: ['/etc/*'], access: 'write' }, writing)).toBe('block');
    expect(verdict({ effects: ['write'] }, writing)).toBe('block');
    expect(verdict({ programs: ['echo'], paths: ['/etc/*'] }, writing)).toBe('allow');
  });
});

describe('what stays unknown', () => {
  test('counts as matching, unless the rule ignores it', () => {
    for (const selector of [
      { programs: ['rm'] },
      { verbs: ['git push'] },
      { effects: ['delete'] },
      { paths: ['/etc/*'] },
      { hosts: ['x'] },
    ] as const) {
      expect(verdict(selector, dynamic)).toBe('block');
      expect(verdict({ ...selector, uncertain: 'ignore' }, dynamic)).toBe('allow');
    }
  });

  test('a shell command without an analysis is blocked, another kind is none of it', () => {
    expect(verdict({ programs: ['rm'], uncertain: 'ignore' }, null)).toBe('block');
    expect(verdict({ programs: ['rm'] }, null, 'http')).toBe('allow');
  });

  test('flags, incomplete, unbounded', () => {
    expect(verdict({ flags: ['dynamic-*'] }, dynamic)).toBe('block');
    expect(verdict({ flags: ['opaque:*'] }, shell([rmRoot]))).toBe('allow');
    expect(verdict({ incomplete: true }, dynamic)).toBe('block');
    expect(verdict({ incomplete: true }, shell([rmRoot]))).toBe('allow');
    expect(verdict({ unbounded: true }, shell([rmRoot], { bounded: false }))).toBe('block');
    expect(verdict({ unbounded: true }, shell([rmRoot]))).toBe('allow');
    expect(verdict({ programs: ['ls'], incomplete: false }, dynamic)).toBe('allow');
  });

  test('the reason says what is not known', () => {
    const compiled = compileGuardrails([rule('no-rm', 'block', { commands: { shell: { programs: ['rm'] } } })], {
      ledger: null,
    });
    const { verdict: found } = compiled.judge(
      request({ command: { kind: 'shell', meaning: { language: 'shell', shell: dynamic } } }),
    );
    expect(found.reason).toBe(
      'Which program runs depends on a value that is not in the text: $x. Since not all of it can be told, it counts as matching the guardrail no-rm: The guardrail no-rm blocks this command. Change it, or talk to whoever maintains the guardrail.',
    );
  });
});

test('a rule is refused with its field, and where no protocol runs shell texts', () => {
  const problems = (selector: unknown): string[] => {
    const match = { commands: { shell: selector } } as unknown as GuardrailMatch;
    return checkGuardrail(rule('r', 'block', match), [], {});
  };
  expect(problems({})[0]).toContain('selects nothing in particular');
  expect(problems({ effects: ['explode'] })[0]).toContain('match.commands.shell.effects[0]');
  expect(problems({ flags: ['nonsense'] })[0]).toContain('match.commands.shell.flags[0]');
  expect(problems({ paths: ['etc/x'] })[0]).toContain('match.commands.shell.paths[0]');
  expect(problems({ program: ['rm'] })[0]).toContain('program');
  const can = {
    assurance: 'exact',
    languages: ['sql'],
    verbs: ['query'],
    rowEstimates: true,
    holds: true,
    masks: true,
    limits: true,
  } as const;
  const one = rule('r', 'block', { commands: { shell: { programs: ['rm'] } } });
  expect(checkGuardrail(one, [], { postgres: can })[0]).toContain('runs no shell texts');
  expect(checkGuardrail(one, [], { postgres: can, ssh: { ...can, languages: ['shell'] } })).toEqual([]);
});
