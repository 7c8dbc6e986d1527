/**
 * Searching in the console as an auditor does: one line, its answer, what narrows it, what is kept and taken along. What others put
 * into statements stays text (R8, R10). A million entries scroll without a place that has no row.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  chosen,
  looser,
  termsOf,
  timeOf,
  toggled,
  uncertainOf,
  viewOf,
  withTime,
  withView,
} from '../../web/src/pages/sessions/terms.ts';
import { type ConsoleBrowser, closeBrowser, hasChromium, phone } from './browser.ts';
import { type Person, type Stage, startStage } from './stage.ts';

describe('a query as text', () => {
  test('a click puts a term in and takes it out; the rest stays as it was typed', () => {
    const query = 'drop  "a b" who:ana reads:"x y",z';
    const more = toggled(query, 'resource', 'orders db');
    expect(more).toBe('drop  "a b" who:ana reads:"x y",z resource:"orders db"');
    expect(chosen(more, 'resource', 'Orders DB')).toBe('in');
    expect(toggled(more, 'resource', 'orders db')).toBe(query);
    expect(toggled(query, 'who', 'ana', true)).toBe('drop  "a b" reads:"x y",z -who:ana');
    expect(toggled('-who:ana', 'who', 'ana')).toBe('who:ana');
    expect(toggled('principal:ana x', 'who', 'ana')).toBe('x');
  });
  test('what is added holds for the whole query, whatever is in it', () => {
    expect(toggled('a or b', 'who', 'ana')).toBe('(a or b) who:ana');
    expect(toggled('(a or b) c', 'who', 'ana')).toBe('(a or b) c who:ana');
    expect(toggled('"a or b"', 'who', 'ana')).toBe('"a or b" who:ana');
    expect(withTime('effect:drop or effect:truncate', 'since:7d')).toBe('(effect:drop or effect:truncate) since:7d');
    expect(withTime('x since:2026-10-01 before:2026-11-01', 'on:2026-10-02')).toBe('x on:2026-10-02');
    expect(timeOf('x during:october -since:7d')).toBe('on:october');
    expect(chosen('(who:ana) x', 'who', 'ana')).toBe(null);
  });
  test('lists, and ways to ask for less', () => {
    expect([viewOf(''), viewOf('type:session'), viewOf('is:command x'), viewOf('who:ana')]).toEqual([
      ...['sessions', 'sessions', 'commands', 'all'],
    ]);
    expect(withView('', 'all')).toBe('type:*');
    expect(withView('who:ana is:command', 'sessions')).toBe('who:ana type:session');
    expect(looser('who:ana x since:7d').map(({ query }) => query)).toEqual(['x since:7d', 'who:ana since:7d']);
    expect(uncertainOf('who:ana reads:customers.ssn on:2026-10')).toBe('who:ana on:2026-10 is:uncertain');
  });
  test('what cannot be read is taken apart as far as it goes, and ends', () => {
    for (const text of [
      '"',
      '-',
      '((',
      ')',
      'who:',
      'who:,',
      'a:"',
      '-"x',
      'rows>',
      '\\',
      'or or',
      ':',
      'a,,b',
      '“x”',
    ]) {
      for (const { at, end } of termsOf(text)) expect(end).toBeGreaterThan(at);
      expect(typeof toggled(text, 'who', 'x')).toBe('string');
    }
  });
});

/** A statement of somebody who means harm to whoever reads of it. */
const hostile =
  "SELECT '=HYPERLINK(1)', '<img src=x onerror=globalThis.harmed=1>', '\u202Egnp.exe\u200B' /* javascript:alert(1) */ -- harmless";

let stage: Stage;
const open: ConsoleBrowser[] = [];
const month = new Date().toISOString().slice(0, 7);
const lastMonth = new Date(Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() - 1, 1))
  .toISOString()
  .slice(0, 7);

