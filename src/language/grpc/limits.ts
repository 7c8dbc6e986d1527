/** The limits of reading gRPC messages: each with its unit and its reason. Past one of them a message is unread. */

/** Bytes of a descriptor set: those of large companies' whole APIs, with comments, have some megabytes. */
export const descriptorBytesMax = 8 * 1024 * 1024;

/** Descriptor sets that are remembered, read, for all resources together. */
export const descriptorsRemembered = 16;

/** Levels of messages within messages: readers of protobuf stop at a hundred. */
export const messageDepthMax = 100;

/** Fields and elements of one message, with all that is in it. A rule may have to look at each. */
export const messageNodesMax = 50_000;
