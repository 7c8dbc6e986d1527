/**
 * What is kept, where, and who witnesses it.
 *
 * Invariants: what a legal hold keeps, nobody deletes; a checkpoint is kept to the letter, or refused.
 */
import { actorOf } from '../../core/event.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { contractLimits } from '../contract/index.ts';
import { apiErrors } from '../errors.ts';

type StorageRoute =
  | 'showRetention'
  | 'runRetention'
  | 'deleteRecording'
  | 'witnessCheckpoint'
  | 'listCheckpoints'
  | 'listWitnesses';

export function storageHandlers({ ports }: ApiParts): Pick<Handlers, StorageRoute> {
  const { storage } = ports;
  return {
    async showRetention() {
      return storage.retention();
    },
    async runRetention({ principal }) {
      return storage.run(actorOf(principal));
    },
    async deleteRecording({ principal, input }) {
      await storage.deleteRecording(input.params.id, actorOf(principal), input.body.reason);
      return undefined;
    },
    async witnessCheckpoint({ principal, input }) {
      const outcome = await storage.witness(input.body.checkpoint, principal.name);
      if (outcome === null) throw apiErrors('api.not-a-checkpoint');
      return { outcome };
    },
    async listCheckpoints({ principal, scope, input }) {
      const { journal, limit } = input.query;
      const found = await storage.checkpoints(
        journal ?? null,
        scope === 'all' ? null : principal.name,
        limit ?? contractLimits.pageEntriesDefault,
      );
      return {
        checkpoints: found.map(({ text, atMs, ...rest }) => ({
          ...rest,
          at: new Date(atMs).toISOString(),
          checkpoint: text,
        })),
      };
    },
    async listWitnesses() {
      return {
        witnesses: storage
          .witnesses()
          .map(({ atMs, ...rest }) => ({ ...rest, at: atMs === null ? null : new Date(atMs).toISOString() })),
      };
    },
  };
}
