/**
 * What a channel was sent and its handler has not been given yet. Large pieces of data are put together in memory that is
 * used again, so that a reader who pauses often makes no garbage.
 *
 * Invariant: order is kept; data is put only behind data of its kind that came right before.
 */
import { Region, regionOf } from '../../../base/regions.ts';
import type { SshChannelRequest, SshReply } from './types.ts';

/** `gathered`: it lies in a region of its own, behind which more of the kind is put. */
export interface IncomingData {
  readonly kind: 'data' | 'stderr';
  view: Buffer;
  readonly gathered: Region | null;
}

export type Incoming =
  | IncomingData
  | { readonly kind: 'request'; readonly request: SshChannelRequest; readonly reply: SshReply }
  | { readonly kind: 'end' | 'close' };

/** Data to put behind `last`; null: it was put into it. A view in a region is copied, others are kept. */
export function gather(last: Incoming | undefined, kind: 'data' | 'stderr', view: Buffer): IncomingData | null {
  if (regionOf(view) === null) return { kind, view, gathered: null };
  if (last?.kind === kind && last.gathered !== null) {
    const { room } = last.gathered;
    const end = last.view.length + view.length;
    if (end <= room.length) {
      room.set(view, last.view.length);
      last.view = room.subarray(0, end);
      return null;
    }
  }
  const gathered = Region.takeWide();
  gathered.room.set(view);
  return { kind, view: gathered.room.subarray(0, view.length), gathered };
}

/** What waited is not handed over any more. */
export function forget(items: readonly Incoming[]): void {
  for (const item of items) if (item.kind === 'data' || item.kind === 'stderr') item.gathered?.leave();
}
