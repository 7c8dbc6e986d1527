/**
 * The shapes of what rules say of Kubernetes: `match.commands.kubernetes` of a Guardrail, `match.kubernetes` of a Mask.
 *
 * Deliberately absent: whether a verb, resource or pointer can be compiled in full; the compilers say that before a save.
 */
import { z } from 'zod';
import type { KubernetesObjects, KubernetesSelector } from '../../core/kubernetes.ts';
import * as limits from './limits.ts';
import { namePattern, pathPattern, patternsOf, uncertain } from './rule-parts.ts';

const resource = namePattern.regex(
  /^[^./\s]+(?:\.[^/\s]+)?(?:\/[^/\s]+)?$/,
  'must be a resource such as pods, pods/exec, deployments.apps or */scale',
);
const objectType = namePattern.regex(
  /^[^./\s]+(?:\.[^/\s]+)?$/,
  'must be a resource such as secrets or deployments.apps',
);
const path = pathPattern.regex(/^[/*][^?#]*$/, 'must be a path from / on');
const pointer = pathPattern.regex(
  /^\/[^=]*(?:=.*)?$/,
  'must be a JSON pointer such as /spec/hostNetwork, or /spec/hostNetwork=true',
);

/** Keys have a prefix: app.kubernetes.io/name. */
const labels = z
  .record(z.string().min(1).max(limits.patternNameLengthMax), z.string().max(limits.patternNameLengthMax))
  .refine((value) => Object.keys(value).length > 0, 'must not be empty');

export const kubernetesSelector = z
  .strictObject({
    verbs: patternsOf(namePattern)
      .optional()
      .describe(
        'get list watch create update patch delete deletecollection connect proxy. Exec, attach and port-forward are connect and create, whatever the method; delete includes deletecollection and evictions.',
      ),
    resources: patternsOf(resource)
      .optional()
      .describe('pods, pods/exec, pods/*, */scale, deployments.apps; * alone is every resource and subresource.'),
    groups: patternsOf(namePattern).optional().describe('API groups, * for any characters; core has no name.'),
    namespaces: patternsOf(namePattern).optional().describe('A request over all namespaces concerns each.'),
    names: patternsOf(namePattern).optional().describe('A request for a list may concern any name.'),
    subresources: patternsOf(namePattern).optional(),
    paths: patternsOf(path).optional().describe('Paths that name no resource: /metrics, /logs/*.'),
    dryRun: z.boolean().optional().describe('Whether nothing is to be stored.'),
    fields: patternsOf(pointer)
      .optional()
      .describe(
        'Places in the object, * for any one name or index, ** for any run: /spec/hostNetwork=true, /**/privileged=true.',
      ),
    labels: labels.optional().describe('Labels of the object, all of them; only what a body says is known.'),
    uncertain,
  } satisfies Record<keyof KubernetesSelector, z.ZodType>)
  .refine((value) => Object.keys(value).length > 0, 'must not be empty')
  .describe(
    'What is asked of a Kubernetes API server. All that is given must hold; names compare without regard to case.',
  );

export const kubernetesObjects = z
  .strictObject({
    resources: patternsOf(objectType).optional().describe('secrets, deployments.apps, *.example.com.'),
    namespaces: patternsOf(namePattern).optional().describe('Of a request over all namespaces every object counts.'),
  } satisfies Record<keyof KubernetesObjects, z.ZodType>)
  .refine((value) => Object.keys(value).length > 0, 'must not be empty; leave it out to select every object')
  .describe('On Kubernetes: of which objects fields are masked; of all where it is left out.');
