/**
 * What of one chunk is delivered: runs of it as views, with something else in place of what was changed.
 *
 * Deliberately absent: what is changed (server-side.ts, output-content.ts).
 */
export class OutputViews {
  #buffer: Buffer = none;
  #views: Buffer[] = [];
  /** The run that is still growing. */
  #start = 0;
  #end = 0;

  /** Another chunk; the one before was taken. */
  begin(buffer: Buffer): void {
    this.#buffer = buffer;
    this.#start = this.#end = 0;
  }

  /** Everything up to here passes, as far as it was not replaced. */
  pass(end: number): void {
    this.#end = end;
  }

  /** In place of what stands from `start` to `end`, the last that passed or what follows it: `now`, or nothing. */
  replace(start: number, end: number, now: Buffer | null): void {
    if (start > this.#start) this.#views.push(this.#buffer.subarray(this.#start, start));
    if (now !== null && now.length > 0) this.#views.push(now);
    this.#start = this.#end = end;
  }

  /** What passed so far as one view, or null for nothing; the chunk goes on. */
  takeSoFar(): Buffer | null {
    if (this.#end > this.#start) this.#views.push(this.#buffer.subarray(this.#start, this.#end));
    this.#start = this.#end;
    const views = this.#views;
    if (views.length === 0) return null;
    this.#views = [];
    return views.length === 1 ? views[0]! : Buffer.concat(views);
  }

  /** All of it as one view, or null for nothing. The chunk is let go. */
  take(): Buffer | null {
    const view = this.takeSoFar();
    this.#buffer = none;
    this.#start = this.#end = 0;
    return view;
  }
}

const none = Buffer.alloc(0);
