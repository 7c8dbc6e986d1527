/**
 * What can be sent to: one line a target. A literal list; what is not here cannot be configured to any effect.
 *
 * A new target: its form in `core/sink.ts` (`SinkTarget`, `sinkTargets`), its check in `api/contract/sink.ts`, one file here, one
 * line below, and its test against a real peer.
 */
import type { SinkTarget, TargetName } from '../../core/sink.ts';
import { createElastic } from './elastic.ts';
import { createEmail } from './email.ts';
import { createFile } from './file.ts';
import { createKafka } from './kafka.ts';
import { createOtlp } from './otlp.ts';
import { createPagerduty } from './pagerduty.ts';
import { createS3 } from './s3.ts';
import { createSlack } from './slack.ts';
import { createSplunk } from './splunk.ts';
import { createSyslog } from './syslog.ts';
import { createTeams } from './teams.ts';
import type { Transport, TransportParts } from './transport.ts';
import { createWebhook } from './webhook.ts';

export type CreateTransport<Name extends TargetName> = (
  target: NonNullable<SinkTarget[Name]>,
  parts: TransportParts,
) => Transport | Promise<Transport>;

type Transports = { readonly [Name in TargetName]?: CreateTransport<Name> };

export const transports: Transports = {
  syslog: createSyslog,
  webhook: createWebhook,
  splunk: createSplunk,
  elastic: createElastic,
  kafka: createKafka,
  otlp: createOtlp,
  s3: createS3,
  file: createFile,
  slack: createSlack,
  teams: createTeams,
  pagerduty: createPagerduty,
  email: createEmail,
};

/** The transport of the one target that is given; null where this version sends to none such. */
export async function createTransport(to: SinkTarget, parts: TransportParts): Promise<Transport | null> {
  for (const [name, target] of Object.entries(to)) {
    const create = transports[name as TargetName] as
      | ((target: unknown, parts: TransportParts) => Transport)
      | undefined;
    if (target !== undefined && create !== undefined) return create(target, parts);
  }
  return null;
}
