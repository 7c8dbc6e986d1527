/**
 * A real Chromium, headless, driven over its debugging protocol: as much as tests of pages need.
 *
 * It trusts whatever has one of `spkiHashes` as its key; names are then not checked by it (origins.test.ts has them
 * checked by other programs). Chrome DevTools Protocol: Target, Page, Runtime, Network, Storage.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

export const hasChromium = program !== undefined;

const startDeadlineMs = 30_000;
const pageDeadlineMs = 20_000;

export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  readonly path: string;
  readonly httpOnly: boolean;
  readonly secure: boolean;
  readonly sameSite?: string;
}

interface Answer {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
  readonly method?: string;
  readonly params?: Record<string, unknown>;
}

export class Chromium {
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #session = '';
  #next = 1;
  /** What pages logged, errors above all: content security policy, for one. */
  readonly logged: string[] = [];

  private constructor(child: ChildProcess, directory: string, socket: WebSocket) {
    this.#child = child;
    this.#directory = directory;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer;
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
      if (answer.method === 'Log.entryAdded' || answer.method === 'Runtime.exceptionThrown') {
        this.logged.push(JSON.stringify(answer.params));
      }
    });
  }

  static async start(spkiHashes: readonly string[]): Promise<Chromium> {
    const directory = await mkdtemp(join(tmpdir(), 'sallyport-chromium-'));
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-dev-shm-usage'];
    const trust = `--ignore-certificate-errors-spki-list=${spkiHashes.join(',')}`;
    const child = spawn(
      program!,
      [...flags, trust, '--remote-debugging-port=0', `--user-data-dir=${directory}`, 'about:blank'],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: directory } },
    );
    const url = await new Promise<string>((resolve, reject) => {
      let said = '';
      const timer = setTimeout(() => reject(new Error(`Chromium did not start: ${said}`)), startDeadlineMs);
      child.stderr!.on('data', (chunk: Buffer) => {
        said += chunk.toString('utf8');
        const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      });
    });
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    const browser = new Chromium(child, directory, socket);
    await browser.newPage();
    return browser;
  }

  /** A page of its own, with cookies of its own. */
  async newPage(): Promise<void> {
    const { browserContextId } = await this.#send('Target.createBrowserContext', {}, false);
    const { targetId } = await this.#send('Target.createTarget', { url: 'about:blank', browserContextId }, false);
    const { sessionId } = await this.#send('Target.attachToTarget', { targetId, flatten: true }, false);
    this.#session = String(sessionId);
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await this.#send(`${domain}.enable`);
  }

  async open(url: string): Promise<void> {
    await this.#send('Page.navigate', { url });
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  /** Waits until an expression is true in whichever page there is then. */
  async until(expression: string, deadlineMs = pageDeadlineMs): Promise<void> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      // While a page is being left, there is none to ask.
      if (await this.evaluate<boolean>(`Boolean(${expression})`).catch(() => false)) return;
      if (performance.now() > end) {
        const seen = await this.evaluate<string>('location.href + "\\n" + document.body.innerText').catch(String);
        throw new Error(`not in time: ${expression}; the page is ${seen}; it logged ${this.logged.join('\n')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  /** Types into a field as a form's script sees it, and sends the form. */
  async fill(form: string, values: Readonly<Record<string, string>>): Promise<void> {
    await this.evaluate(`(() => {
      const form = document.querySelector(${JSON.stringify(form)});
      for (const [name, value] of Object.entries(${JSON.stringify(values)})) form.elements.namedItem(name).value = value;
      form.requestSubmit();
    })()`);
  }

  /** Also those that scripts cannot see. */
  async cookies(url: string): Promise<readonly Cookie[]> {
    const { cookies } = await this.#send('Network.getCookies', { urls: [url] });
    return cookies as readonly Cookie[];
  }

  async setCookie(cookie: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#send('Network.setCookie', cookie);
  }

  /** Any other command of the debugging protocol, to the page. */
  command(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    return this.#send(method, params);
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    await this.#send('Browser.close', {}, false).catch(() => undefined);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(timer);
    this.#socket.close();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #send(method: string, params: Record<string, unknown> = {}, ofPage = true): Promise<Record<string, unknown>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${method}`)), pageDeadlineMs);
      this.#waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
      this.#socket.send(JSON.stringify({ id, method, params, ...(ofPage ? { sessionId: this.#session } : {}) }));
    });
  }
}
