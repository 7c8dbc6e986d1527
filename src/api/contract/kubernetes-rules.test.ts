import { describe, expect, it } from 'vitest';
import { kubernetesObjects, kubernetesSelector } from './kubernetes-rules.ts';
import { guardrailSchema, maskSchema } from './rules.ts';

describe('rules about Kubernetes', () => {
  it.each<object>([
    { verbs: ['delete', 'connect'], resources: ['pods', 'pods/exec', '*/scale', '*', 'things.example.com', '*.apps'] },
    { groups: ['core', '*.k8s.io'], namespaces: ['prod-*'], names: ['db'], subresources: ['*'], dryRun: false },
    { paths: ['/metrics', '/logs/*'], uncertain: 'ignore' },
    { fields: ['/spec/hostNetwork=true', '/**/privileged=true'], labels: { 'app.kubernetes.io/name': 'web-*' } },
  ])('%j is taken', (selector) => {
    expect(kubernetesSelector.safeParse(selector).success).toBe(true);
    const spec = { match: { commands: { kubernetes: selector } }, verdict: 'block' };
    expect(guardrailSchema.safeParse({ kind: 'Guardrail', metadata: { name: 'r' }, spec }).success).toBe(true);
  });

  it.each<object>([
    {},
    { verbs: [] },
    { resources: ['a/b/c'] },
    { resources: ['.apps'] },
    { paths: ['metrics'] },
    { fields: ['spec'] },
    { labels: {} },
    { dryRun: 'yes' },
    { kinds: ['Pod'] },
  ])('%j is refused', (selector) => {
    expect(kubernetesSelector.safeParse(selector).success).toBe(false);
  });

  it('a Mask says of which objects its fields are', () => {
    const mask = (kubernetes: object) =>
      maskSchema.safeParse({
        kind: 'Mask',
        metadata: { name: 'm' },
        spec: { match: { kubernetes }, fields: ['/data/*'] },
      }).success;
    expect(mask({ resources: ['secrets'], namespaces: ['prod-*'] })).toBe(true);
    expect(mask({})).toBe(false);
    expect(mask({ resources: ['pods/exec'] })).toBe(false);
    expect(kubernetesObjects.safeParse({ verbs: ['get'] }).success).toBe(false);
  });
});
