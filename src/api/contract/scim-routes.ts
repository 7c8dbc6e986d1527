/**
 * The part of the table that SCIM 2.0 has (RFC 7644): see routes.ts. It is spelled as identity providers call it, below
 * the name of the IdentityProvider that they speak for.
 *
 * Every route is `self` here: a role gives nobody SCIM. Who may is in the IdentityProvider, and the handlers ask it.
 */
import { z } from 'zod';
import * as limits from './limits.ts';
import { identifier, objectName } from './names.ts';
import { defineRoute, http } from './route.ts';

/** RFC 7644, section 8.1; some providers say plain JSON. */
export const scimMediaType = 'application/scim+json';

const mediaType = [scimMediaType, 'application/json'] as const;
const ofProvider = z.strictObject({ provider: objectName });
const ofOne = z.strictObject({ provider: objectName, id: identifier });
const headers = z.object({
  'if-match': z.string().max(200).optional(),
  'if-none-match': z.string().max(200).optional(),
});

/** Others' clients add what they like; what is not named here is not looked at. */
const projected = z.looseObject({
  attributes: z.string().max(limits.scimAttributesLengthMax).optional(),
  excludedAttributes: z.string().max(limits.scimAttributesLengthMax).optional(),
});
const listed = projected.extend({
  filter: z.string().max(limits.scimFilterLengthMax).optional(),
  startIndex: z.coerce.number<number>().int().optional(),
  count: z.coerce.number<number>().int().optional(),
});

const user = z.looseObject({ userName: z.string(), externalId: z.string().optional(), active: z.boolean().optional() });
const group = z.looseObject({
  displayName: z.string(),
  members: z.array(z.looseObject({ value: z.string() })).optional(),
});
const patch = z.looseObject({
  Operations: z.array(z.looseObject({ op: z.string(), path: z.string().optional(), value: z.unknown() })),
});

/** Some say of which type the body is that they do not send. */
const nothing = { mediaType, schema: z.unknown() };

const common = { permission: 'self', bodyBytesMax: limits.scimBodyBytesMax } as const;
const base = '/scim/v2/:provider';

export const scimRoutes = {
  scimConfiguration: defineRoute({
    ...common,
    method: 'GET',
    path: `${base}/ServiceProviderConfig`,
    summary: 'Says what of SCIM 2.0 there is here.',
    params: ofProvider,
    query: projected,
    response: http('A ServiceProviderConfig.', scimMediaType),
  }),
  scimResourceTypes: defineRoute({
    ...common,
    method: 'GET',
    path: `${base}/ResourceTypes`,
    summary: 'Lists the types of SCIM resources.',
    params: ofProvider,
    query: projected,
    response: http('A list of ResourceTypes.', scimMediaType),
  }),
  scimSchemas: defineRoute({
    ...common,
    method: 'GET',
    path: `${base}/Schemas`,
    summary: 'Lists the attributes that are kept; others are taken and forgotten.',
    params: ofProvider,
    query: projected,
    response: http('A list of Schemas.', scimMediaType),
  }),
  scimListUsers: defineRoute({
    ...common,
    method: 'GET',
    path: `${base}/Users`,
    summary: 'Lists the users that a provider has provisioned.',
    params: ofProvider,
    query: listed,
    response: http('A ListResponse of Users.', scimMediaType),
  }),
  scimCreateUser: defineRoute({
    ...common,
    method: 'POST',
    path: `${base}/Users`,
    summary: 'Makes a user: the principal of that identity, or takes up the one that a sign-on made.',
    params: ofProvider,
    query: projected,
    rawBody: { mediaType, schema: user },
    response: http('The User.', scimMediaType),
  }),
  scimGetUser: defineRoute({
    ...common,
    method: 'GET',
    path: `${base}/Users/:id`,
    summary: 'Shows a user.',
    params: ofOne,
    query: projected,
    headers,
    response: http('The User.', scimMediaType),
  }),
  scimReplaceUser: defineRoute({
    ...common,
    method: 'PUT',
    path: `${base}/Users/:id`,
    summary: 'Replaces a user. Without `active`, that stays as it is.',
    params: ofOne,
    query: projected,
    headers,
    rawBody: { mediaType, schema: user },
    response: http('The User.', scimMediaType),
  }),
  scimPatchUser: defineRoute({
    ...common,
    method: 'PATCH',
    path: `${base}/Users/:id`,
    summary: 'Changes a user. `active: false` revokes tokens and ends live sessions.',
    params: ofOne,
    query: projected,
    headers,
    rawBody: { mediaType, schema: patch },
    response: http('The User.', scimMediaType),
  }),
  scimDeleteUser: defineRoute({
    ...common,
    method: 'DELETE',
    path: `${base}/Users/:id`,
    summary: 'Forgets a user, whose principal is deactivated and stays.',
    params: ofOne,
    query: projected,
    headers,
    rawBody: nothing,
    response: http('Nothing.', scimMediaType),
  }),
  scimListGroups: defineRoute({
    ...common,
    method: 'GET',
    path: `${base}/Groups`,
    summary: 'Lists the groups that a provider has provisioned.',
    params: ofProvider,
    query: listed,
    response: http('A ListResponse of Groups.', scimMediaType),
  }),
  scimCreateGroup: defineRoute({
    ...common,
    method: 'POST',
    path: `${base}/Groups`,
    summary: 'Makes a group with its members.',
    params: ofProvider,
    query: projected,
    rawBody: { mediaType, schema: group },
    response: http('The Group.', scimMediaType),
  }),
  scimGetGroup: defineRoute({
    ...common,
    method: 'GET',
    path: `${base}/Groups/:id`,
    summary: 'Shows a group.',
    params: ofOne,
    query: projected,
    headers,
    response: http('The Group.', scimMediaType),
  }),
  scimReplaceGroup: defineRoute({
    ...common,
    method: 'PUT',
    path: `${base}/Groups/:id`,
    summary: 'Replaces a group. Without `members`, it has none then.',
    params: ofOne,
    query: projected,
    headers,
    rawBody: { mediaType, schema: group },
    response: http('The Group.', scimMediaType),
  }),
  scimPatchGroup: defineRoute({
    ...common,
    method: 'PATCH',
    path: `${base}/Groups/:id`,
    summary: 'Changes a group: what its members may counts at once.',
    params: ofOne,
    query: projected,
    headers,
    rawBody: { mediaType, schema: patch },
    response: http('Nothing; the Group where the query names attributes.', scimMediaType),
  }),
  scimDeleteGroup: defineRoute({
    ...common,
    method: 'DELETE',
    path: `${base}/Groups/:id`,
    summary: 'Removes a group; its members lose what it gave.',
    params: ofOne,
    query: projected,
    headers,
    rawBody: nothing,
    response: http('Nothing.', scimMediaType),
  }),
} as const;
