/**
 * What a change is warned of: names that nothing is called by, and what still names a deleted object.
 *
 * Deliberately absent: refusals. The order of applying is free, and a name may come later.
 */
import { X509Certificate } from 'node:crypto';
import {
  type AccessManifest,
  type Manifest,
  type ManifestKind,
  manifestSecrets,
  type ResourceManifest,
} from './contract/index.ts';

/** The sealed secrets that a manifest names. */
export function storedSecretsOf(manifest: Manifest | null): readonly string[] {
  if (manifest === null) return [];
  return manifestSecrets(manifest).flatMap(({ source }) => (source.store === undefined ? [] : [source.store]));
}

/** One name in a manifest, by the kind of what is named. */
type Named = readonly [kind: ManifestKind, names: readonly string[] | undefined];

/** Everything that a manifest names. */
function namedBy(manifest: Manifest): readonly Named[] {
  switch (manifest.kind) {
    case 'Group':
      return [['Principal', manifest.spec.members]];
    case 'Access': {
      const { match, request } = manifest.spec;
      return [...selectedBy(match.principals, match.resources), ...reviewersOf(request?.reviewers)];
    }
    case 'Guardrail': {
      const { match, review, examples } = manifest.spec;
      return [
        ...selectedBy(match.principals, match.resources),
        ...reviewersOf(review?.reviewers),
        ...reviewersOf(review?.escalate?.reviewers),
        ['Group', review?.breakGlass?.groups],
        ...(examples ?? []).flatMap((example): Named[] => [
          ['Group', example.groups],
          ['Resource', example.resource === undefined ? undefined : [example.resource]],
        ]),
      ];
    }
    case 'Mask':
      return selectedBy(manifest.spec.match.principals, manifest.spec.match.resources);
    case 'CertificateAuthority':
      return [...reviewersOf(manifest.spec.principals), ...reviewersOf(manifest.spec.principals.except)];
    case 'Principal':
      return (manifest.spec.workloads ?? []).flatMap((workload): Named[] => [
        ['IdentityProvider', [workload.provider]],
        ['Resource', workload.resources],
      ]);
    case 'Lock':
      return [
        ['Principal', named(manifest.spec.target.principal)],
        ['Resource', named(manifest.spec.target.resource)],
      ];
    case 'Retention':
      return selectedBy(undefined, manifest.spec.match?.resources);
    case 'Detection': {
      const { match, respond } = manifest.spec;
      const asked = (respond ?? []).flatMap(({ reviewers }) => reviewersOf(reviewers));
      return [...selectedBy(match?.principals, match?.resources), ...asked];
    }
    case 'Sink':
      return selectedBy(manifest.spec.match?.principals, manifest.spec.match?.resources);
    case 'LegalHold':
      return selectedBy(manifest.spec.match.principals, manifest.spec.match.resources);
    case 'Resource':
    case 'IdentityProvider':
    case 'Search':
      return [];
  }
}

function named(name: string | undefined): readonly string[] | undefined {
  return name === undefined ? undefined : [name];
}

interface Selection {
  readonly names?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly except?: Omit<Selection, 'except'> | undefined;
}

function selectedBy(
  principals: Selection | undefined,
  resources: { readonly names?: readonly string[] | undefined } | undefined,
): readonly Named[] {
  return [...reviewersOf(principals), ...reviewersOf(principals?.except), ['Resource', resources?.names]];
}

function reviewersOf(selection: Omit<Selection, 'except'> | undefined): readonly Named[] {
  return [
    ['Principal', selection?.names],
    ['Group', selection?.groups],
  ];
}

/** What a manifest names and nothing is called. */
export function warningsOf(manifest: Manifest, names: ReadonlySet<string>, secrets: ReadonlySet<string>): string[] {
  const missing = namedBy(manifest).flatMap(([kind, wanted]) =>
    (wanted ?? []).filter((name) => !names.has(`${kind}/${name}`)).map((name) => `there is no ${kind} ${name}`),
  );
  const own =
    manifest.kind === 'Resource'
      ? resourceWarnings(manifest, secrets)
      : manifest.kind === 'CertificateAuthority'
        ? issuerWarnings(manifest.spec.certificates ?? [])
        : manifest.kind === 'Access'
          ? accessWarnings(manifest)
          : [];
  return [...new Set(missing), ...own];
}

function accessWarnings({ spec: { request } }: AccessManifest): string[] {
  if (request?.onConnect !== 'wait' || !request.reasonRequired) return [];
  return ['onConnect: wait does nothing while reasonRequired is not false: a connection says no reason'];
}

/** Certificates that issue nothing that would be taken. */
function issuerWarnings(certificates: readonly string[]): string[] {
  return certificates.flatMap((text, at) => {
    const which = `certificates[${at}]`;
    try {
      const { ca } = new X509Certificate(text);
      return ca ? [] : [`${which} is none of an authority; what it signed is not taken`];
    } catch {
      return [`${which} cannot be read; what it signed is not taken`];
    }
  });
}

function resourceWarnings(manifest: ResourceManifest, secrets: ReadonlySet<string>): string[] {
  const warnings: string[] = [];
  for (const secret of storedSecretsOf(manifest)) {
    if (!secrets.has(secret)) warnings.push(`there is no secret ${secret}; put it, or sessions cannot be opened`);
  }
  if (manifest.spec.tls.mode !== 'verify-full' && manifest.spec.tls.mode !== 'verify-ca') {
    warnings.push(`tls.mode ${manifest.spec.tls.mode} does not prove who the target is`);
  }
  return warnings;
}

/** Which of the manifests name an object. */
export function referrersOf(kind: ManifestKind, name: string, after: readonly Manifest[]): string[] {
  return after
    .filter((manifest) => namedBy(manifest).some(([of, names]) => of === kind && names?.includes(name) === true))
    .map((manifest) => `the ${manifest.kind} ${manifest.metadata.name} still names it`);
}
