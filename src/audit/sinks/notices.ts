/** A transport for what people read: a few notices at a time, found by halves where one of them is refused. */
import { type Notice, noticeOf } from './formats/notice.ts';
import { type Attempt, sendHalving } from './halving.ts';
import * as limits from './limits.ts';
import type { Transport, TransportParts } from './transport.ts';

export function noticeTransport(
  parts: TransportParts,
  attempt: (notices: readonly Notice[], signal: AbortSignal) => Promise<Attempt>,
): Transport {
  return {
    batchRecordsMax: limits.noticesMax,
    batchBytesMax: limits.batchBytesMax,
    send: (batch, signal) =>
      sendHalving(batch, (part) =>
        attempt(
          part.map((record) => noticeOf(record, parts)),
          signal,
        ),
      ),
    close: async () => {},
  };
}
