import { expect, test } from 'vitest';
import type { KubernetesMeaning } from '../core/kubernetes.ts';
import { meaningView } from './subject.ts';

const request: KubernetesMeaning = {
  isResourceRequest: true,
  path: '/api/v1/namespaces/payments',
  verb: 'delete',
  serverVerb: 'delete',
  method: 'DELETE',
  apiPrefix: 'api',
  apiGroup: '',
  apiVersion: 'v1',
  namespace: 'payments',
  resource: 'namespaces',
  subresource: '',
  name: 'payments',
  fieldSelector: '',
  labelSelector: '',
  query: [],
  contentType: null,
  upgrade: null,
  dryRun: false,
  exec: null,
  patch: null,
  body: { kind: 'none' },
};
const view = (more: Partial<KubernetesMeaning>) =>
  meaningView({ language: 'kubernetes', kubernetes: { ...request, ...more }, shell: null });

test('A-REV-06: what is asked of an API server, for its reviewer', () => {
  expect(view({})).toMatchObject({
    effects: ['delete'],
    complete: true,
    relations: [{ name: 'namespaces payments', access: 'write', via: 'namespace payments' }],
  });
  expect(view({ verb: 'list', serverVerb: 'list', name: '', namespace: '', resource: 'nodes' })).toMatchObject({
    relations: [{ name: 'nodes', access: 'read', via: 'list' }],
  });
  const part = { at: [], value: {}, known: [] };
  expect(
    view({ verb: 'patch', patch: 'apply-patch', dryRun: true, body: { kind: 'read', parts: [part], patch: null } }),
  ).toMatchObject({
    effects: ['patch', 'apply-patch', 'dry-run'],
    complete: false,
    reasons: ['only a part of the body could be read'],
  });
  expect(view({ dryRun: null, body: { kind: 'unread', reason: 'it is too long' } }).reasons).toEqual([
    'the body was not read: it is too long',
    'a dry run is asked for, and may not be heeded',
  ]);
  expect(view({ verb: 'connect', serverVerb: 'get', subresource: 'attach' })).toMatchObject({
    complete: false,
    relations: [{ name: 'namespaces/attach payments', access: 'write' }],
  });
});
