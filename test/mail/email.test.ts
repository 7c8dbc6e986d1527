/** Alerts by mail, to a real server. Where it is not there, the tests skip and say why. */
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createEmail } from '../../src/audit/sinks/email.ts';
import type { SinkTarget } from '../../src/core/sink.ts';
import { type Certificates, makeCertificates } from '../servers/certificates.ts';
import { alertEvent, recordsOf, testParts } from '../sinks/records.ts';
import { type MailServer, type MailServerOptions, missing, startMailServer } from './server.ts';

type Target = NonNullable<SinkTarget['email']>;

/** The server tells of a message after it took it. */
const arrived = (received: readonly unknown[], count: number) =>
  vi.waitFor(() => expect(received).toHaveLength(count), { timeout: 20_000 });

const signal = () => AbortSignal.timeout(30_000);

describe.skipIf(missing !== null)(`the sink for mail${missing === null ? '' : ` (${missing})`}`, () => {
  let certificates: Certificates;
  let server: MailServer | null = null;

  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterEach(async () => {
    await server?.stop();
    server = null;
  });

  const start = async (options: Partial<MailServerOptions> = {}): Promise<MailServer> => {
    server = await startMailServer({ tls: 'starttls', pair: certificates.server, ...options });
    return server;
  };
  const target = (port: number, more: Partial<Target> = {}): Target => ({
    server: `127.0.0.1:${port}`,
    from: 'Sallyport <gateway@example.org>',
    to: ['oncall@example.org'],
    tls: { ca: certificates.authority.cert },
    ...more,
  });
  const records = (to: Target, ...more: Parameters<typeof alertEvent>[1][]) =>
    recordsOf(
      more.map((one, index) => alertEvent(10 + index, one)),
      { to: { email: to } },
    );

  it('goes by STARTTLS and a login, to everybody named', async () => {
    const { port, received } = await start({ username: 'gateway', password: 'a secret' });
    const to = target(port, {
      to: ['oncall@example.org', 'second@example.org'],
      username: 'gateway',
      password: { store: 'mail' },
    });
    const sink = createEmail(to, testParts({ secret: async () => 'a secret' }));
    expect(await sink.send(await records(to, {}), signal())).toEqual({ outcome: 'taken' });
    await arrived(received, 1);
    const [mail] = received;
    expect(mail).toMatchObject({ from: 'gateway@example.org', tls: true, authenticated: true });
    expect(mail!.to).toEqual(['oncall@example.org', 'second@example.org']);
    expect(mail!.text).toMatch(/^Subject: \[Sallyport gw-1\] high: ana read 50,000 rows/m);
    expect(mail!.text).toContain('https://console.example/alerts/al-1');
    expect(mail!.text).toMatch(/^Auto-Submitted: auto-generated/m);
  });

  it('is the same message when it comes again', async () => {
    const { port, received } = await start();
    const to = target(port);
    const batch = await records(to, {}, { alert: undefined as never, rule: 'gateway:x', reason: 'Another.' });
    for (let time = 0; time < 2; time++) await createEmail(to, testParts()).send(batch, signal());
    await arrived(received, 2);
    const ids = received.map(({ text }) => /^Message-ID:\s+(\S+)/im.exec(text)?.[1]);
    expect(ids[0]).toBeDefined();
    expect(ids[1]).toBe(ids[0]);
    expect(received[0]!.text).toMatch(/\(and 1 more\)/);
  });

  it('A-REC-02: ends no header, opens no tag', async () => {
    const { port, received } = await start();
    const to = target(port);
    const reason = 'a\r\nBcc: victim@example.org\r\n\r\n<script>alert(1)</script><a href="https://evil">x</a>';
    const sink = createEmail(to, testParts());
    expect(await sink.send(await records(to, { reason }), signal())).toEqual({ outcome: 'taken' });
    await arrived(received, 1);
    const [mail] = received;
    expect(mail!.to).toEqual(['oncall@example.org']);
    expect(mail!.text).not.toMatch(/^Bcc:/im);
    // Lines that are too long end with `=`.
    const html = mail!.text.slice(mail!.text.indexOf('<html>')).replaceAll('=\r\n', '');
    expect(html).toContain('&lt;script&gt;alert(1)');
    expect(html).not.toMatch(/<script|<a href=3D"https:\/\/evil/);
  });

  it('says nothing to a server without TLS, or with a certificate that is not to be trusted', async () => {
    const { port, received } = await start({ tls: 'none' });
    const batch = await records(target(port), {});
    await expect(createEmail(target(port), testParts()).send(batch, signal())).rejects.toThrow('no TLS');
    expect(received).toEqual([]);
    await server!.stop();
    const strange = await start({ pair: certificates.stranger });
    await expect(createEmail(target(strange.port), testParts()).send(batch, signal())).rejects.toMatchObject({
      code: 'audit.sink-failed',
    });
    expect(strange.received).toEqual([]);
  });

  it('goes without TLS only where the sink says so, and only inside', async () => {
    const { port, received } = await start({ tls: 'none' });
    const to = target(port, { tls: 'none' });
    const batch = await records(to, {});
    expect(await createEmail(to, testParts()).send(batch, signal())).toEqual({ outcome: 'taken' });
    await arrived(received, 1);
    expect(received[0]).toMatchObject({ tls: false });
    await expect(createEmail(to, testParts({ allowPrivate: false })).send(batch, signal())).rejects.toThrow('private');
  });

  it('tells what is refused for good from what is tried again, and no secret', async () => {
    const answers = { unwanted: '554 5.7.1 no thanks', busy: '451 4.3.0 later' };
    const { port, received } = await start({ answers });
    const to = target(port);
    const sink = createEmail(to, testParts());
    const batch = await records(to, { reason: 'fine' }, { reason: 'unwanted' }, { reason: 'fine too' });
    expect(await sink.send(batch, signal())).toMatchObject({ outcome: 'refused', refused: [{ at: 1 }] });
    await arrived(received, 2);
    expect(received.map(({ text }) => /^Subject: .*: (.*)$/m.exec(text)?.[1])).toEqual(['fine', 'fine too']);
    await expect(sink.send(await records(to, { reason: 'busy' }), signal())).rejects.toThrow('451');
    const nobody = target(port, { to: ['nobody@example.org'] });
    await expect(createEmail(nobody, testParts()).send(batch, signal())).rejects.toThrow('every recipient');
    await server!.stop();
    const closed = await start({ username: 'gateway', password: 'right' });
    const login = target(closed.port, { username: 'gateway', password: { store: 'mail' } });
    const wrong: unknown = await createEmail(login, testParts({ secret: async () => 'wrong-secret' }))
      .send(batch, signal())
      .catch((error: unknown) => error);
    expect(wrong).toMatchObject({ code: 'audit.sink-failed' });
    expect(String(wrong)).toContain('refused the login');
    expect(String(wrong)).not.toContain('wrong-secret');
  });
});
