/** For the tests of the relay: a client that says exactly what it is told, and a server that follows a script. */
import { createScramClient } from '../../base/scram.ts';
import type { MessageView } from './body.ts';
import { contextInspection } from './inspection.ts';
import {
  decodeAuthentication,
  decodeErrorResponse,
  encodeAuthenticationOk,
  encodeBackendKeyData,
  encodeErrorResponse,
  encodeParameterStatus,
  encodeReadyForQuery,
  encodeSASLInitialResponse,
  encodeSASLResponse,
  encodeStartupMessage,
} from './messages.ts';
import { listen, Peer } from './testing.ts';
import { inspectionApplication } from './upstream.ts';

export interface RawMessage extends MessageView {
  readonly type: string;
}

/** A client over a socket that has logged in and read the first ReadyForQuery. */
export async function rawClient(to: {
  port: number;
  user: string;
  password: string;
  database: string;
}): Promise<Peer & { readonly key: Buffer }> {
  const peer = await Peer.connect(to.port);
  peer.write(
    encodeStartupMessage(
      3,
      0,
      new Map([
        ['user', to.user],
        ['database', to.database],
      ]),
    ),
  );
  const scram = createScramClient({ password: to.password, channelBinding: null });
  let key = Buffer.alloc(0);
  for (;;) {
    const message = await peer.message();
    if (message.type === 'E') throw new Error(decodeErrorResponse(message)['M']);
    if (message.type === 'K') key = Buffer.from(message.buffer.subarray(5));
    if (message.type === 'Z') return Object.assign(peer, { key });
    if (message.type !== 'R') continue;
    const step = decodeAuthentication(message);
    if (step.name === 'AuthenticationSASL') {
      peer.write(encodeSASLInitialResponse(scram.mechanism, Buffer.from(scram.first())));
    } else if (step.name === 'AuthenticationSASLContinue') {
      peer.write(encodeSASLResponse(Buffer.from(await scram.final(step.data.toString()))));
    } else if (step.name === 'AuthenticationSASLFinal') scram.verify(step.data.toString());
  }
}

/** Reads messages until the `count`th ReadyForQuery. */
export async function readUntilReady(peer: Peer, count = 1): Promise<RawMessage[]> {
  const messages: RawMessage[] = [];
  for (let left = count; left > 0; ) {
    const message = await peer.message();
    messages.push(message);
    if (message.type === 'Z') left--;
  }
  return messages;
}

/** Types of messages as a string; errors with their SQLSTATE, ReadyForQuery with its status. */
export function outline(messages: readonly RawMessage[]): string {
  return messages
    .map((message) => {
      if (message.type === 'E') return `E:${decodeErrorResponse(message)['C']}`;
      if (message.type === 'Z') return `Z:${String.fromCharCode(message.buffer[message.end - 1]!)}`;
      return message.type;
    })
    .join(' ');
}

/** To the question about the session: it does not know. */
const refusal = Buffer.concat([
  encodeErrorResponse({ severity: 'ERROR', code: '42883', message: 'no such function' }),
  encodeReadyForQuery('I'),
]);

/** A server that lets everybody in and then does what `script` says. */
export async function scriptedServer(
  script: (peer: Peer) => Promise<void> | void,
): Promise<{ port: number; close(): Promise<void> }> {
  return listen((socket) => {
    const peer = new Peer(socket);
    void (async () => {
      const size = (await peer.take(4)).readUInt32BE();
      const startup = await peer.take(size - 4);
      if (startup.includes(inspectionApplication)) throw new Error('this server has no catalog');
      peer.write(
        Buffer.concat([
          encodeAuthenticationOk(),
          encodeParameterStatus({ parameter: 'client_encoding', value: 'UTF8' }),
          encodeBackendKeyData({ processId: 1, key: Buffer.alloc(4) }),
          encodeReadyForQuery('I'),
        ]),
      );
      await peer.take(contextInspection.length);
      peer.write(refusal);
      await script(peer);
    })().catch(() => socket.destroy());
  });
}
