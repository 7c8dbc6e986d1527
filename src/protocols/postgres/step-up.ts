/**
 * A step-up before the session opens: the client is told where to confirm by a NoticeResponse, and simply waits.
 *
 * The server may send notices at any time, also between AuthenticationOk and ReadyForQuery; psql and whatever is built on
 * libpq print them as they come. A driver that shows none waits all the same: what waits is listed by `sallyport approve`.
 *
 * Invariant: no session is asked for before the confirmation came; who leaves meanwhile withdraws it.
 *
 * Deliberately absent: whether it is owed, and enforcing it (the door).
 * Source: PostgreSQL documentation, chapters 54.2.1 "Start-up" and 54.2.6 "Asynchronous Operations".
 */
import { escapeText } from '../../base/escape.ts';
import type { Wire } from '../../base/wire.ts';
import type { Door } from '../../core/protocol.ts';
import { encodeNoticeResponse } from './backend.ts';

import * as limits from './limits.ts';
import type { Login } from './login.ts';
import type { Startup } from './startup.ts';

/** Resolves at once where no step-up is owed, else when the person has confirmed. Rejects with a denial, or as the inbox failed. */
export async function confirmOpening(client: Wire, door: Door, { inbox }: Startup, known: Login): Promise<void> {
  const { principal, resource } = known;
  if (!(await door.owesStepUp(principal, resource))) return;
  const asked = await door.stepUp(principal, resource);
  // The client may leave before the outcome is waited for.
  asked.outcome.catch(() => undefined);
  inbox.onFailure = () => asked.withdraw();
  inbox.deadline(limits.stepUpDeadlineMs, 'a confirmation by the person');
  try {
    if (inbox.failure !== null) throw inbox.failure;
    client.write(
      encodeNoticeResponse({
        severity: 'NOTICE',
        code: '00000',
        message: `Opening ${escapeText(resource)} takes a confirmation by you: open ${asked.link} and approve if it shows the code ${asked.code}. Waiting ...`,
        hint: `From the command line: sallyport approve ${asked.code}`,
      }),
    );
    await asked.outcome;
    if (inbox.failure !== null) throw inbox.failure;
    inbox.rest();
  } finally {
    inbox.onFailure = null;
    asked.withdraw();
  }
}
