/**
 * Reports.
 *
 * Invariant: the document is whole before it is sent, and the journal has its digest durably by then: what lies on an auditor's desk
 * can be told from what somebody changed since.
 */
import { createHash } from 'node:crypto';
import { actorOf } from '../../core/event.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { makeReport, reportMediaTypes, reportWriters } from '../reports/index.ts';

export function reportHandlers({ ports, clock, version, record }: ApiParts): Pick<Handlers, 'makeReport'> {
  return {
    async makeReport({ principal, input, signal }) {
      const { report } = input.params;
      const { since, until, format } = input.body;
      const madeAtMs = clock.now();
      const sinceMs = Date.parse(since);
      const untilMs = Math.max(sinceMs + 1, until === undefined ? madeAtMs : Date.parse(until));
      const order = { report, sinceMs, untilMs, madeAtMs, madeBy: principal.name, version };
      const document = reportWriters[format](await makeReport(ports, order, signal));
      const digest = createHash('sha256').update(document).digest('hex');
      await record({ type: 'report.made', principal: actorOf(principal), report, sinceMs, untilMs, digest });
      const day = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);
      return {
        mediaType: reportMediaTypes[format],
        body: document,
        fileName: `${report}-${day(sinceMs)}-${day(untilMs)}.${format}`,
      };
    },
  };
}
