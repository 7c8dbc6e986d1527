/**
 * Alerts and the responses of detections: reading, handling, ending.
 *
 * Invariant: whatever comes from commands and clients is shown with nothing in it that hides or reorders (A-REC-02).
 *
 * Deliberately absent: what may be done with an alert in its state, and the journal's record of it. Those are the service's.
 */
import { severities } from '../../core/alert.ts';
import type { AlertFound, AlertRecord, EvidenceRecord, ResponseRecord } from '../alert-ports.ts';
import { permissionsFor } from '../authorise.ts';
import type { ApiParts, Handlers } from '../context.ts';
import {
  type AlertSummaryView,
  type AlertView,
  contractLimits,
  type EvidenceView,
  type ResponseView,
} from '../contract/index.ts';
import { displayBeginning, displayLine, displayText } from '../display.ts';
import { apiErrors } from '../errors.ts';

type AlertRoute = 'listAlerts' | 'getAlert' | 'handleAlert' | 'listResponses' | 'endResponse';

/** Characters of a command that evidence shows. */
const evidenceLengthMax = 2000;

export function alertHandlers({ ports, clock }: ApiParts): Pick<Handlers, AlertRoute> {
  const { alerts } = ports;
  const ms = (text: string | undefined): number | null => (text === undefined ? null : Date.parse(text));
  const viewOf = (found: AlertFound, mayHandle: boolean): AlertView => ({
    ...summaryOf(found.alert),
    facts: Object.fromEntries(
      Object.entries(found.facts).map(([key, value]) => [
        displayLine(key),
        typeof value === 'number' ? value : displayLine(value),
      ]),
    ),
    evidence: found.evidence.map(evidenceOf),
    trail: found.trail.map(({ atMs, by, action, to, text }) => ({
      at: iso(atMs),
      by: { id: by.id, name: displayLine(by.name) },
      action,
      to: to === null ? null : displayLine(to),
      text: displayText(text),
    })),
    responses: found.responses.map((response) => responseOf(response, clock.now())),
    you: { mayHandle, mayResolve: mayHandle && found.mayResolve },
  });
  return {
    async listAlerts({ input }) {
      const { state, severity, detection, principal, resource, session, assignee, since, until, limit, cursor } =
        input.query;
      const page = await alerts.list({
        states: state === undefined ? null : state === 'active' ? ['open', 'acknowledged'] : [state],
        severities: severity === undefined ? null : severities.slice(severities.indexOf(severity)),
        detection: detection ?? null,
        principal: principal ?? null,
        resource: resource ?? null,
        session: session ?? null,
        assignee: assignee ?? null,
        sinceMs: ms(since),
        untilMs: ms(until),
        limit: limit ?? contractLimits.pageEntriesDefault,
        cursor: cursor ?? null,
      });
      return { alerts: page.alerts.map(summaryOf), next: page.next };
    },

    async getAlert({ principal, input }) {
      const found = await alerts.get(input.params.id, principal);
      if (found === null) throw apiErrors('api.not-found', { values: { what: 'alert' } });
      return viewOf(found, permissionsFor(principal)['alerts.handle'] === 'all');
    },

    async handleAlert({ principal, input }) {
      const { action, to, text } = input.body;
      return viewOf(
        await alerts.handle(input.params.id, principal, { action, to: to ?? null, text: text ?? '' }),
        true,
      );
    },

    async listResponses({ input }) {
      const { all, alert, limit, cursor } = input.query;
      const page = await alerts.responses({
        isLive: all !== true,
        alert: alert ?? null,
        limit: limit ?? contractLimits.pageEntriesDefault,
        cursor: cursor ?? null,
      });
      return { responses: page.responses.map((response) => responseOf(response, clock.now())), next: page.next };
    },

    async endResponse({ principal, input }) {
      await alerts.endResponse(input.params.id, principal);
      return undefined;
    },
  };
}

function summaryOf(alert: AlertRecord): AlertSummaryView {
  const { firstAtMs, lastAtMs, isDry, suppressed, summary, principal, assignee, ...rest } = alert;
  return {
    ...rest,
    detection: displayLine(rest.detection),
    summary: displayLine(summary),
    principal: named(principal),
    assignee: named(assignee),
    firstAt: iso(firstAtMs),
    lastAt: iso(lastAtMs),
    dryRun: isDry,
    suppressed: suppressed === null ? null : displayLine(suppressed),
  };
}

function named(who: AlertRecord['principal']): AlertRecord['principal'] {
  return who === null ? null : { id: who.id, name: displayLine(who.name) };
}

function evidenceOf(evidence: EvidenceRecord): EvidenceView {
  const { atMs, text, principal, resource, ...rest } = evidence;
  return {
    ...rest,
    at: atMs === null ? null : iso(atMs),
    principal: principal === null ? null : displayLine(principal),
    resource: resource === null ? null : displayLine(resource),
    text: displayBeginning(text, evidenceLengthMax),
  };
}

function responseOf(response: ResponseRecord, nowMs: number): ResponseView {
  const { sinceMs, untilMs, endedAtMs, endedBy, owner, reviewers, message, ...rest } = response;
  return {
    ...rest,
    owner: { id: owner.id, name: displayLine(owner.name) },
    reviewers: { names: [...reviewers.names], groups: [...reviewers.groups] },
    message: displayLine(message),
    since: iso(sinceMs),
    until: untilMs === null ? null : iso(untilMs),
    endedAt: endedAtMs === null ? null : iso(endedAtMs),
    endedBy: endedBy === null ? null : displayLine(endedBy),
    inForce: endedAtMs === null && (untilMs === null || untilMs > nowMs),
  };
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
