/**
 * COPY … TO STDOUT through the masks of its columns, in text, CSV and binary (A-PG-20).
 *
 * The stream is read value by value, whatever pieces it comes in: a value that is masked is gathered up to
 * `maskedValueBytesMax` and may change its length; a longer one goes through its mask's stream. Everything else passes as
 * the bytes it came in.
 *
 * Invariants:
 * - A piece in which nothing is masked, and behind which nothing is held back, is given back as the very same view.
 * - What does not follow the format is a violation of the server's; nothing of it passes.
 * - Memory is bounded by one value.
 *
 * COPY does not tell the types of its columns: in text and CSV values are masked as text, in binary a value that is to be
 * masked becomes NULL, and detectors look into it as into an unknown type.
 *
 * Deliberately absent: the options (mask-copy-options.ts), messages (output-content.ts).
 * Source: PostgreSQL documentation, COPY, "File Formats"; src/backend/commands/copyto.c.
 */
import { BinaryCopy } from './mask-copy-binary.ts';
import { LineCopy } from './mask-copy-line.ts';
import type { CopyFormat } from './mask-copy-options.ts';
import type { MaskedColumn } from './mask-value.ts';

/** One COPY on its way to the client. */
export interface CopyMasker {
  /** Takes the next piece of the stream; gives back what is certain, perhaps the piece itself. Does not keep the piece. */
  push(piece: Buffer): Buffer;
  /** The stream is over: what was held back. */
  end(): Buffer;
}

/** `columnOf` gives the column at an index, null where it is not masked; asked for columns that do not exist, too. */
export function copyMasker(format: CopyFormat, columnOf: (index: number) => MaskedColumn | null): CopyMasker {
  return format.format === 'binary' ? new BinaryCopy(columnOf) : new LineCopy(format, columnOf);
}
