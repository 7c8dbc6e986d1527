/** Alerts in a real Chromium: a real bulk download is found, looked at, acknowledged, its response ended, and resolved. */
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConsoleBrowser, closeBrowser, hasChromium } from './browser.ts';
import { type Person, type Stage, startStage } from './stage.ts';

const files = process.env['SALLYPORT_CONSOLE_FILES'];
const wcag = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] as const;
const deadlineMs = 180_000;

let stage: Stage;
const open: ConsoleBrowser[] = [];

async function as(person: Person): Promise<ConsoleBrowser> {
  const opened = await stage.open(person, files === undefined ? {} : { files });
  open.push(opened);
  return opened;
}

describe.skipIf(!hasChromium)('alerts in the console', () => {
  beforeAll(async () => {
    stage = await startStage();
  }, deadlineMs);

  afterAll(async () => {
    for (const opened of open) await opened.close();
    await closeBrowser();
    await stage.close();
  }, deadlineMs);

  test(
    'a bulk download is found, acknowledged, and resolved',
    async () => {
      const { page, go, problems } = await as('admin');
      await go('/alerts');
      await page.getByText('No alert is open').waitFor();
      // More rows within ten minutes than the detection lets anybody take; the session may end before the last statement does.
      await stage.psql('erin', 'SELECT * FROM orders', 'SELECT * FROM orders', 'SELECT 1');
      const row = page.getByRole('table', { name: 'Alerts' }).getByText(/^erin took [\d,]+ rows out of orders/);
      await row.waitFor();
      const { violations } = await new AxeBuilder({ page }).withTags([...wcag]).analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
      await row.click();
      const alert = page.getByRole('article', { name: 'Alert' });
      const evidence = alert.getByRole('link', { name: /SELECT \* FROM orders/ }).first();
      expect(await evidence.getAttribute('href')).toMatch(/^\/sessions\/ses_[0-9a-z]+\?command=\d+$/);
      await page.keyboard.press('a');
      await alert.getByText('acknowledged it').waitFor();
      await alert.getByRole('textbox', { name: 'Comment' }).fill('asked erin');
      await alert.getByRole('button', { name: 'Comment' }).click();
      await alert.getByText('asked erin').waitFor();
      const risk = alert.getByRole('listitem').filter({ hasText: 'Risk is raised by 60' });
      await risk.getByRole('button', { name: 'End it now' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'End it' }).click();
      await risk.getByText('over', { exact: true }).waitFor();
      await alert.getByRole('button', { name: /^Resolve/ }).click();
      await page.getByRole('dialog').getByRole('textbox').fill('a report that was agreed on');
      await page.getByRole('dialog').getByRole('button', { name: 'Resolve' }).click();
      await alert.getByText('a report that was agreed on').waitFor();
      expect((await new AxeBuilder({ page }).withTags([...wcag]).analyze()).violations.map(({ id }) => id)).toEqual([]);
      await page.getByRole('link', { name: 'Back to the list' }).click();
      await page.getByText('No alert is open').waitFor();
      await go('/alerts?tab=responses');
      await page.getByText('Nothing is in force').waitFor();
      await go('/alerts?state=resolved&principal=erin');
      await row.waitFor();
      expect(problems).toEqual([]);
    },
    deadlineMs,
  );

  test(
    'an auditor reads alerts and handles none',
    async () => {
      const { page, go } = await as('audrey');
      await go('/alerts?state=all');
      await page
        .getByText(/^erin took/)
        .first()
        .click();
      await page.getByText('You may read alerts, and handle none.').waitFor();
      expect(await page.getByRole('button', { name: /Acknowledge|Resolve|Reopen|Comment|End it/ }).count()).toBe(0);
    },
    deadlineMs,
  );
});
