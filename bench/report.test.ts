/** The arithmetic behind the table. */
import { expect, test } from 'vitest';
import { median, renderMarkdown, renderReadme, type Sample, spliceReadme, summarise } from './report.ts';

const sample = (candidate: string, round: number, tps: number, cpu: number | null): Sample => ({
  workload: 'w',
  candidate,
  round,
  transactionsPerSecond: tps,
  latencyMs: 1000 / tps,
  cpuMicroseconds: cpu,
  residentBytes: cpu === null ? null : 1024 * 1024 * (round + 1),
});

test('median of none, one, even, odd', () => {
  expect(median([])).toBeNull();
  expect(median([3])).toBe(3);
  expect(median([4, 1])).toBe(2.5);
  expect(median([9, 1, 4])).toBe(4);
});

test('ratios are taken within a round, so that a slow round hurts nobody', () => {
  const rounds: [number, number, number][] = [
    [1000, 800, 900],
    [100, 80, 90],
    [2000, 1600, 1800],
  ];
  const samples = rounds.flatMap(([direct, own, haproxy], round) => [
    sample('direct', round, direct, null),
    sample('own', round, own, 12),
    sample('haproxy', round, haproxy, 6),
  ]);
  const row = summarise(samples).find(({ candidate }) => candidate === 'own');
  expect(row?.toDirect).toBeCloseTo(0.8);
  expect(row?.toHaproxy).toBeCloseTo(8 / 9);
  expect(row?.cpuToHaproxy).toBe(2);
  expect(row?.transactionsPerSecond).toBe(800);
  expect(row?.residentBytes).toBe(3 * 1024 * 1024);
});

const environment = {
  node: '24',
  postgres: '15',
  processor: 'p',
  cores: 2,
  rounds: 1,
  secondsPerRound: 1,
  finishedAt: 'now',
};
const workload = { name: 'w', title: 'W', clients: 1, arguments: [], candidates: [] };

test('what was not measured is a dash', () => {
  const candidates = [
    { name: 'direct', title: 'direct' },
    { name: 'gone', title: 'gone' },
  ];
  const text = renderMarkdown(summarise([sample('direct', 0, 10, null)]), [workload], candidates, environment);
  expect(text).toContain('| W | 1.00 | – |');
});

test('bulk is compared with pgbouncer, the rest is not', () => {
  const samples = [sample('pgbouncer', 0, 10, 4), sample('own', 0, 9, 6)];
  const rows = summarise(samples);
  const own = rows.find(({ candidate }) => candidate === 'own');
  expect([own?.toPgbouncer, own?.cpuToPgbouncer]).toEqual([0.9, 1.5]);
  const candidates = [{ name: 'own', title: 'own' }];
  expect(renderMarkdown(rows, [workload], candidates, environment)).not.toContain('pgbouncer = 1.00');
  const text = renderMarkdown(rows, [{ ...workload, rows: 50 }], candidates, environment);
  expect(text).toContain('| W | 0.90 |');
  expect(text).toContain('| W | 1.50 |');
});

test('the README shows the candidates and rows that a newcomer compares', () => {
  const candidates = [
    { name: 'direct', title: 'direct' },
    { name: 'sallyport-handles', title: 'handles' },
    { name: 'sallyport-masked', title: 'masked' },
  ];
  const rows = summarise([sample('direct', 0, 10, null), sample('sallyport-handles', 0, 6, 1)]);
  const masks = { ...workload, name: 'm', title: 'M', masksOnly: true };
  const text = renderReadme(rows, [workload, masks], candidates, environment);
  expect(text.split('\n').slice(-3)).toEqual(['| | direct | handles |', '|---|---:|---:|', '| W | 1.00 | 0.60 |']);
});

test('the README keeps what stands around the markers and below the table', () => {
  const readme = 'a\n<!-- bench:begin -->\nold\n\n| x |\n| y |\n\nwords\n<!-- bench:end -->\nb\n';
  const spliced = 'a\n<!-- bench:begin -->\nnew\n\n| z |\n\nwords\n<!-- bench:end -->\nb\n';
  expect(spliceReadme(readme, 'new\n\n| z |')).toBe(spliced);
  expect(spliceReadme(spliced, 'new\n\n| z |')).toBe(spliced);
  const empty = '<!-- bench:begin -->\n<!-- bench:end -->';
  expect(spliceReadme(empty, '| z |')).toBe('<!-- bench:begin -->\n| z |\n<!-- bench:end -->');
  for (const bad of ['', '<!-- bench:begin -->', '<!-- bench:end -->', `${empty}${empty}`]) {
    expect(() => spliceReadme(bad, 'new')).toThrow('README.md must hold');
  }
});
