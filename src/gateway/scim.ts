/**
 * What SCIM writes, kept: users and groups of providers beside the principals that they are about.
 *
 * Invariants:
 * - A user, the names that it is found by, and the principal of its identity change together or not at all; so do a group and
 *   what all its members are in. What SCIM was told and what counts cannot part, whoever crashes or writes at the same time.
 * - A principal is never removed, and never becomes another's: identity is the provider's issuer with the subject that the
 *   IdentityProvider names (A-ID-05), and a user's subject does not change.
 * - Of two groups of a provider no two give one value, so that leaving one never leaves what another gives.
 *
 * Kept as objects of kinds that are no manifests: nothing applies or lists them but this file.
 *
 * Deliberately absent: SCIM's own documents and filters (api), what groups mean here (principals.ts).
 */
import { createHash } from 'node:crypto';
import { contractLimits, type IdentityProviderManifest } from '../api/contract/index.ts';
import type { ScimGroup, ScimOutcome, ScimStore, ScimUser, StoredScim } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import { escapeLine } from '../base/escape.ts';
import { newId } from '../base/ids.ts';
import { nameFrom } from '../identity/index.ts';
import type { JsonObject, ObjectChange, ObjectWrite, Store, StoredObject } from '../store/index.ts';
import * as limits from './limits.ts';
import { issuerOf } from './principals.ts';
import { type KnownChange, objectsNamed, type Provisioning } from './provisioning.ts';
import { type Snapshot, scimKindPrefix } from './snapshot.ts';

export interface ScimParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly store: Pick<Store, 'objects'>;
  readonly snapshot: Pick<Snapshot, 'providers'>;
  readonly provisioning: Pick<Provisioning, 'provide' | 'together'>;
}

const userKind = `${scimKindPrefix}User`;
const groupKind = `${scimKindPrefix}Group`;
/** Of a group, apart: a list of groups does not read them. */
const membersKind = `${scimKindPrefix}Members`;
/** What must be one's alone within a provider, and finds it. */
const keyKind = `${scimKindPrefix}Key`;

type SignOnSpec = Extract<IdentityProviderManifest['spec'], { readonly type: 'oidc' | 'saml' }>;
type Settings = NonNullable<SignOnSpec['scim']>;

interface Configured {
  readonly name: string;
  readonly issuer: string;
  readonly spec: SignOnSpec;
  readonly settings: Settings;
}

interface UserSpec {
  readonly document: ScimUser;
  /** Name of the principal. */
  readonly principal: string;
  readonly subject: string;
}

interface GroupSpec {
  readonly document: Omit<ScimGroup, 'members'>;
  /** What the members have among the groups of their provider; null where it has none. */
  readonly value: string | null;
  /** Another one with every change of the members, and so another version. */
  readonly digest: string;
}

type Refused = Extract<ScimOutcome<never>, { readonly outcome: 'refused' }>;

export function createScim(parts: ScimParts): ScimStore {
  const configured = (name: string) => configuredOf(parts.snapshot, name);
  return {
    provider: (name) => {
      const found = configured(name);
      return found === null ? null : { name, principal: found.settings.principal };
    },
    users: new Users(parts),
    groups: new Groups(parts),
  };
}

function configuredOf(snapshot: ScimParts['snapshot'], name: string): Configured | null {
  const manifest = snapshot.providers().get(name);
  if (manifest === undefined || manifest.spec.type === 'workload') return null;
  const { spec } = manifest;
  return spec.scim === undefined ? null : { name, issuer: issuerOf(manifest), spec, settings: spec.scim };
}

class Users {
  readonly #parts: ScimParts;

  constructor(parts: ScimParts) {
    this.#parts = parts;
  }

  async get(provider: string, id: string): Promise<StoredScim<ScimUser> | null> {
    const object = await this.#parts.store.objects.get(userKind, nameOf(provider, id));
    return object === null ? null : storedUser(object);
  }

  async find(provider: string, attribute: 'userName' | 'externalId', value: string) {
    const key = await this.#parts.store.objects.get(keyKind, keyOf(provider, attribute, value));
    return key === null ? null : this.get(provider, `${key.spec['id']}`);
  }

