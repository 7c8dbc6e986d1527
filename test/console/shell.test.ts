/** The console's frame in a real Chromium: who may go where, no third party, no inline script, accessible, small. */
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConsoleBrowser, closeBrowser, hasChromium, phone } from './browser.ts';
import { type Stage, startStage } from './stage.ts';

/** Of compressed script, before anything can be seen. */
const firstLoadBytesMax = 250_000;

let stage: Stage;
const open: ConsoleBrowser[] = [];

beforeAll(async () => {
  if (hasChromium) stage = await startStage();
}, 180_000);
afterAll(async () => {
  for (const one of open) await one.close();
  await closeBrowser();
  await stage?.close();
}, 60_000);

async function as(...given: Parameters<Stage['open']>): Promise<ConsoleBrowser> {
  const opened = await stage.open(...given);
  open.push(opened);
  return opened;
}

test('the first load is small', () => {
  const dist = new URL('../../web/dist/', import.meta.url);
  const html = readFileSync(new URL('index.html', dist), 'utf8');
  // What the page names, and what that imports before anything else.
  const wanted = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map(([, path]) => path!);
  const seen = new Set<string>();
  for (let path = wanted.pop(); path !== undefined; path = wanted.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const text = readFileSync(new URL(path, dist), 'utf8');
    for (const [, name] of text.matchAll(/(?:from|^import|;import)\s*"\.\/([^"]+\.js)"/g))
      wanted.push(`assets/${name}`);
  }
  const bytes = [...seen].reduce(
    (sum, path) => sum + gzipSync(readFileSync(new URL(path, dist)), { level: 9 }).length,
    0,
  );
  expect(seen.size).toBeGreaterThan(0);
  expect(readdirSync(new URL('assets/', dist)).length).toBeGreaterThan(seen.size);
  expect(bytes).toBeLessThan(firstLoadBytesMax);
});

describe.runIf(hasChromium)('in a browser', () => {
  test('who is not signed on signs on, and comes back to where they were going', { timeout: 60_000 }, async () => {
    const { page, context } = await as('erin');
    await context.clearCookies();
    await page.goto(`${stage.url}/sessions?q=type%3Asession`);
    await page.waitForURL(/sign-on\.html/);
    await page.getByLabel('Principal').fill('erin');
    await page.getByLabel('Password').fill('a long enough password');
    await page.getByRole('button', { name: 'Sign on' }).click();
    await page.waitForURL(/\/sessions\?q=type(?::|%3A)session$/);
    await page.getByRole('navigation', { name: 'Console' }).waitFor();
  });

  test('A-ID-09: the way back leads nowhere else', { timeout: 60_000 }, async () => {
    const { page } = await as('erin');
    for (const to of ['https://evil.example/', '//evil.example/', '/\\evil.example/', 'javascript:alert(1)']) {
      await page.goto(`${stage.url}/sign-on.html?${new URLSearchParams({ returnTo: to })}`);
      await page.waitForURL((url) => url.pathname !== '/sign-on.html');
      expect(new URL(page.url()).origin).toBe(stage.url);
    }
  });

  test('members see their places, administrators theirs; keys lead there', { timeout: 60_000 }, async () => {
    const member = await as('erin');
    await member.go('/now');
    const places = member.page.getByRole('navigation', { name: 'Console' });
    expect(await places.getByRole('link', { name: 'Guardrails' }).count()).toBe(0);
    const admin = await as('admin');
    await admin.go('/now');
    await admin.page.getByRole('link', { name: 'Guardrails' }).waitFor();
    await admin.page.keyboard.press('g');
    await admin.page.keyboard.press('s');
    await admin.page.waitForURL(/\/sessions/);
    await admin.page.locator('#main').focus();
    await admin.page.keyboard.press('Control+k');
    await admin.page.getByRole('combobox', { name: 'Where to' }).fill('guardr');
    await admin.page.keyboard.press('Enter');
    await admin.page.waitForURL(/\/objects\/Guardrail/);
    expect(member.problems).toEqual([]);
    expect(admin.problems).toEqual([]);
  });

  test('an address that is none says so', { timeout: 60_000 }, async () => {
    const { page, problems } = await as('admin');
    await page.goto(`${stage.url}/objects/Nothing`);
    await page.locator('#main').waitFor();
    expect(problems).toEqual([]);
  });

  const places = [
    ...['/', '/now', '/sessions', '/reviews', '/alerts', '/connect', '/requests', '/explain', '/reports'],
    ...['/objects/Resource', '/objects/Guardrail', '/objects/Principal', '/objects/Guardrail/-/new'],
    ...['/admin/health', '/admin/storage', '/admin/proofs', '/admin/audit'],
  ];
  test.each([
    ['light', 'desk'],
    ['dark', 'phone'],
  ] as const)(
    'every page is accessible, keeps the policy, and asks nobody else: %s, %s',
    { timeout: 240_000 },
    async (theme, size) => {
      const opened = await as('admin', { theme, ...(size === 'phone' ? { viewport: phone } : {}) });
      const found: string[] = [];
      for (const place of places) {
        await opened.go(place);
        const { violations } = await new AxeBuilder({ page: opened.page })
          .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'])
          .analyze();
        for (const { id, nodes } of violations)
          found.push(
            `${place}: ${id}: ${nodes
              .map(({ html }) => html)
              .join(' | ')
              .slice(0, 600)}`,
          );
        // Nothing is wider than the page.
        const overflow = await opened.page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        if (overflow > 0) found.push(`${place}: ${overflow} pixels wider than the window`);
      }
      expect(found).toEqual([]);
      expect(opened.problems).toEqual([]);
    },
  );
});
