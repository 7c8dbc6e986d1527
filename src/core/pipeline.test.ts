import { expect, it } from 'vitest';
import { commandStages, connectionStages, outputStages } from './pipeline.ts';

const names = (stages: readonly (readonly [string, string])[]): string[] => stages.map(([name]) => name);

it('has its stages in the order that the promises rest on', () => {
  expect(names(connectionStages)).toEqual(['accept', 'identify', 'authorise', 'open', 'commands', 'close', 'seal']);
  expect(names(commandStages)).toEqual(['intent', 'judge', 'review', 'durable', 'release']);
  expect(names(outputStages)).toEqual(['observe', 'mask', 'record', 'deliver']);
});

it('gives a reason for each stage', () => {
  for (const [, reason] of [...connectionStages, ...commandStages, ...outputStages])
    expect(reason.length).toBeGreaterThan(20);
});
