/**
 * What a text would mean outside any session, for explaining and trying out rules.
 *
 * Deliberately absent: sessions (context.ts).
 */
import type { Meaning } from '../../core/command.ts';
import { analyseSql, createContext } from '../../language/index.ts';
import type { CatalogView } from './catalog.ts';
import { notesFor } from './context-notes.ts';

/** What a text would mean in a session that has just begun, by what is known of its database. */
export function analyseFor(text: string, view: CatalogView | null): Meaning {
  const context = createContext({
    catalog: view?.facts ?? null,
    searchPath: view?.began?.searchPath ?? null,
    temporary: view?.began?.temporary ?? 'unknown',
  });
  return notesFor(view === null ? analyseSql(text, context) : view.cache.analyse(text, context)).meaning;
}
