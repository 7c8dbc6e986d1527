/**
 * The tables as kysely sees them. `migrations/` makes them; this file only types them.
 *
 * JSON columns are written as text and read as values. Times are milliseconds in int8 columns.
 */
import type { ColumnType } from 'kysely';
import type { StoredTrailEntry } from './alert-types.ts';
import type { StoredRecording } from './kept-types.ts';
import type { Json, JsonObject } from './types.ts';

type JsonColumn<T> = ColumnType<T, string, string>;

export interface ObjectsTable {
  kind: string;
  name: string;
  labels: JsonColumn<Record<string, string>>;
  spec: JsonColumn<JsonObject>;
  generation: number;
  created_at_ms: number;
  updated_at_ms: number;
  updated_by: string;
}

export interface PasswordsTable {
  principal: string;
  verifier: string;
  updated_at_ms: number;
}

export interface TokensTable {
  id: string;
  owner: string;
  hash: string;
  scram_stored_key: Buffer;
  scram_server_key: Buffer;
  label: string;
  created_at_ms: number;
  expires_at_ms: number;
  revoked_at_ms: number | null;
  last_used_at_ms: number | null;
  created_by: string;
  source: string;
  attributes: JsonColumn<JsonObject>;
}

export interface OnceTable {
  key: string;
  value: string;
  expires_at_ms: number;
}

export interface FactorsTable {
  id: string;
  owner: string;
  kind: string;
  label: string;
  data: string;
  counter: number;
  created_at_ms: number;
  last_used_at_ms: number | null;
}

export interface SealedSecretsTable {
  name: string;
  key_id: string;
  wrapped_key: Buffer;
  nonce: Buffer;
  ciphertext: Buffer;
  tag: Buffer;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface SessionsTable {
  id: string;
  principal_name: string;
  principal_id: string;
  principal_kind: string;
  groups: JsonColumn<string[]>;
  agents: JsonColumn<string[]>;
  resource: string;
  protocol: string;
  source: string;
  recording: string;
  access: string;
  client: JsonColumn<Record<string, string>>;
  started_at_ms: number;
  ended_at_ms: number | null;
  reason: string | null;
  ended_by: string | null;
  commands: number;
  bytes_in: number;
  bytes_out: number;
  open_seq: number;
  gateway: string;
}

export interface CursorsTable {
  name: string;
  sequence: number;
}

export interface SettingsTable {
  key: string;
  value: JsonColumn<Json>;
}

export interface ReviewsTable {
  id: string;
  kind: string;
  state: string;
  requester: string;
  resource: string;
  gateway: string;
  audience: JsonColumn<string[]>;
  created_at_ms: number;
  expires_at_ms: number;
  next_at_ms: number | null;
  version: number;
  document: string;
}

export interface GrantsTable {
  id: string;
  principal_id: string;
  principal_name: string;
  resource: string;
  access: string;
  review: string;
  granted_at_ms: number;
  expires_at_ms: number;
  revoked_at_ms: number | null;
  revoked_by: string | null;
}

export interface RecordingsTable {
  session: string;
  gateway: string;
  principal: JsonColumn<StoredRecording['principal']>;
  resource: JsonColumn<StoredRecording['resource']>;
  started_at_ms: number;
  ended_at_ms: number | null;
  open_seq: number;
  state: string;
  bytes: number;
  copy: JsonColumn<StoredRecording['copy']>;
  deleted: JsonColumn<StoredRecording['deleted']>;
}

export interface WitnessedTable {
  journal: string;
  size: number;
  root: string;
  text: string;
  at_ms: number;
  source: string;
}

export interface AlertsTable {
  id: string;
  gateway: string;
  detection: string;
  origin: string;
  severity: string;
  state: string;
  resolution: string | null;
  summary: string;
  principal_id: string | null;
  principal_name: string | null;
  session: string | null;
  command: number | null;
  resource: string | null;
  assignee_id: string | null;
  assignee_name: string | null;
  count: number;
  first_at_ms: number;
  last_at_ms: number;
  sequence: number;
  last_sequence: number;
  evidence: JsonColumn<number[]>;
  facts: JsonColumn<JsonObject>;
  trail: JsonColumn<StoredTrailEntry[]>;
  is_dry: boolean;
  suppressed: string | null;
}

export interface ResponsesTable {
  id: string;
  gateway: string;
  alert: string;
  detection: string;
  kind: string;
  severity: string;
  owner_id: string;
  owner_name: string;
  session: string | null;
  points: number;
  reviewers: JsonColumn<{ names: string[]; groups: string[] }>;
  message: string;
  since_ms: number;
  until_ms: number | null;
  ended_at_ms: number | null;
  ended_by: string | null;
}

export interface DetectorStatesTable {
  gateway: string;
  name: string;
  state: string;
}

export interface SinkStandingsTable {
  gateway: string;
  sink: string;
  sequence: number;
  standing: string;
  since_ms: number;
  problem: string;
  sent: number;
  last_sent_at_ms: number | null;
  behind: number;
  oldest_at_ms: number | null;
  updated_at_ms: number;
}

export interface SinkDeadLettersTable {
  gateway: string;
  sink: string;
  sequence: number;
  type: string;
  why: string;
  event_at_ms: number;
  at_ms: number;
  wanted: ColumnType<JsonObject | null, string | null, string | null>;
}

export interface Schema {
  objects: ObjectsTable;
  passwords: PasswordsTable;
  tokens: TokensTable;
  once: OnceTable;
  factors: FactorsTable;
  sealed_secrets: SealedSecretsTable;
  sessions: SessionsTable;
  cursors: CursorsTable;
  settings: SettingsTable;
  reviews: ReviewsTable;
  grants: GrantsTable;
  alerts: AlertsTable;
  responses: ResponsesTable;
  detector_states: DetectorStatesTable;
  sink_standings: SinkStandingsTable;
  sink_dead_letters: SinkDeadLettersTable;
  recordings: RecordingsTable;
  witnessed: WitnessedTable;
}
