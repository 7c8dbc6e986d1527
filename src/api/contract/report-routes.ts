/** The part of the table that makes reports: see routes.ts. */
import { z } from 'zod';
import { moment } from './names.ts';
import { defineRoute, text } from './route.ts';

export const reportNames = ['access', 'privileged', 'reviews', 'changes', 'coverage'] as const;
export const reportFormats = ['html', 'csv', 'json'] as const;

export const reportRoutes = {
  makeReport: defineRoute({
    method: 'POST',
    path: '/api/v1/reports/:report',
    summary:
      'Makes a report that an auditor asks for, with what proves it attached. That it was made is recorded, with its digest.',
    permission: 'reports.make',
    params: z.strictObject({ report: z.enum(reportNames) }),
    body: z
      .strictObject({
        since: moment,
        until: moment.optional().describe('Now unless given.'),
        format: z.enum(reportFormats),
      })
      .refine(({ since, until }) => until === undefined || Date.parse(since) < Date.parse(until), {
        message: 'must be before until',
        path: ['since'],
      }),
    response: text('text/html', 'text/csv', 'application/json'),
    streamed: true,
  }),
} as const;
