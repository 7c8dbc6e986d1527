/** What is said of alerts and responses in words, and what the gateway is asked for an address. */
import type { AnswerOf, InputOf } from '../../api/client.ts';
import type { AlertsSearch } from '../../app/router.tsx';

export type Alert = AnswerOf<'getAlert'>;
export type AlertRow = AnswerOf<'listAlerts'>['alerts'][number];
export type Response = Alert['responses'][number];
export type Evidence = Alert['evidence'][number];
type Query = NonNullable<InputOf<'listAlerts'>['query']>;

export const states = {
  active: 'Unresolved',
  open: 'Open',
  acknowledged: 'Acknowledged',
  resolved: 'Resolved',
  suppressed: 'Suppressed',
  all: 'All',
} as const;

export const severityFilters = {
  low: 'Low or more',
  medium: 'Medium or more',
  high: 'High or more',
  critical: 'Critical',
} as const;

/** What stands in an address and is no value of its kind is left out. */
export function queryOf(search: AlertsSearch): Query {
  const { state = 'active', severity, detection, principal, resource, assignee } = search;
  const query: Record<string, string> = {};
  if (state !== 'all') query['state'] = Object.hasOwn(states, state) ? state : 'active';
  if (severity !== undefined && Object.hasOwn(severityFilters, severity)) query['severity'] = severity;
  const texts = { detection, principal, resource, assignee };
  for (const [key, value] of Object.entries(texts)) if (value !== undefined) query[key] = value;
  return query as Query;
}

export const responseWords: Readonly<Record<Response['kind'], string>> = {
  risk: 'Risk is raised',
  'step-up': 'Each command takes a confirmation',
  hold: 'Each command waits for a reviewer',
  mask: 'What comes back is masked whole',
  end: 'Sessions were ended',
  lock: 'Locked',
};

const doings: Readonly<Record<string, string>> = {
  acknowledge: 'acknowledged it',
  assign: 'assigned it',
  comment: 'wrote',
  resolve: 'resolved it',
  'false-positive': 'called it a false positive',
  reopen: 'reopened it',
};

export function doing(action: string, to: string | null): string {
  return action === 'assign' && to !== null ? `assigned it to ${to}` : (doings[action] ?? action);
}

/** Where the object stands that raised it; null where it is the gateway itself. */
export function originOf({ origin }: Pick<AlertRow, 'origin'>): 'Detection' | 'Guardrail' | null {
  return origin === 'detection' ? 'Detection' : origin === 'guardrail' ? 'Guardrail' : null;
}

/** `rowsRead`: rows read. */
export function factName(key: string): string {
  const words = key
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll(/[._-]/g, ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
