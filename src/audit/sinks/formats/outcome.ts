/** Whether what an event tells of came about: the one word that every format has for it. */
import type { Event } from '../../../core/event.ts';

/** `unknown`: it is not over, or is neither. */
export type EventOutcome = 'success' | 'failure' | 'unknown';

export function outcomeOf(event: Event): EventOutcome {
  switch (event.type) {
    case 'identity.refused':
    case 'session.refused':
    case 'violation':
    case 'output.limited':
      return 'failure';
    case 'command.intent':
    case 'review.requested':
    case 'alert.raised':
    case 'space.changed':
      return 'unknown';
    case 'command.verdict':
      if (event.verdict.name === 'hold') return 'unknown';
      return event.verdict.name === 'allow' || event.verdict.name === 'mask' ? 'success' : 'failure';
    case 'command.ended':
      return event.outcome === 'completed' ? 'success' : event.outcome === 'unfinished' ? 'unknown' : 'failure';
    case 'session.ended':
      return event.reason === 'failed' || event.reason === 'recording-failed' ? 'failure' : 'success';
    case 'review.decided':
      return event.decision === 'approve' ? 'success' : 'failure';
    case 'review.ended':
      return event.outcome === 'executed' ? 'success' : 'failure';
    case 'sink.changed':
      return event.standing === 'failing' || event.standing === 'dead-lettered' ? 'failure' : 'success';
    default:
      return 'success';
  }
}
