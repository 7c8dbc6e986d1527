/**
 * Credentials through a whole gateway to real servers: AWS signatures, tokens that are had anew, certificates of the TLS
 * connection; and that nothing of them comes back or is recorded (A-HTTP-14).
 */
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../../test/servers/certificates.ts';
import { makeClientAuthority } from '../../../test/servers/client-certificates.ts';
import type { AwsKeys, UpstreamCredential } from '../../core/ports.ts';
import { firstOf } from './fields.ts';
import { bodyOf, openRoom, openRoomBefore, type Room, type RoomOptions } from './room-testing.ts';
import { hashOf, sign } from './sigv4.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const room = (handler: RequestListener, options: Omit<RoomOptions, 'target'> = {}): Promise<Room> =>
  openRoomBefore(handler, options, closing);

function recordedOf(opened: Room): string {
  const contents = opened.recordings.map((recording) => recording.content().toString('latin1'));
  return (
    contents.join() +
    JSON.stringify(opened.recordings.map(({ entries }) => entries)) +
    JSON.stringify(opened.journal.events)
  );
}

const unused = { provider: 'env', name: 'UNUSED' } as const;

function signing(aws: AwsKeys): NonNullable<RoomOptions['revealing']> {
  const { region, service } = aws;
  const keys = { accessKeyId: unused, secretAccessKey: unused, sessionToken: unused };
  const credential = { username: '', password: null, privateKey: null, authority: null, aws };
  return {
    reference: { username: '', password: null, aws: { region, service, ...keys } },
    credentials: { reveal: async () => credential },
  };
}

