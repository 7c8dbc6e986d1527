import { describe, expect, test } from 'vitest';
import type { Activity } from '../core/activity.ts';
import type { DetectionSpec } from '../core/detection.ts';
import type { Detector, DetectorDefinition } from './detector.ts';
import { createEngine, type Engine, failureDetection, type Raised } from './engine.ts';
import { Story, touching } from './testing.ts';

const minute = 60_000;

function engineOf(detections: Record<string, DetectionSpec>, definitions: readonly DetectorDefinition[] = []): Engine {
  return createEngine({ detections: Object.entries(detections).map(([name, spec]) => ({ name, spec })), definitions });
}

function feed(engine: Engine, activities: readonly Activity[]): Raised[] {
  return activities.flatMap((activity) => [...engine.observe(activity)]);
}

const drops: DetectionSpec = { severity: 'high', select: { drop: { effect: 'drop', table: 'customers' } } };

describe('a selection by itself', () => {
  test('finds a command once, however many events it has', () => {
    const story = new Story();
    story.run();
    story.run({ text: 'drop table customers', facts: touching([['table', 'write', 'public.customers']], ['drop']) });
    const raised = feed(engineOf({ drops }), story.activities);
    expect(raised).toHaveLength(1);
    const [{ alert, isNew, findings }] = raised as [Raised];
    expect(alert).toMatchObject({
      detection: 'drops',
      severity: 'high',
      principal: { id: 'prn_ana', name: 'ana' },
      resource: 'orders',
      session: 'ses_ana_orders',
      command: 2,
      isDry: false,
      evidence: [4],
      summary: 'drops: ana on orders',
    });
    expect(alert.id).toMatch(/^al_[0-9a-hjkmnp-tv-z]{16}$/);
    expect([isNew, findings]).toEqual([true, 1]);
  });

  test('at its verdict where the verdict is asked for, and at its end where what came of it is', () => {
    const story = new Story();
    story.run({ verdict: 'block' });
    story.run({ rows: 5000 });
    const raised = feed(
      engineOf({
        blocked: { severity: 'low', select: { one: { verdict: ['block', 'terminate'] } } },
        large: { severity: 'low', select: { one: { rows: { min: 1000 } } } },
        fine: { severity: 'low', select: { one: { verdict: 'allow' } } },
      }),
      story.activities,
    );
    expect(raised.map(({ alert }) => [alert.detection, alert.sequence])).toEqual([
      ['blocked', 3],
      ['fine', 6],
      ['large', 6],
    ]);
  });
});

describe('one alert for what belongs together', () => {
  test('while its detection is quiet; told again after that, and of additions at ticks', () => {
    const story = new Story();
    const drop = (): void => {
      story.run({ text: 'drop', facts: touching([['table', 'write', 'public.customers']], ['drop']) });
    };
    drop();
    story.wait(1000);
    drop();
    drop();
    story.wait(15_000);
    story.run();
    story.wait(60 * minute);
    drop();
    const raised = feed(engineOf({ drops }), story.activities);
    expect(raised.map(({ isNew, findings, alert }) => [isNew, findings, alert.evidence.length])).toEqual([
      [true, 1, 1],
      [false, 3, 3],
      [true, 1, 1],
    ]);
    expect(raised[1]!.alert.id).toBe(raised[0]!.alert.id);
    expect(raised[2]!.alert.id).not.toBe(raised[0]!.alert.id);
  });

  test('another session is told at once, since responses may concern it', () => {
    const story = new Story();
    const facts = touching([['table', 'write', 'public.customers']], ['drop']);
    story.run({ facts });
    story.run({ facts, resource: 'billing' });
    const raised = feed(engineOf({ drops: { ...drops, respond: [{ do: 'end' }] } }), story.activities);
    expect(raised.map(({ isNew, alert, respond }) => [isNew, alert.session, respond.length])).toEqual([
      [true, 'ses_ana_orders', 1],
      [false, 'ses_ana_billing', 1],
    ]);
  });

  test('a dry run and a suppression do nothing and tell nobody, and say so', () => {
    const story = new Story();
    const facts = touching([['table', 'write', 'public.customers']], ['drop']);
    story.run({ facts });
    story.run({ who: 'ben', facts });
    const suppress = [{ match: { principal: 'ana' }, reason: 'ana migrates' }];
    const respond = [{ do: 'end' as const }];
    const raised = feed(engineOf({ drops: { ...drops, suppress, respond } }), story.activities);
    expect(raised.map(({ suppressed, respond: does }) => [suppressed, does.length])).toEqual([
      ['ana migrates', 0],
      [null, 1],
    ]);
    const dry = feed(engineOf({ drops: { ...drops, mode: 'dry-run', respond } }), story.activities);
    expect(dry.map(({ alert, respond: does }) => [alert.isDry, does.length])).toEqual([
      [true, 0],
      [true, 0],
    ]);
  });

  test('a suppression ends at its time', () => {
    const story = new Story();
    const facts = touching([['table', 'write', 'public.customers']], ['drop']);
    const until = new Date(story.atMs + minute).toISOString();
    story.run({ facts });
    story.wait(minute);
    story.run({ facts });
    const suppress = [{ match: { principal: 'ana' }, reason: 'ana migrates', until }];
    const raised = feed(engineOf({ drops: { ...drops, suppress } }), story.activities);
    expect(raised.map(({ suppressed, isNew }) => [suppressed, isNew])).toEqual([
      ['ana migrates', true],
      [null, true],
    ]);
  });
});

describe('isolation', () => {
  function throwing(at: number): DetectorDefinition {
    let seen = 0;
    const detector: Detector = {
      observe: () => {
        if (++seen >= at) throw new Error('a bug');
        return [];
      },
      state: () => null,
      restore: () => true,
    };
    return { name: 'broken', title: '', explanation: '', tuning: {}, create: () => detector };
  }

  test('a detector that throws is off, an alert says so, and the others go on', () => {
    const story = new Story();
    const facts = touching([['table', 'write', 'public.customers']], ['drop']);
    story.run();
    story.run({ facts });
    const engine = engineOf({ drops, bad: { severity: 'low', detector: 'broken' } }, [throwing(2)]);
    const raised = feed(engine, story.activities);
    expect(raised.map(({ alert }) => alert.detection)).toEqual([failureDetection, 'drops']);
    expect(raised[0]!.alert).toMatchObject({ severity: 'high', facts: { detection: 'bad' }, evidence: [2] });
    expect(engine.failed).toEqual(['bad']);
    // Still off after a restart, and not told again.
    const again = engineOf({ drops, bad: { severity: 'low', detector: 'broken' } }, [throwing(1)]);
    expect(again.restore(engine.state())).toEqual([]);
    expect(feed(again, new Story().activities)).toEqual([]);
    expect(again.failed).toEqual(['bad']);
  });
});

test('what detections raised is not given to detections', () => {
  const story = new Story();
  const session = story.open();
  const body = {
    type: 'alert.raised',
    rule: 'r',
    reason: '',
    session,
    command: null,
    principal: null,
    resource: null,
  } as const;
  story.event(body);
  story.event({ ...body, alert: { id: 'al_1', detection: 'x', severity: 'low', evidence: [], facts: {} } });
  const raised = feed(
    engineOf({ any: { severity: 'low', select: { one: { type: 'alert.raised' } }, by: [] } }),
    story.activities,
  );
  expect(raised.map(({ findings }) => findings)).toEqual([1]);
});
