/** What others may import of this room. */
export { languageError } from './errors.ts';
export * from './grpc/index.ts';
export * from './http/index.ts';
export * from './kubernetes/index.ts';
export * from './shell/index.ts';
export * from './sql/index.ts';
export * from './terminal/index.ts';
