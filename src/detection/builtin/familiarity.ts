/**
 * What each principal is used to: resources, tables, addresses, clients. Says of a thing whether it is new for whoever uses it,
 * and whether it is unusual among those who share a group with them.
 *
 * Invariants:
 * - What was reported is not learned, neither for the principal nor for its groups, until it has gone on being used for
 *   `forgiveDays` after the report: people have looked at it by then, or nobody has.
 * - Somebody without a history is compared with their groups; where those have none either, everything is learned.
 * - Things are forgotten when they were not used for `forgetDays`.
 */
import type { ObservedPrincipal } from '../detector.ts';
import { behaviourOf, dayMs, dayOf, decayed } from './kit.ts';
import * as limits from './limits.ts';
import type { Memory, Recent } from './memory.ts';

export interface FamiliarityOptions {
  /** Days of activity after which a principal, or a group, has a history. */
  readonly historyDays: number;
  readonly forgetDays: number;
  readonly forgiveDays: number;
  /** Share of a group's members that make a thing usual in the group; at least two of them. */
  readonly peersShare: number;
  /** What is new before there is a history says how often new things come: of those of which there are always new ones. */
  readonly isRestless?: boolean;
}

/** `learning`: nothing is known to compare with. `shared`: new for it, usual among its peers. `told`: reported before. */
export interface Standing {
  readonly is: 'known' | 'learning' | 'shared' | 'told' | 'novel';
  /** Things that were new for it without peers using them, within the last day, this one among them. */
  readonly novelToday: number;
  /** New things in a day, as a rule. */
  readonly novelUsually: number;
  readonly historyDays: number;
}

interface Own {
  days: number;
  day: number;
  /** By thing: when it was last used, and when it was reported (0: never, so it is learned). */
  items: Record<string, [lastMs: number, toldMs: number]>;
  count: number;
  /** New things, decayed, and as of when. */
  novel: number;
  novelMs: number;
  /** Of the current day. */
  today: number;
  todayIs: number;
}

interface Group {
  firstMs: number;
  members: string[];
}

interface GroupItem {
  users: string[];
  lastMs: number;
}

const noveltyHalfLifeMs = 14 * dayMs;

export class Familiarity {
  readonly #options: FamiliarityOptions;
  readonly #own: Recent<Own>;
  readonly #groups: Recent<Group>;
  readonly #groupItems: Recent<GroupItem>;

  /** `name`: what its maps are called among those of the detector. */
  constructor(memory: Memory, options: FamiliarityOptions, name = 'familiar') {
    this.#options = options;
    this.#own = memory.map(`${name}-own`, limits.familiarPrincipalsMax);
    this.#groups = memory.map(`${name}-groups`, limits.groupsMax);
    this.#groupItems = memory.map(`${name}-items`, limits.groupItemsMax);
  }

  /** Whether it is among the things learned for it. */
  knows(principal: ObservedPrincipal, thing: string): boolean {
    const entry = this.#own.peek(behaviourOf(principal))?.items[keyOf(thing)];
    return entry !== undefined && entry[1] === 0;
  }

  /** It is at work: for detectors to whose things it seldom comes, so that it has a history all the same. */
  present(principal: ObservedPrincipal, atMs: number): void {
    this.#count(this.#ownOf(principal, atMs), principal, atMs);
  }

