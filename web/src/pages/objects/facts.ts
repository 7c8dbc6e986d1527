/** What lists show of objects that does not stand in them: rules on a resource, groups of a principal, how sinks stand, last alerts. */
import { useMemo } from 'react';
import type { AnswerOf } from '../../api/client.ts';
import { useAsk } from '../../api/query.ts';
import { at, type Kind, type Manifest, words } from './kinds.ts';

type Sink = AnswerOf<'listSinks'>['sinks'][number];

export interface Facts {
  /** Names of Guardrails and Masks on a resource. */
  readonly rules: ReadonlyMap<string, readonly string[]>;
  /** Names of Access by which a resource is reached. */
  readonly access: ReadonlyMap<string, readonly string[]>;
  readonly groups: ReadonlyMap<string, readonly string[]>;
  readonly sinks: ReadonlyMap<string, Sink>;
  readonly alerts: ReadonlyMap<string, { readonly last: string; readonly open: number }>;
  readonly problems: ReadonlyMap<string, string>;
}

const lookedAt = 200;

export function useFacts(kind: Kind, objects: readonly Manifest[]): Facts {
  const isResource = kind === 'Resource';
  const ofRules = { enabled: isResource, keep: true };
  const guardrails = useAsk('listObjects', { params: { kind: 'Guardrail' } }, ofRules).data?.objects;
  const masks = useAsk('listObjects', { params: { kind: 'Mask' } }, ofRules).data?.objects;
  const accesses = useAsk('listObjects', { params: { kind: 'Access' } }, ofRules).data?.objects;
  const groups = useAsk('listObjects', { params: { kind: 'Group' } }, { enabled: kind === 'Principal', keep: true });
  const sinks = useAsk('listSinks', {}, { enabled: kind === 'Sink', keep: true, everyMs: 10_000 });
  const detections = useAsk('listDetections', {}, { enabled: kind === 'Detection', keep: true });
  const alerts = useAsk('listAlerts', { query: { limit: lookedAt } }, { enabled: kind === 'Detection', keep: true });
  return useMemo(
    () => ({
      rules: new Map(
        isResource
          ? objects.map((one) => [one.metadata.name, selecting(one, [...(guardrails ?? []), ...(masks ?? [])])])
          : [],
      ),
      access: new Map(isResource ? objects.map((one) => [one.metadata.name, selecting(one, accesses ?? [])]) : []),
      groups: groupsOf(objects, groups.data?.objects ?? []),
      sinks: new Map((sinks.data?.sinks ?? []).map((sink) => [sink.name, sink])),
      alerts: alertsOf(alerts.data?.alerts ?? []),
      problems: new Map(
        (detections.data?.detections ?? []).flatMap(({ name, problem }) =>
          problem === null ? [] : [[name, problem] as const],
        ),
      ),
    }),
    [isResource, objects, guardrails, masks, accesses, groups.data, sinks.data, detections.data, alerts.data],
  );
}

/** Of these, the names of those whose selector of resources takes this one. */
export function selecting(resource: Manifest, rules: readonly Manifest[]): readonly string[] {
  const { name, labels = {} } = resource.metadata;
  return rules
    .filter(({ spec }) => {
      const selector = at(spec, 'match', 'resources');
      const names = at(selector, 'names');
      const wanted = at(selector, 'labels');
      const protocols = at(selector, 'protocols');
      return (
        (names === undefined || words(names).includes(name)) &&
        (protocols === undefined || words(protocols).includes(String(resource.spec['protocol']))) &&
        Object.entries((wanted ?? {}) as Record<string, string>).every(([key, value]) => labels[key] === value)
      );
    })
    .map(({ metadata }) => metadata.name);
}

function groupsOf(principals: readonly Manifest[], groups: readonly Manifest[]): Facts['groups'] {
  const found = new Map<string, string[]>();
  for (const { metadata, spec } of principals) found.set(metadata.name, [...words(at(spec, 'provided', 'groups'))]);
  for (const { metadata, spec } of groups) {
    for (const member of words(spec['members'])) found.get(member)?.push(metadata.name);
  }
  return found;
}

function alertsOf(alerts: AnswerOf<'listAlerts'>['alerts']): Facts['alerts'] {
  const found = new Map<string, { last: string; open: number }>();
  for (const alert of alerts) {
    const before = found.get(alert.detection);
    const open = alert.state === 'open' ? 1 : 0;
    if (before === undefined) found.set(alert.detection, { last: alert.lastAt, open });
    else before.open += open;
  }
  return found;
}
