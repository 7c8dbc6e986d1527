/**
 * What an ACME server finds when it looks whether a name is ours: the certificate of a challenge at listeners with TLS
 * (RFC 8737), and a text at port 80 (RFC 8555, section 8.3).
 *
 * Invariants: only what is being proved at the moment is answered, by each gateway on the store, since nobody knows which of
 * them is asked; nothing here reaches a resource, or reads what a client sends beyond a name or a path. What is answered is
 * public: a token of the server's and a digest of the account's key.
 */
import { X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { createSecureContext } from 'node:tls';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { ServerIdentity } from '../base/wire.ts';
import type { AcmeConfig } from './acme-config.ts';
import type { Proof } from './acme-order.ts';
import { loadLibrary } from './acme-transport.ts';
import { gatewayErrors } from './errors.ts';
import * as limits from './limits.ts';

const pathPrefix = '/.well-known/acme-challenge/';

export class AcmeAnswers {
  readonly #config: AcmeConfig;
  #proofs: readonly Proof[] = [];
  #identities: ReadonlyMap<string, ServerIdentity> = new Map();
  #server: Server | null = null;

  constructor(config: AcmeConfig) {
    this.#config = config;
  }

  /** Something is being proved by TLS. */
  get isAsked(): boolean {
    return this.#identities.size > 0;
  }

  /** What to present for a name that is being proved; null for every other. */
  identityFor(serverName: string): ServerIdentity | null {
    return this.#identities.get(serverName.toLowerCase()) ?? null;
  }

  /** Answers these from here on, and nothing else. */
  async take(proofs: readonly Proof[]): Promise<void> {
    if (JSON.stringify(proofs) === JSON.stringify(this.#proofs)) return;
    this.#proofs = proofs;
    const identities = new Map<string, ServerIdentity>();
    if (this.#config.challenge === 'tls-alpn-01') {
      for (const proof of proofs) identities.set(proof.name.toLowerCase(), await identityOf(proof));
    }
    // Another call may have been faster.
    if (this.#proofs === proofs) this.#identities = identities;
  }

  /** Listens where HTTP-01 is asked; for any other challenge it need not. Rejects with `gateway.port-in-use`. */
  async listen(log: Log): Promise<{ readonly port: number } | null> {
    if (this.#config.challenge !== 'http-01') return null;
    const { host, port } = this.#config.http;
    const server = createServer({ maxHeaderSize: 8192, keepAlive: false, insecureHTTPParser: false });
    this.#server = server;
    server.maxConnections = limits.acmeHttpConnectionsMax;
    server.requestTimeout = limits.acmeHttpDeadlineMs;
    server.headersTimeout = limits.acmeHttpDeadlineMs;
    server.timeout = limits.acmeHttpDeadlineMs;
    server.on('request', (request, response) => {
      const found = request.method === 'GET' ? this.#textFor(request.url ?? '') : null;
      const body = found ?? 'Nothing is proved here at the moment.\n';
      response.writeHead(found === null ? 404 : 200, {
        'Content-Type': found === null ? 'text/plain; charset=utf-8' : 'application/octet-stream',
        'Content-Length': Buffer.byteLength(body),
        Connection: 'close',
      });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => reject(refusal(cause, host, port)));
      server.listen({ host, port }, resolve);
    });
    server.on('error', (error) => log.error('accepting failed', { protocol: 'acme', detail: describeError(error) }));
    const address = server.address();
    return { port: typeof address === 'object' && address !== null ? address.port : port };
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.#identities = new Map();
    this.#proofs = [];
    if (server?.listening !== true) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  #textFor(path: string): string | null {
    if (!path.startsWith(pathPrefix)) return null;
    const token = path.slice(pathPrefix.length);
    return this.#proofs.find((proof) => proof.token === token)?.value ?? null;
  }
}

async function identityOf({ name, value }: Proof): Promise<ServerIdentity> {
  const { crypto } = await loadLibrary();
  const key = await crypto.createPrivateEcdsaKey('P-256');
  const authorization = { identifier: { type: 'dns', value: name } } as Parameters<
    typeof crypto.createAlpnCertificate
  >[0];
  const [, certificate] = await crypto.createAlpnCertificate(authorization, value, key);
  return {
    secureContext: createSecureContext({ cert: certificate, key, minVersion: 'TLSv1.2' }),
    certificate: new X509Certificate(certificate).raw,
  };
}

function refusal(cause: NodeJS.ErrnoException, host: string, port: number): Error {
  if (cause.code === 'EADDRINUSE') return gatewayErrors('gateway.port-in-use', { cause, values: { port, host } });
  const problem =
    cause.code === 'EACCES'
      ? `acme.http: this account may not listen at port ${port}: let it (CAP_NET_BIND_SERVICE), or choose another and have port 80 led there`
      : `acme.http: ${host}:${port} cannot be listened at (${cause.code ?? 'unknown'})`;
  return gatewayErrors('gateway.configuration', { cause, values: { problem } });
}
