/**
 * What the API asks for, fulfilled by the rooms: pure translation between the API's ports and identity, store, secrets,
 * recording and the live sessions.
 *
 * Deliberately absent: authorisation (the API's), defaults, any state of its own.
 */

import type { Explanation, Manifest } from '../api/contract/index.ts';
import {
  type ApiPorts,
  apiErrors,
  type FactorProof,
  type SessionQuery,
  type SessionRecord,
  type StoredManifest,
  type TokenRecord,
} from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import { isGatewayError } from '../base/errors.ts';
import type { LiveSessions } from '../core/door.ts';
import { coreErrors } from '../core/errors.ts';
import type { Event } from '../core/event.ts';
import type { Authorisation } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Protocol } from '../core/protocol.ts';
import type { RecordedEntry } from '../core/recording.ts';
import { apiSource, type Identity, signOnSource, type TokenSummary } from '../identity/index.ts';
import type { Secrets } from '../secrets/index.ts';
import type { JsonObject, SessionRow, Store, StoredObject } from '../store/index.ts';
import { type AccessReport, nextSteps, requestTrace } from './access-report.ts';
import { allObjects } from './all-objects.ts';
import type { TrialMeans } from './connection-test.ts';
import type { listenerOf } from './listener.ts';
import { endedBy } from './live-orders.ts';
import { machinesPort } from './machines.ts';
import type { MonitoringPorts } from './monitoring.ts';
import { originsOf } from './origins.ts';
import { localIssuer, principalId } from './principals.ts';
import { eventsOfSession } from './session-events.ts';
import { manifestOf, type Snapshot } from './snapshot.ts';
import type { Tls } from './tls.ts';
import { openTrials } from './trials.ts';

export interface ApiPortParts {
  readonly clock: Clock;
  readonly store: Store;
  readonly identity: Identity;
  readonly secrets: Secrets;
  readonly snapshot: Snapshot;
  readonly sessions: LiveSessions;
  /** What lets a session open: standing Access, or a grant. The same that the doors ask. */
  readonly authorisation: Authorisation;
  readonly protocols: readonly Protocol[];
  readonly listenerOf: (protocol: string) => ReturnType<typeof listenerOf>;
  readonly readRecording: (session: string, signal: AbortSignal) => Promise<AsyncIterable<RecordedEntry>>;
  readonly proveRecording: ApiPorts['sessions']['prove'];
  readonly followRecording: (session: string, signal: AbortSignal) => AsyncIterable<RecordedEntry> | null;
  readonly journal: ApiPorts['journal'];
  readonly status: ApiPorts['status'];
  /** Durable events of the journal from a sequence on, in order; ends where the journal does now. */
  readonly readEvents: (from: number) => AsyncIterable<Event>;
  /** As they are: `apiReviews` and the policy laboratory make them. */
  readonly identities: Pick<ApiPorts, 'providers' | 'scim'>;
  readonly factors: ApiPorts['factors'];
  readonly reviews: ApiPorts['reviews'];
  readonly grants: ApiPorts['grants'];
  readonly accessReport: AccessReport;
  readonly chat: ApiPorts['chat'];
  readonly checks: ApiPorts['checks'];
  readonly explainer: ApiPorts['explainer'];
  readonly lab: ApiPorts['lab'];
  readonly ssh: ApiPorts['ssh'];
  readonly hashKey: Buffer;
  readonly tls: Pick<Tls, 'authority'>;
  readonly trials: TrialMeans;
  /** As they are: `openMonitoring` makes them. */
  readonly monitoring: MonitoringPorts;
  readonly workbench: ApiPorts['workbench'];
}

