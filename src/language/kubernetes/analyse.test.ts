import { describe, expect, it } from 'vitest';
import type { Meaning } from '../../core/command.ts';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import { effectOfShell } from '../../core/shell.ts';
import { isHttpFault } from '../http/target.ts';
import { analyseKubernetes, type KubernetesReading, type KubernetesRequest } from './analyse.ts';
import { analyseKubernetesText, wordsOf } from './read-text.ts';
import { word } from './text.ts';

const shop = '/api/v1/namespaces/shop';

function read(
  method: string,
  target: string,
  type: string | null = null,
  body = '',
  more: Partial<KubernetesRequest> = {},
): KubernetesReading {
  const given: KubernetesRequest['body'] = body === '' ? { kind: 'none' } : { kind: 'whole', bytes: Buffer.from(body) };
  const found = analyseKubernetes({ method, target, contentType: type, body: given, ...more });
  if (isHttpFault(found)) throw new Error(found.reason);
  return found;
}

const json = 'application/json';

describe('verbs', () => {
  it.each<[string, string, string, string, string]>([
    ['GET', `${shop}/pods`, 'list', 'list', 'read'],
    ['GET', `${shop}/pods?watch=1`, 'watch', 'watch', 'read'],
    ['GET', `${shop}/pods/web-0/log?follow=true`, 'get', 'get', 'read'],
    ['DELETE', `${shop}/pods`, 'deletecollection', 'deletecollection', 'write'],
    ['GET', '/healthz', 'get', 'get', 'read'],
    ['POST', '/healthz', 'post', 'post', 'unknown'],
    ['GET', '/debug/pprof/profile', 'get', 'get', 'unknown'],
    ['POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', 'create', 'create', 'read'],
    // A-K8S-03: whatever the method.
    ['GET', '/api/v1/nodes/n1/proxy/run/x', 'proxy', 'get', 'unknown'],
    ['POST', `${shop}/services/web/proxy`, 'proxy', 'create', 'unknown'],
    ['GET', '/api/v1/proxy/nodes/n1/x', 'proxy', 'proxy', 'unknown'],
    // A-K8S-06: the transport decides nothing.
    ['GET', `${shop}/pods/web-0/exec?command=ls`, 'connect', 'get', 'read'],
    ['POST', `${shop}/pods/web-0/exec?command=ls`, 'connect', 'create', 'read'],
    ['GET', `${shop}/pods/web-0/attach`, 'connect', 'get', 'unknown'],
    ['GET', `${shop}/pods/web-0/portforward?ports=80`, 'connect', 'get', 'unknown'],
  ])('%s %s is %s (%s), and may %s', (method, target, verb, serverVerb, effect) => {
    const found = read(method, target);
    expect([found.kubernetes.verb, found.kubernetes.serverVerb, found.effect]).toEqual([verb, serverVerb, effect]);
  });

  it('an upgrade makes a stream of all but watches and logs', () => {
    const verb = (target: string) => read('GET', target, null, '', { upgrade: 'websocket' }).kubernetes.verb;
    expect(verb(`${shop}/pods?watch=1`)).toBe('watch');
    expect(verb(`${shop}/pods/web-0/log`)).toBe('get');
    expect(verb(`${shop}/pods/web-0`)).toBe('connect');
  });

  it('A-K8S-05: what is ambiguous never becomes a command', () => {
    for (const target of [`${shop}/pods/..%2f..%2fsecrets`, `${shop}//pods`, `${shop}/pods;x`, '/api/v1/watch']) {
      expect(analyseKubernetes({ method: 'GET', target, contentType: null, body: { kind: 'none' } })).toHaveProperty(
        'fault',
      );
    }
  });
});

