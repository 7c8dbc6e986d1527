import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubernetesBody } from '../../core/kubernetes.ts';
import { kubernetesBody } from './body.ts';
import { readCbor } from './cbor.ts';
import * as limits from './limits.ts';
import { readProtobuf } from './protobuf.ts';
import { readYaml } from './yaml.ts';

const bytes = (...parts: readonly (number | string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part as string))));

const read = (type: string | null, body: Buffer | string, isPatch = false): KubernetesBody =>
  kubernetesBody(type, Buffer.from(body as string), isPatch);

const whole = (value: unknown, patch: Extract<KubernetesBody, { kind: 'read' }>['patch'] = null): KubernetesBody => {
  return { kind: 'read', parts: [{ at: [], value }], patch };
};

const reasonOf = (body: KubernetesBody): string => (body.kind === 'unread' ? body.reason : `(${body.kind})`);

describe('A-K8S-04: bodies by their type', () => {
  it('JSON, YAML and CBOR are objects', () => {
    expect(read('application/json', '{"a":[1,null]}')).toEqual(whole({ a: [1, null] }));
    expect(read('application/json; charset=utf-8', '{"a":1}')).toEqual(whole({ a: 1 }));
    // The server takes what has no type for JSON.
    expect(read(null, '{"a":1}')).toEqual(whole({ a: 1 }));
    expect(read('', '{"a":1}')).toEqual(whole({ a: 1 }));
    expect(read('application/yaml', 'a: 1\nb: [x]')).toEqual(whole({ a: 1, b: ['x'] }));
    expect(read('application/cbor', self(bytes(0xa1, 0x41, 'a', 0x01)))).toEqual(whole({ a: 1 }));
    expect(read('application/json', '')).toEqual({ kind: 'none' });
  });

  it('each document of YAML is one', () => {
    expect(read('application/yaml', 'a: 1\n---\nb: 2\n')).toMatchObject({
      parts: [{ value: { a: 1 } }, { value: { b: 2 } }],
    });
  });

  it('changes are what they change', () => {
    const merge = whole({ spec: { replicas: 0 } }, 'merge-patch');
    expect(read('application/merge-patch+json', '{"spec":{"replicas":0}}', true)).toEqual(merge);
    expect(read('application/strategic-merge-patch+json', '{"a":1}', true)).toEqual(
      whole({ a: 1 }, 'strategic-merge-patch'),
    );
    expect(read('application/apply-patch+yaml', 'a: 1', true)).toEqual(whole({ a: 1 }, 'apply-patch'));
    expect(read('application/apply-patch+yaml', '{"a":1}', true)).toEqual(whole({ a: 1 }, 'apply-patch'));
    expect(read('application/apply-patch+cbor', self(bytes(0xa1, 0x61, 'a', 0x01)), true)).toEqual(
      whole({ a: 1 }, 'apply-patch'),
    );
  });

  it('operations of a JSON patch stand at their places', () => {
    const operations = [
      { op: 'add', path: '/metadata/annotations/a~1b', value: 'x' },
      { op: 'replace', path: '', value: { a: 1 } },
      { op: 'remove', path: '/spec/x' },
      { op: 'move', path: '/a', from: '/b' },
      { op: 'test', path: '/c', value: 1 },
    ];
    expect(read('application/json-patch+json', JSON.stringify(operations), true)).toEqual({
      kind: 'read',
      patch: 'json-patch',
      parts: [
        { at: ['metadata', 'annotations', 'a/b'], value: 'x' },
        { at: [], value: { a: 1 } },
        { at: ['spec', 'x'], value: null, known: [] },
        { at: ['a'], value: null, known: [] },
        { at: ['b'], value: null, known: [] },
      ],
      reads: [['b'], ['c']],
    });
  });

  it.each<[string | null, string, string, boolean?]>([
    ['application/json', '{"a":1,"a":2}', 'twice'],
    ['application/json', '[1]', 'no object'],
    ['application/json', '"x"', 'no object'],
    ['application/json', '{"a":', 'not valid'],
    ['application/json', '\ufeff{}', 'no text'],
    ['text/plain', 'a', 'not read'],
    ['application/x-www-form-urlencoded', '{}', 'not read'],
    ['json', '{}', 'spelled'],
    ['application/json', '{}', 'patches of the type', true],
    ['application/json-patch+json', '{}', 'no list', true],
    ['application/json-patch+json', '[1]', 'operation is none', true],
    ['application/json-patch+json', '[{"op":"add","value":1}]', 'no path', true],
    ['application/json-patch+json', '[{"op":"add","path":"a"}]', 'no path', true],
    ['application/json-patch+json', '[{"op":"merge","path":"/a"}]', 'none that JSON patch has', true],
    ['application/json-patch+json', '[{"op":"copy","path":"/a"}]', 'where from', true],
    ['application/yaml', 'a: 1\na: 2', 'not valid'],
    ['application/yaml', 'a: !!binary x', 'tag'],
    ['application/yaml', '%YAML 1.1\n---\na: 1', 'directive'],
    ['application/yaml', '1: a\n"1": b', 'twice'],
    ['application/yaml', 'a: y', 'plain word'],
    ['application/yaml', 'a: 1:30', 'plain word'],
    ['application/yaml', '{a: 1', 'not valid'],
    ['application/yaml', '? [a]\n: 1', 'no text'],
    ['application/yaml', '# nothing', 'no object'],
    ['application/cbor', '{}', 'does not say'],
    ['application/vnd.kubernetes.protobuf', '{}', 'does not say'],
  ])('%s %s is unread: %s', (type, body, reason, isPatch = false) => {
    expect(reasonOf(read(type, body, isPatch))).toContain(reason);
  });

  it('at each limit, and one past it', () => {
    const padded = (length: number): string => `{"a":"${'x'.repeat(length - 8)}"}`;
    expect(read('application/json', padded(limits.kubernetesBodyBytesMax)).kind).toBe('read');
    expect(read('application/json', padded(limits.kubernetesBodyBytesMax + 1)).kind).toBe('unread');
    const documents = (count: number): string => Array(count).fill('a: 1').join('\n---\n');
    expect(readYaml(documents(limits.yamlDocumentsMax))).toHaveProperty('values');
    expect(readYaml(documents(limits.yamlDocumentsMax + 1))).toHaveProperty('unread');
    const aliases = (count: number): string => `a: &x 1\nb: [${Array(count).fill('*x').join(', ')}]`;
    expect(readYaml(aliases(limits.yamlAliasesMax))).toHaveProperty('values');
    expect(readYaml(aliases(limits.yamlAliasesMax + 1))).toHaveProperty('unread');
    const long = (length: number): string => `a: ${'x'.repeat(length - 3)}`;
    expect(readYaml(long(limits.yamlTextMax))).toHaveProperty('values');
    expect(readYaml(long(limits.yamlTextMax + 1))).toHaveProperty('unread');
    const operations = (count: number): string => JSON.stringify(Array(count).fill({ op: 'test', path: '/a' }));
    expect(read('application/json-patch+json', operations(limits.patchOperationsMax), true).kind).toBe('read');
    expect(read('application/json-patch+json', operations(limits.patchOperationsMax + 1), true).kind).toBe('unread');
    const nested = (depth: number): Buffer => self(Buffer.concat([Buffer.alloc(depth, 0x81), Buffer.from([0x01])]));
    expect(readCbor(nested(limits.kubernetesDepthMax))).toHaveProperty('value');
    expect(readCbor(nested(limits.kubernetesDepthMax + 1))).toHaveProperty('unread');
    expect(readYaml('['.repeat(50_000))).toHaveProperty('unread');
  });
});

