/** The template protocol under the contract suite: what a harness looks like. */
import { randomBytes } from 'node:crypto';
import {
  describeProtocol,
  LoginRefused,
  type ProtocolHarness,
  type RawClient,
  type Reading,
  until,
} from '../contract/index.ts';
import { FrameReader } from './codec.ts';
import { startTemplateServer } from './fixtures/server.ts';
import { createTemplate } from './index.ts';
import * as limits from './limits.ts';
import { decodeServerLine } from './messages.ts';

const line = (text: string): Buffer => Buffer.from(`${text}\n`);

/** Reads whole answers; a body that has not arrived yet is no answer yet. */
function read(received: Buffer): Reading {
  const reader = new FrameReader();
  reader.push(received);
  const answers: Reading['answers'][number][] = [];
  for (let frame = reader.next(); frame !== null; frame = reader.next()) {
    if (frame.type === 'body') {
      if (frame.last) answers.push({ outcome: 'completed', code: null });
      continue;
    }
    const message = decodeServerLine(frame.text);
    if (message.name === 'BYE') return { answers, goodbye: message.code };
    if (message.name === 'ERR') answers.push({ outcome: 'failed', code: message.code });
    else if (message.name === 'OK' && message.bytes > 0) reader.expectBody(message.bytes);
    else answers.push({ outcome: 'completed', code: null });
  }
  return { answers, goodbye: null };
}

async function logIn(client: RawClient, login: string, secret: string): Promise<void> {
  await client.write(line(`LOGIN ${login} ${secret}`));
  await until(() => client.all.includes('\n') || client.ended || client.closed, 'the answer to the login');
  const end = client.all.indexOf('\n') + 1;
  const message = decodeServerLine(client.all.toString('utf8', 0, end - 1));
  if (message.name !== 'OK') throw new LoginRefused(message.code);
  client.loggedIn(end);
}

function* upload(bytes: number): Iterable<Buffer> {
  yield line(`PUT ${bytes} upload`);
  for (let left = bytes; left > 0; left -= 65_536) yield Buffer.alloc(Math.min(left, 65_536), 'u');
}

const harness: ProtocolHarness = {
  createProtocol: createTemplate,
  settings: {},
  async startUpstream() {
    const [username, password] = ['service', `pw${randomBytes(12).toString('hex')}`];
    const server = await startTemplateServer(username, password);
    return {
      host: server.host,
      port: server.port,
      username,
      password,
      target: null,
      effects: (marker) => Promise.resolve(server.written.filter((text) => text === marker).length),
      stop: () => server.stop(),
    };
  },
  logIn: (client, { login, secret }) => logIn(client, login, secret),
  read,
  codes: {
    blocked: 'refused',
    notAuthenticated: 'core.not-authenticated',
    noAccess: 'core.no-access',
    unreachable: 'core.upstream-unreachable',
    killed: 'killed',
    terminated: 'verdict',
  },
  bytes: {
    reading: (marker) => line(`READ ${marker}`),
    effecting: (marker) => line(`WRITE ${marker}`),
    flooding: (bytes) => line(`REPEAT ${bytes}`),
    uploading: upload,
    atLimit: () => line(`READ ${'x'.repeat(limits.lineBytesMax - 6)}`),
    pastLimit: () => Buffer.from(`READ ${'x'.repeat(limits.lineBytesMax - 5)}`),
    goodbye: line('QUIT'),
    secondIdentity: ({ login, secret }) => line(`LOGIN ${login} ${secret}`),
    garbage: [
      line('GET / HTTP/1.1'),
      Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n'),
      Buffer.alloc(limits.lineBytesMax + 1, 0),
      Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
      line('LOGIN'),
      line('READ before-login'),
    ],
    early: ({ login, secret }, marker) => line(`LOGIN ${login} ${secret}\nWRITE ${marker}`),
    upstreamGarbage: line('WHAT is this'),
  },
};

describeProtocol('template', harness);
