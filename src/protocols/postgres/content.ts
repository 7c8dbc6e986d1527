/**
 * The content of runs of DataRow and CopyData messages without their headers: what a recording holds.
 *
 * A run is copied once, into a buffer that the next run overwrites; recordings copy what they keep.
 */
import { headerBytes } from './body.ts';

let scratch = Buffer.allocUnsafeSlow(128 * 1024);

/**
 * Bodies of the messages in `buffer` from `start` to `end`, back to back. The run begins at a header; its last message
 * may be cut by the end. Valid until the next call.
 */
export function bodiesOf(buffer: Buffer, start: number, end: number): Buffer {
  if (scratch.length < end - start) scratch = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(end - start)));
  let length = 0;
  for (let at = start; at < end; ) {
    const next = at + 1 + buffer.readUInt32BE(at + 1);
    const stop = Math.min(next, end);
    length += buffer.copy(scratch, length, at + headerBytes, stop);
    at = next;
  }
  const view = scratch.subarray(0, length);
  // One large message must not keep its size for ever.
  if (scratch.length > scratchBytesKept) scratch = Buffer.allocUnsafeSlow(128 * 1024);
  return view;
}

/** The scratch buffer shrinks again above this: a gathered DataRow has at most 64 KiB, a chunk of the wire as much. */
const scratchBytesKept = 1024 * 1024;
