/**
 * Prometheus metrics: counts and gauges of the pipeline; names by Prometheus' own conventions (unit last, `_total` for
 * counters). Labels are bounded: protocol, outcome, reason, level; never a principal or a resource.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Event } from '../core/event.ts';

export interface Metrics {
  /** Counts what an event says. */
  event(event: Event): void;
  connection(protocol: string, outcome: 'accepted' | 'dropped'): void;
  text(): Promise<string>;
  readonly contentType: string;
}

export interface MetricSources {
  liveSessions(): number;
  durableSequence(): number;
  spaceLevel(): string;
}

/** Creates the registry; `sources` are read at each scrape. */
export function openMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const connections = new Counter({
    name: 'sallyport_connections_total',
    help: 'Connections that reached a listener.',
    labelNames: ['protocol', 'outcome'],
    registers,
  });
  const sessions = new Counter({
    name: 'sallyport_sessions_total',
    help: 'Sessions that ended, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const commands = new Counter({
    name: 'sallyport_commands_total',
    help: 'Commands that ended, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const refusals = new Counter({
    name: 'sallyport_refusals_total',
    help: 'Refused identities and sessions, by code.',
    labelNames: ['code'],
    registers,
  });
  const violations = new Counter({
    name: 'sallyport_violations_total',
    help: 'Peers that broke their protocol.',
    labelNames: ['side', 'code'],
    registers,
  });
  const bytes = new Counter({
    name: 'sallyport_session_bytes_total',
    help: 'Bytes that crossed ended sessions.',
    labelNames: ['direction'],
    registers,
  });
  new Gauge({
    name: 'sallyport_sessions_live',
    help: 'Sessions open now.',
    registers,
    collect() {
      this.set(sources.liveSessions());
    },
  });
  new Gauge({
    name: 'sallyport_journal_durable_sequence',
    help: 'Sequence of the last durable event.',
    registers,
    collect() {
      this.set(sources.durableSequence());
    },
  });
  new Gauge({
    name: 'sallyport_journal_space_level',
    help: 'Room for the journal: 1 on the level that holds now.',
    labelNames: ['level'],
    registers,
    collect() {
      this.reset();
      for (const level of ['ample', 'warn', 'refuse', 'end']) this.set({ level }, level === sources.spaceLevel() ? 1 : 0);
    },
  });
  return {
    event(event) {
      switch (event.type) {
        case 'session.ended':
          sessions.inc({ reason: event.reason });
          bytes.inc({ direction: 'in' }, event.bytesIn);
          bytes.inc({ direction: 'out' }, event.bytesOut);
          break;
        case 'command.ended':
          commands.inc({ outcome: event.outcome });
          break;
        case 'identity.refused':
        case 'session.refused':
          refusals.inc({ code: event.code });
          break;
        case 'violation':
          violations.inc({ side: event.side, code: event.code });
          break;
        default:
      }
    },
    connection: (protocol, outcome) => connections.inc({ protocol, outcome }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
