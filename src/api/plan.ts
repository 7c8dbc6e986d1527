/**
 * Planning a change of the configuration: from documents to a batch, its difference, and warnings. Applying and dry run
 * share the plan, so that they cannot say different things.
 *
 * Invariants:
 * - All documents are checked before anything is planned; one problem refuses all.
 * - Write-only fields leave the manifest here: `credential.password.value` becomes a sealed secret under a generated
 *   name, `password` goes to be hashed (A-API-06). A given secret always counts as a change: comparing it with the one
 *   that is sealed would let a caller guess.
 * - No change leaves the gateway without an enabled administrator, where it had one.
 *
 * Deliberately absent: writing, journaling, and judging whether a secret's value is right.
 */
import {
  checkManifest,
  type FieldChange,
  generatedSecretName,
  type Manifest,
  type ManifestKind,
  type ManifestSchemas,
  manifestKinds,
  manifestSecrets,
  type ObjectResult,
  withManifestSecrets,
} from './contract/index.ts';
import { differenceOf, secretText } from './difference.ts';
import { apiErrors } from './errors.ts';
import { ruleProblems } from './plan-rules.ts';
import { referrersOf, storedSecretsOf, warningsOf } from './plan-warnings.ts';
import type { ConfigurationBatch, ConfigurationPort, SecretsPort, StoredManifest } from './ports.ts';
import { invalidManifest, type RequestProblem } from './problem.ts';
import type { RuleChecks } from './review-ports.ts';
import { stepUpWarnings } from './step-up-warnings.ts';

export interface Plan {
  readonly batch: ConfigurationBatch;
  readonly results: readonly ObjectResult[];
}

type State = Readonly<Record<ManifestKind, ReadonlyMap<string, StoredManifest>>>;

/** Plans an apply. Rejects with `api.invalid-manifest` that lists every problem, or `api.last-admin`. */
export async function planApply(
  documents: readonly unknown[],
  schemas: ManifestSchemas,
  configuration: ConfigurationPort,
  secrets: SecretsPort,
  checks: RuleChecks,
  nowMs: number,
): Promise<Plan> {
  const given = checkAll(documents, schemas);
  const state = await readState(configuration);
  const { manifests, refused } = keepIdentities(given, state);
  if (refused.length > 0) throw invalidManifest(refused);
  const after = manifestsAfter(state, manifests, null);
  requireAdmin(state, after, nowMs);
  const problems = await ruleProblems(checks, manifestsAfter(state, [], null), after, manifests);
  if (problems.length > 0) throw invalidManifest(problems);
  const stripped = manifests.map(strip);
  const sealed = new Set([
    ...(await secrets.list()).map((secret) => secret.name),
    ...stripped.flatMap((entry) => entry.secrets.map(({ name }) => name)),
  ]);
  const names = namesOf(after);
  const puts: ConfigurationBatch['puts'][number][] = [];
  const dropped: string[] = [];
  const results = stripped.map((entry): ObjectResult => {
    const { kind, metadata } = entry.manifest;
    const before = state[kind].get(metadata.name) ?? null;
    const changes = [
      ...differenceOf(before?.manifest ?? null, entry.manifest),
      ...entry.changes(before?.manifest ?? null),
    ];
    const isSame = before !== null && changes.length === 0;
    if (!isSame) puts.push({ manifest: entry.manifest, expectedRevision: before?.revision ?? null });
    if (before !== null) dropped.push(...orphaned(before.manifest, entry.manifest, after));
    return {
      kind,
      name: metadata.name,
      action: before === null ? 'created' : isSame ? 'unchanged' : 'updated',
      changes,
      warnings: [...warningsOf(entry.manifest, names, sealed), ...stepUpWarnings(entry.manifest, after)],
    };
  });
  return {
    results,
    batch: {
      puts,
      deletes: [],
      secrets: stripped.flatMap((entry) => entry.secrets),
      droppedSecrets: dropped,
      passwords: stripped.flatMap((entry) => (entry.password === null ? [] : [entry.password])),
    },
  };
}

