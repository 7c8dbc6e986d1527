/** The store: declarative objects, passwords, tokens, sealed secrets, reviews, the index of sessions, settings. See README.md. */
export { storeErrors } from './errors.ts';
export { batchRowsMax, liveTokensMax, nameBytesMax, pageRowsMax } from './limits.ts';
export { openStore, type StoreOptions } from './open.ts';
export { openShared, type SharedStore, type StoreShare } from './share.ts';
export type * from './types.ts';
