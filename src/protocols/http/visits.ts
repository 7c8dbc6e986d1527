/**
 * A browser's sign-on at the origin of a resource: the way to the console and back, and the cookie that stands for it.
 *
 *     GET / ─► 303 console (nonce in a cookie of this origin) ─► sign-on there ─► GET /.sallyport/visit?code=…
 *           ─► redeemed with the nonce ─► cookie of the visit, 303 to where it began
 *
 * Invariants:
 * - Paths below `/.sallyport/` are the gateway's on every origin; none of them reaches a target.
 * - Cookies are for this host alone, unreadable for scripts, and never passed on (fields.ts).
 * - Only navigations are sent to the console: a program hears 401.
 *
 * Deliberately absent: codes and their digests (identity), the console's page (web).
 */
import { randomBytes } from 'node:crypto';
import { isGatewayError } from '../../base/errors.ts';
import type { Door } from '../../core/protocol.ts';
import { type Answer, escapeHtml, ownAnswerFields, page, refusalOf, render } from './answers.ts';
import type { RequestHead } from './client.ts';
import { httpErrors } from './errors.ts';
import { type Field, firstOf, valuesOf } from './fields.ts';
import type { Origin } from './origin.ts';

export const ownPathPrefix = '/.sallyport/';
const visitPath = '/.sallyport/visit';
const signOffPath = '/.sallyport/sign-off';

/** Seconds for which the way to the console and back may take: a password, and a second factor. */
const nonceSeconds = 600;

/** 32 bytes in base64url. */
const nonceForm = /^[A-Za-z0-9_-]{43}$/;

const cookieNames = {
  https: { visit: '__Host-sallyport', nonce: '__Host-sallyport-nonce' },
  // Without TLS (a demonstration on localhost) browsers take no cookie with the prefix.
  http: { visit: 'sallyport', nonce: 'sallyport-nonce' },
} as const;

/**
 * The secret of the visit that the cookie stands for, or null. Two such cookies are none.
 *
 * Over TLS the name without the prefix counts for nothing: another origin of the same domain could set it, and so have a
 * browser go on as somebody else (A-HTTP-09).
 */
export function visitSecretOf(fields: readonly Field[], scheme: 'http' | 'https'): string | null {
  return cookieOf(fields, cookieNames[scheme].visit);
}

function cookieOf(fields: readonly Field[], name: string): string | null {
  const [value, ...more] = cookiesOf(fields, name);
  return value === undefined || value === '' || more.length > 0 ? null : value;
}

