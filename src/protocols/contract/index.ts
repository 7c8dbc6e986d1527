/** The contract suite: every protocol passes the same cases through the real door. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { describeFlow } from './flow.ts';
import type { HarnessUpstream, ProtocolHarness } from './harness.ts';
import { describeHostile } from './hostile.ts';
import { describeJudged } from './judged.ts';
import { Stage, type StageOptions } from './stage.ts';

export type { Answer, HarnessUpstream, LoginAs, ProtocolHarness, Reading } from './harness.ts';
export { LoginRefused } from './harness.ts';
export { type RawClient, until } from './wires.ts';

/** What the cases are given. */
export interface Cases {
  readonly harness: ProtocolHarness;
  /** The stage of this test; its invariants are verified when the test is over. */
  readonly stage: (options?: StageOptions) => Promise<Stage>;
  /** A word that occurs nowhere else. */
  readonly marker: () => string;
}

export function describeProtocol(name: string, harness: ProtocolHarness): void {
  describe(`${name}: contract`, { timeout: 30_000 }, () => {
    let upstream: HarnessUpstream;
    let open: Stage[] = [];

    beforeAll(async () => {
      upstream = await harness.startUpstream();
    }, 60_000);

    afterEach(async () => {
      const stages = open;
      open = [];
      for (const stage of stages) await stage.close();
    });

    afterAll(() => upstream?.stop());

    const cases: Cases = {
      harness,
      async stage(options) {
        const stage = await Stage.open(harness, upstream, options);
        open.push(stage);
        return stage;
      },
      marker: () => `mark${randomBytes(8).toString('hex')}`,
    };
    describeJudged(cases);
    describeFlow(cases);
    describeHostile(cases);
  });
}