describe.runIf(hasChromium)('in a browser', () => {
  beforeAll(async () => {
    stage = await startStage();
    await stage.psql('erin', 'SELECT full_name, email, ssn FROM customers LIMIT 3', hostile);
    await stage.psql('dora', 'SELECT ssn FROM customers WHERE id = 7');
    await stage.psql('emil', 'SELECT id, status FROM orders LIMIT 5', 'DROP TABLE payments');
    await found('reads:customers.ssn', 2);
    await found('type:session -is:live', 3);
    await found('verdict:block who:emil', 1);
    await found('harmless', 1);
  }, 180_000);
  afterAll(async () => {
    for (const one of open) await one.close();
    await closeBrowser();
    await stage?.close();
  }, 60_000);

  /** Waits until the index has it. */
  async function found(query: string, count: number): Promise<void> {
    for (const end = Date.now() + 60_000; ; await sleep(100)) {
      const { hits } = await stage.api('audrey').call('search', { body: { query } });
      if (hits.length >= count) return;
      if (Date.now() > end) throw new Error(`${query} finds ${hits.length}, not ${count}`);
    }
  }
  async function as(person: Person, options: Parameters<Stage['open']>[1] = {}): Promise<ConsoleBrowser> {
    const opened = await stage.open(person, options);
    open.push(opened);
    return opened;
  }
  const rows = (page: Page) => page.getByRole('table').locator('[role=row][data-index]');
  const said = (page: Page) => page.getByRole('status', { name: 'What was found' });
  const queryOf = (page: Page): string => new URL(page.url()).searchParams.get('q') ?? '';
  async function accessible(page: Page): Promise<void> {
    const { violations } = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'])
      .analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  }

  test('an auditor is asked who read customers.ssn this month', { timeout: 120_000 }, async () => {
    const { page, problems, go } = await as('audrey');
    await go('/sessions');
    // Nothing is typed yet: the sessions that there were.
    await page.getByRole('table', { name: 'Sessions' }).waitFor();
    await said(page).getByText('3 sessions').waitFor();
    await page.keyboard.press('/');
    const box = page.getByRole('combobox', { name: 'Search what happened' });
    await box.pressSequentially('read');
    await page.getByRole('option', { name: 'reads:' }).and(page.locator('#search-suggestion-0')).waitFor();
    await page.keyboard.press('Tab');
    expect(await box.inputValue()).toBe('reads:');
    await page.getByRole('option', { name: 'public.orders' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.getByRole('listbox', { name: 'Suggestions' }).getByRole('option', { selected: true }).waitFor();
    await box.pressSequentially(`customers.ssn on:${month}`);
    await page.keyboard.press('Enter');
    await said(page).getByText('2 found').waitFor();
    expect(queryOf(page)).toBe(`reads:customers.ssn on:${month}`);
    await rows(page).nth(1).waitFor();
    expect(await rows(page).count()).toBe(2);
    await page.getByRole('checkbox', { name: /^erin/ }).waitFor();
    await page.getByRole('checkbox', { name: /^dora/ }).waitFor();
    await accessible(page);

    // A facet is a term of the query; back takes it away again.
    await page.getByRole('checkbox', { name: /^erin/ }).click();
    await said(page).getByText('1 found').waitFor();
    expect(queryOf(page)).toBe(`reads:customers.ssn on:${month} who:erin`);
    expect(await page.getByRole('checkbox', { name: /^erin/ }).isChecked()).toBe(true);
    await page.goBack();
    await said(page).getByText('2 found').waitFor();
    expect(await box.inputValue()).toBe(`reads:customers.ssn on:${month}`);

    // Everything of one, beside the list, by keys; the address has it.
    await page.locator('#main').focus();
    await page.keyboard.press('j');
    await page.keyboard.press('Space');
    const peek = page.getByRole('complementary', { name: 'What was found' });
    await peek.getByText('public.customers').waitFor();
    await peek.getByRole('link', { name: 'read public.customers.ssn: find others' }).waitFor();
    await accessible(page);
    await page.reload();
    await peek.getByRole('link', { name: 'Open in replay' }).click();
    await page.waitForURL(/\/sessions\/ses_[^?]+\?command=\d+$/);
    await page.goBack();
    await peek.waitFor();
    await page.keyboard.press('Escape');
    await peek.waitFor({ state: 'detached' });

    // Nothing happened in the month before: what to leave out is said.
    await page.keyboard.press('/');
    await box.fill(`reads:customers.ssn on:${lastMonth}`);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Any time' }).last().click();
    await said(page).getByText('2 found').waitFor();
    expect(problems).toEqual([]);
  });

  test('what cannot be read is underlined in its place, with what is possible', { timeout: 60_000 }, async () => {
    const { page, problems, go } = await as('audrey', { theme: 'dark' });
    await go('/sessions?q=who:emil+verdict:blokc');
    await page.getByRole('alert').getByText('Possible here').waitFor();
    expect(await page.locator('[data-problem]').textContent()).toBe('blokc');
    await accessible(page);
    await page.getByRole('alert').getByRole('button', { name: 'block' }).click();
    await said(page).getByText('1 found').waitFor();
    expect(queryOf(page)).toBe('who:emil verdict:block');
    await rows(page).first().getByText('DROP TABLE payments').waitFor();
    expect(problems).toEqual([]);
  });

  test('R8, R10: what others wrote is text, in the list, beside it, and in what is taken along', {
    timeout: 60_000,
  }, async () => {
    const { page, problems, go } = await as('audrey');
    await go('/sessions?q=harmless+type:command');
    await rows(page).first().click();
    const peek = page.getByRole('complementary', { name: 'What was found' });
    await peek.getByText('U+202E').first().waitFor();
    await rows(page).first().locator('mark', { hasText: 'harmless' }).waitFor();
    expect(await page.evaluate<unknown>('globalThis.harmed')).toBe(undefined);
    expect(await page.locator('#main img').count()).toBe(0);
    expect(await page.locator('[href^="javascript:" i]').count()).toBe(0);
    await page.getByRole('button', { name: 'Export' }).click();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'Everything found, as CSV' }).click(),
    ]);
    const [head, line, ...rest] = (await readFile(await file.path(), 'utf8')).trim().split(/\r?\n/);
    expect(head).toMatch(/^at,type,who/);
    expect(line).toContain('harmless');
    expect(line).not.toMatch(/\u202E|\u200B/);
    expect(rest).toEqual([]);
    expect(problems).toEqual([]);
  });

  test('a search is saved, and a member finds by it what they did themselves', { timeout: 60_000 }, async () => {
    const admin = await as('admin');
    await admin.go('/sessions?q=reads%3Acustomers.ssn');
    await admin.page.getByRole('button', { name: 'Saved searches' }).click();
    await admin.page.getByRole('menuitem', { name: 'Save this search' }).click();
    expect(await admin.page.getByLabel('Name').inputValue()).toBe('reads-customers-ssn');
    await admin.page.getByLabel('What it is for').fill('Who saw numbers');
    await admin.page.getByLabel('Members see it too').check();
    await admin.page.getByRole('button', { name: 'Save', exact: true }).click();
    await admin.page.getByText('Saved as reads-customers-ssn.').waitFor();

    const member = await as('erin', { viewport: phone });
    await member.go('/sessions');
    await said(member.page).getByText('1 session').waitFor();
    await member.page.getByRole('button', { name: 'Saved searches' }).click();
    await member.page.getByRole('menuitem', { name: 'reads-customers-ssn' }).click();
    await said(member.page).getByText('1 found').waitFor();
    await accessible(member.page);
    await rows(member.page).first().click();
    await member.page.getByRole('dialog').getByRole('link', { name: 'Open in replay' }).waitFor();
    await member.page.keyboard.press('Escape');
    await member.page.getByRole('button', { name: 'Narrow what was found' }).click();
    await member.page
      .getByRole('dialog', { name: 'Narrow it' })
      .getByRole('checkbox', { name: /^public.customers/ })
      .waitFor();
    expect([...admin.problems, ...member.problems]).toEqual([]);
  });

  test('a million entries scroll without a place that has no row', { timeout: 180_000 }, async () => {
    const { page, problems, go } = await as('audrey');
    // The gateway's part is played in the page, 50,000 entries an answer: what is tried is the list.
    await page.addInitScript(manyHits);
    await go('/sessions?q=many');
    await rows(page).first().waitFor();
    const seen = await page.evaluate<{ rows: number; blank: string[]; last: string }>(scrollThrough);
    expect(seen.blank).toEqual([]);
    expect(seen.rows).toBe(1_000_000);
    expect(seen.last).toContain('entry 999999 ');
    // By keys, from one end to the other.
    await rows(page).last().focus();
    await page.keyboard.press('Home');
    await page.getByText('entry 0 ', { exact: false }).first().waitFor();
    await page.keyboard.press('End');
    await page.getByText('entry 999999 ', { exact: false }).first().waitFor();
    await page.mouse.move(800, 500);
    await page.mouse.wheel(0, -64);
    await page.getByText('entry 999960 ', { exact: false }).first().waitFor();
    expect(problems).toEqual([]);
  });
});

