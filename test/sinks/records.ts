/**
 * What transports are handed, for tests against real peers: records of a session, made as the runner makes them, and parts
 * that go to loopback addresses.
 *
 * Deliberately absent: the runner; whoever tries a sink whole does that with a gateway.
 */

import { recordMaker } from '../../src/audit/sinks/records.ts';
import type { SinkRecord, TransportParts } from '../../src/audit/sinks/transport.ts';
import { Activities } from '../../src/core/activity.ts';
import type { Actor, Event, EventBody } from '../../src/core/event.ts';
import type { SinkSpec } from '../../src/core/sink.ts';
import { sinkReach } from '../../src/gateway/sink-reach.ts';

export const ana: Actor = {
  id: 'p-ana',
  issuer: 'local',
  name: 'ana',
  kind: 'person',
  groups: ['support'],
  credentialId: 'tok_1',
};

export const startMs = Date.parse('2026-10-05T09:00:00.000Z');

/** A session in which each text is run, as events. */
export function sessionEvents(session: string, texts: readonly string[], from = 1): Event[] {
  const bodies: EventBody[] = [
    {
      type: 'session.opened',
      session,
      connection: `c-${session}`,
      source: '198.51.100.7:50000',
      principal: ana,
      resource: 'orders',
      labels: { env: 'production' },
      protocol: 'postgres',
      recording: 'strict',
      access: 'support-reads',
      client: { application: 'psql' },
    },
    ...texts.flatMap((text, index): EventBody[] => [
      {
        type: 'command.intent',
        session,
        command: index + 1,
        kind: 'sql',
        verb: 'select',
        text,
        textBytes: Buffer.byteLength(text),
        parameters: null,
        effect: 'read',
        of: null,
      },
      {
        type: 'command.ended',
        session,
        command: index + 1,
        outcome: 'completed',
        tag: 'SELECT 3',
        error: null,
        rows: 3,
        bytes: 120,
        durationMs: 5,
      },
    ]),
    {
      type: 'session.ended',
      session,
      reason: 'client-closed',
      code: null,
      by: null,
      commands: texts.length,
      bytesIn: 10,
      bytesOut: 120 * texts.length,
      durationMs: 1_000 * texts.length,
    },
  ];
  return numbered(bodies, from);
}

export function alertEvent(seq: number, more: Partial<Extract<EventBody, { type: 'alert.raised' }>> = {}): Event {
  return {
    seq,
    at: startMs + seq * 1000,
    type: 'alert.raised',
    rule: 'volume',
    reason: 'ana read 50,000 rows from orders; usual are 120.',
    session: 's-1',
    command: 3,
    principal: ana,
    resource: 'orders',
    alert: {
      id: 'al-1',
      detection: 'volume',
      severity: 'high',
      evidence: [3, 4],
      facts: { rows: 50_000, usualRows: 120 },
    },
    ...more,
  };
}

export function numbered(bodies: readonly EventBody[], from = 1): Event[] {
  return bodies.map((body, index) => ({ ...body, seq: from + index, at: startMs + (from + index) * 1000 }));
}

export async function recordsOf(events: readonly Event[], spec: SinkSpec): Promise<SinkRecord[]> {
  const make = recordMaker(spec, { gateway: 'gw-1', version: '1.2.3', key: Buffer.alloc(32, 1) });
  const activities = new Activities({ opened: async () => null, command: async () => null });
  const records: SinkRecord[] = [];
  for (const event of events) records.push(make(await activities.join(event)));
  return records;
}

export function testParts(more: Partial<TransportParts> = {}): TransportParts {
  return {
    sink: 'under-test',
    gateway: 'gw-1',
    version: '1.2.3',
    format: 'json',
    allowPrivate: true,
    secret: async (source) => ('store' in source ? `secret of ${source.store}` : 'a secret'),
    ...sinkReach(true),
    link: (kind, id) => `https://console.example/${kind}s/${id}`,
    now: () => Date.now(),
    ...more,
  };
}
