/**
 * Tells the world of reviews: signed JSON, Slack and Teams messages, to endpoints that an operator configured.
 *
 * Invariants: nothing depends on a message; what cannot be sent is given up after a few tries and said in the log. Only
 * allowed hosts and addresses are reached, redirects are not followed, and what an endpoint answers is not read beyond its
 * status (A-API-04). Waiting messages and running requests are bounded; one slow endpoint delays only itself.
 *
 * Deliberately absent: taking answers (chat.ts), configuration's form.
 */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pinnedTo, type ResolvedAddress, resolveAllowed } from '../base/addresses.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { pause, withDeadline } from '../base/deadline.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import {
  type ChatButtons,
  type Review,
  type ReviewMessageType,
  type Step,
  signatureHeader,
  slackMessage,
  teamsCard,
  webhookPayload,
} from '../review/index.ts';

/** Messages that wait for one endpoint; beyond it new ones are dropped, and the log says so. */
const waitingMax = 1000;

/** Where Slack takes answers to presses. A request names the address, so nothing else is reached by it (A-API-04). */
const slackReplyHosts: readonly string[] = ['hooks.slack.com', 'hooks.slack-gov.com'];

/** How long one request may take, resolving included. Milliseconds. */
const requestDeadlineMs = 10_000;

/** Pauses before a message is tried again. Milliseconds. */
const retryPausesMs: readonly number[] = [1_000, 5_000, 30_000];

/** How long a message waits for what the target expects the command to touch: a little longer than that takes at most. */
const estimateWaitMs = 5_000;

/** How long closing waits for what is on its way. Milliseconds. */
const closeDeadlineMs = 2_000;

export interface WebhookEndpoint {
  readonly name: string;
  /** `https:`; `http:` only with `allowPrivate`. */
  readonly url: string;
  readonly format: 'json' | 'slack' | 'teams';
  /** Signs the body; asked for at each use. Null where the URL itself is the secret, as for Slack and Teams. */
  readonly secret: (() => Promise<string>) | null;
  /** The receiver stands in a private network, on purpose. */
  readonly allowPrivate: boolean;
}

export interface WebhookParts {
  readonly endpoints: readonly WebhookEndpoint[];
  /** Host names that may be reached at all, exactly. */
  readonly allowedHosts: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  readonly link: (review: string) => string;
  /** Buttons for Slack messages, where answers are taken (chat.ts). */
  readonly buttons?: (review: Review) => ChatButtons;
  /** Other than Slack's own, for tests. */
  readonly replies?: { readonly allowedHosts: readonly string[]; readonly allowPrivate: boolean };
}

export interface Webhooks {
  /** For the ledger's `onStep`. */
  onStep(step: Step): void;
  send(type: ReviewMessageType, review: Review): void;
  /** Answers a press of a button, at the address that Slack named in its request. */
  reply(url: string, message: object): void;
  /** Gives what is on its way a moment, and drops the rest. */
  close(): Promise<void>;
}

/** `sent`, `again` where another try may help, or `refused` where none will. */
type Attempt = { readonly outcome: 'sent' | 'again' | 'refused'; readonly why: string };

export function createWebhooks(parts: WebhookParts): Webhooks {
  const lanes = parts.endpoints.map((endpoint) => new Lane(endpoint, parts));
  const { allowedHosts = slackReplyHosts, allowPrivate = false } = parts.replies ?? {};
  const replies = new Lane(
    { name: 'replies to Slack', url: '', format: 'slack', secret: null, allowPrivate },
    { ...parts, allowedHosts },
  );
  const send = (type: ReviewMessageType, review: Review): void => {
    for (const lane of lanes) lane.push(type, review);
  };
  /** Requests that wait for the target's estimate, by review: a message is sent once and cannot be added to. */
  const waiting = new Map<string, { readonly review: Review; readonly timer: Timer }>();
  const release = (review: Review): void => {
    const held = waiting.get(review.id);
    if (held === undefined) return;
    waiting.delete(review.id);
    held.timer.cancel();
    send('review.requested', isEstimating(review) || review.state !== 'pending' ? held.review : review);
  };
  const wait = (review: Review): void => {
    const timer = parts.clock.after(estimateWaitMs, () => release(review));
    waiting.set(review.id, { review, timer });
  };
  return {
    send,
    reply: (url, message) => replies.post(url, 'a reply', () => JSON.stringify(message)),
    onStep: ({ review, events }) => {
      // Whatever comes next of a review, its request is told first.
      release(review);
      const type = messageTypeOf(events.map((event) => event.type));
      if (type === 'review.requested' && isEstimating(review) && waiting.size < waitingMax) wait(review);
      else if (type !== null) send(type, review);
    },
    close: async () => {
      for (const { review } of [...waiting.values()]) release(review);
      await Promise.all([replies, ...lanes].map((lane) => lane.close()));
    },
  };
}

