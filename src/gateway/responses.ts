/**
 * What detections do about what they found: applied, kept so that every gateway on the store and a restart knows it, ended by
 * time or by a person.
 *
 * Invariants:
 * - Nothing takes effect before its alert, and that it takes effect, are durable in the journal.
 * - What is in force stays in force over a restart, and where the store cannot be read or written; what ended stays ended (I15):
 *   the same finding made again gives the same response, which is there already.
 * - A response is written to the store as soon as that works; until then this gateway alone knows of it.
 *
 * Honest limits: other gateways hear of a response as they hear of a lock, within a second or when their store is there again.
 * Deliberately absent: judging (responses-in-force.ts), what was found (detecting.ts).
 */
import { createHash } from 'node:crypto';
import { durationMs } from '../base/duration.ts';
import { describeError } from '../base/errors.ts';
import { escapeLine } from '../base/escape.ts';
import { base32 } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Alert, ResponseKind } from '../core/alert.ts';
import type { DetectionResponse } from '../core/detection.ts';
import { durable, type LiveSessions } from '../core/door.ts';
import { type Actor, actorOf, type EventBody } from '../core/event.ts';
import type { Judge } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Session } from '../core/session.ts';
import type { RecordingJournal } from '../recording/index.ts';
import type { IdNotice, NewResponse, Store, StoredResponse, Unsubscribe } from '../store/index.ts';
import { inBackground } from './background.ts';
import { gatewayErrors } from './errors.ts';
import * as limits from './limits.ts';
import { type InForceParts, ResponsesInForce, ruleOf } from './responses-in-force.ts';
import { ending } from './revocation.ts';

export interface ResponseParts extends InForceParts {
  readonly gateway: string;
  readonly log: Log;
  readonly store: Pick<Store, 'responses' | 'objects'>;
  readonly journal: Pick<RecordingJournal, 'append' | 'afterDurable'>;
  /** Null until doors are open. */
  readonly sessions: () => LiveSessions | null;
  /** Whether somebody else is left who may administrate, were this principal locked. */
  readonly mayLock: (principalId: string) => boolean;
}

const pageRows = 500;

/** Who acts, where a detection does by itself. */
export function detectionActor(detection: string): Actor {
  const name = ruleOf(detection);
  return { id: name, issuer: 'gateway', name, kind: 'service', groups: [], credentialId: null };
}

export class ResponseService {
  readonly #parts: ResponseParts;
  readonly inForce: ResponsesInForce;
  /** Applied and durable, not in the store yet. */
  #unwritten: NewResponse[] = [];
  #locks: NewResponse[] = [];
  #writing: Promise<void> | null = null;
  /** Ended sessions for, here. */
  readonly #carriedOut = new Set<string>();
  /** Ids of those that the journal has already. */
  readonly #journaled = new Set<string>();
  #isClosed = false;
  #stops: (() => void)[] = [];

  constructor(parts: ResponseParts) {
    this.#parts = parts;
    this.inForce = new ResponsesInForce(parts);
  }

