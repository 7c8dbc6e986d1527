/**
 * What ends live sessions at once (I11): a revoked token, a disabled or removed principal, a removed resource, an Access
 * that no longer grants, be it that the Access changed, or the principal's groups, or the resource's labels; or that now
 * asks for a step-up which the session's person never gave.
 */
import { fingerprintOf } from '../base/fingerprint.ts';
import type { Log } from '../base/log.ts';
import type { LiveSessions } from '../core/door.ts';
import type { Principal } from '../core/principal.ts';
import type { Session, SessionEnding } from '../core/session.ts';
import type { Identity } from '../identity/index.ts';
import { inBackground } from './background.ts';
import type { GrantService } from './grants.ts';
import type { Standing } from './open-reviews.ts';
import type { Snapshot } from './snapshot.ts';

export interface RevocationParts {
  readonly sessions: LiveSessions;
  readonly identity: Identity;
  readonly snapshot: Snapshot;
  /** Whether a session may go on as things are configured now: by Access or by a grant. */
  readonly standing: (session: Session) => Standing;
  readonly grants: Pick<GrantService, 'revokeOfGone'>;
  readonly log: Log;
}

/** Watches from now on; what is watched ends with the gateway. */
export function endWhatIsRevoked({ sessions, identity, snapshot, standing, grants, log }: RevocationParts): void {
  const keyGone = ending(
    'token-revoked',
    'The key or certificate that this session was opened with is no longer accepted.',
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
    sessions.end(
      (session) => standing(session) === 'ended',
      ending('locked', 'Your access to this resource has ended.'),
    );
    sessions.end(
      (session) => standing(session) === 'unconfirmed',
      ending('locked', 'Your access to this resource now takes a confirmation by you. Connect again.'),
    );
    sessions.end(({ principal }) => !isStillVouchedFor(principal, snapshot), keyGone);
  };
}

/** Whether the key, or the authority behind the certificate, that a session was opened with still counts. */
export function isStillVouchedFor({ name, authentication }: Principal, snapshot: Snapshot): boolean {
  const { method, credentialId } = authentication;
  const entry = snapshot.principal(name);
  if (entry === null || credentialId === null) return true;
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
