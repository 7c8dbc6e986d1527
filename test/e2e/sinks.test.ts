/**
 * Handing on, as a new user meets it: a manifest, a stock psql, a real rsyslog that parses what came. What an event says arrives as it
 * was, whatever stood in it (A-REC-02); a receiver that is down loses nothing.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventDocument } from '../../src/audit/sinks/formats/document.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { makeCertificates } from '../servers/certificates.ts';
import { type Received, rsyslogMissing, startRsyslog } from '../servers/rsyslog.ts';

const run = promisify(execFile);

/** Texts that would end a line, a frame, a string or a colour early. */
const hostile = [
  'newline\n<110>1 2026-01-01T00:00:00Z forged sallyport - session.opened - {}',
  '"} break-out, and \\" and \\\\ and ]',
  'ansi \u001b[31mred\u001b[0m, c1 \u009b31m, bell \u0007',
  'bidi \u202eevil\u202c, invisible \u200b\ufeff, line \u2028 separator',
  'umlaut äöü, emoji 🔒, tab\t.',
  '=|\\|= cef',
];

async function psql(env: TestEnv, statements: readonly string[]): Promise<void> {
  const asked = statements.flatMap((statement) => ['-c', statement]);
  await run('psql', ['-X', '-A', '-t', ...asked], { env: { PATH: process.env['PATH'], ...env.libpq('engineer') } });
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function documents(received: readonly Received[]): EventDocument[] {
  return received.map(({ msg }) => JSON.parse(msg) as EventDocument);
}

async function apply(env: TestEnv, name: string, spec: object): Promise<void> {
  const client = await env.api('admin');
  await client.call('apply', { body: { documents: [{ kind: 'Sink', metadata: { name }, spec }] } });
}

async function until<T>(what: string, look: () => Promise<T | null>, deadlineMs = 30_000): Promise<T> {
  for (const end = Date.now() + deadlineMs; ; await sleep(50)) {
    const found = await look();
    if (found !== null) return found;
    if (Date.now() > end) throw new Error(`${what} did not come about`);
  }
}

const isEnded = (all: readonly Received[]): boolean => all.some(({ msgid }) => msgid === 'session.ended');

describe.skipIf(rsyslogMissing !== null)(
  `syslog by a real rsyslog${rsyslogMissing === null ? '' : `: ${rsyslogMissing}`}`,
  () => {
    let env: TestEnv;

    beforeAll(async () => {
      env = await createTestEnv();
    }, 120_000);
    afterAll(() => env?.close());

    it('A-REC-02 receives a psql session over TCP, every event once and in order, hostile texts as they were', async () => {
      const server = await startRsyslog();
      try {
        await apply(env, 'plain', {
          to: { syslog: { address: `127.0.0.1:${server.port}`, facility: 'local4' } },
          events: ['session.*', 'command.*'],
          private: true,
        });
        const statements = hostile.map((text) => `select ${literal(text)}`);
        await psql(env, statements);
        const all = await server.until(isEnded);
        const told = documents(all);
        expect(told.map(({ sequence }) => sequence)).toEqual(
          [...new Set(told.map(({ sequence }) => sequence))].sort((a, b) => a - b),
        );
        const intents = told.filter(({ type }) => type === 'command.intent');
        expect(intents.map(({ command }) => command?.text)).toEqual(statements);
        expect(told[0]).toMatchObject({
          schema: 'sallyport.event/1',
          type: 'session.opened',
          principal: { name: 'engineer' },
          resource: { protocol: 'postgres' },
        });
        const ended = told.filter(({ type }) => type === 'command.ended');
        expect(ended.map(({ command, details }) => [command?.text, details['rows']])).toEqual(
          statements.map((text) => [text, 1]),
        );
        for (const [at, one] of all.entries()) {
          const { sequence, time, session } = told[at]!;
          expect(one).toMatchObject({ host: env.gateway.id, app: 'sallyport', msgid: told[at]!.type });
          expect(Date.parse(one.time)).toBe(Date.parse(time));
          expect(Math.floor(Number(one.pri) / 8)).toBe(20);
          expect(one.data).toContain(`[meta sequenceId="${sequence}"]`);
          expect(one.data).toContain(`session="${session?.id}"`);
          expect(one.hasMark).toBe(/[^\u0000-\u007f]/.test(one.msg));
        }
      } finally {
        await server.remove();
      }
    }, 120_000);

    it('receives over TLS, from whoever shows a certificate, and the events of while it was down', async () => {
      const certificates = await makeCertificates();
      // `x509/certvalid` asks for any certificate of the authority's.
      const client = certificates.server;
      const server = await startRsyslog({ tls: { authority: certificates.authority, server: certificates.server } });
      try {
        process.env['TEST_SINK_KEY'] = client.key;
        await apply(env, 'sealed', {
          to: {
            syslog: {
              address: `localhost:${server.port}`,
              tls: { ca: certificates.authority.cert, certificate: client.cert, key: { env: 'TEST_SINK_KEY' } },
            },
          },
          events: ['session.*', 'command.ended'],
          private: true,
        });
        await psql(env, ['select 1']);
        await server.until(isEnded);
        await server.stop();
        for (let at = 0; at < 3; at++) await psql(env, [`select ${at} as missed`]);
        const admin = await env.api('admin');
        await until('the sink fails', async () => {
          const { gateways } = await admin.call('getSink', { params: { name: 'sealed' } });
          return gateways[0]?.standing === 'failing' ? gateways[0] : null;
        });
        await server.start();
        const all = await server.until((found) => found.filter(({ msgid }) => msgid === 'session.ended').length === 4);
        const told = documents(all);
        const sequences = told.map(({ sequence }) => sequence);
        expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
        expect(told.filter(({ type }) => type === 'command.ended').map(({ command }) => command?.text)).toEqual([
          'select 1',
          'select 0 as missed',
          'select 1 as missed',
          'select 2 as missed',
        ]);
      } finally {
        delete process.env['TEST_SINK_KEY'];
        await server.remove();
      }
    }, 120_000);

    it('is tested by one marked event, and says why it cannot be', async () => {
      const server = await startRsyslog();
      const admin = await env.api('admin');
      try {
        await apply(env, 'tried', {
          to: { syslog: { address: `127.0.0.1:${server.port}` } },
          events: ['alert.raised'],
          private: true,
        });
        const tested = await admin.call('testSink', { params: { name: 'tried' } });
        expect(tested).toMatchObject({ taken: true, problem: '' });
        const [only] = documents(await server.until((found) => found.length > 0));
        expect(only).toMatchObject({
          type: 'sink.changed',
          sequence: tested.sequence,
          principal: { name: 'admin' },
          details: { sink: 'tried', standing: 'tested' },
        });
        await server.stop();
        const failed = await admin.call('testSink', { params: { name: 'tried' } });
        expect(failed).toMatchObject({ taken: false, problem: 'cannot connect: ECONNREFUSED' });
      } finally {
        await server.remove();
      }
    }, 120_000);
  },
);

describe('a file for another mount', () => {
  let env: TestEnv;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sallyport-sink-'));
    env = await createTestEnv();
  }, 120_000);
  afterAll(async () => {
    await env?.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('A-REC-02 A-REC-03 gets lines that read back equal, hides what the sink hides, and is nobody else’s to read', async () => {
    await apply(env, 'lines', {
      to: { file: { directory } },
      fields: { omit: ['session.client'], redact: ['command.parameters'], hash: ['principal.name'] },
    });
    await psql(
      env,
      hostile.map((text) => `select ${literal(text)}`),
    );
    const text = await until('the session in the file', async () => {
      const [name] = await readdir(directory);
      if (name === undefined) return null;
      const found = await readFile(join(directory, name), 'utf8');
      return found.includes('"session.ended"') ? found : null;
    });
    const [name] = await readdir(directory);
    expect(name).toMatch(new RegExp(`^sallyport-${env.gateway.id}-\\d{4}-\\d\\d-\\d\\d\\.jsonl$`));
    expect((await stat(join(directory, name!))).mode & 0o777).toBe(0o600);
    const lines = text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as EventDocument);
    const intents = lines.filter(({ type }) => type === 'command.intent');
    expect(intents.map(({ command }) => command?.text)).toEqual(hostile.map((one) => `select ${literal(one)}`));
    // Nothing in the file moves a cursor or hides: every unsafe character is spelled.
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u2028\u202e\ufeff]/);
    for (const { session, principal } of lines.filter((line) => line.session !== null)) {
      expect(session).not.toHaveProperty('client');
      expect(principal?.name).toMatch(/^hmac:[0-9a-f]{32}$/);
    }
    expect(new Set(lines.map(({ principal }) => principal?.name)).size).toBeGreaterThan(0);
  }, 120_000);
});
