/**
 * Reviews and requests in a real Chromium: a real psql waits, a reviewer decides on a phone or by keyboard, psql goes on. What a
 * statement hides is seen (A-REV-06); nobody decides their own (A-REV-01); what came too late is said to be.
 */
import { AxeBuilder } from '@axe-core/playwright';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ConsoleBrowser, closeBrowser, hasChromium, phone } from './browser.ts';
import { type Live, type Person, type Stage, startStage } from './stage.ts';

/** What was just built, in place of what the gateway serves: while pages are being written. */
const files = process.env['SALLYPORT_CONSOLE_FILES'];
const wcag = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] as const;
const setUpMs = 180_000;
const testMs = 180_000;

let stage: Stage;
const open: ConsoleBrowser[] = [];
const waiting: Live[] = [];

async function as(person: Person, options: Parameters<Stage['open']>[1] = {}): Promise<ConsoleBrowser> {
  const opened = await stage.open(person, { ...(files === undefined ? {} : { files }), ...options });
  open.push(opened);
  return opened;
}

/** Leaves a statement with psql, and gives the review that it waits for. */
async function hold(person: Person, statement: string): Promise<{ readonly psql: Live; readonly id: string }> {
  const psql = stage.openPsql(person);
  waiting.push(psql);
  psql.write(`${statement}\n`);
  await psql.until('as review rev_');
  return { psql, id: /rev_[0-9a-z]+/.exec(psql.said())![0] };
}

async function isAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags([...wcag]).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
}

/** How a browser lays out letters that are written from right to left. */
function styleOf(element: Locator): Promise<string> {
  return element.evaluate((one) => {
    const { getComputedStyle } = globalThis as unknown as {
      getComputedStyle: (of: unknown) => { readonly unicodeBidi: string };
    };
    return getComputedStyle(one).unicodeBidi;
  });
}

/** Of an element: the server's types know none. */
interface Sized {
  readonly scrollWidth: number;
  readonly clientWidth: number;
}

const everyRow = 'UPDATE orders SET status = status;';

