/**
 * The gateway's token endpoint as RFC 8693 has it: a form goes there, JSON comes back.
 *
 * Invariant: the tokens stand in the body alone, and nothing of them in an error.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { z } from 'zod';
import { routes } from '../api/contract/index.ts';
import type { Api } from './api.ts';
import { cliError } from './errors.ts';
import { requestDeadlineMs, tokenAnswerBytesMax } from './limits.ts';

const success = z.object({ access_token: z.string(), expires_in: z.number(), scope: z.string().optional() });
const failure = z.object({ error: z.string(), error_description: z.string().default('') });

export interface GivenToken {
  readonly token: string;
  readonly expiresInSeconds: number;
  /** As `resource:NAME`, separated by spaces; null where it is good for all. */
  readonly scope: string | null;
}

/** Throws `cli.no-token` where it is refused. */
export async function exchangeToken(
  { server, ca }: Pick<Api, 'server' | 'ca'>,
  fields: readonly (readonly [name: string, value: string])[],
  signal: AbortSignal,
): Promise<GivenToken> {
  const url = new URL(routes.exchangeToken.path, server);
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
  const form = new URLSearchParams();
  for (const [name, value] of fields) form.append(name, value);
  const body = form.toString();
  const { status, text } = await fetchText(url, { method: 'POST', headers, body, ca, signal });
  const said = parseJson(text);
  const given = status === 200 ? success.safeParse(said) : null;
  if (given?.success === true) {
    const { access_token: token, expires_in: expiresInSeconds, scope = null } = given.data;
    return { token, expiresInSeconds, scope };
  }
  const refused = failure.safeParse(said);
  const why = refused.success ? `${refused.data.error}: ${refused.data.error_description}` : `it answers ${status}`;
  throw cliError('cli.no-token', { server: server.origin, why });
}

export interface TextRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly ca?: string | null;
  readonly signal: AbortSignal;
}

/** An answer as text, bounded in size and time. No redirection is followed: a token goes where it was meant to. */
export function fetchText(url: URL, order: TextRequest): Promise<{ readonly status: number; readonly text: string }> {
  const { method, headers, body, ca = null } = order;
  const isSecure = url.protocol === 'https:';
  const signal = AbortSignal.any([order.signal, AbortSignal.timeout(requestDeadlineMs)]);
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(
        order.signal.aborted
          ? order.signal.reason
          : cliError('cli.no-token', { server: url.origin, why: codeOf(error) }, error),
      );
    const asked = (isSecure ? httpsRequest : httpRequest)(
      url,
      { method, headers, signal, ...(isSecure && ca !== null ? { ca } : {}) },
      (answer) => {
        const parts: Buffer[] = [];
        let length = 0;
        answer.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > tokenAnswerBytesMax) answer.destroy(new Error('the answer is too long'));
          else parts.push(chunk);
        });
        answer.on('error', fail);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
        );
      },
    );
    asked.on('error', fail);
    asked.end(body);
  });
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'it does not answer';
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
