/**
 * SCIM 2.0: an identity provider says who there is, who has left, and who is in which group.
 *
 * Invariants:
 * - One principal speaks for a provider: the service that the IdentityProvider names, with a token that is whole. To everybody
 *   else, administrators included, there is nothing here (A-API-01).
 * - What a request changes is written only where nothing changed since it was read; else it is read and changed anew.
 * - Answers and errors are SCIM's own documents.
 */
import type { ApiParts, Context, Handlers, HttpAnswer } from '../context.ts';
import { contractLimits, scimMediaType } from '../contract/index.ts';
import { apiErrors } from '../errors.ts';
import { parseBody, safeJson } from '../json.ts';
import { scimAttemptsMax } from '../limits.ts';
import type { statusOf } from '../problem.ts';
import { etagOf, groupOf, projected, projectionOf, type Resource, userOf, userResource } from '../scim/documents.ts';
import { errorDocument, ScimError, scimErrorOf } from '../scim/error.ts';
import { listGroups, listResponse, listUsers, shownGroup } from '../scim/list.ts';
import { patchedGroup, patchedUser } from '../scim/patch.ts';
import { resourceTypes, schemas, serviceProviderConfig } from '../scim/schema.ts';
import type { ScimCollection, ScimGroup, ScimOutcome, ScimProvider, ScimUser, StoredScim } from '../scim-ports.ts';

type ScimRoute =
  | 'scimConfiguration'
  | 'scimResourceTypes'
  | 'scimSchemas'
  | 'scimListUsers'
  | 'scimCreateUser'
  | 'scimGetUser'
  | 'scimReplaceUser'
  | 'scimPatchUser'
  | 'scimDeleteUser'
  | 'scimListGroups'
  | 'scimCreateGroup'
  | 'scimGetGroup'
  | 'scimReplaceGroup'
  | 'scimPatchGroup'
  | 'scimDeleteGroup';

type Answered = readonly [status: number, document: Resource | object | null, etag?: number, location?: string];
type Work<N extends ScimRoute> = (context: Context<N>, provider: ScimProvider, base: string) => Promise<Answered>;

export function scimHandlers({ ports, publicUrl, log }: ApiParts): Pick<Handlers, ScimRoute> {
  const { scim: store } = ports;
  const { users, groups } = store;

  /** What every route has around it. */
  function route<N extends ScimRoute>(work: Work<N>): (context: Context<N>) => Promise<HttpAnswer> {
    return async (context) => {
      try {
        const provider = spokenFor(context);
        const base = `${publicUrl ?? ''}/scim/v2/${provider.name}`;
        return answerOf(...(await work(context, provider, base)));
      } catch (thrown) {
        const error = scimErrorOf(thrown, contractLimits.scimBodyBytesMax);
        if (error.status >= 500)
          log.error('a SCIM request failed', { request: context.requestId, detail: `${thrown}` });
        return answerOf(error.status, errorDocument(error.status, error.scimType, error.message));
      }
    };
  }

  /** The provider of the route, where the caller is the one that speaks for it. */
  function spokenFor<N extends ScimRoute>({ principal, isWeb, input }: Context<N>): ScimProvider {
    const provider = store.provider(input.params.provider);
    const isTheirs = provider !== null && principal?.kind === 'service' && principal.name === provider.principal;
    const { scope, actors } = principal?.authentication ?? {};
    if (isTheirs && scope === undefined && actors === undefined && !isWeb) return provider;
    throw new ScimError(404, null, apiErrors('api.no-route').publicMessage);
  }

  return {
    scimConfiguration: route(async (_context, _provider, base) => [200, serviceProviderConfig(base)]),
    scimResourceTypes: route(async (_context, _provider, base) => [200, listResponse(resourceTypes(base))]),
    scimSchemas: route(async (_context, _provider, base) => [200, listResponse(schemas(base))]),

    scimListUsers: route(async ({ input }, { name }, base) => [
      200,
      await listUsers({ store, provider: name, base, query: input.query }),
    ]),

    scimCreateUser: route(async ({ input }, { name }, base) => {
      const user = done(await users.create(name, userOf(bodyOf(input.body), null)));
      return [201, ...shownUser(user, base, input.query), `${base}/Users/${user.id}`];
    }),

    scimGetUser: route(async ({ input }, { name }, base) => {
      const user = await users.get(name, input.params.id);
      if (user === null) throw absent('user');
      if (isKnown(input.headers['if-none-match'], user.version)) return [304, null, user.version];
      return [200, ...shownUser(user, base, input.query)];
    }),

    scimReplaceUser: route(async ({ input }, { name }, base) => {
      const body = bodyOf(input.body);
      const user = await change(users, name, input, (before) => userOf(body, before));
      return [200, ...shownUser(user, base, input.query)];
    }),

    scimPatchUser: route(async ({ input }, { name }, base) => {
      const body = bodyOf(input.body);
      const user = await change(users, name, input, (before) => patchedUser(before, body));
      return [200, ...shownUser(user, base, input.query)];
    }),

    scimDeleteUser: route(async ({ input }, { name }) => remove(users, name, input, 'user')),

    scimListGroups: route(async ({ input }, { name }, base) => [
      200,
      await listGroups({ store, provider: name, base, query: input.query }),
    ]),

    scimCreateGroup: route(async ({ input }, { name }, base) => {
      const group = done(await groups.create(name, groupOf(bodyOf(input.body))));
      const shown = shownGroup(group, base, projectionOf(input.query));
      return [201, shown, group.version, `${base}/Groups/${group.id}`];
    }),

    scimGetGroup: route(async ({ input }, { name }, base) => {
      const group = await groups.get(name, input.params.id);
      if (group === null) throw absent('group');
      if (isKnown(input.headers['if-none-match'], group.version)) return [304, null, group.version];
      return [200, shownGroup(group, base, projectionOf(input.query)), group.version];
    }),

    scimReplaceGroup: route(async ({ input }, { name }, base) => {
      const body = bodyOf(input.body);
      const group = await change(groups, name, input, () => groupOf(body));
      return [200, shownGroup(group, base, projectionOf(input.query)), group.version];
    }),

    scimPatchGroup: route(async ({ input }, { name }, base) => {
      const body = bodyOf(input.body);
      const group = await change(groups, name, input, (before) =>
        patchedGroup({ ...before, members: before.members ?? [] }, body),
      );
      const { attributes, excludedAttributes } = input.query;
      // Whoever adds one to ten thousand does not want them all back (RFC 7644, section 3.5.2).
      if (attributes === undefined && excludedAttributes === undefined) return [204, null, group.version];
      return [200, shownGroup(group, base, projectionOf(input.query)), group.version];
    }),

    scimDeleteGroup: route(async ({ input }, { name }) => remove(groups, name, input, 'group')),
  };
}

