/** Manifests as the rest of the gateway sees them. */
import { expect, test } from 'vitest';
import { checkManifest, manifestSchemas, type ResourceManifest } from './contract/index.ts';
import { resourceOf } from './convert.ts';
import { postgres } from './fixtures/fakes.ts';

function resource(spec: object) {
  const document = {
    kind: 'Resource',
    metadata: { name: 'orders' },
    spec: { protocol: 'postgres', database: 'o', ...spec },
  };
  const { manifest, problems } = checkManifest(document, manifestSchemas([postgres]));
  expect(problems).toEqual([]);
  return resourceOf('res_1', manifest as ResourceManifest, postgres, null);
}

test('a manifest becomes a Resource with host, port, reference and settings', () => {
  const credential = { username: 'app', password: { file: '/run/secrets/app' } };
  expect(resource({ address: '[::1]', credential, statementTimeout: 5 })).toEqual({
    id: 'res_1',
    name: 'orders',
    labels: {},
    protocol: 'postgres',
    host: '::1',
    port: 5432,
    tls: { mode: 'verify-full', ca: null, serverName: null },
    credential: {
      username: 'app',
      password: { provider: 'file', path: '/run/secrets/app' },
      privateKey: null,
      token: null,
      headers: {},
      certificate: false,
    },
    recording: 'strict',
    settings: { database: 'o', statementTimeout: 5 },
  });
  expect(resource({ address: 'db:1' }).credential).toBeNull();
  expect(resource({ address: 'db:1' }).settings).toEqual({ database: 'o', statementTimeout: 0 });
  expect(resource({ address: 'db:1', credential: { username: 'a' } }).credential?.password).toBeNull();
});

test('a secret that was not sealed never gets that far', () => {
  expect(() => resource({ address: 'db:1', credential: { username: 'a', password: { value: 'x' } } })).toThrow(
    'does not allow',
  );
});
