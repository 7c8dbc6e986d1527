/**
 * Good beginnings for each kind: valid as they stand but for names and addresses, commented, and short.
 *
 * Tested: the gateway takes each of them as it stands (test/console/objects.test.ts).
 */

import type { ManifestKind as Kind } from '../../../../src/api/contract/manifest.ts';
import { keepTemplates } from './templates-keep.ts';
import { accessTemplates, peopleTemplates } from './templates-people.ts';

export interface Template {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly yaml: string;
}

const resources: readonly Template[] = [
  {
    id: 'postgres',
    title: 'PostgreSQL database',
    about: 'Each statement is parsed, judged and recorded; values can be masked.',
    yaml: `kind: Resource
metadata:
  name: orders
  # Access and rules select by labels.
  labels: { env: prod, team: payments }
spec:
  protocol: postgres
  address: db.internal:5432
  database: orders
  tls:
    # An authority of your own: ca, as PEM or file:/path on the gateway.
    mode: verify-full
  credential:
    username: app
    # Sealed on arrival, and never given back. Clients do not see it.
    password: { value: change-me }
`,
  },
  {
    id: 'ssh',
    title: 'SSH host',
    about: 'Shells are judged line by line, commands and files one by one.',
    yaml: `kind: Resource
metadata:
  name: web-1
  labels: { role: web, team: payments }
spec:
  protocol: ssh
  address: web-1.internal:22
  credential:
    username: deploy
    # The host trusts the gateway's authority (TrustedUserCAKeys): no key to keep.
    certificate: true
  # Without a pinned key nobody is let through. "Host keys" below asks the host for them, once it is saved.
  host_keys: []
  # gated: each line is judged before it runs. observed: recorded only.
  shell: gated
`,
  },
  {
    id: 'http',
    title: 'HTTP service',
    about: 'Requests are judged by method, path and body; answers can be masked.',
    yaml: `kind: Resource
metadata:
  # The first label of its own host name: shop-api.gateway.example
  name: shop-api
  labels: { role: api, team: payments }
spec:
  protocol: http
  address: shop.internal:8443
  tls: { mode: verify-full }
  credential:
    # A head field that the gateway adds to each request.
    token: { value: change-me }
  # Rules can name these instead of paths.
  routes: ["/v1/customers/{id}"]
`,
  },
  {
    id: 'kubernetes',
    title: 'Kubernetes cluster',
    about: 'Requests, exec and logs, by impersonation: the cluster sees the person.',
    yaml: `kind: Resource
metadata:
  name: shop-cluster
  labels: { role: cluster, team: payments }
spec:
  protocol: kubernetes
  address: kube.internal:6443
  tls: { mode: verify-full }
  credential:
    # Of a service account that may impersonate users and groups.
    token: { value: change-me }
  impersonate: true
`,
  },
];

const guardrails: readonly Template[] = [
  {
    id: 'hold-destructive-sql',
    title: 'Hold destructive SQL in production',
    about: 'What drops, or changes every row, waits for a DBA.',
    yaml: `kind: Guardrail
metadata: { name: hold-destructive-sql }
spec:
  match:
    resources: { labels: { env: prod }, protocols: [postgres] }
    # What a statement does, by PostgreSQL's own grammar, however it is spelled.
    commands: { sql: { effects: [drop, truncate, delete-all, update-all] } }
  verdict: hold
  review:
    reviewers: { groups: [dba] }
    within: 30m
  message: It changes or destroys a whole table, so a DBA looks at it first.
  # Run before each save: the rule must do what it says.
  examples:
    - { command: DROP TABLE orders, expect: hold }
    - { command: SELECT 1, expect: allow }
`,
  },
  {
    id: 'block-ddl',
    title: 'Block changes of the schema',
    about: 'Migrations go through the pipeline; people do not alter tables.',
    yaml: `kind: Guardrail
metadata: { name: no-schema-changes-by-hand }
spec:
  match:
    resources: { labels: { env: prod }, protocols: [postgres] }
    principals: { kinds: [person] }
    commands: { sql: { effects: [create, alter, drop] } }
  verdict: block
  message: The schema changes by migrations. Open a merge request.
  examples:
    - { command: ALTER TABLE orders ADD COLUMN note text, expect: block }
    - { command: SELECT 1, expect: allow }
`,
  },
  {
    id: 'limit-rows',
    title: 'Limit how much is read',
    about: 'A statement is cut off when it has given too many rows.',
    yaml: `kind: Guardrail
metadata: { name: not-all-customers }
spec:
  match:
    resources: { labels: { env: prod }, protocols: [postgres] }
    commands: { sql: { relations: ["*.customers"] } }
  # The verdict falls when a limit is passed, not before.
  verdict: block
  limits:
    statement: { rows: 1000 }
    day: { rows: 20000 }
  message: So many customers at once is an export. Ask for one.
`,
  },
  {
    id: 'ssh-destructive',
    title: 'Hold destructive commands on hosts',
    about: 'rm -r, mkfs, reboot and the like, in shells and commands.',
    yaml: `kind: Guardrail
metadata: { name: hold-destructive-commands }
spec:
  match:
    resources: { protocols: [ssh] }
    commands: { shell: { programs: [mkfs*, dd, shutdown, reboot] } }
  verdict: hold
  review:
    reviewers: { groups: [sre] }
    within: 15m
  message: It could take the host away, so somebody else looks first.
`,
  },
  {
    id: 'http-deletes',
    title: 'Block deletes over HTTP',
    about: 'Requests by method and path.',
    yaml: `kind: Guardrail
metadata: { name: customers-stay }
spec:
  match:
    resources: { protocols: [http] }
    commands: { http: { methods: [DELETE], paths: ["/v1/customers/*"] } }
  verdict: block
  message: Customers are not deleted by hand.
`,
  },
  {
    id: 'step-up',
    title: 'Confirm writes by a second factor',
    about: 'Whoever runs it confirms it at that moment; nobody else is asked.',
    yaml: `kind: Guardrail
metadata: { name: confirm-writes }
spec:
  match:
    resources: { labels: { env: prod }, protocols: [postgres] }
    commands: { sql: { effects: [insert, update, delete] } }
  verdict: hold
  review: { stepUp: true }
  message: It changes production. Confirm that it is you.
`,
  },
];

