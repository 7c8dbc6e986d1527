/** Beginnings: who may reach what, and who there is. */
import type { ManifestKind as Kind } from '../../../../src/api/contract/manifest.ts';
import type { Template } from './templates.ts';

export const accessTemplates: Readonly<Record<'Access', readonly Template[]>> = {
  Access: [
    {
      id: 'standing',
      title: 'A group reaches a team’s resources',
      about: 'Always, by labels: what gets the label later is reached too.',
      yaml: `kind: Access
metadata: { name: engineers-reach-payments }
spec:
  match:
    principals: { groups: [engineering] }
    resources: { labels: { team: payments } }
`,
    },
    {
      id: 'on-request',
      title: 'On request, for a few hours',
      about: 'Nobody has standing access; who needs it asks, and somebody approves.',
      yaml: `kind: Access
metadata: { name: engineers-may-ask-for-production }
spec:
  match:
    principals: { groups: [engineering] }
    resources: { labels: { env: prod } }
  request:
    reviewers: { groups: [dba] }
    maxDuration: 4h
    reasonRequired: true
`,
    },
    {
      id: 'office-hours',
      title: 'In office hours',
      about: 'Sessions end when the window closes.',
      yaml: `kind: Access
metadata: { name: support-in-office-hours }
spec:
  match:
    principals: { groups: [support] }
    resources: { labels: { env: prod } }
  windows:
    - { days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00", timeZone: Europe/Berlin }
`,
    },
    {
      id: 'step-up',
      title: 'With a confirmation each time',
      about: 'Opening a session takes a second factor at that moment.',
      yaml: `kind: Access
metadata: { name: admins-with-step-up }
spec:
  match:
    principals: { groups: [sre] }
    resources: { labels: { env: prod } }
  stepUp: true
`,
    },
  ],
};

export const peopleTemplates: Readonly<
  Record<
    Extract<Kind, 'Group' | 'Principal' | 'IdentityProvider' | 'CertificateAuthority' | 'Lock'>,
    readonly Template[]
  >
> = {
  Group: [
    {
      id: 'group',
      title: 'A group',
      about: 'Names of principals. Groups of an identity provider count without one.',
      yaml: `kind: Group
metadata: { name: dba }
spec:
  description: Who decides about production databases.
  members: []
`,
    },
  ],
  Principal: [
    {
      id: 'person',
      title: 'A person',
      about: 'With an account of this gateway. People of an identity provider come by themselves.',
      yaml: `kind: Principal
metadata: { name: ana }
spec:
  kind: person
  displayName: Ana Example
  # member: what is its own. auditor: reads everything. admin: changes everything.
  roles: [member]
  # Hashed on arrival. A second factor is added by the person itself.
  password: change me please
`,
    },
    {
      id: 'service',
      title: 'A service',
      about: 'A program with a token of its own.',
      yaml: `kind: Principal
metadata: { name: nightly-report }
spec:
  kind: service
  displayName: Nightly report
  roles: [member]
`,
    },
    {
      id: 'agent',
      title: 'An agent',
      about: 'Acts for people, is seen as itself, and never decides.',
      yaml: `kind: Principal
metadata: { name: assistant }
spec:
  kind: agent
  displayName: Assistant
  roles: [member]
`,
    },
  ],
  IdentityProvider: [
    {
      id: 'oidc',
      title: 'OpenID Connect',
      about: 'Okta, Entra, Google, Keycloak and others.',
      yaml: `kind: IdentityProvider
metadata: { name: corp }
spec:
  type: oidc
  issuer: https://login.example.com
  clientId: sallyport
  clientSecret: { value: change-me }
`,
    },
  ],
  CertificateAuthority: [
    {
      id: 'ssh',
      title: 'Signs user certificates of SSH',
      about: 'People sign on with certificates that another system gave them.',
      yaml: `kind: CertificateAuthority
metadata: { name: corp-ssh }
spec:
  # The public key of the authority, as OpenSSH writes it.
  keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH0gJ6dBqg4sZ1vXq6k2Y3Gf5cVx0p2n7yq9m1rT8uWb corp]
  principals: { groups: [engineering] }
`,
    },
  ],
  Lock: [
    {
      id: 'principal',
      title: 'Lock a principal out',
      about: 'Ends its sessions within a second and opens none.',
      yaml: `kind: Lock
metadata: { name: locked-principal }
spec:
  target: { principal: ana }
  # Told to whoever is locked out.
  reason: A laptop was lost. Call security.
`,
    },
    {
      id: 'resource',
      title: 'Close a resource for everybody',
      about: 'Until it is deleted, or for a time.',
      yaml: `kind: Lock
metadata: { name: closed-resource }
spec:
  target: { resource: orders }
  reason: A migration runs. It opens again afterwards.
`,
    },
  ],
};
