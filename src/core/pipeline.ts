/**
 * The pipeline: what every connection and every command goes through, in this order, whatever the protocol.
 *
 * These lists are the order. `door.ts` and `session.ts` run them from top to bottom; no stage is optional, and a stage
 * that throws ends the session (I2). The order is asserted by `pipeline.test.ts`.
 */

export const connectionStages = [
  ['accept', 'limits and a journal that works come first: nothing is read from a peer that could not be recorded'],
  ['identify', 'identity comes only from the proof that succeeded on this connection (I4)'],
  ['authorise', 'no Access, no session, nor without the step-up that it asks for: absence of a rule is a refusal'],
  ['open', 'the session is durable in the journal before the target is dialled'],
  ['commands', 'each command goes through the command stages'],
  ['close', 'both sides are closed and what remained is recorded'],
  ['seal', 'the recording is sealed and its digest bound into the journal'],
] as const;

export const commandStages = [
  ['intent', 'what is about to be done is written down before anyone decides'],
  ['judge', 'rules see the whole command and the most restrictive verdict wins'],
  ['review', 'a held command waits for someone else; without a reviewer it is blocked'],
  ['durable', 'in strict, what may have an effect waits until its intent is on stable storage (I1)'],
  ['release', 'only now may its bytes be forwarded'],
] as const;

export const outputStages = [
  ['observe', 'the protocol says what the bytes mean'],
  ['mask', 'what must not be seen is rewritten before it is written anywhere (I9)'],
  ['record', 'what will be delivered is recorded first'],
  ['deliver', 'in strict, not before the intent of its command is durable'],
] as const;

export type ConnectionStage = (typeof connectionStages)[number][0];
export type CommandStage = (typeof commandStages)[number][0];
