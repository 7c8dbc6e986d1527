/**
 * What a figure of a principal usually comes to, and its peers': the largest of each day, over some weeks.
 *
 * Invariants: a day in which something was reported is not learned for `forgiveDays`: what goes on for longer than that people have
 * looked at, or nobody has. Days older than the span are forgotten.
 */
import type { ObservedPrincipal } from '../detector.ts';
import { behaviourOf, dayOf, quantile } from './kit.ts';
import { figuredPrincipalsMax, groupsMax, membersMax } from './limits.ts';
import type { Memory, Recent } from './memory.ts';

interface OwnDays {
  /** Days past with their largest figure, and whether something was reported on them; oldest first. */
  days: [day: number, value: number, isTold: boolean][];
  today: number;
  todayIs: number;
  /** Something was reported today. */
  isTold: boolean;
  /** What `usual` said first on that day, and says until it is over. */
  usual: Usual;
  usualIs: number;
}

interface PeersUsual {
  /** By principal: what is usual for it, as of a day. Oldest first. */
  members: [id: string, usual: number, day: number][];
}

export interface Usual {
  /** The quantile over own days; 0 without any. */
  readonly own: number;
  readonly days: number;
  /** The median over peers of what is usual for each, and how many these are; of the group where it is largest. */
  readonly peers: number;
  readonly peerCount: number;
}

/** Days after which what was reported on a day counts as usual like any other. */
const forgiveDays = 7;

export class DailyFigures {
  readonly #own: Recent<OwnDays>;
  readonly #groups: Recent<PeersUsual>;
  readonly #spanDays: number;
  readonly #share: number;

  constructor(memory: Memory, name: string, spanDays: number, share = 0.9) {
    this.#own = memory.map(`${name}-days`, figuredPrincipalsMax);
    this.#groups = memory.map(`${name}-peers`, groupsMax);
    this.#spanDays = spanDays;
    this.#share = share;
  }

  /** What was usual before today. */
  usual(principal: ObservedPrincipal, atMs: number): Usual {
    const own = this.#own.peek(behaviourOf(principal));
    const today = dayOf(atMs);
    if (own === undefined) return { own: 0, days: 0, ...this.#peersOf(principal) };
    if (own.usualIs === today) return own.usual;
    if (own.todayIs !== today) this.#close(own, principal, today);
    const days = own.days.filter(
      ([day, , isTold]) => day > today - this.#spanDays && !(isTold && day > today - forgiveDays),
    );
    own.usual = {
      own: quantile(
        days.map((one) => one[1]),
        this.#share,
      ),
      days: days.length,
      ...this.#peersOf(principal),
    };
    own.usualIs = today;
    return own.usual;
  }

  #peersOf(principal: ObservedPrincipal): { readonly peers: number; readonly peerCount: number } {
    let [peers, peerCount] = [0, 0];
    for (const name of principal.groups) {
      const others = this.#groups.peek(name)?.members.filter(([id]) => id !== principal.id) ?? [];
      const usual = quantile(
        others.map((one) => one[1]),
        0.5,
      );
      if (others.length > 0 && usual >= peers) [peers, peerCount] = [usual, others.length];
    }
    return { peers, peerCount };
  }

  /** Counts a figure of today; only the largest matters. */
  note(principal: ObservedPrincipal, atMs: number, value: number): void {
    const day = dayOf(atMs);
    const own = this.#own.take(behaviourOf(principal), () => ({
      days: [],
      today: 0,
      todayIs: day,
      isTold: false,
      usual: { own: 0, days: 0, ...this.#peersOf(principal) },
      usualIs: -1,
    }));
    if (own.todayIs !== day) this.#close(own, principal, day);
    own.today = Math.max(own.today, value);
  }

  /** Today is not learned. */
  tell(principal: ObservedPrincipal): void {
    const own = this.#own.get(behaviourOf(principal));
    if (own !== undefined) own.isTold = true;
  }

  #close(own: OwnDays, principal: ObservedPrincipal, day: number): void {
    own.days.push([own.todayIs, own.today, own.isTold]);
    while (own.days.length > 0 && own.days[0]![0] <= day - this.#spanDays) own.days.shift();
    if (!own.isTold) {
      const past = own.days.filter((one) => !one[2] || one[0] <= day - forgiveDays);
      const usual = quantile(
        past.map((one) => one[1]),
        this.#share,
      );
      for (const name of principal.groups) {
        const { members } = this.#groups.take(name, () => ({ members: [] }));
        const at = members.findIndex(([id]) => id === principal.id);
        if (at !== -1) members.splice(at, 1);
        else if (members.length >= membersMax) members.shift();
        members.push([principal.id, usual, day]);
      }
    }
    own.today = 0;
    own.todayIs = day;
    own.isTold = false;
  }
}