export function apiPorts(parts: ApiPortParts): ApiPorts {
  const { identity, snapshot, store } = parts;
  return {
    identity: {
      login: (name, password, source) => identity.byPassword(name, password, source),
      verifyToken: async (secret, use, source) => {
        const principal = await (use === 'web'
          ? identity.byWebSession(secret, source)
          : identity.byToken(secret, source));
        const tokenId = principal.authentication.credentialId ?? '';
        const token = await identity.findToken(tokenId);
        return { principal, tokenId, expiresAtMs: token?.expiresAtMs ?? 0 };
      },
      byFactor: async (proof, method) => provenByFactor(parts, proof, method),
    },
    signOns: {
      list: (name) => identity.approvalsOf(name),
      isEnough: (id, name, by) => identity.isApprovalEnough(id, name, by),
      decide: (id, name, by) => identity.decideApproval(id, name, by),
    },
    visits: {
      begin: async ({ tokenId, resource, domain, nonce, returnTo }) => {
        const { name, protocol } = resource;
        const listener = parts.listenerOf(protocol);
        if (listener === null || !listener.domains.includes(domain)) return null;
        const origin = originsOf(name, [domain], listener.port)[0];
        if (origin === undefined) return null;
        const { code, expiresAtMs } = await identity.beginVisit({ tokenId, resource: name, nonce, returnTo });
        return { url: `${origin}/.sallyport/visit?code=${code}`, expiresAtMs };
      },
    },
    tokens: {
      issue: async ({ owner, createdBy, description, lifetimeSeconds, isSignOn, use, proof, resources, under }) => {
        if (snapshot.principal(owner) === null) return null;
        const parent = under === undefined ? null : await identity.findToken(under);
        const trust = parent?.attributes.trust;
        const issued = await identity.issueToken({
          owner,
          label: description,
          createdBy,
          source: isSignOn ? signOnSource : apiSource,
          attributes: {
            ...(use === undefined ? {} : { use }),
            ...proof,
            ...(resources === undefined ? {} : { scope: { resources } }),
            ...(parent === null ? {} : { parent: parent.id }),
            ...(trust === undefined ? {} : { trust }),
          },
          ...(parent === null ? {} : { untilMs: parent.expiresAtMs }),
          ...(lifetimeSeconds === null ? {} : { lifetimeMs: lifetimeSeconds * 1000 }),
        });
        return { secret: issued.secret, token: tokenRecord(parts, issued.token) };
      },
      list: async (ownerId) => {
        const owner = ownerId === null ? null : (snapshot.principalById(ownerId)?.name ?? '');
        const found = await identity.listTokens(owner, { limit: 200 });
        return found.filter(({ state }) => state === 'live').map((token) => tokenRecord(parts, token));
      },
      find: async (id) => {
        const token = await identity.findToken(id);
        return token === null ? null : tokenRecord(parts, token);
      },
      revoke: async (id) => {
        await identity.revokeToken(id);
      },
    },
    machines: machinesPort({ clock: parts.clock, identity, snapshot, recordOf: (token) => tokenRecord(parts, token) }),
    configuration: {
      list: async (kind) => (await allObjects(store.objects, kind)).map(storedManifest),
      get: async (kind, name) => {
        const object = await store.objects.get(kind, name);
        return object === null ? null : storedManifest(object);
      },
      commit: (batch, record) => commit(parts, batch, record),
    },
    secrets: {
      list: async () => (await parts.secrets.list()).filter(({ name }) => !name.startsWith(internalPrefix)),
      rotate: async () => {
        const { keyId, rewrapped } = await parts.secrets.rotate();
        return { key: keyId, resealed: rewrapped };
      },
    },
    sessions: {
      list: (query) => listSessions(parts, query),
      get: async (id) => {
        const row = await store.sessions.get(id);
        // The index follows behind; what lives can be seen and killed all the same.
        return row === null ? liveRecord(parts, id) : sessionRecord(parts, row);
      },
      kill: async (id, by, reason) => parts.sessions.end((session) => session.id === id, endedBy(by, reason)) > 0,
      steer: async (id, action, text) => {
        const session = parts.sessions.get(id);
        if (session === null) return false;
        return action === 'message' ? session.say(text) : session.pause(action === 'pause');
      },
      prove: parts.proveRecording,
      readRecording: parts.readRecording,
      tail: async (id, signal) => parts.followRecording(id, signal),
      events: (id, signal) => sessionEvents(parts, id, signal),
    },
    access: {
      openable: (principal) => openable(parts, principal),
      explain: (principal, resource) => explain(parts, principal, resource),
      ...parts.accessReport,
    },
    ...parts.identities,
    factors: parts.factors,
    reviews: parts.reviews,
    grants: parts.grants,
    chat: parts.chat,
    checks: parts.checks,
    explainer: parts.explainer,
    ssh: parts.ssh,
    lab: parts.lab,
    trials: openTrials({ ...parts, authority: parts.tls.authority, means: parts.trials }),
    journal: parts.journal,
    status: parts.status,
    workbench: parts.workbench,
    ...parts.monitoring,
  };
}

/** Secrets of the gateway itself (signing keys) are not listed and not reachable through the API. */
export const internalPrefix = 'gateway/';

function tokenRecord({ snapshot }: Pick<ApiPortParts, 'snapshot'>, token: TokenSummary) {
  const { id, owner, label, createdAtMs, expiresAtMs, lastUsedAtMs } = token;
  const ownerId = snapshot.principal(owner)?.id ?? principalId(localIssuer, owner);
  const { use = 'access', method = null, provider = null, factors = [], scope, actors = [] } = token.attributes;
  const rests: NonNullable<TokenRecord['rests']> = {
    use,
    method,
    provider,
    factors,
    provenAtMs: token.attributes.provenAtMs ?? null,
    resources: scope?.resources ?? null,
    agents: actors.map(({ name }) => name),
  };
  return { id, ownerId, owner, description: label, createdAtMs, expiresAtMs, lastUsedAtMs, rests };
}

