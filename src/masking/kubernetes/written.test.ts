import { describe, expect, it } from 'vitest';
import type { KubernetesBody, KubernetesMeaning, KubernetesPatch } from '../../core/kubernetes.ts';
import type { MaskSpec } from '../../core/rules.ts';
import { card } from '../http/testing.ts';
import { maskSet } from '../testing.ts';
import { asked } from './testing.ts';

const encode = (text: string): string => Buffer.from(text).toString('base64');
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const ofSecrets: Partial<MaskSpec> = { match: { kubernetes: { resources: ['secrets'] } }, fields: ['/data/*'] };

function whole(value: unknown, patch: KubernetesPatch | null = null): KubernetesBody {
  return { kind: 'read', parts: [{ at: [], value }], patch };
}

/** Why the request is refused; null where it passes. */
function refused(spec: Partial<MaskSpec>, body: KubernetesBody, more: Partial<KubernetesMeaning> = {}): string | null {
  const patch = body.kind === 'read' ? body.patch : null;
  const meaning = asked(patch === null ? 'update' : 'patch', { body, patch, ...more });
  const outcome = maskSet(spec).planStreams('kubernetes', meaning);
  if (outcome?.blocked != null) expect(outcome.output).toBeNull();
  return outcome?.blocked?.reason ?? null;
}

const secret = (data: object, metadata: object = { name: 'db' }) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata,
  data,
});

