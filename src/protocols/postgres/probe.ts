/**
 * Logs in at a database and leaves again, for whoever sets a resource up: TLS, version and credential by the very code that
 * sessions open with.
 *
 * Deliberately absent: any question to the database beyond that.
 */
import type { Probe } from '../../core/protocol.ts';
import { upstreamOf } from '../../core/upstream.ts';
import { Inbox } from './inbox.ts';
import * as limits from './limits.ts';
import { type Context, inspectionApplication, logIn, upstreamError } from './upstream.ts';
import { readUpstreamSettings } from './upstream-settings.ts';

export async function probe({ resource, wire, credential, clock, log, signal }: Probe): Promise<void> {
  const door: Context = {
    ...{ clock, log, signal },
    violation: (_side, code, detail) => log.warn('testing a resource met a violation', { code, detail }),
  };
  const upstream = upstreamOf(
    wire,
    () => undefined,
    () => undefined,
  );
  const inbox = new Inbox(upstream, { clock, signal, bytesMax: limits.upstreamStartBytesMax });
  inbox.deadline(limits.upstreamDeadlineMs, 'connecting to the resource');
  inbox.onFailure = () => upstream.destroy();
  const { database } = readUpstreamSettings(resource);
  try {
    await logIn({ resource, credential }, upstream, inbox, door, [
      ['database', database === '' ? resource.name : database],
      ['application_name', inspectionApplication],
    ]);
  } catch (error) {
    throw upstreamError(error, resource, door);
  } finally {
    upstream.destroy();
  }
}
