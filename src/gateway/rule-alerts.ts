/**
 * Alerts that guardrails and the gateway itself raised, as alerts that people handle: those of one rule about one principal are one
 * for as long as it is quiet, from the first on.
 *
 * Invariants: the same events give the same alerts under the same ids; bounded by `openGroupsMax`.
 */
import { createHash } from 'node:crypto';
import { base32 } from '../base/ids.ts';
import type { Severity } from '../core/alert.ts';
import type { Event } from '../core/event.ts';
import type { AlertUpdate, NewAlert } from '../store/index.ts';
import * as limits from './limits.ts';

type Raised = Extract<Event, { readonly type: 'alert.raised' }>;

interface Group {
  readonly id: string;
  readonly untilMs: number;
  readonly first: readonly number[];
  last: readonly number[];
  count: number;
}

export type RuleAlert =
  | { readonly isNew: true; readonly alert: NewAlert }
  | { readonly isNew: false; readonly update: AlertUpdate };

/** Sequences kept from either end. */
const half = 10;

/** As what the gateway's own word counts; a guardrail that only watches says less. */
function severityOf(rule: string): Severity {
  return rule.startsWith('gateway:') ? 'high' : 'medium';
}

export class RuleAlerts {
  readonly #gateway: string;
  readonly #groups = new Map<string, Group>();

  constructor(gateway: string) {
    this.#gateway = gateway;
  }

  /** Takes an event without an alert of its own. */
  take(event: Raised): RuleAlert {
    const key = JSON.stringify([event.rule, event.principal?.id ?? null]);
    const known = this.#groups.get(key);
    if (known !== undefined && event.at < known.untilMs) {
      known.count++;
      known.last = [...known.last, event.seq].slice(-half);
      return { isNew: false, update: updateOf(event, known) };
    }
    const id = ruleAlertId(this.#gateway, event.rule, event.seq);
    this.#groups.delete(key);
    this.#groups.set(key, { id, untilMs: event.at + limits.ruleQuietMs, first: [event.seq], last: [], count: 1 });
    if (this.#groups.size > limits.openGroupsMax) {
      for (const oldest of this.#groups.keys()) {
        this.#groups.delete(oldest);
        break;
      }
    }
    return { isNew: true, alert: this.#alertOf(event, id) };
  }

  /** Somebody resolved it: what comes next is another one. */
  close(id: string): void {
    for (const [key, group] of this.#groups) if (group.id === id) this.#groups.delete(key);
  }

  state(): string {
    return JSON.stringify([...this.#groups]);
  }

  restore(state: string): void {
    this.#groups.clear();
    for (const [key, group] of JSON.parse(state) as [string, Group][]) this.#groups.set(key, group);
  }

  #alertOf(event: Raised, id: string): NewAlert {
    const { rule, reason, principal, session, command, resource, at, seq } = event;
    return {
      id,
      gateway: this.#gateway,
      detection: rule,
      origin: rule.startsWith('gateway:') ? 'gateway' : 'guardrail',
      severity: severityOf(rule),
      summary: reason,
      principal: principal === null ? null : { id: principal.id, name: principal.name },
      session,
      command,
      resource,
      firstAtMs: at,
      sequence: seq,
      lastSequence: seq,
      evidence: [seq],
      facts: {},
      isDry: false,
      suppressed: null,
    };
  }
}

function updateOf(event: Raised, { id, first, last, count }: Group): AlertUpdate {
  return {
    id,
    summary: event.reason,
    count,
    lastAtMs: event.at,
    lastSequence: event.seq,
    evidence: [...first, ...last],
    facts: {},
  };
}

function ruleAlertId(gateway: string, rule: string, sequence: number): string {
  return idOf(JSON.stringify([gateway, rule, sequence]));
}

/** Alerts of detections are told apart by the gateway too: each counts its sequences by itself. */
export function gatewayAlertId(gateway: string, alert: string): string {
  return idOf(JSON.stringify([gateway, alert]));
}

function idOf(text: string): string {
  return `al_${base32(createHash('sha256').update(text).digest().subarray(0, 15))}`;
}
