/**
 * The client's side of a session that spans connections (HTTP): whatever connections have joined it, as one.
 *
 * Invariants: nothing is written here, since output belongs to an exchange and leaves by its flow; a connection that joins a
 * frozen session is frozen; the end of the session ends them all.
 */
import { assert } from '../base/assert.ts';
import type { Wire } from '../base/wire.ts';
import { coreErrors } from './errors.ts';
import * as limits from './limits.ts';

/** What a session asks of its client's side. */
export type ClientSide = Pick<Wire, 'write' | 'end' | 'destroy' | 'freeze'>;

export class Gathering implements ClientSide {
  readonly #wires = new Set<Wire>();
  #frozen = false;

  /** Idempotent. Throws `core.too-many-connections`. */
  join(wire: Wire): void {
    if (this.#wires.has(wire)) return;
    for (const one of this.#wires) if (one.closed) this.#wires.delete(one);
    if (this.#wires.size >= limits.connectionsPerSessionMax) {
      throw coreErrors('core.too-many-connections', { values: { count: this.#wires.size } });
    }
    this.#wires.add(wire);
    if (this.#frozen) wire.freeze?.(true);
  }

  write(): boolean {
    assert(false, 'output of a session that spans connections leaves by its flows');
    return false;
  }

  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    for (const wire of this.#wires) wire.freeze?.(frozen);
  }

  end(): void {
    for (const wire of this.#wires) wire.end();
  }

  destroy(): void {
    for (const wire of this.#wires) wire.destroy();
    this.#wires.clear();
  }
}
