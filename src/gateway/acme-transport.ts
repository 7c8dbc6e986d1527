/**
 * How the bytes of ACME travel. The library (acme-client) writes and signs requests and reads answers; it would send them by
 * axios, whose settings are of the whole process. Here each order has a way of its own:
 *
 * - https only, to public authorities or to the one that is configured; nothing is redirected, and no proxy is looked for in
 *   the environment. One deadline for each answer, and a limit to it.
 * - Nothing is tried again here: who orders says when (acme.ts). The library itself repeats only what a server refused for
 *   its nonce (RFC 8555, section 6.5).
 *
 * Deliberately absent: connections that are kept.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
// What the library makes requests with asks for this polyfill first.
import 'reflect-metadata';
import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import * as limits from './limits.ts';

type Library = typeof import('acme-client');

export interface TransportParts {
  /** Path of a PEM file; null: public authorities. */
  readonly ca: string | null;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What the library hands over, and takes back; the parts of it that are used. */
interface Asked {
  readonly url?: string;
  readonly method?: string;
  readonly data?: unknown;
  readonly headers: { toJSON?(): Record<string, unknown> };
}

export class AcmeTransport {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  /** PEM; null: whom Node trusts. */
  readonly #ca: string | null;
  /** What the last refusal asked for; null where it asked for nothing. */
  retryAfterMs: number | null = null;

  private constructor(parts: TransportParts, ca: string | null) {
    this.#clock = parts.clock;
    this.#signal = parts.signal;
    this.#ca = ca;
  }

  /** Rejects where the file of the authority cannot be read. */
  static async open(parts: TransportParts): Promise<AcmeTransport> {
    return new AcmeTransport(parts, parts.ca === null ? null : await readFile(parts.ca, 'utf8'));
  }

  /** Runs `work` with the library, which asks by this way for as long as it does. */
  async carry<T>(work: (library: Library) => Promise<T>): Promise<T> {
    const library = await loadLibrary();
    return ways.run(this, () => work(library));
  }

  /** One exchange. */
  async exchange(asked: Asked): Promise<{ status: number; headers: Record<string, string>; data: string }> {
    this.#signal.throwIfAborted();
    const answer = this.#exchange(asked);
    return withDeadline(answer, limits.acmeAnswerDeadlineMs, 'the ACME server', this.#clock, this.#signal);
  }

  #exchange(asked: Asked): Promise<{ status: number; headers: Record<string, string>; data: string }> {
    const url = new URL(asked.url ?? '');
    // Every other address comes from the answers of the server, which may not lead out of TLS.
    if (url.protocol !== 'https:') throw new Error(`the ACME server names an address that is not https`);
    const body = typeof asked.data === 'string' ? asked.data : null;
    const { 'User-Agent': _library, ...fields } = asked.headers.toJSON?.() ?? {};
    const headers: Record<string, string> = { 'User-Agent': 'sallyport' };
    for (const [name, value] of Object.entries(fields)) if (typeof value === 'string') headers[name] = value;
    if (body !== null) headers['Content-Length'] = String(Buffer.byteLength(body));
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(new Error(`${url.host} does not answer: ${error.message}`));
      const sent = request(url, {
        method: (asked.method ?? 'get').toUpperCase(),
        headers,
        agent: false,
        ...(this.#ca === null ? {} : { ca: this.#ca }),
        minVersion: 'TLSv1.2',
        signal: this.#signal,
      });
      // The signal breaks off an order; the deadline of one answer must not leave its connection open either.
      const timer = this.#clock.after(limits.acmeAnswerDeadlineMs, () => sent.destroy(new Error('no answer in time')));
      sent.on('error', fail);
      sent.on('close', () => timer.cancel());
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('error', fail);
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes > limits.acmeAnswerBytesMax) response.destroy(new Error('its answer is too long'));
        });
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          this.#heed(status, response.headers['retry-after']);
          const told = Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(', ')]);
          resolve({ status, headers: Object.fromEntries(told), data: Buffer.concat(chunks).toString('utf8') });
        });
      });
      sent.end(body ?? undefined);
    });
  }

  #heed(status: number, retryAfter: string | undefined): void {
    if (status !== 429 && status !== 503) return;
    const seconds = Number(retryAfter);
    const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(retryAfter ?? '') - this.#clock.now();
    this.retryAfterMs = ms > 0 ? Math.min(ms, limits.acmeRetryAfterMaxMs) : null;
  }
}

const ways = new AsyncLocalStorage<AcmeTransport>();
let loaded: Promise<Library> | null = null;

/** Only who uses ACME pays for the library. */
export function loadLibrary(): Promise<Library> {
  loaded ??= import('acme-client').then((library) => {
    const { axios } = library;
    // Its own are timers that nobody could cancel.
    const { acmeSettings } = axios.defaults as unknown as { acmeSettings: { retryMaxAttempts: number } };
    acmeSettings.retryMaxAttempts = 0;
    axios.defaults.adapter = async (asked) => {
      const way = ways.getStore();
      if (way === undefined) throw new Error('asked outside an order');
      const { status, headers, data } = await way.exchange(asked);
      return { status, statusText: '', headers, data, config: asked, request: null };
    };
    return library;
  });
  return loaded;
}
