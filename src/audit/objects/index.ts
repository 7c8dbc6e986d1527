/** Object stores: for recordings, sinks and witnesses. See ../README.md. */

export type { S3Options } from './client-options.ts';
export { isObjectProblem } from './problems.ts';
export { openS3 } from './s3.ts';
export type {
  ListedObject,
  ObjectFacts,
  ObjectLock,
  ObjectRange,
  ObjectStore,
  PutOptions,
  StoredObject,
} from './store.ts';
