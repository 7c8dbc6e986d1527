/** A target that is nothing but a socket: it keeps what it got, and answers what it is told, byte by byte. */
import { createServer, type Socket } from 'node:net';
import { listen } from './room-testing.ts';

export interface RawTarget {
  readonly port: number;
  /** All that came, connection by connection. */
  readonly received: string[];
  stop(): Promise<void>;
}

/** `answer`: what is written once a head has come whole; nothing where it is empty. Called for each head. */
export async function startRawTarget(
  answer: (head: string, socket: Socket) => string | Buffer | readonly Buffer[],
): Promise<RawTarget> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const at = received.push('') - 1;
    let seen = 0;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      received[at] += chunk.toString('latin1');
      for (;;) {
        const end = received[at]!.indexOf('\r\n\r\n', seen);
        if (end < 0) return;
        const upTo = received[at]!.slice(seen, end + 4);
        seen = end + 4;
        // Behind the body of the request before, perhaps.
        const begins = upTo.search(/[A-Z]+ \S+ HTTP\/1\.1\r\n/);
        if (begins < 0) continue;
        const head = upTo.slice(begins);
        const said = answer(head, socket);
        for (const piece of typeof said === 'string'
          ? [Buffer.from(said, 'latin1')]
          : Array.isArray(said)
            ? said
            : [said as Buffer]) {
          if (piece.length > 0) socket.write(piece);
        }
      }
    });
  });
  const port = await listen(server);
  return {
    port,
    received,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An answer with its length. */
export function answered(fields: string, body: string | Buffer = '', status = '200 OK'): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status}\r\n${fields}Content-Length: ${bytes.length}\r\n\r\n`, 'latin1'),
    bytes,
  ]);
}
