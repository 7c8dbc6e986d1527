/** Compiling Masks: what is refused, with which words, and for whom what is in force. */
import { describe, expect, it } from 'vitest';
import { isGatewayError } from '../base/errors.ts';
import type { MaskSpec, RuleObject } from '../core/rules.ts';
import { detectorNames, groups } from './detectors/table.ts';
import * as limits from './limits.ts';
import { compileMasks } from './masks.ts';
import { apply, hashKey, maskSet, principal, resource, valueMask } from './testing.ts';

function refusal(spec: unknown, name = 'm'): { code: string; message: string } {
  try {
    compileMasks([{ name, spec }] as RuleObject<MaskSpec>[], { hashKey });
  } catch (error) {
    if (isGatewayError(error)) return { code: error.code, message: error.publicMessage };
    throw error;
  }
  return { code: 'none', message: '' };
}

describe('refusals', () => {
  const columns = ['a.b.c'];
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [null, /spec is not an object/],
    [{ columns }, /match is missing/],
    [{ match: {} }, /does nothing/],
    [{ match: {}, columns, colums: [] }, /spec has an unknown field "colums"; it may have match, columns/],
    [{ match: { resource: {} }, columns }, /match has an unknown field "resource"/],
    [{ match: { resources: { name: ['x'] } }, columns }, /match\.resources has an unknown field "name"/],
    [{ match: { principals: { except: { kinds: ['person'] } } }, columns }, /match\.principals\.except has an unknown/],
    [{ match: { principals: { kinds: ['robot'] } }, columns }, /match\.principals\.kinds has "robot"/],
    [{ match: { principals: { names: [] } }, columns }, /match\.principals\.names is an empty list/],
    [{ match: { resources: { labels: { env: 1 } } }, columns }, /match\.resources\.labels\.env is not text/],
    [{ match: { resources: { names: 'x' } }, columns }, /match\.resources\.names is not a list/],
    [{ match: [], columns }, /match is not an object/],
    [{ match: {}, columns: [] }, /columns is an empty list/],
    [{ match: {}, columns: ['a.b'] }, /columns\[0\] is "a\.b"; a column is written as schema\.relation\.column/],
    [{ match: {}, columns: ['a.b.c.d'] }, /columns\[0\]/],
    [{ match: {}, columns: ['a..c'] }, /columns\[0\]/],
    [{ match: {}, columns: ['a.b.c', '"a.b.c'] }, /columns\[1\]/],
    [{ match: {}, columns: ['a. b.c'] }, /columns\[0\]/],
    [{ match: {}, columns: [7] }, /columns\[0\] is not text/],
    [{ match: {}, columns: [`a.b.${'c'.repeat(limits.columnCharactersMax)}`] }, /columns\[0\] is longer/],
    [{ match: {}, columns, with: 'blur' }, /with is not one of redact/],
    [{ match: {}, columns, with: { partial: {} } }, /with\.partial leaves nothing/],
    [{ match: {}, columns, with: { partial: { last: -1 } } }, /with\.partial\.last is not a whole number/],
    [{ match: {}, columns, with: { partial: { last: limits.partialCharactersMax + 1 } } }, /with\.partial\.last/],
    [{ match: {}, columns, with: { partial: { lst: 4 } } }, /with\.partial has an unknown field "lst"/],
    [{ match: {}, columns, with: { keep: 4 } }, /with has an unknown field "keep"/],
    [{ match: {}, columns, predicates: 'deny' }, /predicates is not one of block, allow/],
    [{ match: {}, columns, unresolved: true }, /unresolved is not one of mask, block/],
    [{ match: {}, detect: ['email'], predicates: 'block' }, /predicates is given, but no columns/],
    [{ match: {}, detect: ['email'], unresolved: 'block' }, /unresolved is given, but no columns/],
    [{ match: {}, patterns: [{ name: 'x', pattern: 'a', flags: 'i' }] }, /patterns\[0\] has an unknown field "flags"/],
    [{ match: {}, patterns: [{ name: 'email', pattern: 'a' }] }, /patterns\[0\]\.name is the name of a built-in/],
    [{ match: {}, patterns: [{ name: 'a b', pattern: 'a' }] }, /patterns\[0\]\.name is not a name/],
    [
      {
        match: {},
        patterns: [
          { name: 'x', pattern: 'a' },
          { name: 'x', pattern: 'b' },
        ],
      },
      /patterns\[1\]\.name is there twice/,
    ],
    [{ match: {}, dictionaries: [{ name: 'x' }] }, /dictionaries\[0\]\.words is missing/],
    [{ match: {}, dictionaries: [{ name: 'x', words: ['\u200b'] }] }, /words\[0\] has nothing/],
    [{ match: {}, dictionaries: [{ name: 'x', words: ['a'.repeat(101)] }] }, /words\[0\] is longer/],
  ];

  it.each(cases)('%j', (spec, message) => {
    const refused = refusal(spec);
    expect(refused.code).toBe('masking.malformed-mask');
    expect(refused.message).toMatch(message);
    expect(refused.message).toMatch(/^The Mask m cannot be used: /);
  });

  it('names unknown detectors, and those that exist', () => {
    const { code, message } = refusal({ match: {}, detect: ['email', 'emial'] });
    expect(code).toBe('masking.unknown-detector');
    expect(message).toMatch(/detect\[1\] names the detector "emial".*credit_card/);
    expect(refusal({ match: {}, detect: ['constructor'] }).code).toBe('masking.unknown-detector');
  });

  it.each([
    ['(a)\\1', /invalid escape/],
    ['(?=a)b', /invalid or unsupported Perl syntax/],
    ['(?<!a)b', /invalid|unsupported/],
    ['[', /missing closing/],
    ['a{5000}', /repeat/],
    ['x*', /matches the empty text/],
    ['(a{100}){10}(b{100})(c{100}){9}', /repeat|compiles to too much/],
    ['a'.repeat(limits.patternCharactersMax + 1), /is longer than/],
  ])('refuses the pattern %s (A-MSK-01)', (pattern, message) => {
    const refused = refusal({ match: {}, patterns: [{ name: 'x', pattern }] });
    expect(refused.code).toBe('masking.bad-pattern');
    expect(refused.message).toMatch(message);
    expect(refused.message).toMatch(/patterns\[0\]\.pattern/);
  });

  it('refuses doubles, reserved names, too many and weak keys', () => {
    const mask = { match: {}, columns: ['a.b.c'] };
    expect(refusal(mask, 'gateway:x').message).toMatch(/reserved name/);
    expect(refusal(mask, '').message).toMatch(/has no name/);
    const twice = [
      { name: 'm', spec: mask },
      { name: 'm', spec: mask },
    ];
    expect(() => compileMasks(twice, { hashKey })).toThrow(/the name of another Mask/);
    const many = Array.from({ length: limits.masksMax + 1 }, (_, index) => ({ name: `m${index}`, spec: mask }));
    expect(() => compileMasks(many, { hashKey })).toThrow('masking.too-many-masks');
    expect(() => compileMasks(many.slice(1), { hashKey })).not.toThrow();
    expect(() => compileMasks([], { hashKey: Buffer.alloc(31) })).toThrow('masking.short-key');
  });

  it('escapes what it quotes (I13)', () => {
    expect(refusal({ match: {}, columns: ['\u001b[2J'] }).message).not.toMatch(/\u001b/);
    expect(refusal({ match: {}, 'a\u202eb': 1 }).message).not.toMatch(/\u202e/);
  });
});

