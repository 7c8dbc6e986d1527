/**
 * One HTTP exchange with somebody whose addresses were looked at before (A-API-04): what every room that asks others over HTTP has in
 * common.
 *
 * Invariants: the connection goes to one of `addresses`; nothing is redirected, no proxy of the environment is used, certificates are
 * verified by TLS 1.2 at least; head and body of the answer are bounded; the signal ends everything.
 *
 * Deliberately absent: which URLs and addresses are allowed, deadlines, trying again, and words for people: the caller's.
 */
import { type IncomingHttpHeaders, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { pinnedTo, type ResolvedAddress } from './addresses.ts';

export interface ExchangeRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: none. */
  readonly body: Uint8Array | null;
  /** Authorities to trust instead of the system's, in PEM. */
  readonly ca?: string | undefined;
  readonly headBytesMax: number;
  readonly answerBytesMax: number;
  readonly signal: AbortSignal;
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Why there is no answer. `cause` is Node's own error of `no-answer`; it names the address and the reason, never what was sent. */
export class ExchangeError extends Error {
  readonly problem: 'no-answer' | 'too-long' | 'broken-off';

  constructor(problem: ExchangeError['problem'], cause?: Error) {
    super(problem, { cause });
    this.problem = problem;
  }
}

/** Rejects with `ExchangeError` alone. */
export function exchange(
  url: URL,
  addresses: readonly ResolvedAddress[],
  { method, headers, body, ca, headBytesMax, answerBytesMax, signal }: ExchangeRequest,
): Promise<ExchangeAnswer> {
  const options = {
    method,
    headers: { ...headers, ...(body === null ? {} : { 'content-length': body.length }) },
    lookup: pinnedTo(addresses),
    // An agent of Node's own would read proxies from the environment.
    agent: false as const,
    maxHeaderSize: headBytesMax,
    insecureHTTPParser: false,
    signal,
  };
  return new Promise((resolve, reject) => {
    const outgoing =
      url.protocol === 'https:'
        ? requestTls(url, { ...options, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) })
        : requestPlain(url, options);
    const fail = (error: Error): void => reject(new ExchangeError('no-answer', error));
    outgoing.on('error', fail);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', fail);
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes <= answerBytesMax) return;
        reject(new ExchangeError('too-long'));
        response.destroy();
      });
      response.on('close', () => reject(new ExchangeError('broken-off')));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    outgoing.end(body ?? undefined);
  });
}
