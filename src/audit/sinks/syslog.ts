/**
 * Syslog: RFC 5424 over TCP with octet counting (RFC 6587, section 3.4.1) or over TLS (RFC 5425).
 *
 * Syslog has no acknowledgement: what was written may lie in a buffer of a receiver that dies. So each batch has a connection of
 * its own, which this side closes for writing and the receiver closes once it has read everything (RFC 5425, section 4.4):
 * only then is the batch taken. What breaks off before is sent again, whole.
 *
 * Deliberately absent: UDP (RFC 5426), which loses without saying so; framing by line feed, in which an event could end early.
 */
import { isIP, type Socket } from 'node:net';
import type { SinkTarget } from '../../core/sink.ts';
import { syslogMessage } from './formats/syslog-message.ts';
import * as limits from './limits.ts';
import { sinkProblem } from './problem.ts';
import type { SendOutcome, SinkRecord, Transport, TransportParts } from './transport.ts';

type SyslogTarget = NonNullable<SinkTarget['syslog']>;

export function createSyslog(target: SyslogTarget, parts: TransportParts): Transport {
  const { host, port } = hostAndPort(target.address, target.tls === undefined ? 514 : 6514);
  const origin = {
    facility: target.facility ?? 'audit',
    hostname: target.hostname ?? parts.gateway,
    version: parts.version,
    gateway: parts.gateway,
  };
  const tlsParts = async () => {
    if (target.tls === undefined) return null;
    const { key, ...rest } = target.tls;
    return {
      ...rest,
      serverName: rest.serverName ?? (isIP(host) === 0 ? host : undefined),
      ...(key === undefined ? {} : { key: await parts.secret(key) }),
    };
  };
  return {
    batchRecordsMax: limits.batchRecordsMax,
    batchBytesMax: limits.batchBytesMax,
    async send(batch, signal) {
      const { serverName, ...tls } = (await tlsParts()) ?? {};
      const withName = serverName === undefined ? tls : { ...tls, serverName };
      const socket = await parts.connect({ host, port, tls: target.tls === undefined ? null : withName, signal });
      return handOver(socket, batch, (record) => syslogMessage(record, origin), signal);
    },
    close: async () => {},
  };
}

/** Writes all, says that this is all, and waits until the other side says so too. */
function handOver(
  socket: Socket,
  batch: readonly SinkRecord[],
  spell: (record: SinkRecord) => Buffer,
  signal: AbortSignal,
): Promise<SendOutcome> {
  return new Promise((resolve, reject) => {
    const abort = (): void => fail(signal.reason);
    const settle = (): void => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
    };
    const fail = (error: unknown): void => {
      settle();
      reject(error);
    };
    if (signal.aborted) return fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    let isWritten = false;
    socket.on('error', (error) => fail(sinkProblem(`the connection broke: ${error.message}`, error)));
    socket.on('end', () => {
      if (!isWritten) return fail(sinkProblem('the receiver closed the connection before it had everything'));
      settle();
      resolve({ outcome: 'taken' });
    });
    socket.on('close', () => fail(sinkProblem('the connection was closed')));
    // A receiver says nothing; what it says all the same is not read, so that the end is seen.
    socket.resume();
    for (const record of batch) socket.write(spell(record));
    socket.end(() => {
      isWritten = true;
    });
  });
}

/** `host`, `host:port`, `[v6]:port`; the form was checked where it was saved. */
export function hostAndPort(address: string, usual: number): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(address);
  if (match === null) throw sinkProblem('its address is none; HOST:PORT is expected');
  return { host: match[1] ?? match[2]!, port: match[3] === undefined ? usual : Number(match[3]) };
}
