/**
 * A session's page in a real Chromium: a psql session with what was masked, blocked, held and failed; a terminal whose output is
 * hostile (A-SSH-22); a session that is watched while it happens.
 */
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConsoleBrowser, closeBrowser, hasChromium } from './browser.ts';
import { type Stage, startStage } from './stage.ts';

const { SALLYPORT_TEST_CONSOLE_FILES: files } = process.env;

let stage: Stage;
const open: ConsoleBrowser[] = [];

beforeAll(async () => {
  if (hasChromium) stage = await startStage({ ssh: true });
}, 180_000);
afterAll(async () => {
  for (const one of open) await one.close();
  await closeBrowser();
  await stage?.close();
}, 60_000);

async function as(...[person, options]: Parameters<Stage['open']>): Promise<ConsoleBrowser> {
  const opened = await stage.open(person, { ...options, ...(files === undefined ? {} : { files }) });
  open.push(opened);
  return opened;
}

const anything = {
  principal: undefined,
  resource: undefined,
  protocol: undefined,
  live: undefined,
  since: undefined,
  until: undefined,
  limit: undefined,
  cursor: undefined,
} as const;

/** The latest session of somebody on something, once the list has it and `isIt` says so. */
async function sessionOf(
  principal: string,
  resource: string,
  isIt: (session: { readonly live: boolean; readonly commands: number }) => boolean,
): Promise<string> {
  for (;;) {
    const query = { ...anything, principal, resource, limit: 1 };
    const [found] = (await stage.admin.call('listSessions', { query })).sessions;
    if (found !== undefined && isIt(found)) return found.id;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 160))])).toEqual([]);
}

