import { describe, expect, it } from 'vitest';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import type { MaskSpec } from '../../core/rules.ts';
import { bodyType, card, every, run } from '../http/testing.ts';
import { compileMasks } from '../masks.ts';
import { hashKey, maskSet } from '../testing.ts';
import { asked } from './testing.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const hidden = Buffer.from('[redacted]').toString('base64');
const encode = (text: string): string => Buffer.from(text).toString('base64');

const ofSecrets: Partial<MaskSpec> = { match: { kubernetes: { resources: ['secrets'] } }, fields: ['/data/*'] };

function secret(name: string, password: string) {
  const bare = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'Opaque' };
  const applied = JSON.stringify({ ...bare, data: { password: encode(password) }, stringData: { plain: password } });
  return {
    ...bare,
    metadata: { name, annotations: { [lastApplied]: `${applied}\n`, owner: 'shop' }, resourceVersion: '7' },
    data: { password: encode(password), empty: '' },
  };
}

interface Given {
  readonly spec?: Partial<MaskSpec>;
  readonly meaning?: KubernetesMeaning | null;
  readonly mediaType?: string;
  readonly cuts?: number;
}

function masked(
  input: string,
  { spec = ofSecrets, meaning = asked('get'), mediaType = 'application/json', cuts }: Given,
) {
  const outcome = maskSet(spec).planStreams('kubernetes', meaning);
  const body = outcome!.output!.streams!.http!.body(bodyType(mediaType));
  return run(body, input, cuts === undefined ? [] : every(cuts, Buffer.byteLength(input)));
}

type Secret = ReturnType<typeof secret>;

function expectHidden(object: Secret, password: string): void {
  expect(object.data).toEqual({ password: hidden, empty: expect.anything() as string });
  expect(object.metadata.annotations.owner).toBe('shop');
  const applied = JSON.parse(object.metadata.annotations[lastApplied]!) as Secret & { stringData: object };
  expect(applied.data).toEqual({ password: hidden });
  expect(applied.stringData).toEqual({ plain: '[redacted]' });
  expect(applied.metadata).toEqual({ name: object.metadata.name });
  expect(JSON.stringify(object)).not.toContain(encode(password));
  expect(JSON.stringify(object)).not.toContain(password);
}

describe('fields are places in objects, however they come', () => {
  const password = 'hunter2-correct-horse';
  const object = secret('db', password);

  it.each(['get', 'create', 'update', 'patch', 'delete'])('alone: %s', (verb) => {
    for (const cuts of [1, 7, 100_000]) {
      const { text, fault, hits } = masked(JSON.stringify(object), { meaning: asked(verb), cuts });
      expect(fault).toBeNull();
      expectHidden(JSON.parse(text) as Secret, password);
      expect(hits).toEqual({ a: 3 });
    }
  });

  it('in a list, whose own metadata stay', () => {
    const list = {
      kind: 'SecretList',
      apiVersion: 'v1',
      metadata: { resourceVersion: '9' },
      items: [object, secret('b', 'x-y-z-w')],
    };
    const { text } = masked(JSON.stringify(list), { meaning: asked('list') });
    const found = JSON.parse(text) as typeof list;
    expectHidden(found.items[0]!, password);
    expectHidden(found.items[1]!, 'x-y-z-w');
    expect(found.metadata).toEqual(list.metadata);
  });

  it('in the events of a watch, one after the other', () => {
    const events = ['ADDED', 'MODIFIED', 'DELETED'].map((type) => `${JSON.stringify({ type, object })}\n`).join('');
    const bookmark = `${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'Secret', metadata: { resourceVersion: '11' } } })}\n`;
    const { text } = masked(events + bookmark, { meaning: asked('watch'), cuts: 13 });
    const lines = text.trimEnd().split('\n');
    for (const line of lines.slice(0, 3)) expectHidden((JSON.parse(line) as { object: Secret }).object, password);
    expect(`${lines[3]}\n`).toBe(bookmark);
  });

  it('in the rows of tables, watched ones too', () => {
    const table = {
      kind: 'Table',
      columnDefinitions: [{ name: 'Name', format: 'name' }, { name: 'Type' }, { name: 'Data' }],
      rows: [{ cells: ['db', 'Opaque', 1], object }],
    };
    const { text } = masked(JSON.stringify(table), { meaning: asked('list') });
    const found = JSON.parse(text) as typeof table;
    expectHidden(found.rows[0]!.object, password);
    expect(found.rows[0]!.cells).toEqual(['db', 'Opaque', 1]);
    const event = masked(JSON.stringify({ type: 'ADDED', object: table }), { meaning: asked('watch') });
    expectHidden((JSON.parse(event.text) as { object: typeof table }).object.rows[0]!.object, password);
    const one = masked(JSON.stringify(table), { meaning: asked('get') });
    expectHidden((JSON.parse(one.text) as typeof table).rows[0]!.object, password);
  });

  it('wherever they may be, when nothing is known of the request', () => {
    for (const input of [object, { items: [object] }, { object }, { rows: [{ object }] }]) {
      expect(masked(JSON.stringify(input), { meaning: null }).text).not.toContain(encode(password));
    }
  });
});

