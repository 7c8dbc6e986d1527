/** The output of one piece of a COPY: the piece itself as long as nothing of it was changed. */
export class PieceOutput {
  readonly #piece: Buffer;
  #parts: Buffer[] | null = null;
  #copied = 0;

  constructor(piece: Buffer) {
    this.#piece = piece;
  }

  /** What of the piece stands from `start` to `end` becomes `now`. In order, and without overlap. */
  replace(start: number, end: number, now: Buffer): void {
    this.#parts ??= [];
    if (start > this.#copied) this.#parts.push(this.#piece.subarray(this.#copied, start));
    if (now.length > 0) this.#parts.push(now);
    this.#copied = end;
  }

  finish(): Buffer {
    if (this.#parts === null) return this.#piece;
    if (this.#copied < this.#piece.length) this.#parts.push(this.#piece.subarray(this.#copied));
    return this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
  }
}
