/**
 * Nobody locks themself out: a Lock on whoever applies it, or on what the call is made with, is refused.
 *
 * Deliberately absent: the last administrator (plan.ts).
 */
import type { Principal } from '../core/principal.ts';
import type { Manifest } from './contract/index.ts';
import { apiErrors } from './errors.ts';

/** Throws `api.own-lock`; `api.people-only` where no person is there to lock. */
export function assertMayLock(manifests: readonly Manifest[], principal: Principal, tokenId: string | null): void {
  const { name, kind, authentication } = principal;
  const own = new Set([tokenId, authentication.credentialId]);
  const agents = [...(kind === 'agent' ? [name] : []), ...(authentication.actors ?? []).map((actor) => actor.name)];
  for (const manifest of manifests) {
    if (manifest.kind !== 'Lock') continue;
    if (kind !== 'person') throw apiErrors('api.people-only');
    const { target } = manifest.spec;
    const isOwn =
      target.principal === name ||
      (target.token !== undefined && own.has(target.token)) ||
      (target.agent !== undefined && agents.includes(target.agent));
    if (isOwn) throw apiErrors('api.own-lock', { values: { name: manifest.metadata.name } });
  }
}
