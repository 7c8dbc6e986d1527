/**
 * Alerts of detections into the journal: each once, whatever fails meanwhile, and as rows of the store.
 *
 * Invariants: an alert that was raised is known by its id, which the same finding made again has too; what was being written when
 * the journal failed is looked for on the disk before it is written again.
 */
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Alert } from '../core/alert.ts';
import type { Actor, Event, EventBody, RaisedAlert } from '../core/event.ts';
import { failureDetection, type Raised } from '../detection/index.ts';
import type { RecordingJournal } from '../recording/index.ts';
import type { NewAlert } from '../store/index.ts';
import * as limits from './limits.ts';
import { ruleOf } from './responses-in-force.ts';
import { gatewayAlertId } from './rule-alerts.ts';

export interface AlertJournalParts {
  readonly gateway: string;
  readonly log: Log;
  readonly journal: RecordingJournal;
  /** Events of the journal that raised alerts, from a sequence on. */
  readonly raisedFrom: (sequence: number) => AsyncIterable<Event>;
  /** The principal as events name it; null where it is gone. */
  readonly actor: (principalId: string) => Actor | null;
}

/** What was found, and whose doing it is where the event said so. */
export interface Found {
  readonly raised: Raised;
  readonly actor: Actor | null;
}

export class AlertJournal {
  readonly #parts: AlertJournalParts;
  /** Ids of alerts that were raised, the latest last. */
  readonly #raised = new Set<string>();
  readonly #closed = new Map<string, number>();

  constructor(parts: AlertJournalParts) {
    this.#parts = parts;
  }

  /** Ids of alerts that were raised. */
  get raised(): readonly string[] {
    return [...this.#raised];
  }

  has(id: string): boolean {
    return this.#raised.has(id);
  }

  remember(id: string): void {
    this.#raised.delete(id);
    this.#raised.add(id);
    if (this.#raised.size <= limits.openGroupsMax * 2) return;
    for (const oldest of this.#raised) {
      this.#raised.delete(oldest);
      break;
    }
  }

  /** Somebody resolved it: what is found from now on is another alert, though its group is the same. */
  close(id: string, sequence: number): void {
    if (this.#raised.has(id)) this.#closed.set(id, sequence);
    if (this.#closed.size <= limits.openGroupsMax) return;
    for (const oldest of this.#closed.keys()) {
      this.#closed.delete(oldest);
      break;
    }
  }

  reopen(id: string): void {
    this.#closed.delete(id);
  }

  /** Ids of those that were resolved, with where. */
  get closed(): readonly (readonly [id: string, sequence: number])[] {
    return [...this.#closed];
  }

  /** A dry run that becomes serious is another alert, and so is what is found after it was resolved. */
  idOf({ id: found, isDry }: Alert): string {
    const { gateway } = this.#parts;
    let id = gatewayAlertId(gateway, isDry ? `${found} dry` : found);
    for (let at = this.#closed.get(id); at !== undefined; at = this.#closed.get(id)) {
      id = gatewayAlertId(gateway, `${id} ${at}`);
    }
    return id;
  }

  /**
   * Journals alerts until they are durable; by id, their sequences. `wait` is asked between attempts, and says whether to go on:
   * null where it does not.
   */
  async append(found: readonly Found[], wait: () => Promise<boolean>): Promise<Map<string, number> | null> {
    const { journal, log, raisedFrom } = this.#parts;
    const sequences = new Map<string, number>();
    if (found.length === 0) return sequences;
    const from = journal.durableSequence + 1;
    for (;;) {
      try {
        let last = 0;
        for (const { raised, actor } of found) {
          const id = this.idOf(raised.alert);
          if (sequences.has(id)) continue;
          last = journal.append(this.#eventOf(id, raised, actor));
          sequences.set(id, last);
        }
        if (last > 0) await durableUpTo(journal, last);
        for (const id of sequences.keys()) this.remember(id);
        return sequences;
      } catch (error) {
        log.warn('alerts wait: the journal does not take them', { detail: describeError(error) });
        do {
          if (!(await wait())) return null;
        } while (journal.failure !== null);
        sequences.clear();
        // What reached the disk before it failed is there.
        for await (const event of raisedFrom(from)) {
          if (event.type === 'alert.raised' && event.alert !== undefined) sequences.set(event.alert.id, event.seq);
        }
      }
    }
  }

  #eventOf(id: string, { alert, suppressed }: Raised, actor: Actor | null): EventBody {
    const { detection, severity, evidence, facts, principal, isDry } = alert;
    return {
      type: 'alert.raised',
      rule: detection === failureDetection ? failureDetection : ruleOf(detection),
      reason: alert.summary,
      session: alert.session,
      command: alert.command,
      principal: principal === null ? null : (actor ?? this.#parts.actor(principal.id) ?? unknownActor(principal)),
      resource: alert.resource,
      alert: {
        id,
        detection,
        severity,
        evidence,
        facts,
        ...(isDry ? { isDry: true as const } : {}),
        ...(suppressed === null ? {} : { suppressed }),
      },
    };
  }
}

function durableUpTo(journal: Pick<RecordingJournal, 'afterDurable'>, sequence: number): Promise<void> {
  return new Promise((resolve, reject) => {
    journal.afterDurable(sequence, (error) => (error === null ? resolve() : reject(error)));
  });
}

function unknownActor({ id, name }: { readonly id: string; readonly name: string }): Actor {
  return { id, issuer: '', name, kind: 'person', groups: [], credentialId: null };
}

export function rowOf(gateway: string, alert: Alert, sequence: number, suppressed: string | null): NewAlert {
  const { id, detection, severity, summary, principal, session, command, resource, atMs, evidence, facts, isDry } =
    alert;
  return {
    id,
    gateway,
    detection,
    origin: detection === failureDetection ? 'gateway' : 'detection',
    severity,
    summary,
    principal,
    session,
    command,
    resource,
    firstAtMs: atMs,
    sequence,
    lastSequence: alert.sequence,
    evidence,
    facts,
    isDry,
    suppressed,
  };
}

export function rowOfEvent(
  gateway: string,
  event: Extract<Event, { readonly type: 'alert.raised' }>,
  alert: RaisedAlert,
): NewAlert {
  const { principal, session, command, resource, reason, at, seq } = event;
  const { isDry = false, suppressed = null, evidence } = alert;
  const made = {
    ...alert,
    isDry,
    summary: reason,
    session,
    command,
    resource,
    atMs: at,
    sequence: evidence.at(-1) ?? 0,
  };
  const who = principal === null ? null : { id: principal.id, name: principal.name };
  return rowOf(gateway, { ...made, principal: who }, seq, suppressed);
}
