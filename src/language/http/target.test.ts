import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { targetBytesMax } from './limits.ts';
import { compileRoutes, routeProblem } from './routes.ts';
import {
  type CanonicalTarget,
  canonicalTarget,
  type HttpFaultCode,
  isHttpFault,
  type TargetOptions,
} from './target.ts';

function accepted(target: string, options?: TargetOptions): CanonicalTarget {
  const found = canonicalTarget(target, options);
  if (isHttpFault(found)) throw new Error(`${target}: ${found.reason}`);
  return found;
}

const refused = (target: string, options?: TargetOptions): HttpFaultCode | null => {
  const found = canonicalTarget(target, options);
  return isHttpFault(found) ? found.fault : null;
};

describe('A-HTTP-06: what is one spelling of another becomes it', () => {
  const table: readonly (readonly [sent: string, target: string])[] = [
    ['/', '/'],
    ['/a/', '/a/'],
    ['/%61dmin', '/admin'],
    ['/%41%2D%2e%5F%7Ex', '/A-._~x'],
    ['/gr%c3%b6%C3%9fe', '/gr%C3%B6%C3%9Fe'],
    ['/a"b<c>d[e]f^g`h{i|j}k', '/a%22b%3Cc%3Ed%5Be%5Df%5Eg%60h%7Bi%7Cj%7Dk'],
    ['/a%22b', '/a%22b'],
    ["/a!$&'()*+,=:@b", "/a!$&'()*+,=:@b"],
    ['/a%2cb', '/a%2Cb'],
    ['/100%25', '/100%25'],
    ['/a%252e%252e', '/a%252e%252e'],
    ['/...', '/...'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a%20b', '/a%20b'],
    ['/a?', '/a?'],
    ['/a?b=/../c//d', '/a?b=/../c//d'],
    ['/a?%61=%c3%a9&b=[1]{2}|\\^"', '/a?%61=%c3%a9&b=[1]{2}|\\^"'],
    ['/a?b?c', '/a?b?c'],
  ];
  it.each(table)('%s', (sent, target) => {
    expect(accepted(sent).target).toBe(target);
  });
});

describe('A-HTTP-06: what services read in different ways is refused', () => {
  const table: readonly (readonly [sent: string, code: HttpFaultCode])[] = [
    ['/admin/../x', 'dot-segment'],
    ['/./x', 'dot-segment'],
    ['/x/..', 'dot-segment'],
    ['/%2e%2e/x', 'dot-segment'],
    ['/.%2E', 'dot-segment'],
    ['//x', 'empty-segment'],
    ['/x//', 'empty-segment'],
    ['//evil.example/x', 'empty-segment'],
    ['/x;y', 'parameters'],
    ['/..;/x', 'parameters'],
    ['/x%3by', 'parameters'],
    ['/x?a=1;b=2', 'parameters'],
    ['/x%00', 'character'],
    ['/x%0d%0aSet-Cookie:a', 'character'],
    ['/x%7f', 'character'],
    ['/x y', 'character'],
    ['/x\ty', 'character'],
    ['/x\0', 'character'],
    ['/x\r\nHost: a', 'character'],
    ['/x\x7f', 'character'],
    ['/größe', 'character'],
    ['/x?q=é', 'character'],
    ['/x#y', 'character'],
    ['/x?y#z', 'character'],
    ['/x?a=%00', 'character'],
    ['/x\\y', 'slash'],
    ['/..\\x', 'slash'],
    ['/x%5Cy', 'slash'],
    ['/x%2fy', 'slash'],
    ['/..%2Fadmin', 'slash'],
    ['/x%', 'escape'],
    ['/x%4', 'escape'],
    ['/x%zz', 'escape'],
    ['/x%u0041', 'escape'],
    ['/%c0%ae%c0%ae/', 'escape'],
    ['/%ff', 'escape'],
    ['/%ed%a0%80', 'escape'],
    ['/x?%', 'escape'],
    ['/x?a=%zz', 'escape'],
    ['/x?a=%ff', 'escape'],
    ['', 'form'],
    ['*', 'form'],
    ['x', 'form'],
    ['http://inside/x', 'form'],
    ['inside:443', 'form'],
  ];
  it.each(table)('%j', (sent, code) => {
    expect(refused(sent)).toBe(code);
  });

  it('takes a target of the longest size, and none that is longer, also once encoded', () => {
    expect(refused(`/${'x'.repeat(targetBytesMax - 1)}`)).toBeNull();
    expect(refused(`/${'x'.repeat(targetBytesMax)}`)).toBe('length');
    expect(refused(`/${'|'.repeat(targetBytesMax / 2)}`)).toBe('length');
  });

  it('keeps encoded slashes and semicolons where a service needs them, but no dots behind them', () => {
    const keep: TargetOptions = { encodedSlashes: 'keep', semicolons: 'keep' };
    expect(accepted('/projects/group%2fname', keep).path).toBe('/projects/group%2Fname');
    expect(accepted('/queues/%2F/x', keep).path).toBe('/queues/%2F/x');
    expect(accepted('/x;v=1/y%3b', keep).path).toBe('/x;v=1/y%3B');
    expect(accepted('/x?a=1;b=2&c=3', keep)).toMatchObject({
      query: 'a=1;b=2&c=3',
      fields: [
        ['a', '1;b=2'],
        ['c', '3'],
        ['a', '1'],
        ['b', '2'],
      ],
    });
    for (const sent of ['/..;/x', '/x%2F..%2Fy', '/..%2Fx', '/.;a', '/x%2f%2e%2e', '/..%3Bx', '/a%2F..;b%2Fc']) {
      expect(refused(sent, keep), sent).toBe('dot-segment');
    }
    expect(refused('/x%5c..', keep)).toBe('slash');
  });
});

describe('the query', () => {
  it('is told decoded and in order, and kept to the byte', () => {
    expect(accepted('/x?b=1&a=%20+%2B&b=2&c&=d&&e=f=g&%61[]=%C3%A9')).toEqual({
      path: '/x',
      query: 'b=1&a=%20+%2B&b=2&c&=d&&e=f=g&%61[]=%C3%A9',
      target: '/x?b=1&a=%20+%2B&b=2&c&=d&&e=f=g&%61[]=%C3%A9',
      fields: [
        ['b', '1'],
        ['a', '  +'],
        ['b', '2'],
        ['c', ''],
        ['', 'd'],
        ['e', 'f=g'],
        ['a[]', 'é'],
      ],
    });
    expect(accepted('/x').query).toBeNull();
    expect(accepted('/x?').query).toBe('');
  });
});

/** Targets made of what is dangerous. */
const pieces = fc.constantFrom(
  ...['/', '.', '..', '%2e', '%2E', '%41', '%61', 'a', 'A', 'b', '%2f', '%2F', ';', '%3b', '%c3%a9', '%C3%A9', '%25'],
  ...[
    '~',
    '%7e',
    '|',
    '%7c',
    '"',
    '%22',
    ',',
    '%2c',
    '+',
    '%20',
    '?',
    '&',
    '=',
    '#',
    '\\',
    '%5c',
    '%',
    '%00',
    'é',
    ' ',
    '@',
  ],
);
const targets = fc.array(pieces, { maxLength: 10 }).map((parts) => `/${parts.join('')}`);
const keepings: readonly TargetOptions[] = [{}, { encodedSlashes: 'keep' }, { semicolons: 'keep' }];

/** RFC 3986, section 6.2.2, on a path, written otherwise than the canonicaliser: by bytes. */
function normalised(path: string): string {
  const bytes = path.replaceAll(/%([0-9A-Fa-f]{2})/g, (whole, digits: string) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : whole.toUpperCase();
  });
  return bytes.replaceAll(/["<>[\]^`{|}]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

describe('A-HTTP-06: properties', () => {
  it('gives back what is canonical as it is', () => {
    fc.assert(
      fc.property(targets, fc.constantFrom(...keepings), (target, options) => {
        const once = canonicalTarget(target, options);
        fc.pre(!isHttpFault(once));
        expect(canonicalTarget(once.target, options)).toEqual(once);
      }),
      { numRuns: 5000 },
    );
  });

  it('has one spelling for what is equal, and never makes two things equal', () => {
    fc.assert(
      fc.property(targets, (sent) => {
        const found = canonicalTarget(sent);
        fc.pre(!isHttpFault(found));
        const path = sent.split('?', 1)[0]!;
        expect(found.path).toBe(normalised(path));
        expect(decodeURIComponent(found.path)).toBe(decodeURIComponent(path));
      }),
      { numRuns: 5000 },
    );
  });

  it('means by its segments what each reader means: none is left that another resolves, merges, splits or cuts', () => {
    fc.assert(
      fc.property(targets, (sent) => {
        const found = canonicalTarget(sent);
        fc.pre(!isHttpFault(found));
        const names = found.path.slice(1).split('/').map(decodeURIComponent);
        expect(names.slice(0, -1)).not.toContain('');
        for (const name of names) expect(name).not.toMatch(/^\.\.?$|[/\\;\0-\x1f\x7f]/);
      }),
      { numRuns: 5000 },
    );
  });

  it('agrees with the URL parser of browsers about what it accepts', () => {
    fc.assert(
      fc.property(targets, (sent) => {
        const found = canonicalTarget(sent);
        fc.pre(!isHttpFault(found));
        const url = new URL(`http://x${found.target}`);
        expect(url.pathname).toBe(found.path);
        expect(url.hash).toBe('');
        expect([...url.searchParams]).toEqual(found.fields);
      }),
      { numRuns: 5000 },
    );
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        canonicalTarget(text);
        canonicalTarget(`/${text}`, { encodedSlashes: 'keep', semicolons: 'keep' });
      }),
      { numRuns: 5000 },
    );
  });
});