const masks: readonly Template[] = [
  {
    id: 'personal-data',
    title: 'Mask personal data',
    about: 'Columns by name, followed through views and expressions, and what looks like it anywhere.',
    yaml: `kind: Mask
metadata: { name: personal-data }
spec:
  match:
    resources: { labels: { env: prod } }
    # Everybody but these.
    principals: { except: { groups: [dba] } }
  # schema.relation.column; * stands for any characters within one name.
  columns: ["*.customers.email", "*.customers.ssn"]
  # Looked for in every other value.
  detect: [email, us_ssn]
  with: redact
  # A masked column may not steer which rows come back, where it could be guessed.
  predicates: block
`,
  },
  {
    id: 'cards',
    title: 'Last four digits of cards',
    about: 'Enough to recognise one, too little to use it.',
    yaml: `kind: Mask
metadata: { name: card-numbers }
spec:
  match:
    principals: { except: { groups: [payments-operations] } }
  detect: [credit_card, iban]
  with: { partial: { last: 4 } }
`,
  },
  {
    id: 'secrets',
    title: 'Keys and tokens in terminals',
    about: 'What people print by mistake does not reach screens and recordings.',
    yaml: `kind: Mask
metadata: { name: keys-and-tokens }
spec:
  match:
    resources: { protocols: [ssh] }
  detect: [private_key, aws_key, github_token, jwt]
  with: redact
`,
  },
  {
    id: 'cluster-secrets',
    title: 'Secrets of clusters',
    about: 'The data of Secret objects, wherever they are shown.',
    yaml: `kind: Mask
metadata: { name: cluster-secrets }
spec:
  match:
    resources: { protocols: [kubernetes] }
    kubernetes: { resources: [secrets] }
  fields: ["/data/*"]
  with: redact
`,
  },
];

const detections: readonly Template[] = [
  {
    id: 'bulk-read',
    title: 'Many rows in a short time',
    about: 'Adds up what one person reads. Begins as a dry run: it tells nobody.',
    yaml: `kind: Detection
metadata: { name: many-rows }
spec:
  description: More rows within ten minutes than anybody reads at work.
  severity: high
  # dry-run keeps its alerts and tells nobody; on tells, and responds.
  mode: dry-run
  select:
    read: { type: command.ended, outcome: completed, rows: { min: 1 } }
  by: [principal, resource]
  window: 10m
  measure: { of: sum, field: rows, min: 5000 }
  message: "{principal} took {figure} rows out of {resource} within {window}"
`,
  },
  {
    id: 'at-night',
    title: 'Schema changes at night',
    about: 'One kind of thing, outside of office hours.',
    yaml: `kind: Detection
metadata: { name: schema-changes-at-night }
spec:
  description: Somebody changes the schema of production outside of office hours.
  severity: medium
  mode: dry-run
  match:
    resources: { labels: { env: prod } }
  select:
    change: { effect: [ddl, drop, alter*] }
    night: { office-hours: false }
  condition: change and night
`,
  },
  {
    id: 'denials',
    title: 'Many denials',
    about: 'A built-in detector: somebody tries what is open.',
    yaml: `kind: Detection
metadata: { name: denial-burst }
spec:
  description: Somebody is refused again and again.
  severity: medium
  mode: dry-run
  detector: denial-burst
`,
  },
];

export const templates: Readonly<Record<Kind, readonly Template[]>> = {
  Resource: resources,
  Guardrail: guardrails,
  Mask: masks,
  Detection: detections,
  ...accessTemplates,
  ...peopleTemplates,
  ...keepTemplates,
};

/** The shortest that can be filled in. */
export function emptyOf(kind: Kind): string {
  return `kind: ${kind}\nmetadata:\n  name: ""\nspec: {}\n`;
}
