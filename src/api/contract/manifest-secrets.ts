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
  const owner = kind === 'Resource' ? 'resource' : 'provider';
  return `${owner}.${metadata.name}.${path.replace(/^credential\./, '').toLowerCase()}`;
}