const self = (item: Buffer): Buffer => bytes(0xd9, 0xd9, 0xf7, item);

describe('CBOR', () => {
  it.each<[string, unknown]>([
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['190100', 256],
    ['1a00010000', 65_536],
    ['1b0000000100000000', 4_294_967_296],
    ['20', -1],
    ['3903e7', -1000],
    ['43616263', 'abc'],
    ['63616263', 'abc'],
    ['80', []],
    ['820102', [1, 2]],
    ['a0', {}],
    ['a2416101616202', { a: 1, b: 2 }],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['f93c00', 1],
    ['f90001', 2 ** -24],
    ['f9c400', -4],
    ['fa47c35000', 100_000],
    ['fb3ff199999999999a', 1.1],
    ['d64101', 'AQ=='],
    ['d541ff', '_w'],
    ['d741ff', 'FF'],
    ['a1495f5f70726f746f5f5f01', Object.fromEntries([['__proto__', 1]])],
  ])('%s', (hex, value) => {
    expect(readCbor(self(Buffer.from(hex, 'hex')))).toEqual({ value });
  });

  it.each([
    ...[
      '',
      '18',
      '1c',
      '5f',
      '9f',
      'bf',
      '62',
      '6161ff',
      '41ff',
      '61ff',
      '82',
      '8201',
      'a1',
      'a141',
      'a14161',
      'a10101',
    ],
    ...[
      'a2416101616102',
      'c001',
      'd9d9f700',
      'd66101',
      'd6',
      'f7',
      'f0',
      'f800',
      'f97e00',
      'f97c00',
      'fb7ff0000000000000',
    ],
    ...['9b7fffffffffffffff', 'bb7fffffffffffffff', '5b7fffffffffffffff', 'ff'],
  ])('%s is refused', (hex) => {
    expect(readCbor(self(Buffer.from(hex, 'hex')))).toHaveProperty('unread');
  });
});

