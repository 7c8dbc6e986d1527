/** Working on a database in the console: the same door, the same verdicts, the same record as psql. */
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConsoleBrowser, closeBrowser, hasChromium } from './browser.ts';
import { type Stage, startStage } from './stage.ts';

describe.runIf(hasChromium)('working on a database in the console', () => {
  let stage: Stage;
  let erin: ConsoleBrowser;

  beforeAll(async () => {
    stage = await startStage();
    erin = await stage.open('erin');
    await erin.go('/use/orders');
    await erin.page.getByText('connected').waitFor();
  }, 180_000);
  afterAll(async () => {
    await erin?.close();
    await closeBrowser();
    await stage?.close();
  }, 60_000);

  async function run(text: string): Promise<void> {
    const { page } = erin;
    await page.getByRole('textbox', { name: 'Statements for orders' }).click();
    await page.keyboard.press('Control+a');
    // Text that replaces coloured text is given its colours by the browser, inline, which the policy keeps out and says so.
    await page.keyboard.press('Backspace');
    await page.keyboard.insertText(text);
    await page.keyboard.press('Control+Enter');
  }
  const said = () => erin.page.locator('#main');

  test('shows tables, and what is masked for psql is masked here', { timeout: 60_000 }, async () => {
    const { page } = erin;
    await page.getByRole('list', { name: 'Tables' }).getByText('customers').waitFor();
    await run('SELECT id, full_name, ssn FROM customers ORDER BY id LIMIT 3');
    const grid = page.getByRole('table', { name: 'Result' });
    await grid.getByRole('row').nth(3).waitFor();
    const shown = (await grid.innerText()).replaceAll(/\s+/g, ' ');
    const native = await stage.psql('erin', 'SELECT id, full_name, ssn FROM customers ORDER BY id LIMIT 3');
    for (const cell of native.out.trim().split(/[|\n]/)) expect(shown).toContain(cell);
    // The real one is nobody's to see: what psql shows is masked, too.
    const { rows } = await target('SELECT ssn FROM customers ORDER BY id LIMIT 1');
    expect(shown).not.toContain((rows[0] as { ssn: string }).ssn);
  });

  async function target(text: string): Promise<{ rows: unknown[] }> {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: stage.target.url });
    await client.connect();
    try {
      return await client.query(text);
    } finally {
      await client.end();
    }
  }

  test('a refusal names its rule, and nothing of it reached the target', { timeout: 60_000 }, async () => {
    await run('DROP TABLE payments');
    await erin.page.getByRole('alert').waitFor();
    expect(await said().innerText()).toContain('42501');
    expect((await target("SELECT to_regclass('public.payments') AS it")).rows).toEqual([{ it: 'payments' }]);
  });

  test('what is held waits here, too, and goes on once somebody else approves', { timeout: 90_000 }, async () => {
    await run("UPDATE orders SET status = 'paid'");
    await erin.page.getByRole('note').getByText('Held by').waitFor();
    const { reviews } = await stage.api('dora').call('listReviews', { query: { state: 'pending', mine: false } });
    expect(reviews).toHaveLength(1);
    await stage.api('dora').call('decideReview', {
      params: { id: reviews[0]!.id },
      body: { decision: 'approve', reason: 'ticket 4711' },
    } as never);
    await said()
      .getByText(/UPDATE \d+/)
      .waitFor();
  });

  test('cancels what runs, and says where an error is', { timeout: 60_000 }, async () => {
    await run('SELECT pg_sleep(50)');
    await erin.page.getByRole('button', { name: 'Cancel' }).click();
    await said().getByText('57014').waitFor();
    await run('SELECT nonsense FROM customers');
    await said().getByText('42703').waitFor();
  });

  test('shows the first ten thousand rows of more, scrolls them, and says that it is cut', {
    timeout: 60_000,
  }, async () => {
    await run('SELECT g, md5(g::text) FROM generate_series(1, 200000) g');
    await said().getByText('10,000 rows').waitFor();
    await said().getByText('cut', { exact: true }).waitFor();
    const grid = erin.page.getByRole('table', { name: 'Result' });
    await grid.evaluate((element: { scrollTop: number; scrollHeight: number }) => {
      element.scrollTop = element.scrollHeight;
    });
    await grid.getByText('10000', { exact: true }).first().waitFor();
  });

  test('is a session like any other: recorded, searched, ended from outside', { timeout: 60_000 }, async () => {
    const { sessions } = await stage.admin.call('listSessions', { query: { principal: 'erin', live: true } });
    const mine = sessions.find(({ client }) => client['application_name'] === 'sallyport console');
    expect(mine?.recording).toBe('strict');
    await stage.admin.call('killSession', { params: { id: mine!.id }, body: { reason: 'enough' } });
    await erin.page.getByRole('button', { name: 'Open again' }).waitFor();
    await erin.page.getByRole('button', { name: 'Open again' }).click();
    await erin.page.getByText('connected').waitFor();
  });

  test('A-API-01: without Access there is nothing to open, and no token opens it', { timeout: 60_000 }, async () => {
    const olaf = await stage.open('olaf');
    await olaf.go('/use/orders');
    await olaf.page.getByText('You may not open this').waitFor();
    expect(olaf.problems).toEqual([]);
    await olaf.close();
    const answer = await fetch(`${stage.url}/api/v1/workbench`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stage.token('erin')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ resource: 'orders' }),
    });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('api.web-only');
  });

  test('A-ID-07: it ends with the browser’s session', { timeout: 60_000 }, async () => {
    const { sessions } = await stage.admin.call('listSessions', { query: { principal: 'erin', live: true } });
    expect(sessions.length).toBeGreaterThan(0);
    const { violations } = await new AxeBuilder({ page: erin.page }).withTags(['wcag2a', 'wcag2aa']).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    expect(erin.problems).toEqual([]);
    await erin.context.request.delete('/api/v1/web-session', { headers: { origin: stage.url } });
    await expect
      .poll(
        async () => (await stage.admin.call('listSessions', { query: { principal: 'erin', live: true } })).sessions,
        {
          timeout: 30_000,
        },
      )
      .toEqual([]);
  });
});

