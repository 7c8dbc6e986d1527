/**
 * What ends live sessions at once (I11): a revoked token, a disabled or removed principal, a removed resource, an Access
 * that no longer grants, be it that the Access changed, or the principal's groups, or the resource's labels, or that its
 * window closed or its end came; or that now asks for a step-up which the session's person never gave; a lock.
 */
import type { Clock } from '../base/clock.ts';
import { fingerprintOf } from '../base/fingerprint.ts';
import type { Log } from '../base/log.ts';
import type { LiveSessions } from '../core/door.ts';
import type { Principal } from '../core/principal.ts';
import type { SessionEnding } from '../core/session.ts';
import { type Identity, stillRests } from '../identity/index.ts';
import type { GatewayAuthorisation } from './authorisation.ts';
import { inBackground } from './background.ts';
import type { GrantService } from './grants.ts';
import type { Snapshot } from './snapshot.ts';

/** How often it is asked whether a time has come; well below the second that is promised (I11). */
const lookIntervalMs = 250;

export interface RevocationParts {
  readonly clock: Pick<Clock, 'now' | 'every'>;
  readonly sessions: LiveSessions;
  readonly identity: Identity;
  readonly snapshot: Snapshot;
  /** Whether a session may go on as things are configured now: by Access or by a grant. */
  readonly authorisation: Pick<GatewayAuthorisation, 'endingOf'>;
  readonly grants: Pick<GrantService, 'revokeOfGone'>;
  readonly log: Log;
}

/** Watches from now on; what is watched ends with the gateway. Returns what ends the timer. */
export function endWhatIsRevoked(parts: RevocationParts): () => void {
  const { clock, sessions, identity, snapshot, authorisation, grants, log } = parts;
  /** What was judged last, and until when that holds. */
  let judged = { atMs: clock.now(), untilMs: snapshot.configured.changesAt(clock.now()) };
  const judge = (): void => {
    judged = { atMs: clock.now(), untilMs: snapshot.configured.changesAt(clock.now()) };
    for (const session of sessions.all()) {
      const over = session.ended ? null : authorisation.endingOf(session);
      if (over !== null) session.end(over);
    }
  };
  const timer = clock.every(lookIntervalMs, () => {
    const nowMs = clock.now();
    // A clock that was set back is another time as well.
    if (nowMs < judged.atMs || (judged.untilMs !== null && nowMs >= judged.untilMs)) judge();
  });
  const keyGone = ending(
    'token-revoked',
    'What this session was opened with (a key, a certificate, a workload’s token, an agent) is no longer accepted.',
  );
  const revoked = ending('token-revoked', 'The access token of this session was revoked.');
  identity.onRevoked((tokenId) => sessions.endByCredential(tokenId, revoked));
  identity.onResync(() => {
    const ids = sessions.all().flatMap(({ credentialIds }) => credentialIds);
    inBackground(
      log,
      'revocations could not be read',
      identity.revokedAmong(ids).then((gone) => {
        for (const id of gone) sessions.endByCredential(id, revoked);
      }),
    );
  });
  snapshot.onLoaded = () => {
    inBackground(log, 'grants of principals that are gone could not be revoked', grants.revokeOfGone());
    judge();
    sessions.end(({ principal }) => !isStillVouchedFor(principal, snapshot), keyGone);
  };
  return () => timer.cancel();
}

/** Whether the key, the authority behind the certificate, the rule or the agents that a session was opened with still count. */
export function isStillVouchedFor({ name, authentication }: Principal, snapshot: Snapshot): boolean {
  const { method, credentialId } = authentication;
  const entry = snapshot.principal(name);
  if (entry === null) return true;
  if (!stillRests(authentication, entry, { find: (agent) => snapshot.principal(agent) })) return false;
  if (credentialId === null) return true;
  if (method === 'key') return (entry.keys ?? []).some((blob) => fingerprintOf(blob) === credentialId);
  // A fingerprint may have slashes of its own.
  const end = credentialId.lastIndexOf('/');
  // A certificate of the gateway's own stands for a token, which is watched by itself.
  if (method !== 'certificate' || end < 0) return true;
  const authority = credentialId.slice(0, end);
  return snapshot.authorities().some(({ keys, certificates = [], revoked, mayVouchFor }) => {
    const blobs = [...keys, ...certificates.map(({ raw }) => raw)];
    const isKnown = blobs.some((blob) => fingerprintOf(blob) === authority);
    return isKnown && revoked?.has(credentialId.slice(end + 1)) !== true && mayVouchFor(entry);
  });
}

/** An ending that no person asked for. */
export function ending(reason: SessionEnding['reason'], message: string): SessionEnding {
  return { reason, message, code: null, by: null };
}
