import { describe, expect, it } from 'vitest';
import type { Meaning } from '../core/command.ts';
import type { KubernetesBody, KubernetesMeaning, KubernetesPart, KubernetesSelector } from '../core/kubernetes.ts';
import { Facts } from './facts.ts';
import { Fields } from './fields.ts';
import { no, opaque, perhaps, yes } from './finding.ts';
import { checkGuardrail, compileGuardrails, type GuardrailRequest, type ProtocolCapability } from './index.ts';
import { compileKubernetes } from './kubernetes.ts';
import { request, resource, rule } from './testing.ts';

type Asked = Partial<KubernetesMeaning>;

function kubernetes(more: Asked = {}): KubernetesMeaning {
  const verb = more.verb ?? 'get';
  return {
    isResourceRequest: true,
    path: '/api/v1',
    verb,
    serverVerb: verb,
    method: 'GET',
    apiPrefix: 'api',
    apiGroup: '',
    apiVersion: 'v1',
    namespace: 'shop',
    resource: 'pods',
    subresource: '',
    name: 'web-0',
    fieldSelector: '',
    labelSelector: '',
    query: [],
    contentType: null,
    upgrade: null,
    dryRun: false,
    exec: null,
    patch: null,
    body: { kind: 'none' },
    ...more,
  };
}

function requestOf(meaning: KubernetesMeaning | null, kind: 'kubernetes' | 'sql' = 'kubernetes'): GuardrailRequest {
  const carried: Meaning | null =
    meaning === null ? null : { language: 'kubernetes', kubernetes: meaning, shell: null };
  const of = resource('cluster', {}, 'kubernetes');
  return request({ text: 'x', verb: meaning?.verb ?? 'get', command: { kind, meaning: carried }, resource: of });
}

const at = 'match.commands.kubernetes';

function find(selector: KubernetesSelector, more: Asked = {}): number {
  const condition = compileKubernetes(new Fields('rule'), at, selector);
  const facts = new Facts(requestOf(kubernetes(more)));
  expect(condition.because(facts)).toContain('the request is "');
  return condition.test(facts);
}

const named = { resource: 'secrets', name: 'db' };
const list = (more: Asked = {}): Asked => ({ verb: 'list', resource: 'secrets', name: '', ...more });
const exec: Asked = { verb: 'connect', serverVerb: 'get', subresource: 'exec', upgrade: 'websocket' };

