/**
 * Objects in a real Chromium, against a real gateway: an administrator adds a database and connects by the copied line, writes a
 * guardrail that then holds in psql, sees what is wrong where it is wrong; who may not write has no way to (A-API-01).
 */
import { execFile } from 'node:child_process';
import { AxeBuilder } from '@axe-core/playwright';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { templates } from '../../web/src/pages/objects/templates.ts';
import { type ConsoleBrowser, closeBrowser, hasChromium } from './browser.ts';
import { type Person, type Stage, startStage } from './stage.ts';

/** What was just built, in place of what the gateway has. */
const files = process.env['SALLYPORT_TEST_CONSOLE'];

let stage: Stage;
const open: ConsoleBrowser[] = [];

beforeAll(async () => {
  if (hasChromium) stage = await startStage({ bare: true });
}, 180_000);
afterAll(async () => {
  for (const one of open) await one.close();
  await closeBrowser();
  await stage?.close();
}, 60_000);

async function as(person: Person): Promise<ConsoleBrowser> {
  const opened = await stage.open(person, files === undefined ? {} : { files });
  open.push(opened);
  return opened;
}

/** Counts what a person presses and types. */
class Hand {
  count = 0;
  async click(at: Locator): Promise<void> {
    this.count++;
    await at.click();
  }
  async fill(at: Locator, text: string): Promise<void> {
    this.count++;
    await at.fill(text);
  }
  async choose(at: Locator, value: string): Promise<void> {
    this.count++;
    await at.selectOption(value);
  }
}

const field = (page: Page, name: string): Locator =>
  page
    .getByRole('form')
    .getByRole('textbox', { name: new RegExp(`^${name}`), exact: false })
    .first();

