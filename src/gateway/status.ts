/** How the gateway is: what `sallyport status`, readiness and metrics say. */
import type { ApiPorts } from '../api/index.ts';
import { type RecordingJournal, readSpace, type SessionRecordings } from '../recording/index.ts';
import type { Store } from '../store/index.ts';
import type { Standing } from './acme-report.ts';
import { publicHost } from './console.ts';
import type { SyncLatency } from './doctor.ts';
import type { Listener } from './listener.ts';
import type { Metrics } from './metrics.ts';

export interface StatusParts {
  readonly startedAtMs: number;
  readonly dataDirectory: string;
  readonly journal: RecordingJournal;
  readonly recordings: SessionRecordings;
  readonly store: Store;
  readonly metrics: Metrics;
  /** Null until measured. */
  readonly syncLatency: () => SyncLatency | null;
  readonly draining: () => boolean;
  readonly listeners: () => readonly Listener[];
  readonly certificates: () => readonly Standing[];
  readonly liveSessions: () => number;
}

export function gatewayStatus(parts: StatusParts): ApiPorts['status'] {
  const { journal, recordings } = parts;
  return {
    facts: async () => {
      const latency = parts.syncLatency();
      return {
        startedAtMs: parts.startedAtMs,
        draining: parts.draining(),
        space: { level: journal.spaceLevel, ...(await readSpace(parts.dataDirectory)) },
        journal: { durableSequence: journal.durableSequence, working: journal.failure === null },
        recording: { working: journal.failure === null && recordings.failure === null },
        diskSync: latency === null ? null : { p50Ms: latency.medianMs, p99Ms: latency.p99Ms },
        listeners: parts.listeners().map(({ protocol, host, port }) => ({
          protocol,
          host: publicHost(host),
          port,
          tls: true,
        })),
        certificates: parts.certificates().map(({ names, notAfterMs, reason }) => ({
          names: [...names],
          expiresAt: notAfterMs === null ? null : new Date(notAfterMs).toISOString(),
          problem: reason,
        })),
        liveSessions: parts.liveSessions(),
      };
    },
    notReady: () => {
      if (parts.draining()) return 'draining';
      if (journal.failure !== null) return 'the journal does not work';
      if (recordings.failure !== null) return 'recordings cannot be written';
      if (journal.spaceLevel === 'refuse' || journal.spaceLevel === 'end') return 'no room left to record';
      return parts.store.failure === null ? null : 'the store does not work';
    },
    checkpoint: () => journal.checkpoint(),
    metrics: () => parts.metrics.text(),
  };
}
