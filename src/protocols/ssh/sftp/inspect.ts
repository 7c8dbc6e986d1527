/**
 * The port by which detectors look into the content of transfers. `masking` fulfils it, `gateway` joins them.
 *
 * Content is never rewritten: offsets, sizes and digests would no longer be what they are at the target. So a finding
 * either lets pass, or stops the transfer.
 *
 * Invariants for whoever fulfils it:
 * - Content comes in order from the first byte of the file, in pieces of any size; the finding does not depend on how it
 *   is cut.
 * - `clearBytes` never goes back. What lies behind it may still become part of a finding, and is not released; there is
 *   never more than `undecidedBytesMax` of it.
 * - A piece is borrowed for the call.
 */

export interface ContentStop {
  /** Of a download, `quarantine` is `block`: the file at the target is not the person's to move. */
  readonly verdict: 'block' | 'quarantine';
  readonly rule: string;
  /** What happened and what to do next; never the content that was found. */
  readonly reason: string;
}

export interface ContentFinding {
  /** Bytes from the beginning of the file that are certain to be no part of anything that is looked for. */
  readonly clearBytes: number;
  readonly stop: ContentStop | null;
}

export interface ContentInspector {
  push(piece: Buffer): ContentFinding;
  /** The file ends here: all is clear, or it is stopped. */
  end(): ContentFinding;
}
