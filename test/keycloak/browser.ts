/**
 * As much of a browser as the gateway's pages and Keycloak's need: redirections, forms, and cookies by origin and path.
 *
 * Deliberately absent: scripts, frames, and refusing cookies as a browser does (`Secure` on a loopback address is taken).
 */
import { type Form, formOf } from '../servers/saml.ts';

export type Way = { readonly url: string } | Form;

/** A page, and where it stood. */
export interface Shown {
  readonly url: string;
  readonly status: number;
  readonly text: string;
}

interface Cookie {
  readonly path: string;
  readonly value: string;
}

const stepsMax = 30;

export class Browser {
  readonly username: string;
  readonly password: string;
  /** How often a page asked for the password. */
  typed = 0;
  /** By origin, then by name. */
  readonly #cookies = new Map<string, Map<string, Cookie>>();

  constructor(username: string, password: string) {
    this.username = username;
    this.password = password;
  }

  /** The value of a cookie. */
  cookie(origin: string, name: string): string | null {
    return this.#cookies.get(origin)?.get(name)?.value ?? null;
  }

  /** One request, without following anything. `from` is the address of the page that made it. */
  async open(way: Way, from: string | null = null, init: RequestInit = {}): Promise<Response> {
    const url = new URL('url' in way ? way.url : way.action);
    const posted: RequestInit = 'url' in way ? {} : { method: 'POST', body: new URLSearchParams({ ...way.fields }) };
    const answer = await fetch(url, {
      ...posted,
      ...init,
      redirect: 'manual',
      headers: {
        cookie: this.#cookiesFor(url),
        'sec-fetch-site': siteOf(url, from),
        ...('url' in way || from === null ? {} : { origin: new URL(from).origin }),
        ...(init.headers as Record<string, string>),
      },
    });
    for (const line of answer.headers.getSetCookie()) this.#take(url, line);
    return answer;
  }

  /** A call of a script on a page of that origin. */
  call(url: string, init: RequestInit = {}): Promise<Response> {
    return this.open({ url }, url, { ...init, headers: { origin: new URL(url).origin, ...(init.headers as object) } });
  }

  /**
   * Goes on and on, through redirections and forms, signing on where it is asked to and agreeing to everything, until the way
   * leads to an address that begins with `until` (which is not gone), or to a page that leads nowhere.
   */
  async follow(start: Way, until: string | null = null): Promise<{ readonly way: Way; readonly shown: Shown | null }> {
    let way = start;
    let from: string | null = null;
    for (let steps = 0; steps < stepsMax; steps++) {
      const url = 'url' in way ? way.url : way.action;
      if (until !== null && steps > 0 && url.startsWith(until)) return { way, shown: null };
      const answer = await this.open(way, from);
      const text = await answer.text();
      from = url;
      const location = answer.headers.get('location');
      if (location !== null) {
        way = { url: new URL(location, url).href };
        continue;
      }
      const next = /<form\b/.test(text) ? this.#filled(text, url) : null;
      if (next === null) return { way, shown: { url, status: answer.status, text } };
      way = next;
    }
    throw new Error('the pages go in circles');
  }

  /** The same, where it must end at `until`: the way there. */
  async reach(start: Way, until: string): Promise<Way> {
    const { way, shown } = await this.follow(start, until);
    if (shown !== null) throw new Error(`it ends at ${shown.url}: ${shown.status} ${textOf(shown.text)}`);
    return way;
  }

  #filled(page: string, url: string): Form {
    const { action, fields } = formOf(page, url);
    const has = (name: string): boolean => page.includes(`name="${name}"`);
    if (has('password')) {
      this.typed += 1;
      if (page.includes('Invalid username or password') || page.includes('Account is disabled')) {
        throw new Error(`${this.username} is not signed on: ${textOf(page)}`);
      }
    }
    return {
      action,
      fields: {
        ...fields,
        ...(has('username') ? { username: this.username } : {}),
        ...(has('password') ? { password: this.password } : {}),
        ...(has('accept') ? { accept: 'Yes' } : {}),
        ...(has('confirmLogout') ? { confirmLogout: 'Logout' } : {}),
      },
    };
  }

  #cookiesFor(url: URL): string {
    return [...(this.#cookies.get(url.origin) ?? [])]
      .filter(([, { path }]) => url.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
  }

  #take(url: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    const attribute = (wanted: string): string | null =>
      attributes.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1) ?? null;
    const kept = this.#cookies.get(url.origin) ?? new Map<string, Cookie>();
    this.#cookies.set(url.origin, kept);
    const isOver = value === '' || value === '""' || attribute('max-age') === '0';
    if (isOver) kept.delete(name);
    else kept.set(name, { value, path: attribute('path') ?? '/' });
  }
}

function siteOf(url: URL, from: string | null): string {
  if (from === null) return 'none';
  return new URL(from).origin === url.origin ? 'same-origin' : 'cross-site';
}

/** Of a page, what a person reads. */
export function textOf(page: string): string {
  const body = page.replace(/<(script|style|head)\b[\s\S]*?<\/\1>/g, ' ').replace(/<[^>]*>/g, ' ');
  return body.replace(/\s+/g, ' ').trim().slice(0, 500);
}
