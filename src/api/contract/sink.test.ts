import { describe, expect, it } from 'vitest';
import type { SinkSpec } from '../../core/sink.ts';
import { sinkTargets, targetNames } from '../../core/sink.ts';
import * as limits from './limits.ts';
import { generatedSecretName, manifestSecrets, withManifestSecrets } from './manifest-secrets.ts';
import type { SinkManifest } from './sink.ts';
import { checkManifest, formatPath, manifestSchemas } from './validate.ts';

const schemas = manifestSchemas(null);
const manifest = (spec: object): object => ({ kind: 'Sink', metadata: { name: 'siem' }, spec });
const problems = (spec: object): string[] =>
  checkManifest(manifest(spec), schemas).problems.map(({ path, message }) => `${formatPath(path)} ${message}`);

/** One of each target, as it is written at least. */
const least: { readonly [Name in keyof SinkSpec['to']]-?: object } = {
  syslog: { address: 'logs:6514', tls: {} },
  webhook: { url: 'https://example.com/x' },
  splunk: { url: 'https://example.com', token: { env: 'TOKEN' } },
  elastic: { url: 'https://example.com', index: 'sallyport-{date}' },
  kafka: { brokers: ['a:9093'], topic: 'events', tls: {} },
  otlp: { url: 'https://example.com' },
  s3: { region: 'eu-1', bucket: 'evidence' },
  file: { directory: '/mnt/evidence' },
  slack: { url: { store: 'slack' } },
  teams: { url: { store: 'teams' } },
  pagerduty: { routingKey: { store: 'key' } },
  email: { server: 'mail:587', from: 'a@example.com', to: ['b@example.com'] },
};

describe('a Sink', () => {
  it.each(targetNames)('to %s is taken as it is written at least, with each of its formats and no other', (name) => {
    const to = { [name]: least[name] };
    expect(problems({ to })).toEqual([]);
    const { formats } = sinkTargets[name];
    for (const format of ['json', 'ecs', 'ocsf', 'cef'] as const) {
      expect(problems({ to, format }).length, format).toBe(formats.includes(format) ? 0 : 1);
    }
  });

  it('has exactly one target', () => {
    const one = 'spec.to must hold exactly one of: syslog, webhook, splunk';
    expect(problems({ to: {} })[0]).toContain(one);
    expect(problems({ to: { file: least.file, webhook: least.webhook } })[0]).toContain(one);
    expect(problems({ to: { sylog: least.syslog } })).toContain('spec.to.sylog unknown field; did you mean syslog?');
    expect(problems({})).toEqual(['spec.to is required']);
  });

  it('sends nothing in clear text, unless the target is said to be private', () => {
    const clear = [
      { syslog: { address: 'logs' } },
      { webhook: { url: 'http://example.com' } },
      { kafka: { brokers: ['a'], topic: 't' } },
      { s3: { ...least.s3, endpoint: 'http://minio:9000' } },
      { email: { ...least.email, tls: 'none' } },
    ];
    for (const to of clear) {
      expect(problems({ to })[0]).toContain('private: true');
      expect(problems({ to, private: true })).toEqual([]);
    }
    expect(problems({ to: { webhook: { url: 'https://a:b@example.com' } } })[0]).toContain('must not hold a login');
    expect(problems({ to: { webhook: { url: 'file:///etc/passwd' } }, private: true })[0]).toContain(
      'must be an https URL',
    );
  });

  it('selects types that there are, and paths that can be', () => {
    const to = { file: least.file };
    expect(problems({ to, events: ['command.*', '*', 'alert.raised'] })).toEqual([]);
    expect(problems({ to, events: ['comand.*'] })[0]).toContain('matches no type of event');
    expect(problems({ to, events: [] })[0]).toContain('must not be empty');
    expect(problems({ to, fields: { omit: ['a.b.*'], hash: ['user.name'] } })).toEqual([]);
    expect(problems({ to, fields: { omit: ['a..b'] } })[0]).toContain('must be a path');
    const paths = (count: number): string[] => Array.from({ length: count }, (_, at) => `a.b${at}`);
    expect(problems({ to, fields: { redact: paths(limits.sinkFieldsMax) } })).toEqual([]);
    expect(problems({ to, fields: { redact: paths(limits.sinkFieldsMax + 1) } })).toHaveLength(1);
  });

  it('names its secrets by where they are, and seals what is given as a value (A-API-06)', () => {
    const to = {
      webhook: {
        url: 'https://example.com',
        secret: { value: 'hush' },
        headers: { 'X-Key': { value: 'quiet' }, file: 'no source', tenant: 'payments' },
      },
    };
    const { manifest: checked } = checkManifest(manifest({ to }), schemas);
    expect(checked).not.toBeNull();
    const found = manifestSecrets(checked!);
    expect(found).toEqual([
      { path: 'to.webhook.secret', source: { value: 'hush' } },
      { path: 'to.webhook.headers.X-Key', source: { value: 'quiet' } },
    ]);
    const placed = new Map(found.map(({ path }) => [path, { store: generatedSecretName(checked!, path) }]));
    const sealed = withManifestSecrets(checked!, placed) as SinkManifest;
    expect(sealed.spec.to.webhook).toMatchObject({
      secret: { store: 'sink.siem.webhook.secret' },
      headers: { 'X-Key': { store: 'sink.siem.webhook.headers.x-key' }, file: 'no source', tenant: 'payments' },
    });
    expect(JSON.stringify(sealed)).not.toMatch(/hush|quiet/);
    expect(checkManifest(sealed, schemas).problems).toEqual([]);
    expect(problems({ to: { splunk: { url: 'https://example.com', token: 'plain' } } })[0]).toContain(
      'must be a mapping',
    );
    expect(problems({ to: { file: { directory: '../x' } } })).toHaveLength(1);
  });
});
