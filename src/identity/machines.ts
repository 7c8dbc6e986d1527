/**
 * Tokens of what acts without a person at it: workloads that bring a token of their own, agents that act for somebody, and
 * service accounts whose token is replaced by a new one.
 *
 * Invariants:
 * - What is given never reaches further than what it was given for: resources only narrow, and it ends no later than its
 *   parent, the workload's own token, or the agent's.
 * - What rests on a parent ends with it; what rests on a rule is not accepted any more once the rule is gone (standing.ts).
 * - A workload's token may be shown again until it ends: one record stands for it on all gateways, found by its digest, so
 *   that revoking the record refuses the token everywhere.
 *
 * Deliberately absent: throttling (identity.ts), who may ask for what (api).
 */
import type { Clock } from '../base/clock.ts';
import { describeError, isGatewayError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type ActingAgent, actingNames, type Principal, type Scope } from '../core/principal.ts';
import { identityErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { PrincipalDirectory, TokenAttributes, TokenRecord, TokenRecords } from './records.ts';
import { hashTokenSecret } from './secret.ts';
import { type IssuedToken, type Tokens, whyNotLive } from './tokens.ts';
import type { ProvenWorkload, WorkloadProver } from './workload/proving.ts';

export interface MachineParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly directory: PrincipalDirectory;
  readonly records: TokenRecords;
  readonly tokens: Tokens;
  readonly workloads: {
    readonly prover: WorkloadProver;
    /** Writes down that a workload's own token is taken from now on. What cannot be written down is not taken. */
    readonly taken: (token: TokenRecord, workload: ProvenWorkload, source: string) => Promise<void>;
  } | null;
}

export interface ExchangeOrder {
  /** A JWT of a workload's own issuer. */
  readonly token: string;
  /** The principal to be; whoever the rules say where null. */
  readonly principal: string | null;
  readonly resources: readonly string[] | null;
  readonly lifetimeMs: number | null;
}

export interface Exchanged {
  readonly owner: string;
  readonly issued: IssuedToken;
  readonly workload: ProvenWorkload;
}

export interface DelegationOrder {
  /** Who has it act, with the token that it is to rest on. */
  readonly principal: Principal;
  /** The agent: as it proved itself, or by name where whoever is at `principal` chooses it. */
  readonly agent: Principal | string;
  readonly resources: readonly string[] | null;
  readonly lifetimeMs: number | null;
  readonly label: string;
}

export class Machines {
  readonly #parts: MachineParts;

  constructor(parts: MachineParts) {
    this.#parts = parts;
  }

  /**
   * What is known here of a workload's own token; made when it is first shown. Rejects with `identity.*`, as `exchange`
   * does; what it is, is for the caller to check.
   */
  async shown(token: string, principal: string | null, source: string): Promise<TokenRecord | null> {
    const { records, tokens, workloads } = this.#parts;
    // The name is part of it: shown without one, the rules choose.
    const hash = hashTokenSecret(`${principal ?? ''}\n${token}`);
    const known = await records.findByHash(hash);
    if (known !== null || workloads === null) return known;
    const workload = await workloads.prover.prove(token, principal);
    const { rule, expiresAtMs } = workload;
    let id: string;
    try {
      const { attributes, label } = restingOn(workload, scopeOf(rule.resources, undefined));
      const issued = await tokens.issue({
        owner: rule.principal,
        label,
        createdBy: rule.principal,
        source: workloadSource,
        lifetimeMs: limits.workloadTokenLifetimeSecondsMax * 1000,
        untilMs: expiresAtMs,
        attributes: { ...attributes, use: 'foreign' },
        hash,
      });
      id = issued.token.id;
    } catch (error) {
      // Shown to another gateway, or by another connection, at the same moment.
      const other = await records.findByHash(hash);
      if (other !== null) return other;
      throw error;
    }
    const record = await records.get(id);
    if (record === null) return null;
    try {
      await workloads.taken(record, workload, source);
    } catch (error) {
      await tokens.revoke(id);
      throw error;
    }
    return record;
  }

  /** A token of ours for one of a workload's own. Rejects with `identity.*`, the same for whatever is wrong with the proof. */
  async exchange({ token, principal, resources, lifetimeMs }: ExchangeOrder): Promise<Exchanged> {
    const { workloads, tokens } = this.#parts;
    if (workloads === null) throw identityErrors('identity.workload-refused', { detail: 'no workloads are trusted' });
    const workload = await workloads.prover.prove(token, principal);
    const { rule, expiresAtMs } = workload;
    const { attributes, label } = restingOn(workload, narrowed(scopeOf(rule.resources, undefined), resources));
    const issued = await tokens.issue({
      owner: rule.principal,
      label,
      createdBy: rule.principal,
      source: workloadSource,
      lifetimeMs: Math.min(rule.lifetimeMs, lifetimeMs ?? rule.lifetimeMs),
      untilMs: expiresAtMs,
      attributes,
    });
    return { owner: rule.principal, issued, workload };
  }

