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
import type { Manifest, ResourceManifest } from '../api/contract/index.ts';
import { resourceOf } from '../api/index.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { AccessDecision } from '../core/ports.ts';
import type { Principal, PrincipalKind, Role } from '../core/principal.ts';
import type { Protocol } from '../core/protocol.ts';
import type { Resource } from '../core/resource.ts';
import type { RuleObject } from '../core/rules.ts';
import type { AuthorityEntry, PrincipalEntry } from '../identity/index.ts';
import type { AccessExplanation, AccessMatch, CompiledAccess } from '../policy/index.ts';
import { compileAccess } from '../policy/index.ts';
import { compileRequest, type RequestTerms } from '../review/index.ts';
import type { StoredObject } from '../store/index.ts';
import { gatewayErrors } from './errors.ts';
import { BrokenRules, type RuleMakings, Rules } from './rules.ts';

/** The only issuer there is until identity providers come. */
export const localIssuer = 'local';

interface ObjectReader {
  list(
    kind: string,
    page: { readonly limit: number; readonly after?: string | null },
  ): Promise<readonly StoredObject[]>;
}

/** A principal with who wrote it last (`actingNames`), and when. */
export interface ConfiguredPrincipal extends PrincipalEntry {
  readonly changedBy: string;
  readonly changedAtMs: number;
}

interface State {
  readonly principals: ReadonlyMap<string, ConfiguredPrincipal>;
  readonly resources: ReadonlyMap<string, StoredObject>;
  readonly access: CompiledAccess;
  /** Those that let ask for access and give none by themselves. */
  readonly requests: CompiledAccess;
  readonly requestTerms: ReadonlyMap<string, RequestTerms>;
  /** Names of the Access that asks for a step-up. */
  readonly stepUps: ReadonlySet<string>;
  readonly rules: Rules | BrokenRules;
  readonly authorities: readonly AuthorityEntry[];
  readonly issuers: readonly string[];
}

const pageLimit = 500;