function cookiesOf(fields: readonly Field[], name: string): string[] {
  return valuesOf(fields, 'cookie')
    .flatMap((value) => value.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

/** Whether a person looks at what comes back: a navigation of a browser, in a page of its own. */
export function isNavigation({ method, fields }: RequestHead): boolean {
  if ((method !== 'GET' && method !== 'HEAD') || firstOf(fields, 'upgrade') !== null) return false;
  const mode = firstOf(fields, 'sec-fetch-mode');
  const destination = firstOf(fields, 'sec-fetch-dest');
  return (
    (mode === null || mode === 'navigate') &&
    (destination === null || destination === 'document') &&
    /\btext\/html\b/i.test(firstOf(fields, 'accept') ?? '')
  );
}

export class Visits {
  readonly #door: Door;
  readonly #scheme: 'http' | 'https';

  constructor(door: Door, scheme: 'http' | 'https') {
    this.#door = door;
    this.#scheme = scheme;
  }

  /**
   * Sends the browser to the console. A nonce that it has already stays, so that two pages may sign on side by side.
   * `refused`: the cookie that came stands for nobody, and is taken back.
   */
  begin(head: RequestHead, origin: Origin, refused: boolean): Answer {
    const held = cookieOf(head.fields, cookieNames[this.#scheme].nonce);
    const nonce = held !== null && nonceForm.test(held) ? held : randomBytes(32).toString('base64url');
    const { resource, domain } = origin;
    const link = this.#door.visitLink({ resource, domain, returnTo: head.target, nonce });
    const stale = refused && cookiesOf(head.fields, cookieNames[this.#scheme].visit).length > 0;
    return redirect(link, [
      this.#cookie('nonce', nonce, nonceSeconds),
      ...(stale ? [this.#cookie('visit', '', 0)] : []),
    ]);
  }

  /** Answers a path of the gateway's own; `target` begins with `ownPathPrefix`. */
  async answer(head: RequestHead, origin: Origin): Promise<Answer> {
    const url = new URL(head.target, 'http://origin.invalid');
    if (url.pathname === visitPath && head.method === 'GET') {
      return this.#redeem(head, origin, url.searchParams.get('code') ?? '');
    }
    if (url.pathname === signOffPath && head.method === 'GET') return this.#askSignOff(origin);
    if (url.pathname === signOffPath && head.method === 'POST') return this.#signOff(head, origin);
    const detail = 'The gateway has no such page here.';
    return render({ status: 404, code: 'not-found', detail }, head.fields);
  }

  async #redeem(head: RequestHead, origin: Origin, code: string): Promise<Answer> {
    const nonce = cookieOf(head.fields, cookieNames[this.#scheme].nonce);
    try {
      const visit = await this.#door.redeemVisit(code, nonce ?? '', origin.resource);
      const seconds = Math.max(0, Math.floor((visit.expiresAtMs - this.#door.clock.now()) / 1000));
      const path = /^\/(?!\/|\\)/.test(visit.returnTo) ? visit.returnTo : '/';
      return redirect(path, [this.#cookie('visit', visit.secret, seconds), this.#cookie('nonce', '', 0)]);
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      const detail = 'This sign-on is no longer valid. Open the page again.';
      const { status } = refusalOf(error);
      const refusal = {
        status: status === 401 ? 403 : status,
        code: error.code,
        detail,
        title: 'Sign on again',
        back: true,
      };
      return render(refusal, head.fields);
    }
  }

  /** By a form, so that a link or an image signs nobody off. */
  #askSignOff(origin: Origin): Answer {
    const resource = escapeHtml(origin.resource);
    const content = `<p>This ends your sign-on at <b>${resource}</b> and at the console, with all that came of it.</p>
<form method="post"><button>Sign off</button></form>`;
    return page(200, 'Sign off', content);
  }

  async #signOff(head: RequestHead, origin: Origin): Promise<Answer> {
    if (!isOwnDoing(head, this.#scheme, origin)) throw httpErrors('http.cross-site');
    const secret = visitSecretOf(head.fields, this.#scheme);
    if (secret !== null) await this.#door.endVisit(secret, origin.resource);
    return page(200, 'Signed off', '<p>You are signed off.</p><p><a href="/">Sign on again</a></p>', [
      this.#cookie('visit', '', 0),
      // What the target let the browser keep was for whoever was signed on.
      ['Clear-Site-Data', '"cache"'],
    ]);
  }

  #cookie(name: 'visit' | 'nonce', value: string, seconds: number): Field {
    const secure = this.#scheme === 'https' ? '; Secure' : '';
    const cookie = cookieNames[this.#scheme][name];
    return ['Set-Cookie', `${cookie}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${secure}`];
  }
}

/**
 * Whether a page of the origin itself asked for what changes something. `Sec-Fetch-Site` says so where a browser sends it;
 * `Origin` is `null` then where the page wants no referrer, so it is asked only of browsers that do not.
 */
export function isOwnDoing({ fields }: RequestHead, scheme: 'http' | 'https', { authority }: Origin): boolean {
  const site = firstOf(fields, 'sec-fetch-site');
  if (site !== null) return site === 'same-origin';
  return firstOf(fields, 'origin')?.toLowerCase() === `${scheme}://${authority}`;
}

function redirect(to: string, fields: readonly Field[]): Answer {
  const all: Field[] = [['Location', to], ['Content-Length', '0'], ...ownAnswerFields, ...fields];
  return { status: 303, fields: all, body: Buffer.alloc(0), trailers: [] };
}