  /** A token with which an agent acts for somebody (RFC 8693, section 4.1). Rejects with `identity.*`. */
  async delegate({ principal, agent, resources, lifetimeMs, label }: DelegationOrder): Promise<IssuedToken> {
    const { directory, tokens } = this.#parts;
    const name = typeof agent === 'string' ? agent : agent.name;
    const entry = directory.find(name);
    if (entry === null || entry.disabled || entry.kind !== 'agent') {
      throw identityErrors('identity.not-an-agent', { values: { name: JSON.stringify(name.slice(0, 127)) } });
    }
    const parent = await this.#live(principal);
    const before = principal.authentication.actors ?? [];
    const isInChain = before.some((one) => one.name === name) || principal.name === name;
    if (isInChain || before.length >= limits.actorsMax) {
      throw identityErrors('identity.chain-refused', { values: { name: entry.name, maximum: limits.actorsMax } });
    }
    const own = typeof agent === 'string' ? null : await this.#live(agent);
    const untilMs = Math.min(parent.expiresAtMs, own?.expiresAtMs ?? Number.POSITIVE_INFINITY);
    const both = scopeOf(
      principal.authentication.scope?.resources,
      typeof agent === 'string' ? undefined : agent.authentication.scope?.resources,
    );
    const scope = narrowed(both, resources);
    const { trust } = principal.authentication;
    const actors: readonly ActingAgent[] = [
      { issuer: entry.issuer, subject: entry.subject, name: entry.name },
      ...before,
    ];
    return tokens.issue({
      owner: principal.name,
      label,
      createdBy: [...new Set([...actingNames(principal).split(' '), entry.name])].join(' '),
      source: delegationSource,
      lifetimeMs: lifetimeMs ?? limits.delegationLifetimeDefaultMs,
      untilMs,
      attributes: {
        method: 'token',
        parent: parent.id,
        actors,
        ...(scope === undefined ? {} : { scope }),
        ...(trust === undefined ? {} : { trust }),
      },
    });
  }

  /**
   * A new token in place of one that was asked for with `token create`: as long, for as much, with a secret of its own. The
   * old one ends at once, or after `overlapMs`. Rejects with `identity.not-rotatable`.
   */
  async rotate(id: string, overlapMs: number, by: string): Promise<IssuedToken> {
    const { clock, log, records, tokens } = this.#parts;
    const old = await records.get(id);
    const isUsual = old?.source === apiSource && old.attributes.use === undefined;
    if (old === null || !isUsual || old.attributes.actors !== undefined || whyNotLive(old, clock.now()) !== null) {
      throw identityErrors('identity.not-rotatable');
    }
    const { owner, label, createdAtMs, expiresAtMs } = old;
    const { principal: _, ...attributes } = old.attributes;
    const issued = await tokens.issue({
      owner,
      label,
      createdBy: by,
      source: apiSource,
      lifetimeMs: Math.max(expiresAtMs - createdAtMs, limits.tokenLifetimeMinMs),
      // What rests on another token ends no later for being made anew.
      ...(attributes.parent === undefined ? {} : { untilMs: expiresAtMs }),
      attributes,
    });
    if (overlapMs === 0) {
      await tokens.revoke(id);
      return issued;
    }
    // Its end stands in the store, whatever becomes of this process; that its sessions end too is for this one to do.
    await records.shorten(id, clock.now() + overlapMs);
    const late = (error: unknown): void =>
      log.warn('sessions of a token that was replaced may still be open', { token: id, detail: describeError(error) });
    clock.after(overlapMs, () => void tokens.revoke(id).then(() => undefined, late));
    return issued;
  }

  async #live({ authentication }: Principal): Promise<TokenRecord> {
    const { clock, records } = this.#parts;
    const { credentialId } = authentication;
    const record = credentialId === null ? null : await records.get(credentialId);
    const why = record === null ? 'no token' : whyNotLive(record, clock.now());
    if (record === null || why !== null) throw identityErrors('identity.delegation-refused', { detail: why ?? '' });
    return record;
  }
}

/** The source of tokens that were asked for with another. */
export const apiSource = 'api';
const workloadSource = 'workload';
const delegationSource = 'delegation';

function restingOn(
  { rule, subject }: ProvenWorkload,
  scope: Scope | undefined,
): { readonly attributes: TokenAttributes; readonly label: string } {
  return {
    attributes: {
      method: 'workload',
      provider: rule.provider,
      trust: rule.trust,
      ...(scope === undefined ? {} : { scope }),
    },
    label: labelOf(`${rule.provider}: ${subject}`),
  };
}

/** A line that people read, of what an issuer chose. */
function labelOf(text: string): string {
  const plain = text.toWellFormed().replace(/[\p{Cc}\u2028\u2029]/gu, '\ufffd');
  let label = plain;
  while (Buffer.byteLength(label) > limits.tokenLabelBytesMax) label = [...label].slice(0, -1).join('');
  return label;
}

/** What is within both. */
function scopeOf(some: readonly string[] | undefined, others: readonly string[] | undefined): Scope | undefined {
  if (some === undefined) return others === undefined ? undefined : { resources: [...others] };
  return { resources: others === undefined ? [...some] : some.filter((name) => others.includes(name)) };
}

/** Rejects with `identity.scope-exceeded` what is not within: less than was asked for would be a surprise later. */
function narrowed(scope: Scope | undefined, asked: readonly string[] | null): Scope | undefined {
  if (asked === null) return scope;
  const beyond = asked.find((name) => scope?.resources?.includes(name) === false);
  if (beyond !== undefined) throw identityErrors('identity.scope-exceeded', { values: { resource: beyond } });
  return { resources: [...new Set(asked)] };
}

/** Whether an error says that a proof is no good, for which there is one answer. */
export function isProofRefused(error: unknown): boolean {
  return isGatewayError(error) && error.kind === 'denial';
}
