/**
 * The manifest kinds: what `sallyport apply` takes and `sallyport get` gives back (DESIGN section 3).
 *
 * Invariants:
 * - Every object is strict: an unknown key is an error, never ignored (A-API-03).
 * - In what grants, a selector that selects nothing is refused, so that leaving something out never means "everything".
 *   (Rules only restrict, and there it does: rules.ts.)
 * - `value` and `password` are write-only: the server seals or hashes them and no answer carries them (A-API-06).
 *
 * Deliberately absent: the store, the meaning of a match (that is policy), defaults that only a protocol knows.
 */
import { z } from 'zod';
import { assert } from '../../base/assert.ts';
import type { PrincipalKind, Role } from '../../core/principal.ts';
import type { RecordingMode, SettingDefinition, SettingValue, TlsMode } from '../../core/resource.ts';
import { accessWindows, type LockManifest } from './access-times.ts';
import { formatAddress, parseAddress } from './address.ts';
import { anyCredential, type Credential, credentialOf, originName, originProtocols } from './credential.ts';
import type { DetectionManifest } from './detections.ts';
import { type IdentityProviderManifest, identityClaims, workloadTrust } from './identity-provider.ts';
import * as limits from './limits.ts';
import { labels, metadata, moment, nameList, shortText } from './names.ts';
import type { LegalHoldManifest, RetentionManifest } from './retention.ts';
import { accessRequest, type GuardrailManifest, type MaskManifest } from './rules.ts';
import type { SearchManifest } from './search.ts';
import type { SinkManifest } from './sink.ts';

export const manifestKinds = [
  'Resource',
  'Access',
  'Guardrail',
  'Mask',
  'Group',
  'Principal',
  'CertificateAuthority',
  'IdentityProvider',
  'Lock',
  'Retention',
  'LegalHold',
  'Search',
  'Sink',
  'Detection',
] as const;
export type ManifestKind = (typeof manifestKinds)[number];
export const manifestKind = z.enum(manifestKinds);

/** The part of a protocol that manifests depend on. A core `Protocol` is one. */
export interface ProtocolDescription {
  readonly name: string;
  readonly defaultPort: number;
  readonly settings: Readonly<Record<string, SettingDefinition>>;
}

const tlsModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const satisfies readonly TlsMode[];
const recordingModes = ['strict', 'best-effort'] as const satisfies readonly RecordingMode[];
const principalKinds = ['person', 'service', 'agent'] as const satisfies readonly PrincipalKind[];
const roleNames = ['admin', 'auditor', 'member'] as const satisfies readonly Role[];

const address = z
  .string()
  .max(300)
  .refine((text) => parseAddress(text) !== null, 'must be host:port, with IPv6 in brackets')
  .describe('host:port, IPv6 in brackets; the port may be left out where it is the protocol’s own.');

const tls = z
  .strictObject({
    mode: z.enum(tlsModes).default('verify-full').describe('As libpq names them. verify-full unless said otherwise.'),
    ca: z
      .string()
      .max(limits.certificateLengthMax)
      .refine(
        (text) =>
          /^file:\/[^\0]*$/.test(text) || /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(text),
        'must be certificates in PEM or file:/absolute/path',
      )
      .optional()
      .describe('Authorities to trust instead of the system’s: PEM, or file:/path on the gateway.'),
    serverName: z
      .string()
      .refine((text) => parseAddress(text)?.port === null, 'must be a host name or an address')
      .optional()
      .describe('The name to verify and to send, where it is not the address’s host.'),
  })
  .prefault({});

/** The fields of every Resource. */
function resourceFieldsOf<C extends z.ZodType>(credential: C) {
  return {
    address,
    tls,
    credential: credential.optional().describe('What the gateway presents to the target. Clients never see it.'),
    recording: z
      .enum(recordingModes)
      .default('strict')
      .describe('strict: nothing takes effect or is shown unrecorded. best-effort: goes on while recording lags.'),
  };
}

const principalSelector = z
  .strictObject({
    names: nameList.optional(),
    groups: nameList.optional(),
    except: z
      .strictObject({ names: nameList.optional(), groups: nameList.optional() })
      .optional()
      .describe('Takes away from what names and groups select.'),
  })
  .refine((value) => holdsAny(value.names, value.groups), 'must select someone by names or groups');

const resourceSelector = z
  .strictObject({
    names: nameList.optional(),
    labels: labels.optional().describe('All of them must be on the resource.'),
  })
  .refine(
    (value) => holdsAny(value.names, Object.keys(value.labels ?? {})),
    'must select something by names or labels',
  );

