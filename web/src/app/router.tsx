/**
 * Addresses and their pages. Everything that a page shows can be had again by its address; each page is loaded when it is gone to.
 *
 * Invariant: what stands in an address is checked here; what is no value of its kind is left out, never shown as an error.
 */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  parseSearchWith,
  stringifySearchWith,
} from '@tanstack/react-router';
import { Empty, Failure, Loading } from '../ui/states.tsx';
import { Shell } from './shell.tsx';

type Raw = Readonly<Record<string, unknown>>;

function text(raw: Raw, key: string): { readonly [K in string]?: string } {
  const value = raw[key];
  return value === undefined || value === '' || value === null ? {} : { [key]: String(value) };
}

function count(raw: Raw, key: string): { readonly [K in string]?: number } {
  const value = Number(raw[key]);
  return raw[key] !== undefined && Number.isSafeInteger(value) && value >= 0 ? { [key]: value } : {};
}

export interface SessionsSearch {
  /** The query, as it is typed. */
  readonly q?: string;
  /** Which hit is looked at beside the list. */
  readonly hit?: string;
}
export interface SessionSearch {
  /** Which command is shown. */
  readonly command?: number;
  /** Milliseconds into the session. */
  readonly at?: number;
  /** What is searched in it. */
  readonly q?: string;
  /** Which commands are listed: refused, held, masked, failed. */
  readonly only?: string;
  /** `transcript`, `commands`, or the number of the command whose terminal is shown. */
  readonly view?: string;
}
export interface ListSearch {
  readonly q?: string;
  readonly state?: string;
}
export interface AlertsSearch extends ListSearch {
  readonly severity?: string;
  readonly detection?: string;
  readonly principal?: string;
  readonly resource?: string;
  readonly assignee?: string;
  /** `responses`: what is in force, instead of alerts. */
  readonly tab?: string;
}
export interface ExplainSearch {
  readonly principal?: string;
  readonly resource?: string;
  readonly text?: string;
}
export interface OverviewSearch {
  readonly range?: string;
}
export interface ReportsSearch {
  readonly report?: string;
  readonly since?: string;
  readonly until?: string;
}
export interface ObjectSearch {
  readonly q?: string;
  readonly as?: string;
  /** What is tried beside the editor. */
  readonly tab?: string;
}

function alertsSearch(raw: Raw): AlertsSearch {
  const keys = ['state', 'severity', 'detection', 'principal', 'resource', 'assignee', 'tab'] as const;
  return Object.assign({}, ...keys.map((key) => text(raw, key))) as AlertsSearch;
}

const root = createRootRoute({ component: Shell });
const route = { getParentRoute: () => root } as const;

