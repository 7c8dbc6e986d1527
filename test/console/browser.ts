/**
 * The console in a real Chromium (Debian's), signed on as somebody: for tests, and for looking at pages.
 *
 * Invariants: a page that logs an error, breaks the content security policy or asks any other host is found (`problems`);
 * everything ends with `close`.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const executable = '/usr/bin/chromium';
export const hasChromium: boolean = existsSync(executable);

/** Widths of a desk and of a phone, in CSS pixels. */
export const desk = { width: 1440, height: 900 } as const;
export const phone = { width: 390, height: 844 } as const;

const deadlineMs = 30_000;

export interface ConsoleOptions {
  /** Where the gateway's console listens. */
  readonly url: string;
  readonly principal: string;
  readonly password: string;
  readonly theme?: 'light' | 'dark';
  readonly viewport?: { readonly width: number; readonly height: number };
  /** A folder whose files are shown in place of the gateway's own: to look at what was just built. `SALLYPORT_CONSOLE_FILES` says it too. */
  readonly files?: string;
}

export interface ConsoleBrowser {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong in it so far: errors, what the policy kept out, requests to elsewhere. */
  readonly problems: string[];
  /** Goes to an address and waits until it has what it shows. */
  go(path: string): Promise<void>;
  close(): Promise<void>;
}

let shared: Promise<Browser> | null = null;

async function browser(): Promise<Browser> {
  shared ??= chromium.launch({
    executablePath: executable,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
      ...['--disable-background-networking', '--disable-component-update', '--ignore-certificate-errors'],
    ],
  });
  return shared;
}

/** Ends the browser that all consoles of this process share. */
export async function closeBrowser(): Promise<void> {
  const open = shared;
  shared = null;
  await (await open)?.close();
}

export async function openConsole(options: ConsoleOptions): Promise<ConsoleBrowser> {
  const {
    url,
    principal,
    password,
    theme = 'light',
    viewport = desk,
    files = process.env['SALLYPORT_CONSOLE_FILES'],
  } = options;
  const context = await (await browser()).newContext({
    baseURL: url,
    viewport,
    colorScheme: theme,
    reducedMotion: 'reduce',
    ignoreHTTPSErrors: true,
    hasTouch: viewport.width < 600,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(deadlineMs);
  const signedOn = await context.request.post('/api/v1/web-session', {
    data: { principal, password },
    headers: { origin: url },
  });
  if (!signedOn.ok()) throw new Error(`signing on as ${principal}: ${signedOn.status()} ${await signedOn.text()}`);
  if (files !== undefined) await serveFrom(context, files);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    // A refusal by the API is an answer like another; the browser logs it all the same.
    if (!/Failed to load resource: the server responded/.test(message.text()))
      problems.push(`${message.text()} (${message.location().url}:${message.location().lineNumber})`);
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && protocol !== 'blob:') problems.push(`asked ${request.url()}`);
  });
  return {
    page,
    context,
    problems,
    async go(path) {
      await page.goto(path);
      await page.locator('#main').waitFor();
      // By a locator: the policy allows no eval in the page, which waiting for a function takes.
      await page.locator('[role=status][aria-label^="Loading"]').first().waitFor({ state: 'detached' });
    },
    close: () => context.close(),
  };
}

const mediaTypes: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.html': 'text/html',
};

/** As the gateway would, with its headers: the files of `folder` instead of its own. */
async function serveFrom(context: BrowserContext, folder: string): Promise<void> {
  await context.route('**/*', async (route) => {
    const { pathname } = new URL(route.request().url());
    if (/^\/(?:api|sign-on|scim)\//.test(pathname)) return route.continue();
    const extension = extname(pathname);
    const file = join(folder, extension === '' ? 'index.html' : pathname);
    if (!existsSync(file)) return route.continue();
    const policy =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    return route.fulfill({
      body: await readFile(file),
      contentType: mediaTypes[extension] ?? 'text/html',
      headers: { 'content-security-policy': policy },
    });
  });
}