export const accessSchema = z.strictObject({
  kind: z.literal('Access'),
  metadata,
  spec: z.strictObject({
    match: z.strictObject({ principals: principalSelector, resources: resourceSelector }),
    stepUp: z
      .boolean()
      .optional()
      .describe(
        'true: opening a session by it takes a confirmation by the person at that moment, in the browser or by sallyport approve.',
      ),
    request: accessRequest.optional(),
    windows: accessWindows.optional(),
    until: moment.optional().describe('From when on it counts no more.'),
  }),
});

/** One line of an `authorized_keys` file without options; certificates and old kinds are none. */
export const sshPublicKey = z
  .string()
  .max(limits.sshKeyLengthMax)
  .regex(
    /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) AAAA[A-Za-z0-9+/]+={0,3}(?: [^\r\n]*)?$/,
    'must be a public key as OpenSSH writes it: ssh-ed25519 AAAA… comment',
  );

/** Whether it is one of an authority, is looked at where it counts (identity). */
const issuerCertificate = z
  .string()
  .max(limits.issuerLengthMax)
  .regex(
    /^\s*-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/,
    'must be one certificate in PEM',
  );

export const certificateAuthoritySchema = z.strictObject({
  kind: z.literal('CertificateAuthority'),
  metadata,
  spec: z
    .strictObject({
      keys: z
        .array(sshPublicKey)
        .min(1)
        .max(limits.listEntriesMax)
        .optional()
        .describe('What it signs user certificates of SSH with.'),
      certificates: z
        .array(issuerCertificate)
        .min(1)
        .max(limits.issuersMax)
        .optional()
        .describe('Its X.509 certificates: whatever issues client certificates of programs itself, for TLS.'),
      revoked: z
        .array(
          z.string().regex(/^(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/, 'must be a SHA-256 fingerprint in hexadecimal'),
        )
        .max(limits.revokedMax)
        .optional()
        .describe(
          'Fingerprints of client certificates that do not count any more (openssl x509 -fingerprint -sha256).',
        ),
      principals: principalSelector.describe('For whom it may vouch. A certificate must name the principal as well.'),
      description: shortText.optional(),
    })
    .refine(
      ({ keys, certificates }) => keys !== undefined || certificates !== undefined,
      'must hold keys, certificates, or both',
    ),
});

export const groupSchema = z.strictObject({
  kind: z.literal('Group'),
  metadata,
  spec: z.strictObject({
    members: nameList.describe('Names of principals.'),
    description: shortText.optional(),
  }),
});

export const principalSchema = z.strictObject({
  kind: z.literal('Principal'),
  metadata,
  spec: z.strictObject({
    kind: z.enum(principalKinds).default('person'),
    displayName: shortText.optional(),
    roles: z
      .array(z.enum(roleNames))
      .max(roleNames.length)
      .refine((value) => new Set(value).size === value.length, 'must not name a role twice')
      .default(['member']),
    disabled: z.boolean().default(false).describe('Ends live sessions and refuses new ones.'),
    sshKeys: z
      .array(sshPublicKey)
      .max(limits.sshKeysMax)
      .optional()
      .describe('Public keys that this principal signs on with at SSH. Taking one away ends what it opened.'),
    identity: identityClaims.identity.optional(),
    provided: identityClaims.provided.optional(),
    workloads: workloadTrust.optional(),
    password: z
      .string()
      .min(limits.passwordLengthMin, `must be at least ${limits.passwordLengthMin} characters`)
      .max(limits.passwordLengthMax, `must be at most ${limits.passwordLengthMax} characters`)
      .optional()
      .meta({
        description: 'Hashed on arrival and never given back. Left out, the password stays as it is.',
        writeOnly: true,
      }),
  }),
});

/** The Resource schema of one protocol. */
export function resourceSchemaOf(protocol: ProtocolDescription) {
  const settings: Record<string, z.ZodType> = {};
  const fields = resourceFieldsOf(credentialOf(protocol.name));
  for (const [name, definition] of Object.entries(protocol.settings)) {
    assert(name !== 'protocol' && !(name in fields), `setting ${name} of ${protocol.name} hides a common field`);
    settings[name] = settingSchema(definition);
  }
  return z.strictObject({
    kind: z.literal('Resource'),
    metadata: originProtocols.includes(protocol.name) ? metadata.extend({ name: originName }) : metadata,
    spec: z.strictObject({ protocol: z.literal(protocol.name), ...fields, ...settings }).superRefine(tlsForCertificate),
  });
}

/** A certificate is shown in a TLS handshake, and nowhere else. */
function tlsForCertificate(spec: Readonly<Record<string, unknown>>, context: z.core.$RefinementCtx): void {
  const credential = spec['credential'] as Credential | undefined;
  if (credential?.clientCertificate === undefined) return;
  if ((spec['tls'] as { readonly mode: TlsMode }).mode !== 'disable') return;
  const path = ['credential', 'clientCertificate'];
  context.addIssue({ code: 'custom', path, message: 'needs TLS to the target: tls.mode must not be disable' });
}

/** A Resource whose protocol is not known here: the common fields are checked, what else stands in `spec` is not. */
export function looseResourceSchema(protocolNames: readonly string[] | null) {
  const protocol =
    protocolNames === null
      ? z.string()
      : z.string().refine((name) => protocolNames.includes(name), `must be one of: ${protocolNames.join(', ')}`);
  return z.strictObject({
    kind: z.literal('Resource'),
    metadata,
    spec: z.looseObject({ protocol, ...resourceFieldsOf(anyCredential) }),
  });
}

function settingSchema(definition: SettingDefinition): z.ZodType {
  let schema: z.ZodType;
  if (definition.type === 'boolean') schema = z.boolean();
  else if (definition.type === 'integer') {
    let integer = z.int();
    if (definition.minimum !== undefined) integer = integer.min(definition.minimum);
    if (definition.maximum !== undefined) integer = integer.max(definition.maximum);
    schema = integer;
  } else {
    const text =
      definition.choices === undefined
        ? z
            .string()
            .max(definition.charactersMax ?? limits.settingLengthMax)
            .refine((value) => !value.includes('\0'), 'must not hold a zero byte')
        : z.enum(definition.choices as [string, ...string[]]);
    schema = definition.type === 'string' ? text : z.array(text).max(limits.listEntriesMax);
  }
  const { problem } = definition;
  if (problem !== undefined) {
    schema = schema.superRefine((value, context) => {
      const message = problem(value as SettingValue);
      if (message !== null) context.addIssue({ code: 'custom', message });
    });
  }
  schema = schema.describe(definition.description);
  if (definition.default !== undefined) return schema.default(definition.default);
  return definition.required === true ? schema : schema.optional();
}

export type AccessManifest = z.output<typeof accessSchema>;
export type CertificateAuthorityManifest = z.output<typeof certificateAuthoritySchema>;
export type GroupManifest = z.output<typeof groupSchema>;
export type PrincipalManifest = z.output<typeof principalSchema>;
export type ResourceManifest = z.output<ReturnType<typeof looseResourceSchema>>;
/** A checked manifest with its defaults filled in. */
export type Manifest =
  | ResourceManifest
  | AccessManifest
  | GuardrailManifest
  | MaskManifest
  | GroupManifest
  | PrincipalManifest
  | CertificateAuthorityManifest
  | IdentityProviderManifest
  | LockManifest
  | RetentionManifest
  | LegalHoldManifest
  | SearchManifest
  | SinkManifest
  | DetectionManifest;

/**
 * The one spelling of a checked manifest that is stored, compared and given back: the address with its port, empty
 * labels left out. Applying what it gives changes nothing.
 */
export function normaliseManifest<M extends Manifest>(manifest: M, protocols: readonly ProtocolDescription[]): M {
  const { labels: given, ...rest } = manifest.metadata;
  const metadataNormal = given === undefined || Object.keys(given).length === 0 ? rest : { ...rest, labels: given };
  if (manifest.kind !== 'Resource') return { ...manifest, metadata: metadataNormal };
  const parsed = parseAddress(manifest.spec.address);
  const protocol = protocols.find((candidate) => candidate.name === manifest.spec.protocol);
  assert(parsed !== null, 'normalise an unchecked address');
  const port = parsed.port ?? protocol?.defaultPort;
  const normal = port === undefined ? manifest.spec.address : formatAddress(parsed.host, port);
  return { ...manifest, metadata: metadataNormal, spec: { ...manifest.spec, address: normal } };
}

/** The kind a person means by `resource`, `resources` or `Resource`; null where none. */
export function kindOfWord(word: string): ManifestKind | null {
  const lower = word.toLowerCase();
  const plurals: Readonly<Record<string, ManifestKind>> = {
    accesses: 'Access',
    certificateauthorities: 'CertificateAuthority',
    providers: 'IdentityProvider',
    searches: 'Search',
  };
  return (
    plurals[lower] ?? manifestKinds.find((kind) => [kind, `${kind}s`].some((w) => w.toLowerCase() === lower)) ?? null
  );
}

function holdsAny(...lists: readonly (readonly string[] | undefined)[]): boolean {
  return lists.some((list) => list !== undefined && list.length > 0);
}
