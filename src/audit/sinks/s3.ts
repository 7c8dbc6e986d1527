/**
 * Files in an object store that speaks S3: each batch an object of JSON lines, compressed.
 *
 * Keys are made of the gateway, the day and the sequences, `PREFIX/GATEWAY/YYYY/MM/DD/FIRST-LAST.ndjson.gz`, sequences with leading
 * zeros: keys in order are events in order, and a batch that comes again replaces itself. After a restart it may come again
 * with other bounds: `sequence` tells what is twice.
 *
 * Where the sink keeps up, an object is not written sooner than a while after the one before: what happens meanwhile is in the
 * next. Where it is behind by more than that, nothing waits.
 *
 * Invariant: an object is taken once the store has compared it with its SHA-256 (audit/objects).
 *
 * Deliberately absent: files made of several batches: what was handed on is not kept back here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { isGatewayError } from '../../base/errors.ts';
import type { SinkSecret, SinkTarget } from '../../core/sink.ts';
import { type ObjectStore, openS3 } from '../objects/index.ts';
import { pemOf } from './kafka.ts';
import * as limits from './limits.ts';
import { sinkProblem } from './problem.ts';
import type { SinkRecord, Transport, TransportParts } from './transport.ts';

type S3Target = NonNullable<SinkTarget['s3']>;

const compress = promisify(gzip);

export function createS3(
  target: S3Target,
  parts: TransportParts,
  intervalMs: number = limits.objectIntervalMs,
): Transport {
  let writtenAtMs = Number.NEGATIVE_INFINITY;
  let store: Promise<ObjectStore> | null = null;
  const open = async (): Promise<ObjectStore> => {
    const ca = target.ca === undefined ? {} : { ca: await pemOf(target.ca) };
    store ??= openS3({
      ...ca,
      region: target.region,
      bucket: target.bucket,
      allowPrivate: parts.allowPrivate,
      ...(target.endpoint === undefined ? {} : { endpoint: target.endpoint }),
      ...(target.pathStyle === undefined ? {} : { pathStyle: target.pathStyle }),
      ...secretAs('accessKeyId', target.accessKeyId, parts),
      ...secretAs('secretAccessKey', target.secretAccessKey, parts),
    });
    try {
      return await store;
    } catch (error) {
      store = null;
      throw error;
    }
  };
  return {
    batchRecordsMax: limits.objectRecordsMax,
    batchBytesMax: limits.objectBytesMax,
    async send(batch, signal) {
      const waitMs = pauseBefore(batch, writtenAtMs, parts.now(), intervalMs);
      if (waitMs > 0) await sleep(waitMs, undefined, { signal });
      const body = await compress(`${batch.map(({ text }) => text).join('\n')}\n`);
      try {
        const objects = await open();
        await objects.put(keyOf(batch, target.prefix, parts.gateway), body, {
          contentType: 'application/x-ndjson',
          contentEncoding: 'gzip',
          metadata: { sink: encodeURIComponent(parts.sink), records: String(batch.length) },
          signal,
        });
        writtenAtMs = parts.now();
        return { outcome: 'taken' };
      } catch (error) {
        if (!isGatewayError(error)) throw error;
        throw sinkProblem(lowered(error.publicMessage), error);
      }
    },
    async close() {
      const opened = await store?.catch(() => null);
      opened?.close();
    },
  };
}

/** Until the next object may be written. A clock that was put back holds nothing up for longer than one interval. */
function pauseBefore(batch: readonly SinkRecord[], writtenAtMs: number, nowMs: number, intervalMs: number): number {
  const happenedAtMs = batch.at(-1)?.activity.event.at ?? nowMs;
  return Math.min(writtenAtMs + intervalMs - nowMs, happenedAtMs + intervalMs - nowMs, intervalMs);
}

function secretAs<Name extends string>(
  name: Name,
  source: SinkSecret | undefined,
  parts: TransportParts,
): { readonly [Key in Name]?: () => Promise<string> } {
  const read = async (): Promise<string> => (await parts.secret(source!)).trim();
  return (source === undefined ? {} : { [name]: read }) as { readonly [Key in Name]?: () => Promise<string> };
}

function keyOf(batch: readonly SinkRecord[], prefix: string | undefined, gateway: string): string {
  const first = batch[0]!;
  const day = new Date(first.activity.event.at).toISOString().slice(0, 10).replaceAll('-', '/');
  const padded = ({ sequence }: SinkRecord): string => String(sequence).padStart(15, '0');
  const name = `${padded(first)}-${padded(batch.at(-1)!)}.ndjson.gz`;
  const folder = (prefix ?? '').replace(/^\/+|\/+$/g, '');
  return [...(folder === '' ? [] : [folder]), encodeURIComponent(gateway), day, name].join('/');
}

/** A sentence as part of another. */
function lowered(message: string): string {
  return message.replace(/\.$/, '').replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}
