/**
 * What is configured, in memory: principals with their groups, resources, Access, as of the last change in the store.
 *
 * Invariants: readers see one consistent snapshot and never wait; a change is loaded whole or not at all; what cannot be
 * understood is left out and reported, never guessed (an Access that cannot be read grants nothing).
 *
 * Deliberately absent: writing objects, checking manifests (the API does both).
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  type IdentityProviderManifest,
  type Manifest,
  originProtocols,
  type ResourceManifest,
} from '../api/contract/index.ts';
import { resourceOf } from '../api/index.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { AccessDecision } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Protocol } from '../core/protocol.ts';
import type { Resource } from '../core/resource.ts';
import type { RuleObject } from '../core/rules.ts';
import type { AuthorityEntry, PrincipalEntry } from '../identity/index.ts';
import type { AccessExplanation } from '../policy/index.ts';
import type { Objects, StoredObject } from '../store/index.ts';
import { allObjects } from './all-objects.ts';
import { ConfiguredAccess, type RequestableAccess } from './configured-access.ts';
import { gatewayErrors } from './errors.ts';
import { type ConfiguredPrincipal, keysOf, principalsOf } from './principals.ts';
import { BrokenRules, type RuleMakings, Rules } from './rules.ts';
import { withFiles } from './setting-files.ts';

interface ObjectReader {
  list(
    kind: string,
    page: { readonly limit: number; readonly after?: string | null },
  ): Promise<readonly StoredObject[]>;
}

interface State {
  readonly principals: ReadonlyMap<string, ConfiguredPrincipal>;
  readonly principalsById: ReadonlyMap<string, ConfiguredPrincipal>;
  readonly providers: ReadonlyMap<string, IdentityProviderManifest>;
  readonly resources: ReadonlyMap<string, StoredObject>;
  readonly access: ConfiguredAccess;
  readonly rules: Rules | BrokenRules;
  readonly authorities: readonly AuthorityEntry[];
  readonly issuers: readonly string[];
}

/** Begins the kinds of everything that is kept for SCIM (scim.ts). */
export const scimKindPrefix = 'Scim';

export class Snapshot {
  readonly #objects: ObjectReader;
  readonly #protocols: readonly Protocol[];
  readonly #log: Log;
  readonly #makings: RuleMakings;
  readonly #clock: Pick<Clock, 'now'>;
  #state: State;
  #loading: Promise<void> | null = null;
  #again = false;
  /** Called after each load that succeeded. */
  onLoaded: (() => void) | null = null;

