/**
 * What is known of the databases behind the sessions: their catalogs, loaded beside the sessions, shared by them, and
 * believed only as long as nothing speaks against it.
 *
 *     session runs DDL ─► doubt() ─► nobody sees facts ─► version compared, loaded anew where it differs ─► facts again
 *
 * Invariants:
 * - Facts are given out only while they agree with the server as of a comparison that began after everything this
 *   gateway knows to have changed them ended. Otherwise there are none, and an analysis without facts proves nothing.
 * - Changes made elsewhere show within `catalogCheckMs`; facts that could not be compared for `catalogTrustMs` are gone.
 * - One connection and one question at a time for each database, for as long as a session needs it; deadlines on each;
 *   failures back off.
 * - Sessions share facts only where resource, address, database and credential are the same.
 *
 * Deliberately absent: what statements do to a catalog (context.ts), how facts are used (language), waiting (context.ts).
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { describeError, isGatewayError } from '../../base/errors.ts';
import type { Door } from '../../core/protocol.ts';
import type { Resource } from '../../core/resource.ts';
import type { RowEstimate } from '../../core/review.ts';
import type { Command, Session } from '../../core/session.ts';
import { type Analysis, AnalysisCache, BuiltIns, type CatalogFacts, loadCatalog } from '../../language/index.ts';
import type { Changes } from './context-changes.ts';
import { postgresErrors } from './errors.ts';
import type { EstimateValues } from './estimate.ts';
import { Estimator } from './estimate-ask.ts';
import { catalogInspection, type ServerContext, versionInspection } from './inspection.ts';
import * as limits from './limits.ts';
import { type InspectionConnection, openInspection } from './upstream.ts';

type DoorParts = Pick<Door, 'clock' | 'log' | 'signal' | 'violation'>;

/** A session's share in a catalog. */
export interface CatalogMember {
  /** The facts as of now, if they may be believed and are newer than this member's own doubts. */
  readonly facts: CatalogFacts | null;
  /** Facts may come soon: waiting for `onChange` makes sense. */
  readonly isPending: boolean;
  /** Analyses of this database's statements, shared by all its sessions. */
  readonly cache: AnalysisCache;
  /** Called when `facts` or `isPending` may have changed. */
  onChange: () => void;
  /**
   * A statement that changes the catalog has ended, and the change may be visible to others. `everyone`: nobody is to
   * use facts until they were compared again; else only this session, and the others see what the comparison finds.
   */
  doubt(everyone: boolean): void;
  /** A statement that changes objects, or commits such changes, is on its way. */
  changing(): void;
  /** What this session is changing, set once. */
  ownChanges: Changes | null;
  /** Whether another session is changing what a text names. */
  isChanging(analysis: Analysis): boolean;
  /** Counts what the others have said so (`changing`): a statement during which it rose may have met other objects. */
  readonly changes: number;
  /** The facts that were last known, out of date or not. */
  readonly lastFacts: CatalogFacts | null;
  /** Asks the server what it expects of a held command of this session; never rejects (estimate-ask.ts). */
  estimate(command: Command, searchPath: readonly string[], values: EstimateValues): Promise<RowEstimate>;
  /** How sessions of this database begin. */
  began(known: ServerContext): void;
  /** The session is over. */
  leave(): void;
}

/** What is known of a database outside any session, for trying out rules. */
export interface CatalogView {
  readonly facts: CatalogFacts | null;
  readonly cache: AnalysisCache;
  /** How the last session began; null where there was none. */
  readonly began: ServerContext | null;
}

/** All catalogs of one listener's protocol. */
export class Catalogs {
  readonly #sources = new Map<string, CatalogSource>();

  /** The session begins to use the catalog of its database. */
  join(session: Session, door: DoorParts): CatalogMember {
    const key = keyOf(session.resource);
    let source = this.#sources.get(key);
    if (source === undefined) {
      this.#forgetUnused();
      source = new CatalogSource(door.clock);
      this.#sources.set(key, source);
    }
    return source.join(session, door);
  }

  /** What is known of a resource's database now; null where nobody has used it. */
  of(resource: Resource): CatalogView | null {
    return this.#sources.get(keyOf(resource))?.view ?? null;
  }

  #forgetUnused(): void {
    for (const [key, source] of this.#sources) {
      if (this.#sources.size < limits.catalogsMax) return;
      if (!source.isUsed) this.#sources.delete(key);
    }
  }
}

/** Where the same is known: one database, seen with one credential. */
function keyOf({ id, name, host, port, tls, credential, settings }: Resource): string {
  return JSON.stringify([id, name, host, port, tls, credential?.username ?? null, Object.entries(settings)]);
}

interface Member extends CatalogMember {
  readonly session: Session;
  readonly door: DoorParts;
}

