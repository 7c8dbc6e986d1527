/**
 * A real rsyslog (Debian's) over TCP or TLS, that writes what it received as JSON lines: each part of RFC 5424 as rsyslog's own parser
 * understood it. Null where the program is not installed; tests say so and skip.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyPair } from './certificates.ts';

const program = '/usr/sbin/rsyslogd';
const hasTls = existsSync('/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so');

/** Why it cannot run here; null where it can. */
export const rsyslogMissing = !existsSync(program)
  ? 'rsyslog is not installed'
  : hasTls
    ? null
    : 'rsyslog-gnutls is not installed';

export interface Received {
  readonly pri: string;
  readonly time: string;
  readonly host: string;
  readonly app: string;
  readonly msgid: string;
  readonly data: string;
  /** Without the byte order mark. */
  readonly msg: string;
  readonly hasMark: boolean;
}

export interface Rsyslog {
  readonly port: number;
  /** What came so far, in order. */
  received(): Promise<readonly Received[]>;
  /** Waits until as many came, or `isEnough` says so. */
  until(isEnough: (all: readonly Received[]) => boolean, deadlineMs?: number): Promise<readonly Received[]>;
  stop(): Promise<void>;
  /** Again, on the same port and into the same file. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

export interface RsyslogOptions {
  /** TLS; clients must show a certificate that this authority signed. */
  readonly tls?: { readonly authority: KeyPair; readonly server: KeyPair };
  readonly messageBytesMax?: number;
}

export async function startRsyslog(options: RsyslogOptions = {}): Promise<Rsyslog> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-rsyslog-'));
  const path = (name: string): string => join(directory, name);
  let port = 0;
  let child: ChildProcess | null = null;
  if (options.tls !== undefined) {
    await writeFile(path('ca.pem'), options.tls.authority.cert);
    await writeFile(path('cert.pem'), options.tls.server.cert);
    await writeFile(path('key.pem'), options.tls.server.key, { mode: 0o600 });
  }
  const start = async (): Promise<void> => {
    await writeFile(path('rsyslog.conf'), configuration(directory, port, options));
    await rm(path('port'), { force: true });
    const errors: Buffer[] = [];
    child = spawn(program, ['-n', '-f', path('rsyslog.conf'), '-i', path('pid')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
    child.stdout?.on('data', (chunk: Buffer) => errors.push(chunk));
    const end = Date.now() + 20_000;
    for (;;) {
      // It writes the file only where the port was its own choice.
      const text = await readFile(path('port'), 'utf8').catch(() => '');
      if (port !== 0 && (await answers(port))) return;
      if (/^\d+\s*$/.test(text)) {
        port = Number(text);
        return;
      }
      if (Date.now() > end || child.exitCode !== null) {
        throw new Error(`rsyslog does not listen: ${Buffer.concat(errors).toString()}`);
      }
      await sleep(20);
    }
  };
  const stop = async (): Promise<void> => {
    const running = child;
    child = null;
    if (running === null || running.exitCode !== null) return;
    const closed = new Promise((resolve) => running.once('close', resolve));
    running.kill('SIGTERM');
    await closed;
  };
  const received = async (): Promise<readonly Received[]> => {
    const text = await readFile(path('out.jsonl'), 'utf8').catch(() => '');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const parsed = JSON.parse(line) as Omit<Received, 'hasMark'>;
        const hasMark = parsed.msg.startsWith('\ufeff');
        return { ...parsed, msg: hasMark ? parsed.msg.slice(1) : parsed.msg, hasMark };
      });
  };
  await start();
  return {
    get port() {
      return port;
    },
    received,
    async until(isEnough, deadlineMs = 30_000) {
      for (const end = Date.now() + deadlineMs; ; await sleep(50)) {
        const all = await received();
        if (isEnough(all)) return all;
        if (Date.now() > end)
          throw new Error(`rsyslog has not received it: ${all.map(({ msgid }) => msgid).join(' ')}`);
      }
    },
    start,
    stop,
    async remove() {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function configuration(directory: string, port: number, { tls, messageBytesMax = 1_048_576 }: RsyslogOptions): string {
  const driver =
    tls === undefined
      ? ''
      : `
  defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="${directory}/ca.pem"
  defaultNetstreamDriverCertFile="${directory}/cert.pem"
  defaultNetstreamDriverKeyFile="${directory}/key.pem"`;
  const mode =
    tls === undefined ? '' : ' streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid"';
  const fields = [
    ['pri', 'pri'],
    ['time', 'timereported'],
    ['host', 'hostname'],
    ['app', 'app-name'],
    ['msgid', 'msgid'],
    ['data', 'structured-data'],
    ['msg', 'msg'],
  ].map(([out, name]) => {
    const date = name === 'timereported' ? ' dateFormat="rfc3339"' : '';
    return `  property(outname="${out}" name="${name}"${date} format="jsonf")`;
  });
  return `global(workDirectory="${directory}" maxMessageSize="${messageBytesMax}"${driver})
module(load="imtcp"${mode})
input(type="imtcp" address="127.0.0.1" port="${port}" listenPortFileName="${directory}/port")
template(name="out" type="list" option.jsonf="on") {
${fields.join('\n')}
}
action(type="omfile" file="${directory}/out.jsonl" template="out")
`;
}