describe('exec', () => {
  it('tells its arguments to the letter, and what they run', () => {
    const query =
      'command=sh&command=-c&command=rm+-rf+%2Fdata%3B+echo+%27x%27&container=app&stdin=true&tty=1&stdout=true&stderr=0';
    const { kubernetes, shell, text, meaning, effect } = read('GET', `${shop}/pods/web-0/exec?${query}`);
    expect(kubernetes.exec).toEqual({
      kind: 'exec',
      command: ['sh', '-c', "rm -rf /data; echo 'x'"],
      container: 'app',
      stdin: true,
      stdout: true,
      stderr: false,
      tty: true,
    });
    expect(shell?.commands.map(({ argv }) => argv)).toContainEqual(['rm', '-rf', '/data']);
    expect(text).toBe("connect pods/exec web-0 -n shop -c app -i -t -- sh -c 'rm -rf /data; echo '\\''x'\\'''");
    expect(meaning).toEqual({ language: 'kubernetes', kubernetes, shell });
    expect(effect).toBe(effectOfShell(shell!));
  });

  it('no shell stands between: words are words', () => {
    const run = (...words: string[]) =>
      read('POST', `${shop}/pods/web-0/exec?${words.map((one) => `command=${encodeURIComponent(one)}`).join('&')}`)
        .shell!;
    expect(run('echo', '$(rm -rf /)', '; rm', '*').commands.map(({ argv }) => argv)).toEqual([
      ['echo', '$(rm -rf /)', '; rm', '*'],
    ]);
    expect(run('rm', '-rf', '/').effects).toContain('destructive');
    expect(run('A=b', 'x').commands[0]!.program).toBe('A=b');
    // What comes on its input is not known.
    const piped = read('POST', `${shop}/pods/web-0/exec?command=sh&stdin=true`).shell!;
    expect([run('sh').complete, piped.complete]).toEqual([true, false]);
  });

  it('attach runs nothing by itself', () => {
    const { kubernetes, shell } = read('POST', `${shop}/pods/web-0/attach?stdin=true&tty=true`);
    expect([kubernetes.exec?.kind, kubernetes.exec?.command, shell]).toEqual(['attach', [], null]);
  });
});

describe('dry runs', () => {
  const options = (dryRun?: unknown) =>
    JSON.stringify({ kind: 'DeleteOptions', ...(dryRun === undefined ? {} : { dryRun }) });
  it.each<[string, string, string, boolean | null]>([
    ['POST', `${shop}/pods?dryRun=All`, '{}', true],
    ['POST', `${shop}/pods`, '{}', false],
    ['POST', `${shop}/pods?dryRun=all`, '{}', null],
    ['POST', `${shop}/pods?dryRun=All&dryRun=`, '{}', null],
    ['POST', `${shop}/serviceaccounts/a/token?dryRun=All`, '{}', null],
    ['POST', '/apis/example.com/v1/things?dryRun=All', '{}', null],
    ['DELETE', `${shop}/pods/a?dryRun=All`, '', true],
    // Where there are options in a body, the server does not look at the query.
    ['DELETE', `${shop}/pods/a?dryRun=All`, options(), false],
    ['DELETE', `${shop}/pods/a`, options(['All']), true],
    ['DELETE', `${shop}/pods/a`, options(['Some']), null],
    ['DELETE', `${shop}/pods/a`, options('All'), null],
    ['DELETE', `${shop}/pods/a?dryRun=All`, '{', null],
    ['GET', `${shop}/pods?dryRun=All`, '', false],
    ['POST', `${shop}/pods/a/exec?dryRun=All&command=rm`, '', null],
  ])('%s %s %s: %s', (method, target, body, dryRun) => {
    expect(read(method, target, json, body).kubernetes.dryRun).toBe(dryRun);
  });
});

describe('bodies', () => {
  it('options of a deletion count from the query, too', () => {
    expect(read('DELETE', `${shop}/pods/a?propagationPolicy=Orphan`).kubernetes.body).toMatchObject({
      parts: [{ value: { propagationPolicy: 'Orphan' } }],
    });
  });

  it('what is for the far end of a proxy is not read', () => {
    expect(read('POST', `${shop}/services/web/proxy`, json, '{}').kubernetes.body.kind).toBe('unread');
  });

  it('A-K8S-04: what cannot be read is told with its digest', () => {
    const { text } = read('POST', `${shop}/pods`, 'application/vnd.kubernetes.protobuf', 'k8s?');
    expect(text).toMatch(
      /^create pods -n shop\n\n# application\/vnd\.kubernetes\.protobuf, 4 bytes, SHA-256 [0-9a-f]{64}; it does/,
    );
    const unread = { body: { kind: 'unread', reason: 'it is still to come' } } as const;
    expect(read('POST', `${shop}/pods`, json, '', unread).text).toContain('# application/json; it is still to come');
  });
});

