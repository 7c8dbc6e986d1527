/**
 * Where the secrets of a manifest are, whatever its kind: what seals them on arrival, drops them with their object and keeps
 * them out of answers asks here (A-API-06).
 */
import { type SecretPlace, secretsOf, withSecrets } from './credential.ts';
import type { Manifest } from './manifest.ts';
import type { SecretSource } from './secret-source.ts';

/** The secrets of a manifest; paths are below `spec`. */
export function manifestSecrets(manifest: Manifest): readonly SecretPlace[] {
  if (manifest.kind === 'Resource') {
    return secretsOf(manifest.spec.credential).map(({ path, source }) => ({ path: `credential.${path}`, source }));
  }
  if (manifest.kind === 'Sink') return sinkSecrets(manifest.spec.to, 'to');
  if (manifest.kind !== 'IdentityProvider' || manifest.spec.type !== 'oidc') return [];
  const source = manifest.spec.clientSecret;
  return source === undefined ? [] : [{ path: 'clientSecret', source }];
}

/** The same manifest with the secrets at these places put elsewhere. */
export function withManifestSecrets(manifest: Manifest, placed: ReadonlyMap<string, SecretSource>): Manifest {
  if (manifest.kind === 'Resource' && manifest.spec.credential !== undefined) {
    const within = new Map([...placed].map(([path, source]) => [path.replace(/^credential\./, ''), source]));
    return { ...manifest, spec: { ...manifest.spec, credential: withSecrets(manifest.spec.credential, within) } };
  }
  if (manifest.kind === 'Sink') {
    const to = withSinkSecrets(manifest.spec.to, 'to', placed) as typeof manifest.spec.to;
    return { ...manifest, spec: { ...manifest.spec, to } };
  }
  const clientSecret = placed.get('clientSecret');
  if (manifest.kind !== 'IdentityProvider' || manifest.spec.type !== 'oidc' || clientSecret === undefined)
    return manifest;
  return { ...manifest, spec: { ...manifest.spec, clientSecret } };
}

/**
 * Under which name a given secret is sealed. Names of secrets have no upper case, and what is given back must be taken
 * again; fields differ by more than case.
 */
export function generatedSecretName({ kind, metadata }: Manifest, path: string): string {
  const owner = kind === 'Resource' ? 'resource' : kind === 'Sink' ? 'sink' : 'provider';
  const place = path.replace(/^(?:credential|to)\./, '').toLowerCase();
  return `${owner}.${metadata.name}.${place.replace(/[^a-z0-9._-]/g, '-')}`;
}

/** Whatever says where a secret is, wherever it stands in a sink's target. */
function sinkSecrets(value: unknown, path: string): readonly SecretPlace[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  if (isSource(value, path)) return [{ path, source: value }];
  return Object.entries(value).flatMap(([name, inner]) => sinkSecrets(inner, `${path}.${name}`));
}

function withSinkSecrets(value: unknown, path: string, placed: ReadonlyMap<string, SecretSource>): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if (isSource(value, path)) return placed.get(path) ?? value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([name, inner]) => [name, withSinkSecrets(inner, `${path}.${name}`, placed)]));
}

/** One key of a source with a text; a header may be called so too, but headers are no source. */
function isSource(value: object, path: string): value is SecretSource {
  const [[name, text] = ['', null], ...rest] = Object.entries(value);
  const isNamed = name === 'env' || name === 'file' || name === 'store' || name === 'value';
  return rest.length === 0 && isNamed && typeof text === 'string' && !path.endsWith('.headers');
}
