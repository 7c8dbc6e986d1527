/**
 * The realms of the tests, as Keycloak imports them: people in nested groups and with roles, and clients as `README.md` says
 * that an operator makes them.
 */
import type { Keycloak } from './keycloak.ts';

export const password = 'correct horse battery';
export const clientSecret = 'a secret of the client';
/** The gateway's own name among audiences. */
export const audience = 'https://gateway.example.com:7443';

/** In `/engineering/dba` and `/engineering`, and with the role `on-call`. */
const people = [
  {
    username: 'ana',
    firstName: 'Ana',
    lastName: 'Lima',
    groups: ['/engineering/dba', '/engineering'],
    roles: ['on-call'],
  },
  { username: 'bob', firstName: 'Bob', lastName: 'Ito', groups: ['/engineering'], roles: [] },
] as const;

const groups = [{ name: 'engineering', subGroups: [{ name: 'dba' }, { name: 'web' }] }];

function user({ username, firstName, lastName, groups: of, roles }: (typeof people)[number], realm: string): object {
  return {
    username,
    firstName,
    lastName,
    email: `${username}@corp.test`,
    emailVerified: true,
    enabled: true,
    groups: of,
    // Whoever is imported with roles has those alone; the default ones allow offline tokens.
    realmRoles: [...roles, `default-roles-${realm}`],
    credentials: [{ type: 'password', value: password, temporary: false }],
  };
}

const intoTokens = { 'id.token.claim': 'true', 'access.token.claim': 'true', 'userinfo.token.claim': 'true' };

/** Groups with their whole path, and roles of the realm: in ID tokens too, where Keycloak puts none by itself. */
const oidcMappers = [
  {
    name: 'groups',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-group-membership-mapper',
    config: { ...intoTokens, 'claim.name': 'groups', 'full.path': 'true' },
  },
  {
    name: 'roles',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-usermodel-realm-role-mapper',
    config: { ...intoTokens, 'claim.name': 'realm_access.roles', multivalued: 'true', 'jsonType.label': 'String' },
  },
];

function oidcClient(base: string, provider: string, isPublic: boolean): object {
  return {
    clientId: 'sallyport',
    protocol: 'openid-connect',
    ...(isPublic ? { publicClient: true } : { publicClient: false, secret: clientSecret }),
    standardFlowEnabled: true,
    directAccessGrantsEnabled: false,
    redirectUris: [`${base}/sign-on/${provider}/callback`],
    attributes: {
      'pkce.code.challenge.method': 'S256',
      'oauth2.device.authorization.grant.enabled': 'true',
      'post.logout.redirect.uris': `${base}/`,
      'backchannel.logout.url': `${base}/sign-on/${provider}/back-channel-logout`,
      'backchannel.logout.session.required': 'true',
    },
    protocolMappers: oidcMappers,
  };
}

/** A pipeline of its own: its tokens are for the gateway and nobody else, which the scope `roles` would add to. */
const workloadClient = {
  clientId: 'nightly-report',
  protocol: 'openid-connect',
  publicClient: false,
  secret: clientSecret,
  standardFlowEnabled: false,
  serviceAccountsEnabled: true,
  fullScopeAllowed: false,
  protocolMappers: [
    {
      name: 'audience',
      protocol: 'openid-connect',
      protocolMapper: 'oidc-audience-mapper',
      config: { 'included.custom.audience': audience, 'access.token.claim': 'true' },
    },
  ],
};

async function importRealm(keycloak: Keycloak, realm: string, clients: readonly object[]): Promise<void> {
  await keycloak.admin('POST', '', {
    realm,
    enabled: true,
    sslRequired: 'external',
    roles: { realm: [{ name: 'on-call' }] },
    groups,
    users: people.map((person) => user(person, realm)),
    clients,
  });
}

/** A realm with a confidential client, and one for a pipeline. */
export function importCorp(keycloak: Keycloak, base: string): Promise<void> {
  return importRealm(keycloak, 'corp', [oidcClient(base, 'corp', false), workloadClient]);
}

/** A realm with a public client. */
export function importPartners(keycloak: Keycloak, base: string): Promise<void> {
  return importRealm(keycloak, 'partners', [oidcClient(base, 'partners', true)]);
}

/** A realm without clients: SAML's is made from the gateway's metadata. */
export function importStaff(keycloak: Keycloak): Promise<void> {
  return importRealm(keycloak, 'staff', []);
}

export interface ClientRepresentation {
  readonly id: string;
  readonly clientId: string;
  readonly frontchannelLogout?: boolean;
  readonly attributes: Readonly<Record<string, string>>;
  readonly protocolMappers?: readonly object[];
}

function samlMapper(name: string, protocolMapper: string, config: object): object {
  const format = { 'attribute.name': name, 'attribute.nameformat': 'Basic' };
  return { name, protocol: 'saml', protocolMapper, config: { ...format, ...config } };
}

/** A SAML client as Keycloak itself reads it from the gateway's metadata, and what that does not say: attributes. */
export async function importSamlClient(keycloak: Keycloak, metadata: string): Promise<ClientRepresentation> {
  const read = await keycloak.admin<ClientRepresentation>('POST', '/staff/client-description-converter', metadata);
  const protocolMappers = [
    samlMapper('uid', 'saml-user-property-mapper', { 'user.attribute': 'username' }),
    samlMapper('email', 'saml-user-property-mapper', { 'user.attribute': 'email' }),
    samlMapper('groups', 'saml-group-membership-mapper', { single: 'false', 'full.path': 'true' }),
  ];
  await keycloak.admin('POST', '/staff/clients', { ...read, protocolMappers });
  const query = new URLSearchParams({ clientId: read.clientId });
  const [made] = await keycloak.admin<ClientRepresentation[]>('GET', `/staff/clients?${query}`);
  return made!;
}

export async function userId(keycloak: Keycloak, realm: string, username: string): Promise<string> {
  const [found] = await keycloak.admin<{ id: string }[]>('GET', `/${realm}/users?exact=true&username=${username}`);
  return found!.id;
}

export async function groupId(keycloak: Keycloak, realm: string, path: string): Promise<string> {
  return (await keycloak.admin<{ id: string }>('GET', `/${realm}/group-by-path${path}`)).id;
}

/** Ids of the sessions that somebody has there. */
export async function sessionsOf(keycloak: Keycloak, realm: string, username: string): Promise<readonly string[]> {
  const path = `/${realm}/users/${await userId(keycloak, realm, username)}/sessions`;
  return (await keycloak.admin<{ id: string }[]>('GET', path)).map(({ id }) => id);
}
