/**
 * Principals of identity providers as they come to be here: at a first sign-on, by SCIM, and as their provider says anew.
 *
 * Invariants:
 * - Identity is (issuer, subject). A name is bound to it once; who comes with a name that another identity has is refused,
 *   and an e-mail address matches nobody (A-ID-05).
 * - A change is journaled before it is committed, and counts before whoever caused it is told that it is done.
 * - Whoever is deactivated loses tokens at once, on every gateway; live sessions end with the next load.
 *
 * Deliberately absent: proofs (identity), what groups mean here (principals.ts).
 */
import { contractLimits, type Manifest, type PrincipalManifest } from '../api/contract/index.ts';
import type { Clock } from '../base/clock.ts';
import { durable } from '../core/door.ts';
import { type Actor, type EventBody, providerActor } from '../core/event.ts';
import type { Journal } from '../core/ports.ts';
import type { Identity } from '../identity/index.ts';
import {
  type JsonObject,
  type ObjectChange,
  type ObjectWrite,
  pageRowsMax,
  type Store,
  type StoredObject,
} from '../store/index.ts';
import { gatewayErrors } from './errors.ts';
import * as limits from './limits.ts';
import { principalId } from './principals.ts';
import { manifestOf, type Snapshot } from './snapshot.ts';

/** What a provider says of somebody. */
export interface ProvidedPrincipal {
  /** Name of the IdentityProvider. */
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
  /** The name to have where it is nobody's yet. */
  readonly name: string;
  readonly displayName: string | null;
  readonly email: string | null;
  /** Null where this time it does not say. */
  readonly groups: readonly string[] | null;
  /** Null where it does not say: a sign-on brings nobody back whom SCIM has taken away. */
  readonly active: boolean | null;
}

export interface Provisioning {
  /**
   * Makes the principal, or takes up what is said of it now; the name that it has here. Rejects with `gateway.name-taken`
   * where the name is another identity's.
   */
  provide(said: ProvidedPrincipal): Promise<string>;
  /** Takes up that somebody left or came back, or what groups they are in. False where there is none such. */
  update(
    identity: { readonly provider: string; readonly issuer: string; readonly subject: string },
    said: Partial<Pick<ProvidedPrincipal, 'displayName' | 'email' | 'groups' | 'active'>>,
  ): Promise<boolean>;
  /**
   * Changes many, and other objects with them: all of it, or nothing where one of them was changed meanwhile (then false).
   * Who is not there any more, or is another by now, is passed over. Rejects with `gateway.too-many-groups`.
   */
  together(provider: string, changes: readonly KnownChange[], rest: ObjectChange): Promise<boolean>;
}

/** What a provider says of somebody whose name here is known. `groups` are all of them; else one may come, and one go. */
export interface KnownChange extends Partial<Pick<ProvidedPrincipal, 'displayName' | 'email' | 'groups' | 'active'>> {
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
  readonly add?: string | null;
  readonly remove?: string | null;
}

export interface ProvisioningParts {
  readonly store: Pick<Store, 'objects'>;
  readonly snapshot: Snapshot;
  readonly journal: Journal;
  readonly identity: Pick<Identity, 'revokeTokensOf'>;
  readonly clock: Clock;
}

type Spec = PrincipalManifest['spec'];
type Provided = NonNullable<Spec['provided']>;

export function createProvisioning(parts: ProvisioningParts): Provisioning {
  return new ProviderPrincipals(parts);
}

class ProviderPrincipals implements Provisioning {
  readonly #parts: ProvisioningParts;

  constructor(parts: ProvisioningParts) {
    this.#parts = parts;
  }

  async provide(said: ProvidedPrincipal): Promise<string> {
    for (let attempt = 0; attempt < limits.provisioningAttemptsMax; attempt++) {
      const known = this.#parts.snapshot.principalById(principalId(said.issuer, said.subject));
      const done = known === null ? await this.#create(said) : await this.#change(known.name, said);
      if (done) return known?.name ?? said.name;
      // Another gateway was faster: what stands there now decides.
      await this.#parts.snapshot.reload();
    }
    throw gatewayErrors('gateway.provisioning-contended');
  }

