/** For the tests of this room: principals, resources, analyses and requests in few words. Nothing else imports it. */
import type { CommandDraft } from '../core/command.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { GuardrailMatch, GuardrailSpec, RuleObject } from '../core/rules.ts';
import type { Analysis, FunctionUse, Reason, RelationUse, StatementAnalysis } from '../core/sql.ts';
import { type UnknownReason, unknownReasons } from '../core/sql-effects.ts';
import type { GuardrailRequest } from './facts.ts';

export function principal(name: string, groups: readonly string[] = [], more: Partial<Principal> = {}): Principal {
  return {
    id: `prn_${name}`,
    issuer: 'local',
    subject: name,
    name,
    kind: 'person',
    groups,
    roles: ['member'],
    authentication: { method: 'token', credentialId: 'tok_1', atMs: 0 },
    ...more,
  };
}

export function resource(name: string, labels: Readonly<Record<string, string>> = {}, protocol = 'postgres'): Resource {
  return {
    id: `res_${name}`,
    name,
    labels,
    protocol,
    host: 'db.internal',
    port: 5432,
    tls: { mode: 'verify-full', ca: null, serverName: null },
    credential: null,
    recording: 'strict',
    settings: {},
  };
}

/** `read public.orders`, `write orders` (without a catalog), with the columns mentioned. */
export function relation(text: string, columns: readonly string[] | null = []): RelationUse {
  const [access, name] = text.split(' ') as ['read' | 'write', string];
  const parts = name.split('.');
  const schema = parts.length === 2 ? parts[0]! : null;
  const last = parts.at(-1)!;
  return {
    name: last,
    schema,
    access,
    via: 'text',
    candidates: schema === null ? [] : [{ schema, name: last, oid: 1, kind: 'r' }],
    columns,
  };
}

export function call(name: string, more: Partial<FunctionUse> = {}): FunctionUse {
  return { name, schema: null, builtIn: 'yes', volatility: 'immutable', ...more };
}

/** A statement: complete unless it has reasons, which add the effect `unknown` where they must. */
export function statement(
  more: Partial<Omit<StatementAnalysis, 'reasons' | 'complete'>> & { readonly unknown?: readonly UnknownReason[] } = {},
): StatementAnalysis {
  const { unknown = [], ...given } = more;
  const reasons: Reason[] = unknown.map((code) => ({ code, about: '' }));
  const isOpaque = unknown.some((code) => unknownReasons[code].opaque);
  return {
    start: 0,
    end: 0,
    kind: 'select',
    relations: [],
    functions: [],
    operators: [],
    conditions: [],
    rowEstimate: null,
    lineage: { columns: null, steering: [], flows: [], unread: null, unresolved: null },
    parameters: [],
    settings: [],
    obstacles: [],
    ...given,
    effects: [...(given.effects ?? ['read' as const]), ...(isOpaque ? ['unknown' as const] : [])].sort(),
    complete: reasons.length === 0,
    reasons,
  };
}

export function analysis(...statements: readonly StatementAnalysis[]): Analysis {
  const reasons = statements.flatMap((one) => one.reasons);
  return {
    textBytes: 0,
    statements,
    effects: [...new Set(statements.flatMap(({ effects }) => effects))].sort(),
    complete: reasons.length === 0,
    understood: reasons.every(({ code }) => unknownReasons[code].about === 'hidden'),
    reasons,
    unparsed: null,
    sessionDependent: false,
  };
}

/** What the analysis gives for a text that is no SQL. */
export function unparsed(code: UnknownReason = 'unparsed'): Analysis {
  return {
    ...analysis(),
    effects: ['unknown'],
    complete: false,
    understood: false,
    reasons: [{ code, about: '' }],
    unparsed: code === 'unparsed' ? { message: 'syntax error at or near "secret"', position: 7 } : null,
  };
}

export const anna = principal('anna', ['engineering']);
export const orders = resource('orders', { env: 'prod' });

/** 2026-03-04 was a Wednesday. */
export const nowMs = Date.parse('2026-03-04T05:06:07.000Z');

export interface RequestParts {
  readonly sql?: Analysis | null;
  readonly verb?: string;
  readonly text?: string;
  readonly command?: Partial<CommandDraft>;
  readonly principal?: Principal;
  readonly resource?: Resource;
  readonly session?: Partial<GuardrailRequest['session']>;
  readonly nowMs?: number;
  readonly rowEstimate?: number;
}

export function request(parts: RequestParts = {}): GuardrailRequest {
  const { sql = analysis(statement()), text = 'select 1' } = parts;
  return {
    command: {
      kind: 'sql',
      verb: parts.verb ?? 'query',
      text,
      recordedText: text,
      parameters: null,
      effect: 'unknown',
      meaning: sql === null ? null : { language: 'sql', sql },
      context: {},
      of: null,
      ...parts.command,
    },
    principal: parts.principal ?? anna,
    resource: parts.resource ?? orders,
    session: {
      id: 'ses_1',
      source: '10.0.0.1',
      client: { application_name: 'psql' },
      startedAtMs: nowMs - 90_000,
      commands: 3,
      access: 'engineers',
      ...parts.session,
    },
    nowMs: parts.nowMs ?? nowMs,
    ...(parts.rowEstimate === undefined ? {} : { rowEstimate: parts.rowEstimate }),
  };
}

/** A Guardrail in few words; a hold gets reviewers. */
export function rule(
  name: string,
  verdict: GuardrailSpec['verdict'],
  match: GuardrailMatch = {},
  more: Partial<GuardrailSpec> = {},
): RuleObject<GuardrailSpec> {
  const review = verdict === 'hold' ? { review: { reviewers: { groups: ['dba'] } } } : {};
  return { name, spec: { match, verdict, ...review, ...more } };
}

export const sql = (selector: NonNullable<NonNullable<GuardrailMatch['commands']>['sql']>): GuardrailMatch => ({
  commands: { sql: selector },
});
