/**
 * Overview, Explain, Reports and Administration in a real Chromium, over what real psql sessions did: every number is what happened,
 * and leads to a search that finds as many.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConsoleBrowser, closeBrowser, hasChromium, phone } from './browser.ts';
import { type Stage, startStage } from './stage.ts';

/** What was just built, in place of what the gateway serves: while pages are being written. */
const files = process.env['SALLYPORT_CONSOLE_FILES'];
const built = files === undefined ? {} : { files };

let stage: Stage;
const open: ConsoleBrowser[] = [];

async function as(person: Parameters<Stage['open']>[0], options: Parameters<Stage['open']>[1] = {}) {
  const opened = await stage.open(person, { ...built, ...options });
  open.push(opened);
  return opened;
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await isSo()); ) {
    if (Date.now() > end) throw new Error(`${what} did not come to be`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function found(query: string): Promise<number> {
  const { counts } = await stage.admin.call('search', { body: { query, limit: 0 } });
  return counts!.total;
}

/** Nine commands: five ran, one of them masked; three were blocked; one was held, and approved by dora. */
async function live(): Promise<void> {
  await stage.psql(
    'erin',
    'SELECT id FROM orders ORDER BY id LIMIT 40',
    'SELECT status, count(*) FROM orders GROUP BY status',
    'SELECT full_name, email, ssn FROM customers LIMIT 3',
  );
  for (const [person, statement] of [
    ['erin', 'DROP TABLE payments'],
    ['erin', 'DROP TABLE customers'],
    ['emil', 'DROP TABLE orders'],
  ] as const) {
    expect((await stage.psql(person, statement)).code).not.toBe(0);
  }
  await stage.psql('dora', 'SELECT full_name, email, ssn FROM customers ORDER BY id LIMIT 100', 'SELECT 1');
  const held = stage.psql('erin', "UPDATE orders SET status = 'paid'");
  let review: string | undefined;
  await until('a review', async () => {
    const { reviews } = await stage.api('dora').call('listReviews', { query: { state: 'pending' } });
    review = reviews[0]?.id;
    return review !== undefined;
  });
  await stage
    .api('dora')
    .call('decideReview', { params: { id: review! }, body: { decision: 'approve', reason: 'ok' } });
  expect((await held).code).toBe(0);
  await until('all of it in the index', async () => (await found('type:command -is:live')) === 9);
}

beforeAll(async () => {
  if (!hasChromium) return;
  stage = await startStage();
  await live();
}, 240_000);
afterAll(async () => {
  for (const one of open) await one.close();
  await closeBrowser();
  await stage?.close();
}, 60_000);

describe.runIf(hasChromium)('Overview', () => {
  test('its numbers are what psql really did, and each leads to a search that finds as many', async () => {
    const admin = await as('admin');
    await admin.go('/?range=7d');
    const main = admin.page.locator('#main');
    const links = main.locator('a[href^="/sessions?q="]:not([tabindex="-1"])');
    await links.first().waitFor();
    const seen = new Map<string, number>();
    for (const link of await links.all()) {
      const text = (await link.innerText()).replace(/\s+/g, ' ').trim();
      const query = new URL((await link.getAttribute('href'))!, stage.url).searchParams.get('q')!;
      const number = Number(/(?:^|\s)(\d+)(?:$|\s(?:sessions?|other refusals?|commands? held))/.exec(text)?.[1]);
      expect(number, text).toBe(await found(query));
      seen.set(text, number);
    }
    expect([...seen.keys()]).toEqual(
      expect.arrayContaining([
        '9',
        '3',
        'Allowed 4',
        'Masked 1',
        'Held 1',
        'Blocked 3',
        'no-destructive-sql 3',
        'erin 2',
      ]),
    );
    // Bars, by the table that stands beside the plot.
    await admin.page.getByRole('button', { name: 'Show as a table' }).click();
    const cells = main.getByRole('table', { name: /Commands over time/ }).getByRole('link');
    const bars = await cells.allInnerTexts();
    expect(bars.reduce((sum, text) => sum + Number(text), 0)).toBe(9);
    await cells.first().click();
    await admin.page.waitForURL(/\/sessions\?q=/);
    expect(await found(new URL(admin.page.url()).searchParams.get('q')!)).toBe(Number(bars[0]));
    await admin.page.goBack();
    await admin.page.waitForURL(/\/\?range=7d$/);
    expect(admin.problems).toEqual([]);
  }, 90_000);

  test('one look is one entry in the journal; a member has an overview of their own, and no other', async () => {
    const looks = 'type:reading verb:search who:admin "type:command since:"';
    const before = await found(looks);
    await stage.admin.call('overview', { query: { since: '24h' } });
    await until('the look in the index', async () => (await found(looks)) > before);
    await expect(stage.api('erin').call('overview', { query: { since: '24h' } })).rejects.toMatchObject({
      status: 403,
    });
    const erin = await as('erin');
    const asked: string[] = [];
    erin.page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await erin.go('/');
    await erin.page.getByRole('link', { name: 'Connect to orders' }).waitFor();
    await erin.page.getByText("UPDATE orders SET status = 'paid'").waitFor();
    expect(asked).not.toContain('/api/v1/overview');
    expect(erin.problems).toEqual([]);
  }, 90_000);
});

describe.runIf(hasChromium)('Explain', () => {
  test('names the rule that blocks, and what a mask does to each column', async () => {
    const { page, go, problems } = await as('admin');
    await go(`/explain?${new URLSearchParams({ principal: 'erin', resource: 'orders', text: 'DROP TABLE payments' })}`);
    const outcome = page.getByRole('region', { name: 'What comes of it' });
    await outcome.getByText('It is blocked, and the session goes on.').waitFor();
    const rule = outcome.getByRole('link', { name: 'no-destructive-sql' });
    expect(await rule.getAttribute('href')).toBe('/objects/Guardrail/no-destructive-sql');
    const text = 'SELECT full_name, email FROM customers';
    await go(`/explain?${new URLSearchParams({ principal: 'erin', resource: 'orders', text })}`);
    await outcome.getByText('what comes back is masked').waitFor();
    const email = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: 'email' }) });
    await email.getByRole('link', { name: 'customer-pii' }).waitFor();
    // By the form, as somebody whom nothing is granted.
    await page.getByLabel('Principal').fill('olaf');
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.waitForURL(/principal=olaf/);
    await outcome.getByText('No session may be opened').waitFor();
    expect(problems).toEqual([]);
  }, 90_000);
});

