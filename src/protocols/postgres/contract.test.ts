/** PostgreSQL under the contract suite, against a real server. */
import { startPostgres } from '../../../test/servers/postgres.ts';
import { createScramClient, type ScramClient } from '../../base/scram.ts';
import {
  describeProtocol,
  type LoginAs,
  LoginRefused,
  type ProtocolHarness,
  type RawClient,
  type Reading,
  until,
} from '../contract/index.ts';
import { createPostgres } from './index.ts';
import * as limits from './limits.ts';
import {
  encodeCopyData,
  encodeCopyDone,
  encodeQuery,
  encodeSASLInitialResponse,
  encodeSASLResponse,
  encodeStartupMessage,
  encodeTerminate,
} from './messages.ts';

/** A reader of its own: what it says must not depend on the code under test. */
interface Message {
  readonly type: string;
  readonly body: Buffer;
  /** Where the next message begins. */
  readonly end: number;
}

function* messages(bytes: Buffer, from = 0): Generator<Message> {
  for (let at = from; at + 5 <= bytes.length; ) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) return;
    yield { type: String.fromCharCode(bytes[at]!), body: bytes.subarray(at + 5, end), end };
    at = end;
  }
}

/** The fields of an ErrorResponse by their letters. */
function fields(body: Buffer): ReadonlyMap<string, string> {
  const parts = body.toString('utf8').split('\0');
  return new Map(parts.filter((part) => part !== '').map((part) => [part[0]!, part.slice(1)]));
}

function read(received: Buffer): Reading {
  const answers: Reading['answers'][number][] = [];
  let code: string | null = null;
  for (const { type, body } of messages(received)) {
    if (type === 'E') {
      const error = fields(body);
      if (error.get('V') === 'FATAL' || error.get('S') === 'FATAL') return { answers, goodbye: error.get('C')! };
      code = error.get('C')!;
    } else if (type === 'Z') {
      answers.push({ outcome: code === null ? 'completed' : 'failed', code });
      code = null;
    }
  }
  return { answers, goodbye: null };
}

function startup({ login, target }: LoginAs): Buffer {
  const parameters = new Map([['user', login]]);
  if (target !== null) parameters.set('database', target);
  return encodeStartupMessage(3, 0, parameters);
}

/** SCRAM without channel binding: these connections have no TLS. */
async function logIn(client: RawClient, as: LoginAs): Promise<void> {
  const scram: ScramClient = createScramClient({ password: as.secret, channelBinding: null });
  let at = 0;
  const next = async (): Promise<Message> => {
    let found: Message | undefined;
    await until(() => {
      found = messages(client.all, at).next().value as Message | undefined;
      return found !== undefined || client.ended || client.closed;
    }, 'an answer during the login');
    if (found === undefined) throw new Error('closed without a word during the login');
    at = found.end;
    if (found.type === 'E') throw new LoginRefused(fields(found.body).get('C')!);
    return found;
  };
  await client.write(startup(as));
  for (;;) {
    const { type, body } = await next();
    if (type === 'Z') return client.loggedIn(at);
    if (type !== 'R') continue;
    const data = body.subarray(4).toString('utf8');
    switch (body.readInt32BE(0)) {
      case 10:
        await client.write(encodeSASLInitialResponse('SCRAM-SHA-256', Buffer.from(scram.first())));
        break;
      case 11:
        await client.write(encodeSASLResponse(Buffer.from(await scram.final(data))));
        break;
      case 12:
        scram.verify(data);
    }
  }
}

function* upload(bytes: number): Iterable<Buffer> {
  yield encodeQuery('copy uploads from stdin');
  const row = Buffer.from(`${'u'.repeat(1023)}\n`);
  const rows = encodeCopyData(Buffer.concat(Array.from({ length: 63 }, () => row)));
  for (let left = bytes; left > 0; left -= 63 * 1024) yield rows;
  yield encodeCopyDone();
}

/** A Query of exactly the length, by a comment. */
function queryOfLength(length: number): Buffer {
  const [head, tail] = ['select 1 /*', '*/'];
  return encodeQuery(`${head}${'x'.repeat(length - 4 - 1 - head.length - tail.length)}${tail}`);
}

const harness: ProtocolHarness = {
  createProtocol: createPostgres,
  settings: {
    database: 'app',
    channel_binding: 'prefer',
    allow_authentication: ['scram-sha-256'],
    protocol_version: '3.2',
    idle_timeout: 3600,
  },
  async startUpstream() {
    const server = await startPostgres({
      seed: 'create table effects (marker text); create table uploads (line text); grant all on effects, uploads to app',
    });
    return {
      host: server.host,
      port: server.port,
      username: server.user,
      password: server.password,
      target: server.database,
      async effects(marker) {
        const [row] = await server.query<{ count: string }>('select count(*) from effects where marker = $1', [marker]);
        return Number(row?.count);
      },
      stop: () => server.stop(),
    };
  },
  logIn,
  read,
  codes: {
    blocked: '42501',
    notAuthenticated: '28P01',
    noAccess: '42501',
    unreachable: '08001',
    killed: '57P01',
    terminated: '42501',
  },
  bytes: {
    reading: (marker) => encodeQuery(`select '${marker}'`),
    effecting: (marker) => encodeQuery(`insert into effects values ('${marker}')`),
    flooding: (bytes) => encodeQuery(`select repeat('x', 1000) from generate_series(1, ${Math.ceil(bytes / 1000)})`),
    uploading: upload,
    atLimit: () => queryOfLength(limits.sqlMessageBytesMax),
    pastLimit: () => queryOfLength(limits.sqlMessageBytesMax + 1).subarray(0, 64),
    goodbye: encodeTerminate(),
    secondIdentity: startup,
    garbage: [
      Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n'),
      Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n'),
      Buffer.alloc(16, 0),
      Buffer.alloc(16, 0xff),
      // Begins like a TLS handshake and goes on like nothing.
      Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x00, 0x40, 0x01]), Buffer.alloc(63, 0xaa)]),
      encodeQuery('select 1'),
      encodeStartupMessage(2, 0, new Map([['user', 'engineer+target']])),
    ],
    early: (as, marker) => Buffer.concat([startup(as), encodeQuery(`insert into effects values ('${marker}')`)]),
    upstreamGarbage: Buffer.from([0x00, 0x00, 0x00, 0x00, 0x05, 0x00]),
  },
};

describeProtocol('postgres', harness);