describe('route templates', () => {
  const routes = compileRoutes([
    '/v1/customers/search',
    '/v1/customers/{id}',
    '/v1/customers/{id}/orders',
    '/',
    '/größe/{x}',
  ]);
  it.each([
    ['/v1/customers/7', '/v1/customers/{id}'],
    ['/v1/customers/search', '/v1/customers/search'],
    ['/V1/Customers/7', '/v1/customers/{id}'],
    ['/v1/customers/7/', '/v1/customers/{id}'],
    ['/v1/customers/7/orders', '/v1/customers/{id}/orders'],
    ['/v1/customers', null],
    ['/v1/customers/', null],
    ['/v1/customers/7/orders/1', null],
    ['/', '/'],
    ['/gr%C3%B6%C3%9Fe/1', '/größe/{x}'],
    ['/v1/custom%65rs/7', '/v1/customers/{id}'],
  ])('%s', (path, route) => {
    expect(routes.of(path)).toBe(route);
  });

  it('refuses what is none', () => {
    expect(routeProblem(['/a/{id}', '/'])).toBeNull();
    for (const template of ['a', '/a/{id', '/a/{id}.json', '/a?b', '/a//b', '/a/../b', '/{}', '/a b', '/{a}{b}']) {
      expect(routeProblem([template]), template).toContain(JSON.stringify(template));
    }
    expect(routeProblem(Array.from({ length: 501 }, () => '/'))).toContain('500');
    expect(compileRoutes(['nothing']).of('/nothing')).toBeNull();
  });
});