describe.runIf(hasChromium)('Reports', () => {
  test('one is made, shown, and taken away as each kind of document', async () => {
    const { page, go, problems } = await as('audrey');
    await go('/reports');
    await page.getByRole('radio', { name: /Privileged activity/ }).check();
    await page.getByRole('button', { name: 'Today' }).click();
    await page.getByRole('button', { name: 'Make the report' }).click();
    await page.waitForURL(/report=privileged/);
    const article = page.getByRole('article');
    await article.getByRole('heading', { level: 2 }).first().waitFor();
    expect(await article.innerText()).toContain('What proves it');
    for (const [name, begins] of [
      ['HTML', '<!doctype html>'],
      ['CSV', 'report,'],
      ['JSON', '{"report":"privileged"'],
    ] as const) {
      const waiting = page.waitForEvent('download');
      await page.getByRole('button', { name, exact: true }).click();
      const chunks: Buffer[] = [];
      for await (const chunk of await (await waiting).createReadStream()) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).toString('utf8').toLowerCase().replaceAll('"report,"', 'report,')).toContain(
        begins.toLowerCase(),
      );
    }
    expect(problems).toEqual([]);
  }, 90_000);
});

describe.runIf(hasChromium)('Administration', () => {
  test('shows what administrators changed, from what to what', async () => {
    await stage.admin.call('apply', {
      body: { documents: [{ kind: 'Group', metadata: { name: 'watch' }, spec: { members: ['erin'] } }], dryRun: false },
    });
    await stage.admin.call('apply', {
      body: { documents: [{ kind: 'Group', metadata: { name: 'watch' }, spec: { members: ['emil'] } }], dryRun: false },
    });
    await until('the change in the index', async () => (await found('type:change verb:updated rule:watch')) === 1);
    const { page, go, problems } = await as('admin');
    await go('/admin/audit');
    const act = page.getByRole('listitem').filter({ hasText: 'updated' }).filter({ hasText: 'watch' }).first();
    await act.getByText('[erin]').waitFor();
    await act.getByText('[emil]').waitFor();
    for (const view of ['sign-ons', 'tokens', 'readings', 'system']) {
      await go(`/admin/audit?q=${view}`);
      await page.getByRole('listitem').filter({ hasText: /#\d+$/ }).first().waitFor();
    }
    await go('/admin/proofs');
    await page
      .getByText(/^sallyport\.journal\//)
      .first()
      .waitFor();
    expect(problems).toEqual([]);
  }, 90_000);
});

describe.runIf(hasChromium)('all of these', () => {
  const explained = new URLSearchParams({ principal: 'erin', resource: 'orders', text: 'DROP TABLE payments' });
  const addresses = [
    ...['/', `/explain?${explained}`, '/reports?report=coverage&since=2026-01-01&until=2026-01-02'],
    ...['/admin/health', '/admin/storage', '/admin/proofs', '/admin/audit', '/account.html', '/approve.html'],
  ];
  test.each(['light', 'dark'] as const)(
    'are accessible and keep the policy: %s',
    async (theme) => {
      const admin = await as('admin', { theme, ...(theme === 'dark' ? { viewport: phone } : {}) });
      for (const address of addresses) {
        if (address.includes('.html')) {
          await admin.page.goto(address);
          await admin.page
            .getByRole('status')
            .filter({ hasText: /Signed on|Nothing waits/ })
            .waitFor();
        } else await admin.go(address);
        const { violations } = await new AxeBuilder({ page: admin.page })
          .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'])
          .analyze();
        expect(
          violations.map(
            ({ id, nodes }) =>
              `${address} ${id}: ${nodes
                .map(({ html }) => html)
                .slice(0, 3)
                .join(' ')}`,
          ),
        ).toEqual([]);
        // Nothing is wider than the page.
        const wider = await admin.page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        expect(wider, address).toBeLessThanOrEqual(0);
      }
      expect(admin.problems).toEqual([]);
    },
    240_000,
  );
});
