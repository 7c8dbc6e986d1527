import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isHttpFault } from '../http/target.ts';
import { requestInfoOf } from './request-info.ts';
import { exactField, fieldTerms, isLabelSelector } from './selectors.ts';

interface Case {
  readonly method: string;
  readonly url: string;
  readonly info?: object;
  /** The server itself refuses it. */
  readonly error?: string;
  readonly malformed?: string;
}

/** Made by the real k8s.io/apiserver. */
const cases = JSON.parse(
  readFileSync(new URL('./fixtures/request-info.json', import.meta.url), 'utf8'),
) as readonly Case[];

/** What is refused here, whatever the server makes of it: a target that services read in different ways, no verb. */
const refusable =
  /^[^/]|\/\/|\.\.?(?:\/|$|\?)|%2e|%2f|%00|%0a|%ff|%(?![0-9a-f]{2})|[;#\\]|[^!-~]|\/(?:watch|proxy)\/?$|^http/i;

describe('A-K8S-05: the facts of a request are the API server’s own', () => {
  it('for every case of the corpus that is not refused', () => {
    const different: object[] = [];
    const refused: string[] = [];
    for (const { method, url, info } of cases) {
      const found = requestInfoOf({ method, target: url });
      if (isHttpFault(found)) {
        if (found.fault !== 'method') refused.push(url);
        else expect(info).toMatchObject({ isResourceRequest: true, verb: '' });
      } else if (info === undefined || JSON.stringify(found) !== JSON.stringify(info)) {
        different.push({ method, url, info, found });
      }
    }
    expect(different).toEqual([]);
    expect(refused.filter((url) => !refusable.test(url))).toEqual([]);
    expect(cases.length - refused.length).toBeGreaterThan(600);
  });

  it('and what the server refuses is refused', () => {
    for (const { method, url } of cases.filter(({ info }) => info === undefined)) {
      expect(isHttpFault(requestInfoOf({ method, target: url })), `${method} ${url}`).toBe(true);
    }
  });

  it('a proxy may be asked by any method', () => {
    const target = '/api/v1/namespaces/shop/services/web/proxy/x';
    expect(requestInfoOf({ method: 'OPTIONS', target })).toMatchObject({ subresource: 'proxy', verb: '' });
    expect(requestInfoOf({ method: 'OPTIONS', target: '/api/v1/pods' })).toMatchObject({ fault: 'method' });
  });
});

describe('selectors', () => {
  it('of labels, as the server reads them', () => {
    const good = [
      '',
      'a',
      '!a',
      'a=b',
      'a==b',
      'a!=b',
      'a=',
      'a in (b,c)',
      'a notin (b)',
      'x.io/a=b,c',
      'a>1',
      ' a = b ',
    ];
    for (const text of good) expect(isLabelSelector(text), text).toBe(true);
    const bad = ['a=b c', '=b', 'a in b', 'a in (b', '-a', 'a=-b', 'a,,b', 'x'.repeat(64), `a=${'x'.repeat(9000)}`];
    for (const text of bad) expect(isLabelSelector(text), text).toBe(false);
  });

  it('of fields: terms, escapes, what must be exact', () => {
    const terms = fieldTerms('metadata.name=a\\,b,status.phase!=Running,x==y')!;
    expect(terms.map(({ field, isEqual, value }) => [field, isEqual, value])).toEqual([
      ['metadata.name', true, 'a,b'],
      ['status.phase', false, 'Running'],
      ['x', true, 'y'],
    ]);
    expect(exactField(terms, 'metadata.name')).toBe('a,b');
    expect(exactField(terms, 'status.phase')).toBeNull();
    for (const text of ['metadata.name', 'a=b\\x', 'a=b=c', 'x'.repeat(8193)])
      expect(fieldTerms(text), text).toBeNull();
  });
});
