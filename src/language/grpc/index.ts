/** What others may import: gRPC messages by their descriptors. */
export { rpcBody, rpcNames } from './body.ts';
export { type RpcSchema, rpcSchema } from './descriptors.ts';
export { descriptorBytesMax } from './limits.ts';
export { type MessageReading, readMessage } from './read.ts';
