/** Beginnings: where events go, what is asked again, how long things are kept. */
import type { ManifestKind as Kind } from '../../../../src/api/contract/manifest.ts';
import type { Template } from './templates.ts';

export const keepTemplates: Readonly<
  Record<Extract<Kind, 'Sink' | 'Search' | 'Retention' | 'LegalHold'>, readonly Template[]>
> = {
  Sink: [
    {
      id: 'syslog',
      title: 'Syslog with TLS',
      about: 'A log server or a SIEM.',
      yaml: `kind: Sink
metadata: { name: siem }
spec:
  description: The security team's.
  to:
    syslog:
      address: logs.example.com:6514
      tls: {}
  format: ecs
`,
    },
    {
      id: 'webhook',
      title: 'Webhook',
      about: 'Signed requests to a service of yours.',
      yaml: `kind: Sink
metadata: { name: webhook }
spec:
  to:
    webhook:
      url: https://hooks.example.com/sallyport
      # What requests are signed with.
      secret: { value: change-me-to-something-long }
  events: [session.*, alert.raised]
`,
    },
    {
      id: 'slack',
      title: 'Alerts to Slack',
      about: 'People hear of alerts of high severity.',
      yaml: `kind: Sink
metadata: { name: security-channel }
spec:
  to:
    slack:
      url: { value: "https://hooks.slack.com/services/T000/B000/change-me" }
  severityMin: high
`,
    },
  ],
  Search: [
    {
      id: 'who-read',
      title: 'Who read a column',
      about: 'By lineage: through views and expressions too.',
      yaml: `kind: Search
metadata: { name: who-read-ssn }
spec:
  description: Who read social security numbers in the last 30 days.
  query: reads:customers.ssn since:30d
`,
    },
    {
      id: 'denied',
      title: 'What was denied today',
      about: 'Blocked and ended, by anybody.',
      yaml: `kind: Search
metadata: { name: denied-today }
spec:
  description: What rules blocked today.
  query: verdict:block since:1d
`,
    },
  ],
  Retention: [
    {
      id: 'recordings',
      title: 'Recordings for a year',
      about: 'What was shown and typed; its proof stays.',
      yaml: `kind: Retention
metadata: { name: recordings-a-year }
spec:
  of: recordings
  # The longest counts where several select the same thing.
  keep: 365d
`,
    },
    {
      id: 'alerts',
      title: 'Resolved alerts for two years',
      about: 'Open ones stay anyway.',
      yaml: `kind: Retention
metadata: { name: alerts-two-years }
spec:
  of: alerts
  keep: 730d
`,
    },
  ],
  LegalHold: [
    {
      id: 'matter',
      title: 'Everything of a person',
      about: 'Kept whatever a retention says, until the hold is deleted.',
      yaml: `kind: LegalHold
metadata: { name: matter-1 }
spec:
  reason: Matter 1, asked for by the legal department.
  match:
    principals: { names: [ana] }
`,
    },
  ],
};
