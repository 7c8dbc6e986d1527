/**
 * What Prometheus is told of sinks: lag, and counts of what was taken and what failed. The one label is the sink's name, of which
 * there are at most `sinksMax`.
 */
import type { Transport } from '../audit/index.ts';
import type { SinkStanding } from '../store/index.ts';
import type { Metrics } from './metrics.ts';

export class SinkCounts {
  readonly sent = new Map<string, number>();
  readonly failed = new Map<string, number>();
  readonly refused = new Map<string, number>();

  /** The same transport, counted. */
  counting(sink: string, transport: Transport): Transport {
    const add = (counts: Map<string, number>, amount: number): void => {
      counts.set(sink, (counts.get(sink) ?? 0) + amount);
    };
    add(this.sent, 0);
    add(this.failed, 0);
    add(this.refused, 0);
    return {
      batchRecordsMax: transport.batchRecordsMax,
      batchBytesMax: transport.batchBytesMax,
      send: async (batch, signal) => {
        try {
          const outcome = await transport.send(batch, signal);
          const refused = outcome.outcome === 'taken' ? 0 : outcome.refused.length;
          add(this.sent, batch.length - refused);
          add(this.refused, refused);
          return outcome;
        } catch (error) {
          add(this.failed, 1);
          throw error;
        }
      },
      close: () => transport.close(),
    };
  }
}

export function openSinkMetrics(
  metrics: Pick<Metrics, 'gauge'>,
  counts: SinkCounts,
  standings: () => readonly SinkStanding[],
): void {
  const each = (value: (standing: SinkStanding) => number) => (): ReadonlyMap<string, number> =>
    new Map(standings().map((standing) => [standing.sink, value(standing)]));
  metrics.gauge(
    'sallyport_sink_lag_events',
    'Events of the journal that a sink has not come to.',
    each(({ behind }) => behind),
    'sink',
  );
  metrics.gauge(
    'sallyport_sink_lag_seconds',
    'How long the oldest event waits that a sink has not handed on.',
    each(({ oldestAtMs, updatedAtMs }) => (oldestAtMs === null ? 0 : Math.max(0, (updatedAtMs - oldestAtMs) / 1000))),
    'sink',
  );
  metrics.gauge(
    'sallyport_sink_working',
    'Whether a sink works: 1, or 0 while it fails or waits.',
    each(({ standing }) => (standing === 'working' ? 1 : 0)),
    'sink',
  );
  metrics.gauge(
    'sallyport_sink_sent_events',
    'Events that a sink’s target took since the start.',
    () => counts.sent,
    'sink',
  );
  metrics.gauge(
    'sallyport_sink_refused_events',
    'Events that a sink’s target refused for good since the start.',
    () => counts.refused,
    'sink',
  );
  metrics.gauge(
    'sallyport_sink_failed_batches',
    'Batches that could not be sent, and were tried again, since the start.',
    () => counts.failed,
    'sink',
  );
}
