/**
 * What runs without a person at it: joins workloads' own tokens, agents and replaced tokens with principals and the journal.
 *
 * Invariant: a workload is known by the rules that are configured now; what it was given by a rule that is gone is not
 * accepted any more (identity's standing.ts), and its sessions end with the next load (revocation.ts).
 *
 * Deliberately absent: verifying and narrowing (identity), routes (api).
 */
import type { MachineOutcome, MachinesPort, TokenRecord } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { durable } from '../core/door.ts';
import { actorOf } from '../core/event.ts';
import type { Journal } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import {
  createWorkloadProver,
  type Identity,
  type IdentityParts,
  type IssuedToken,
  type TokenSummary,
  type WorkloadTrusts,
} from '../identity/index.ts';
import { workloadProviderOf } from './principals.ts';
import type { Snapshot } from './snapshot.ts';

export interface WorkloadOpening {
  readonly clock: Clock;
  readonly log: Log;
  readonly snapshot: Snapshot;
  readonly journal: Journal;
}

/** What identity is given, to take workloads' own tokens. */
export function workloadsOf({
  clock,
  log,
  snapshot,
  journal,
}: WorkloadOpening): NonNullable<IdentityParts['workloads']> {
  return {
    prover: createWorkloadProver({ clock, log, trusts: trustsOf(snapshot) }),
    taken: async ({ id, owner, expiresAtMs, attributes }, { rule, subject }, source) => {
      const entry = snapshot.principal(owner);
      if (entry === null) return;
      const { scope } = attributes;
      const method = 'workload';
      const principal = actorOf({ ...entry, authentication: { method, credentialId: id, atMs: clock.now() } });
      const workload = { provider: rule.provider, subject };
      journal.append({ type: 'identity.signed-on', principal, source, method, workload });
      const resources = scope?.resources === undefined ? {} : { resources: scope.resources };
      await durable(
        journal,
        journal.append({ type: 'token.issued', principal, token: id, owner, expiresAtMs, ...resources }),
      );
    },
  };
}

function trustsOf(snapshot: Snapshot): WorkloadTrusts {
  const rules = (): ReturnType<WorkloadTrusts['rules']> =>
    [...snapshot.principals()].flatMap(({ disabled, workloads }) => (disabled ? [] : workloads));
  return {
    rules,
    providers: () => {
      const named = new Set(rules().map(({ provider }) => provider));
      return [...snapshot.providers().values()].flatMap((manifest) =>
        named.has(manifest.metadata.name) ? (workloadProviderOf(manifest) ?? []) : [],
      );
    },
  };
}

export interface MachinesPortParts {
  readonly clock: Clock;
  readonly identity: Identity;
  readonly snapshot: Snapshot;
  readonly recordOf: (token: TokenSummary) => TokenRecord;
}

export function machinesPort({ clock, identity, snapshot, recordOf }: MachinesPortParts): MachinesPort {
  const outcome = (
    owner: string,
    { secret, token }: IssuedToken,
    method: Principal['authentication']['method'],
    rest: Partial<MachineOutcome>,
  ): MachineOutcome => {
    const { id, issuer, subject, name, kind, groups, roles } = snapshot.principal(owner)!;
    const { scope, actors } = token.attributes;
    const authentication = {
      method,
      credentialId: token.id,
      atMs: clock.now(),
      ...(scope === undefined ? {} : { scope }),
      ...(actors === undefined ? {} : { actors }),
    };
    const principal = { id, issuer, subject, name, kind, groups, roles, authentication };
    return { principal, secret, token: recordOf(token), workload: null, ...rest };
  };
  return {
    exchange: async ({ token, principal, resources, lifetimeSeconds }, source) => {
      const lifetimeMs = lifetimeSeconds === null ? null : lifetimeSeconds * 1000;
      const { owner, issued, workload } = await identity.exchangeToken(
        { token, principal, resources, lifetimeMs },
        source,
      );
      const { provider } = workload.rule;
      return outcome(owner, issued, 'workload', { workload: { provider, subject: workload.subject } });
    },
    delegate: async ({ principal, agent, resources, lifetimeSeconds, description }) => {
      const issued = await identity.delegateToken({
        principal,
        agent,
        resources,
        lifetimeMs: lifetimeSeconds === null ? null : lifetimeSeconds * 1000,
        label: description,
      });
      return outcome(principal.name, issued, 'token', {});
    },
    rotate: async (id, overlapSeconds, by) => {
      const { secret, token } = await identity.rotateToken(id, overlapSeconds * 1000, by);
      return { secret, token: recordOf(token) };
    },
  };
}
