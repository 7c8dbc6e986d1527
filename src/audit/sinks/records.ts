/**
 * From an event to what one sink sends of it: the document in the sink's format, its fields left out or hidden, spelled.
 *
 * Invariant: hiding comes before spelling, for every format alike; what a transport with a form of its own is handed has been
 * hidden too.
 */
import type { Activity } from '../../core/activity.ts';
import { type SinkFormat, type SinkSpec, sinkTargets, targetOf } from '../../core/sink.ts';
import { type FieldPlan, planFields } from './fields.ts';
import { cefParts, spellCef } from './formats/cef.ts';
import { documentOf } from './formats/document.ts';
import { ecsOf } from './formats/ecs.ts';
import { spellJson } from './formats/json.ts';
import { ocsfOf } from './formats/ocsf.ts';
import type { SinkRecord } from './transport.ts';

export interface RecordParts {
  readonly gateway: string;
  readonly version: string;
  /** The key of keyed digests (`fieldKey`). */
  readonly key: Uint8Array;
}

export type MakeRecord = (activity: Activity) => SinkRecord;

/** What a sink's texts are; null where its target has a form of its own. */
export function formatOf(spec: SinkSpec): SinkFormat | null {
  const target = targetOf(spec.to);
  const formats = target === null ? [] : sinkTargets[target].formats;
  return formats.length === 0 ? null : (spec.format ?? formats[0]!);
}

export function recordMaker(spec: SinkSpec, parts: RecordParts): MakeRecord {
  const plan = planFields(spec.fields, parts.key);
  const make = makers[formatOf(spec) ?? 'json'];
  return (activity) => ({ sequence: activity.event.seq, activity, ...make(activity, parts, plan) });
}

type Make = (activity: Activity, parts: RecordParts, plan: FieldPlan) => Pick<SinkRecord, 'text' | 'document'>;

function asJson(of: (activity: Activity, parts: RecordParts) => object): Make {
  return (activity, parts, plan) => {
    const document = plan(of(activity, parts) as Readonly<Record<string, unknown>>);
    return { text: spellJson(document), document };
  };
}

const makers: Readonly<Record<SinkFormat, Make>> = {
  json: asJson((activity, { gateway }) => documentOf(activity, gateway)),
  ecs: asJson((activity, parts) => ecsOf(activity, parts)),
  ocsf: asJson((activity, parts) => ocsfOf(activity, parts)),
  cef: (activity, parts, plan) => {
    const { header, extension } = cefParts(activity, parts);
    return { text: spellCef(header, plan(extension)), document: null };
  },
};