async function findings(page: Page): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'])
    .analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.target.join(' ')}`);
}

/** Runs a line as a person pastes it into a shell, with statements. */
function pasted(
  line: string,
  statement: string,
): Promise<{ readonly code: number | null; readonly out: string; readonly said: string }> {
  const env = { PATH: process.env['PATH'] ?? '', PGCONNECT_TIMEOUT: '30', LC_ALL: 'C.UTF-8' };
  return new Promise((resolve) => {
    execFile('sh', ['-c', `${line} -X -A -t -c "$1"`, 'sh', statement], { env, timeout: 60_000 }, (error, out, said) =>
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, out, said }),
    );
  });
}

describe.runIf(hasChromium)('in a browser', () => {
  test('an administrator adds a database, and a person connects by the copied line', { timeout: 120_000 }, async () => {
    const { page, go, problems } = await as('admin');
    const hand = new Hand();
    await go('/objects/Resource');
    await hand.click(page.getByRole('button', { name: 'New resource' }).first());
    await hand.click(page.getByRole('link', { name: /PostgreSQL database/ }));
    await page.getByText('valid, not saved yet').waitFor();
    await hand.fill(field(page, 'Name'), 'ledger');
    await hand.fill(field(page, 'Address'), `${stage.target.host}:${stage.target.port}`);
    await hand.fill(field(page, 'Database'), stage.target.database);
    await hand.fill(field(page, 'Username'), stage.target.user);
    await hand.choose(page.getByRole('combobox', { name: /^Mode/ }), 'disable');
    await hand.fill(page.getByRole('form').locator('input[type=password]'), stage.target.password);
    // Comments that nobody touched stay where they were.
    await page
      .getByRole('textbox', { name: 'YAML of the manifest' })
      .getByText('# Access and rules select by labels.')
      .waitFor();
    await hand.click(page.getByRole('button', { name: 'Test the connection' }));
    const steps = page.getByRole('list', { name: 'Steps of the test' });
    await steps.getByText(/took the credential/).waitFor();
    expect(await steps.textContent()).not.toContain(stage.target.password);
    expect(await findings(page)).toEqual([]);
    await hand.click(page.getByRole('button', { name: 'Save…' }));
    await page.getByRole('dialog').getByText('erin → ledger').waitFor();
    await hand.click(page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }));
    await page.waitForURL(/\/objects\/Resource\/ledger/);
    expect(
      JSON.stringify(await stage.admin.call('getObject', { params: { kind: 'Resource', name: 'ledger' } })),
    ).not.toContain(stage.target.password);
    expect(hand.count).toBeLessThanOrEqual(12);
    expect(problems).toEqual([]);

    const erin = await as('erin');
    await erin.go('/connect?resource=ledger');
    expect(await findings(erin.page)).toEqual([]);
    await erin.page.getByLabel('Where the file lies').fill(stage.gateway.caPath);
    await erin.page.getByRole('button', { name: 'Get a token' }).click();
    await erin.page.locator('code[data-token]').waitFor();
    await erin.page.getByRole('button', { name: 'Copy psql' }).click();
    const line = String(await erin.page.evaluate('navigator.clipboard.readText()'));
    expect(line).toContain('user=erin+ledger');
    expect(await pasted(line, 'SELECT 40 + 2')).toMatchObject({ code: 0, out: '42\n' });
    // It is good for this one alone.
    expect((await pasted(line.replace('erin+ledger', 'erin+orders'), 'SELECT 1')).code).not.toBe(0);
    expect(erin.problems).toEqual([]);
  });

  test('a guardrail is written, tried, replayed, saved, and holds', { timeout: 120_000 }, async () => {
    expect((await stage.psql('erin', 'DELETE FROM payments WHERE id = -1')).code).toBe(0);
    const { page, go, problems } = await as('admin');
    await go('/objects/Guardrail/-/new?as=empty');
    await page
      .getByText(/\d problems?/)
      .first()
      .waitFor();
    await field(page, 'Name').fill('payments-stay');
    await page.getByRole('button', { name: /^Add to commands/ }).click();
    await page.getByRole('menuitem', { name: 'SQL' }).click();
    await page.getByRole('group', { name: 'Effects' }).getByRole('button', { name: 'delete', exact: true }).click();
    await page.getByRole('combobox', { name: /Verdict/ }).selectOption('block');
    await field(page, 'Message').fill('Payments are never deleted.');
    await page.getByText('valid, not saved yet').waitFor();

    await page.getByLabel('Who', { exact: true }).selectOption('erin');
    await page.getByLabel('On', { exact: true }).selectOption('orders');
    await page.getByLabel('Statement', { exact: true }).fill('DELETE FROM payments WHERE id = 1');
    await page.getByRole('button', { name: 'Try it' }).click();
    const outcome = page.getByRole('tabpanel').getByRole('status');
    await outcome.getByText('payments-stay').first().waitFor();
    expect(await outcome.first().textContent()).toContain('block');
    await page.getByText('this draft').waitFor();
    // It was tried, and is not in force.
    expect((await stage.psql('erin', 'DELETE FROM payments WHERE id = -2')).code).toBe(0);

    await page.getByRole('tab', { name: 'Replay' }).click();
    await page.getByRole('button', { name: 'Replay' }).click();
    const difference = page.getByRole('tabpanel').getByRole('link', { name: /DELETE FROM payments WHERE id = -1/ });
    await difference.first().waitFor();
    expect(await difference.first().getAttribute('href')).toMatch(/^\/sessions\/ses_\w+\?command=\d+$/);
    expect(await findings(page)).toEqual([]);

    await page.keyboard.press('Control+s');
    await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click();
    await page.waitForURL(/\/objects\/Guardrail\/payments-stay/);
    const refused = await stage.psql('erin', 'DELETE FROM payments WHERE id = -3');
    expect(refused.code).not.toBe(0);
    expect(refused.said).toContain('Payments are never deleted.');

    // Somebody else changes it meanwhile.
    await field(page, 'Message').fill('Payments stay.');
    await page.getByText('not saved', { exact: true }).waitFor();
    const theirs = await stage.admin.call('getObject', { params: { kind: 'Guardrail', name: 'payments-stay' } });
    await stage.admin.call('apply', {
      body: { documents: [{ ...theirs, spec: { ...theirs.spec, message: 'Ask the owner.' } }], dryRun: false },
    });
    await page.getByRole('button', { name: 'Save changes…' }).click();
    await page.getByText(/Somebody else changed it/).waitFor();
    await page.getByRole('button', { name: 'Take theirs' }).click();
    await expect.poll(() => field(page, 'Message').inputValue()).toBe('Ask the owner.');

    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Delete…' }).click();
    await page.getByText('Nothing else names it.').waitFor();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.waitForURL(/\/objects\/Guardrail$/);
    expect((await stage.psql('erin', 'DELETE FROM payments WHERE id = -4')).code).toBe(0);
    expect(problems).toEqual([]);
  });

  test('what is wrong is told at its field and at its line; what is hostile is text', { timeout: 90_000 }, async () => {
    const hostile = '<img src=x onerror="window.broken=1"> javascript:alert(1)';
    await stage.admin.call('apply', {
      body: {
        documents: [
          { kind: 'Group', metadata: { name: 'odd' }, spec: { members: ['erin'], description: hostile } },
          { kind: 'Search', metadata: { name: 'odd' }, spec: { query: 'who:erin', description: hostile } },
        ],
        dryRun: false,
      },
    });
    const { page, go, problems } = await as('admin');
    await go('/objects/Resource/orders');
    await field(page, 'Address').fill('no address at all');
    await expect.poll(() => field(page, 'Address').getAttribute('aria-invalid')).toBe('true');
    await page.getByText('must be host:port, with IPv6 in brackets').first().waitFor();
    await page.locator('.cm-lintRange-error').getByText('no address at all').waitFor();
    expect(await page.getByRole('button', { name: 'Save changes…' }).isDisabled()).toBe(true);
    await field(page, 'Address').fill('db.internal:5432');
    await expect.poll(() => field(page, 'Address').getAttribute('aria-invalid')).toBeNull();

    // What was typed is asked about before it is left.
    await page.getByRole('link', { name: 'Groups' }).click();
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.waitForURL(/\/objects\/Group$/);
    await page.getByRole('table').getByText(hostile).waitFor();
    await page.getByLabel('Filter groups').fill('odd');
    await page.waitForURL(/q=odd/);
    expect(await page.getByRole('row').count()).toBe(2);
    expect(await findings(page)).toEqual([]);
    await page.getByRole('row').nth(1).getByText('odd').first().click();
    await expect.poll(() => field(page, 'Description').inputValue()).toBe(hostile);
    expect(await page.evaluate('window.broken')).toBeUndefined();
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    await go('/objects/Group/-/new');
    expect(await findings(page)).toEqual([]);
    expect(problems).toEqual([]);
  });

  test('A-API-01: who may not write has no way to', { timeout: 90_000 }, async () => {
    const erin = await as('erin');
    for (const path of ['/objects/Resource', '/objects/Resource/orders']) {
      await erin.go(path);
      await erin.page.getByText('Not yours to see').waitFor();
      expect(await erin.page.getByRole('button', { name: /New|Save|Delete/ }).count()).toBe(0);
    }
    await erin.go('/objects/Resource/-/new?as=postgres');
    expect(await erin.page.getByRole('button', { name: /Save/ }).count()).toBe(0);
    const answers = await erin.page.evaluate(async () => {
      const send = async (method: string, path: string, body: unknown): Promise<number> =>
        (await fetch(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }))
          .status;
      const group = { kind: 'Group', metadata: { name: 'mine' }, spec: { members: ['erin'] } };
      return [
        await send('POST', '/api/v1/apply', { documents: [group] }),
        await send('POST', '/api/v1/access/try', { documents: [group] }),
        await send('POST', '/api/v1/objects/Resource/orders/test', {}),
        await send('POST', '/api/v1/policy/try', {
          documents: [group],
          principal: 'erin',
          resource: 'orders',
          command: 'SELECT 1',
        }),
      ];
    });
    expect(answers).toEqual([403, 403, 403, 403]);

    const audrey = await as('audrey');
    await audrey.go('/objects/Resource/orders');
    await audrey.page.getByText('read only').waitFor();
    expect(await audrey.page.getByRole('button', { name: /Save|Delete/ }).count()).toBe(0);
    expect(await field(audrey.page, 'Address').getAttribute('readonly')).not.toBeNull();
    expect([...erin.problems, ...audrey.problems]).toEqual([]);
  });

  test('every beginning is taken by the gateway as it stands', { timeout: 60_000 }, async () => {
    const refused: string[] = [];
    for (const [kind, list] of Object.entries(templates)) {
      for (const { id, yaml } of list) {
        await stage.admin
          .call('apply', { body: { documents: [parse(yaml)], dryRun: true } })
          .catch((error: unknown) => {
            refused.push(`${kind} ${id}: ${String(error)}`);
          });
      }
    }
    expect(refused).toEqual([]);
  });
});