describe.skipIf(!hasChromium)('reviews in the console', () => {
  beforeAll(async () => {
    stage = await startStage();
    await stage.admin.call('apply', {
      body: {
        dryRun: false,
        documents: [
          {
            kind: 'Resource',
            metadata: { name: 'ledger', labels: { tier: 'vault' } },
            spec: {
              protocol: 'postgres',
              address: `${stage.target.host}:${stage.target.port}`,
              tls: { mode: 'disable' },
              credential: { username: stage.target.user, password: { value: stage.target.password } },
              database: stage.target.database,
            },
          },
          {
            kind: 'Access',
            metadata: { name: 'vault-on-request' },
            spec: {
              match: { principals: { groups: ['engineering'] }, resources: { labels: { tier: 'vault' } } },
              request: { reviewers: { groups: ['dba'] }, maxDuration: '8h', reasonRequired: true },
            },
          },
        ],
      },
    });
  }, setUpMs);

  afterEach(async () => {
    for (const psql of waiting.splice(0)) await psql.end();
    for (const opened of open.splice(0)) await opened.close();
  }, setUpMs);

  afterAll(async () => {
    await closeBrowser();
    await stage.close();
  }, setUpMs);

  test(
    'a reviewer approves by touch on a phone, and psql goes on',
    async () => {
      const { psql } = await hold('erin', everyRow);
      const { page, go, problems } = await as('dora', { viewport: phone });
      await go('/reviews');
      await expect.poll(() => page.title()).toBe('(1) Reviews · Sallyport');
      await page.getByRole('list', { name: 'Reviews' }).getByRole('link').first().tap();
      await page.getByRole('heading', { name: 'erin waits to run this on orders' }).waitFor();
      expect(await page.getByRole('list', { name: 'The statement' }).innerText()).toContain('UPDATE orders');
      await isAccessible(page);
      const approve = page.getByRole('button', { name: /^Approve/ });
      const box = (await approve.boundingBox())!;
      expect(box.height).toBeGreaterThanOrEqual(44);
      expect(box.y).toBeGreaterThan(phone.height / 2);
      expect(box.y + box.height).toBeLessThanOrEqual(phone.height);
      expect(await page.locator('html').evaluate((html) => (html as unknown as Sized).scrollWidth)).toBeLessThanOrEqual(
        phone.width,
      );
      await approve.tap();
      await page.getByRole('textbox', { name: 'Reason' }).fill('as agreed');
      await page.getByRole('button', { name: 'Approve it' }).tap();
      await psql.until('UPDATE 5000');
      await page.getByText('Nothing waits for you').waitFor();
      expect(problems).toEqual([]);
    },
    testMs,
  );

  test(
    'one after the other by keyboard: denied with a reason, the next comes by itself, approved',
    async () => {
      const first = await hold('erin', everyRow);
      const second = await hold('emil', everyRow);
      const { page, go, problems } = await as('dora');
      await go('/reviews');
      await page.waitForURL(`**/reviews/${first.id}`);
      await page.getByRole('heading', { name: 'erin waits' }).waitFor();
      await page.keyboard.press('j');
      await page.waitForURL(`**/reviews/${second.id}`);
      await page.keyboard.press('k');
      await page.waitForURL(`**/reviews/${first.id}`);
      await isAccessible(page);
      await page.keyboard.press('d');
      const reason = page.getByRole('textbox', { name: 'Reason' });
      await reason.press('Enter');
      await page.getByText('Say why: who asked reads it.').waitFor();
      await reason.fill('Not on a Friday');
      await reason.press('Enter');
      await first.psql.until('Not on a Friday');
      await page.waitForURL(`**/reviews/${second.id}`);
      await page.getByRole('heading', { name: 'emil waits' }).waitFor();
      await page.keyboard.press('a');
      await page.getByRole('textbox', { name: 'Reason' }).press('Enter');
      await second.psql.until('UPDATE 5000');
      await page.getByText('Nothing waits for you').waitFor();
      await go('/reviews?state=denied');
      await page.getByText('denied “Not on a Friday”').waitFor();
      expect(problems).toEqual([]);
    },
    testMs,
  );

  test(
    'A-REV-06: what a statement hides is spelled out, in the rows and with the numbers of the gateway',
    async () => {
      const rtl = '\u05d0\u05d1\u05d2';
      const hostile = [
        "UPDATE orders SET status = 'pa\u200bid' /* \u202e reviewed \u202c */",
        `\t, total = total${' '.repeat(300)}/* out of sight */`,
        `WHERE '${rtl}' = '${rtl}' OR 'p\u0430yments' <> '${'long '.repeat(60)}';`,
      ].join('\n');
      const { id } = await hold('erin', hostile);
      const { page, go, problems } = await as('dora', { viewport: phone });
      await go(`/reviews/${id}`);
      const rows = page.getByRole('list', { name: 'The statement' }).getByRole('listitem');
      await rows.first().waitFor();
      const { command } = await stage.api('dora').call('getReview', { params: { id } });
      const lines = command!.lines;
      expect(await rows.locator('code').allTextContents()).toEqual(
        lines.map(({ spans }) => spans.map(({ text }) => text).join('')),
      );
      expect(await rows.locator('[data-number]').allTextContents()).toEqual(
        lines.map(({ number, continued }) => (continued ? '…' : String(number))),
      );
      const escapes = await rows.locator('[data-span=escape]').allTextContents();
      expect(escapes).toEqual(expect.arrayContaining(['⟦U+200B⟧', '⟦U+202E⟧', '⟦U+202C⟧']));
      expect(await rows.locator('[data-span=padding]').allTextContents()).toContain('⟦300 spaces⟧');
      const isolated = rows.locator('bdi[data-span=rtl]');
      expect((await isolated.allTextContents()).join('')).toBe(rtl + rtl);
      expect(await styleOf(isolated.first())).toMatch(/isolate/);
      await page.getByText('Words that mix alphabets').waitFor();
      // Nothing stands to the right of what is seen.
      const hidden = await rows.evaluateAll(
        (all) => (all as unknown as Sized[]).filter((row) => row.scrollWidth > row.clientWidth).length,
      );
      expect(hidden).toBe(0);
      expect(await page.locator('article').innerText()).not.toMatch(/[\u200b\u202a-\u202e\u2066-\u2069]/);
      expect(problems).toEqual([]);
    },
    testMs,
  );

  test(
    'A-REV-01: one’s own cannot be decided, only withdrawn; others see at once that it ended',
    async () => {
      const { psql, id } = await hold('erin', everyRow);
      const own = await as('erin');
      const reviewer = await as('dora');
      await own.go(`/reviews/${id}?state=mine`);
      await reviewer.go(`/reviews/${id}`);
      await reviewer.page.getByRole('button', { name: /^Approve/ }).waitFor();
      await own.page.getByText('nobody decides their own review').waitFor();
      await own.page.keyboard.press('a');
      expect(await own.page.getByRole('button', { name: /Approve|Deny/ }).count()).toBe(0);
      expect(await own.page.getByRole('textbox', { name: 'Reason' }).count()).toBe(0);
      await expect(
        stage.api('erin').call('decideReview', { params: { id }, body: { decision: 'approve' } }),
      ).rejects.toMatchObject({ code: 'api.own-review' });
      await own.page.getByRole('button', { name: 'Withdraw…' }).click();
      await own.page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click();
      await psql.until('withdrawn');
      await reviewer.page.getByText('This ended while you looked').waitFor();
      expect(await reviewer.page.getByRole('button', { name: /^Approve/ }).count()).toBe(0);
      expect([...own.problems, ...reviewer.problems]).toEqual([]);
    },
    testMs,
  );

  test(
    'a decision that came too late says so, and what was decided',
    async () => {
      const { psql, id } = await hold('erin', everyRow);
      const { page, go, problems } = await as('dora');
      await go(`/reviews/${id}`);
      await page.route(`**/api/v1/reviews/${id}/decision`, async (route) => {
        const body = { decision: 'deny', reason: 'decided elsewhere' } as const;
        await stage.api('dora').call('decideReview', { params: { id }, body });
        await route.continue();
      });
      await page.getByRole('button', { name: /^Approve/ }).click();
      await page.getByRole('button', { name: 'Approve it' }).click();
      await page.getByRole('alert').filter({ hasText: 'Too late' }).waitFor();
      await page.getByText('denied “decided elsewhere”').waitFor();
      await psql.until('decided elsewhere');
      expect(problems).toEqual([]);
    },
    testMs,
  );

  test(
    'a notification says who and where and no statement, and only after one asked for it',
    async () => {
      const { page, context, go } = await as('dora');
      // The browser without a screen shows none: what it is given is kept instead.
      await context.addInitScript(() => {
        const shown: unknown[] = [];
        class Kept {
          static permission = 'default';
          static requestPermission(): Promise<string> {
            Kept.permission = 'granted';
            return Promise.resolve('granted');
          }
          constructor(title: string, options: unknown) {
            shown.push([title, options]);
          }
          close(): void {}
        }
        Object.assign(globalThis, { Notification: Kept, shown });
      });
      const shown = (): Promise<unknown[]> =>
        page.evaluate(() => (globalThis as unknown as { shown: unknown[] }).shown);
      await go('/reviews');
      await page.getByText('Nothing waits for you').waitFor();
      const silent = await hold('emil', everyRow);
      await page.getByRole('heading', { name: 'emil waits' }).waitFor();
      expect(await shown()).toEqual([]);
      await page.getByRole('button', { name: 'Notify me' }).click();
      await page.getByRole('button', { name: 'Notifications on' }).waitFor();
      const { id } = await hold('erin', everyRow);
      await expect
        .poll(shown, { timeout: 60_000 })
        .toEqual([['A review waits for you', expect.objectContaining({ body: 'erin waits on orders', tag: id })]]);
      expect(JSON.stringify(await shown())).not.toContain('UPDATE');
      await silent.psql.end();
    },
    testMs,
  );

  test(
    'access is asked for where a refusal led, is given, and is returned',
    async () => {
      const { page, go, problems } = await as('erin', { viewport: phone });
      await go('/requests?resource=ledger');
      await page.getByRole('form', { name: 'Ask for access' }).waitFor();
      await isAccessible(page);
      await page.getByText('2 h', { exact: true }).tap();
      await page.getByRole('button', { name: 'Ask for ledger' }).tap();
      await page.getByText('Say why: whoever decides reads it.').waitFor();
      await page.getByRole('textbox', { name: 'Reason' }).fill('incident 12');
      await page.getByRole('button', { name: 'Ask for ledger' }).tap();
      await page.getByRole('list', { name: 'Your requests' }).getByText('incident 12').waitFor();
      const { reviews } = await stage.api('dora').call('listReviews', { query: { state: 'pending', mine: false } });
      const asked = reviews.find(({ kind }) => kind === 'access')!;
      const shown = await stage.api('dora').call('getReview', { params: { id: asked.id } });
      expect(shown.access!.durationSeconds).toBe(7200);
      await stage.api('dora').call('decideReview', { params: { id: asked.id }, body: { decision: 'approve' } });
      const grants = page.getByRole('list', { name: 'Your grants' });
      await grants.getByText(/left$/).first().waitFor();
      await grants.getByRole('button', { name: 'Return…' }).tap();
      await page.getByRole('dialog').getByRole('button', { name: 'Return it' }).tap();
      await page.getByText('Nothing just now.').waitFor();
      expect((await stage.api('erin').call('listGrants', { query: { mine: true } })).grants).toEqual([]);
      await go('/requests?resource=orders');
      await page.getByText('You may open it already.').waitFor();
      expect(problems).toEqual([]);
    },
    testMs,
  );
});
