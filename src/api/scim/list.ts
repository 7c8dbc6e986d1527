/**
 * Lists of SCIM resources (RFC 7644, section 3.4.2).
 *
 * Invariants: whoever asks for one by its name or id is answered without looking at the others, for providers ask so before
 * they make each user; of groups, those of one page together have no more members than one may.
 */
import { membersMax, scimPageDefault, scimPageMax } from '../limits.ts';
import type { ScimCollection, ScimGroup, ScimStore, ScimUser, StoredScim } from '../scim-ports.ts';
import {
  groupResource,
  type Projection,
  projected,
  projectionOf,
  type Resource,
  userResource,
  wants,
} from './documents.ts';
import { ScimError } from './error.ts';
import { demanded, type Filter, matches, mentions, parseFilter } from './filter.ts';

export interface ListQuery {
  readonly filter?: string | undefined;
  readonly startIndex?: number | undefined;
  readonly count?: number | undefined;
  readonly attributes?: string | undefined;
  readonly excludedAttributes?: string | undefined;
}

export interface ListOrder {
  readonly store: ScimStore;
  readonly provider: string;
  /** Where the provider's resources are. */
  readonly base: string;
  readonly query: ListQuery;
}

export function listResponse(resources: readonly object[], startIndex = 1, totalResults = resources.length): Resource {
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}

export async function listUsers({ store, provider, base, query }: ListOrder): Promise<Resource> {
  const { users } = store;
  const filter = filterOf(query);
  const projection = projectionOf(query);
  const named = await namedUser(store, provider, filter);
  const { found, total, startIndex } = await windowOf(
    named ?? allOf(users, provider),
    (user) => filter === null || matches(filter, userResource(user, base)),
    query,
  );
  const resources = found.map((user) => projected(userResource(user, base), projection));
  return listResponse(resources, startIndex, total);
}

export async function listGroups({ store, provider, base, query }: ListOrder): Promise<Resource> {
  const { groups } = store;
  const filter = filterOf(query);
  const projection = projectionOf(query);
  const id = filter === null ? null : demanded(filter, 'id');
  const asksMembers = filter !== null && mentions(filter, 'members');
  if (asksMembers && id === null) {
    throw new ScimError(400, 'invalidFilter', 'A filter on members needs the id of the group beside it.');
  }
  const named = id === null ? null : await groups.get(provider, id);
  const { found, total, startIndex } = await windowOf(
    id === null ? allOf(groups, provider) : each(named === null ? [] : [named]),
    (group) => filter === null || matches(filter, groupResource(group, base)),
    query,
  );
  const shown = wants(projection, 'members') ? await withMembers(groups, provider, found) : found;
  const resources = shown.map((group) => shownGroup(group, base, projection));
  return listResponse(resources, startIndex, total);
}

export function shownGroup(group: StoredScim<ScimGroup>, base: string, projection: Projection): Resource {
  return projected(groupResource(group, base), projection);
}

function filterOf({ filter }: ListQuery): Filter | null {
  return filter === undefined ? null : parseFilter(filter);
}

/** The one user that a filter can mean, or none; null where it may mean any. */
async function namedUser(
  { users }: ScimStore,
  provider: string,
  filter: Filter | null,
): Promise<AsyncIterable<StoredScim<ScimUser>> | null> {
  if (filter === null) return null;
  const [id, userName, externalId] = ['id', 'username', 'externalid'].map((name) => demanded(filter, name));
  if (id == null && userName == null && externalId == null) return null;
  const user =
    id != null
      ? await users.get(provider, id)
      : userName != null
        ? await users.find(provider, 'userName', userName)
        : await users.find(provider, 'externalId', externalId!);
  return each(user === null ? [] : [user]);
}

async function* allOf<Document>(
  collection: ScimCollection<Document>,
  provider: string,
): AsyncGenerator<StoredScim<Document>> {
  for (let after: string | null = null; ; ) {
    const page: readonly StoredScim<Document>[] = await collection.page(provider, after);
    if (page.length === 0) return;
    yield* page;
    after = page.at(-1)!.id;
  }
}

async function* each<T>(entries: readonly T[]): AsyncGenerator<T> {
  yield* entries;
}

async function windowOf<Document>(
  all: AsyncIterable<StoredScim<Document>>,
  isMeant: (one: StoredScim<Document>) => boolean,
  query: ListQuery,
): Promise<{ readonly found: StoredScim<Document>[]; readonly total: number; readonly startIndex: number }> {
  // Below what there is, both count as the least there is (RFC 7644, section 3.4.2.4).
  const startIndex = Math.max(1, query.startIndex ?? 1);
  const count = Math.min(Math.max(0, query.count ?? scimPageDefault), scimPageMax);
  const found: StoredScim<Document>[] = [];
  let total = 0;
  for await (const one of all) {
    if (!isMeant(one)) continue;
    total++;
    if (total >= startIndex && found.length < count) found.push(one);
  }
  return { found, total, startIndex };
}

/** As many of them as one page may show the members of, and at least one. */
async function withMembers(
  groups: ScimCollection<ScimGroup>,
  provider: string,
  found: readonly StoredScim<ScimGroup>[],
): Promise<readonly StoredScim<ScimGroup>[]> {
  const shown: StoredScim<ScimGroup>[] = [];
  let members = 0;
  for (const { id } of found) {
    const group = await groups.get(provider, id);
    // Removed just now.
    if (group === null) continue;
    members += group.document.members?.length ?? 0;
    if (shown.length > 0 && members > membersMax) break;
    shown.push(group);
  }
  return shown;
}
