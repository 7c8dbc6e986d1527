/** What the languages say, in the words of the API: nothing of a body, and no value of a query. */
import { expect, test } from 'vitest';
import { routes } from '../api/contract/index.ts';
import { fileOperation } from '../core/files.ts';
import type { Resource } from '../core/resource.ts';
import { createProtocols } from '../protocols/registry.ts';
import { explainedMeaning } from './explained-meaning.ts';

const protocols = createProtocols();

function explain(protocol: string, text: string) {
  const tls = { mode: 'disable', serverName: null, ca: null };
  const resource = {
    name: 'r',
    labels: {},
    protocol,
    host: 'localhost',
    port: 80,
    tls,
    settings: {},
  } as unknown as Resource;
  const found = protocols.get(protocol)!;
  const meaning = explainedMeaning(found.analyse?.(text, resource, found.capabilities.verbs[0]!) ?? null);
  // It is what the contract says.
  expect(routes.explainCommand.response.schema.shape.meaning.parse(meaning)).toEqual(meaning);
  return meaning;
}

test('a request of HTTP', () => {
  expect(explain('http', 'GET /v1/customers?limit=5&token=S3NTINEL')).toEqual({
    language: 'http',
    method: 'GET',
    path: '/v1/customers',
    route: null,
    query: ['limit', 'token'],
    contentType: null,
    body: 'none',
    rpc: [],
    graphql: [],
    grpc: null,
    upgrade: null,
    complete: true,
    unknown: [],
  });
  const form = explain('http', 'POST /v1/refunds\n\norder=S3NTINEL');
  expect(form).toMatchObject({ method: 'POST', complete: true });
  expect(JSON.stringify(form)).not.toContain('S3NTINEL');
  const query = JSON.stringify({ query: 'mutation Gone { deleteCustomer(id: 7) { id } }' });
  expect(explain('http', `POST /graphql\n\n${query}`)).toMatchObject({
    body: 'json',
    graphql: [{ operation: 'mutation', name: 'Gone', fields: ['deleteCustomer', 'deleteCustomer.id'] }],
  });
  const rpc = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call' });
  expect(explain('http', `POST /mcp\n\n${rpc}`)).toMatchObject({ rpc: ['tools/call'] });
  expect(explain('http', 'no request')).toBeNull();
});

test('a request to Kubernetes', () => {
  expect(explain('kubernetes', 'patch deployments.apps/scale web -n shop')).toMatchObject({
    language: 'kubernetes',
    verb: 'patch',
    resource: 'deployments.apps',
    subresource: 'scale',
    namespace: 'shop',
    name: 'web',
    shell: null,
  });
  expect(explain('kubernetes', 'list pods')).toMatchObject({ verb: 'list', namespace: null, name: null });
  expect(explain('kubernetes', 'get /healthz')).toMatchObject({ verb: 'get', path: '/healthz', resource: null });
  expect(explain('kubernetes', 'exec pods web-0 -n shop -- cat /etc/passwd')).toMatchObject({
    verb: 'connect',
    subresource: 'exec',
    shell: { commands: [{ command: 'cat /etc/passwd', effects: ['read'] }], complete: true },
  });
});

test('a text for a shell, and one for a database', () => {
  expect(explain('ssh', 'sudo -u www rm -rf "$x"')).toMatchObject({
    language: 'shell',
    commands: expect.arrayContaining([expect.objectContaining({ command: 'rm -rf …', via: ['sudo'], asUser: 'www' })]),
  });
  expect(explainedMeaning(null)).toBeNull();
  const path = { raw: '/a', shown: '/a' };
  const file = { operations: [fileOperation('read', path)], complete: true };
  expect(explainedMeaning({ language: 'file', file })).toBeNull();
});

test('a text for a database', async () => {
  await protocols.get('postgres')!.load?.();
  expect(explain('postgres', 'select email from customers')).toMatchObject({
    language: 'sql',
    statements: [{ kind: 'select' }],
    catalog: false,
  });
});
