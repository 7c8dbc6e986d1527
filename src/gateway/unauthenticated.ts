/**
 * Connections that have no session yet, bounded per source and in all (A-GW-02, F-13).
 *
 * Where all places are taken, the source that holds most of them gives up its oldest: whoever means it is through within
 * a second, and whoever holds places to keep others out holds the most. So a handful of sources cannot close the door.
 *
 * Invariant: never more than `unauthenticatedConnectionsMax`, never more than `unauthenticatedPerSourceMax` of a source.
 * Deliberately absent: what a source is (the caller says), deadlines (each protocol's start-up has them).
 */
import * as limits from './limits.ts';

interface Place {
  readonly source: string;
  readonly drop: () => void;
}

export class Unauthenticated {
  /** Of each source, the oldest first. */
  readonly #places = new Map<string, Set<Place>>();
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** Takes a place; null where `source` has too many. `drop` ends the connection. What is returned gives the place back. */
  enter(source: string, drop: () => void): (() => void) | null {
    if ((this.#places.get(source)?.size ?? 0) >= limits.unauthenticatedPerSourceMax) return null;
    if (this.#count >= limits.unauthenticatedConnectionsMax) this.#evict();
    const place = { source, drop };
    const places = this.#places.get(source) ?? new Set<Place>();
    this.#places.set(source, places.add(place));
    this.#count++;
    return () => this.#leave(place);
  }

  #leave(place: Place): void {
    const places = this.#places.get(place.source);
    if (places === undefined || !places.delete(place)) return;
    this.#count--;
    if (places.size === 0) this.#places.delete(place.source);
  }

  #evict(): void {
    let most: Set<Place> | null = null;
    for (const places of this.#places.values()) if (most === null || places.size > most.size) most = places;
    for (const oldest of most ?? []) {
      this.#leave(oldest);
      oldest.drop();
      return;
    }
  }
}
