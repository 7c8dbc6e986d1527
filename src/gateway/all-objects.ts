/** Every object of a kind, page by page. */
import type { Objects, StoredObject } from '../store/index.ts';

const pageLimit = 500;

export async function allObjects(objects: Pick<Objects, 'list'>, kind: string): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for (let after: string | null = null; ; ) {
    const page: readonly StoredObject[] = await objects.list(kind, { limit: pageLimit, after });
    found.push(...page);
    if (page.length < pageLimit) return found;
    after = page.at(-1)!.name;
  }
}
