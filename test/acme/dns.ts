/**
 * A DNS server for one ACME server in a test, by TCP (RFC 1035): each name leads to 127.0.0.1, and TXT records are those of a
 * file with a line `NAME VALUE` each, which a hook writes.
 *
 * Deliberately absent: everything else of DNS.
 */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface DnsServer {
  readonly port: number;
  close(): Promise<void>;
}

const types = { A: 1, TXT: 16 } as const;

export async function startDns(recordsFile: string): Promise<DnsServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let pending = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      for (let length = lengthOf(pending); length !== null; length = lengthOf(pending)) {
        const answer = answerTo(pending.subarray(2, 2 + length), recordsFile);
        pending = pending.subarray(2 + length);
        const head = Buffer.alloc(2);
        head.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([head, answer]));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** Of the first whole message; null where it is not whole yet. */
function lengthOf(pending: Buffer): number | null {
  if (pending.length < 2) return null;
  const length = pending.readUInt16BE(0);
  return pending.length < 2 + length ? null : length;
}

/** | id 2 | flags 2 | counts of questions, answers, authorities, others: 2 each | question | answers | */
function answerTo(query: Buffer, recordsFile: string): Buffer {
  let at = 12;
  const labels: string[] = [];
  for (let length = query[at++]!; length > 0; length = query[at++]!) {
    labels.push(query.subarray(at, at + length).toString('latin1'));
    at += length;
  }
  const type = query.readUInt16BE(at);
  const question = query.subarray(12, at + 4);
  const answers = dataOf(labels.join('.').toLowerCase(), type, recordsFile).map((data) => {
    const record = Buffer.alloc(12);
    // The name of the question, class IN, no time to live.
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  // An answer, by a server that asks on.
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(answers.length, 6);
  return Buffer.concat([head, question, ...answers]);
}

function dataOf(name: string, type: number, recordsFile: string): Buffer[] {
  if (type === types.A) return [Buffer.from([127, 0, 0, 1])];
  if (type !== types.TXT || !existsSync(recordsFile)) return [];
  return readFileSync(recordsFile, 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([host]) => host?.toLowerCase() === name)
    .map(([, value = '']) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]));
}