/** Plans a deletion. Rejects with `api.not-found`, `api.last-admin`, or `api.invalid-manifest` where a rule suffers. */
export async function planDelete(
  kind: ManifestKind,
  name: string,
  configuration: ConfigurationPort,
  checks: RuleChecks,
  nowMs: number,
): Promise<Plan> {
  const state = await readState(configuration);
  const before = state[kind].get(name);
  if (before === undefined) throw apiErrors('api.not-found', { values: { what: kind } });
  const after = manifestsAfter(state, [], { kind, name });
  requireAdmin(state, after, nowMs);
  const problems = await ruleProblems(checks, manifestsAfter(state, [], null), after, []);
  if (problems.length > 0) throw invalidManifest(problems);
  return {
    results: [
      {
        kind,
        name,
        action: 'deleted',
        changes: differenceOf(before.manifest, null),
        warnings: referrersOf(kind, name, after),
      },
    ],
    batch: {
      puts: [],
      deletes: [{ kind, name, expectedRevision: before.revision }],
      secrets: [],
      droppedSecrets: orphaned(before.manifest, null, after),
      passwords: [],
    },
  };
}

/** All objects as they would stand after the documents were applied, and what in the documents could not be saved. */
export async function objectsAfter(
  documents: readonly unknown[],
  schemas: ManifestSchemas,
  configuration: ConfigurationPort,
  checks: RuleChecks,
): Promise<{
  readonly objects: readonly Manifest[];
  readonly given: readonly Manifest[];
  readonly problems: readonly RequestProblem[];
}> {
  const given = checkAll(documents, schemas);
  const state = await readState(configuration);
  const objects = manifestsAfter(state, given, null);
  return { objects, given, problems: await ruleProblems(checks, manifestsAfter(state, [], null), objects, given) };
}

/** The object that names this secret; null where none does. */
export async function secretUser(name: string, configuration: ConfigurationPort): Promise<string | null> {
  const objects = [...(await configuration.list('Resource')), ...(await configuration.list('IdentityProvider'))];
  return objects.find(({ manifest }) => storedSecretsOf(manifest).includes(name))?.manifest.metadata.name ?? null;
}

function checkAll(documents: readonly unknown[], schemas: ManifestSchemas): Manifest[] {
  const problems: RequestProblem[] = [];
  const manifests: Manifest[] = [];
  const seen = new Set<string>();
  for (const [document, value] of documents.entries()) {
    const checked = checkManifest(value, schemas);
    problems.push(...checked.problems.map((problem) => ({ ...problem, document })));
    if (checked.manifest === null) continue;
    const id = `${checked.manifest.kind}/${checked.manifest.metadata.name}`;
    if (seen.has(id)) {
      problems.push({
        document,
        path: ['metadata', 'name'],
        on: 'value',
        message: 'stands in another document of this apply too',
      });
    }
    seen.add(id);
    manifests.push(checked.manifest);
  }
  if (problems.length > 0) throw invalidManifest(problems);
  return manifests;
}

/** Who a principal is stays, and what its provider said is not for others to say; a password would be a second way in. */
function keepIdentities(
  given: readonly Manifest[],
  state: State,
): { readonly manifests: Manifest[]; readonly refused: RequestProblem[] } {
  const refused: RequestProblem[] = [];
  const manifests = given.map((manifest, document) => {
    if (manifest.kind !== 'Principal') return manifest;
    const before = state.Principal.get(manifest.metadata.name)?.manifest;
    const { identity: was, provided } = before?.kind === 'Principal' ? before.spec : {};
    const { identity = was, provided: _, ...spec } = manifest.spec;
    const isSame = identity?.issuer === was?.issuer && identity?.subject === was?.subject;
    const refuse = (field: string, message: string): void => {
      refused.push({ document, path: ['spec', field], on: 'value', message });
    };
    if (before !== undefined && !isSame) refuse('identity', 'is never changed: delete the principal, and make another');
    if (identity !== undefined && spec.password !== undefined) {
      refuse('password', 'is not for a principal of an identity provider, who signs on there');
    }
    return {
      ...manifest,
      spec: {
        ...spec,
        ...(identity === undefined ? {} : { identity }),
        ...(provided === undefined ? {} : { provided }),
      },
    };
  });
  return { manifests, refused };
}