describe('selection', () => {
  const spec = (match: MaskSpec['match']): RuleObject<MaskSpec>[] => [
    { name: 'm', spec: { match, columns: ['a.b.c'] } },
  ];
  const inForce = (match: MaskSpec['match'], who = principal(), what = resource()): boolean =>
    compileMasks(spec(match), { hashKey }).for(who, what) !== null;

  it('selects everyone and everything where nothing is said', () => {
    expect(inForce({})).toBe(true);
    expect(inForce({ principals: {}, resources: {} })).toBe(true);
  });

  it('asks for all that is said', () => {
    expect(inForce({ principals: { names: ['engineer'], groups: ['engineering'] } })).toBe(true);
    expect(inForce({ principals: { names: ['engineer'], groups: ['dba'] } })).toBe(false);
    expect(inForce({ principals: { kinds: ['service'] } })).toBe(false);
    expect(inForce({ principals: { except: { groups: ['engineering'] } } })).toBe(false);
    expect(inForce({ principals: { except: { names: ['dba'] } } })).toBe(true);
    expect(inForce({ resources: { labels: { env: 'prod' }, names: ['*'], protocols: ['postgres'] } })).toBe(true);
    expect(inForce({ resources: { labels: { env: 'test' } } })).toBe(false);
    expect(inForce({ resources: { labels: { toString: 'x' } as Record<string, string> } })).toBe(false);
    expect(inForce({ resources: { protocols: ['mysql'] } })).toBe(false);
  });

  it('gives the same set for the same masks, so that plans are shared', () => {
    const masks = compileMasks(spec({ principals: { except: { groups: ['dba'] } } }), { hashKey });
    const what = resource();
    expect(masks.for(principal('a'), what)).toBe(masks.for(principal('b'), what));
    expect(masks.for(principal('c', ['dba']), what)).toBeNull();
    const [first, second] = masks.explain(principal('c', ['dba']), what);
    expect(first).toMatchObject({ name: 'm', inForce: false, conditions: [{ condition: 'principals.except.groups' }] });
    expect(second).toBeUndefined();
  });

  it('does not change with the objects, nor with their order', () => {
    const objects = [
      { name: 'b', spec: { match: {}, columns: ['a.b.c'] as string[] } },
      { name: 'a', spec: { match: {}, columns: ['a.b.d'] as string[] } },
    ];
    const masks = compileMasks(objects, { hashKey });
    objects[0]!.spec.columns[0] = 'x.y.z';
    expect(masks.for(principal(), resource())?.names).toEqual(['a', 'b']);
    expect(masks.for(principal(), resource())?.column('a', 'b', 'c')?.rule).toBe('b');
  });
});