describe('A-REC-05: what Secrets hold is not recorded', () => {
  const applied = 'kubectl.kubernetes.io/last-applied-configuration';
  const secret = {
    kind: 'Secret',
    metadata: { name: 'a', annotations: { [applied]: '{"data":{"p":"aHVudGVyMg=="}}', note: 'n' } },
    data: { p: 'aHVudGVyMg==' },
    stringData: { q: 'hunter2' },
  };

  it.each<[string, string, string, unknown]>([
    ['POST', `${shop}/secrets`, json, secret],
    ['PATCH', `${shop}/secrets/a`, 'application/merge-patch+json', secret],
    ['PATCH', `${shop}/secrets/a`, 'application/apply-patch+yaml', secret],
    [
      'PATCH',
      `${shop}/secrets/a`,
      'application/json-patch+json',
      [
        { op: 'add', path: '/data/p', value: 'aHVudGVyMg==' },
        { op: 'replace', path: '/stringData', value: { q: 'hunter2' } },
        { op: 'replace', path: '', value: secret },
      ],
    ],
    ['POST', '/apis/authentication.k8s.io/v1/tokenreviews', json, { spec: { token: 'hunter2' } }],
  ])('%s %s as %s', (method, target, type, body) => {
    const { text, recordedText } = read(method, target, type, JSON.stringify(body));
    expect(text).toMatch(/hunter2|aHVudGVyMg/);
    expect(recordedText).not.toMatch(/hunter2|aHVudGVyMg/);
    expect(recordedText).toContain('bytes]');
    expect(recordedText.split('\n\n')[0]).toBe(text.split('\n\n')[0]);
  });

  it('nor in a body that was not read, or only in part: not by its digest, either', () => {
    // With a field that is not known.
    const protobuf = Buffer.from('k8s\0\x0a\x0c\x0a\x02v1\x12\x06Secret\x12\x02\x78\x01', 'latin1');
    const type = 'application/vnd.kubernetes.protobuf';
    const given: readonly KubernetesRequest['body'][] = [
      { kind: 'whole', bytes: protobuf },
      { kind: 'whole', bytes: Buffer.from('hunter2') },
      { kind: 'unread', reason: 'it is too long' },
    ];
    for (const body of given) {
      const { text, recordedText } = read('POST', `${shop}/secrets`, type, '', { body });
      expect(recordedText).not.toBe(text);
      expect(recordedText).toContain('what it holds is not recorded');
      expect(recordedText).not.toContain('SHA-256');
      expect(meant(recordedText)!.kubernetes.body.kind).toBe('unread');
    }
  });

  it('and all else is', () => {
    const { text, recordedText } = read('POST', `${shop}/configmaps`, json, '{"kind":"ConfigMap","data":{"a":"b"}}');
    expect(recordedText).toBe(text);
  });
});

/** What a text cannot say, or says another way. */
function comparable({ kubernetes, shell }: { kubernetes: KubernetesMeaning; shell: unknown }): object {
  return { ...kubernetes, contentType: null, method: '', query: [], serverVerb: '', shell };
}

function meant(text: string): Extract<Meaning, { language: 'kubernetes' }> | null {
  const meaning = analyseKubernetesText(text);
  return meaning?.language === 'kubernetes' ? meaning : null;
}