const overview = createRoute({
  ...route,
  path: '/',
  validateSearch: (raw: Raw): OverviewSearch => text(raw, 'range'),
  component: lazyRouteComponent(() => import('../pages/overview/index.tsx'), 'OverviewPage'),
});
const now = createRoute({
  ...route,
  path: '/now',
  validateSearch: (raw: Raw): ListSearch => text(raw, 'q'),
  component: lazyRouteComponent(() => import('../pages/now/index.tsx'), 'NowPage'),
});
const sessions = createRoute({
  ...route,
  path: '/sessions',
  validateSearch: (raw: Raw): SessionsSearch => ({ ...text(raw, 'q'), ...text(raw, 'hit') }),
  component: lazyRouteComponent(() => import('../pages/sessions/index.tsx'), 'SessionsPage'),
});
const session = createRoute({
  ...route,
  path: '/sessions/$id',
  validateSearch: (raw: Raw): SessionSearch => ({
    ...count(raw, 'command'),
    ...count(raw, 'at'),
    ...text(raw, 'q'),
    ...text(raw, 'only'),
    ...text(raw, 'view'),
  }),
  component: lazyRouteComponent(() => import('../pages/session/index.tsx'), 'SessionPage'),
});
const reviews = createRoute({
  ...route,
  path: '/reviews',
  validateSearch: (raw: Raw): ListSearch => ({ ...text(raw, 'q'), ...text(raw, 'state') }),
  component: lazyRouteComponent(() => import('../pages/reviews/index.tsx'), 'ReviewsPage'),
});
const review = createRoute({
  ...route,
  path: '/reviews/$id',
  validateSearch: (raw: Raw): ListSearch => text(raw, 'state'),
  component: lazyRouteComponent(() => import('../pages/reviews/index.tsx'), 'ReviewPage'),
});
const requests = createRoute({
  ...route,
  path: '/requests',
  validateSearch: (raw: Raw): { readonly resource?: string } => text(raw, 'resource'),
  component: lazyRouteComponent(() => import('../pages/requests/index.tsx'), 'RequestsPage'),
});
const alerts = createRoute({
  ...route,
  path: '/alerts',
  validateSearch: alertsSearch,
  component: lazyRouteComponent(() => import('../pages/alerts/index.tsx'), 'AlertsPage'),
});
const alert = createRoute({
  ...route,
  path: '/alerts/$id',
  validateSearch: alertsSearch,
  component: lazyRouteComponent(() => import('../pages/alerts/index.tsx'), 'AlertPage'),
});
const connect = createRoute({
  ...route,
  path: '/connect',
  validateSearch: (raw: Raw): { readonly resource?: string; readonly client?: string; readonly q?: string } => ({
    ...text(raw, 'resource'),
    ...text(raw, 'client'),
    ...text(raw, 'q'),
  }),
  component: lazyRouteComponent(() => import('../pages/connect/index.tsx'), 'ConnectPage'),
});
const use = createRoute({
  ...route,
  path: '/use/$name',
  validateSearch: (raw: Raw): { readonly text?: string } => text(raw, 'text'),
  component: lazyRouteComponent(() => import('../pages/use/index.tsx'), 'UsePage'),
});
const explain = createRoute({
  ...route,
  path: '/explain',
  validateSearch: (raw: Raw): ExplainSearch => ({
    ...text(raw, 'principal'),
    ...text(raw, 'resource'),
    ...text(raw, 'text'),
  }),
  component: lazyRouteComponent(() => import('../pages/explain/index.tsx'), 'ExplainPage'),
});
const objects = createRoute({
  ...route,
  path: '/objects/$kind',
  validateSearch: (raw: Raw): ObjectSearch => text(raw, 'q'),
  component: lazyRouteComponent(() => import('../pages/objects/index.tsx'), 'ObjectsPage'),
});
const newObject = createRoute({
  ...route,
  path: '/objects/$kind/-/new',
  validateSearch: (raw: Raw): ObjectSearch => ({ ...text(raw, 'as'), ...text(raw, 'tab') }),
  component: lazyRouteComponent(() => import('../pages/objects/index.tsx'), 'NewObjectPage'),
});
const object = createRoute({
  ...route,
  path: '/objects/$kind/$name',
  validateSearch: (raw: Raw): ObjectSearch => text(raw, 'tab'),
  component: lazyRouteComponent(() => import('../pages/objects/index.tsx'), 'ObjectPage'),
});
const reports = createRoute({
  ...route,
  path: '/reports',
  validateSearch: (raw: Raw): ReportsSearch => ({
    ...text(raw, 'report'),
    ...text(raw, 'since'),
    ...text(raw, 'until'),
  }),
  component: lazyRouteComponent(() => import('../pages/reports/index.tsx'), 'ReportsPage'),
});
const admin = createRoute({
  ...route,
  path: '/admin/$part',
  validateSearch: (raw: Raw): ListSearch => text(raw, 'q'),
  component: lazyRouteComponent(() => import('../pages/admin/index.tsx'), 'AdminPage'),
});

/** A value in an address is text as it stands: no JSON in quotes. */
const asText = parseSearchWith((value) => value);
const fromText = stringifySearchWith(String);

export const router = createRouter({
  routeTree: root.addChildren([
    overview,
    now,
    sessions,
    session,
    reviews,
    review,
    requests,
    alerts,
    alert,
    connect,
    use,
    explain,
    objects,
    newObject,
    object,
    reports,
    admin,
  ]),
  defaultPreload: 'intent',
  parseSearch: asText,
  stringifySearch: fromText,
  defaultPendingComponent: () => <Loading />,
  defaultErrorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
  defaultNotFoundComponent: () => (
    <Empty title="There is no such page">The address may have been cut, or the page has moved.</Empty>
  ),
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