describe('detectors of a mask', () => {
  it('knows every detector and group by name', () => {
    for (const name of [...detectorNames, ...Object.keys(groups)]) {
      expect(() => maskSet({ detect: [name] }), name).not.toThrow();
    }
  });

  it('takes patterns and dictionaries', () => {
    const mask = valueMask({
      patterns: [{ name: 'employee', pattern: '(?i)EMP-\\d{6}' }],
      dictionaries: [{ name: 'projects', words: ['Blue Heron', 'café'] }],
      with: 'hash',
    });
    expect(apply(mask, 'see emp-123456.')).toMatch(/^see \[employee:[a-p]{16}\]\.$/);
    expect(apply(mask, 'the BLUE HERON, the blue herons, a Cafe')).toMatch(
      /^the \[projects:[a-p]{16}\], the blue herons, a \[projects:[a-p]{16}\]$/,
    );
    expect(apply(mask, 'ＢＬＵＥ heron ＥＭＰ－１２３４５６')).toMatch(
      /^\[projects:[a-p]{16}\] \[employee:[a-p]{16}\]$/,
    );
  });

  it('lets the strictest mask decide about a detector that two of them name', () => {
    const set = maskSet({ detect: ['email'], with: { partial: { last: 4 } } }, { detect: ['pii'], with: 'hash' });
    const mask = set.plan(null).output!.otherwise;
    expect(mask.rule).toBe('a, b');
    expect(apply(mask, 'john.miller@example.com')).toMatch(/^\[email:/);
  });
});