describe('verbs', () => {
  it.each<[KubernetesSelector, Asked, number]>([
    [{ verbs: ['delete'] }, { verb: 'delete' }, yes],
    [{ verbs: ['Delete'] }, { verb: 'delete' }, yes],
    [{ verbs: ['delete'] }, { verb: 'get' }, no],
    [{ verbs: ['*'] }, { verb: 'get' }, yes],
    [{ verbs: ['delete'] }, list({ verb: 'deletecollection' }), yes],
    [{ verbs: ['deletecollection'] }, { verb: 'delete' }, no],
    [{ verbs: ['list'] }, list(), yes],
    [{ verbs: ['watch'] }, list(), no],
    // Server-side apply makes what is not there yet; so does PUT, of some.
    [{ verbs: ['create'] }, { verb: 'patch', patch: 'apply-patch' }, perhaps],
    [{ verbs: ['patch'] }, { verb: 'patch', patch: 'apply-patch' }, yes],
    [{ verbs: ['create'] }, { verb: 'patch', patch: null }, perhaps],
    [{ verbs: ['create'] }, { verb: 'patch', patch: 'merge-patch' }, no],
    [
      { verbs: ['create'] },
      { verb: 'update', resource: 'clusterroles', apiGroup: 'rbac.authorization.k8s.io' },
      perhaps,
    ],
    [{ verbs: ['create'] }, { verb: 'update', resource: 'deployments', apiGroup: 'apps' }, no],
    [{ verbs: ['get'] }, { verb: 'get', isResourceRequest: false, path: '/metrics' }, yes],
  ])('%j of %j', (selector, more, finding) => {
    expect(find(selector, more)).toBe(finding);
  });

  it('A-K8S-06: an exec is connect and create, and never get, by any method', () => {
    for (const serverVerb of ['get', 'create']) {
      const more = { ...exec, serverVerb };
      expect(find({ verbs: ['connect'], resources: ['pods/exec'] }, more)).toBe(yes);
      expect(find({ verbs: ['create'], resources: ['pods/exec'] }, more)).toBe(yes);
      expect(find({ verbs: ['get'] }, more)).toBe(no);
    }
    // Another stream keeps its verb, too.
    const console: Asked = { verb: 'connect', serverVerb: 'get', subresource: 'console', upgrade: 'websocket' };
    expect(find({ verbs: ['get'] }, console)).toBe(yes);
  });

  it('A-K8S-03: a proxy is proxy, besides what its method says', () => {
    const proxy: Asked = {
      verb: 'proxy',
      serverVerb: 'create',
      method: 'POST',
      resource: 'nodes',
      subresource: 'proxy',
    };
    expect(find({ verbs: ['proxy'], resources: ['nodes/proxy'] }, proxy)).toBe(yes);
    expect(find({ verbs: ['create'] }, proxy)).toBe(yes);
    expect(find({ verbs: ['get'] }, proxy)).toBe(no);
    const old: Asked = { verb: 'proxy', serverVerb: 'proxy', method: 'GET', resource: 'nodes', subresource: '' };
    expect(find({ verbs: ['proxy'], resources: ['nodes/proxy'] }, old)).toBe(yes);
  });

  it('an eviction is a deletion', () => {
    const eviction: Asked = { verb: 'create', subresource: 'eviction' };
    expect(find({ verbs: ['delete'], resources: ['pods'] }, eviction)).toBe(yes);
    expect(find({ verbs: ['create'], resources: ['pods/eviction'] }, eviction)).toBe(yes);
    expect(find({ verbs: ['create'], resources: ['pods'] }, eviction)).toBe(no);
  });
});

describe('resources, groups, subresources, paths', () => {
  const scale: Asked = { resource: 'deployments', apiGroup: 'apps', subresource: 'scale' };
  it.each<[KubernetesSelector, Asked, number]>([
    [{ resources: ['pods'] }, {}, yes],
    [{ resources: ['PODS'] }, {}, yes],
    [{ resources: ['pods'] }, exec, no],
    [{ resources: ['pods/*'] }, exec, yes],
    [{ resources: ['pods/*'] }, {}, no],
    [{ resources: ['*'] }, exec, yes],
    [{ resources: ['*/scale'] }, scale, yes],
    [{ resources: ['deployments.apps/scale'] }, scale, yes],
    [{ resources: ['deployments/scale'] }, scale, yes],
    [{ resources: ['deployments.batch/scale'] }, scale, no],
    [{ resources: ['*.apps'] }, { ...scale, subresource: '' }, yes],
    [{ resources: ['pods.core'] }, {}, yes],
    [{ resources: ['pods.core'] }, { apiGroup: 'metrics.k8s.io' }, no],
    [{ resources: ['deployments.apps'] }, { resource: 'deployments', apiGroup: 'extensions' }, yes],
    [{ groups: ['core'] }, {}, yes],
    [{ groups: ['core'] }, scale, no],
    [{ groups: ['*.k8s.io'] }, { apiGroup: 'rbac.authorization.k8s.io' }, yes],
    [{ subresources: ['ex*'] }, exec, yes],
    [{ subresources: ['*'] }, {}, no],
    [{ resources: ['*'] }, { isResourceRequest: false, path: '/metrics' }, no],
    [{ paths: ['/logs/*'] }, { isResourceRequest: false, path: '/logs/a/b' }, yes],
    [{ paths: ['/metrics'] }, { isResourceRequest: false, path: '/metrics/' }, yes],
    [{ paths: ['*'] }, {}, no],
  ])('%j of %j', (selector, more, finding) => {
    expect(find(selector, more)).toBe(finding);
  });
});

