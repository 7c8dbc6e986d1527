/**
 * Access on request: the `request` terms of an Access, compiled.
 *
 * Invariant: what is not understood is refused, never ignored; an Access with such terms gives nobody standing access.
 * Who matches the Access is the policy room's to say.
 */
import { type DurationUnit, durationUnitsMs } from '../base/duration.ts';
import { escapeLine } from '../base/escape.ts';
import type { HoldTerms } from '../core/judgement.ts';
import { reviewErrors } from './errors.ts';
import * as limits from './limits.ts';

/** As written under `spec.request` of an Access manifest. */
export interface RequestSpec {
  readonly reviewers: { readonly names?: readonly string[]; readonly groups?: readonly string[] };
  /** Distinct people; 1 unless given. */
  readonly approvals?: number;
  /** Longest grant, as `90s`, `30m`, `8h`, `7d`. */
  readonly maxDuration: string;
  /** True unless given. */
  readonly reasonRequired?: boolean;
  /** What becomes of who connects without having asked: told how to ask (`tell`, unless given), or asking and waiting. */
  readonly onConnect?: 'tell' | 'wait';
  /** The length of a grant where nobody says one. */
  readonly defaultDuration?: string;
}

export interface RequestTerms {
  /** Of the review: rule is the Access. */
  readonly hold: HoldTerms;
  readonly durationMsMax: number;
  readonly reasonRequired: boolean;
  readonly onConnect: 'tell' | 'wait';
  /** Null where it is not said. */
  readonly defaultDurationMs: number | null;
}

/** Throws `review.bad-terms`. `spec` is as it came from a manifest, not trusted to have its type. */
export function compileRequest(access: string, spec: unknown): RequestTerms {
  const fail = (reason: string): Error =>
    reviewErrors('review.bad-terms', { values: { name: escapeLine(access), reason } });
  const fields = (value: unknown, path: string, known: readonly string[]): Record<string, unknown> => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail(`${path} is not an object`);
    for (const key of Object.keys(value)) {
      if (!known.includes(key)) throw fail(`${path} has an unknown field ${escapeLine(JSON.stringify(key))}`);
    }
    return value as Record<string, unknown>;
  };
  const list = (value: unknown, path: string): readonly string[] => {
    if (value === undefined) return [];
    if (!Array.isArray(value) || !value.every((one) => typeof one === 'string' && one !== '')) {
      throw fail(`${path} is not a list of names`);
    }
    if (value.length > limits.reviewersMax) throw fail(`${path} has more than ${limits.reviewersMax} entries`);
    return value as string[];
  };
  const root = fields(spec, 'request', [
    'reviewers',
    'approvals',
    'maxDuration',
    'reasonRequired',
    'onConnect',
    'defaultDuration',
  ]);
  const reviewers = fields(root['reviewers'], 'request.reviewers', ['names', 'groups']);
  const names = list(reviewers['names'], 'request.reviewers.names');
  const groups = list(reviewers['groups'], 'request.reviewers.groups');
  if (names.length + groups.length === 0) throw fail('request.reviewers names nobody');
  const approvals = root['approvals'] ?? 1;
  if (!Number.isInteger(approvals) || (approvals as number) < 1 || (approvals as number) > limits.approvalsMax) {
    throw fail(`request.approvals is not a whole number from 1 to ${limits.approvalsMax}`);
  }
  const durationMsMax = msOf(root['maxDuration']);
  if (durationMsMax < limits.grantMsMin || durationMsMax > limits.grantMsMax) {
    throw fail('request.maxDuration is not a time from 60s to 7d, such as 8h');
  }
  const reasonRequired = root['reasonRequired'] ?? true;
  if (typeof reasonRequired !== 'boolean') throw fail('request.reasonRequired is neither true nor false');
  const onConnect = root['onConnect'] ?? 'tell';
  if (onConnect !== 'tell' && onConnect !== 'wait') throw fail('request.onConnect is neither tell nor wait');
  const defaultDurationMs = root['defaultDuration'] === undefined ? null : msOf(root['defaultDuration']);
  if (defaultDurationMs !== null && (defaultDurationMs < limits.grantMsMin || defaultDurationMs > durationMsMax)) {
    throw fail('request.defaultDuration is not a time from 60s to request.maxDuration');
  }
  return {
    hold: {
      rule: access,
      reviewers: { names, groups },
      approvals: approvals as number,
      withinMs: limits.accessRequestWithinMs,
      inTransactionMs: limits.accessRequestWithinMs,
      escalation: null,
      breakGlass: [],
      message: '',
    },
    durationMsMax,
    reasonRequired,
    onConnect,
    defaultDurationMs,
  };
}

/** 0 where it is no length of time. */
function msOf(text: unknown): number {
  const match = /^([1-9]\d{0,6})([smhd])$/.exec(typeof text === 'string' ? text : '');
  return match === null ? 0 : Number(match[1]) * durationUnitsMs[match[2] as DurationUnit];
}
