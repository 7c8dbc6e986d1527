/**
 * What of SCIM there is here, as data: the attributes that are kept, and the documents that say so (RFC 7643, sections 5 to 7).
 *
 * Invariant: what is announced is what happens. Attributes that are not here are taken and forgotten, since providers send
 * whatever their directory has; nothing of it would change what anybody may.
 */
import { membersMax, operationsMax, scimPageMax } from '../limits.ts';

export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group';

interface Attribute {
  readonly name: string;
  readonly type: 'string' | 'boolean' | 'complex' | 'reference';
  readonly description: string;
  readonly multiValued?: boolean;
  readonly required?: boolean;
  readonly caseExact?: boolean;
  readonly mutability?: 'readOnly' | 'readWrite' | 'immutable';
  readonly uniqueness?: 'none' | 'server';
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly Attribute[];
}

const externalId: Attribute = {
  name: 'externalId',
  type: 'string',
  description: 'What the provider calls it.',
  caseExact: true,
};

const userAttributes: readonly Attribute[] = [
  {
    name: 'userName',
    type: 'string',
    description: 'The login name comes of it, by the naming rule of the provider.',
    required: true,
    uniqueness: 'server',
  },
  { ...externalId, uniqueness: 'server' },
  { name: 'displayName', type: 'string', description: 'For people to read.' },
  {
    name: 'name',
    type: 'complex',
    description: 'For people to read.',
    subAttributes: ['formatted', 'familyName', 'givenName'].map((name) => ({
      name,
      type: 'string',
      description: 'A part of the name.',
    })),
  },
  {
    name: 'active',
    type: 'boolean',
    description: 'false: may nothing any more; tokens are revoked and live sessions end.',
  },
  {
    name: 'emails',
    type: 'complex',
    description: 'For people to read. An address is nobody’s proof.',
    multiValued: true,
    subAttributes: [
      { name: 'value', type: 'string', description: 'The address.' },
      { name: 'type', type: 'string', description: 'As the provider calls it.' },
      { name: 'primary', type: 'boolean', description: 'The one that is shown.' },
    ],
  },
];

const groupAttributes: readonly Attribute[] = [
  { name: 'displayName', type: 'string', description: 'The group’s name at the provider.', required: true },
  externalId,
  {
    name: 'members',
    type: 'complex',
    description: `Users, ${membersMax} at most; groups in groups are not taken.`,
    multiValued: true,
    subAttributes: [
      {
        name: 'value',
        type: 'string',
        description: 'The id of a user.',
        caseExact: true,
        mutability: 'immutable',
      },
      {
        name: '$ref',
        type: 'reference',
        description: 'Where the user is.',
        mutability: 'readOnly',
        referenceTypes: ['User'],
      },
    ],
  },
];

const exact = new Set(['id', 'externalid', 'members', 'members.value', 'meta.version', 'meta.resourcetype']);

/** Whether case counts in comparing. `path` in lower case. */
export function isCaseExact(path: readonly string[]): boolean {
  return exact.has(path.join('.'));
}

const own = [`${userSchema}:`, `${groupSchema}:`].map((schema) => schema.toLowerCase());

/** The attribute without its schema, where that is one of these. */
export function ownName(name: string): string {
  const prefix = own.find((schema) => name.toLowerCase().startsWith(schema));
  return prefix === undefined ? name : name.slice(prefix.length);
}

function described(attribute: Attribute): object {
  const { name, type, description, multiValued = false, required = false, caseExact = false } = attribute;
  const { mutability = 'readWrite', uniqueness = 'none', referenceTypes, subAttributes } = attribute;
  return {
    name,
    type,
    description,
    multiValued,
    required,
    caseExact,
    mutability,
    returned: 'default',
    uniqueness,
    ...(referenceTypes === undefined ? {} : { referenceTypes }),
    ...(subAttributes === undefined ? {} : { subAttributes: subAttributes.map(described) }),
  };
}

const schemaSchema = 'urn:ietf:params:scim:schemas:core:2.0:Schema';
const typeSchema = 'urn:ietf:params:scim:schemas:core:2.0:ResourceType';

export function schemas(base: string): readonly object[] {
  const one = (id: string, name: string, attributes: readonly Attribute[]) => ({
    schemas: [schemaSchema],
    id,
    name,
    description: `What is kept of a ${name}; other attributes are taken and forgotten.`,
    attributes: attributes.map(described),
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${id}` },
  });
  return [one(userSchema, 'User', userAttributes), one(groupSchema, 'Group', groupAttributes)];
}

export function resourceTypes(base: string): readonly object[] {
  const one = (name: string, schema: string) => ({
    schemas: [typeSchema],
    id: name,
    name,
    endpoint: `/${name}s`,
    description: name,
    schema,
    schemaExtensions: [],
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${name}` },
  });
  return [one('User', userSchema), one('Group', groupSchema)];
}

export function serviceProviderConfig(base: string): object {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true, maxOperations: operationsMax },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: scimPageMax },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Access token',
        description: 'A token of the service that the IdentityProvider names, as Bearer.',
        specUri: 'https://www.rfc-editor.org/info/rfc6750',
        primary: true,
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
  };
}