/** The principal as it is now, where it is still a local account that may be proven so. */
function provenByFactor(
  { snapshot, clock }: Pick<ApiPortParts, 'snapshot' | 'clock'>,
  { owner, provenAtMs, factors }: FactorProof,
  method: 'password' | 'passkey',
): Principal {
  const entry = snapshot.principal(owner);
  if (entry === null || entry.disabled || entry.issuer !== localIssuer) {
    throw coreErrors('core.not-authenticated', { detail: 'the account of a second factor is gone or disabled' });
  }
  const { id, issuer, subject, name, kind, groups, roles } = entry;
  const authentication = { method, credentialId: null, atMs: clock.now(), provenAtMs, factors };
  return { id, issuer, subject, name, kind, groups, roles, authentication };
}

function storedManifest(object: StoredObject): StoredManifest {
  return { manifest: manifestOf(object), revision: object.generation };
}

/**
 * New secrets are sealed first (under names that nothing refers to yet), then objects change in one transaction that
 * commits only after the record of it is durable, then passwords are set and dropped secrets go.
 */
async function commit(
  parts: ApiPortParts,
  batch: Parameters<ApiPorts['configuration']['commit']>[0],
  record: () => Promise<void>,
): Promise<void> {
  const { identity, secrets, snapshot, store } = parts;
  if (batch.puts.length === 0 && batch.deletes.length === 0) {
    // Secrets by themselves take effect at once, under names that may be in use: so the record comes first.
    await record();
    for (const { name, value } of batch.secrets) await secrets.put(name, value);
    for (const { principal, password } of batch.passwords) await identity.setPassword(principal, password);
    for (const name of batch.droppedSecrets) await secrets.delete(name);
    return;
  }
  for (const { name, value } of batch.secrets) await secrets.put(name, value);
  const outcome = await store.objects.change(
    {
      puts: batch.puts.map(({ manifest, expectedRevision }) => ({
        ...writeOf(manifest, batch.by ?? 'api'),
        expectedGeneration: expectedRevision ?? 0,
      })),
      deletes: batch.deletes.map(({ kind, name, expectedRevision }) => ({
        kind,
        name,
        expectedGeneration: expectedRevision,
      })),
    },
    record,
  );
  if (outcome.outcome === 'conflict') {
    for (const { name } of batch.secrets) await secrets.delete(name);
    throw apiErrors('api.conflict');
  }
  await snapshot.reload();
  for (const { principal, password } of batch.passwords) await identity.setPassword(principal, password);
  for (const { kind, name } of batch.deletes) {
    if (kind !== 'Principal') continue;
    await identity.clearPassword(name);
    await identity.revokeTokensOf(name);
    await parts.factors.reset(name, '');
  }
  for (const name of batch.droppedSecrets) await secrets.delete(name);
}

function writeOf(manifest: Manifest, by: string) {
  return {
    kind: manifest.kind,
    name: manifest.metadata.name,
    labels: manifest.metadata.labels ?? {},
    spec: manifest.spec as unknown as JsonObject,
    by,
  };
}

async function listSessions(parts: ApiPortParts, query: SessionQuery) {
  const after = query.cursor === null ? null : parseCursor(query.cursor);
  const rows = await parts.store.sessions.list(
    {
      ...(query.principalId === null ? {} : { principalId: query.principalId }),
      ...(query.principalName === null ? {} : { principal: query.principalName }),
      ...(query.resource === null ? {} : { resource: query.resource }),
      ...(query.protocol === null ? {} : { protocol: query.protocol }),
      ...(query.live === null ? {} : { live: query.live }),
      ...(query.sinceMs === null ? {} : { sinceMs: query.sinceMs }),
      ...(query.untilMs === null ? {} : { untilMs: query.untilMs }),
    },
    { limit: query.limit, after },
  );
  const last = rows.at(-1);
  return {
    sessions: rows.map((row) => sessionRecord(parts, row)),
    next: last === undefined || rows.length < query.limit ? null : `${last.startedAtMs}.${last.id}`,
  };
}

function parseCursor(cursor: string): { startedAtMs: number; id: string } {
  const dot = cursor.indexOf('.');
  const startedAtMs = Number(cursor.slice(0, dot));
  return { startedAtMs: Number.isSafeInteger(startedAtMs) ? startedAtMs : 0, id: cursor.slice(dot + 1) };
}

