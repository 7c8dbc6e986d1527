/**
 * What sessions and days have used of their limits, and the limits that count.
 *
 * Invariants:
 * - Each rule counts the output of the commands that it matches; what was counted is never given back, though a limit
 *   that it passed kept it from being delivered.
 * - Counters are bounded in number. One that finds no room counts as passed.
 *
 * Deliberately absent: durability. The gateway keeps what days have used (`dayUses`) and gives it back after a restart
 * (`restore`); sessions do not outlive a gateway.
 */
import type { Clock } from '../base/clock.ts';
import type { OutputLimit } from '../core/judgement.ts';
import type { GuardrailRequest } from './facts.ts';
import type { Fields } from './fields.ts';
import * as limits from './limits.ts';

interface Use {
  rows: number;
  bytes: number;
}

interface Bounds {
  readonly rows: number | null;
  readonly bytes: number | null;
}

/** What a rule counts of what a principal (its id) received from a resource (its name) on a day. */
export interface DayUse {
  readonly principal: string;
  readonly resource: string;
  readonly rule: string;
  readonly rows: number;
  readonly bytes: number;
}

export interface DayUses {
  /** Days since the epoch, UTC. */
  readonly day: number;
  readonly uses: readonly DayUse[];
}

const dayMs = 24 * 3600 * 1000;

export class UsageLedger {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #entriesMax: number;
  readonly #sessions = new Map<string, Map<string, Use>>();
  readonly #days = new Map<string, Use>();
  #day: number;
  #entries = 0;
  #version = 0;

  constructor(clock: Pick<Clock, 'now'>, entriesMax = limits.usageEntriesMax) {
    this.#clock = clock;
    this.#entriesMax = entriesMax;
    this.#day = this.#today();
  }

  /** The session is over: its counters go. */
  forget(session: string): void {
    this.#entries -= this.#sessions.get(session)?.size ?? 0;
    this.#sessions.delete(session);
  }

  /** What was used today, the most used first; at most `entriesMax`. */
  dayUses(entriesMax: number): DayUses {
    this.#turn();
    const uses = [...this.#days].map(([key, { rows, bytes }]): DayUse => {
      const [principal = '', resource = '', rule = ''] = JSON.parse(key) as string[];
      return { principal, resource, rule, rows, bytes };
    });
    uses.sort((a, b) => b.rows - a.rows || b.bytes - a.bytes);
    return { day: this.#day, uses: uses.slice(0, entriesMax) };
  }