/** A field of protobuf: a number as a varint, all else with its length. */
function field(number: number, value: number | string | Buffer): Buffer {
  if (typeof value === 'number') return bytes(number << 3, value);
  const content = Buffer.from(value as string);
  const size = content.length < 128 ? [content.length] : [(content.length & 0x7f) | 0x80, content.length >> 7];
  return bytes((number << 3) | 2, Buffer.from(size), content);
}

function unknown(kind: string, raw: Buffer, ...more: Buffer[]): Buffer {
  return bytes('k8s\0', field(1, bytes(field(1, 'v1'), field(2, kind))), field(2, raw), ...more);
}

describe('protobuf', () => {
  const meta = bytes(field(1, 'db'), field(3, 'shop'), field(11, bytes(field(1, 'app'), field(2, 'web'))));

  it('tells an object of Kubernetes’ own kinds, as it would stand in JSON', () => {
    const entry = bytes(field(1, 'password'), field(2, 'hunter2'));
    const secret = bytes(field(1, meta), field(2, entry), field(3, ''), field(5, 0));
    expect(readProtobuf(unknown('Secret', secret, field(3, ''), field(4, '')))).toEqual({
      part: {
        at: [],
        value: {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'db', namespace: 'shop', labels: { app: 'web' } },
          data: { password: 'aHVudGVyMg==' },
          immutable: false,
        },
      },
    });
    const port = bytes(field(1, 'web'), field(3, 80), field(4, bytes(field(1, 1), field(2, 0), field(3, 'http'))));
    const time = bytes(field(1, 0x50), field(2, 0));
    const service = bytes(field(1, field(8, time)), field(2, bytes(field(1, port), field(4, 'ClusterIP'))));
    expect(readProtobuf(unknown('Service', service))).toMatchObject({
      part: {
        value: {
          metadata: { creationTimestamp: '1970-01-01T00:01:20Z' },
          spec: { ports: [{ name: 'web', port: 80, targetPort: 'http' }], type: 'ClusterIP' },
        },
      },
    });
    const volume = bytes(field(1, 'v'), field(2, field(1, field(1, '/etc'))));
    expect(readProtobuf(unknown('Pod', field(2, field(1, volume))))).toMatchObject({
      part: { value: { spec: { volumes: [{ name: 'v', hostPath: { path: '/etc' } }] } } },
    });
  });

  it('of another kind, or with a field that is not known, tells kind and metadata, and that the rest is not known', () => {
    const newer = bytes(field(1, meta), field(15, 'x'));
    for (const body of [unknown('Newer', newer), unknown('Secret', newer)]) {
      const { part } = readProtobuf(body) as { part: { value: unknown; known: unknown } };
      expect(part.value).toMatchObject({
        apiVersion: 'v1',
        metadata: { name: 'db', namespace: 'shop', labels: { app: 'web' }, annotations: {} },
      });
      expect(part.known).toContainEqual(['metadata', 'labels']);
      expect(part.known).not.toContainEqual(['metadata']);
    }
    const deeper = unknown('Pod', field(1, bytes(meta, field(15, 'x'))));
    expect(readProtobuf(deeper)).toMatchObject({ part: { known: expect.anything() as unknown } });
  });

  it('tells all of DeleteOptions, and of lists the kind', () => {
    const options = bytes(field(1, 5), field(3, 1), field(4, 'Orphan'), field(5, 'All'));
    expect(readProtobuf(unknown('DeleteOptions', options))).toMatchObject({
      part: { value: { gracePeriodSeconds: 5, orphanDependents: true, propagationPolicy: 'Orphan', dryRun: ['All'] } },
    });
    expect(readProtobuf(unknown('PodList', field(1, meta)))).toEqual({
      part: { at: [], value: { apiVersion: 'v1', kind: 'PodList' }, known: [['apiVersion'], ['kind']] },
    });
  });

  it.each<[string, Buffer]>([
    ['a field twice', unknown('Pod', bytes(field(1, meta), field(1, meta)))],
    ['a name twice', unknown('Pod', field(1, bytes(field(1, 'a'), field(1, 'b'))))],
    ['a label twice', unknown('Pod', field(1, bytes(...[1, 2].map(() => field(11, field(1, 'a'))))))],
    ['another encoding', unknown('Pod', Buffer.alloc(0), field(3, 'gzip'))],
    ['another type', unknown('Pod', Buffer.alloc(0), field(4, 'application/json'))],
    ['a group', bytes('k8s\0', 0x0b)],
    ['field 0', bytes('k8s\0', 0x02, 0x00)],
    ['a length beyond the end', bytes('k8s\0', 0x0a, 0x7f)],
    ['a number that does not end', bytes('k8s\0', 0x08, 0x80)],
    ['a number too long', bytes('k8s\0', 0x08, Buffer.alloc(11, 0x80), 0x01)],
    ['text that is none', unknown('Pod', field(1, field(1, Buffer.from([0xff]))))],
    ['a number where metadata belong', unknown('Pod', field(1, 1))],
    ['text where a number belongs', unknown('DeleteOptions', field(1, 'x'))],
    ['text where truth belongs', unknown('Secret', field(5, 'x'))],
    ['a number where text belongs', unknown('Secret', field(3, 1))],
    ['a key of data twice', unknown('Secret', bytes(...[1, 2].map(() => field(2, field(1, 'a')))))],
  ])('%s is refused', (_, body) => {
    expect(readProtobuf(body)).toHaveProperty('unread');
  });
});

describe('any bytes', () => {
  it('are read or unread, and nothing is thrown', () => {
    const types = ['application/json', 'application/yaml', 'application/cbor', 'application/vnd.kubernetes.protobuf'];
    const start = fc.constantFrom('', '{', 'a: ', '\xd9\xd9\xf7', 'k8s\0');
    fc.assert(
      fc.property(fc.constantFrom(...types), start, fc.uint8Array({ maxLength: 60 }), (type, head, rest) => {
        const body = kubernetesBody(type, bytes(Buffer.from(head, 'latin1'), Buffer.from(rest)), false);
        expect(['none', 'read', 'unread']).toContain(body.kind);
      }),
      { numRuns: 2000, seed: 7 },
    );
  });
});