  /** Reads what is in force; nothing may be judged before. Rejects where the store cannot be read. */
  async open(): Promise<void> {
    const { store, clock } = this.#parts;
    const stop: Unsubscribe = store.responses.onChange((notice) => this.#heard(notice));
    const sweep = clock.every(limits.responseSweepMs, () => this.#sweep());
    this.#stops = [stop, () => sweep.cancel()];
    await this.#read();
  }

  judging(judge: Judge): Judge {
    return this.inForce.judging(judge);
  }

  /** How many applied responses the store does not know of yet. */
  get waiting(): number {
    return this.#unwritten.length + this.#locks.length;
  }

  /**
   * Applies what a detection answers its alert with: to a `new` one; to one that was `repeated` after a crash, where whatever came
   * of it stays as it is; and to `more` of one that is there, where what is in force is not doubled, and what a person ended stays
   * ended. Resolves when all of it is in force here and in the journal; rejects where that fails: then it may be called again.
   */
  async apply(alert: Alert, respond: readonly DetectionResponse[], why: 'new' | 'repeated' | 'more'): Promise<void> {
    const { clock } = this.#parts;
    for (const order of respond) {
      const response = this.#responseOf(alert, order, why === 'more');
      if (response === null || this.#carriedOut.has(response.id) || this.inForce.get(response.id) !== null) continue;
      if (response.untilMs !== null && response.untilMs <= clock.now() && order.do !== 'end') continue;
      if (why !== 'new' && !(await this.#isWanted(response, why))) continue;
      if (!this.#journaled.delete(response.id)) await this.#journal(response, 'applied', null);
      this.#carryOut(response);
      this.#unwritten.push(response);
    }
  }

  async #isWanted(response: NewResponse, why: 'repeated' | 'more'): Promise<boolean> {
    const { kind, alert, session } = response;
    // Sessions of before a crash are over. Of later ones the first finding in each says so.
    if (kind === 'end') return why === 'more' && this.#concerned(response).length > 0;
    const isSame = (other: NewResponse): boolean => other.kind === kind && other.session === session;
    if (this.inForce.all().some((one) => one.response.alert === alert && isSame(one.response))) return false;
    if (this.#unwritten.some((one) => one.alert === alert && isSame(one))) return false;
    const before = await this.#parts.store.responses.list({ alert }, { limit: pageRows });
    if (why === 'repeated') return !before.some(({ id }) => id === response.id);
    // A lock is an object that a person may have taken away.
    return !before.some((one) => isSame(one) && (one.endedBy !== null || kind === 'lock'));
  }

  /** What the journal has of a response that the store may not: it was applied before a crash, and perhaps ended. */
  remember({ response, action }: Extract<EventBody, { readonly type: 'response.changed' }>): void {
    if (action === 'applied') this.#journaled.add(response);
    else if (this.#journaled.delete(response)) this.#carriedOut.add(response);
  }

  /** Writes what the store does not know yet. */
  write(): void {
    this.#write();
  }

  /** Those in force, or all that are kept, the latest first. */
  async list(
    filter: { readonly isLive: boolean; readonly alert?: string },
    page: Parameters<Store['responses']['list']>[1],
  ): Promise<readonly StoredResponse[]> {
    const { store, clock } = this.#parts;
    const { isLive, alert } = filter;
    return store.responses.list(
      { ...(isLive ? { liveAtMs: clock.now() } : {}), ...(alert === undefined ? {} : { alert }) },
      page,
    );
  }

  /** Ends a response for good. Rejects with a denial where it is none, or over. */
  async end(id: string, by: Principal): Promise<StoredResponse> {
    const { store, clock } = this.#parts;
    await this.#flush();
    const found = await store.responses.get(id);
    if (found === null) throw gatewayErrors('gateway.response-not-found');
    const nowMs = clock.now();
    if (found.kind === 'end') throw gatewayErrors('gateway.response-over');
    const isEnded = await store.responses.end(id, by.name, nowMs, () => this.#journal(found, 'ended', actorOf(by)));
    if (!isEnded) throw gatewayErrors('gateway.response-over');
    this.#over(found, `${by.name} ended what the detection ${found.detection} did: ${undone[found.kind]}`);
    if (found.kind === 'lock') await this.#unlock(found, actorOf(by));
    return { ...found, endedAtMs: nowMs, endedBy: by.name };
  }

  /** Resolves once everything applied so far is in the store, or `false` where it cannot be written now. */
  async settled(): Promise<boolean> {
    await this.#flush();
    return this.waiting === 0;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    await this.#flush();
  }

  #responseOf(alert: Alert, order: DetectionResponse, isMore: boolean): NewResponse | null {
    const { principal, session, detection, severity } = alert;
    const over = order.over === 'session' && order.do !== 'lock' ? session : null;
    // What concerns nobody in particular has nobody to answer to.
    if (principal === null || (order.over === 'session' && order.do !== 'lock' && session === null)) return null;
    const untilMs =
      order.do === 'end' ? alert.atMs : order.for === undefined ? null : alert.atMs + (durationMs(order.for) ?? 0);
    return {
      id: responseId(alert.id, order.do, isMore ? alert.sequence : null),
      gateway: this.#parts.gateway,
      alert: alert.id,
      detection,
      kind: order.do,
      severity,
      owner: { id: principal.id, name: principal.name },
      session: over,
      points: order.do === 'risk' ? (order.points ?? 0) : 0,
      reviewers: { names: order.reviewers?.names ?? [], groups: order.reviewers?.groups ?? [] },
      message: messageOf(alert, order, untilMs, over !== null),
      sinceMs: alert.atMs,
      untilMs,
    };
  }

  /** From here on it is in force. */
  #carryOut(response: NewResponse): void {
    const { log } = this.#parts;
    log.warn('a detection responds', {
      detection: response.detection,
      response: response.id,
      kind: response.kind,
      principal: response.owner.name,
    });
    this.#carriedOut.add(response.id);
    if (this.#carriedOut.size > limits.responsesInForceMax) {
      for (const oldest of this.#carriedOut) {
        this.#carriedOut.delete(oldest);
        break;
      }
    }
    if (response.kind === 'end') this.#endSessions(response, 'verdict');
    else if (response.kind === 'lock') this.#lock(response);
    else {
      if (this.inForce.size >= limits.responsesInForceMax) log.error('too many responses are in force', {});
      this.inForce.put(response);
      // A risk is a matter between detections and guardrails.
      if (response.kind !== 'risk') this.#say(response, response.message);
    }
  }

  #endSessions(response: NewResponse, reason: 'verdict' | 'locked'): void {
    const over = { ...ending(reason, response.message), code: ruleOf(response.detection) };
    for (const session of this.#concerned(response)) session.end(over);
  }

  #concerned(response: NewResponse): readonly Session[] {
    const all = this.#parts.sessions()?.all() ?? [];
    return all.filter((session) => !session.ended && concerns(response, session.principal.id, session.id));
  }

  #say(response: NewResponse, text: string): void {
    for (const session of this.#concerned(response)) session.say(text);
  }

  #lock(response: NewResponse): void {
    // Whoever has to look at it must be able to come in.
    if (!this.#parts.mayLock(response.owner.id)) {
      this.#parts.log.error('a detection would lock the last administrator; the sessions end instead', {
        detection: response.detection,
        principal: response.owner.name,
      });
      this.#endSessions(response, 'verdict');
      return;
    }
    this.#endSessions(response, 'locked');
    this.#locks.push(response);
  }

  /** The journal of who is shut out is the same as of a lock that a person makes. */
  async #putLock(response: NewResponse): Promise<void> {
    const { store } = this.#parts;
    const name = lockName(response);
    const until = response.untilMs === null ? {} : { until: new Date(response.untilMs).toISOString() };
    const spec = { target: { principal: response.owner.name }, reason: response.message, ...until };
    const actor = detectionActor(response.detection);
    const put = { kind: 'Lock', name, labels: {}, spec, by: actor.name, expectedGeneration: 0 };
    const changes = [
      `spec.target.principal: (none) → ${escapeLine(response.owner.name)}`,
      `spec.reason: (none) → ${escapeLine(response.message)}`,
      ...(response.untilMs === null ? [] : [`spec.until: (none) → ${until.until}`]),
    ];
    // One that is there is this very one.
    await store.objects.change({ puts: [put], deletes: [] }, () =>
      this.#record({ type: 'configuration.changed', principal: actor, action: 'created', kind: 'Lock', name, changes }),
    );
  }

  async #unlock(response: NewResponse, by: Actor): Promise<void> {
    const { store } = this.#parts;
    const name = lockName(response);
    const found = await store.objects.get('Lock', name);
    if (found === null) return;
    await store.objects.change(
      { puts: [], deletes: [{ kind: 'Lock', name, expectedGeneration: found.generation }] },
      () =>
        this.#record({
          type: 'configuration.changed',
          principal: by,
          action: 'deleted',
          kind: 'Lock',
          name,
          changes: [],
        }),
    );
  }

  /** It is over here: nothing of it is in force, and who was concerned hears so. */
  #over(response: NewResponse, text: string): void {
    const was = this.inForce.remove(response.id);
    if (was !== null && was.kind !== 'risk') this.#say(was, text);
  }

  #sweep(): void {
    const { gateway, log, store, clock } = this.#parts;
    for (const response of this.inForce.expire()) {
      this.#say(response, `What the detection ${response.detection} did is over: ${undone[response.kind]}`);
      if (response.gateway !== gateway || this.#unwritten.some(({ id }) => id === response.id)) continue;
      inBackground(
        log,
        'that a response is over could not be written',
        store.responses.end(response.id, null, clock.now(), () => this.#journal(response, 'ended', null)),
      );
    }
    this.#write();
  }

  // --- other gateways -----------------------------------------------------------------------------------------------

  #heard(notice: IdNotice): void {
    const work = notice.type === 'resync' ? this.#read() : this.#readThese(notice.ids);
    inBackground(this.#parts.log, 'responses could not be read; those that are known stay in force', work, () => {
      this.#parts.clock.after(limits.alertRetryMs, () => {
        if (!this.#isClosed) this.#heard({ type: 'resync' });
      });
    });
  }

  async #readThese(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const found = await this.#parts.store.responses.get(id);
      if (found !== null) this.#takeIn(found);
    }
  }

  async #read(): Promise<void> {
    const { store, clock } = this.#parts;
    const known = new Set<string>();
    let after: { atMs: number; id: string } | null = null;
    while (known.size < limits.responsesInForceMax) {
      const page: readonly StoredResponse[] = await store.responses.list(
        { liveAtMs: clock.now() },
        { limit: pageRows, after },
      );
      for (const response of page) {
        known.add(response.id);
        this.#takeIn(response);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < pageRows) break;
      after = { atMs: last.sinceMs, id: last.id };
    }
    // Those that ended elsewhere while nothing was heard. By time they end by themselves.
    for (const { response } of this.inForce.all()) {
      if (known.has(response.id) || this.#unwritten.some(({ id }) => id === response.id)) continue;
      const found = await store.responses.get(response.id);
      if (found !== null) this.#takeIn(found);
    }
    for (const recent of await store.responses.list({}, { limit: pageRows })) {
      if (recent.kind === 'end') this.#takeIn(recent);
    }
  }

  #takeIn(response: StoredResponse): void {
    const { clock, gateway } = this.#parts;
    const { endedAtMs, endedBy, ...given } = response;
    if (endedAtMs !== null) {
      this.#over(given, `${endedBy ?? 'Time'} ended what the detection ${given.detection} did: ${undone[given.kind]}`);
      return;
    }
    if (given.kind === 'end') {
      const isRecent = Math.abs(clock.now() - given.sinceMs) <= limits.responseEndMs;
      if (given.gateway === gateway || !isRecent || this.#carriedOut.has(given.id)) return;
      this.#carriedOut.add(given.id);
      this.#endSessions(given, 'verdict');
    } else if (given.kind !== 'lock' && this.inForce.get(given.id) === null && this.inForce.put(given)) {
      if (given.kind !== 'risk') this.#say(given, given.message);
    }
  }

  // --- the store ----------------------------------------------------------------------------------------------------

  #write(): void {
    if (this.waiting === 0 || this.#writing !== null) return;
    this.#writing = this.#writeAll()
      // Tried again at the next sweep.
      .then(undefined, (error: unknown) => {
        this.#parts.log.warn('responses are in force here alone: the store does not answer', {
          detail: describeError(error),
        });
      })
      .finally(() => {
        this.#writing = null;
      });
  }

  async #writeAll(): Promise<void> {
    const { store } = this.#parts;
    const rows = [...this.#unwritten];
    if (rows.length > 0) await store.responses.apply(rows);
    this.#unwritten = this.#unwritten.filter((response) => !rows.includes(response));
    for (const response of [...this.#locks]) {
      await this.#putLock(response);
      this.#locks = this.#locks.filter((one) => one !== response);
    }
  }

  async #flush(): Promise<void> {
    await this.#writing;
    this.#write();
    await this.#writing;
  }

  // --- the journal --------------------------------------------------------------------------------------------------

  async #journal(response: NewResponse, action: 'applied' | 'ended', principal: Actor | null): Promise<void> {
    const { id, alert, kind, severity, owner, session, untilMs } = response;
    await this.#record({
      type: 'response.changed',
      response: id,
      alert,
      action,
      kind,
      severity,
      owner: owner.id,
      session,
      untilMs,
      principal,
    });
  }

  async #record(event: EventBody): Promise<void> {
    const { journal } = this.#parts;
    await durable(journal, journal.append(event));
  }
}

