/**
 * What can be said against Sinks before they are saved: more of them than are read, and targets that could never be reached (A-API-04).
 * What a name resolves to is looked at with each connection, and not here.
 */
import { isIP } from 'node:net';
import type { Manifest, SinkManifest } from '../api/contract/index.ts';
import { parseAddress } from '../api/contract/index.ts';
import type { RuleChecks, RuleProblem } from '../api/index.ts';
import { isAllowedAddress } from '../base/addresses.ts';
import * as limits from './limits.ts';

/** The same checks, and those of sinks. */
export function withSinkChecks(checks: RuleChecks): RuleChecks {
  return { check: async (objects) => [...sinkProblems(objects), ...(await checks.check(objects))] };
}

export function sinkProblems(objects: readonly Manifest[]): readonly RuleProblem[] {
  const sinks = objects.filter((manifest): manifest is SinkManifest => manifest.kind === 'Sink');
  return sinks.flatMap((manifest, at): RuleProblem[] => {
    const { name } = manifest.metadata;
    const problem = (field: string, reason: string): RuleProblem => ({ kind: 'Sink', name, field, reason });
    const many =
      at < limits.sinksMax ? [] : [problem('metadata.name', `is one more than the ${limits.sinksMax} there may be`)];
    const unreachable = hostsOf(manifest).flatMap(([field, host]) => {
      const reason = reasonAgainst(host, manifest.spec.private === true);
      return reason === null ? [] : [problem(field, reason)];
    });
    return [...many, ...unreachable];
  });
}

function reasonAgainst(host: string, isPrivate: boolean): string | null {
  const bare = host.replace(/^\[|\]$/g, '');
  const address = bare.toLowerCase() === 'localhost' ? '127.0.0.1' : bare;
  if (isIP(address) === 0 || isAllowedAddress(address, isPrivate)) return null;
  return isAllowedAddress(address, true)
    ? 'lies inside a private network; private: true where that is meant'
    : 'is an address that the gateway connects to for nobody';
}

/** Hosts that the manifest names by themselves, and where. */
function hostsOf({ spec }: SinkManifest): readonly (readonly [field: string, host: string])[] {
  const found: (readonly [string, string])[] = [];
  for (const [target, given] of Object.entries(spec.to)) {
    const fields = (given ?? {}) as Readonly<Record<string, unknown>>;
    for (const name of ['url', 'endpoint']) {
      const text = fields[name];
      if (typeof text === 'string' && URL.canParse(text))
        found.push([`spec.to.${target}.${name}`, new URL(text).hostname]);
    }
    const brokers = Array.isArray(fields['brokers']) ? (fields['brokers'] as unknown[]) : [];
    for (const text of [fields['address'], fields['server'], ...brokers]) {
      const host = typeof text === 'string' ? parseAddress(text)?.host : undefined;
      if (host !== undefined) found.push([`spec.to.${target}`, host]);
    }
  }
  return found;
}
