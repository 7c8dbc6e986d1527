/**
 * A real SMTP server, Debian's python3-aiosmtpd, on a loopback address: STARTTLS, TLS or neither; a login or none.
 *
 * Deliberately absent: delivery. What it takes, tests read.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { KeyPair } from '../servers/certificates.ts';

/** The distribution's own, whichever comes first on the path. */
const python = '/usr/bin/python3';

/** Why tests with it cannot run here, or null. */
export const missing = hasServer() ? null : "there is no python3-aiosmtpd, Debian's package of that name";

export interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly tls: boolean;
  readonly authenticated: boolean;
  readonly text: string;
}

export interface MailServer {
  readonly port: number;
  readonly received: readonly Received[];
  stop(): Promise<void>;
}

export interface MailServerOptions {
  readonly tls: 'starttls' | 'implicit' | 'none';
  readonly pair: KeyPair;
  readonly username?: string;
  readonly password?: string;
  /** What it answers to content that has such a text in it. */
  readonly answers?: Readonly<Record<string, string>>;
}

export async function startMailServer({ pair, ...options }: MailServerOptions): Promise<MailServer> {
  const place = await mkdtemp(join(tmpdir(), 'sallyport-mail-'));
  const certificate = join(place, 'certificate.pem');
  const key = join(place, 'key.pem');
  await writeFile(certificate, pair.cert);
  await writeFile(key, pair.key);
  const settings = JSON.stringify({ ...options, certificate, key });
  const child = spawn(python, [join(import.meta.dirname, 'server.py'), settings], { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (piece: Buffer) => (errors += piece.toString()));
  const closed = once(child, 'close');
  const received: Received[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as Partial<Received> & { readonly port?: number };
      if (said.port !== undefined) resolve(said.port);
      else received.push(said as Received);
    });
    closed.then(() => reject(new Error(`the mail server does not start: ${errors}`)), reject);
  });
  return {
    port,
    received,
    stop: async () => {
      child.stdin.end();
      await closed;
      await rm(place, { recursive: true, force: true });
    },
  };
}

function hasServer(): boolean {
  try {
    execFileSync(python, ['-c', 'import aiosmtpd'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