interface Stripped {
  readonly manifest: Manifest;
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
  readonly password: { readonly principal: string; readonly password: string } | null;
  /** What the write-only field changes, beside the visible difference. */
  changes(before: Manifest | null): FieldChange[];
}

/** Takes the write-only fields out of a manifest. */
function strip(manifest: Manifest): Stripped {
  const { name } = manifest.metadata;
  const changed = (paths: readonly string[]): Pick<Stripped, 'changes'> => ({
    changes: (before) =>
      paths.map((path) => ({ path, before: before === null ? null : secretText, after: secretText })),
  });
  if (manifest.kind === 'Principal' && manifest.spec.password !== undefined) {
    const { password, ...spec } = manifest.spec;
    return {
      manifest: { ...manifest, spec },
      secrets: [],
      password: { principal: name, password },
      ...changed(['spec.password']),
    };
  }
  const given = manifestSecrets(manifest).filter(({ source }) => source.value !== undefined);
  if (given.length > 0) {
    const nameOf = (path: string): string => generatedSecretName(manifest, path);
    const sealed = new Map(given.map(({ path }) => [path, { store: nameOf(path) }]));
    return {
      manifest: withManifestSecrets(manifest, sealed),
      secrets: given.map(({ path, source }) => ({ name: nameOf(path), value: source.value! })),
      password: null,
      ...changed(given.map(({ path }) => `spec.${path}`)),
    };
  }
  return { manifest, secrets: [], password: null, changes: () => [] };
}

/** The generated secrets that nothing names any more after the change. Those that a person made stay. */
function orphaned(before: Manifest, next: Manifest | null, after: readonly Manifest[]): string[] {
  const generated = manifestSecrets(before).map(({ path }) => generatedSecretName(before, path));
  return storedSecretsOf(before).filter(
    (name) =>
      generated.includes(name) &&
      !storedSecretsOf(next).includes(name) &&
      !after.some((manifest) => storedSecretsOf(manifest).includes(name)),
  );
}

async function readState(configuration: ConfigurationPort): Promise<State> {
  const lists = await Promise.all(
    manifestKinds.map(async (kind) => {
      const stored = await configuration.list(kind);
      return [kind, new Map(stored.map((entry) => [entry.manifest.metadata.name, entry]))] as const;
    }),
  );
  return Object.fromEntries(lists) as unknown as State;
}

/** All manifests as they would stand after the change, stripped. */
function manifestsAfter(
  state: State,
  puts: readonly Manifest[],
  deleted: { kind: ManifestKind; name: string } | null,
): Manifest[] {
  const all = new Map<string, Manifest>();
  for (const kind of manifestKinds) {
    for (const [name, stored] of state[kind]) {
      if (deleted === null || deleted.kind !== kind || deleted.name !== name)
        all.set(`${kind}/${name}`, stored.manifest);
    }
  }
  for (const manifest of puts) all.set(`${manifest.kind}/${manifest.metadata.name}`, strip(manifest).manifest);
  return [...all.values()];
}

function namesOf(manifests: readonly Manifest[]): ReadonlySet<string> {
  return new Set(manifests.map((manifest) => `${manifest.kind}/${manifest.metadata.name}`));
}

function requireAdmin(state: State, after: readonly Manifest[], nowMs: number): void {
  const before = manifestsAfter(state, [], null);
  if (hasAdmin(before, nowMs) && !hasAdmin(after, nowMs)) throw apiErrors('api.last-admin');
}

/** One that is neither disabled nor locked, be it for a while. */
function hasAdmin(manifests: readonly Manifest[], nowMs: number): boolean {
  const locked = new Set(
    manifests.flatMap((manifest) => {
      if (manifest.kind !== 'Lock') return [];
      const { target, until } = manifest.spec;
      return until !== undefined && Date.parse(until) <= nowMs ? [] : (target.principal ?? []);
    }),
  );
  return manifests.some(
    (manifest) =>
      manifest.kind === 'Principal' &&
      manifest.spec.roles.includes('admin') &&
      !manifest.spec.disabled &&
      !locked.has(manifest.metadata.name),
  );
}