describe('namespaces and names', () => {
  it.each<[KubernetesSelector, Asked, number]>([
    [{ namespaces: ['shop'] }, {}, yes],
    [{ namespaces: ['prod-*'] }, {}, no],
    // A request over all of them brings those of each.
    [{ namespaces: ['prod-*'] }, list({ namespace: '' }), yes],
    [{ namespaces: ['prod-*'] }, list({ namespace: '', resource: 'things', apiGroup: 'example.com' }), perhaps],
    [{ namespaces: ['prod-*'] }, list({ namespace: '', resource: 'nodes' }), no],
    [{ namespaces: ['prod-*'] }, list({ namespace: '', fieldSelector: 'metadata.namespace=shop' }), no],
    [{ namespaces: ['shop'] }, list({ namespace: '', fieldSelector: 'a=b,metadata.namespace==shop' }), yes],
    [{ namespaces: ['prod-*'] }, { namespace: '', resource: 'nodes', name: 'n1' }, no],
    [{ namespaces: ['payments'] }, { resource: 'namespaces', namespace: 'payments', name: 'payments' }, yes],
    [{ namespaces: ['payments'] }, list({ resource: 'namespaces', namespace: '' }), perhaps],
    [{ names: ['db*'] }, named, yes],
    [{ names: ['web'] }, named, no],
    [{ names: ['db'] }, list(), perhaps],
    [{ names: ['db'], uncertain: 'ignore' }, list(), no],
    [{ names: ['web'] }, { verb: 'proxy', resource: 'services', subresource: 'proxy', name: 'https:web:443' }, yes],
  ])('%j of %j', (selector, more, finding) => {
    expect(find(selector, more)).toBe(finding);
  });

  it('the name of what is created is in the body', () => {
    const create = (metadata: object): Asked => ({ verb: 'create', name: '', body: read({ metadata }) });
    expect(find({ names: ['db'] }, create({ name: 'db' }))).toBe(yes);
    expect(find({ names: ['db'] }, create({ name: 'web' }))).toBe(no);
    expect(find({ names: ['db-x'] }, create({ generateName: 'db-' }))).toBe(perhaps);
    expect(find({ names: ['db'] }, { verb: 'create', name: '', body: unread })).toBe(perhaps);
  });
});

const unread: KubernetesBody = { kind: 'unread', reason: 'it is too long' };
const read = (
  value: unknown,
  more: Partial<KubernetesPart> = {},
  patch: KubernetesMeaning['patch'] = null,
): KubernetesBody => {
  return { kind: 'read', parts: [{ at: [], value, ...more }], patch };
};