  async page(provider: string, after: string | null): Promise<readonly StoredScim<ScimUser>[]> {
    return (await pageOf(this.#parts.store, userKind, provider, after)).map(storedUser);
  }

  async create(provider: string, document: ScimUser): Promise<ScimOutcome<ScimUser>> {
    const { store, provisioning, clock } = this.#parts;
    const configured = configuredOf(this.#parts.snapshot, provider);
    if (configured === null) return { outcome: 'absent' };
    const subject = subjectOf(configured, document);
    if (subject === null) return refusedSubject(configured);
    const id = newId('scu', clock.now());
    const keys = userKeys(provider, document);
    for (let attempt = 0; attempt < limits.scimAttemptsMax; attempt++) {
      const taken = await takenOf(store, keys, id);
      if (taken !== null) return { outcome: 'taken', attribute: taken };
      const spec: UserSpec = { document, principal: await this.#provide(configured, subject, document), subject };
      const rest = {
        puts: [write(provider, userKind, nameOf(provider, id), spec, 0), ...keyWrites(provider, keys, id)],
        deletes: [],
      };
      if (await provisioning.together(provider, [saidOf(configured, spec)], rest)) return this.#done(provider, id);
    }
    return { outcome: 'conflict' };
  }

  async replace(provider: string, id: string, version: number, document: ScimUser): Promise<ScimOutcome<ScimUser>> {
    const { store, provisioning } = this.#parts;
    const configured = configuredOf(this.#parts.snapshot, provider);
    const object = await store.objects.get(userKind, nameOf(provider, id));
    if (configured === null || object === null) return { outcome: 'absent' };
    if (object.generation !== version) return { outcome: 'conflict' };
    const before = object.spec as unknown as UserSpec;
    // Compared as both are read today: a rule that was changed meanwhile must keep nobody in.
    if (subjectOf(configured, document) !== subjectOf(configured, before.document)) {
      const why = `${configured.settings.subject} says who it is, and does not change. Make another user.`;
      return { outcome: 'refused', type: 'mutability', why };
    }
    const [old, keys] = [userKeys(provider, before.document), userKeys(provider, document)];
    const taken = await takenOf(store, keys, id);
    if (taken !== null) return { outcome: 'taken', attribute: taken };
    const spec: UserSpec = { ...before, principal: await this.#principalOf(configured, before, document), document };
    const rest = {
      puts: [write(provider, userKind, object.name, spec, version), ...keyWrites(provider, added(old, keys), id)],
      deletes: added(keys, old).map(({ name }) => ({ kind: keyKind, name, expectedGeneration: null })),
    };
    const isDone = await provisioning.together(provider, [saidOf(configured, spec)], rest);
    return isDone ? this.#done(provider, id) : { outcome: 'conflict' };
  }

  async remove(provider: string, id: string, version: number | null): Promise<'done' | 'absent' | 'conflict'> {
    const { store, provisioning } = this.#parts;
    for (let attempt = 0; attempt < limits.scimAttemptsMax; attempt++) {
      const configured = configuredOf(this.#parts.snapshot, provider);
      const object = await store.objects.get(userKind, nameOf(provider, id));
      if (configured === null || object === null) return 'absent';
      if (version !== null && object.generation !== version) return 'conflict';
      const { document, principal, subject } = object.spec as unknown as UserSpec;
      const { issuer } = configured;
      const gone: KnownChange = { name: principal, issuer, subject, active: false, groups: [] };
      const rest: ObjectChange = {
        puts: await this.#withoutMember(provider, principal, id),
        deletes: [
          { kind: userKind, name: object.name, expectedGeneration: object.generation },
          ...userKeys(provider, document).map(({ name }) => ({ kind: keyKind, name, expectedGeneration: null })),
        ],
      };
      if (await provisioning.together(provider, [gone], rest)) return 'done';
    }
    return 'conflict';
  }

  /** The groups that have the member, without it: found by what they give. */
  async #withoutMember(provider: string, principal: string, id: string): Promise<readonly ObjectWrite[]> {
    const { objects } = this.#parts.store;
    const provided = (await objects.get('Principal', principal))?.spec['provided'] as { groups?: string[] } | undefined;
    const puts: ObjectWrite[] = [];
    for (const value of provided?.groups ?? []) {
      const key = await objects.get(keyKind, keyOf(provider, 'group', value));
      const name = nameOf(provider, `${key?.spec['id']}`);
      const [group, kept] = await Promise.all([objects.get(groupKind, name), objects.get(membersKind, name)]);
      const members = membersIn(kept);
      if (group === null || !members.includes(id)) continue;
      const spec = group.spec as unknown as GroupSpec;
      puts.push(
        ...groupWrites(
          provider,
          name,
          spec,
          members.filter((one) => one !== id),
          group.generation,
        ),
      );
    }
    return puts;
  }

  #provide({ name: provider, issuer, spec }: Configured, subject: string, document: ScimUser): Promise<string> {
    const name = nameFrom(document.userName, { ...spec.name, claim: 'userName' }, provider);
    const { active } = document;
    const said = { displayName: displayNameOf(document), email: emailOf(document), groups: [], active };
    return this.#parts.provisioning.provide({ provider, issuer, subject, name, ...said });
  }

  /** Whom an administrator has removed is made anew. */
  async #principalOf(configured: Configured, { principal, subject }: UserSpec, document: ScimUser): Promise<string> {
    const object = await this.#parts.store.objects.get('Principal', principal);
    const identity = object?.spec['identity'] as { issuer?: string; subject?: string } | undefined;
    const isTheirs = identity?.issuer === configured.issuer && identity.subject === subject;
    return isTheirs ? principal : this.#provide(configured, subject, document);
  }

  async #done(provider: string, id: string): Promise<ScimOutcome<ScimUser>> {
    const stored = await this.get(provider, id);
    return stored === null ? { outcome: 'absent' } : { outcome: 'done', stored };
  }
}

class Groups {
  readonly #parts: ScimParts;

  constructor(parts: ScimParts) {
    this.#parts = parts;
  }

  async get(provider: string, id: string): Promise<StoredScim<ScimGroup> | null> {
    const { objects } = this.#parts.store;
    const name = nameOf(provider, id);
    const [group, members] = await Promise.all([objects.get(groupKind, name), objects.get(membersKind, name)]);
    return group === null ? null : storedGroup(group, membersIn(members));
  }

  async page(provider: string, after: string | null): Promise<readonly StoredScim<ScimGroup>[]> {
    const page = await pageOf(this.#parts.store, groupKind, provider, after);
    return page.map((object) => storedGroup(object, null));
  }

  async create(provider: string, document: ScimGroup): Promise<ScimOutcome<ScimGroup>> {
    const id = newId('scg', this.#parts.clock.now());
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#write(provider, id, null, document);
      if (outcome.outcome !== 'conflict' || attempt === limits.scimAttemptsMax) return outcome;
    }
  }

  async replace(provider: string, id: string, version: number, document: ScimGroup): Promise<ScimOutcome<ScimGroup>> {
    const object = await this.#parts.store.objects.get(groupKind, nameOf(provider, id));
    if (object === null) return { outcome: 'absent' };
    return object.generation === version ? this.#write(provider, id, object, document) : { outcome: 'conflict' };
  }

  async remove(provider: string, id: string, version: number | null): Promise<'done' | 'absent' | 'conflict'> {
    const { store, provisioning, snapshot } = this.#parts;
    const name = nameOf(provider, id);
    for (let attempt = 0; attempt < limits.scimAttemptsMax; attempt++) {
      const configured = configuredOf(snapshot, provider);
      const object = await store.objects.get(groupKind, name);
      if (configured === null || object === null) return 'absent';
      if (version !== null && object.generation !== version) return 'conflict';
      const { value } = object.spec as unknown as GroupSpec;
      const members = membersIn(await store.objects.get(membersKind, name));
      const users = await this.#users(provider, members);
      const changes = members.flatMap((member) => changeOf(configured, users.get(member), null, value));
      const deletes = [
        { kind: groupKind, name, expectedGeneration: object.generation },
        { kind: membersKind, name, expectedGeneration: null },
        ...groupKeys(provider, value).map((key) => ({ kind: keyKind, name: key.name, expectedGeneration: null })),
      ];
      if (await provisioning.together(provider, changes, { puts: [], deletes })) return 'done';
    }
    return 'conflict';
  }

  async #write(
    provider: string,
    id: string,
    object: StoredObject | null,
    { members: given, ...document }: ScimGroup,
  ): Promise<ScimOutcome<ScimGroup>> {
    const { store, provisioning, snapshot } = this.#parts;
    const configured = configuredOf(snapshot, provider);
    if (configured === null) return { outcome: 'absent' };
    const name = nameOf(provider, id);
    const before = object === null ? null : (object.spec as unknown as GroupSpec);
    const had = object === null ? [] : membersIn(await store.objects.get(membersKind, name));
    const members = given ?? had;
    const value = document[configured.settings.groups] ?? null;
    const [old, keys] = [groupKeys(provider, before?.value ?? null), groupKeys(provider, value)];
    const taken = await takenOf(store, keys, id);
    if (taken !== null) return { outcome: 'taken', attribute: configured.settings.groups };
    const moved = before?.value === value ? exchanged(had, members) : { out: had, in: members };
    const users = await this.#users(provider, [...moved.out, ...moved.in]);
    const unknown = moved.in.find((member) => !users.has(member) && !had.includes(member));
    if (unknown !== undefined) return refused(`There is no user ${unknown.slice(0, 64)}.`);
    const changes = regroupings(configured, users, moved, before?.value ?? null, value);
    const spec = { document, value, digest: '' };
    const rest = {
      puts: [
        ...groupWrites(provider, name, spec, members, object?.generation ?? 0),
        ...keyWrites(provider, added(old, keys), id),
      ],
      deletes: added(keys, old).map((key) => ({ kind: keyKind, name: key.name, expectedGeneration: null })),
    };
    if (!(await provisioning.together(provider, changes, rest))) return { outcome: 'conflict' };
    const stored = await this.get(provider, id);
    return stored === null ? { outcome: 'absent' } : { outcome: 'done', stored };
  }

  /** By id. */
  async #users(provider: string, ids: readonly string[]): Promise<ReadonlyMap<string, UserSpec>> {
    const names = new Set(ids.map((id) => nameOf(provider, id)));
    const found = await objectsNamed(this.#parts.store, userKind, names);
    return new Map([...found].map(([name, { spec }]) => [idOf(name), spec as unknown as UserSpec]));
  }
}

/** Who is there and was not before, and the other way round. */
function exchanged(had: readonly string[], members: readonly string[]) {
  const [before, after] = [new Set(had), new Set(members)];
  return { out: had.filter((one) => !after.has(one)), in: members.filter((one) => !before.has(one)) };
}

/** One change for each principal, also where it has the old value and gets the new one. */
function regroupings(
  configured: Configured,
  users: ReadonlyMap<string, UserSpec>,
  moved: { readonly out: readonly string[]; readonly in: readonly string[] },
  old: string | null,
  value: string | null,
): readonly KnownChange[] {
  const [out, into] = [new Set(moved.out), new Set(moved.in)];
  return [...new Set([...out, ...into])].flatMap((member) =>
    changeOf(configured, users.get(member), into.has(member) ? value : null, out.has(member) ? old : null),
  );
}

function changeOf(
  { issuer }: Configured,
  user: UserSpec | undefined,
  add: string | null,
  remove: string | null,
): readonly KnownChange[] {
  return user === undefined ? [] : [{ name: user.principal, issuer, subject: user.subject, add, remove }];
}

/** What of a user its principal shows. */
function saidOf({ issuer }: Configured, { document, principal, subject }: UserSpec): KnownChange {
  const { active } = document;
  return { name: principal, issuer, subject, active, displayName: displayNameOf(document), email: emailOf(document) };
}

function subjectOf({ settings }: Configured, document: ScimUser): string | null {
  return document[settings.subject] ?? null;
}

function refusedSubject({ settings }: Configured): Refused {
  return refused(`${settings.subject} is needed: it says who signs on.`);
}

function refused(why: string): Refused {
  return { outcome: 'refused', type: 'invalidValue', why };
}

/** For people: left out where it would not show as what it is. */
function displayNameOf({ displayName, name }: ScimUser): string | null {
  const whole = [name?.givenName, name?.familyName].filter((part) => part !== undefined).join(' ');
  const text = displayName ?? name?.formatted ?? whole;
  return text === '' || text.length > contractLimits.textLengthMax || escapeLine(text) !== text ? null : text;
}

function emailOf({ emails }: ScimUser): string | null {
  const shown =
    emails.find(({ primary }) => primary === true) ?? emails.find(({ type }) => type === 'work') ?? emails[0];
  return shown?.value ?? null;
}

interface Key {
  readonly attribute: string;
  readonly name: string;
}

function userKeys(provider: string, { userName, externalId }: ScimUser): readonly Key[] {
  const keys = [{ attribute: 'userName', name: keyOf(provider, 'userName', userName) }];
  if (externalId !== undefined) keys.push({ attribute: 'externalId', name: keyOf(provider, 'externalId', externalId) });
  return keys;
}

function groupKeys(provider: string, value: string | null): readonly Key[] {
  return value === null ? [] : [{ attribute: 'group', name: keyOf(provider, 'group', value) }];
}

/** Case does not count in a userName (RFC 7643, section 4.1.1). */
function keyOf(provider: string, attribute: string, value: string): string {
  const spelled = attribute === 'userName' ? value.toLowerCase() : value;
  return nameOf(provider, `${attribute}.${createHash('sha256').update(spelled).digest('hex')}`);
}

/** The attribute that somebody else has; null where none is. */
async function takenOf({ objects }: Pick<Store, 'objects'>, keys: readonly Key[], id: string): Promise<string | null> {
  for (const { attribute, name } of keys) {
    const key = await objects.get(keyKind, name);
    if (key !== null && key.spec['id'] !== id) return attribute;
  }
  return null;
}

/** Those of `after` that were not there before. */
function added(before: readonly Key[], after: readonly Key[]): readonly Key[] {
  return after.filter(({ name }) => before.every((key) => key.name !== name));
}

function keyWrites(provider: string, keys: readonly Key[], id: string): readonly ObjectWrite[] {
  return keys.map(({ name }) => write(provider, keyKind, name, { id }, 0));
}

function groupWrites(
  provider: string,
  name: string,
  { document, value }: GroupSpec,
  members: readonly string[],
  expectedGeneration: number,
): readonly ObjectWrite[] {
  const sorted = [...members].sort();
  const digest = createHash('sha256').update(sorted.join('\n')).digest('hex');
  const spec: GroupSpec = { document, value, digest };
  return [
    write(provider, groupKind, name, spec, expectedGeneration),
    // The group's own version guards both.
    write(provider, membersKind, name, { members: sorted }, null),
  ];
}

function write(
  provider: string,
  kind: string,
  name: string,
  spec: object,
  expectedGeneration: number | null,
): ObjectWrite {
  // As it will be read again: without what is undefined.
  const kept = JSON.parse(JSON.stringify(spec)) as JsonObject;
  return { kind, name, labels: {}, spec: kept, by: `provider:${provider}`, expectedGeneration };
}

/** Names of a provider's objects stand together, in the order of their ids. */
function nameOf(provider: string, id: string): string {
  return `${provider}/${id}`;
}

function idOf(name: string): string {
  return name.slice(name.indexOf('/') + 1);
}

async function pageOf(
  { objects }: Pick<Store, 'objects'>,
  kind: string,
  provider: string,
  after: string | null,
): Promise<readonly StoredObject[]> {
  const page = await objects.list(kind, { limit: limits.scimRowsMax, after: nameOf(provider, after ?? '') });
  return page.filter(({ name }) => name.startsWith(nameOf(provider, '')));
}

function storedUser(object: StoredObject): StoredScim<ScimUser> {
  return { ...factsOf(object), document: (object.spec as unknown as UserSpec).document };
}

function storedGroup(object: StoredObject, members: readonly string[] | null): StoredScim<ScimGroup> {
  return { ...factsOf(object), document: { ...(object.spec as unknown as GroupSpec).document, members } };
}

function factsOf({ name, generation, createdAtMs, updatedAtMs }: StoredObject): Omit<StoredScim<never>, 'document'> {
  return { id: idOf(name), version: generation, createdAtMs, updatedAtMs };
}

function membersIn(object: StoredObject | null): readonly string[] {
  return (object?.spec['members'] ?? []) as readonly string[];
}