const manyHits = `(() => {
  const all = 1_000_000, some = 50_000, real = globalThis.fetch;
  const hit = (index) => ({
    id: 'gw:' + index, gateway: 'gw', sequence: index, type: 'command', at: new Date(1_790_000_000_000 - index * 1000).toISOString(),
    session: 'ses_' + (index >> 6), command: index & 63, principal: { id: 'local:ana', name: 'ana', kind: 'person' }, agents: [],
    resource: 'orders', protocol: 'postgres', source: '10.0.0.1', kind: 'sql', verb: 'query', text: 'select many -- entry ' + index + ' ',
    verdict: 'allow', judged: 'allow', rule: null, outcome: 'completed', error: null, effects: ['read'], touches: [], fingerprint: 'f',
    complete: true, rows: 1, bytes: 10, durationMs: 1, masked: 0, review: null, live: false,
  });
  globalThis.fetch = async (address, init) => {
    if (address !== '/api/v1/search') return real(address, init);
    const { cursor = '0', limit } = JSON.parse(init.body);
    const from = Number(cursor), to = Math.min(all, from + (from === 0 ? limit : some));
    const counts = limit === 0 ? { total: 10_000, isExact: false, uncertain: null, facets: {} } : null;
    const hits = limit === 0 ? [] : Array.from({ length: to - from }, (_, index) => hit(from + index));
    const answer = { query: 'many', from: null, until: '', marks: ['many'], hits, next: to < all ? String(to) : null, counts };
    return { ok: true, json: async () => answer };
  };
})()`;