  async update(
    { provider, issuer, subject }: Pick<ProvidedPrincipal, 'provider' | 'issuer' | 'subject'>,
    said: Partial<ProvidedPrincipal>,
  ): Promise<boolean> {
    for (let attempt = 0; attempt < limits.provisioningAttemptsMax; attempt++) {
      const known = this.#parts.snapshot.principalById(principalId(issuer, subject));
      if (known === null) return false;
      if (await this.#change(known.name, { ...said, provider, issuer, subject })) return true;
      await this.#parts.snapshot.reload();
    }
    throw gatewayErrors('gateway.provisioning-contended');
  }

  async together(provider: string, changes: readonly KnownChange[], rest: ObjectChange): Promise<boolean> {
    const { store, journal, snapshot, identity } = this.#parts;
    const by = providerActor(provider);
    const stored = await objectsNamed(store, 'Principal', new Set(changes.map(({ name }) => name)));
    const puts: ObjectWrite[] = [];
    const events: EventBody[] = [];
    const leaving: string[] = [];
    for (const { name, issuer, subject, add, remove, ...said } of changes) {
      const object = stored.get(name);
      if (object === undefined) continue;
      const { spec } = manifestOf(object) as PrincipalManifest;
      // Another has the name by now: nothing here is about them.
      if (spec.identity?.issuer !== issuer || spec.identity.subject !== subject) continue;
      const groups = said.groups ?? regrouped(spec.provided?.groups ?? [], add ?? null, remove ?? null);
      if (groups.length > contractLimits.providedGroupsMax) {
        throw gatewayErrors('gateway.too-many-groups', { values: { name, limit: contractLimits.providedGroupsMax } });
      }
      const merged = mergedOf(spec, { ...said, groups });
      if (merged === null) continue;
      puts.push(putOf(by, name, object.labels, merged.next, object.generation));
      events.push(changeOf(by, 'updated', name, merged.changes));
      if (merged.isLeaving) leaving.push(name);
    }
    const { outcome } = await store.objects.change(
      { puts: [...puts, ...rest.puts], deletes: rest.deletes },
      async () => {
        const last = events.map((event) => journal.append(event)).at(-1);
        if (last !== undefined) await durable(journal, last);
      },
    );
    if (outcome === 'conflict') return false;
    if (puts.length === 0) return true;
    try {
      await snapshot.reload();
    } finally {
      // Also where what is configured cannot be read just now.
      for (const name of leaving) await identity.revokeTokensOf(name);
    }
    return true;
  }

  /** False where another gateway has made it meanwhile. */
  async #create(said: ProvidedPrincipal): Promise<boolean> {
    const { store } = this.#parts;
    const { name, issuer, subject, displayName } = said;
    const taken = await store.objects.get('Principal', name);
    if (taken !== null) {
      const { identity } = (manifestOf(taken) as PrincipalManifest).spec;
      if (identity?.issuer === issuer && identity.subject === subject) return false;
      throw gatewayErrors('gateway.name-taken', { values: { name, provider: said.provider } });
    }
    const provided: Provided = {
      groups: [...(said.groups ?? [])],
      active: said.active ?? true,
      ...(said.email === null ? {} : { email: said.email }),
    };
    const spec = {
      kind: 'person',
      ...(displayName === null ? {} : { displayName }),
      roles: ['member'],
      disabled: false,
      identity: { issuer, subject },
      provided,
    };
    return this.#write(said.provider, name, {}, spec, 0, [`made by the identity provider ${said.provider}`]);
  }

