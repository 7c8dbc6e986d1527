/**
 * Whom and what rules are about: selectors of principals and resources that every kind of rule shares (core/rules.ts says what they
 * mean). What is left out selects everyone or everything; what is given must select something.
 */
import { z } from 'zod';
import type { PrincipalKind } from '../../core/principal.ts';
import { labels, nameList } from './names.ts';
import { oneOf } from './rule-parts.ts';

const principalKinds = ['person', 'service', 'agent'] as const satisfies readonly PrincipalKind[];

const someNames = nameList.min(1, 'must not be empty; leave it out to select everyone');

/** Who decides: at least one person or group. */
export const reviewerSelector = z
  .strictObject({
    names: nameList.optional().describe('Principals, by name.'),
    groups: nameList.optional().describe('Members of these groups.'),
  })
  .refine((value) => isAny(value.names, value.groups), 'must name somebody by names or groups');

const except = z
  .strictObject({ names: nameList.optional(), groups: nameList.optional() })
  .refine((value) => isAny(value.names, value.groups), 'must name somebody by names or groups')
  .describe('Whoever is named here, or is in one of the groups, is left out.');

export const principals = z
  .strictObject({
    names: someNames.optional(),
    groups: someNames.optional(),
    kinds: oneOf(principalKinds).optional(),
    agents: z
      .union([z.literal(true), someNames])
      .optional()
      .describe('true: any agent, also one that acts for somebody. Names: one of these, anywhere in the chain.'),
    except: except.optional(),
  })
  .refine((value) => Object.keys(value).length > 0, 'must not be empty; leave it out to select everyone')
  .describe('Whose commands; everybody’s where it is left out. All that is given must hold.');

export const resources = z
  .strictObject({
    names: someNames.optional(),
    labels: labels.optional().describe('All of them must be on the resource.'),
    protocols: nameList.min(1, 'must not be empty; leave it out to select all').optional(),
  })
  .refine(
    (value) => isAny(value.names, value.protocols, Object.keys(value.labels ?? {})),
    'must not be empty; leave it out to select every resource',
  )
  .describe('On which resources; on all where it is left out. All that is given must hold.');

export function isAny(...lists: readonly (readonly unknown[] | undefined)[]): boolean {
  return lists.some((list) => list !== undefined && list.length > 0);
}