describe('AWS signatures', () => {
  const aws: AwsKeys = {
    region: 'eu-central-1',
    service: 'execute-api',
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'aws-secret-1b7e55',
    sessionToken: 'aws-session/token+9c2d==',
  };

  /** What a service of AWS does with a request: it signs it too, and compares. */
  function verify(request: IncomingMessage, body: Buffer, keys: AwsKeys, payload = hashOf([body])): boolean {
    const heads = request.rawHeaders;
    const fields = Array.from({ length: heads.length / 2 }, (_, at) => [heads[at * 2]!, heads[at * 2 + 1]!] as const);
    const [, year, month, day, hour, minute, second] =
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(firstOf(fields, 'x-amz-date') ?? '')?.map(Number) ?? [];
    const own = fields.filter(
      ([name]) => !/^(?:authorization|x-amz-(?:date|security-token|content-sha256))$/i.test(name),
    );
    const { fields: expected } = sign(
      { method: request.method!, target: request.url!, authority: request.headers.host!, fields: own, payload },
      keys,
      Date.UTC(year!, month! - 1, day!, hour!, minute!, second!),
    );
    return expected.every(([name, value]) => firstOf(fields, name.toLowerCase()) === value);
  }

  test('are made over what is sent, and none of the client’s own goes on', async () => {
    const verified: boolean[] = [];
    const heads: string[][] = [];
    const opened = await room(
      async (request, response) => {
        const body = await bodyOf(request);
        verified.push(verify(request, body, aws));
        heads.push(request.rawHeaders);
        response.setHeader('X-Echo', request.headers.authorization ?? '');
        response.end(JSON.stringify(request.headers));
      },
      { revealing: signing(aws) },
    );
    const answer = await opened.curl(
      '/stage/orders%20all?b=2&a=1',
      ...['-H', 'X-Amz-Date: 20000101T000000Z', '-H', 'X_Amz_Security-Token: mine', '-H', 'X-Amz-Target: Shop.List'],
      ...['-H', 'Content-Type: application/x-amz-json-1.1', '-d', '{"a":1}'],
    );
    expect(answer).toMatchObject({ status: 200 });
    expect(verified).toEqual([true]);
    expect(heads[0]!.join('|')).not.toMatch(/20000101|\|mine\|/);
    expect(firstOf([['a', heads[0]![heads[0]!.indexOf('Authorization') + 1]!]], 'a')).toMatch(
      /SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, /,
    );
    // A-HTTP-14: neither the session token nor the signature comes back.
    const signature = /Signature=([0-9a-f]{64})/.exec(heads[0]!.join('|'))![1]!;
    for (const secret of [signature, aws.sessionToken!, aws.secretAccessKey]) {
      expect(answer.heads + answer.body).not.toContain(secret);
      expect(recordedOf(opened)).not.toContain(secret);
    }
    expect(answer.heads).toContain(`Signature=${'*'.repeat(64)}`);
  });

  test('S3: the hash of the body is a field; what streams over plain HTTP is refused', async () => {
    const s3 = { ...aws, service: 's3', sessionToken: null };
    const verified: boolean[] = [];
    const opened = await room(
      async (request, response) => {
        const body = await bodyOf(request);
        verified.push(verify(request, body, s3), request.headers['x-amz-content-sha256'] === hashOf([body]));
        response.end('ok');
      },
      { revealing: signing(s3) },
    );
    const put = (type: string, ...args: string[]) =>
      opened.curl('/bucket/key', '-X', 'PUT', '-H', `Content-Type: ${type}`, '--data-binary', 'text', ...args);
    expect((await put('text/plain')).body).toBe('ok');
    expect((await opened.curl('/bucket?list-type=2&prefix=a%2Fb')).body).toBe('ok');
    expect(verified).toEqual([true, true, true, true]);
    const streamed = await put('application/octet-stream');
    expect(streamed.status).toBe(403);
    expect(JSON.parse(streamed.body)).toMatchObject({ type: 'urn:sallyport:problem:http.unsignable' });
    expect(verified).toHaveLength(4);
  });

  test('S3 over TLS: a body that streams goes unsigned, the head signed', async () => {
    const s3 = { ...aws, service: 's3' };
    const { server, authority } = await makeCertificates();
    const verified: boolean[] = [];
    const target = createTlsServer(server, async (request, response) => {
      const body = await bodyOf(request);
      verified.push(verify(request, body, s3, 'UNSIGNED-PAYLOAD'));
      response.end(String(body.length));
    });
    const port = await listenTls(target);
    const opened = await openRoom({
      target: { port },
      revealing: signing(s3),
      tls: { mode: 'verify-full', ca: authority.cert, serverName: 'localhost' },
    });
    closing.push(() => opened.close());
    const args = ['-X', 'PUT', '-H', 'Content-Type: application/octet-stream', '--data-binary', 'x'.repeat(5000)];
    expect((await opened.curl('/bucket/key', ...args)).body).toBe('5000');
    expect(verified).toEqual([true]);
  });

  test.each([
    ['a presigned query', '/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00', []],
    ['a presigned query of the version before', '/k?AWSAccessKeyId=A&Signature=b', []],
    [
      'a body signed chunk by chunk',
      '/k',
      ['-H', 'X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD', '-d', 'x'],
    ],
    ['a body in signed chunks', '/k', ['-H', 'Content-Encoding: aws-chunked', '-d', 'x']],
  ])('%s is refused, and nothing reaches the target', async (_name, path, args) => {
    const opened = await room((_request, response) => response.end('never'), { revealing: signing(aws) });
    const answer = await opened.curl(path, ...args);
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ type: 'urn:sallyport:problem:http.unsignable' });
    expect(opened.upstreamBytes()).toBe(0);
  });
});

