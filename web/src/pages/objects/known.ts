/** What exists already and could be meant at a place of a manifest: names of groups, principals, resources, labels, secrets. */
import { useMemo } from 'react';
import { useAsk } from '../../api/query.ts';
import type { Path } from './document.ts';
import { at, type Manifest, words } from './kinds.ts';

export interface Known {
  readonly principals: readonly string[];
  readonly groups: readonly string[];
  readonly resources: readonly Manifest[];
  readonly providers: readonly string[];
  readonly secrets: readonly string[];
  readonly detectors: readonly string[];
}

const namesOf = (objects: readonly Manifest[] | undefined): readonly string[] =>
  (objects ?? []).map(({ metadata }) => metadata.name);

export function useKnown(): Known {
  const resources = useAsk('listObjects', { params: { kind: 'Resource' } }, { keep: true }).data?.objects;
  const principals = useAsk('listObjects', { params: { kind: 'Principal' } }, { keep: true }).data?.objects;
  const groups = useAsk('listObjects', { params: { kind: 'Group' } }, { keep: true }).data?.objects;
  const providers = useAsk('listObjects', { params: { kind: 'IdentityProvider' } }, { keep: true }).data?.objects;
  const secrets = useAsk('listSecrets', {}, { keep: true }).data?.secrets;
  const detections = useAsk('listDetections', {}, { keep: true }).data;
  return useMemo(
    () => ({
      resources: resources ?? [],
      principals: namesOf(principals),
      // Those of a provider count too: people bring them along.
      groups: distinct([
        ...namesOf(groups),
        ...(principals ?? []).flatMap(({ spec }) => words(at(spec, 'provided', 'groups'))),
      ]),
      providers: namesOf(providers),
      secrets: (secrets ?? []).map(({ name }) => name),
      detectors: (detections?.builtIn ?? []).map(({ name }) => name),
    }),
    [resources, principals, groups, providers, secrets, detections],
  );
}

const distinct = (list: readonly string[]): readonly string[] => [...new Set(list)].sort();

/** The detectors of values that are built in. */
const valueDetectors = [
  ...[
    'pii',
    'secret',
    'national_id',
    'credit_card',
    'iban',
    'email',
    'phone',
    'ip_address',
    'us_ssn',
    'uk_nino',
    'uk_nhs',
  ],
  ...[
    'de_steuer_id',
    'fr_nir',
    'es_dni_nie',
    'it_codice_fiscale',
    'nl_bsn',
    'pl_pesel',
    'br_cpf',
    'in_aadhaar',
    'ca_sin',
  ],
  ...[
    'date_of_birth',
    'aws_key',
    'azure_key',
    'gcp_key',
    'github_token',
    'gitlab_token',
    'slack_token',
    'stripe_key',
    'jwt',
  ],
  ...['private_key', 'url_password', 'high_entropy'],
];

export function suggestFor(known: Known, kind: string, path: Path): readonly string[] {
  const steps = path.filter((step) => typeof step === 'string');
  const last = steps.at(-1) ?? '';
  const parent = steps.at(-2) ?? '';
  if (last === 'labels') return distinct(known.resources.flatMap(({ metadata }) => Object.keys(metadata.labels ?? {})));
  if (parent === 'labels') {
    return distinct(
      known.resources.flatMap(({ metadata: { labels } }) => (labels?.[last] === undefined ? [] : [labels[last]])),
    );
  }
  switch (last) {
    case 'groups':
      return known.groups;
    case 'members':
      return known.principals;
    case 'names':
      return steps.includes('resources') ? namesOf(known.resources) : known.principals;
    case 'principal':
      return known.principals;
    case 'resource':
    case 'jump_hosts':
      return namesOf(known.resources);
    case 'protocols':
      return ['postgres', 'ssh', 'http', 'kubernetes'];
    case 'provider':
      return known.providers;
    case 'store':
      return known.secrets;
    case 'detector':
      return known.detectors;
    case 'detect':
      return kind === 'Mask' ? valueDetectors : [];
    case 'timeZone':
      return ['Europe/Berlin', 'Europe/London', 'America/New_York', 'America/Los_Angeles', 'Asia/Tokyo', 'UTC'];
    default:
      return [];
  }
}
