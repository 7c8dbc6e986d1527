/**
 * Logging in by a browser on this machine (RFC 8252, sections 7.3 and 8): a listener on 127.0.0.1 that takes one answer, the
 * console's page that asks the person, and the exchange of the code that comes back.
 *
 * Invariants: the code is worth nothing without the verifier, which stays here (RFC 7636); an answer with another state is
 * none; the listener is gone when the command ends, and waits no longer than `browserLoginDeadlineMs`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { cliError } from './errors.ts';
import type { CliIo } from './io.ts';
import { browserLoginDeadlineMs } from './limits.ts';

export interface BrowserLogin {
  /** The console's page, for whoever opens it by hand. */
  readonly link: string;
  /** The code that the browser brought, and what proves that it is for this process. */
  readonly code: Promise<string>;
  readonly verifier: string;
  close(): void;
}

/** Listens, and says where to send the person. `provider` null lets them choose on the page. */
export async function beginBrowserLogin(
  server: string,
  provider: string | null,
  clock: Clock,
  signal: AbortSignal,
): Promise<BrowserLogin> {
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(24).toString('base64url');
  const { promise: code, resolve, reject } = Promise.withResolvers<string>();
  code.catch(() => undefined);
  const listener = createServer({ requestTimeout: 10_000, maxHeaderSize: 16 * 1024 }, (request, response) => {
    const url = URL.parse(request.url ?? '/', 'http://127.0.0.1');
    const found = url?.pathname === '/done' ? url.searchParams : null;
    const isOurs = request.method === 'GET' && isEqual(found?.get('state') ?? '', state);
    const given = isOurs ? (found?.get('code') ?? '') : '';
    const isGood = /^[\w-]{1,100}$/.test(given);
    response.writeHead(isGood ? 200 : 404, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      connection: 'close',
    });
    response.end(
      isGood ? page('You are logged in. Close this page and go back to the terminal.') : page('Nothing here.'),
    );
    if (isGood) resolve(given);
  });
  listener.on('error', (error) => reject(error));
  await new Promise<void>((done, failed) => {
    listener.once('error', failed);
    listener.listen(0, '127.0.0.1', () => done());
  });
  const { port } = listener.address() as AddressInfo;
  const timer = clock.after(browserLoginDeadlineMs, () => reject(cliError('cli.login-waited')));
  const interrupted = (): void => reject(cliError('cli.interrupted'));
  signal.addEventListener('abort', interrupted, { once: true });
  const asked = new URLSearchParams({
    redirectUri: `http://127.0.0.1:${port}/done`,
    challenge: createHash('sha256').update(verifier).digest('base64url'),
    state,
    ...(provider === null ? {} : { provider }),
  });
  return {
    link: `${server}/sign-on.html#${asked}`,
    code,
    verifier,
    close() {
      timer.cancel();
      signal.removeEventListener('abort', interrupted);
      listener.close();
      listener.closeIdleConnections();
    },
  };
}

function page(text: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sallyport</title><p>${text}</p></html>`;
}

function isEqual(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(a!, b!);
}

/** What opens a page here: `BROWSER` where it is set, the desktop's own way otherwise; null where there is no desktop. */
export function browserProgram(env: CliIo['env'], platform = process.platform): readonly string[] | null {
  const named = env['BROWSER'];
  if (named !== undefined && named !== '') return [named];
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  const hasDesktop = Boolean(env['DISPLAY']) || Boolean(env['WAYLAND_DISPLAY']);
  // In a session from elsewhere a browser here is in front of nobody.
  return hasDesktop && !env['SSH_CONNECTION'] ? ['xdg-open'] : null;
}

/** Opens a page, and does not wait for the browser to end. False where nothing could be started. */
export async function openPage(program: readonly string[], link: string, env: CliIo['env']): Promise<boolean> {
  const [name, ...args] = program;
  const child: ChildProcess = spawn(name!, [...args, link], { stdio: 'ignore', detached: true, env: { ...env } });
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
