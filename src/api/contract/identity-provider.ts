/**
 * IdentityProvider: an organisation's own provider of identities, and what its words mean here.
 *
 * Invariants: identity is (issuer, subject), and an e-mail address never authorises (A-ID-05); groups of a provider count
 * only where a rule here maps them; without an audience no provider can be saved (A-ID-02).
 *
 * Deliberately absent: endpoints and keys of a provider; they are discovered (OIDC), or stand in its metadata (SAML).
 */
import { z } from 'zod';
import * as limits from './limits.ts';
import { metadata, objectName, shortText } from './names.ts';
import { secretSource } from './secret-source.ts';

const claimName = z
  .string()
  .min(1)
  .max(limits.claimNameLengthMax)
  .refine((text) => !/[\p{Cc}\s]/u.test(text), 'must not hold spaces or controls');

/** As the provider spells it. */
const claimValue = z
  .string()
  .min(1)
  .max(limits.claimValueLengthMax)
  .refine((text) => !/\p{Cc}/u.test(text), 'must not hold control characters');

/** Whoever fetches from there speaks to whatever answers: no name and password in it, and clear text on this machine only. */
export const providerUrl = z
  .string()
  .max(limits.urlLengthMax)
  .refine(isProviderUrl, 'must be https://… (http only on a loopback address), without user, query and fragment');

function isProviderUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (username !== '' || password !== '' || search !== '' || hash !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host) || host.endsWith('.localhost');
}

const naming = z
  .strictObject({
    claim: claimName.describe('The claim (or attribute) that login names come from.'),
    domain: z
      .string()
      .max(limits.hostNameLengthMax)
      .regex(/^[a-z0-9.-]+$/, 'must be a domain in lower case')
      .optional()
      .describe('Of a value NAME@DOMAIN takes NAME, and refuses every other domain.'),
    prefix: z
      .string()
      .max(20)
      .regex(/^[a-z0-9][a-z0-9._-]*$/, 'must be of a-z 0-9 . _ -')
      .optional()
      .describe('Stands before each name, so that two providers never meet.'),
  })
  .describe('How principals of this provider are called. A name that another identity has is refused.');

const groupRules = z
  .strictObject({
    claim: claimName.default('groups').describe('Where it stands; a dot goes into an object: realm_access.roles.'),
    map: z
      .record(claimValue, z.union([objectName, z.array(objectName).max(limits.mappedGroupsMax)]))
      .refine((map) => Object.keys(map).length <= limits.groupRulesMax, `must not be more than ${limits.groupRulesMax}`)
      .default({})
      .describe('The provider’s name or id of a group → groups here. What is not mapped counts for nothing.'),
    prefix: z
      .string()
      .max(20)
      .regex(/^[a-z0-9][a-z0-9._-]*$/, 'must be of a-z 0-9 . _ -')
      .optional()
      .describe('Takes every other group under its own name with this before it, where that is a name here.'),
  })
  .prefault({})
  .describe('Which groups here the provider’s groups are.');

const roleRules = z
  .strictObject({
    admin: z.array(objectName).max(limits.mappedGroupsMax).optional(),
    auditor: z.array(objectName).max(limits.mappedGroupsMax).optional(),
  })
  .optional()
  .describe('Groups here whose members from this provider have the role; everybody is a member.');

const scim = z
  .strictObject({
    principal: objectName.describe(
      'The service whose tokens may speak for the provider; to everybody else there is no SCIM.',
    ),
    subject: z
      .enum(['externalId', 'userName'])
      .default('externalId')
      .describe('Which of a SCIM user is the subject that sign-ons have: `sub`, `oid`, or the NameID.'),
    groups: z
      .enum(['displayName', 'externalId'])
      .default('displayName')
      .describe(
        'Which of a SCIM group the keys of groups.map are. One of them alone: no group is then called what another’s id is.',
      ),
  })
  .optional()
  .describe('SCIM 2.0 at /scim/v2/NAME. Then SCIM alone says who is active and in which groups; sign-ons do not.');

const common = {
  scim,
  displayName: shortText.optional().describe('On the page to sign on.'),
  name: naming.optional(),
  groups: groupRules,
  roles: roleRules,
  private: z
    .boolean()
    .default(false)
    .describe('true: the provider stands in a private network, on purpose. Else private addresses are refused.'),
  ca: z
    .string()
    .max(limits.certificateLengthMax)
    .regex(/-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/, 'must be certificates in PEM')
    .optional()
    .describe('Authorities to trust for the provider’s own TLS, instead of the system’s.'),
  sessionLifetime: z
    .int()
    .min(limits.providerSessionSecondsMin)
    .max(limits.providerSessionSecondsMax)
    .default(limits.providerSessionSecondsDefault)
    .describe('Seconds that a sign-on at the console lasts.'),
};

