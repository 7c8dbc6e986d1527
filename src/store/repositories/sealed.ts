/** Sealed secrets: bytes that only the secrets room can open. */
import { type Insertable, type Kysely, type Selectable, sql } from 'kysely';
import * as check from '../check.ts';
import { sealedBytesMax } from '../limits.ts';
import type { Schema, SealedSecretsTable } from '../schema.ts';
import { Together } from '../together.ts';
import type { SealedName, SealedReplacement, SealedSecret, SealedSecrets } from '../types.ts';

/** Nonce, tag and wrapped key are tens of bytes. */
const sealedPartBytesMax = 1024;

function toSealed(row: Selectable<SealedSecretsTable>): SealedSecret {
  return {
    name: row.name,
    keyId: row.key_id,
    wrappedKey: row.wrapped_key,
    nonce: row.nonce,
    ciphertext: row.ciphertext,
    tag: row.tag,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  };
}

function toRow(secret: SealedSecret): Insertable<SealedSecretsTable> {
  return {
    name: check.name('name', secret.name),
    key_id: check.name('keyId', secret.keyId),
    wrapped_key: check.bytes('wrappedKey', secret.wrappedKey, sealedPartBytesMax),
    nonce: check.bytes('nonce', secret.nonce, sealedPartBytesMax),
    ciphertext: check.bytes('ciphertext', secret.ciphertext, sealedBytesMax),
    tag: check.bytes('tag', secret.tag, sealedPartBytesMax),
    created_at_ms: check.whole('createdAtMs', secret.createdAtMs),
    updated_at_ms: check.whole('updatedAtMs', secret.updatedAtMs),
  };
}

export class SealedSecretRepository implements SealedSecrets {
  readonly #db: Kysely<Schema>;
  /** Each session asks for its resource's credential. */
  readonly #reads = new Together<SealedSecret | null>();

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async get(name: string): Promise<SealedSecret | null> {
    check.text('name', name);
    return this.#reads.read(name, async () => {
      const row = await this.#db.selectFrom('sealed_secrets').selectAll().where('name', '=', name).executeTakeFirst();
      return row === undefined ? null : toSealed(row);
    });
  }

  async put(secret: SealedSecret): Promise<void> {
    const row = toRow(secret);
    const { name: _name, created_at_ms: _created, ...replaced } = row;
    await this.#db
      .insertInto('sealed_secrets')
      .values(row)
      .onConflict((conflict) => conflict.column('name').doUpdateSet(replaced))
      .execute();
  }

  async list(page: { readonly limit: number; readonly after?: string | null }): Promise<readonly SealedName[]> {
    let query = this.#db
      .selectFrom('sealed_secrets')
      .select(['name', 'key_id', 'created_at_ms', 'updated_at_ms'])
      .orderBy('name')
      .limit(check.limit(page.limit));
    if (page.after != null) query = query.where('name', '>', check.text('after', page.after));
    return (await query.execute()).map((row) => ({
      name: row.name,
      keyId: row.key_id,
      createdAtMs: row.created_at_ms,
      updatedAtMs: row.updated_at_ms,
    }));
  }

  async delete(name: string): Promise<boolean> {
    const result = await this.#db
      .deleteFrom('sealed_secrets')
      .where('name', '=', check.text('name', name))
      .executeTakeFirst();
    return result.numDeletedRows > 0n;
  }

  async replaceAll(replacements: readonly SealedReplacement[]): Promise<number> {
    check.batch(replacements.length);
    // In order of name, so that two rotations at once wait for each other and cannot deadlock.
    const rows = replacements
      .map(({ previousWrappedKey, next }) => ({ previousWrappedKey, row: toRow(next) }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.row.name), Buffer.from(b.row.name)));
    return this.#db.transaction().execute(async (transaction) => {
      let replaced = 0;
      for (const { previousWrappedKey, row } of rows) {
        const { name, created_at_ms: _created, ...set } = row;
        const result = await transaction
          .updateTable('sealed_secrets')
          .set(set)
          .where('name', '=', name)
          .where(sql<boolean>`wrapped_key = ${previousWrappedKey}::bytea`)
          .executeTakeFirst();
        replaced += Number(result.numUpdatedRows);
      }
      return replaced;
    });
  }
}