  /** False where somebody else has changed it meanwhile. */
  async #change(
    name: string,
    said: Partial<ProvidedPrincipal> & Pick<ProvidedPrincipal, 'provider' | 'issuer' | 'subject'>,
  ): Promise<boolean> {
    const stored = await this.#parts.store.objects.get('Principal', name);
    if (stored === null) return false;
    const { spec } = manifestOf(stored) as PrincipalManifest;
    if (spec.identity?.issuer !== said.issuer || spec.identity.subject !== said.subject) return false;
    const merged = mergedOf(spec, said);
    if (merged === null) return true;
    const { next, changes, isLeaving } = merged;
    const isDone = await this.#write(said.provider, name, stored.labels, next, stored.generation, changes);
    if (isDone && isLeaving) await this.#parts.identity.revokeTokensOf(name);
    return isDone;
  }

  async #write(
    provider: string,
    name: string,
    labels: Readonly<Record<string, string>>,
    spec: object,
    expectedGeneration: number,
    changes: readonly string[],
  ): Promise<boolean> {
    const { store, journal, snapshot } = this.#parts;
    const by = providerActor(provider);
    const put = putOf(by, name, labels, spec, expectedGeneration);
    const action = expectedGeneration === 0 ? 'created' : 'updated';
    const { outcome } = await store.objects.change({ puts: [put], deletes: [] }, () =>
      durable(journal, journal.append(changeOf(by, action, name, changes))),
    );
    if (outcome === 'conflict') return false;
    await snapshot.reload();
    return true;
  }
}

function putOf(
  by: Actor,
  name: string,
  labels: Readonly<Record<string, string>>,
  spec: object,
  expectedGeneration: number,
): ObjectWrite {
  return { kind: 'Principal', name, labels, spec: spec as JsonObject, by: by.name, expectedGeneration };
}

function changeOf(by: Actor, action: 'created' | 'updated', name: string, changes: readonly string[]): EventBody {
  const kind = 'Principal' satisfies Manifest['kind'];
  return { type: 'configuration.changed', principal: by, action, kind, name, changes };
}

/** The principal as its provider has it now; null where that is what it is already. */
function mergedOf(
  spec: Spec,
  said: Partial<ProvidedPrincipal>,
): { readonly next: object; readonly changes: readonly string[]; readonly isLeaving: boolean } | null {
  const before: Provided = spec.provided ?? { groups: [], active: true };
  const email = said.email === undefined ? before.email : (said.email ?? undefined);
  const after: Provided = {
    groups: [...(said.groups ?? before.groups)],
    active: said.active ?? before.active,
    ...(email === undefined ? {} : { email }),
  };
  const displayName = said.displayName ?? spec.displayName;
  const changes = changesOf(before, after);
  if (displayName !== spec.displayName) changes.push('displayName');
  if (changes.length === 0) return null;
  const next = { ...spec, ...(displayName === undefined ? {} : { displayName }), provided: after };
  return { next, changes, isLeaving: before.active && !after.active };
}

function regrouped(groups: readonly string[], add: string | null, remove: string | null): readonly string[] {
  const kept = groups.filter((group) => group !== remove);
  return add === null || kept.includes(add) ? kept : [...kept, add];
}

/** Objects by name; those that are not there are left out. */
export async function objectsNamed(
  { objects }: Pick<Store, 'objects'>,
  kind: string,
  names: ReadonlySet<string>,
): Promise<ReadonlyMap<string, StoredObject>> {
  const found = new Map<string, StoredObject>();
  if (names.size <= limits.singleReadsMax) {
    for (const name of names) {
      const object = await objects.get(kind, name);
      if (object !== null) found.set(name, object);
    }
    return found;
  }
  // So many that reading all of them is less.
  for (let after: string | null = null; ; ) {
    const page: readonly StoredObject[] = await objects.list(kind, { limit: pageRowsMax, after });
    for (const object of page) if (names.has(object.name)) found.set(object.name, object);
    if (page.length < pageRowsMax) return found;
    after = page.at(-1)!.name;
  }
}

function changesOf(before: Provided, after: Provided): string[] {
  const changes: string[] = [];
  const added = after.groups.filter((group) => !before.groups.includes(group));
  const gone = before.groups.filter((group) => !after.groups.includes(group));
  const spell = (groups: readonly string[]): string =>
    groups.slice(0, limits.spelledGroupsMax).join(', ') + (groups.length > limits.spelledGroupsMax ? ', …' : '');
  if (added.length > 0) changes.push(`provided.groups: + ${spell(added)}`);
  if (gone.length > 0) changes.push(`provided.groups: - ${spell(gone)}`);
  if (before.active !== after.active) changes.push(`provided.active: ${before.active} → ${after.active}`);
  if (before.email !== after.email) changes.push('provided.email');
  return changes;
}