describe('which objects', () => {
  const object = JSON.stringify(secret('db', 'pass-word-1'));

  it('by resource, group and namespace; a request over all namespaces brings each', () => {
    const is = (match: MaskSpec['match'], more: Partial<KubernetesMeaning> = {}): boolean =>
      masked(object, { spec: { match, fields: ['/data/*'] }, meaning: asked('get', more) }).text !== object;
    expect(is({})).toBe(true);
    expect(is({ kubernetes: { resources: ['configmaps'] } })).toBe(false);
    expect(is({ kubernetes: { resources: ['secrets.core'] } })).toBe(true);
    expect(is({ kubernetes: { resources: ['secrets.apps'] } })).toBe(false);
    expect(is({ kubernetes: { resources: ['*.example.com'] } }, { resource: 'things', apiGroup: 'example.com' })).toBe(
      true,
    );
    expect(
      is({ kubernetes: { resources: ['deployments.apps'] } }, { resource: 'deployments', apiGroup: 'extensions' }),
    ).toBe(true);
    expect(is({ kubernetes: { namespaces: ['prod-*'] } })).toBe(false);
    expect(is({ kubernetes: { namespaces: ['sho*'] } })).toBe(true);
    expect(is({ kubernetes: { namespaces: ['prod-*'] } }, { namespace: '' })).toBe(true);
  });

  it('and what names objects of Kubernetes means nothing to HTTP', () => {
    expect(maskSet(ofSecrets).planStreams('http')).toBeNull();
    expect(maskSet({ fields: ['/a'] }).planStreams('http')).not.toBeNull();
    expect(maskSet({ columns: ['a.b.c'] }).planStreams('kubernetes', asked('get'))).toBeNull();
  });

  it('is refused where it cannot be meant', () => {
    const compile = (spec: object) => () => compileMasks([{ name: 'm', spec: spec as MaskSpec }], { hashKey });
    expect(compile({ match: { kubernetes: {} }, fields: ['/a'] })).toThrow(/match.kubernetes/);
    expect(compile({ match: { kubernetes: { resources: ['pods/exec'] } }, fields: ['/a'] })).toThrow(/no resource/);
    expect(compile({ match: { kubernetes: { verbs: ['get'] } }, fields: ['/a'] })).toThrow(/unknown field/);
    expect(compile({ match: { kubernetes: { resources: ['pods'] } }, detect: ['email'] })).toThrow(/no fields/);
  });
});