/** Goes on by leaps and small steps until the end; in every frame each place of the list must show its row, in order. */
const scrollThrough = `(async () => {
  const table = document.querySelector('[role=table]');
  const blank = [];
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const count = () => Number(table.getAttribute('aria-rowcount')) - 1;
  const look = (when) => {
    const { left, top, bottom } = table.getBoundingClientRect();
    let before = null;
    for (let y = top + 50; y < bottom - 4; y += 20) {
      const row = document.elementFromPoint(left + 400, y)?.closest('[data-index]');
      const index = row === null || row === undefined ? null : Number(row.dataset.index);
      const isRight = index !== null && row.textContent.includes('entry ' + index + ' ') && (before === null || index - before <= 1);
      if (!isRight) blank.push(when + ' at ' + Math.round(y - top) + ': ' + (row?.textContent ?? 'nothing'));
      before = index;
    }
  };
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let turn = 0; turn < 4000 && (count() < 1_000_000 || turn < 60); turn++) {
    const far = table.scrollHeight - table.clientHeight;
    // To the end for more, then back into what is there: as a bar is drawn, and as a wheel turns.
    table.scrollTop = turn % 3 === 0 ? far : turn % 3 === 1 ? random() * far : table.scrollTop + (random() - 0.5) * 3000;
    await frame();
    look('turn ' + turn);
    if (blank.length > 10) break;
  }
  table.scrollTop = table.scrollHeight;
  await frame();
  await frame();
  look('the end');
  const last = [...document.querySelectorAll('[data-index]')].at(-1).textContent;
  return { rows: count(), blank, last };
})()`;