  /** Adds what was used before a restart; another day than today is nothing to remember. */
  restore({ day, uses }: DayUses): void {
    this.#turn();
    if (day !== this.#day) return;
    for (const { principal, resource, rule, rows, bytes } of uses) {
      add(this.#dayUse(keyOf(principal, resource, rule)), rows, bytes);
    }
  }

  /** Counts what was counted: the same number, the same uses. */
  get version(): number {
    return this.#version;
  }

  /** What a rule counts of a session, which is still open; null where there is no room to count. */
  sessionUse(session: string, rule: string): Use | null {
    let uses = this.#sessions.get(session);
    let use = uses?.get(rule);
    if (use !== undefined) return use;
    if (this.#entries >= this.#entriesMax) return null;
    if (uses === undefined) {
      uses = new Map();
      this.#sessions.set(session, uses);
    }
    use = { rows: 0, bytes: 0 };
    uses.set(rule, use);
    this.#entries += 1;
    return use;
  }

  /** Counts towards a rule's limit of today; null where there is no room to count. */
  spendDay(principal: string, resource: string, rule: string, rows: number, bytes: number): Use | null {
    this.#turn();
    this.#version++;
    return add(this.#dayUse(keyOf(principal, resource, rule)), rows, bytes);
  }

  /** Counters in use. */
  get size(): number {
    return this.#entries;
  }

  #dayUse(key: string): Use | null {
    let use = this.#days.get(key);
    if (use === undefined) {
      if (this.#entries >= this.#entriesMax) return null;
      use = { rows: 0, bytes: 0 };
      this.#days.set(key, use);
      this.#entries += 1;
    }
    return use;
  }

  #today(): number {
    return Math.floor(this.#clock.now() / dayMs);
  }

  /** A new day begins with nothing used. A clock that goes back does not. */
  #turn(): void {
    const today = this.#today();
    if (today <= this.#day) return;
    this.#day = today;
    this.#entries -= this.#days.size;
    this.#days.clear();
  }
}

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

/** `limits` of a rule, compiled. */
export interface LimitSpec {
  readonly rule: string;
  readonly verdict: OutputLimit['verdict'];
  readonly message: string | null;
  readonly statement: (Bounds & { readonly durationMs: number | null; readonly bytesPerSecond: number | null }) | null;
  readonly session: Bounds | null;
  readonly day: Bounds | null;
}

export function compileLimits(
  fields: Fields,
  path: string,
  value: unknown,
  verdict: OutputLimit['verdict'],
  message: string | null,
): LimitSpec {
  const given = fields.object(path, value, ['statement', 'session', 'day']);
  const spec: LimitSpec = {
    rule: fields.name,
    verdict,
    message,
    statement: statementBounds(fields, `${path}.statement`, given.statement),
    session: boundsOf(fields, `${path}.session`, given.session),
    day: boundsOf(fields, `${path}.day`, given.day),
  };
  if (spec.statement === null && spec.session === null && spec.day === null) {
    throw fields.fault(path, 'there is no limit; give one for statement, session or day');
  }
  return spec;
}

function statementBounds(fields: Fields, path: string, value: unknown): LimitSpec['statement'] {
  if (value === undefined) return null;
  const given = fields.object(path, value, ['rows', 'bytes', 'duration', 'bytesPerSecond']);
  const bounds = {
    rows: fields.number(`${path}.rows`, given.rows, 0),
    bytes: fields.number(`${path}.bytes`, given.bytes, 0),
    durationMs: fields.duration(`${path}.duration`, given.duration),
    bytesPerSecond: fields.number(`${path}.bytesPerSecond`, given.bytesPerSecond, 1),
  };
  if (Object.values(bounds).every((bound) => bound === null)) {
    throw fields.fault(path, 'there is no bound; give rows, bytes, duration or bytesPerSecond');
  }
  return bounds;
}

function boundsOf(fields: Fields, path: string, value: unknown): Bounds | null {
  if (value === undefined) return null;
  const given = fields.object(path, value, ['rows', 'bytes']);
  const bounds = {
    rows: fields.number(`${path}.rows`, given.rows, 0),
    bytes: fields.number(`${path}.bytes`, given.bytes, 0),
  };
  if (bounds.rows === null && bounds.bytes === null) throw fields.fault(path, 'there is no bound; give rows or bytes');
  return bounds;
}

/** The counters of one command. Without a ledger, what a session or day has used is unknown and counts as passed. */
export function makeLimits(spec: LimitSpec, request: GuardrailRequest, ledger: UsageLedger | null): OutputLimit[] {
  const { rule, statement, session, day } = spec;
  const made: OutputLimit[] = [];
  if (statement !== null) {
    const use = statementUse(request.command.partOf, rule);
    const limit = makeLimit(spec, 'a statement', statement, statement.durationMs, (rows, bytes) =>
      add(use, rows, bytes),
    );
    made.push(statement.bytesPerSecond === null ? limit : { ...limit, bytesPerSecond: statement.bytesPerSecond });
  }
  if (session !== null) {
    // Found at once, while the session is open: what a late message spends must not bring a forgotten counter back.
    const use = ledger?.sessionUse(request.session.id, rule) ?? null;
    made.push(makeLimit(spec, 'a session', session, null, (rows, bytes) => add(use, rows, bytes)));
  }
  if (day !== null) {
    const { principal, resource } = request;
    const count = (rows: number, bytes: number): Use | null =>
      ledger?.spendDay(principal.id, resource.name, rule, rows, bytes) ?? null;
    made.push(makeLimit(spec, 'a day (UTC)', day, null, count));
  }
  return made;
}

/** What has come of results that are taken in parts; gone with what the parts are of. */
const parts = new WeakMap<object, Map<string, Use>>();

/** The counter of a statement: its own, or that of the result that it brings out a part of. */
function statementUse(whole: object | undefined, rule: string): Use {
  const uses = whole === undefined ? undefined : (parts.get(whole) ?? new Map<string, Use>());
  const use = uses?.get(rule) ?? { rows: 0, bytes: 0 };
  if (whole !== undefined) parts.set(whole, uses!.set(rule, use));
  return use;
}

function add(use: Use | null, rows: number, bytes: number): Use | null {
  if (use === null) return null;
  use.rows += rows;
  use.bytes += bytes;
  return use;
}

function makeLimit(
  spec: LimitSpec,
  scope: string,
  bounds: Bounds,
  durationMsMax: number | null,
  count: (rows: number, bytes: number) => Use | null,
): OutputLimit {
  let isPassed = false;
  return {
    rule: spec.rule,
    verdict: spec.verdict,
    reason: spellLimit(spec, scope, bounds, durationMsMax),
    durationMsMax,
    spend: (rows, bytes) => {
      if (bounds.rows === null && bounds.bytes === null) return isPassed;
      const use = count(rows, bytes);
      isPassed ||=
        use === null ||
        (bounds.rows !== null && use.rows > bounds.rows) ||
        (bounds.bytes !== null && use.bytes > bounds.bytes);
      return isPassed;
    },
  };
}

function spellLimit(
  { rule, verdict, message }: LimitSpec,
  scope: string,
  bounds: Bounds,
  durationMs: number | null,
): string {
  const most = [
    ...(bounds.rows === null ? [] : [`${bounds.rows} rows`]),
    ...(bounds.bytes === null ? [] : [`${bounds.bytes} bytes`]),
    ...(durationMs === null ? [] : [`${durationMs / 1000} seconds`]),
  ];
  const what = `The guardrail ${rule} lets ${scope} have ${most.join(', ')} at most.`;
  const next = verdict === 'alert' ? '' : ' Ask for less, or talk to whoever maintains the guardrail.';
  return `${message === null ? '' : `${message} `}${what}${next}`;
}