describe('texts', () => {
  it.each<[string, KubernetesReading]>([
    ['delete namespaces payments', read('DELETE', '/api/v1/namespaces/payments')],
    ['list secrets --all-namespaces -l a=b', read('GET', '/api/v1/secrets?labelSelector=a%3Db')],
    ['watch pods -n shop --field-selector=x=y', read('GET', `${shop}/pods?watch=1&fieldSelector=x%3Dy`)],
    ['get pods/log web-0 -n shop --container=app', read('GET', `${shop}/pods/web-0/log?container=app`)],
    [
      "connect pods/exec web-0 -n shop -- sh -c $'a\\n\\nb'",
      read('POST', `${shop}/pods/web-0/exec?command=sh&command=-c&command=a%0A%0Ab`),
    ],
    ['get nodes n1', read('GET', '/api/v1/nodes/n1')],
    ['get deployments.apps/scale web -n shop', read('GET', '/apis/apps/v1/namespaces/shop/deployments/web/scale')],
    [
      "connect pods/exec web-0 -n shop -c app -i -t -- sh -c 'a b'",
      read('POST', `${shop}/pods/web-0/exec?container=app&stdin=1&tty=1&command=sh&command=-c&command=a+b`),
    ],
    [
      'proxy services/proxy http:web:80 -n shop -- PUT /a/b?x=1',
      read('PUT', `${shop}/services/http:web:80/proxy/a/b?x=1`),
    ],
    ['get /metrics/cadvisor --a=b', read('GET', '/metrics/cadvisor?a=b')],
    [
      'delete pods a -n shop --propagationPolicy=Orphan --dry-run=server',
      read('DELETE', `${shop}/pods/a?propagationPolicy=Orphan&dryRun=All`),
    ],
    [
      'create pods -n shop\n\nkind: Pod\nspec:\n  hostNetwork: true',
      read('POST', `${shop}/pods`, json, '{"kind":"Pod","spec":{"hostNetwork":true}}'),
    ],
    [
      'patch deployments.apps web -n shop --type=json\n\n- op: remove\n  path: /spec/x',
      read(
        'PATCH',
        '/apis/apps/v1/namespaces/shop/deployments/web',
        'application/json-patch+json',
        '[{"op":"remove","path":"/spec/x"}]',
      ),
    ],
    [
      'patch configmaps a -n shop --type=apply --force=true\n\na: 1',
      read('PATCH', `${shop}/configmaps/a?force=true`, 'application/apply-patch+yaml', 'a: 1'),
    ],
  ])('%s', (text, reading) => {
    expect(reading.text).toBe(text);
    expect(comparable(meant(text)!)).toEqual(comparable(reading));
  });

  it('are read as people write for kubectl', () => {
    const place = (text: string) => {
      const { verb, resource, apiGroup, subresource, namespace, name, patch } = meant(text)!.kubernetes;
      return [verb, `${resource}.${apiGroup}`, subresource, namespace, name, patch].join(' ').trim();
    };
    expect(place('delete ns payments')).toBe('delete namespaces.  payments payments');
    expect(place('delete namespace/payments')).toBe('delete namespaces.  payments payments');
    expect(place('get deploy web -n shop')).toBe('get deployments.apps  shop web');
    expect(place('get pod/web-0 -n shop')).toBe('get pods.  shop web-0');
    expect(place('exec web-0 -it -n shop -- rm -rf /')).toBe('connect pods. exec shop web-0');
    expect(place('logs web-0 -n shop')).toBe('get pods. log shop web-0');
    expect(place('port-forward web-0 -n shop')).toBe('connect pods. portforward shop web-0');
    expect(place('apply deployments.apps web -n shop\n\nspec: {}')).toBe(
      'patch deployments.apps  shop web apply-patch',
    );
    expect(place('list things.example.com -A')).toBe('list things.example.com');
    expect(meant('exec web-0 -n shop -- rm -rf /')!.shell!.effects).toContain('destructive');
  });

  it.each([
    '',
    'get',
    'fly pods',
    'get pods -x',
    "get 'pods",
    'patch pods a --type=x',
    'get pods a b c',
    'get pods ..',
  ])('%j is none', (text) => {
    expect(analyseKubernetesText(text)).toBeNull();
  });

  it('words come back as they were', () => {
    for (const text of ['a\n\nb', "'\t\\\x7f", '$x', "it's", 'a b', '', '"', '\\', 'a=b', '$x', "''", '--'])
      expect(wordsOf(word(text))).toEqual([text]);
  });
});