function isEstimating({ subject }: Review): boolean {
  return subject.type === 'command' && subject.estimate === 'asked';
}

function messageTypeOf(types: readonly string[]): ReviewMessageType | null {
  if (types.includes('review.requested')) return 'review.requested';
  if (types.includes('review.decided')) return 'review.decided';
  if (types.includes('review.ended')) return 'review.ended';
  return types.includes('alert.raised') ? 'review.escalated' : null;
}

/** One endpoint's messages, one after another. */
class Lane {
  readonly #endpoint: WebhookEndpoint;
  readonly #parts: WebhookParts;
  readonly #waiting: { readonly url: string; readonly body: string }[] = [];
  readonly #abort = new AbortController();
  #running: Promise<void> | null = null;

  constructor(endpoint: WebhookEndpoint, parts: WebhookParts) {
    this.#endpoint = endpoint;
    this.#parts = parts;
  }

  push(type: ReviewMessageType, review: Review): void {
    this.post(this.#endpoint.url, review.id, () => this.#render(type, review));
  }

  post(url: string, review: string, render: () => string): void {
    const { log } = this.#parts;
    if (this.#abort.signal.aborted) return;
    if (this.#waiting.length >= waitingMax) {
      log.error('a message about a review was dropped: too many wait', {
        endpoint: this.#endpoint.name,
        review,
      });
      return;
    }
    this.#waiting.push({ url, body: render() });
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  async close(): Promise<void> {
    const running = this.#running;
    this.#waiting.length = 0;
    if (running === null) return this.#abort.abort();
    const late = this.#parts.clock.after(closeDeadlineMs, () => this.#abort.abort());
    await running;
    late.cancel();
    this.#abort.abort();
  }

  #render(type: ReviewMessageType, review: Review): string {
    const { link, clock, buttons } = this.#parts;
    const { format } = this.#endpoint;
    const url = link(review.id);
    if (format === 'slack') return JSON.stringify(slackMessage(review, url, buttons?.(review) ?? null));
    return JSON.stringify(format === 'teams' ? teamsCard(review, url) : webhookPayload(type, review, url, clock.now()));
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#deliver(next.url, next.body);
    }
  }

  async #deliver(url: string, body: string): Promise<void> {
    const { log } = this.#parts;
    const { signal } = this.#abort;
    for (let tries = 0; !signal.aborted; tries++) {
      const { outcome, why } = await this.#attempt(url, body);
      if (outcome === 'sent' || signal.aborted) return;
      const pauseMs = retryPausesMs[tries];
      if (outcome === 'refused' || pauseMs === undefined) {
        log.error('a message about a review could not be sent', {
          endpoint: this.#endpoint.name,
          tries: tries + 1,
          detail: why,
        });
        return;
      }
      await pause(this.#parts.clock, pauseMs, signal);
    }
  }

  async #attempt(url: string, body: string): Promise<Attempt> {
    const stop = new AbortController();
    try {
      const work = this.#request(url, body, stop.signal);
      return await withDeadline(work, requestDeadlineMs, 'a webhook', this.#parts.clock, this.#abort.signal);
    } catch (error) {
      return { outcome: 'again', why: describeError(error) };
    } finally {
      stop.abort();
    }
  }

  async #request(text: string, body: string, signal: AbortSignal): Promise<Attempt> {
    const { secret, allowPrivate } = this.#endpoint;
    const { allowedHosts, clock } = this.#parts;
    const refused = (why: string): Attempt => ({ outcome: 'refused', why });
    if (!URL.canParse(text)) return refused('its URL is none');
    const url = new URL(text);
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowPrivate))
      return refused('its URL is not https');
    if (url.username !== '' || url.password !== '') return refused('its URL holds a login');
    if (!allowedHosts.includes(url.hostname)) return refused('its host is not among those allowed');
    const address = await resolveAllowed(url.hostname, allowPrivate);
    if (address === null) return refused('its host has an address that is not allowed');
    const headers: Record<string, string> = { 'content-type': 'application/json', 'user-agent': 'Sallyport' };
    if (secret !== null) headers['sallyport-signature'] = signatureHeader(await secret(), body, clock.now());
    return attemptOf(await post(url, address, headers, body, signal));
  }
}

function attemptOf(status: number): Attempt {
  if (status >= 200 && status < 300) return { outcome: 'sent', why: '' };
  const isPassing = status >= 500 || status === 429 || status === 408;
  return { outcome: isPassing ? 'again' : 'refused', why: `it answered ${status}` };
}

/** The status of the answer; whatever follows it is not read. */
function post(
  url: URL,
  address: ResolvedAddress,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const outgoing = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      lookup: pinnedTo([address]),
      agent: false,
      signal,
    });
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => {
      resolve(answer.statusCode ?? 0);
      answer.destroy();
    });
    outgoing.end(body);
  });
}
