/** The classes of OCSF that events become, with the activities of each that are used: schema version 1.5.0. */

export const ocsfVersion = '1.5.0';

export interface OcsfClass {
  readonly uid: number;
  readonly caption: string;
  readonly category: readonly [uid: number, caption: string];
  readonly activities: Readonly<Record<string, number>>;
}

const system = [1, 'System Activity'] as const;
const findings = [2, 'Findings'] as const;
const iam = [3, 'Identity & Access Management'] as const;
const network = [4, 'Network Activity'] as const;
const application = [6, 'Application Activity'] as const;

/** Of every class; what it stands for is then told by `activity_name`. */
export const otherActivity = 99;

const connections = { Open: 1, Close: 2, Reset: 3, Fail: 4, Refuse: 5 };

export const ocsfClasses = {
  file_activity: {
    uid: 1001,
    caption: 'File System Activity',
    category: system,
    activities: { Create: 1, Read: 2, Update: 3, Delete: 4, Rename: 5, 'Set Attributes': 6, 'Get Attributes': 8 },
  },
  process_activity: {
    uid: 1007,
    caption: 'Process Activity',
    category: system,
    activities: { Launch: 1, Terminate: 2 },
  },
  detection_finding: {
    uid: 2004,
    caption: 'Detection Finding',
    category: findings,
    activities: { Create: 1, Update: 2, Close: 3 },
  },
  account_change: {
    uid: 3001,
    caption: 'Account Change',
    category: iam,
    activities: { 'MFA Factor Enable': 10, 'MFA Factor Disable': 11 },
  },
  authentication: { uid: 3002, caption: 'Authentication', category: iam, activities: { Logon: 1 } },
  entity_management: {
    uid: 3004,
    caption: 'Entity Management',
    category: iam,
    activities: { Create: 1, Read: 2, Update: 3, Delete: 4, Move: 5 },
  },
  user_access: {
    uid: 3005,
    caption: 'User Access Management',
    category: iam,
    activities: { 'Assign Privileges': 1, 'Revoke Privileges': 2 },
  },
  network_activity: { uid: 4001, caption: 'Network Activity', category: network, activities: connections },
  http_activity: {
    uid: 4002,
    caption: 'HTTP Activity',
    category: network,
    activities: { Connect: 1, Delete: 2, Get: 3, Head: 4, Options: 5, Post: 6, Put: 7, Trace: 8 },
  },
  ssh_activity: { uid: 4007, caption: 'SSH Activity', category: network, activities: connections },
  application_lifecycle: {
    uid: 6002,
    caption: 'Application Lifecycle',
    category: application,
    activities: { Start: 3, Stop: 4 },
  },
  api_activity: {
    uid: 6003,
    caption: 'API Activity',
    category: application,
    activities: { Create: 1, Read: 2, Update: 3, Delete: 4 },
  },
  datastore_activity: {
    uid: 6005,
    caption: 'Datastore Activity',
    category: application,
    activities: { Read: 1, Update: 2, Connect: 3, Query: 4, Write: 5, Create: 6, Delete: 7 },
  },
} as const satisfies Readonly<Record<string, OcsfClass>>;

export type OcsfClassName = keyof typeof ocsfClasses;
