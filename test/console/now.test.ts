/**
 * Now, in a real Chromium against a real gateway: a session appears as it opens, its figures move, it is spoken to and ended from the
 * page; members see their own; the page outlives the gateway's restart.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConsoleBrowser, closeBrowser, hasChromium, phone } from './browser.ts';
import { type Stage, startStage } from './stage.ts';

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

async function at(place: string, ...given: Parameters<Stage['open']>): Promise<ConsoleBrowser> {
  const opened = await stage.open(...given);
  open.push(opened);
  await opened.go(place);
  return opened;
}

const rowOf = ({ page }: ConsoleBrowser, who: string) =>
  page.getByRole('table', { name: 'Live sessions' }).getByRole('row').filter({ hasText: who });

async function unreadable({ page }: ConsoleBrowser): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'])
    .analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`.slice(0, 600));
}

/** Chooses from the menu of a row. */
async function choose(opened: ConsoleBrowser, who: string, item: string): Promise<void> {
  await rowOf(opened, who)
    .getByRole('button', { name: /^Steer the session/ })
    .click();
  await opened.page.getByRole('menuitem', { name: item }).click();
}

describe.runIf(hasChromium)('in a browser', () => {
  test('a session appears as it opens, its figures move, and it is ended with a reason that psql says', {
    timeout: 120_000,
  }, async () => {
    const admin = await at('/now', 'admin');
    const { page } = admin;
    await page.getByText('Nobody is connected just now').waitFor();
    await page.getByRole('link', { name: 'How to connect' }).waitFor();
    expect(await unreadable(admin)).toEqual([]);
    const psql = stage.openPsql('erin');
    psql.write('SELECT id FROM orders ORDER BY id LIMIT 7;\n');
    const row = rowOf(admin, 'erin');
    await row.waitFor();
    await row.filter({ hasText: 'PostgreSQL' }).filter({ hasText: 'psql' }).waitFor();
    // Commands, and rows of what has ended, without a touch of the page.
    const commands = row.getByRole('cell').nth(5);
    const rows = row.getByRole('cell').nth(7);
    await rows.getByText('7', { exact: true }).waitFor();
    const before = Number(await commands.textContent());
    psql.write('SELECT 1;\nSELECT 2;\n');
    await commands.getByText(String(before + 2), { exact: true }).waitFor();
    await rows.getByText('9', { exact: true }).waitFor();
    expect(await unreadable(admin)).toEqual([]);

    await choose(admin, 'erin', 'End session');
    const dialog = page.getByRole('dialog', { name: 'End this session' });
    // Keys of the list behind are letters here.
    await dialog.getByLabel('Reason').pressSequentially('just looking: jk');
    await dialog.getByRole('button', { name: 'End session' }).click();
    await dialog.waitFor({ state: 'hidden' });
    psql.write('SELECT 3;\n');
    await psql.until('just looking: jk');
    expect(psql.said()).toContain('This session was ended by admin');
    await page.mouse.move(0, 0);
    await row.waitFor({ state: 'detached' });
    await page.getByText('Nobody is connected just now').waitFor();
    expect((await stage.admin.call('listSessions', { query: { principal: 'erin' } })).sessions[0]).toMatchObject({
      ...{ live: false, endReason: 'killed', endedBy: 'admin' },
    });
    expect(admin.problems).toEqual([]);
    await psql.end();
  });

  test('A-API-02: a member sees their own sessions only, and may end them and do no more', {
    timeout: 120_000,
  }, async () => {
    const erin = await at('/now', 'erin');
    const told: string[] = [];
    const emil = stage.openPsql('emil');
    emil.write('SELECT 1;\n');
    const dora = stage.openPsql('dora');
    dora.write('SELECT 1;\n');
    const admin = await at('/now', 'admin');
    for (const name of ['emil', 'dora']) await rowOf(admin, name).waitFor();
    // What the stream itself says, whatever the page makes of it.
    const ending = new AbortController();
    const watching = (async () => {
      const answer = await fetch(`${stage.url}/api/v1/live`, {
        headers: { authorization: `Bearer ${stage.token('erin')}` },
        signal: ending.signal,
      });
      for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) told.push(chunk);
    })().catch(() => undefined);
    const own = stage.openPsql('erin');
    own.write('SELECT 1;\n');
    await rowOf(erin, 'erin').waitFor();
    emil.write('SELECT 2;\n');
    await rowOf(admin, 'emil').getByRole('cell').nth(5).getByText('2', { exact: true }).waitFor();
    expect(await erin.page.getByRole('table', { name: 'Live sessions' }).getByRole('row').count()).toBe(2);
    await expect.poll(() => told.join(''), { timeout: 30_000 }).toContain('"figures"');
    ending.abort();
    await watching;
    const { sessions } = await stage.admin.call('listSessions', { query: { live: true } });
    for (const { id, principal } of sessions) {
      if (principal.name !== 'erin') expect(told.join('')).not.toContain(id);
    }
    await rowOf(erin, 'erin')
      .getByRole('button', { name: /^Steer the session/ })
      .click();
    expect(await erin.page.getByRole('menuitem').allTextContents()).toEqual(['End session']);
    await erin.page.keyboard.press('Escape');
    for (const psql of [emil, dora, own]) await psql.end();
    expect(erin.problems).toEqual([]);
  });

  test('the filter is in the address; a locked person is thrown out', { timeout: 120_000 }, async () => {
    const admin = await at('/now?q=who%3Adora', 'admin');
    const { page } = admin;
    const [emil, dora] = [stage.openPsql('emil'), stage.openPsql('dora')];
    for (const psql of [emil, dora]) psql.write('SELECT 1;\n');
    await rowOf(admin, 'dora').waitFor();
    expect(await rowOf(admin, 'emil').count()).toBe(0);
    await page.getByRole('searchbox', { name: 'Filter live sessions' }).fill('emil orders');
    await rowOf(admin, 'emil').waitFor();
    expect(new URL(page.url()).searchParams.get('q')).toBe('emil orders');
    await choose(admin, 'emil', 'Lock emil');
    const dialog = page.getByRole('dialog', { name: 'Lock emil' });
    await dialog.getByLabel('Reason').fill('laptop stolen');
    await dialog.getByRole('button', { name: 'Lock emil' }).click();
    await dialog.waitFor({ state: 'hidden' });
    emil.write('SELECT 1;\n');
    await emil.until('laptop stolen');
    expect((await stage.psql('emil', 'SELECT 1')).said).toContain('Locked by principal-emil');
    for (const psql of [emil, dora]) await psql.end();
    await stage.admin.call('deleteObject', {
      params: { kind: 'Lock', name: 'principal-emil' },
      query: { dryRun: undefined },
    });
    expect(admin.problems).toEqual([]);
  });

  test('the gateway goes and comes back: the page says so, and catches up, on a phone', {
    timeout: 120_000,
  }, async () => {
    const opened = await at('/now', 'admin', { viewport: phone, theme: 'dark' });
    const { page } = opened;
    const cards = page.getByRole('list', { name: 'Live sessions' });
    const before = stage.openPsql('dora');
    before.write('SELECT 1;\n');
    await cards.getByText('dora').waitFor();
    expect(await unreadable(opened)).toEqual([]);
    await stage.stop();
    await page.getByText('Not connected, trying again').waitFor();
    await before.end();
    await stage.start();
    const after = stage.openPsql('erin');
    after.write('SELECT 1;\n');
    await cards.getByText('erin').waitFor();
    await page.getByText('Not connected, trying again').waitFor({ state: 'hidden' });
    await cards.getByText('dora').waitFor({ state: 'detached' });
    await cards.getByText('erin').click();
    await page.waitForURL(/\/sessions\/ses_/);
    await after.end();
  });
});
