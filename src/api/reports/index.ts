/** Reports that an auditor asks for: what they hold (one file each), what proves them, and what they are written as. */
import type { ApiPorts } from '../ports.ts';
import { accessReport } from './access.ts';
import { changesReport } from './changes.ts';
import { coverageReport } from './coverage.ts';
import { asCsv, asJson } from './csv.ts';
import type { ReportBody, ReportDocument } from './document.ts';
import { asHtml } from './html.ts';
import type { Span } from './look-up.ts';
import { privilegedReport } from './privileged.ts';
import { attachedProof } from './proof.ts';
import { reviewsReport } from './reviews.ts';

export type ReportName = 'access' | 'privileged' | 'reviews' | 'changes' | 'coverage';

type Maker = (ports: ApiPorts, span: Span, signal: AbortSignal) => Promise<ReportBody>;

const makers: Readonly<Record<ReportName, Maker>> = {
  access: accessReport,
  privileged: privilegedReport,
  reviews: reviewsReport,
  changes: changesReport,
  coverage: coverageReport,
};

export async function makeReport(
  ports: ApiPorts,
  order: Span & {
    readonly report: ReportName;
    readonly madeAtMs: number;
    readonly madeBy: string;
    readonly version: string;
  },
  signal: AbortSignal,
): Promise<ReportDocument> {
  const { report, sinceMs, untilMs, madeAtMs, madeBy, version } = order;
  const { evidence, ...body } = await makers[report](ports, { sinceMs, untilMs }, signal);
  return {
    report,
    since: new Date(sinceMs).toISOString(),
    until: new Date(untilMs).toISOString(),
    madeAt: new Date(madeAtMs).toISOString(),
    madeBy,
    version,
    ...body,
    proof: await attachedProof(ports, evidence),
  };
}

export const reportWriters = { html: asHtml, csv: asCsv, json: asJson } as const;

export const reportMediaTypes = {
  html: 'text/html; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  json: 'application/json; charset=utf-8',
} as const;
