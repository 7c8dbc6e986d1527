/**
 * The messages of the PostgreSQL protocol, versions 3.0 and 3.2: what the gateway opens and what it says itself.
 *
 * Every decoder takes a whole message (`MessageView`: a MessageReader that stands on one is such a view), checks counts
 * and lengths before loops, consumes the body exactly, and throws `postgres.message-malformed` or, for text that is not
 * UTF-8 or has a NUL inside, `postgres.text-invalid` (SQLSTATE 22021). Buffers in results are views of the message.
 *
 * body.ts: the cursor. frontend.ts: what clients send. backend.ts: what servers send.
 */
export * from './backend.ts';
export type { MessageView } from './body.ts';
export * from './frontend.ts';
