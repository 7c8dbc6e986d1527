/**
 * The places of the console: what the sidebar and the command palette list, by what a person is about to do.
 *
 * `permission` is what a place needs to be of use; who lacks it is not shown the way there (the API refuses by itself).
 */
import {
  Activity,
  Archive,
  BadgeCheck,
  Bell,
  BookKey,
  Building2,
  ClipboardList,
  Database,
  EyeOff,
  FileSearch,
  Fingerprint,
  Gauge,
  Gavel,
  HardDrive,
  KeyRound,
  LayoutDashboard,
  Lock,
  type LucideIcon,
  Plug,
  Radar,
  Radio,
  Save,
  Scale,
  Send,
  ServerCog,
  ShieldCheck,
  Users,
  Waypoints,
} from 'lucide-react';

export interface Place {
  readonly to: string;
  readonly title: string;
  readonly icon: LucideIcon;
  readonly permission?: string;
  /** With `all`: only for who sees everybody's. */
  readonly scope?: 'all';
  /** Typed after `g`: g s opens sessions. */
  readonly key?: string;
}

export interface PlaceGroup {
  readonly title: string;
  readonly places: readonly Place[];
}

export const placeGroups: readonly PlaceGroup[] = [
  {
    title: 'Watch',
    places: [
      { to: '/', title: 'Overview', icon: LayoutDashboard, permission: 'search.run', key: 'o' },
      { to: '/now', title: 'Now', icon: Radio, permission: 'sessions.read', key: 'n' },
      { to: '/sessions', title: 'Sessions', icon: FileSearch, permission: 'search.run', key: 's' },
      { to: '/reviews', title: 'Reviews', icon: Gavel, permission: 'reviews.read', key: 'r' },
      { to: '/alerts', title: 'Alerts', icon: Bell, permission: 'alerts.read', key: 'a' },
    ],
  },
  {
    title: 'Reach',
    places: [
      { to: '/connect', title: 'Connect', icon: Plug, permission: 'resources.read', key: 'c' },
      { to: '/requests', title: 'Requests', icon: Send, permission: 'reviews.request', key: 'q' },
    ],
  },
  {
    title: 'Rules',
    places: [
      { to: '/objects/Resource', title: 'Resources', icon: Database, permission: 'objects.read' },
      { to: '/objects/Access', title: 'Access', icon: KeyRound, permission: 'objects.read' },
      { to: '/objects/Guardrail', title: 'Guardrails', icon: ShieldCheck, permission: 'objects.read' },
      { to: '/objects/Mask', title: 'Masks', icon: EyeOff, permission: 'objects.read' },
      { to: '/objects/Detection', title: 'Detections', icon: Radar, permission: 'objects.read' },
      { to: '/explain', title: 'Explain', icon: Waypoints, permission: 'access.explain', key: 'e' },
    ],
  },
  {
    title: 'People',
    places: [
      { to: '/objects/Principal', title: 'Principals', icon: Users, permission: 'objects.read' },
      { to: '/objects/Group', title: 'Groups', icon: Building2, permission: 'objects.read' },
      { to: '/objects/IdentityProvider', title: 'Identity providers', icon: Fingerprint, permission: 'objects.read' },
      { to: '/objects/CertificateAuthority', title: 'Authorities', icon: BookKey, permission: 'objects.read' },
      { to: '/objects/Lock', title: 'Locks', icon: Lock, permission: 'objects.read' },
    ],
  },
  {
    title: 'Keep',
    places: [
      { to: '/reports', title: 'Reports', icon: ClipboardList, permission: 'reports.make' },
      { to: '/objects/Sink', title: 'Sinks', icon: Activity, permission: 'objects.read' },
      { to: '/objects/Search', title: 'Saved searches', icon: Save, permission: 'objects.read' },
      { to: '/objects/Retention', title: 'Retention', icon: Archive, permission: 'objects.read' },
      { to: '/objects/LegalHold', title: 'Legal holds', icon: Scale, permission: 'objects.read' },
    ],
  },
  {
    title: 'Run',
    places: [
      { to: '/admin/health', title: 'Health', icon: Gauge, permission: 'status.read' },
      { to: '/admin/storage', title: 'Storage', icon: HardDrive, permission: 'retention.read' },
      { to: '/admin/proofs', title: 'Proofs', icon: BadgeCheck, permission: 'journal.read' },
      { to: '/admin/audit', title: 'Administrators', icon: ServerCog, permission: 'search.run', scope: 'all' },
    ],
  },
];

export function placesFor(permissions: Readonly<Record<string, string>>): readonly PlaceGroup[] {
  return placeGroups
    .map(({ title, places }) => ({
      title,
      places: places.filter(({ permission, scope }) => {
        if (permission === undefined) return true;
        const has = permissions[permission];
        return has !== undefined && (scope === undefined || has === scope);
      }),
    }))
    .filter(({ places }) => places.length > 0);
}