describe('values in disguise', () => {
  const one = (data: Readonly<Record<string, string>>, spec: Partial<MaskSpec>) => {
    const { text, hits } = masked(JSON.stringify({ kind: 'Secret', data }), { spec });
    return { data: (JSON.parse(text) as { data: Record<string, string> }).data, hits };
  };

  it('are masked as what they stand for, and stay base64', () => {
    const spec = (more: Partial<MaskSpec>) => ({ ...ofSecrets, ...more });
    expect(one({ a: encode('4111-2222') }, spec({ with: { partial: { last: 4 } } })).data['a']).toBe(
      encode('********2222'),
    );
    const hash = one({ a: encode('x'), b: encode('x'), c: encode('y') }, spec({ with: 'hash' })).data;
    expect(hash['a']).toBe(hash['b']);
    expect(hash['a']).not.toBe(hash['c']);
    expect(Buffer.from(hash['a']!, 'base64').toString('base64')).toBe(hash['a']);
    expect(one({ a: encode('x') }, spec({ with: 'null' })).data['a']).toBeNull();
    expect(one({ a: Buffer.from([0xff, 0xfe, 0]).toString('base64') }, spec({ with: 'hash' })).data['a']).toBe(hidden);
    expect(one({ a: 'no base64!' }, spec({})).data['a']).toBe(hidden);
    expect(one({ a: 'A'.repeat(100_000) }, spec({})).data['a']).toBe(hidden);
    expect(one({ password: encode('x'), user: encode('u') }, spec({ fields: ['/**/password'] })).data).toEqual({
      password: hidden,
      user: encode('u'),
    });
  });

  it('are looked at by detectors', () => {
    const spec: Partial<MaskSpec> = { detect: ['credit_card'] };
    expect(one({ a: encode(`card ${card} end`), b: encode('nothing') }, spec)).toEqual({
      data: { a: encode('card [redacted] end'), b: encode('nothing') },
      hits: { a: 1 },
    });
    const long = 'A'.repeat(100_000);
    expect(one({ a: long }, spec)).toEqual({ data: { a: long }, hits: {} });
  });

  it('an object that was applied and cannot be read is redacted, and one that is too long', () => {
    for (const applied of ['{"data":', `{"data":{"a":"${'A'.repeat(40_000)}"}}`]) {
      const input = JSON.stringify({ metadata: { annotations: { [lastApplied]: applied } } });
      const { text } = masked(input, {});
      expect((JSON.parse(text) as Secret).metadata.annotations[lastApplied]).toBe('[redacted]');
    }
    const odd = masked(JSON.stringify({ metadata: { annotations: { [lastApplied]: { data: { a: 'x' } } } } }), {});
    expect((JSON.parse(odd.text) as Secret).metadata.annotations[lastApplied]).toBe('[redacted]');
  });

  it('where nothing is masked, nothing changes', () => {
    const input = JSON.stringify(secret('db', 'pass-word-1'));
    expect(masked(input, { meaning: asked('get', { resource: 'pods' }) }).text).toBe(input);
    expect(masked(input, { spec: { detect: ['credit_card'] } }).text).toBe(input);
  });
});

describe('answers that are no JSON', () => {
  it('do not pass where fields are masked', () => {
    for (const mediaType of [
      'application/vnd.kubernetes.protobuf',
      'application/yaml',
      'application/cbor',
      'text/plain',
    ]) {
      expect(masked('k8s', { mediaType }).fault).toContain('only answers in JSON');
      expect(masked('k8s', { mediaType, meaning: asked('get', { resource: 'pods' }) }).fault).toBeNull();
    }
  });

  it('logs are text, and looked at by detectors; so are metrics and discovery', () => {
    const spec: Partial<MaskSpec> = { fields: ['/data/*'], detect: ['credit_card'] };
    const log = asked('get', { resource: 'pods', subresource: 'log' });
    expect(masked(`paid by ${card}\n`, { spec, meaning: log, mediaType: 'text/plain' }).text).toBe(
      'paid by [redacted]\n',
    );
    const path = asked('get', { isResourceRequest: false, path: '/openapi/v2' });
    const proto = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
    expect(masked('abc', { spec, meaning: path, mediaType: proto })).toMatchObject({ text: 'abc', fault: null });
    expect(masked('{"data":{"a":"x"}}', { spec, meaning: path }).text).toBe('{"data":{"a":"x"}}');
  });

  it('what a proxy brings is masked as HTTP', () => {
    const spec: Partial<MaskSpec> = { fields: ['/ssn'] };
    const meaning = asked('get', { verb: 'proxy', subresource: 'proxy', resource: 'services' });
    expect(masked('{"ssn":"1"}', { spec, meaning }).text).toBe('{"ssn":"[redacted]"}');
  });
});