interface ChangeInput {
  readonly params: { readonly id: string };
  readonly headers: { readonly 'if-match'?: string | undefined };
}

/** Reads, changes and writes one; anew where somebody else was faster, unless the sender said which version it means. */
async function change<Document extends ScimUser | ScimGroup>(
  collection: ScimCollection<Document>,
  provider: string,
  { params, headers }: ChangeInput,
  make: (before: Document) => Document,
): Promise<StoredScim<Document>> {
  for (let attempt = 1; ; attempt++) {
    const before = await collection.get(provider, params.id);
    if (before === null) throw absent('resource');
    requireMatch(headers['if-match'], before.version);
    const outcome = await collection.replace(provider, params.id, before.version, make(before.document));
    if (outcome.outcome !== 'conflict') return done(outcome);
    if (attempt === scimAttemptsMax) throw new ScimError(409, null, apiErrors('api.conflict').publicMessage);
  }
}

async function remove<Document>(
  collection: ScimCollection<Document>,
  provider: string,
  { params, headers }: ChangeInput,
  what: string,
): Promise<Answered> {
  const wanted = headers['if-match'];
  for (let attempt = 1; ; attempt++) {
    const before = await collection.get(provider, params.id);
    if (before === null) throw absent(what);
    requireMatch(wanted, before.version);
    const outcome = await collection.remove(provider, params.id, before.version);
    if (outcome === 'done') return [204, null];
    if (outcome === 'absent') throw absent(what);
    if (attempt === scimAttemptsMax) throw new ScimError(409, null, apiErrors('api.conflict').publicMessage);
  }
}

function done<Document>(outcome: ScimOutcome<Document>): StoredScim<Document> {
  switch (outcome.outcome) {
    case 'done':
      return outcome.stored;
    case 'absent':
      throw absent('resource');
    case 'conflict':
      throw new ScimError(409, null, apiErrors('api.conflict').publicMessage);
    case 'taken':
      throw new ScimError(409, 'uniqueness', `Another has this ${outcome.attribute}.`);
    case 'refused':
      throw new ScimError(400, outcome.type, outcome.why);
  }
}

function absent(what: string): ScimError {
  return new ScimError(404, null, `There is no such ${what}.`);
}

function shownUser(
  user: StoredScim<ScimUser>,
  base: string,
  query: Parameters<typeof projectionOf>[0],
): readonly [Resource, number] {
  return [projected(userResource(user, base), projectionOf(query)), user.version];
}

/** RFC 7644, section 3.14. Weak or strong makes no difference here. */
function isKnown(header: string | undefined, version: number): boolean {
  const tags = (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.some((tag) => tag === '*' || tag === `"${version}"`);
}

function requireMatch(header: string | undefined, version: number): void {
  if (header !== undefined && !isKnown(header, version)) {
    throw new ScimError(412, null, 'It has changed since. Read it again.');
  }
}

function bodyOf(body: Buffer): unknown {
  return parseBody(body.toString('utf8'));
}

function answerOf(status: number, document: object | null, etag?: number, location?: string): HttpAnswer {
  return {
    status,
    fields: [
      ...(document === null ? [] : [['content-type', `${scimMediaType}; charset=utf-8`] as const]),
      ...(etag === undefined ? [] : [['etag', etagOf(etag)] as const]),
      ...(location === undefined ? [] : [['location', location] as const]),
    ],
    body: document === null ? '' : safeJson(document),
  };
}

/** An error that no handler saw: who calls is not known, or the body is too large or no JSON. */
export function scimProblem(error: Parameters<typeof statusOf>[0]): {
  readonly mediaType: string;
  readonly body: string;
} {
  const { status, scimType, message } = scimErrorOf(error, contractLimits.scimBodyBytesMax);
  return { mediaType: scimMediaType, body: safeJson(errorDocument(status, scimType, message)) };
}
