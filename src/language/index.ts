/** What others may import of this room. */
export { languageError } from './errors.ts';
export * from './sql/index.ts';