describe('a token that can be had anew', () => {
  /** Tokens `bearer-token-1`, `bearer-token-2`, …: the one before is no longer taken. */
  function renewing(): { credential: Partial<UpstreamCredential>; current: () => string; renew: () => void } {
    let count = 1;
    const current = (): string => `bearer-token-${count}`;
    const renew = (): void => void count++;
    const credential: Partial<UpstreamCredential> = {
      get token() {
        return current();
      },
      renewal: {
        refused: () => {
          renew();
          return true;
        },
      },
    };
    return { credential, current, renew };
  }

  /** One whose getters live. */
  const revealing = (credential: Partial<UpstreamCredential>): NonNullable<RoomOptions['revealing']> => ({
    reference: { username: '', password: null },
    credentials: {
      reveal: async () => ({ username: '', password: null, privateKey: null, authority: null, ...credential }),
    },
  });

  test('is had once more when the target refuses it, and the request sent again', async () => {
    const tokens = renewing();
    const seen: string[] = [];
    const opened = await room(
      async (request, response) => {
        const body = (await bodyOf(request)).toString();
        seen.push(`${request.headers.authorization} ${body}`);
        if (request.headers.authorization !== 'Bearer bearer-token-2') return response.writeHead(401).end('who?');
        response.end(`done ${request.headers.authorization}`);
      },
      { revealing: revealing(tokens.credential) },
    );
    const answer = await opened.curl('/orders', '-d', 'a=1');
    expect(answer).toMatchObject({ status: 200, body: `done ${'*'.repeat(21)}` });
    expect(seen).toEqual(['Bearer bearer-token-1 a=1', 'Bearer bearer-token-2 a=1']);
    expect(opened.commands()).toHaveLength(1);
    expect(opened.journal.of('command.ended')).toMatchObject([{ outcome: 'completed', tag: '200' }]);
    expect(opened.recordings[0]!.entries.map(({ type }) => type)).toEqual([
      ...['command', 'head', 'data', 'head', 'data', 'completed'],
    ]);
    expect(recordedOf(opened)).not.toContain('bearer-token');
  });

  test('once: a target that refuses every token is believed', async () => {
    const tokens = renewing();
    let asked = 0;
    const opened = await room(
      (_request, response) => {
        asked++;
        response.writeHead(401).end('who?');
      },
      { revealing: revealing(tokens.credential) },
    );
    expect(await opened.curl('/')).toMatchObject({ status: 401, body: 'who?' });
    expect(asked).toBe(2);
    expect(opened.journal.of('command.ended')).toMatchObject([{ outcome: 'failed', tag: '401' }]);
  });

  test('a request whose body streamed is not sent again; the next has the new token', async () => {
    const tokens = renewing();
    let asked = 0;
    const opened = await room(
      async (request, response) => {
        asked++;
        await bodyOf(request);
        response.writeHead(request.headers.authorization === 'Bearer bearer-token-2' ? 200 : 401).end();
      },
      { revealing: revealing(tokens.credential) },
    );
    const put = () => opened.curl('/', '-H', 'Content-Type: application/octet-stream', '-d', 'bytes');
    expect((await put()).status).toBe(401);
    expect(asked).toBe(1);
    expect((await put()).status).toBe(200);
  });

  test('a token that cannot be had anew is not sent twice', async () => {
    let asked = 0;
    const opened = await room((_request, response) => {
      asked++;
      response.writeHead(401).end();
    });
    expect((await opened.curl('/')).status).toBe(401);
    expect(asked).toBe(1);
  });
});

async function listenTls(server: ReturnType<typeof createTlsServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

describe('a certificate for the target', () => {
  async function certified(mode: 'verify-full' | 'disable', presented: 'own' | 'none'): Promise<Room> {
    const { server, authority } = await makeCertificates();
    const programs = await makeClientAuthority();
    const own = await programs.issue({ subject: 'CN=gateway' });
    const options = { ...server, ca: programs.cert, requestCert: true, rejectUnauthorized: true };
    const target = createTlsServer(options, (request, response) => {
      response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN);
    });
    const port = await listenTls(target);
    const clientCertificate = presented === 'own' ? { certificate: own.cert, key: own.key } : null;
    const opened = await openRoom({
      target: { port },
      tls: { mode, ca: authority.cert, serverName: 'localhost' },
      revealing: {
        reference: { username: '', password: null, clientCertificate: { certificate: unused, key: unused } },
        credentials: {
          reveal: async () => ({
            username: '',
            password: null,
            privateKey: null,
            authority: null,
            clientCertificate,
            headers: presented === 'own' ? {} : { 'X-Key': 'some-other-key' },
          }),
        },
      },
    });
    closing.push(() => opened.close());
    return opened;
  }

  test('is shown in the handshake', async () => {
    const opened = await certified('verify-full', 'own');
    expect(await opened.curl('/')).toMatchObject({ status: 200, body: 'gateway' });
  });

  test('a target that asks for one answers nobody without', async () => {
    const opened = await certified('verify-full', 'none');
    expect((await opened.curl('/')).status).toBe(502);
  });

  test('without TLS to the target there is none to show: nothing is sent', async () => {
    const opened = await certified('disable', 'own');
    const answer = await opened.curl('/');
    expect(JSON.parse(answer.body)).toMatchObject({ type: 'urn:sallyport:problem:http.no-credential' });
    expect(opened.upstreamBytes()).toBe(0);
  });
});