/** One of each kind an alert, and for further findings by theirs: what is made again has the same. */
export function responseId(alert: string, kind: ResponseKind, sequence: number | null): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([alert, kind, sequence]))
    .digest();
  return `res_${base32(digest.subarray(0, 16))}`;
}

function lockName(response: NewResponse): string {
  return `detection-${response.id.slice(-26)}`;
}

function concerns(response: NewResponse, principalId: string, session: string): boolean {
  return response.owner.id === principalId && (response.session === null || response.session === session);
}

const undone: Readonly<Record<ResponseKind, string>> = {
  risk: 'the risk is what it was.',
  'step-up': 'your commands need no confirmation for it any more.',
  hold: 'your commands are not held for it any more.',
  mask: 'what comes back is not masked for it any more.',
  end: 'sessions may be opened again.',
  lock: 'the lock is taken away.',
};

/** What the person reads: which detection, what it does, until when, and what to do. */
function messageOf(alert: Alert, order: DetectionResponse, untilMs: number | null, isSession: boolean): string {
  const { detection, id } = alert;
  const whose = isSession ? 'in this session ' : '';
  const until =
    untilMs === null
      ? 'until somebody ends it'
      : `until ${new Date(untilMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const ask = `Ask your administrator about the alert ${id}.`;
  switch (order.do) {
    case 'risk':
      return `The detection ${detection} raised the risk by ${order.points ?? 0} ${until}.`;
    case 'step-up':
      return `The detection ${detection} asks you to confirm each command ${whose}yourself, ${until}. ${ask}`;
    case 'hold': {
      const who = [
        ...(order.reviewers?.names ?? []),
        ...(order.reviewers?.groups ?? []).map((group) => `members of ${group}`),
      ];
      return `The detection ${detection} holds your commands ${whose}${until}: each waits for ${who.join(', ') || 'a reviewer'}. ${ask}`;
    }
    case 'mask':
      return `The detection ${detection} masks everything that comes back ${whose}${until}. ${ask}`;
    case 'end':
      return `This session was ended by the detection ${detection}. ${ask}`;
    case 'lock':
      return `You are locked out by the detection ${detection}, ${until}. ${ask}`;
  }
}
