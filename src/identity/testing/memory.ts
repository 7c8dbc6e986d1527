/**
 * In-memory stand-ins for the store and the directory, for this room's tests. They keep the contract that `records.ts`
 * states; the store room's own suite checks the real ones against theirs.
 */
import type {
  NewTokenRecord,
  PasswordRecords,
  PrincipalDirectory,
  PrincipalEntry,
  RevocationNotice,
  TokenListPage,
  TokenRecord,
  TokenRecords,
} from '../records.ts';

export class MemoryTokens implements TokenRecords {
  readonly rows = new Map<string, TokenRecord>();
  readonly touched: string[] = [];
  /** Names of the look-ups made, in order. */
  readonly calls: string[] = [];
  /** Awaited by each look-up after it has read: lets a test act in between. */
  afterRead: (() => Promise<void>) | null = null;
  /** False: notices get lost, as with a store that is slow to tell. */
  tells = true;
  readonly #listeners = new Set<(notice: RevocationNotice) => void>();

  async create(token: NewTokenRecord): Promise<boolean> {
    if (this.rows.has(token.id) || [...this.rows.values()].some(({ hash }) => hash === token.hash)) return false;
    this.rows.set(token.id, { ...token, revokedAtMs: null, lastUsedAtMs: null });
    return true;
  }
  async get(id: string): Promise<TokenRecord | null> {
    return this.rows.get(id) ?? null;
  }
  async findByHash(hash: string): Promise<TokenRecord | null> {
    this.calls.push('findByHash');
    const found = [...this.rows.values()].find((row) => row.hash === hash) ?? null;
    await this.afterRead?.();
    return found;
  }
  async liveByOwner(owner: string, nowMs: number): Promise<readonly TokenRecord[]> {
    this.calls.push('liveByOwner');
    const found = this.#newestFirst().filter(
      (row) => row.owner === owner && row.revokedAtMs === null && row.expiresAtMs > nowMs,
    );
    await this.afterRead?.();
    return found;
  }
  async shorten(id: string, expiresAtMs: number): Promise<TokenRecord | null> {
    const row = this.rows.get(id);
    if (row === undefined) return null;
    const shorter = { ...row, expiresAtMs: Math.min(row.expiresAtMs, expiresAtMs) };
    this.rows.set(id, shorter);
    return shorter;
  }
  async liveByProvider(provider: string, session: string | null): Promise<readonly TokenRecord[]> {
    return this.#newestFirst().filter(
      ({ revokedAtMs, attributes }) =>
        revokedAtMs === null &&
        attributes.provider === provider &&
        (session === null || attributes.session === session),
    );
  }
  async liveByParent(parent: string): Promise<readonly TokenRecord[]> {
    return this.#newestFirst().filter(
      ({ revokedAtMs, attributes }) => revokedAtMs === null && attributes.parent === parent,
    );
  }
  async listByOwner(owner: string, page: TokenListPage): Promise<readonly TokenRecord[]> {
    return this.#newestFirst()
      .filter((row) => row.owner === owner)
      .slice(0, page.limit);
  }
  async listAll(page: TokenListPage): Promise<readonly TokenRecord[]> {
    return this.#newestFirst().slice(0, page.limit);
  }
  async revoke(id: string, atMs: number): Promise<TokenRecord | null> {
    const row = this.rows.get(id);
    if (row === undefined) return null;
    const revoked = { ...row, revokedAtMs: row.revokedAtMs ?? atMs };
    this.rows.set(id, revoked);
    if (this.tells) this.notify({ type: 'revoked', ids: [id] });
    return revoked;
  }
  async revokeAllOf(owner: string, atMs: number): Promise<readonly string[]> {
    const ids = [...this.rows.values()]
      .filter((row) => row.owner === owner && row.revokedAtMs === null)
      .map(({ id }) => id);
    for (const id of ids) this.rows.set(id, { ...this.rows.get(id)!, revokedAtMs: atMs });
    if (this.tells) this.notify({ type: 'revoked', ids });
    return ids;
  }
  touch(id: string): void {
    this.touched.push(id);
  }
  onRevoked(listener: (notice: RevocationNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  notify(notice: RevocationNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }
  get listeners(): number {
    return this.#listeners.size;
  }
  #newestFirst(): TokenRecord[] {
    return [...this.rows.values()].sort((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1));
  }
}

export class MemoryPasswords implements PasswordRecords {
  readonly rows = new Map<string, string>();
  readonly calls: string[] = [];
  failure: Error | null = null;

  async get(principal: string): Promise<string | null> {
    this.calls.push('get');
    if (this.failure !== null) throw this.failure;
    return this.rows.get(principal) ?? null;
  }
  async set(principal: string, verifier: string): Promise<void> {
    this.rows.set(principal, verifier);
  }
  async delete(principal: string): Promise<boolean> {
    return this.rows.delete(principal);
  }
}

export class MemoryDirectory implements PrincipalDirectory {
  readonly entries = new Map<string, PrincipalEntry>();

  find(name: string): PrincipalEntry | null {
    return this.entries.get(name) ?? null;
  }
  put(name: string, more: Partial<PrincipalEntry> = {}): void {
    this.entries.set(name, {
      id: `prn_${name}`,
      name,
      issuer: 'local',
      subject: name,
      kind: 'person',
      groups: [],
      roles: ['member'],
      disabled: false,
      ...more,
    });
  }
}
