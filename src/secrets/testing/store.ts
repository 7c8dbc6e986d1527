/** A sealed store in memory for the tests of this room, with the semantics of the port. Rows can be reached and spoilt. */
import type { SealedRow, SealedStore } from '../secrets.ts';

export class MemoryStore implements SealedStore {
  readonly rows = new Map<string, SealedRow>();
  /** Called before each write; throwing is a crash at that point. */
  beforeWrite: () => void = () => {};

  async get(name: string): Promise<SealedRow | null> {
    return this.rows.get(name) ?? null;
  }

  async put(row: SealedRow): Promise<void> {
    this.beforeWrite();
    this.rows.set(row.name, { ...row, createdAtMs: this.rows.get(row.name)?.createdAtMs ?? row.createdAtMs });
  }

  async list({ limit, after }: { readonly limit: number; readonly after?: string | null }) {
    return [...this.rows.values()]
      .filter((row) => after == null || Buffer.compare(Buffer.from(row.name), Buffer.from(after)) > 0)
      .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
      .slice(0, limit);
  }

  async delete(name: string): Promise<boolean> {
    return this.rows.delete(name);
  }

  async replaceAll(replacements: Parameters<SealedStore['replaceAll']>[0]): Promise<number> {
    this.beforeWrite();
    let replaced = 0;
    for (const { previousWrappedKey, next } of replacements) {
      const row = this.rows.get(next.name);
      if (row === undefined || !row.wrappedKey.equals(previousWrappedKey)) continue;
      this.rows.set(next.name, { ...next, createdAtMs: row.createdAtMs });
      replaced++;
    }
    return replaced;
  }
}

/** What a promise rejects with; fails where it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string; detail?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was expected to reject');
}
