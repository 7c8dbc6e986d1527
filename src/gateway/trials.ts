/**
 * A change tried before it is made: what a command would come to, and who would reach what.
 *
 * Invariants: judged by the very objects that judge live sessions, loaded from the objects as they would stand; grants do not
 * count (they are given under Access, and end); nothing of it is kept.
 */
import { readFile } from 'node:fs/promises';
import type { AccessChange, Manifest, ReachChange } from '../api/contract/index.ts';
import type { TrialsPort } from '../api/trial-ports.ts';
import type { Clock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { Principal } from '../core/principal.ts';
import type { Protocol } from '../core/protocol.ts';
import type { Resource } from '../core/resource.ts';
import type { JsonObject, StoredObject } from '../store/index.ts';
import { authorisationOf } from './authorisation.ts';
import type { Authority } from './authority.ts';
import { type TrialMeans, testConnection } from './connection-test.ts';
import * as limits from './limits.ts';
import { createPolicyLab } from './policy-lab.ts';
import { Snapshot } from './snapshot.ts';

export interface TrialParts {
  readonly clock: Clock;
  readonly protocols: readonly Protocol[];
  /** As it is now. */
  readonly snapshot: Snapshot;
  readonly hashKey: Buffer;
  readonly authority: Pick<Authority, 'caPath' | 'isGiven'>;
  readonly means: TrialMeans;
}

export function openTrials(parts: TrialParts): TrialsPort {
  const { clock, protocols, hashKey, authority } = parts;
  const draftOf = async (objects: readonly Manifest[]): Promise<Snapshot> => {
    const draft = new Snapshot(readerOf(objects, clock.now()), protocols, silentLog, { hashKey, ledger: null }, clock);
    await draft.reload();
    return draft;
  };
  return {
    explain: async (objects, request) => {
      const snapshot = await draftOf(objects);
      const grants = { granted: () => null, live: () => [] };
      const lab = createPolicyLab({
        ...{ clock, protocols, snapshot, hashKey },
        authorisation: authorisationOf({ clock, snapshot, grants }),
        lastSequence: () => 0,
        readEvents: async function* () {},
      });
      return lab.explain(request);
    },
    reach: async (objects, signal) => changeOf(parts.snapshot, await draftOf(objects), clock.now(), signal),
    test: (trial) => testConnection({ ...parts.means, protocols, clock, log: silentLog }, trial),
    authority: async () => ({ certificate: await readFile(authority.caPath, 'utf8'), needed: !authority.isGiven }),
  };
}

/** Manifests as a store would give them back. */
function readerOf(objects: readonly Manifest[], nowMs: number) {
  const stored = objects.map(
    ({ kind, metadata, spec }): StoredObject => ({
      kind,
      name: metadata.name,
      labels: metadata.labels ?? {},
      spec: spec as unknown as JsonObject,
      generation: 1,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      updatedBy: '',
    }),
  );
  return {
    list: async (kind: string, { limit, after = null }: { readonly limit: number; readonly after?: string | null }) =>
      stored
        .filter((object) => object.kind === kind && (after === null || object.name > after))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .slice(0, limit),
  };
}

const levels = { none: 0, request: 1, standing: 2 } as const;
type Level = keyof typeof levels;

async function changeOf(now: Snapshot, then: Snapshot, nowMs: number, signal: AbortSignal): Promise<AccessChange> {
  const principals = union(namesOf(now), namesOf(then));
  const resources = union(now.resourceNames(), then.resourceNames());
  const gained: ReachChange[] = [];
  const lost: ReachChange[] = [];
  let gainedCount = 0;
  let lostCount = 0;
  let looked = 0;
  const isTruncated = (): boolean => looked >= limits.reachPairsMax;
  for (const principal of principals) {
    if (signal.aborted || isTruncated()) break;
    for (const resource of resources) {
      if (++looked % limits.reachPairsAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
      const before = levelOf(now, principal, resource, nowMs);
      const after = levelOf(then, principal, resource, nowMs);
      if (levels[before] === levels[after]) continue;
      const isGain = levels[after] > levels[before];
      const list = isGain ? gained : lost;
      if (isGain) gainedCount++;
      else lostCount++;
      if (list.length < limits.reachChangesShownMax) list.push({ principal, resource, before, after });
    }
  }
  return { gained, lost, gainedCount, lostCount, truncated: isTruncated() };
}

function levelOf(snapshot: Snapshot, name: string, resourceName: string, nowMs: number): Level {
  const entry = snapshot.principal(name);
  const labels = snapshot.resourceLabels(resourceName);
  if (entry === null || entry.disabled || labels === null) return 'none';
  const principal: Principal = { ...entry, authentication: { method: 'system', credentialId: null, atMs: 0 } };
  // Access looks at nothing of a resource but its name and labels.
  const resource = { name: resourceName, labels } as Resource;
  const { configured } = snapshot;
  if (configured.locks.of({ principal, resource: resourceName }, nowMs) !== null) return 'none';
  if (configured.standingFor(principal, resource, nowMs).length > 0) return 'standing';
  return configured.requestables(principal, resource, nowMs).length > 0 ? 'request' : 'none';
}

function namesOf(snapshot: Snapshot): readonly string[] {
  return [...snapshot.principals()].map(({ name }) => name);
}

function union(...lists: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(lists.flat())].sort();
}
