/** Handing events on to other systems: what the gateway joins, and what generators of documentation read. */
export { type FieldPlan, fieldKey, planFields } from './fields.ts';
export { documentOf, documentSchema, type EventDocument } from './formats/document.ts';
export { eventTable } from './formats/event-table.ts';
export * as sinkLimits from './limits.ts';
export { sinkProblem } from './problem.ts';
export { formatOf, recordMaker } from './records.ts';
export { createTransport, transports } from './registry.ts';
export { fewOf, problemOf, Runner, type RunnerParts, type SinkProgress } from './runner.ts';
export { type Selection, selectionOf } from './select.ts';
export type {
  SendOutcome,
  SinkConnection,
  SinkRecord,
  SinkRequest,
  Transport,
  TransportParts,
} from './transport.ts';
