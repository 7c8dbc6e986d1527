/** What the API needs for alerts and responses, as an interface; `gateway/alerts.ts` fulfils it. */
import type { AlertAction, AlertState, ResponseKind, Severity } from '../core/alert.ts';
import type { Principal } from '../core/principal.ts';

export interface AlertRecord {
  readonly id: string;
  readonly gateway: string;
  readonly detection: string;
  readonly origin: 'detection' | 'guardrail' | 'gateway';
  readonly severity: Severity;
  readonly state: AlertState;
  readonly resolution: 'resolved' | 'false-positive' | null;
  readonly summary: string;
  readonly principal: { readonly id: string; readonly name: string } | null;
  readonly session: string | null;
  readonly command: number | null;
  readonly resource: string | null;
  readonly assignee: { readonly id: string; readonly name: string } | null;
  readonly count: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly isDry: boolean;
  readonly suppressed: string | null;
}

/** One event that an alert rests on; of another gateway's journal, or one that is gone, the sequence alone is known. */
export interface EvidenceRecord {
  readonly sequence: number;
  readonly type: string | null;
  readonly atMs: number | null;
  readonly session: string | null;
  readonly command: number | null;
  readonly offsetMs: number | null;
  readonly principal: string | null;
  readonly resource: string | null;
  /** Raw, and possibly long. */
  readonly text: string;
  readonly outcome: string | null;
  readonly rows: number | null;
  readonly bytes: number | null;
}

export interface ResponseRecord {
  readonly id: string;
  readonly alert: string;
  readonly detection: string;
  readonly kind: ResponseKind;
  readonly severity: Severity;
  readonly owner: { readonly id: string; readonly name: string };
  readonly session: string | null;
  readonly points: number;
  readonly reviewers: { readonly names: readonly string[]; readonly groups: readonly string[] };
  readonly message: string;
  readonly sinceMs: number;
  readonly untilMs: number | null;
  readonly endedAtMs: number | null;
  readonly endedBy: string | null;
}

export interface AlertFound {
  readonly alert: AlertRecord;
  readonly facts: Readonly<Record<string, string | number>>;
  readonly evidence: readonly EvidenceRecord[];
  readonly trail: readonly {
    readonly atMs: number;
    readonly by: { readonly id: string; readonly name: string };
    readonly action: string;
    readonly to: string | null;
    readonly text: string;
  }[];
  readonly responses: readonly ResponseRecord[];
  /** Whether this viewer may resolve it: not one about themself, while somebody else may. */
  readonly mayResolve: boolean;
}

export interface AlertQuery {
  readonly states: readonly AlertState[] | null;
  readonly severities: readonly Severity[] | null;
  readonly detection: string | null;
  readonly principal: string | null;
  readonly resource: string | null;
  readonly session: string | null;
  readonly assignee: string | null;
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
  readonly limit: number;
  readonly cursor: string | null;
}

/** Who may do what is the API's to say, but for what hangs on the alert. Denials carry a public message. */
export interface AlertService {
  /** Latest first. `next` matches [A-Za-z0-9._~-]+ and is null on the last page. */
  list(query: AlertQuery): Promise<{ readonly alerts: readonly AlertRecord[]; readonly next: string | null }>;
  get(id: string, viewer: Principal): Promise<AlertFound | null>;
  /** Resolves when it is durable in the journal and written. */
  handle(
    id: string,
    by: Principal,
    what: { readonly action: AlertAction; readonly to: string | null; readonly text: string },
  ): Promise<AlertFound>;
  responses(query: {
    readonly isLive: boolean;
    readonly alert: string | null;
    readonly limit: number;
    readonly cursor: string | null;
  }): Promise<{ readonly responses: readonly ResponseRecord[]; readonly next: string | null }>;
  endResponse(id: string, by: Principal): Promise<void>;
}
