/** What is answered to who asks for a proof by HTTP: that proof, while it is one, and nothing else. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../base/log.ts';
import { AcmeAnswers } from './acme-answers.ts';
import { acmeConfig } from './fixtures/acme-world.ts';

const proof = { name: 'gw.example.com', token: 'to-ken_1', value: 'to-ken_1.thumb' };
let answers: AcmeAnswers;
let port: number;

beforeEach(async () => {
  answers = new AcmeAnswers(acmeConfig());
  port = (await answers.listen(silentLog))!.port;
  await answers.take([proof]);
});
afterEach(() => answers.close());

/** Status line and body of what a request as it stands is answered with. */
function ask(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(request));
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(`${text.split(' ')[1]} ${text.split('\r\n\r\n')[1] ?? ''}`.trim()));
  });
}
const get = (path: string, method = 'GET'): Promise<string> =>
  ask(`${method} ${path} HTTP/1.1\r\nHost: gw.example.com\r\n\r\n`);
const nothing = '404 Nothing is proved here at the moment.';

describe('port 80', () => {
  test('answers what is being proved, and no longer', async () => {
    const path = `/.well-known/acme-challenge/${proof.token}`;
    expect(await get(path)).toBe(`200 ${proof.value}`);
    await answers.take([]);
    expect(await get(path)).toBe(nothing);
  });

  test.each([
    ['/'],
    ['/.well-known/acme-challenge/'],
    ['/.well-known/acme-challenge/other'],
    [`/.well-known/acme-challenge/${proof.token}?x`],
    [`/.well-known/acme-challenge/../acme-challenge/${proof.token}`],
    [`//gw.example.com/.well-known/acme-challenge/${proof.token}`],
    ['/api/v1/status'],
  ])('has nothing at %s', async (path) => {
    expect(await get(path)).toBe(nothing);
  });

  test('reads nothing else', async () => {
    const path = `/.well-known/acme-challenge/${proof.token}`;
    expect(await get(path, 'POST')).toBe(nothing);
    expect(await get(path, 'HEAD')).toBe('404');
    expect(await ask('nonsense\r\n\r\n')).toMatch(/^400/);
    expect(await ask(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`)).toMatch(/^431/);
  });

  test('is not listened at for any other proof, and says when it is taken', async () => {
    expect(await new AcmeAnswers(acmeConfig({ challenge: 'tls-alpn-01' })).listen(silentLog)).toBeNull();
    const taken: Server = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const http = { host: '127.0.0.1', port: (taken.address() as AddressInfo).port };
    await expect(new AcmeAnswers(acmeConfig({ http })).listen(silentLog)).rejects.toThrow(`Port ${http.port} on`);
    await new Promise((resolve) => taken.close(resolve));
  });

  test('proves nothing by TLS', () => {
    expect(answers.isAsked).toBe(false);
    expect(answers.identityFor(proof.name)).toBeNull();
  });
});