class CatalogSource {
  readonly #clock: Clock;
  #changes = 0;
  readonly #members = new Set<Member>();
  /** Those that may be changing objects now: few, while each statement of the others asks. */
  readonly #changing = new Set<Member>();
  /** For this database alone: elsewhere the same version may stand for something else (a copy that went its own way). */
  readonly #cache = new AnalysisCache();
  readonly #builtIns = new BuiltIns();
  readonly #estimator = new Estimator();
  #facts: CatalogFacts | null = null;
  #lastFacts: CatalogFacts | null = null;
  #began: ServerContext | null = null;
  /** Version of a catalog that is too large to be known. */
  #refusedVersion: string | null = null;
  #connection: InspectionConnection | null = null;
  /** Comparisons asked for, and up to which of them one has begun later and ended well. */
  #asked = 0;
  #answered = 0;
  /** Nobody sees facts before this one is answered. */
  #doubted = 0;
  #comparedMs = 0;
  #running = false;
  #failures = 0;
  #retry: Timer | null = null;
  #periodic: Timer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isUsed(): boolean {
    return this.#members.size > 0 || this.#running;
  }

  get view(): CatalogView {
    return { facts: this.#facts, cache: this.#cache, began: this.#began };
  }

  join(session: Session, door: DoorParts): CatalogMember {
    const source = this;
    let needs = 0;
    let own = 0;
    const member: Member = {
      session,
      door,
      cache: this.#cache,
      onChange: () => undefined,
      get facts() {
        const believed = source.#answered >= source.#doubted && source.#answered >= needs;
        return believed && !source.#isOld ? source.#facts : null;
      },
      get lastFacts() {
        return source.#lastFacts;
      },
      estimate: (command, path, values) => source.#estimator.ask(session, command, { path, values }, door),
      began: (known) => {
        source.#began = known;
      },
      get isPending() {
        return source.#running;
      },
      doubt: (everyone) => {
        needs = source.#ask();
        if (!everyone) return;
        source.#doubted = needs;
        source.#notify();
      },
      changing: () => {
        own++;
        source.#changes++;
        source.#changing.add(member);
      },
      ownChanges: null,
      isChanging: (analysis) => {
        for (const other of source.#changing) {
          if (other.ownChanges?.isOver !== false) source.#changing.delete(other);
          else if (other !== member && other.ownChanges.concern(analysis)) return true;
        }
        return false;
      },
      get changes() {
        return source.#changes - own;
      },
      leave: () => source.#leave(member),
    };
    this.#members.add(member);
    this.#periodic ??= this.#clock.every(limits.catalogCheckMs, () => this.#check());
    // Nobody compared while nobody was here, nor what the last one asked for when it left.
    const isBehind = this.#facts === null || this.#answered < this.#asked;
    if (isBehind || this.#clock.monotonic() - this.#comparedMs > limits.catalogCheckMs) {
      this.#doubted = this.#ask();
    }
    return member;
  }

  get #isOld(): boolean {
    return this.#failures > 0 && this.#clock.monotonic() - this.#comparedMs > limits.catalogTrustMs;
  }

  #leave(member: Member): void {
    this.#changing.delete(member);
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#periodic?.cancel();
    this.#periodic = null;
    this.#disconnect();
  }

  #disconnect(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  #notify(): void {
    for (const member of this.#members) member.onChange();
  }

  #check(): void {
    this.#ask();
    if (this.#isOld) this.#notify();
  }

  /** Asks for a comparison that begins from now on. */
  #ask(): number {
    this.#asked++;
    if (!this.#running && this.#retry === null) void this.#run();
    return this.#asked;
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#answered < this.#asked && this.#members.size > 0) {
        const upTo = this.#asked;
        await this.#compare();
        this.#answered = upTo;
        this.#comparedMs = this.#clock.monotonic();
        this.#failures = 0;
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#running = false;
      // All have left while it was being opened.
      if (this.#members.size === 0) this.#disconnect();
      this.#notify();
    }
  }

  async #compare(): Promise<void> {
    const connection = await this.#connected();
    const answer = await connection.ask(versionInspection);
    const version = answer[0]?.[0] ?? null;
    if (version !== null && (version === this.#facts?.version || version === this.#refusedVersion)) return;
    if (this.#facts !== null) {
      // Known to be out of date from here on.
      this.#facts = null;
      this.#notify();
    }
    const { facts, refused } = await loadCatalog((sql) => connection.ask(catalogInspection(sql)), this.#builtIns);
    this.#facts = facts;
    this.#lastFacts = facts;
    this.#refusedVersion = facts === null ? version : null;
    if (refused !== null) this.#log('warn', 'the catalog of a resource cannot be used', refused, null);
  }

  async #connected(): Promise<InspectionConnection> {
    if (this.#connection?.alive === true) return this.#connection;
    const member = [...this.#members].find(({ session }) => !session.ended);
    if (member === undefined) throw postgresErrors('postgres.closed', { detail: 'no session is left' });
    this.#connection = await openInspection(member.session, member.door);
    return this.#connection;
  }

  #failed(error: unknown): void {
    this.#disconnect();
    if (this.#members.size === 0) return;
    const delay = Math.min(limits.catalogRetryMsMax, limits.catalogRetryMs * 2 ** this.#failures);
    this.#failures++;
    this.#log('warn', 'inspecting a resource failed', describeError(error), isGatewayError(error) ? error.code : null);
    this.#retry = this.#clock.after(delay, () => {
      this.#retry = null;
      if (this.#members.size > 0) this.#ask();
    });
  }

  #log(level: 'warn', message: string, detail: string, code: string | null): void {
    const [member] = this.#members;
    member?.door.log[level](message, { resource: member.session.resource.name, detail, code });
  }
}
