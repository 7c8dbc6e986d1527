import { describe, expect, test } from 'vitest';
import type { Manifest } from './contract/index.ts';
import { stepUpWarnings } from './step-up-warnings.ts';

const access = (name: string, principals: object, resources: object, more: object = {}): Manifest =>
  ({ kind: 'Access', metadata: { name }, spec: { match: { principals, resources }, ...more } }) as Manifest;
const resource = (name: string, labels: Record<string, string> = {}): Manifest =>
  ({ kind: 'Resource', metadata: { name, labels }, spec: {} }) as unknown as Manifest;
const group = (name: string, members: readonly string[]): Manifest =>
  ({ kind: 'Group', metadata: { name }, spec: { members } }) as unknown as Manifest;

const asked = { stepUp: true };
const orders = resource('orders', { env: 'production' });

describe('an Access that makes a step-up useless', () => {
  const strict = access('production', { groups: ['dba'] }, { labels: { env: 'production' } }, asked);

  test('is warned of from both sides', () => {
    const lax = access('team', { names: ['erin'] }, { names: ['orders'] });
    const after = [orders, group('dba', ['erin']), strict, lax];
    const warning = 'the Access team lets erin in to orders without the step-up that production asks for';
    expect(stepUpWarnings(strict, after)).toEqual([warning]);
    expect(stepUpWarnings(lax, after)).toEqual([warning]);
  });

  test('also where only an identity provider knows who is in the group', () => {
    const lax = access('team', { groups: ['dba'] }, { names: ['orders'] });
    expect(stepUpWarnings(lax, [orders, strict, lax])).toEqual([
      'the Access team lets the group dba in to orders without the step-up that production asks for',
    ]);
  });

  test('not where they share nobody, nothing, both ask, or it only lets people request', () => {
    const after = (lax: Manifest): Manifest[] => [
      orders,
      resource('tests'),
      group('dba', ['erin', 'dan']),
      strict,
      lax,
    ];
    for (const lax of [
      access('other-people', { names: ['mallory'] }, { names: ['orders'] }),
      access('other-resource', { names: ['erin'] }, { names: ['tests'] }),
      access('excepted', { names: ['erin'], except: { names: ['erin'] } }, { names: ['orders'] }),
      access('asks-too', { names: ['erin'] }, { names: ['orders'] }, asked),
      access('on-request', { names: ['erin'] }, { names: ['orders'] }, { request: { reviewers: { names: ['dana'] } } }),
    ]) {
      expect(stepUpWarnings(lax, after(lax)), JSON.stringify(lax)).toEqual([]);
    }
    expect(stepUpWarnings(orders, [orders, strict])).toEqual([]);
  });
});
