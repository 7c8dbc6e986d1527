import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, makeCertificates } from '../../test/servers/certificates.ts';
import { isGatewayError } from '../base/errors.ts';
import { sinkReach } from './sink-reach.ts';

const { signal } = new AbortController();
const post = { method: 'POST', headers: {}, body: 'secret content', signal } as const;
const said = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'reached',
    (error: unknown) => (isGatewayError(error) ? error.publicMessage : String(error)),
  );

describe('A-API-04: where sinks may connect', () => {
  it('is nowhere inside, unless the sink says so, and never where clouds keep their metadata', async () => {
    const outside = sinkReach(false);
    for (const host of [
      '127.0.0.1',
      'localhost',
      '10.0.0.1',
      '192.168.1.1',
      '[::1]',
      '[fd00::1]',
      '[::ffff:10.0.0.1]',
    ]) {
      expect(await said(outside.fetch(`https://${host}/x`, post))).toContain('not public');
    }
    expect(await said(outside.connect({ host: '127.0.0.1', port: 514, tls: null, signal }))).toContain('not public');
    for (const host of ['169.254.169.254', '0.0.0.0', '[fe80::1]', '[fd00:ec2::254]']) {
      expect(await said(sinkReach(true).fetch(`https://${host}/x`, post))).toContain('not public');
    }
  });

  it('is by https, and no other scheme or login', async () => {
    expect(await said(sinkReach(false).fetch('http://192.0.2.1/', post))).toContain('not https');
    expect(await said(sinkReach(true).fetch('file:///etc/passwd', post))).toContain('not https');
    expect(await said(sinkReach(true).fetch('http://a:b@127.0.0.1/', post))).toContain('holds a login');
    expect(await said(sinkReach(true).fetch('nothing', post))).toContain('URL is none');
  });

  it('follows no redirection, bounds answers, and says nothing of what was sent', async () => {
    const server = createServer((request, response) => {
      request.resume();
      if (request.url === '/long') {
        const piece = Buffer.alloc(1024 * 1024, 120);
        for (let at = 0; at < 10; at++) response.write(piece);
        return response.end();
      }
      return response.writeHead(302, { location: 'http://169.254.169.254/' }).end('moved');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const reach = sinkReach(true);
    expect(await reach.fetch(`${base}/x`, post)).toEqual({ status: 302, body: 'moved' });
    expect(await said(reach.fetch(`${base}/long`, post))).toContain('longer than');
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const refused = await said(reach.fetch(`${base}/x`, post));
    expect(refused).toContain('ECONNREFUSED');
    expect(refused).not.toContain('secret content');
  });
});

describe('TLS to a sink’s target', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  const servers: (() => void)[] = [];
  afterAll(() => {
    for (const close of servers) close();
  });
  const listen = async (pair: { cert: string; key: string }): Promise<number> => {
    const server = createTls({ cert: pair.cert, key: pair.key }, (socket) => socket.end('hello'));
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(() => server.close());
    return (server.address() as AddressInfo).port;
  };
  const connect = (port: number, tls: { ca?: string; serverName?: string }, host = 'localhost'): Promise<string> =>
    said(
      sinkReach(true)
        .connect({ host, port, tls, signal })
        .then((socket) => socket.destroy()),
    );

  it('verifies who answers: authority, name, time', async () => {
    const { authority, server, wrongName, expired, stranger } = certificates;
    const right = await listen(server);
    expect(await connect(right, { ca: authority.cert })).toBe('reached');
    expect(await connect(right, { ca: authority.cert }, '127.0.0.1')).toBe('reached');
    expect(await connect(right, {})).toContain('cannot connect');
    expect(await connect(right, { ca: stranger.cert })).toContain('cannot connect');
    expect(await connect(await listen(wrongName), { ca: authority.cert })).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await connect(await listen(wrongName), { ca: authority.cert, serverName: 'elsewhere.test' })).toBe(
      'reached',
    );
    expect(await connect(await listen(expired), { ca: authority.cert })).toContain('CERT_HAS_EXPIRED');
  });

  it('ends by the caller’s signal where nobody shakes hands', async () => {
    const server = createTcp(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(() => server.close());
    const abort = new AbortController();
    const { port } = server.address() as AddressInfo;
    const connecting = said(sinkReach(true).connect({ host: '127.0.0.1', port, tls: {}, signal: abort.signal }));
    setTimeout(() => abort.abort(new Error('enough')), 50);
    expect(await connecting).toContain('cannot connect');
  });
});
