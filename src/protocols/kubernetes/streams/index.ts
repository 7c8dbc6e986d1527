/** Kubernetes' streams: what the room builds on. */
export {
  chooseSpdyExec,
  chooseWebSocketExec,
  createExecStreams,
  spdyExecProtocols,
  webSocketExecProtocols,
} from './channels.ts';
export { exited, failed } from './exec-parts.ts';
export { createPortForward } from './port-forward.ts';
export { TarListing } from './tar-listing.ts';
export type * from './types.ts';