function sessionRecord(parts: ApiPortParts, row: SessionRow): SessionRecord {
  const live = parts.sessions.get(row.id);
  return {
    id: row.id,
    principal: {
      id: row.principalId,
      name: row.principalName,
      kind: row.principalKind as SessionRecord['principal']['kind'],
      ...agentsOf(row.agents ?? []),
    },
    resource: row.resource,
    protocol: row.protocol,
    source: row.source,
    access: row.access,
    recording: row.recording as SessionRecord['recording'],
    client: row.client,
    live: row.endedAtMs === null,
    startedAtMs: row.startedAtMs,
    endedAtMs: row.endedAtMs,
    endReason: row.reason,
    endedBy: row.endedBy,
    commands: live?.commands ?? row.commands,
    bytesIn: live?.bytesIn ?? row.bytesIn,
    bytesOut: live?.bytesOut ?? row.bytesOut,
  };
}

function agentsOf(agents: readonly string[]): { readonly agents?: readonly string[] } {
  return agents.length === 0 ? {} : { agents };
}

function liveRecord(parts: ApiPortParts, id: string): SessionRecord | null {
  const live = parts.sessions.get(id);
  if (live === null) return null;
  const { principal, resource } = live;
  return {
    id,
    principal: {
      id: principal.id,
      name: principal.name,
      kind: principal.kind,
      ...agentsOf((principal.authentication.actors ?? []).map(({ name }) => name)),
    },
    resource: resource.name,
    protocol: resource.protocol,
    source: live.source,
    access: '',
    recording: resource.recording,
    client: {},
    live: true,
    startedAtMs: live.startedAtMs,
    endedAtMs: null,
    endReason: null,
    endedBy: null,
    commands: live.commands,
    bytesIn: live.bytesIn,
    bytesOut: live.bytesOut,
  };
}

/** A session that the index does not have yet has had no time for events either. */
async function sessionEvents(parts: ApiPortParts, id: string, signal: AbortSignal): Promise<AsyncIterable<Event>> {
  const row = await parts.store.sessions.get(id);
  return eventsOfSession(row === null ? none() : parts.readEvents(row.openSeq), id, signal);
}

async function* none(): AsyncGenerator<Event, void, undefined> {}

async function openable(parts: ApiPortParts, principal: Principal) {
  const found = [];
  for (const name of parts.snapshot.resourceNames()) {
    // A resource whose authority file cannot be read is shown all the same: opening it says what is wrong.
    const resource = await parts.snapshot.resource(name).catch((error: unknown) => {
      if (isGatewayError(error)) return null;
      throw error;
    });
    if (resource === null || !parts.authorisation.decide(principal, resource).granted) continue;
    const protocol = parts.protocols.find((candidate) => candidate.name === resource.protocol);
    const listener = parts.listenerOf(resource.protocol);
    found.push({
      name,
      protocol: resource.protocol,
      title: protocol?.title ?? resource.protocol,
      labels: { ...resource.labels },
      listener: listener === null ? null : { host: listener.host, port: listener.port, tls: listener.tls },
      origins: listener === null ? [] : [...originsOf(name, listener.domains, listener.port)],
      settings: Object.fromEntries(
        Object.entries(resource.settings).map(([key, value]) => [key, typeof value === 'object' ? [...value] : value]),
      ),
    });
  }
  return found;
}

/** How the trace of an Access says that it takes a step-up. */
export const askedStepUp = 'opening by it takes a step-up';

async function explain(parts: ApiPortParts, principalName: string, resourceName: string): Promise<Explanation> {
  const entry = parts.snapshot.principal(principalName);
  const resource = await parts.snapshot.resource(resourceName);
  if (entry === null || resource === null || entry.disabled) {
    const missing =
      entry === null
        ? `there is no principal ${principalName}`
        : resource === null
          ? `there is no resource ${resourceName}`
          : `${principalName} is disabled`;
    return {
      principal: principalName,
      resource: resourceName,
      granted: false,
      stepUp: false,
      rule: 'none',
      trace: [{ access: '-', matched: false, why: missing }],
      next: nextSteps(resourceName, { granted: false, rule: 'none' }),
    };
  }
  const principal: Principal = {
    ...entry,
    authentication: { method: 'system', credentialId: null, atMs: parts.clock.now() },
  };
  const { rules } = parts.snapshot.explain(principal, resource);
  const decision = parts.authorisation.decide(principal, resource);
  const { granted, rule, stepUp } = decision;
  return {
    principal: principalName,
    resource: resourceName,
    granted,
    stepUp: stepUp === true,
    rule,
    next: nextSteps(resourceName, decision),
    trace: [
      ...rules.map(({ name, matches, conditions, stepUp }) => ({
        access: name,
        matched: matches,
        why: conditions
          .map(({ condition, holds, because }) => `${holds ? '✓' : '✗'} ${condition}: ${because}`)
          .concat(stepUp ? [askedStepUp] : [])
          .join('; '),
      })),
      ...requestTrace(parts.snapshot.configured, principal, resource, parts.clock.now()),
    ],
  };
}
