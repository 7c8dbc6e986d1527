/**
 * What opening a session waits for: a request for access to be approved, a step-up by the person. The client is told by a
 * NoticeResponse, and simply waits.
 *
 * The server may send notices at any time, also between AuthenticationOk and ReadyForQuery; psql and whatever is built on
 * libpq print them as they come. A driver that shows none waits all the same: what waits is listed by `sallyport approve`
 * and `sallyport reviews ls`.
 *
 * Invariant: no session is asked for before the answer came; who leaves meanwhile withdraws a step-up, and leaves a request
 * for access to be decided.
 *
 * Deliberately absent: whether anything is owed, and enforcing it (the door).
 * Source: PostgreSQL documentation, chapters 54.2.1 "Start-up" and 54.2.6 "Asynchronous Operations".
 */
import { escapeText } from '../../base/escape.ts';
import type { Wire } from '../../base/wire.ts';
import type { Door } from '../../core/protocol.ts';
import { encodeNoticeResponse } from './backend.ts';

import * as limits from './limits.ts';
import type { Login } from './login.ts';
import type { Startup } from './startup.ts';

/** Resolves once nothing is waited for any more, at once where nothing is. Rejects with a denial, or as the inbox failed. */
export async function awaitOpening(client: Wire, door: Door, startup: Startup, known: Login): Promise<void> {
  const { principal, resource, facts } = known;
  const wait = await door.awaitAccess(principal, resource, facts['application_name'] ?? 'a client of PostgreSQL');
  if (wait !== null) {
    const { outcome, audience, link, review } = wait;
    await waitFor(client, startup, {
      outcome,
      leave: () => wait.leave(),
      deadlineMs: limits.accessDeadlineMs,
      what: 'access to be approved',
      message: `Access to ${escapeText(resource)} was asked for as ${review}. It waits for ${escapeText(audience)}: ${link} Waiting ...`,
      hint: 'You may leave; once it is approved, the next connection opens.',
    });
  }
  if (!(await door.owesStepUp(principal, resource))) return;
  const asked = await door.stepUp(principal, resource);
  await waitFor(client, startup, {
    outcome: asked.outcome,
    leave: () => asked.withdraw(),
    deadlineMs: limits.stepUpDeadlineMs,
    what: 'a confirmation by the person',
    message: `Opening ${escapeText(resource)} takes a confirmation by you: open ${asked.link} and approve if it shows the code ${asked.code}. Waiting ...`,
    hint: `From the command line: sallyport approve ${asked.code}`,
  });
}

interface Awaited {
  readonly outcome: Promise<void>;
  /** Nobody waits any more: the outcome rejects, where it had not come. */
  readonly leave: () => void;
  readonly deadlineMs: number;
  readonly what: string;
  readonly message: string;
  readonly hint: string;
}

async function waitFor(client: Wire, { inbox }: Startup, awaited: Awaited): Promise<void> {
  const { outcome, leave, deadlineMs, what, message, hint } = awaited;
  // The client may leave before the outcome is waited for.
  outcome.catch(() => undefined);
  inbox.onFailure = leave;
  inbox.deadline(deadlineMs, what);
  try {
    if (inbox.failure !== null) throw inbox.failure;
    client.write(encodeNoticeResponse({ severity: 'NOTICE', code: '00000', message, hint }));
    await outcome;
    if (inbox.failure !== null) throw inbox.failure;
    inbox.rest();
  } finally {
    inbox.onFailure = null;
    leave();
  }
}
