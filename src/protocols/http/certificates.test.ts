/**
 * Programs that prove themselves by a certificate of their TLS connection, over both versions of HTTP, with a real identity
 * behind the door.
 */

import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KeyPair } from '../../../test/servers/certificates.ts';
import { type ClientAuthority, makeClientAuthority } from '../../../test/servers/client-certificates.ts';
import { coreErrors } from '../../core/errors.ts';
import type { Principal } from '../../core/principal.ts';
import { type CurlAnswer, curl, openRoom, principal, type Room, startTarget } from './room-testing.ts';

let folder: string;
let authority: ClientAuthority;
let files = 0;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-certificates-'));
  authority = await makeClientAuthority();
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

/** Takes certificates by their common name; what makes one good is identity's to test. */
async function room(accepts: (certificate: X509Certificate) => string | null): Promise<Room> {
  const target = await startTarget((request, response) => response.end(JSON.stringify(request.headers)));
  closing.push(() => target.stop());
  const opened = await openRoom({
    target,
    issuers: [authority.cert],
    tlsRequired: true,
    identification: {
      byTlsCertificate: async (der) => {
        const certificate = new X509Certificate(der);
        const name = accepts(certificate);
        if (name === null) throw coreErrors('core.not-authenticated');
        const credentialId = `SHA256:issuer/${certificate.fingerprint256}`;
        const own: Principal['authentication'] = { method: 'certificate', credentialId, atMs: 0 };
        return { ...principal, id: `local:${name}`, name, authentication: own };
      },
    },
  });
  closing.push(() => opened.close());
  return opened;
}

async function ask(opened: Room, own: KeyPair | null, ...args: string[]): Promise<CurlAnswer> {
  const { host, port } = opened;
  const shown: string[] = [];
  if (own !== null) {
    const path = join(folder, String(++files));
    await writeFile(`${path}.crt`, own.cert);
    await writeFile(`${path}.key`, own.key);
    shown.push('--cert', `${path}.crt`, '--key', `${path}.key`);
  }
  const resolved = ['--resolve', `${host}:${port}:127.0.0.1`, '-k'];
  return curl(`https://${host}:${port}/v1`, ...resolved, ...shown, ...args);
}

const nameOf = ({ subject }: X509Certificate): string | null => /^CN=(.*)$/m.exec(subject)?.[1] ?? null;

describe.each(['--http1.1', '--http2'])('%s', (version) => {
  test('a certificate is a proof, and connections with it share a session', async () => {
    const opened = await room(nameOf);
    const own = await authority.issue({ subject: 'CN=robot' });
    for (let at = 0; at < 2; at++) {
      const answer = await ask(opened, own, version, '--anonymous');
      expect(answer).toMatchObject({ exit: 0, status: 200, version: version === '--http2' ? '2' : '1.1' });
    }
    expect(opened.journal.of('session.opened')).toMatchObject([
      { principal: { name: 'robot', credentialId: expect.stringContaining('/') }, client: { proof: 'certificate' } },
    ]);
    // Another certificate of the same principal is another proof, and another session.
    const renewed = await authority.issue({ subject: 'CN=robot' });
    expect((await ask(opened, renewed, version, '--anonymous')).status).toBe(200);
    expect(opened.journal.of('session.opened')).toHaveLength(2);
  });

  test('a bad one is refused, though a good token is beside it', async () => {
    const opened = await room(() => null);
    const own = await authority.issue({ subject: 'CN=robot' });
    for (const args of [['--anonymous'], []]) {
      const answer = await ask(opened, own, version, ...args);
      expect(answer.status).toBe(403);
      expect(JSON.parse(answer.body)).toMatchObject({ type: 'urn:sallyport:problem:http.certificate' });
    }
    expect(opened.upstreamBytes()).toBe(0);
    expect(opened.journal.of('identity.refused')).toHaveLength(2);
  });

  test('without one a token does', async () => {
    const opened = await room(nameOf);
    expect((await ask(opened, null, version)).status).toBe(200);
    expect((await ask(opened, null, version, '--anonymous')).status).toBe(401);
  });

  test('a token beside it must be of the same principal', async () => {
    const opened = await room(nameOf);
    const [own, other] = await Promise.all(['CN=engineer', 'CN=robot'].map((subject) => authority.issue({ subject })));
    expect((await ask(opened, own!, version)).status).toBe(200);
    expect(opened.journal.of('session.opened')).toMatchObject([{ principal: { credentialId: 'tok_1' } }]);
    const answer = await ask(opened, other!, version);
    expect(JSON.parse(answer.body)).toMatchObject({ status: 403, type: 'urn:sallyport:problem:http.two-principals' });
    expect((await ask(opened, own!, version, '--oauth2-bearer', 'wrong')).status).toBe(401);
  });
});

test('a field that proves nothing here is none beside a certificate, and does not go on', async () => {
  const opened = await room(nameOf);
  const own = await authority.issue({ subject: 'CN=robot' });
  const signed = 'Authorization: AWS4-HMAC-SHA256 Credential=mine';
  const answer = await ask(opened, own, '--anonymous', '-H', signed);
  expect(answer.status).toBe(200);
  expect(answer.body).not.toContain('mine');
  expect((await ask(opened, null, '--anonymous', '-H', signed)).status).toBe(401);
});

test('A-HTTP-09: what another site has a browser do is not done, though the browser shows a certificate', async () => {
  const opened = await room(nameOf);
  const own = await authority.issue({ subject: 'CN=robot' });
  for (const head of ['Origin: https://evil.example', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Site: same-site']) {
    const answer = await ask(opened, own, '--anonymous', '-X', 'POST', '-H', head);
    expect(JSON.parse(answer.body)).toMatchObject({ type: 'urn:sallyport:problem:http.cross-site' });
  }
  // A browser of before these fields, by its cookie.
  const old = await ask(opened, own, '--anonymous', '-X', 'POST', '-H', 'Cookie: __Host-sallyport=visit');
  expect(JSON.parse(old.body)).toMatchObject({ type: 'urn:sallyport:problem:http.cross-site' });
  expect(opened.upstreamBytes()).toBe(0);
  expect((await ask(opened, own, '--anonymous', '-X', 'POST')).status).toBe(200);
});

test('a certificate that nobody named issued is shown all the same, and is for identity to refuse', async () => {
  const stranger = await makeClientAuthority();
  const seen: string[] = [];
  const opened = await room((certificate) => {
    seen.push(certificate.subject);
    return null;
  });
  expect((await ask(opened, await stranger.issue({ subject: 'CN=robot' }), '--anonymous')).status).toBe(403);
  expect(seen).toEqual(['CN=robot']);
});