describe.runIf(hasChromium)('a terminal in the console', () => {
  let stage: Stage;
  let erin: ConsoleBrowser;

  beforeAll(async () => {
    stage = await startStage({ ssh: true });
    erin = await stage.open('erin');
  }, 180_000);
  afterAll(async () => {
    await erin?.close();
    await closeBrowser();
    await stage?.close();
  }, 60_000);

  const screen = () => erin.page.getByRole('img', { name: 'Screen of web-1' });

  test('takes keys, judges lines, and is a recorded session like any other', { timeout: 90_000 }, async (context) => {
    if (stage.sshd === null) return context.skip();
    const { page } = erin;
    await erin.go('/use/web-1');
    await page.getByText('connected').waitFor();
    const field = page.getByRole('textbox', { name: 'Terminal of web-1' });
    await field.focus();
    await page.keyboard.type("echo it is $((6 * 7)) and printf '\\033]0;title\\007'");
    await page.keyboard.press('Enter');
    await screen().getByText('it is 42').waitFor();
    await page.keyboard.type('rm -rf releases');
    await page.keyboard.press('Enter');
    await screen()
      .getByText(/Whole directories are not removed/)
      .first()
      .waitFor();
    await page.keyboard.type('sleep 30');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+c');
    await page.keyboard.type('stty size');
    await page.keyboard.press('Enter');
    await screen()
      .getByText(/^\d+ \d\d+\s*$/m)
      .first()
      .waitFor();
    const { sessions } = await stage.admin.call('listSessions', { query: { principal: 'erin', resource: 'web-1' } });
    expect(sessions.filter(({ live }) => live)).toHaveLength(1);
    await page.keyboard.type('exit');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Open again' }).waitFor();
    expect(erin.problems).toEqual([]);
  });

  test('A-SSH-22: a target that asks the terminal is given no answer, and what it sends stays text', {
    timeout: 90_000,
  }, async (context) => {
    if (stage.sshd === null) return context.skip();
    const { page } = erin;
    await erin.go('/use/web-1');
    await page.getByText('connected').waitFor();
    await page.getByRole('textbox', { name: 'Terminal of web-1' }).focus();
    const hostile =
      "printf '\\033[6n\\033[c\\033]52;c;aGFjaw==\\007\\033]8;;https://evil.example\\007click\\033]8;;\\007<img src=x onerror=alert(1)>\\n'";
    await page.keyboard.type(hostile);
    await page.keyboard.press('Enter');
    await page.keyboard.type('echo over');
    await page.keyboard.press('Enter');
    await screen()
      .getByText(/^over\s*$/m)
      .first()
      .waitFor();
    // An answer would stand at the prompt, as if it had been typed.
    expect(await screen().innerText()).not.toMatch(/\d+;\d+R|\?\d+;?\d*c/);
    expect(await screen().locator('a, img').count()).toBe(0);
    expect(await page.title()).toContain('Sallyport');
    expect(await page.evaluate('navigator.clipboard.readText().catch(() => "")')).not.toBe('hack');
    expect(erin.problems).toEqual([]);
  });
});
