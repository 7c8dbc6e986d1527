/** Rules about agents: they concern whoever has one act, anywhere in the chain, and one that acts for itself. */
import { describe, expect, test } from 'vitest';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import { Fields } from './fields.ts';
import { compilePrincipals } from './selectors.ts';

function who(name: string, kind: Principal['kind'], ...agents: readonly string[]): Principal {
  const actors = agents.map((agent) => ({ issuer: 'local', subject: agent, name: agent }));
  const authentication = {
    method: 'token',
    credentialId: 'tok_1',
    atMs: 0,
    ...(agents.length === 0 ? {} : { actors }),
  };
  return {
    id: `local:${name}`,
    issuer: 'local',
    subject: name,
    name,
    kind,
    groups: [],
    roles: [],
    authentication,
  } as Principal;
}

const ana = who('ana', 'person');
const delegated = who('ana', 'person', 'claude-2', 'claude-1');
const agent = who('claude-1', 'agent');
const robot = who('claude-1', 'service');

describe('match.principals.agents', () => {
  test.each<[unknown, Principal, boolean]>([
    [true, ana, false],
    [true, delegated, true],
    [true, agent, true],
    [true, robot, false],
    [['claude-1'], delegated, true],
    [['claude-1'], agent, true],
    [['claude-1'], robot, false],
    [['claude-3'], delegated, false],
    [['claude-1'], ana, false],
  ])('%j', (agents, principal, holds) => {
    const [condition] = compilePrincipals(new Fields('a rule'), 'match.principals', { agents });
    expect(condition!.holds(principal, {} as Resource)).toBe(holds);
    expect(condition!.because(principal, {} as Resource)).toContain('agents at it');
  });

  test.each([[false], ['claude-1'], [[]], [['claude-*']], [{}]])('%j is refused', (agents) => {
    expect(() => compilePrincipals(new Fields('a rule'), 'match.principals', { agents })).toThrow();
  });
});
