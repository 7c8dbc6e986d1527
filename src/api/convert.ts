/** From a Resource manifest to core's Resource. */
import { assert } from '../base/assert.ts';
import type { CredentialReference, Resource, SecretReference, SettingValue } from '../core/resource.ts';
import {
  type Credential,
  type ProtocolDescription,
  parseAddress,
  type ResourceManifest,
  type SecretSource,
} from './contract/index.ts';

/**
 * Makes a Resource of a stored (checked, normalised, stripped) manifest. `ca` is the PEM text that `spec.tls.ca` stands
 * for, read by the caller where it is a `file:` reference; null where the system's authorities count.
 */
export function resourceOf(
  id: string,
  manifest: ResourceManifest,
  protocol: Pick<ProtocolDescription, 'defaultPort' | 'settings'>,
  ca: string | null,
): Resource {
  const { metadata, spec } = manifest;
  const address = parseAddress(spec.address);
  assert(address !== null, 'stored resource without an address');
  const settings: Record<string, SettingValue> = {};
  for (const [name, definition] of Object.entries(protocol.settings)) {
    const value = (spec as Readonly<Record<string, unknown>>)[name] ?? definition.default;
    if (value !== undefined) settings[name] = value as SettingValue;
  }
  return {
    id,
    name: metadata.name,
    labels: metadata.labels ?? {},
    protocol: spec.protocol,
    host: address.host,
    port: address.port ?? protocol.defaultPort,
    tls: { mode: spec.tls.mode, ca, serverName: spec.tls.serverName ?? null },
    credential:
      spec.credential === undefined
        ? null
        : {
            username: spec.credential.username ?? '',
            password: referenceOf(spec.credential.password),
            privateKey: referenceOf(spec.credential.privateKey),
            token: referenceOf(spec.credential.token),
            headers: headersOf(spec.credential.headers),
            certificate: spec.credential.certificate ?? false,
            ...requestParts(spec.credential),
          },
    recording: spec.recording,
    settings,
  };
}

/** What only requests have, left out where it is not configured. */
function requestParts({ oauth, aws, clientCertificate }: Credential): Partial<CredentialReference> {
  return {
    ...(oauth === undefined
      ? {}
      : {
          oauth: {
            tokenUrl: oauth.tokenUrl,
            clientId: oauth.clientId,
            clientSecret: requiredOf(oauth.clientSecret),
            scopes: oauth.scopes ?? [],
            audience: oauth.audience ?? null,
            resource: oauth.resource ?? null,
            authentication: oauth.authentication ?? 'basic',
            ca: oauth.ca ?? null,
          },
        }),
    ...(aws === undefined
      ? {}
      : {
          aws: {
            region: aws.region,
            service: aws.service,
            accessKeyId: requiredOf(aws.accessKeyId),
            secretAccessKey: requiredOf(aws.secretAccessKey),
            sessionToken: referenceOf(aws.sessionToken),
          },
        }),
    ...(clientCertificate === undefined
      ? {}
      : {
          clientCertificate: {
            certificate: requiredOf(clientCertificate.certificate),
            key: requiredOf(clientCertificate.key),
          },
        }),
  };
}

function headersOf(headers: Readonly<Record<string, SecretSource>> | undefined): Record<string, SecretReference> {
  const entries = Object.entries(headers ?? {}).map(([name, source]) => [name, referenceOf(source)] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, SecretReference] => entry[1] !== null));
}

function requiredOf(source: SecretSource): SecretReference {
  const reference = referenceOf(source);
  assert(reference !== null, 'stored resource without a secret that it needs');
  return reference;
}

function referenceOf(source: SecretSource | undefined): SecretReference | null {
  if (source === undefined) return null;
  if (source.env !== undefined) return { provider: 'env', name: source.env };
  if (source.file !== undefined) return { provider: 'file', path: source.file };
  assert(source.store !== undefined, 'stored resource with an unsealed secret');
  return { provider: 'store', name: source.store };
}
