/** Declarative configuration and the secrets beside it: read, apply, delete, rotate. */
import { actorOf, type EventBody } from '../../core/event.ts';
import { actingNames, type Principal } from '../../core/principal.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { type Manifest, type ManifestView, manifestSecrets, type ObjectResult } from '../contract/index.ts';
import { describeChange, secretText } from '../difference.ts';
import { apiErrors } from '../errors.ts';
import { assertMayLock } from '../own-lock.ts';
import { type Plan, planApply, planDelete, secretUser } from '../plan.ts';
import type { ConfigurationBatch } from '../ports.ts';

type ObjectRoute =
  | 'listObjects'
  | 'getObject'
  | 'apply'
  | 'deleteObject'
  | 'listSecrets'
  | 'putSecret'
  | 'deleteSecret'
  | 'rotateSecrets';

const nothing: ConfigurationBatch = { puts: [], deletes: [], secrets: [], droppedSecrets: [], passwords: [] };

export function objectHandlers({ ports, schemas, clock, record }: ApiParts): Pick<Handlers, ObjectRoute> {
  const { configuration, secrets } = ports;
  return {
    async listObjects({ input }) {
      const objects = await configuration.list(input.params.kind);
      return { objects: objects.map(({ manifest }) => publicManifest(manifest)) };
    },

    async getObject({ input }) {
      const { kind, name } = input.params;
      const stored = await configuration.get(kind, name);
      if (stored === null) throw apiErrors('api.not-found', { values: { what: kind } });
      return publicManifest(stored.manifest);
    },

    async apply({ principal, token, input }) {
      const { documents, dryRun } = input.body;
      const plan = await planApply(documents, schemas, configuration, secrets, ports.checks, clock.now());
      const changed = plan.batch.puts.map(({ manifest }) => manifest);
      assertMayLock(changed, principal, token?.id ?? null);
      if (!dryRun) await commit(plan, principal);
      return { dryRun, results: [...plan.results] };
    },

    async deleteObject({ principal, input }) {
      const { kind, name } = input.params;
      if (kind === 'Lock' && principal.kind !== 'person') throw apiErrors('api.people-only');
      const plan = await planDelete(kind, name, configuration, ports.checks, clock.now());
      if (input.query.dryRun !== true) await commit(plan, principal);
      return plan.results[0] as ObjectResult;
    },

    async listSecrets() {
      const names = await secrets.list();
      return {
        secrets: names.map(({ name, updatedAtMs }) => ({ name, updatedAt: new Date(updatedAtMs).toISOString() })),
      };
    },

    async putSecret({ principal, input }) {
      const { name } = input.params;
      const isKnown = (await secrets.list()).some((secret) => secret.name === name);
      await configuration.commit({ ...nothing, secrets: [{ name, value: input.body.value }] }, () =>
        record(secretEvent(principal, isKnown ? 'updated' : 'created', name)),
      );
      return undefined;
    },

    async deleteSecret({ principal, input }) {
      const { name } = input.params;
      if (!(await secrets.list()).some((secret) => secret.name === name)) {
        throw apiErrors('api.not-found', { values: { what: 'secret' } });
      }
      const resource = await secretUser(name, configuration);
      if (resource !== null) throw apiErrors('api.secret-in-use', { values: { resource } });
      await configuration.commit({ ...nothing, droppedSecrets: [name] }, () =>
        record(secretEvent(principal, 'deleted', name)),
      );
      return undefined;
    },

    async rotateSecrets({ principal }) {
      const { key, resealed } = await secrets.rotate();
      await record({ type: 'key.rotated', principal: actorOf(principal), key });
      return { key, resealed };
    },
  };

  /** Nothing is committed before the events that say who did it are durable. */
  async function commit(plan: Plan, principal: Principal): Promise<void> {
    const events = plan.results.flatMap((result) =>
      result.action === 'unchanged' ? [] : [changeEvent(principal, result)],
    );
    if (events.length === 0) return;
    await configuration.commit({ ...plan.batch, by: actingNames(principal) }, () => record(...events));
  }
}

function changeEvent(principal: Principal, result: ObjectResult): EventBody {
  const { kind, name, action } = result;
  if (action === 'unchanged') throw apiErrors('api.internal', { detail: 'event for an unchanged object' });
  return {
    type: 'configuration.changed',
    principal: actorOf(principal),
    action,
    kind,
    name,
    changes: result.changes.map(describeChange),
  };
}

function secretEvent(principal: Principal, action: 'created' | 'updated' | 'deleted', name: string): EventBody {
  const changes = [
    `value: ${action === 'created' ? '(none)' : secretText} → ${action === 'deleted' ? '(none)' : secretText}`,
  ];
  return { type: 'configuration.changed', principal: actorOf(principal), action, kind: 'Secret', name, changes };
}

/**
 * A manifest as it is given back. Stored manifests hold no write-only field; should one ever come from the store, it
 * is taken out here all the same (A-API-06).
 */
function publicManifest(manifest: Manifest): ManifestView {
  const { kind, metadata } = manifest;
  const spec: Record<string, unknown> = { ...manifest.spec };
  if (manifest.kind === 'Principal') delete spec['password'];
  for (const { path } of manifestSecrets(manifest).filter(({ source }) => 'value' in source)) {
    delete spec[path.split('.')[0]!];
  }
  return { kind, metadata: { ...metadata }, spec };
}
