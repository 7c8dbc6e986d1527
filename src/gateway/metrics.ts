/**
 * Prometheus metrics: counts and gauges of the pipeline; names by Prometheus' own conventions (unit last, `_total` for
 * counters). Labels are bounded: protocol, outcome, reason, level; never a principal or a resource.
 */

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { EventBody } from '../core/event.ts';
import type { Journal } from '../core/ports.ts';
import type { UsageLedger } from '../policy/index.ts';
import type { Standing } from './acme-report.ts';

export interface Metrics {
  /** Counts what an event says. On the data path: plain additions, nothing else. */
  event(event: EventBody): void;
  connection(protocol: string, outcome: 'accepted' | 'dropped'): void;
  /** A gauge that is read at each scrape: one value, or one for each value of `label`, of which there are few. */
  gauge(name: string, help: string, read: () => number | ReadonlyMap<string, number>, label?: string): void;
  text(): Promise<string>;
}

export interface MetricSources {
  liveSessions(): number;
  durableSequence(): number;
  spaceLevel(): string;
  certificates(): readonly Standing[];
}

/** Creates the registry; `sources` and the counts are read at each scrape. */
export function openMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, labelNames: readonly string[]): Counts => {
    const counts = new Counts();
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        for (const [values, count] of counts.entries()) {
          this.inc(Object.fromEntries(labelNames.map((label, at) => [label, values[at] ?? ''])), count);
        }
      },
    });
    return counts;
  };
  const gauge: Metrics['gauge'] = (name, help, read, label) => {
    new Gauge({
      name,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [registry],
      collect() {
        const now = read();
        if (typeof now === 'number') this.set(now);
        else {
          this.reset();
          for (const [value, amount] of now) this.set({ [label ?? 'name']: value }, amount);
        }
      },
    });
  };
  const connections = counter('sallyport_connections_total', 'Connections that reached a listener.', [
    'protocol',
    'outcome',
  ]);
  const sessions = counter('sallyport_sessions_total', 'Sessions that ended, by reason.', ['reason']);
  const commands = counter('sallyport_commands_total', 'Commands that ended, by outcome.', ['outcome']);
  const refusals = counter('sallyport_refusals_total', 'Refused identities and sessions, by code.', ['code']);
  const violations = counter('sallyport_violations_total', 'Peers that broke their protocol.', ['side', 'code']);
  const bytes = counter('sallyport_session_bytes_total', 'Bytes that crossed ended sessions.', ['direction']);
  gauge('sallyport_sessions_live', 'Sessions open now.', () => sources.liveSessions());
  gauge('sallyport_journal_durable_sequence', 'Sequence of the last durable event.', () => sources.durableSequence());
  const failing = (): number => sources.certificates().filter(({ reason }) => reason !== null).length;
  gauge('sallyport_acme_orders_failing', 'Certificates by ACME whose last order failed.', failing);
  const soonest = (): number =>
    Math.min(...sources.certificates().flatMap(({ notAfterMs }) => (notAfterMs === null ? [] : [notAfterMs / 1000])));
  gauge('sallyport_acme_expiry_timestamp_seconds', 'When the first certificate by ACME expires.', soonest);
  new Gauge({
    name: 'sallyport_journal_space_level',
    help: 'Room for the journal: 1 on the level that holds now.',
    labelNames: ['level'],
    registers: [registry],
    collect() {
      for (const level of ['ample', 'warn', 'refuse', 'end'])
        this.set({ level }, level === sources.spaceLevel() ? 1 : 0);
    },
  });
  return {
    event(event) {
      switch (event.type) {
        case 'session.ended':
          sessions.add(1, event.reason);
          bytes.add(event.bytesIn, 'in');
          bytes.add(event.bytesOut, 'out');
          break;
        case 'command.ended':
          commands.add(1, event.outcome);
          break;
        case 'identity.refused':
        case 'session.refused':
          refusals.add(1, event.code);
          break;
        case 'violation':
          violations.add(1, event.side, event.code);
          break;
        default:
      }
    },
    connection: (protocol, outcome) => connections.add(1, protocol, outcome),
    gauge,
    text: () => registry.metrics(),
  };
}

/** Sums by label values; all of them come from closed sets, so there are few. */
class Counts {
  readonly #sums = new Map<string, number>();

  add(amount: number, first: string, second?: string): void {
    const key = second === undefined ? first : `${first}\n${second}`;
    this.#sums.set(key, (this.#sums.get(key) ?? 0) + amount);
  }

  *entries(): Generator<readonly [values: readonly string[], sum: number]> {
    for (const [key, sum] of this.#sums) yield [key.split('\n'), sum];
  }
}

/** The journal as the doors see it: what is appended is counted on the way, and what a session used is forgotten with it. */
export function counted(journal: Journal, metrics: Metrics, ledger: UsageLedger): Journal {
  return {
    append: (event) => {
      metrics.event(event);
      if (event.type === 'session.ended') ledger.forget(event.session);
      return journal.append(event);
    },
    afterDurable: (sequence, callback) => journal.afterDurable(sequence, callback),
    get durableSequence() {
      return journal.durableSequence;
    },
    get failure() {
      return journal.failure;
    },
    get spaceLevel() {
      return journal.spaceLevel;
    },
  };
}