  constructor(
    objects: ObjectReader,
    protocols: readonly Protocol[],
    log: Log,
    makings: RuleMakings,
    clock: Pick<Clock, 'now'> = systemClock,
  ) {
    this.#objects = objects;
    this.#protocols = protocols;
    this.#log = log;
    this.#clock = clock;
    this.#state = {
      principals: new Map(),
      principalsById: new Map(),
      providers: new Map(),
      resources: new Map(),
      access: new ConfiguredAccess([], [], log),
      // Until something was loaded, nothing passes.
      rules: new BrokenRules(null),
      authorities: [],
      issuers: [],
    };
    this.#makings = makings;
  }

  /** Loads everything anew; calls that come while one runs share the next. */
  reload(): Promise<void> {
    if (this.#loading !== null) {
      this.#again = true;
      return this.#loading;
    }
    this.#loading = this.#load().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  principal(name: string): ConfiguredPrincipal | null {
    return this.#state.principals.get(name) ?? null;
  }

  /** Whose certificates are trusted, and for whom. */
  authorities(): readonly AuthorityEntry[] {
    return this.#state.authorities;
  }

  /** Who issues client certificates that are trusted, as PEM. */
  issuers(): readonly string[] {
    return this.#state.issuers;
  }

  principalCount(): number {
    return this.#state.principals.size;
  }

  /** Names of the resources that have origins. */
  originNames(): readonly string[] {
    const all = [...this.#state.resources.values()];
    return all.flatMap(({ name, spec }) => (originProtocols.includes(`${spec['protocol']}`) ? [name] : [])).sort();
  }

  resourceNames(): readonly string[] {
    return [...this.#state.resources.keys()].sort();
  }

  /** Everyone, with their groups as of now. */
  principals(): Iterable<ConfiguredPrincipal> {
    return this.#state.principals.values();
  }

  /** By id rather than by name. */
  principalById(id: string): ConfiguredPrincipal | null {
    return this.#state.principalsById.get(id) ?? null;
  }

  /** Identity providers, by name. */
  providers(): ReadonlyMap<string, IdentityProviderManifest> {
    return this.#state.providers;
  }

  /** Access and locks as configured. */
  get configured(): ConfiguredAccess {
    return this.#state.access;
  }

  /**
   * The Access by which a principal may ask for a resource now, or null; `access`: whether that one lets it. `use`: at whose
   * times it is, so that a grant under it counts.
   */
  requestable(
    principalId: string,
    resourceName: string,
    access?: string,
    when: 'ask' | 'use' = 'ask',
  ): RequestableAccess | null {
    const entry = this.principalById(principalId);
    const object = this.#state.resources.get(resourceName);
    if (entry === null || entry.disabled || object === undefined) return null;
    const principal = { ...entry, authentication: { method: 'system', credentialId: null, atMs: 0 } } as const;
    // Access looks at nothing of a resource but its name and labels.
    const resource = { name: resourceName, labels: object.labels } as Resource;
    const named = access === undefined ? { when } : { access, when };
    return this.configured.requestable(principal, resource, this.#clock.now(), named);
  }

  groupsOf({ id }: Principal): readonly string[] | null {
    const entry = this.principalById(id);
    return entry === null || entry.disabled ? null : entry.groups;
  }

  labelsOf({ name }: Resource): Resource['labels'] | null {
    return this.resourceLabels(name);
  }

  /** The rules in force. */
  get rules(): Rules | BrokenRules {
    return this.#state.rules;
  }

  /** Whether opening by this Access, or by a grant under it, takes a step-up. */
  asksStepUp(access: string): boolean {
    return this.configured.asksStepUp(access);
  }

  /** What selectors ask of a resource besides its name; null where there is none. */
  resourceFacts(name: string): { readonly labels: Resource['labels']; readonly protocol: string } | null {
    const object = this.#state.resources.get(name);
    return object === undefined ? null : { labels: object.labels, protocol: String(object.spec['protocol']) };
  }

  /** What Access looks at of a resource, as of now; null where there is none any more. */
  resourceLabels(name: string): Resource['labels'] | null {
    return this.#state.resources.get(name)?.labels ?? null;
  }

  /** The resource, its defaults filled in; null where there is none. Rejects where its CA file cannot be read. */
  async resource(name: string): Promise<Resource | null> {
    const object = this.#state.resources.get(name);
    if (object === undefined) return null;
    const protocol = this.#protocols.find((candidate) => candidate.name === object.spec['protocol']);
    if (protocol === undefined) return null;
    const manifest = manifestOf(object) as ResourceManifest;
    const { ca } = manifest.spec.tls;
    const resource = resourceOf(object.name, manifest, protocol, ca === undefined ? null : await readCa(name, ca));
    return withFiles(resource, protocol.settings);
  }

  decide(principal: Principal, resource: Resource): AccessDecision {
    return this.configured.decide(principal, resource, this.#clock.now());
  }

  explain(principal: Principal, resource: Resource): AccessExplanation {
    return this.configured.explain(principal, resource, this.#clock.now());
  }

  async #load(): Promise<void> {
    do {
      this.#again = false;
      const [principals, groups, resources, access, guardrails, masks, authorities, providers, locks] =
        await Promise.all([
          allObjects(this.#objects, 'Principal'),
          allObjects(this.#objects, 'Group'),
          allObjects(this.#objects, 'Resource'),
          allObjects(this.#objects, 'Access'),
          allObjects(this.#objects, 'Guardrail'),
          allObjects(this.#objects, 'Mask'),
          allObjects(this.#objects, 'CertificateAuthority'),
          allObjects(this.#objects, 'IdentityProvider'),
          allObjects(this.#objects, 'Lock'),
        ]);
      const entries = authorities.map(authorityOf);
      const known = new Map(providers.map((object) => [object.name, manifestOf(object) as IdentityProviderManifest]));
      const everyone = principalsOf(principals, groups, [...known.values()]);
      this.#state = {
        principals: everyone,
        principalsById: new Map([...everyone.values()].map((entry) => [entry.id, entry])),
        providers: known,
        resources: new Map(resources.map((object) => [object.name, object])),
        access: new ConfiguredAccess(access, locks, this.#log),
        rules: this.#rulesOf(guardrails, masks),
        authorities: entries,
        issuers: entries.flatMap(({ certificates = [] }) => certificates.map(String)),
      };
    } while (this.#again);
    this.onLoaded?.();
  }

  /** A rule that cannot be understood must not be missing: then nothing passes (A-POL-01). */
  #rulesOf(guardrails: readonly StoredObject[], masks: readonly StoredObject[]): Rules | BrokenRules {
    try {
      return new Rules({ guardrails: ruleObjects(guardrails), masks: ruleObjects(masks) }, this.#makings);
    } catch (error) {
      this.#log.error('a rule cannot be understood, so every command is blocked', { detail: describeError(error) });
      return new BrokenRules(error);
    }
  }
}

/** Calls `reload` for each change of what is loaded here: what SCIM keeps for itself is not. */
export function onConfigured(objects: Pick<Objects, 'onChange'>, reload: () => void): () => void {
  return objects.onChange((notice) => {
    if (notice.type === 'resync' || !notice.kind.startsWith(scimKindPrefix)) reload();
  });
}

/** The bodies of rules; what compiles them checks each field. */
function ruleObjects<Spec>(objects: readonly StoredObject[]): RuleObject<Spec>[] {
  return objects.map(({ name, spec }) => ({ name, spec: spec as unknown as Spec }));
}

/** The manifest that a stored object stands for; it was checked when it was written. */
export function manifestOf({ kind, name, labels, spec }: StoredObject): Manifest {
  return {
    kind,
    metadata: { name, ...(Object.keys(labels).length === 0 ? {} : { labels }) },
    spec,
  } as unknown as Manifest;
}

/** Who selects nobody vouches for nobody. */
function authorityOf({ name, spec }: StoredObject): AuthorityEntry {
  type Selection = { readonly names?: readonly string[]; readonly groups?: readonly string[] };
  const selected = spec['principals'] as Selection & { readonly except?: Selection };
  const selects = ({ names, groups }: Selection, principal: PrincipalEntry): boolean =>
    names?.includes('*') === true ||
    names?.includes(principal.name) === true ||
    principal.groups.some((group) => groups?.includes(group) === true);
  return {
    name,
    keys: keysOf(spec['keys']),
    certificates: issuersOf(spec['certificates']),
    revoked: new Set(((spec['revoked'] ?? []) as readonly string[]).map(digestOf)),
    mayVouchFor: (principal) => selects(selected, principal) && !selects(selected.except ?? {}, principal),
  };
}

/** What Node cannot read issued nothing that counts. */
function issuersOf(texts: unknown): readonly X509Certificate[] {
  return ((texts ?? []) as readonly string[]).flatMap((text) => {
    try {
      return [new X509Certificate(text)];
    } catch {
      return [];
    }
  });
}

/** A fingerprint as `certificateDigest` spells it. */
function digestOf(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}

/** The authorities that a resource trusts, as PEM. Rejects where the file cannot be read. */
export async function readCa(resource: string, ca: string): Promise<string> {
  if (!ca.startsWith('file:')) return ca;
  try {
    return await readFile(ca.slice('file:'.length), 'utf8');
  } catch (cause) {
    throw gatewayErrors('gateway.resource-ca', { cause, values: { resource } });
  }
}