const oidc = z.strictObject({
  type: z.literal('oidc'),
  issuer: providerUrl.describe('As the provider’s discovery document spells it.'),
  clientId: z.string().min(1).max(limits.claimValueLengthMax),
  clientSecret: secretSource.optional().describe('Left out for a public client, which has PKCE alone.'),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/, 'must be a scope as RFC 6749 spells it'))
    .max(20)
    .default(['profile', 'email'])
    .describe('Beside openid.'),
  subject: z
    .enum(['sub', 'oid'])
    .default('sub')
    .describe('The claim that never changes hands. oid at Microsoft Entra, where SCIM knows people by it.'),
  acrValues: z.array(claimValue).max(10).optional().describe('Asked for at a step-up, and demanded of its answer.'),
  ...common,
});

const saml = z.strictObject({
  type: z.literal('saml'),
  metadata: z
    .string()
    .max(limits.samlMetadataLengthMax)
    .refine((text) => /<(?:[\w-]+:)?EntityDescriptor[\s>]/.test(text), 'must be the XML of a SAML EntityDescriptor')
    .describe('The provider’s own metadata, as it publishes it.'),
  entityId: z.string().min(1).max(limits.urlLengthMax).optional().describe('Of the gateway; its metadata URL else.'),
  nameIdFormat: z
    .enum(['persistent', 'emailAddress', 'unspecified'])
    .default('persistent')
    .describe('Of the NameID that identifies. Only persistent is never reassigned by its definition.'),
  encrypted: z.boolean().default(false).describe('true: assertions that are not encrypted are refused.'),
  idpInitiated: z.boolean().default(false).describe('true: takes responses that nobody asked for. Rather not.'),
  ...common,
});

const workload = z.strictObject({
  type: z.literal('workload'),
  issuer: providerUrl.describe('Of the tokens: https://token.actions.githubusercontent.com, a cluster’s, a cloud’s.'),
  audience: z
    .string()
    .min(1)
    .max(limits.urlLengthMax)
    .describe('What must stand in `aud`. Give the gateway one of its own, so that tokens for others are none here.'),
  jwks: z
    .string()
    .max(limits.samlMetadataLengthMax)
    .refine(isKeySet, 'must be a JSON Web Key Set')
    .optional()
    .describe('The issuer’s keys, where the gateway cannot reach it. Discovered else.'),
  private: common.private,
  ca: common.ca,
});

function isKeySet(text: string): boolean {
  try {
    const set = JSON.parse(text) as { keys?: unknown } | null;
    return typeof set === 'object' && Array.isArray(set?.keys);
  } catch {
    return false;
  }
}

export const identityProviderSchema = z.strictObject({
  kind: z.literal('IdentityProvider'),
  metadata,
  spec: z.discriminatedUnion('type', [oidc, saml, workload]),
});

export type IdentityProviderManifest = z.output<typeof identityProviderSchema>;
export type IdentityProviderSpec = IdentityProviderManifest['spec'];
export type OidcProviderSpec = Extract<IdentityProviderSpec, { type: 'oidc' }>;
export type SamlProviderSpec = Extract<IdentityProviderSpec, { type: 'saml' }>;
export type WorkloadProviderSpec = Extract<IdentityProviderSpec, { type: 'workload' }>;

/** Who of a provider a principal is, and what the provider said last. */
export const identityClaims = {
  identity: z
    .strictObject({
      issuer: z.string().min(1).max(limits.urlLengthMax).describe('As the provider spells it: `iss`, or an entityID.'),
      subject: z.string().min(1).max(limits.claimValueLengthMax).describe('`sub`, or a persistent NameID.'),
    })
    .describe('Who at an identity provider this is; never changed. Left out, a local principal.'),
  provided: z
    .strictObject({
      groups: z.array(claimValue).max(limits.providedGroupsMax).describe('As the provider spells them.'),
      email: z.string().max(limits.claimValueLengthMax).optional().describe('For people to read.'),
      active: z.boolean().default(true).describe('false: the provider says that this person has left.'),
    })
    .meta({
      description:
        'What the provider says, at the last sign-on or by SCIM. Kept by the gateway: applying changes nothing.',
      readOnly: true,
    }),
};

export const workloadTrust = z
  .array(
    z.strictObject({
      provider: objectName.describe('An IdentityProvider of type workload (or oidc).'),
      claims: z
        .record(claimName, z.union([claimValue, z.array(claimValue).min(1).max(limits.mappedGroupsMax)]))
        .refine((claims) => Object.keys(claims).length > 0, 'must ask for at least one claim')
        .refine(
          (claims) => Object.keys(claims).length <= limits.workloadClaimsMax,
          `must not be more than ${limits.workloadClaimsMax}`,
        )
        .describe('All must hold; of a list one. `*` stands for any run of characters but `/` and `:`.'),
      lifetime: z
        .int()
        .min(limits.workloadTokenSecondsMin)
        .max(limits.workloadTokenSecondsMax)
        .default(limits.workloadTokenSecondsDefault)
        .describe('Seconds that a token lasts which it is exchanged for; never beyond the workload’s own.'),
      resources: z
        .array(objectName)
        .min(1)
        .max(limits.mappedGroupsMax)
        .optional()
        .describe('What the token is good for.'),
    }),
  )
  .min(1)
  .max(limits.workloadsMax)
  .describe('Workloads that may be this service or agent: by a token of their own issuer, without a stored secret.');
