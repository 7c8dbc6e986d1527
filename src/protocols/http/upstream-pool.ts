/**
 * Connections of HTTP/1.1 to one target, of one session: those that wait for a request, and all that there are.
 *
 * Invariants: the one that was used last is used next, so that those that are too many grow old; what nothing has used for
 * `upstreamIdleMs` is closed.
 *
 * Deliberately absent: how many there may be (upstream.ts).
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Upstream } from '../../core/session.ts';
import * as limits from './limits.ts';
import { Http1Leg } from './upstream-http1.ts';

export class Http1Pool {
  readonly #clock: Clock;
  readonly #resource: string;
  readonly #all = new Set<Http1Leg>();
  /** By how long nothing has used them, longest first. */
  #idle: Http1Leg[] = [];
  #timer: Timer | null = null;
  #isOver = false;

  constructor(clock: Clock, resource: string) {
    this.#clock = clock;
    this.#resource = resource;
  }

  /** One that is open and that nothing uses, or null. */
  take(): Http1Leg | null {
    return this.#idle.pop() ?? null;
  }

  /** Over a connection that was just made. */
  add(upstream: Upstream): Http1Leg {
    const leg = new Http1Leg({
      upstream,
      resource: this.#resource,
      onIdle: (one) => this.keep(one),
      onGone: (one) => {
        this.#all.delete(one);
        const at = this.#idle.indexOf(one);
        if (at >= 0) this.#idle.splice(at, 1);
      },
    });
    this.#all.add(leg);
    return leg;
  }

  /** For the next request. */
  keep(leg: Http1Leg): void {
    if (leg.isGone) return;
    if (this.#isOver) {
      leg.destroy();
      return;
    }
    leg.idleSinceMs = this.#clock.monotonic();
    this.#idle.push(leg);
    this.#timer ??= this.#clock.after(limits.upstreamIdleMs, () => this.#tidy());
  }

  destroy(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    for (const leg of [...this.#all]) leg.destroy();
  }

  #tidy(): void {
    const nowMs = this.#clock.monotonic();
    for (const leg of [...this.#idle]) if (nowMs - leg.idleSinceMs >= limits.upstreamIdleMs) leg.destroy();
    const oldest = this.#idle[0];
    this.#timer =
      oldest === undefined
        ? null
        : this.#clock.after(Math.max(1, oldest.idleSinceMs + limits.upstreamIdleMs - nowMs), () => this.#tidy());
  }
}