  #ownOf(principal: ObservedPrincipal, atMs: number): Own {
    return this.#own.take(behaviourOf(principal), () => ({
      days: 0,
      day: -1,
      items: {},
      count: 0,
      novel: 0,
      novelMs: atMs,
      today: 0,
      todayIs: dayOf(atMs),
    }));
  }

  see(principal: ObservedPrincipal, thing: string, atMs: number): Standing {
    const item = keyOf(thing);
    const { historyDays, forgetDays, forgiveDays } = this.#options;
    const own = this.#ownOf(principal, atMs);
    this.#count(own, principal, atMs);
    const entry = own.items[item];
    if (entry !== undefined && atMs - entry[0] < forgetDays * dayMs) {
      if (entry[1] === 0 || atMs - entry[1] >= forgiveDays * dayMs) {
        if (entry[1] !== 0 || dayOf(entry[0]) !== dayOf(atMs)) this.#learn(own, principal, item, atMs);
        return this.#standing('known', own);
      }
      entry[0] = atMs;
      return this.#standing('told', own);
    }
    const isShared = this.#isShared(principal, item);
    if (isShared || (own.days <= historyDays && !this.#groupsKnow(principal, atMs))) {
      this.#learn(own, principal, item, atMs);
      // The first days are all new, and say nothing of how often new things come.
      if (this.#options.isRestless === true && own.days > 2) this.#novelty(own, atMs);
      return this.#standing(isShared ? 'shared' : 'learning', own);
    }
    own.today += 1;
    const standing = this.#standing('novel', own);
    this.#novelty(own, atMs);
    this.#keep(own, item, [atMs, atMs]);
    return standing;
  }

  /** What `see` called novel is not worth a report: it is learned at once. */
  accept(principal: ObservedPrincipal, thing: string, atMs: number): void {
    const own = this.#own.get(behaviourOf(principal));
    if (own !== undefined) this.#learn(own, principal, keyOf(thing), atMs);
  }

  #novelty(own: Own, atMs: number): void {
    own.novel = decayed(own.novel, atMs - own.novelMs, noveltyHalfLifeMs) + 1;
    own.novelMs = atMs;
  }

  #standing(is: Standing['is'], own: Own): Standing {
    // A decayed count with half-life h settles at rate × h / ln 2.
    const perDay = (own.novel * Math.LN2) / (noveltyHalfLifeMs / dayMs);
    return { is, novelToday: own.today, novelUsually: perDay, historyDays: own.days };
  }

  #count(own: Own, principal: ObservedPrincipal, atMs: number): void {
    const day = dayOf(atMs);
    if (own.todayIs !== day) {
      own.todayIs = day;
      own.today = 0;
    }
    if (own.day === day) return;
    own.day = day;
    own.days += 1;
    for (const name of principal.groups) {
      const group = this.#groups.take(name, () => ({ firstMs: atMs, members: [] }));
      touch(group.members, principal.id, limits.groupSizeMax);
    }
  }

  #learn(own: Own, principal: ObservedPrincipal, item: string, atMs: number): void {
    this.#keep(own, item, [atMs, 0]);
    for (const name of principal.groups) {
      const key = `${name}\0${item}`;
      const used = this.#groupItems.take(key, () => ({ users: [], lastMs: atMs }));
      used.lastMs = atMs;
      touch(used.users, principal.id, limits.usersOfItemMax);
    }
  }

  #keep(own: Own, item: string, entry: [number, number]): void {
    if (own.items[item] === undefined) {
      if (own.count >= limits.itemsPerPrincipalMax) {
        const oldest = Object.entries(own.items).reduce((a, b) => (b[1][0] < a[1][0] ? b : a));
        delete own.items[oldest[0]];
        own.count -= 1;
      }
      own.count += 1;
    }
    own.items[item] = entry;
  }

  /**
   * The groups that say something of the principal: those that have more than three times as many members as its smallest do
   * not (all staff, everyone with a laptop).
   */
  #telling(principal: ObservedPrincipal): readonly (readonly [name: string, group: Group])[] {
    const known = principal.groups.flatMap((name) => {
      const group = this.#groups.peek(name);
      return group === undefined ? [] : [[name, group] as const];
    });
    const sizes = known.map(([, { members }]) => members.length).filter((size) => size >= 4);
    const smallest = sizes.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...sizes);
    return known.filter(([, { members }]) => members.length <= 3 * smallest);
  }

  #isShared(principal: ObservedPrincipal, item: string): boolean {
    return this.#telling(principal).some(([name, { members }]) => {
      const used = this.#groupItems.peek(`${name}\0${item}`);
      if (used === undefined) return false;
      const others = used.users.filter((id) => id !== principal.id).length;
      return others >= Math.max(2, Math.min(limits.usersOfItemMax, this.#options.peersShare * members.length));
    });
  }

  #groupsKnow(principal: ObservedPrincipal, atMs: number): boolean {
    return this.#telling(principal).some(([, { firstMs, members }]) => {
      if (atMs - firstMs < this.#options.historyDays * dayMs) return false;
      return members.filter((id) => id !== principal.id).length >= 3;
    });
  }
}

/** Puts it last; the first goes where there are too many. */
function touch(list: string[], one: string, max: number): void {
  const at = list.indexOf(one);
  if (at !== -1) list.splice(at, 1);
  else if (list.length >= max) list.shift();
  list.push(one);
}

/** Names come from peers: none may be one that objects have by themselves. */
function keyOf(thing: string): string {
  return `:${thing}`;
}
