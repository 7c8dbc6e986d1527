/**
 * What ends live sessions at once (I11): a revoked token, a disabled or removed principal, a removed resource, an Access
 * that no longer grants, be it that the Access changed, or the principal's groups, or the resource's labels.
 */
import type { Log } from '../base/log.ts';
import type { LiveSessions } from '../core/door.ts';
import type { SessionEnding } from '../core/session.ts';
import type { Identity } from '../identity/index.ts';
import { inBackground } from './background.ts';
import type { Snapshot } from './snapshot.ts';

export interface RevocationParts {
  readonly sessions: LiveSessions;
  readonly identity: Identity;
  readonly snapshot: Snapshot;
  readonly log: Log;
}

/** Watches from now on; what is watched ends with the gateway. */
export function endWhatIsRevoked({ sessions, identity, snapshot, log }: RevocationParts): void {
  const revoked = ending('token-revoked', 'The access token of this session was revoked.');
  identity.onRevoked((tokenId) => sessions.endByCredential(tokenId, revoked));
  identity.onResync(() => {
    const ids = sessions.all().flatMap(({ principal }) => principal.authentication.credentialId ?? []);
    inBackground(
      log,
      'revocations could not be read',
      identity.revokedAmong(ids).then((gone) => {
        for (const id of gone) sessions.endByCredential(id, revoked);
      }),
    );
  });
  snapshot.onLoaded = () => {
    sessions.end(
      (session) => {
        const entry = snapshot.principal(session.principal.name);
        if (entry === null || entry.disabled) return true;
        const labels = snapshot.resourceLabels(session.resource.name);
        if (labels === null) return true;
        const principal = { ...session.principal, groups: entry.groups };
        return !snapshot.decide(principal, { ...session.resource, labels }).granted;
      },
      ending('locked', 'Your access to this resource has ended.'),
    );
  };
}

/** An ending that no person asked for. */
export function ending(reason: SessionEnding['reason'], message: string): SessionEnding {
  return { reason, message, code: null, by: null };
}