export class Snapshot {
  readonly #objects: ObjectReader;
  readonly #protocols: readonly Protocol[];
  readonly #log: Log;
  readonly #makings: RuleMakings;
  #state: State = {
    principals: new Map(),
    resources: new Map(),
    access: compileAccess([]),
    requests: compileAccess([]),
    requestTerms: new Map(),
    stepUps: new Set(),
    // Until something was loaded, nothing passes.
    rules: new BrokenRules(null),
    authorities: [],
    issuers: [],
  };
  #loading: Promise<void> | null = null;
  #again = false;
  /** Called after each load that succeeded. */
  onLoaded: (() => void) | null = null;

  constructor(objects: ObjectReader, protocols: readonly Protocol[], log: Log, makings: RuleMakings) {
    this.#objects = objects;
    this.#protocols = protocols;
    this.#log = log;
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

  resourceNames(): readonly string[] {
    return [...this.#state.resources.keys()].sort();
  }

  /** Everyone, with their groups as of now. */
  principals(): Iterable<ConfiguredPrincipal> {
    return this.#state.principals.values();
  }

  /** By id rather than by name. */
  principalById(id: string): ConfiguredPrincipal | null {
    return id.startsWith(`${localIssuer}:`) ? this.principal(id.slice(localIssuer.length + 1)) : null;
  }

  /** The Access by which a principal may ask for a resource now, or null; `access`: whether that one lets it. */
  requestable(
    principalId: string,
    resourceName: string,
    access?: string,
  ): { access: string; terms: RequestTerms } | null {
    const entry = this.principalById(principalId);
    const object = this.#state.resources.get(resourceName);
    if (entry === null || entry.disabled || object === undefined) return null;
    const principal = { ...entry, authentication: { method: 'system', credentialId: null, atMs: 0 } } as const;
    // Access looks at nothing of a resource but its name and labels.
    const resource = { name: resourceName, labels: object.labels } as Resource;
    const { requests, requestTerms } = this.#state;
    const matching =
      access === undefined
        ? requests.decide(principal, resource)
        : {
            granted: requests
              .explain(principal, resource)
              .rules.some(({ name, matches }) => name === access && matches),
            rule: access,
          };
    const terms = matching.granted ? requestTerms.get(matching.rule) : undefined;
    return terms === undefined ? null : { access: matching.rule, terms };
  }

  groupsOf({ name }: Principal): readonly string[] | null {
    const entry = this.principal(name);
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
    return this.#state.stepUps.has(access);
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
    return resourceOf(object.name, manifest, protocol, ca === undefined ? null : await readCa(name, ca));
  }

  decide(principal: Principal, resource: Resource): AccessDecision {
    return this.#state.access.decide(principal, resource);
  }

  explain(principal: Principal, resource: Resource): AccessExplanation {
    return this.#state.access.explain(principal, resource);
  }

  async #load(): Promise<void> {
    do {
      this.#again = false;
      const [principals, groups, resources, access, guardrails, masks, authorities] = await Promise.all([
        this.#all('Principal'),
        this.#all('Group'),
        this.#all('Resource'),
        this.#all('Access'),
        this.#all('Guardrail'),
        this.#all('Mask'),
        this.#all('CertificateAuthority'),
      ]);
      const entries = authorities.map(authorityOf);
      this.#state = {
        principals: principalsOf(principals, groups),
        resources: new Map(resources.map((object) => [object.name, object])),
        access: compileAccess(access.filter(isStanding).flatMap((object) => this.#accessOf(object))),
        ...this.#requestsOf(access.filter((object) => !isStanding(object))),
        // Whatever is not plainly no asks for it.
        stepUps: new Set(
          access.filter(({ spec }) => ![undefined, false].includes(spec['stepUp'] as boolean)).map(({ name }) => name),
        ),
        rules: this.#rulesOf(guardrails, masks),
        authorities: entries,
        issuers: entries.flatMap(({ certificates = [] }) => certificates.map(String)),
      };
    } while (this.#again);
    this.onLoaded?.();
  }

  async #all(kind: string): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    for (let after: string | null = null; ; ) {
      const page: readonly StoredObject[] = await this.#objects.list(kind, { limit: pageLimit, after });
      found.push(...page);
      if (page.length < pageLimit) return found;
      after = page.at(-1)!.name;
    }
  }

  #requestsOf(objects: readonly StoredObject[]): Pick<State, 'requests' | 'requestTerms'> {
    const requestTerms = new Map<string, RequestTerms>();
    const usable = objects.filter((object) => {
      try {
        requestTerms.set(object.name, compileRequest(object.name, object.spec['request']));
        return true;
      } catch (error) {
        this.#log.error('an Access cannot be understood and lets nobody ask', {
          access: object.name,
          detail: describeError(error),
        });
        return false;
      }
    });
    // Which one is asked under goes by name alone; a step-up is taken when the grant is used.
    const rules = usable.flatMap((object) => this.#accessOf(object)).map(({ name, match }) => ({ name, match }));
    return { requests: compileAccess(rules), requestTerms };
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

  #accessOf(object: StoredObject): Parameters<typeof compileAccess>[0] {
    const { match, stepUp } = object.spec as { match?: unknown; stepUp?: unknown };
    const rule = {
      name: object.name,
      match: match as AccessMatch,
      ...(stepUp === undefined ? {} : { stepUp: stepUp as boolean }),
    };
    try {
      compileAccess([rule]);
      return [rule];
    } catch (error) {
      this.#log.error('an Access cannot be understood and grants nothing', {
        access: object.name,
        detail: describeError(error),
      });
      return [];
    }
  }
}

/** It gives access by itself; one with `request` only lets ask. */
function isStanding({ spec }: StoredObject): boolean {
  return spec['request'] === undefined;
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

function principalsOf(
  principals: readonly StoredObject[],
  groups: readonly StoredObject[],
): Map<string, ConfiguredPrincipal> {
  const groupsOf = new Map<string, string[]>();
  for (const group of groups) {
    for (const member of group.spec['members'] as readonly string[]) {
      const list = groupsOf.get(member);
      if (list === undefined) groupsOf.set(member, [group.name]);
      else list.push(group.name);
    }
  }
  return new Map(
    principals.map(({ name, spec, updatedBy, updatedAtMs }) => [
      name,
      {
        id: `${localIssuer}:${name}`,
        name,
        issuer: localIssuer,
        subject: name,
        kind: spec['kind'] as PrincipalKind,
        groups: (groupsOf.get(name) ?? []).sort(),
        roles: spec['roles'] as readonly Role[],
        disabled: spec['disabled'] === true,
        keys: keysOf(spec['sshKeys']),
        changedBy: updatedBy,
        changedAtMs: updatedAtMs,
      },
    ]),
  );
}

/** The blobs of public keys as OpenSSH writes them; their form was checked when they were written. */
function keysOf(lines: unknown): readonly Buffer[] {
  return ((lines ?? []) as readonly string[]).map((line) => Buffer.from(line.split(' ')[1] ?? '', 'base64'));
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

async function readCa(resource: string, ca: string): Promise<string> {
  if (!ca.startsWith('file:')) return ca;
  try {
    return await readFile(ca.slice('file:'.length), 'utf8');
  } catch (cause) {
    throw gatewayErrors('gateway.resource-ca', { cause, values: { resource } });
  }
}
