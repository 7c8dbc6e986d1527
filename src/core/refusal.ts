/**
 * Why a session is not opened, in the words of whoever was proven: what is missing, and what to do.
 *
 * Invariant: who has nothing that gives the resource, at another time or on request either, is told the same as of a
 * resource that does not exist.
 *
 * Deliberately absent: deciding (policy, the gateway).
 */
import { durationUnitsMs } from '../base/duration.ts';
import type { GatewayError } from '../base/errors.ts';
import { escapeLine } from '../base/escape.ts';
import { spellMoment } from '../base/time-zone.ts';
import { coreErrors } from './errors.ts';
import type { AccessDecision, AccessRefusal } from './ports.ts';

/** The denial for a decision that grants nothing; `decision` null where there is no such resource. */
export function refusalError(
  name: string,
  decision: AccessDecision | null,
  linkOf: ((resource: string) => string) | null,
): GatewayError {
  const resource = escapeLine(name);
  const refusal = decision?.refusal;
  switch (refusal?.kind) {
    case 'locked':
      return coreErrors('core.locked', { values: { lock: refusal.lock, reason: escapeLine(refusal.reason) } });
    case 'closed':
      return coreErrors('core.access-closed', {
        values: { resource, when: spellMoment(refusal.opensAtMs, refusal.timeZone) },
      });
    case 'ask': {
      const place = linkOf === null ? '' : ` (or on ${linkOf(name)})`;
      const command = askingCommand(name, refusal);
      return coreErrors('core.access-on-request', { values: { resource, command, place } });
    }
    default:
      return coreErrors('core.no-access', { values: { resource } });
  }
}

/** The command line that asks for it. */
export function askingCommand(
  resource: string,
  { durationMs, reasonRequired }: Pick<Extract<AccessRefusal, { kind: 'ask' }>, 'durationMs' | 'reasonRequired'>,
): string {
  const unit = (['d', 'h', 'm'] as const).find((one) => durationMs % durationUnitsMs[one] === 0) ?? 's';
  const length = `${Math.round(durationMs / durationUnitsMs[unit])}${unit}`;
  return `sallyport request ${escapeLine(resource)} --for ${length}${reasonRequired ? ' --reason "why"' : ''}`;
}