describe('fields and labels of the object', () => {
  const pod = {
    metadata: { name: 'a', labels: { app: 'web' } },
    spec: {
      hostNetwork: true,
      containers: [{ name: 'a' }, { name: 'b', securityContext: { privileged: true, runAsUser: 0 } }],
      volumes: [{ hostPath: { path: '/var/run/docker.sock' } }],
    },
  };
  const deployment = { spec: { template: { spec: pod.spec } } };

  it.each<[string, unknown, number]>([
    ['/spec/hostNetwork=true', pod, yes],
    ['/spec/hostnetwork=TRUE', pod, yes],
    ['/spec/hostNetwork=false', pod, no],
    ['/spec/containers/*/securityContext/privileged=true', pod, yes],
    ['/spec/containers/0/securityContext/privileged=true', pod, no],
    ['/spec/containers/1/securityContext/privileged=true', pod, yes],
    ['/**/privileged=true', deployment, yes],
    ['/**/volumes/*/hostPath', deployment, yes],
    ['/**/hostPath/path=/var/run/*', deployment, yes],
    ['/**', pod, yes],
    ['/**/x', pod, no],
    ['/spec/containers/*/securityContext/runAsUser=0.0', pod, yes],
    ['/metadata/labels/app=w*', pod, yes],
  ])('%s', (pattern, value, finding) => {
    expect(find({ fields: [pattern] }, { verb: 'create', body: read(value) })).toBe(finding);
  });

  it('A-K8S-04: what was not read may be anything', () => {
    expect(find({ fields: ['/spec/x'] }, { verb: 'create', body: unread })).toBe(perhaps);
    expect(find({ fields: ['/spec/x'], uncertain: 'ignore' }, { verb: 'create', body: unread })).toBe(no);
    expect(find({ fields: ['/spec/x'] }, { verb: 'get' })).toBe(no);
    const known = [['kind'], ['metadata', 'name'], ['metadata', 'labels']];
    const part = read({ kind: 'Pod', metadata: { name: 'a', labels: { app: 'web' } } }, { known });
    const ask = (pattern: string) => find({ fields: [pattern] }, { verb: 'create', body: part });
    expect(ask('/kind=Pod')).toBe(yes);
    expect(ask('/kind=Node')).toBe(no);
    expect(ask('/metadata/name=b')).toBe(no);
    expect(ask('/metadata/labels/app=web')).toBe(yes);
    expect(ask('/metadata/labels/x')).toBe(no);
    expect(ask('/metadata/finalizers')).toBe(perhaps);
    expect(ask('/metadata/*/x')).toBe(perhaps);
    expect(ask('/metadata/na*=x')).toBe(perhaps);
    expect(ask('/spec/hostNetwork=true')).toBe(perhaps);
    expect(ask('/**/privileged=true')).toBe(perhaps);
  });

  it('of a patch each change, where it is to stand', () => {
    const ask = (pattern: string, ...parts: KubernetesPart[]) =>
      find(
        { fields: [pattern] },
        { verb: 'patch', patch: 'json-patch', body: { kind: 'read', parts, patch: 'json-patch' } },
      );
    const privileged = ['spec', 'containers', '0', 'securityContext', 'privileged'];
    const pattern = '/spec/containers/*/securityContext/privileged=true';
    expect(ask(pattern, { at: privileged, value: true })).toBe(yes);
    expect(ask(pattern, { at: privileged, value: false })).toBe(no);
    expect(ask(pattern, { at: ['spec', 'containers', '-'], value: { securityContext: { privileged: true } } })).toBe(
      yes,
    );
    expect(ask(pattern, { at: ['spec', 'containers'], value: [{ securityContext: { privileged: true } }] })).toBe(yes);
    expect(ask(pattern, { at: [], value: pod })).toBe(yes);
    // Indexes of a patch are none of the object's.
    expect(ask(pattern.replace('*', '3'), { at: privileged, value: true })).toBe(yes);
    // What is copied from elsewhere, or taken away.
    expect(ask(pattern, { at: ['spec', 'containers', '0'], value: null, known: [] })).toBe(perhaps);
    expect(ask(pattern, { at: ['metadata'], value: null, known: [] })).toBe(no);
    expect(ask('/metadata/finalizers', { at: ['metadata', 'finalizers'], value: null, known: [] })).toBe(perhaps);
    expect(ask('/spec', { at: ['spec', 'replicas'], value: 0 })).toBe(yes);
    expect(ask('/spec=x', { at: ['spec', 'replicas'], value: 0 })).toBe(no);
  });

  it('labels are known from a whole body only', () => {
    const labels = { app: 'w*' };
    expect(find({ labels }, { verb: 'create', body: read(pod) })).toBe(yes);
    expect(find({ labels: { app: 'db' } }, { verb: 'create', body: read(pod) })).toBe(no);
    expect(find({ labels: { app: '*', env: '*' } }, { verb: 'update', body: read(pod) })).toBe(no);
    expect(find({ labels }, { verb: 'delete' })).toBe(perhaps);
    expect(find({ labels }, { verb: 'patch', patch: 'merge-patch', body: read(pod, {}, 'merge-patch') })).toBe(perhaps);
  });

  it('dry runs, and those that may not be heeded', () => {
    expect(find({ dryRun: true }, { verb: 'create', dryRun: true })).toBe(yes);
    expect(find({ dryRun: false }, { verb: 'create', dryRun: true })).toBe(no);
    expect(find({ dryRun: false }, { verb: 'create', dryRun: null })).toBe(perhaps);
  });
});

