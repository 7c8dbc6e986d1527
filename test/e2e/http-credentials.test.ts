/**
 * Credentials through a whole gateway, from manifests on: a program that proves itself by certificate, at a service that takes
 * the gateway's certificate and a token of an authorisation server, and nothing else.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '../../src/api/contract/index.ts';
import type { Gateway } from '../../src/gateway/index.ts';
import { startOrigins } from '../env/origins.ts';
import { type KeyPair, makeCertificates } from '../servers/certificates.ts';
import { type ClientAuthority, makeClientAuthority } from '../servers/client-certificates.ts';

const clientSecret = 'client-secret-2f9a77';
let folder: string;
let gateway: Gateway;
let admin: Client;
let programs: ClientAuthority;
let robot: KeyPair;
let tokenServer: Server;
let service: Server;
let tokensGiven = 0;
const bearer = (count: number): string => `bearer-of-the-service-${count}`;

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const trust = (revoked: readonly string[] = []) => ({
  kind: 'CertificateAuthority',
  metadata: { name: 'programs' },
  spec: {
    certificates: [programs.cert],
    principals: { groups: ['programs'] },
    ...(revoked.length === 0 ? {} : { revoked }),
  },
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-http-credentials-'));
  programs = await makeClientAuthority();
  robot = await programs.issue({ subject: 'CN=robot' });
  await writeFile(join(folder, 'robot.crt'), robot.cert);
  await writeFile(join(folder, 'robot.key'), robot.key);
  tokenServer = createServer((request, response) => {
    const [, basic = ''] = (request.headers.authorization ?? '').split('Basic ');
    // Both parts are form-encoded before they are joined (RFC 6749, section 2.3.1).
    const proof = Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent);
    response.setHeader('Content-Type', 'application/json');
    if (proof.join(' ') !== `gateway ${clientSecret}`) {
      response.writeHead(401).end('{"error":"invalid_client"}');
      return;
    }
    const token = { access_token: bearer(++tokensGiven), token_type: 'Bearer', expires_in: 3600 };
    response.end(JSON.stringify(token));
  });
  const { server, authority } = await makeCertificates();
  const inside = await makeClientAuthority('CN=Inside');
  const own = await inside.issue({ subject: 'CN=gateway' });
  const tls = { ...server, ca: inside.cert, requestCert: true, rejectUnauthorized: true };
  service = createTlsServer(tls, (request, response) => {
    const { authorization = '' } = request.headers;
    const isKnown = authorization === `Bearer ${bearer(tokensGiven)}`;
    const { CN: name } = (request.socket as TLSSocket).getPeerCertificate().subject;
    response.writeHead(isKnown ? 200 : 401).end(JSON.stringify({ name, authorization }));
  });
  const [tokenPort, port] = [await listen(tokenServer), await listen(service)];
  const people = [{ name: 'robot', groups: ['programs'] }];
  ({ gateway, admin } = await startOrigins({ dataDirectory: join(folder, 'data'), people }));
  const documents = [
    trust(),
    {
      kind: 'Resource',
      metadata: { name: 'inside' },
      spec: {
        protocol: 'http',
        address: `127.0.0.1:${port}`,
        tls: { mode: 'verify-full', ca: authority.cert, serverName: 'localhost' },
        credential: {
          oauth: {
            tokenUrl: `http://127.0.0.1:${tokenPort}/token`,
            clientId: 'gateway',
            clientSecret: { value: clientSecret },
          },
          clientCertificate: { certificate: { value: own.cert }, key: { value: own.key } },
        },
      },
    },
    {
      kind: 'Access',
      metadata: { name: 'programs' },
      spec: { match: { principals: { groups: ['programs'] }, resources: { names: ['inside'] } } },
    },
  ];
  await admin.call('apply', { body: { documents, dryRun: false } });
}, 60_000);

afterAll(async () => {
  await gateway?.stop('test', 0);
  for (const server of [tokenServer, service]) await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
}, 30_000);

function ask(...args: string[]): Promise<{ readonly status: number; readonly body: string }> {
  const url = `https://inside.localhost:${gateway.listeners[0]!.port}/v1`;
  const shown = ['--cert', join(folder, 'robot.crt'), '--key', join(folder, 'robot.key')];
  const all = ['-sS', '--max-time', '20', '--cacert', gateway.caPath, '-w', '\n%{http_code}', ...shown, ...args, url];
  return new Promise((resolve, reject) => {
    execFile('curl', all, (error, stdout, stderr) => {
      if (error !== null) return reject(new Error(stderr));
      const at = stdout.lastIndexOf('\n');
      resolve({ status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) });
    });
  });
}

test('a program by certificate, the gateway by certificate and token; neither is told', async () => {
  for (const version of ['--http1.1', '--http2']) {
    const { status, body } = await ask(version);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ name: 'gateway', authorization: '*'.repeat(`Bearer ${bearer(1)}`.length) });
  }
  expect(tokensGiven).toBe(1);
  const text = JSON.stringify(await admin.call('getObject', { params: { kind: 'Resource', name: 'inside' } }));
  expect(text).toContain('resource.inside.oauth.clientsecret');
  expect(text).not.toContain(clientSecret);
});

test('a certificate that is revoked is refused from then on', async () => {
  const digest = createHash('sha256').update(robot.der).digest('hex');
  await admin.call('apply', { body: { documents: [trust([digest])], dryRun: false } });
  const { status, body } = await ask();
  expect(status).toBe(403);
  expect(JSON.parse(body)).toMatchObject({ type: 'urn:sallyport:problem:http.certificate' });
});
