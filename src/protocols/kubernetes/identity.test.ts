/** A cluster that knows the gateway by a certificate, as most do their administrators: with a person to impersonate, and without. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../../test/servers/certificates.ts';
import { makeClientAuthority } from '../../../test/servers/client-certificates.ts';
import { type KubernetesRoom, openKubernetes } from './room-testing.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const pods = '/api/v1/namespaces/shop/pods';
const unused = { provider: 'env', name: 'UNUSED' } as const;

/** The cluster answers with who it takes for the one that asks. */
async function open(impersonate: boolean, headers: Readonly<Record<string, string>> = {}): Promise<KubernetesRoom> {
  const { server, authority } = await makeCertificates();
  const issuers = await makeClientAuthority();
  const own = await issuers.issue({ subject: 'CN=gateway' });
  const options = { ...server, ca: issuers.cert, requestCert: true, rejectUnauthorized: true };
  const target = createServer(options, (request, response) => {
    const { CN } = (request.socket as TLSSocket).getPeerCertificate().subject;
    const { authorization = null, 'impersonate-user': person = null } = request.headers;
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ CN, authorization, person }));
  });
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  closing.push(async () => {
    target.closeAllConnections();
    await new Promise((resolve) => target.close(resolve));
  });
  const room = await openKubernetes({
    target: { port: (target.address() as AddressInfo).port },
    settings: { impersonate },
    tls: { mode: 'verify-full', ca: authority.cert, serverName: 'localhost' },
    revealing: {
      reference: { username: '', password: null, clientCertificate: { certificate: unused, key: unused } },
      credentials: {
        reveal: async () => ({
          username: '',
          password: null,
          privateKey: null,
          authority: null,
          clientCertificate: { certificate: own.cert, key: own.key },
          headers,
        }),
      },
    },
  });
  closing.push(() => room.close());
  return room;
}

describe('a certificate alone', () => {
  test.each([
    [true, 'engineer'],
    [false, null],
  ])('is a credential (impersonating: %s)', async (impersonate, person) => {
    const room = await open(impersonate);
    const { status, body } = await room.curl(pods);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ CN: 'gateway', authorization: null, person });
  });

  test('A-K8S-01: with fields that say who asks it is none beside a person', async () => {
    const room = await open(true, { 'Impersonate-User': 'admin' });
    expect((await room.curl(pods)).status).toBeGreaterThanOrEqual(500);
    expect(room.upstreamBytes()).toBe(0);
  });
});