describe('what Masks left is not written back', () => {
  it('in a whole object, in an apply, in a patch, in an operation', () => {
    const left = encode('[redacted]');
    expect(refused(ofSecrets, whole(secret({ password: left })))).toContain('/data/password is what a Mask left there');
    expect(refused(ofSecrets, whole(secret({ password: left })), { verb: 'create' })).toContain('/data/password');
    for (const patch of ['apply-patch', 'merge-patch', 'strategic-merge-patch'] as const) {
      expect(refused(ofSecrets, whole({ data: { 'a/b': left } }, patch))).toContain('/data/a~1b is what');
    }
    const operation = { at: ['data', 'password'], value: left };
    expect(refused(ofSecrets, { kind: 'read', parts: [operation], patch: 'json-patch' })).toContain('/data/password');
    expect(refused(ofSecrets, whole({ stringData: { password: '[redacted]' } }, 'merge-patch'))).toContain(
      '/stringData/password',
    );
    expect(refused(ofSecrets, whole(secret({}, { annotations: { note: '[redacted]' } })))).toContain(
      '/metadata/annotations/note',
    );
  });

  it('in the annotation of what was applied', () => {
    const applied = (value: string) => secret({}, { annotations: { [lastApplied]: value } });
    const object = (password: string) => JSON.stringify(secret({ password: encode(password) }));
    expect(refused(ofSecrets, whole(applied(object('[redacted]'))))).toContain('last-applied-configuration');
    expect(refused(ofSecrets, whole(applied(object('real-one'))))).toBeNull();
    expect(refused(ofSecrets, whole(applied('[redacted]')))).toContain('last-applied-configuration');
    expect(refused(ofSecrets, whole(applied('{"data":{"a":"[redacted]"')))).toContain('last-applied-configuration');
  });

  it('real values pass, and so do other objects, other verbs and what is taken away', () => {
    expect(refused(ofSecrets, whole(secret({ password: encode('real-one'), empty: '' })))).toBeNull();
    expect(refused(ofSecrets, whole({ data: { password: null } }, 'merge-patch'))).toBeNull();
    expect(refused(ofSecrets, whole({ metadata: { labels: { a: 'b' } } }, 'strategic-merge-patch'))).toBeNull();
    const left = whole({ data: { a: '[redacted]' } });
    expect(refused(ofSecrets, left, { resource: 'configmaps' })).toBeNull();
    expect(refused(ofSecrets, left, { verb: 'delete' })).toBeNull();
    expect(refused(ofSecrets, { kind: 'none' })).toBeNull();
  });

  it('is told by what each method leaves', () => {
    const by = (how: MaskSpec['with'], value: unknown, patch: KubernetesPatch | null = null) =>
      refused({ fields: ['/spec/code'], with: how! }, whole({ spec: { code: value } }, patch), { resource: 'widgets' });
    const partial = { partial: { last: 4 } };
    expect(by(partial, '********2222')).toContain('/spec/code is what');
    expect(by(partial, '4111-1111-2222')).toBeNull();
    expect(by('hash', '0123456789abcdef0123456789abcdef')).toContain('/spec/code is what');
    expect(by('hash', 'a-real-code')).toBeNull();
    expect(by('format-preserving', 'anything')).toContain('cannot be told from what a Mask shows');
    expect(by('null', null)).toContain('/spec/code is what');
    expect(by('null', null, 'merge-patch')).toContain('/spec/code is what');
    expect(by('null', 'real')).toBeNull();
    expect(by('redact', 0)).toContain('/spec/code is what');
    expect(by('redact', 7)).toBeNull();
    expect(by('redact', null)).toContain('/spec/code is what');
    expect(by('hash', 7)).toContain('cannot be told');
    expect(by('redact', true)).toBeNull();
  });

  it('what was made by a Mask is told as such, by every method', () => {
    for (const method of ['redact', 'hash', { partial: { last: 4 } }, { partial: { first: 2, last: 2 } }] as const) {
      const spec: Partial<MaskSpec> = { fields: ['/data/*'], with: method };
      const shown = maskSet(spec).planStreams('kubernetes', asked('get'));
      const body = shown!.output!.streams!.http!.body({
        mediaType: 'application/json',
        charset: null,
        boundary: null,
      });
      const given = JSON.stringify(secret({ a: encode('correct horse battery'), b: encode('short') }));
      const masked = Buffer.concat([Buffer.from(body.push(Buffer.from(given))), body.end()]).toString();
      expect(refused(spec, whole(JSON.parse(given)))).toBeNull();
      const left = JSON.parse(masked) as { data: object };
      for (const [name, value] of Object.entries(left.data)) {
        expect(refused(spec, whole(secret({ [name]: value })))).toContain(`/data/${name}`);
      }
    }
  });

  it('by detectors: in any text, in names, and in base64', () => {
    const map = (data: object, more: Partial<MaskSpec> = {}) =>
      refused({ detect: ['credit_card'], ...more }, whole({ kind: 'ConfigMap', data }), { resource: 'configmaps' });
    expect(map({ a: 'paid by [redacted] today' })).toContain('/data/a');
    expect(map({ 'of [redacted]': 'x' })).toContain('/data/of [redacted]');
    expect(map({ a: `paid by ${card}` })).toBeNull();
    expect(map({ a: 'card ********1111' }, { with: { partial: { last: 4 } } })).toContain('/data/a');
    expect(map({ a: '/************ title ************/' }, { with: { partial: { last: 4 } } })).toBeNull();
    expect(map({ a: 'by [credit_card:abcdefghijklmnop]' }, { with: 'hash' })).toContain('/data/a');
    expect(map({ a: `paid by ${card}` }, { with: 'format-preserving' })).toContain('cannot be told');
    expect(map({ a: 'nothing' }, { with: 'format-preserving' })).toBeNull();
    const inSecret = secret({ a: encode('paid by [redacted]') });
    expect(refused({ detect: ['credit_card'] }, whole(inSecret))).toContain('/data/a');
  });

  it('a finding that is taken out elsewhere is redacted here, so that it can be told', () => {
    const shown = maskSet({ detect: ['credit_card'], with: 'null' }).planStreams('kubernetes', asked('get'));
    const body = shown!.output!.streams!.http!.body({ mediaType: 'application/json', charset: null, boundary: null });
    expect(Buffer.from(body.push(Buffer.from(`{"note":"by ${card}!"}`))).toString()).toBe('{"note":"by [redacted]!"}');
  });
});

describe('fails closed', () => {
  it('what was not read of a body may be anything', () => {
    const unread: KubernetesBody = { kind: 'unread', reason: 'it is too long' };
    expect(refused(ofSecrets, unread)).toContain('it is too long');
    const part = { at: [], value: { kind: 'Secret' }, known: [['kind']] };
    expect(refused(ofSecrets, { kind: 'read', parts: [part], patch: null })).toContain('Send it as JSON');
    expect(refused(ofSecrets, unread, { resource: 'configmaps' })).toBeNull();
    expect(refused({ detect: ['credit_card'] }, unread, { resource: 'configmaps' })).toContain('it is too long');
  });

  it('a patch that copies, moves or compares what is masked would tell it', () => {
    const reading = (...at: string[]) => {
      const part = { at: ['metadata', 'annotations', 'x'], value: null, known: [] };
      return refused(ofSecrets, { kind: 'read', parts: [part], patch: 'json-patch', reads: [at] });
    };
    expect(reading('data', 'password')).toContain('copies, moves or compares /data/password');
    expect(reading('data')).toContain('/data, which is masked');
    expect(reading()).toContain('/, which is masked');
    expect(reading('data', 'password', 'deeper')).toContain('masked');
    expect(reading('metadata', 'resourceVersion')).toBeNull();
  });
});
