/** How much an event matters to whoever watches: one scale for every format, which each spells in its own numbers. */
import type { Activity } from '../../../core/activity.ts';
import type { Severity } from '../../../core/alert.ts';
import type { SpaceLevel } from '../../../core/event.ts';
import type { VerdictName } from '../../../core/verdict.ts';

/** Of the event itself; an alert's is its detection's. */
export function severityOf({ event }: Activity): Severity {
  switch (event.type) {
    case 'alert.raised':
      return event.alert?.severity ?? 'medium';
    case 'response.changed':
      return event.severity;
    case 'command.verdict':
      return verdictSeverities[event.verdict.name];
    case 'space.changed':
      return spaceSeverities[event.level];
    case 'session.ended':
      return calmEnds.includes(event.reason) ? 'informational' : 'medium';
    case 'sink.changed':
      return event.standing === 'failing' || event.standing === 'dead-lettered' ? 'medium' : 'informational';
    case 'identity.refused':
    case 'session.refused':
    case 'output.limited':
      return 'low';
    case 'violation':
    case 'session.kill':
    case 'recording.deleted':
    case 'journal.pruned':
      return 'medium';
    case 'journal.recovered':
      return event.cutBytes > 0 || event.interrupted > 0 ? 'medium' : 'informational';
    case 'key.rotated':
    case 'factor.changed':
    case 'configuration.changed':
    case 'session.steered':
      return 'low';
    default:
      return 'informational';
  }
}

const verdictSeverities: Readonly<Record<VerdictName, Severity>> = {
  allow: 'informational',
  mask: 'informational',
  hold: 'low',
  block: 'medium',
  terminate: 'high',
};

const spaceSeverities: Readonly<Record<SpaceLevel, Severity>> = {
  ample: 'informational',
  warn: 'medium',
  refuse: 'high',
  end: 'critical',
};

const calmEnds: readonly string[] = ['client-closed', 'upstream-closed', 'idle', 'drained'];
