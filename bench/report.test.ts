/** The arithmetic behind the table. */
import { expect, test } from 'vitest';
import { median, renderMarkdown, type Sample, summarise } from './report.ts';

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

test('what was not measured is a dash', () => {
  const environment = {
    node: '24',
    postgres: '15',
    processor: 'p',
    cores: 2,
    rounds: 1,
    secondsPerRound: 1,
    finishedAt: 'now',
  };
  const workload = { name: 'w', title: 'W', clients: 1, arguments: [] };
  const candidates = [
    { name: 'direct', title: 'direct' },
    { name: 'gone', title: 'gone' },
  ];
  const text = renderMarkdown(summarise([sample('direct', 0, 10, null)]), [workload], candidates, environment);
  expect(text).toContain('| W | 1.00 | – |');
});
