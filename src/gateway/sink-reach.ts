/**
 * How sinks reach their targets: the only requests and connections that are made for them (A-API-04).
 *
 * Invariants:
 * - A name is resolved once for each connection, every address is looked at, and the connection goes to one that was. Addresses that
 *   are not public only where the sink says `private`; requests in clear text only then.
 * - Nothing is redirected, no proxy of the environment is used, answers are bounded, and the caller's signal ends everything.
 * - Certificates are verified, against the system's authorities or those of the sink, by TLS 1.2 at least.
 * - What is sent, and what comes back, is in no error.
 *
 * Deliberately absent: trying again, deadlines of its own (the runner has them), what is sent.
 */
import { readFile } from 'node:fs/promises';
import { createConnection, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import { type SinkConnection, type SinkRequest, sinkProblem } from '../audit/index.ts';
import { pinnedTo, type ResolvedAddress, resolveAllAllowed } from '../base/addresses.ts';
import { ExchangeError, exchange } from '../base/exchange.ts';

/** Longest answer that is read: what a bulk request of a whole batch answers. Bytes. */
export const sinkAnswerBytesMax = 8 * 1024 * 1024;

/** Longest head of an answer. Bytes. */
const answerHeadBytesMax = 16 * 1024;

export interface SinkReach {
  fetch(url: string, init: SinkRequest): Promise<{ readonly status: number; readonly body: string }>;
  connect(target: SinkConnection): Promise<Socket>;
}

/** `isPrivate`: the sink's target may lie inside a private network. */
export function sinkReach(isPrivate: boolean): SinkReach {
  return {
    async fetch(text, init) {
      const url = allowedUrl(text, isPrivate);
      const addresses = await allowed(url.hostname, isPrivate);
      return send(url, addresses, await pemOf(init.ca), init);
    },
    async connect(target) {
      const { host, port, tls, signal } = target;
      const addresses = await allowed(host, isPrivate);
      signal.throwIfAborted();
      const options = { host, port, lookup: pinnedTo(addresses), signal };
      if (tls === null) return opened(createConnection(options), 'connect', signal);
      const [ca, certificate] = await Promise.all([pemOf(tls.ca), pemOf(tls.certificate)]);
      const serverName = tls.serverName ?? host;
      const socket = connectTls({
        ...options,
        minVersion: 'TLSv1.2',
        // An address is verified as one, and is no name to ask for (RFC 6066, section 3).
        ...(isIP(serverName) === 0 ? { servername: serverName } : { servername: '' }),
        checkServerIdentity: (_name, peer) => checkServerIdentity(serverName, peer),
        ...(ca === undefined ? {} : { ca }),
        ...(certificate === undefined ? {} : { cert: certificate }),
        ...(tls.key === undefined ? {} : { key: tls.key }),
      });
      return opened(socket, 'secureConnect', signal);
    },
  };
}

function allowedUrl(text: string, isPrivate: boolean): URL {
  if (!URL.canParse(text)) throw sinkProblem('its URL is none');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw sinkProblem('its URL holds a login');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isPrivate)) {
    throw sinkProblem('its URL is not https; http only with private: true');
  }
  return url;
}

async function allowed(host: string, isPrivate: boolean): Promise<readonly ResolvedAddress[]> {
  const found = await resolveAllAllowed(host, isPrivate).catch((error: unknown) => {
    throw sinkProblem(`its host cannot be resolved: ${codeOf(error)}`, error);
  });
  if (found !== null) return found;
  throw sinkProblem('its host has an address that is not public; private: true where that is meant');
}

/** PEM as it is, or as it stands in the file now. */
async function pemOf(text: string | undefined): Promise<string | undefined> {
  if (text === undefined || !text.startsWith('file:')) return text;
  return readFile(text.slice('file:'.length), 'utf8').catch((error: unknown) => {
    throw sinkProblem(`a file of certificates cannot be read: ${codeOf(error)}`, error);
  });
}

function opened<S extends Socket>(socket: S, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<S> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      socket.destroy();
      reject(sinkProblem(`cannot connect: ${codeOf(error)}`, error));
    };
    const abort = (): void => fail(signal.reason);
    const settle = (): void => signal.removeEventListener('abort', abort);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', (error) => {
      settle();
      fail(error);
    });
    socket.once(event, () => {
      settle();
      socket.removeAllListeners('error');
      // Whoever takes it listens at once; until then an error must not end the process.
      socket.on('error', () => undefined);
      socket.setKeepAlive(true, 30_000);
      resolve(socket);
    });
  });
}

async function send(
  url: URL,
  addresses: readonly ResolvedAddress[],
  ca: string | undefined,
  { method, headers, body, signal }: SinkRequest,
): Promise<{ readonly status: number; readonly body: string }> {
  try {
    const answer = await exchange(url, addresses, {
      method,
      headers: { 'user-agent': 'Sallyport', ...headers },
      body: typeof body === 'string' ? Buffer.from(body) : body,
      ca,
      headBytesMax: answerHeadBytesMax,
      answerBytesMax: sinkAnswerBytesMax,
      signal,
    });
    return { status: answer.status, body: answer.body.toString('utf8') };
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    if (error.problem === 'too-long') throw sinkProblem(`its answer is longer than ${sinkAnswerBytesMax} bytes`);
    if (error.problem === 'broken-off') throw sinkProblem('it broke off its answer');
    throw sinkProblem(`no answer: ${codeOf(error.cause)}`, error.cause);
  }
}

/** `ECONNREFUSED`, `CERT_HAS_EXPIRED` and their like say enough, and nothing of what was sent. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' && error.code !== 'ABORT_ERR' ? error.code : error.message;
}
