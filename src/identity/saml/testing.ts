/** For the tests of this folder: one-time state in memory, and a provider as a manifest would give it. */
import type { OnceRecords } from '../records.ts';
import type { SamlProviderSpec } from './parts.ts';

export class MemoryOnce implements OnceRecords {
  readonly rows = new Map<string, { readonly value: string; readonly expiresAtMs: number }>();

  async put(key: string, value: string, expiresAtMs: number): Promise<boolean> {
    if (this.rows.has(key)) return false;
    this.rows.set(key, { value, expiresAtMs });
    return true;
  }

  async take(key: string, nowMs: number): Promise<string | null> {
    const row = this.rows.get(key);
    this.rows.delete(key);
    return row === undefined || nowMs >= row.expiresAtMs ? null : row.value;
  }
}

export function specOf(metadata: string): SamlProviderSpec {
  return { metadata, nameIdFormat: 'persistent', encrypted: false, idpInitiated: false, groups: { claim: 'groups' } };
}