describe('a rule', () => {
  it.each<[object, string]>([
    [{}, 'selects nothing'],
    [{ verbs: [] }, 'empty'],
    [{ verbs: ['remove'] }, 'no verb "remove"'],
    [{ resources: ['a/b/c'] }, 'no resource'],
    [{ resources: ['.apps'] }, 'no resource'],
    [{ fields: ['spec'] }, 'no JSON pointer'],
    [{ fields: [`/${'a/'.repeat(64)}`] }, 'more than 64 steps'],
    [{ paths: ['metrics'] }, 'slash'],
    [{ dryRun: 'yes' }, 'neither true nor false'],
    [{ kinds: ['Pod'] }, 'unknown field'],
  ])('%j is refused', (selector, reason) => {
    expect(() => compileKubernetes(new Fields('rule'), at, selector)).toThrow(reason);
  });

  it('takes as many steps as there may be', () => {
    expect(find({ fields: [`/${Array(64).fill('a').join('/')}`] })).toBe(no);
  });

  it('is put to requests of Kubernetes alone, and blocks those without a meaning', () => {
    const condition = compileKubernetes(new Fields('rule'), at, { verbs: ['get'] });
    expect(condition.test(new Facts(requestOf(null)))).toBe(opaque);
    expect(condition.test(new Facts(requestOf(null, 'sql')))).toBe(no);
    const judge = (meaning: KubernetesMeaning | null) =>
      compileGuardrails([rule('r', 'block', { commands: { kubernetes: { fields: ['/spec/x=1'] } } })], {
        ledger: null,
      }).judge(requestOf(meaning)).verdict;
    expect(judge(null).name).toBe('block');
    expect(judge(kubernetes()).name).toBe('allow');
    expect(judge(kubernetes({ body: unread }))).toMatchObject({
      name: 'block',
      reason: expect.stringContaining('The body of the request was not read: it is too long.') as string,
    });
  });

  it('is for protocols that speak to Kubernetes', () => {
    const capability: ProtocolCapability = {
      ...{ assurance: 'exact', languages: ['kubernetes', 'shell'], verbs: ['get'], rowEstimates: false },
      ...{ holds: true, masks: true, limits: true },
    };
    const capabilities = { kubernetes: capability, http: { ...capability, languages: ['http' as const] } };
    const check = (protocol: string) =>
      checkGuardrail(
        rule('r', 'block', { commands: { kubernetes: { verbs: ['get'] } }, resources: { protocols: [protocol] } }),
        [],
        capabilities,
      );
    expect(check('kubernetes')).toEqual([]);
    expect(check('http')).toEqual([
      'The protocol http speaks to no Kubernetes, so the rule would match nothing on it.',
    ]);
  });

  it('may ask in CEL', () => {
    const judge = (when: string, meaning: KubernetesMeaning | null, kind: 'kubernetes' | 'sql' = 'kubernetes') =>
      compileGuardrails([rule('r', 'block', { when })], { ledger: null }).judge(requestOf(meaning, kind)).verdict.name;
    const run = { kind: 'exec' as const, command: ['rm', '-rf'], container: null };
    const all = kubernetes({ ...exec, exec: { ...run, stdin: false, stdout: true, stderr: true, tty: false } });
    expect(judge('command.kubernetes.argv[0] == "rm" && command.kubernetes.subresource == "exec"', all)).toBe('block');
    expect(judge('command.kubernetes.verb == "get"', all)).toBe('allow');
    expect(judge('command.kubernetes.dryRun', kubernetes({ dryRun: null }))).toBe('block');
    expect(judge('command.kubernetes.verb == "get"', null)).toBe('block');
    expect(judge('command.kubernetes.verb == "get"', null, 'sql')).toBe('allow');
  });
});