describe.runIf(hasChromium)('the page of a session', () => {
  test('SQL as a transcript: masked, blocked, held and decided, failed; linked, verified', {
    timeout: 120_000,
  }, async () => {
    const psql = stage.openPsql('erin');
    psql.write(
      'SELECT full_name, email, ssn FROM customers ORDER BY id LIMIT 3;\nSELECT \'\u202Eevil\' AS "<b>name</b>", NULL AS nothing;\n',
    );
    psql.write('DROP TABLE payments;\nSELECT 1/0;\n');
    psql.write("UPDATE orders SET status = 'paid';\n");
    const review = await pendingReview();
    await stage.api('dora').call('decideReview', {
      params: { id: review },
      body: { decision: 'approve', reason: 'agreed in the meeting' },
    });
    await psql.until('UPDATE');
    await psql.end();
    const id = await sessionOf('erin', 'orders', ({ live, commands }) => !live && commands >= 5);

    const { page, go, problems } = await as('audrey');
    await go(`/sessions/${id}`);
    await page.getByRole('heading', { name: 'erin on orders' }).waitFor();

    // What was masked is seen as such, and by what.
    const first = page.getByRole('article', { name: 'Command 1' });
    await first.getByRole('link', { name: 'customer-pii' }).waitFor();
    await first.getByText('6 values masked').waitFor();
    expect(await first.getByRole('columnheader').allInnerTexts()).toEqual([
      expect.stringMatching(/^full_name\s*text$/),
      expect.stringMatching(/^email\s*text$/),
      expect.stringMatching(/^ssn\s*text$/),
    ]);
    expect(await first.getByTitle('Masked: [redacted]').count()).toBe(6);

    // Hostile text is text, spelled out (A-REV-06).
    await page.keyboard.press(']');
    await page.keyboard.press(']');
    await page.waitForURL(/command=2/);
    const second = page.getByRole('article', { name: 'Command 2' });
    await second.getByText('<b>name</b>', { exact: true }).waitFor();
    await second.getByText('⟨U+202E⟩evil').waitFor();
    await second.getByRole('cell', { name: 'null' }).waitFor();

    // Only what was refused.
    const list = page.getByRole('listbox', { name: 'Commands' });
    await page.getByRole('button', { name: 'Refused' }).click();
    await expect.poll(() => list.getByRole('option').count()).toBe(1);
    await list.getByRole('option', { name: /DROP TABLE payments/ }).click();
    await page.waitForURL(/command=3/);
    const third = page.getByRole('article', { name: 'Command 3' });
    await third.getByRole('link', { name: 'no-destructive-sql' }).waitFor();
    await third.getByText('refused, nothing of it reached the resource').waitFor();
    await page.getByRole('button', { name: 'All' }).click();

    // Text and output are searched.
    await page.keyboard.press('/');
    await page.getByLabel('Search in commands and their output').fill('division by zero');
    await expect.poll(() => list.getByRole('option').count()).toBe(1);
    await list.getByRole('option', { name: /SELECT 1\/0/ }).click();
    await page.getByRole('article', { name: 'Command 4' }).getByText('division by zero').waitFor();
    await page.getByLabel('Clear the search').click();

    // Who held it, and who decided what.
    await list.getByRole('option', { name: /UPDATE orders/ }).click();
    const fifth = page.getByRole('article', { name: 'Command 5' });
    await fifth
      .getByText(/Approved\s*by\s*dora/)
      .first()
      .waitFor();
    await fifth.getByText('agreed in the meeting').waitFor();
    await fifth.getByText('In the end it was run.').waitFor();

    // Whoever is sent the link sees the same.
    await fifth.getByRole('button', { name: 'Copy a link to command 5' }).click();
    const link = await page.evaluate<string>('navigator.clipboard.readText()');
    expect(link).toBe(`${stage.url}/sessions/${id}?command=5`);

    await page.getByRole('button', { name: 'Verified' }).click();
    await page.getByText(/has the digest that was written into the journal/).waitFor();
    await page.getByText(/the checkpoint over/).waitFor();
    await page.getByRole('button', { name: 'Copy: sallyport checkpoint > checkpoint.txt' }).waitFor();
    await page.keyboard.press('Escape');
    await expectAccessible(page);
    expect(problems).toEqual([]);

    // A-API-02: another member's session is not there.
    const other = await as('emil');
    await other.go(`/sessions/${id}`);
    await other.page.getByText('Not here').waitFor();
  });

  test('A-SSH-22: a terminal is drawn and acts on nothing; played, searched, any moment', {
    timeout: 120_000,
  }, async () => {
    if (stage.sshd === null) return;
    const hostile = [
      '\\033]0;stolen title\\007', // a title
      '\\033]52;c;c3RvbGVu\\007', // the clipboard
      '\\033]8;;https://evil.example/\\033\\\\click me\\033]8;;\\033\\\\', // a link
      '\\033[5n\\033[c', // reports that a terminal types
      '\\033[38;5;208mORANGE\\033[0m \\033[38;2;10;200;30mTRUE\\033[0m',
      '<img src=x onerror=alert(1)><script>alert(2)</script>',
    ];
    const ssh = stage.openSsh('erin');
    // Its prompt ends so for root, and so for anybody else.
    await expect.poll(() => /[#$] /.test(ssh.said()), { timeout: 60_000 }).toBe(true);
    ssh.write(`printf '${hostile.join('')}\\n'\n`);
    await ssh.until('TRUE');
    ssh.write('echo at-the-end\n');
    ssh.write('exit\n');
    await ssh.ended;
    const id = await sessionOf('erin', 'web-1', ({ live }) => !live);

    const { page, go, problems } = await as('audrey');
    await page.goto('/account.html');
    await page.evaluate("navigator.clipboard.writeText('untouched')");
    await go(`/sessions/${id}`);
    const terminal = page.getByRole('region', { name: /^Terminal of command/ });
    await terminal.waitFor();
    await page.getByRole('slider', { name: 'Moment of the session' }).press('End');
    await terminal.getByText('at-the-end').last().waitFor();
    await terminal.getByText('ORANGE', { exact: true }).last().waitFor();

    expect(
      await terminal
        .getByText('ORANGE', { exact: true })
        .last()
        .evaluate((span: { style: { color: string } }) => span.style.color),
    ).toBe('rgb(255, 135, 0)');
    expect(
      await terminal
        .getByText('TRUE', { exact: true })
        .last()
        .evaluate((span: { style: { color: string } }) => span.style.color),
    ).toBe('rgb(10, 200, 30)');
    expect(await terminal.innerText()).toContain('<img src=x onerror=alert(1)>');
    expect(await terminal.locator('a, img, script').count()).toBe(0);
    expect(await page.title()).not.toContain('stolen');
    expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe('untouched');

    // Back to before anything was drawn, and found again by what stood there.
    await page.getByRole('button', { name: 'To the start' }).click();
    await expect.poll(() => terminal.getByText('at-the-end').count()).toBe(0);
    await page.getByLabel('Search in commands and their output').fill('ORANGE TRUE');
    await page.getByRole('region', { name: 'On the terminal' }).getByRole('button').last().click();
    await terminal.getByText('ORANGE', { exact: true }).last().waitFor();
    await page.waitForURL(/at=\d+/);

    await page.getByRole('button', { name: '16×' }).click();
    await page.getByRole('button', { name: 'Play' }).click();
    await terminal.getByText('at-the-end').last().waitFor();
    await expectAccessible(page);
    expect(problems).toEqual([]);
  });

  test('a live session is caught up with and followed, until it ends', { timeout: 120_000 }, async () => {
    const psql = stage.openPsql('dora');
    psql.write("SELECT 'before anybody looked';\n");
    await psql.until('before anybody looked');
    const id = await sessionOf('dora', 'orders', ({ live }) => live);
    const { page, go, problems } = await as('admin');
    await go(`/sessions/${id}`);
    await page.getByText('Live', { exact: true }).first().waitFor();
    await page.getByRole('article', { name: 'Command 1' }).getByText("'before anybody looked'").waitFor();
    psql.write("SELECT 'while somebody looks';\n");
    await page.getByRole('article', { name: 'Command 2' }).getByText("'while somebody looks'").waitFor();
    await page.getByRole('article', { name: 'Command 2' }).getByText('completed').waitFor();
    await psql.end();
    await page.getByText('closed by the client').waitFor();
    await page.getByRole('button', { name: /^Verified/ }).waitFor();
    expect(problems).toEqual([]);
  });

  async function pendingReview(): Promise<string> {
    for (;;) {
      const { reviews } = await stage.api('dora').call('listReviews', { query: { state: 'pending', mine: false } });
      if (reviews[0] !== undefined) return reviews[0].id;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
});
