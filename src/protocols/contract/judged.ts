/** Cases: nothing passes that was not judged and recorded. */
import { describe, expect, test } from 'vitest';
import { coreErrors } from '../../core/errors.ts';
import type { VerdictName } from '../../core/verdict.ts';
import type { Cases } from './index.ts';
import { allow, type Stage } from './stage.ts';
import { turns, until } from './wires.ts';

export function describeJudged({ harness, stage: open, marker: newMarker }: Cases): void {
  const { bytes, codes } = harness;

  const verdict = (stage: Stage, name: VerdictName, marker: string): void => {
    stage.judge = (draft) =>
      draft.text.includes(marker) ? { name, rule: 'rule-of-the-test', reason: 'Not this one.' } : allow;
  };

  describe('judged', () => {
    test.each(['block', 'hold'] as const)('%s: it never reaches the server, and the session goes on', async (name) => {
      const stage = await open();
      const marker = newMarker();
      verdict(stage, name, marker);
      const client = await stage.session();
      await client.write(bytes.effecting(marker));
      const [first] = (await stage.answers(client, 1)).answers;
      expect(first).toEqual({ outcome: 'failed', code: codes.blocked });
      const after = newMarker();
      await client.write(bytes.reading(after));
      const { answers, goodbye } = await stage.answers(client, 2);
      expect(answers[1]).toEqual({ outcome: 'completed', code: null });
      expect(goodbye).toBeNull();
      expect(client.received.includes(after)).toBe(true);
      expect(stage.reached(marker)).toBe(false);
      expect(await stage.upstream.effects(marker)).toBe(0);
      expect(stage.journal.of('command.verdict')[0]?.verdict.rule).toBe('rule-of-the-test');
      expect(stage.journal.of('command.ended')[0]?.outcome).toBe('refused');
    });

    test('block between two others, all in one chunk: the others are answered in order', async () => {
      const stage = await open();
      const [before, marker, after] = [newMarker(), newMarker(), newMarker()];
      verdict(stage, 'block', marker);
      const client = await stage.session();
      await client.write(Buffer.concat([bytes.effecting(before), bytes.effecting(marker), bytes.reading(after)]));
      const { answers } = await stage.answers(client, 3);
      expect(answers.map(({ code }) => code)).toEqual([null, codes.blocked, null]);
      expect(await stage.upstream.effects(before)).toBe(1);
      expect(stage.reached(marker)).toBe(false);
    });

    test('terminate: the session ends natively', async () => {
      const stage = await open();
      const marker = newMarker();
      verdict(stage, 'terminate', marker);
      const client = await stage.session();
      await client.write(bytes.effecting(marker));
      expect(await stage.goodbye(client)).toBe(codes.terminated);
      expect(stage.reached(marker)).toBe(false);
      await until(() => stage.journal.of('session.ended').length === 1, 'the end');
      expect(stage.journal.of('session.ended')[0]?.reason).toBe('verdict');
    });

    test('a judge that throws ends the session (I2)', async () => {
      const stage = await open();
      const marker = newMarker();
      const client = await stage.session();
      stage.judge = () => {
        throw new Error('judge failed');
      };
      await client.write(bytes.effecting(marker));
      await stage.goodbye(client);
      expect(stage.reached(marker)).toBe(false);
      expect(await stage.upstream.effects(marker)).toBe(0);
    });
  });

  describe('recorded', () => {
    test('an effect is forwarded only after its intent is durable (I1)', async () => {
      const stage = await open();
      const marker = newMarker();
      const client = await stage.session();
      const durableAtForward: number[] = [];
      stage.onUpstreamWrite = (view) => {
        if (view.includes(marker)) durableAtForward.push(stage.journal.durableSequence);
      };
      stage.journal.hold();
      await client.write(bytes.effecting(marker));
      await until(() => stage.journal.of('command.intent').length > 0, 'the intent');
      await turns();
      expect(stage.reached(marker)).toBe(false);
      stage.journal.release();
      await stage.answers(client, 1);
      expect(await stage.upstream.effects(marker)).toBe(1);
      const intent = stage.journal.of('command.intent').find(({ text }) => text.includes(marker));
      expect(durableAtForward.length).toBeGreaterThan(0);
      for (const sequence of durableAtForward) expect(sequence).toBeGreaterThanOrEqual(intent!.seq);
    });

    test('no output before the intent of its command is durable (I1)', async () => {
      const stage = await open();
      const marker = newMarker();
      const client = await stage.session();
      const before = client.receivedBytes;
      stage.journal.hold();
      await client.write(bytes.reading(marker));
      await until(() => stage.journal.of('command.intent').length > 0, 'the intent');
      await turns(50);
      expect(client.receivedBytes).toBe(before);
      stage.journal.release();
      await stage.answers(client, 1);
      expect(client.received.includes(marker)).toBe(true);
    });

    test('best-effort does not wait for the disk', async () => {
      const stage = await open({ recording: 'best-effort' });
      const marker = newMarker();
      const client = await stage.session();
      stage.journal.hold();
      await client.write(bytes.effecting(marker));
      await stage.answers(client, 1);
      expect(await stage.upstream.effects(marker)).toBe(1);
      expect(stage.journal.of('command.intent').some(({ text }) => text.includes(marker))).toBe(true);
    });

    test('the recording holds what was asked and what came back', async () => {
      const stage = await open();
      const marker = newMarker();
      const client = await stage.session();
      await client.write(bytes.reading(marker));
      await stage.answers(client, 1);
      await until(() => stage.journal.of('command.ended').length > 0, 'the end of the command');
      const { entries } = stage.recordings.opened[0]!;
      expect(entries.some((entry) => entry.type === 'command' && entry.text.includes(marker))).toBe(true);
      expect(entries.some((entry) => 'data' in entry && entry.data.includes(marker))).toBe(true);
      expect(entries.some((entry) => entry.type === 'completed')).toBe(true);
    });

    test('a journal that fails ends the session, and nothing passes', async () => {
      const stage = await open();
      const [waiting, late] = [newMarker(), newMarker()];
      const client = await stage.session();
      stage.journal.hold();
      await client.write(bytes.effecting(waiting));
      await until(() => stage.journal.of('command.intent').length > 0, 'the intent');
      stage.journal.fail(new Error('the disk is gone'));
      await client.write(bytes.effecting(late));
      await stage.goodbye(client);
      expect(stage.reached(waiting) || stage.reached(late)).toBe(false);
      expect(await stage.upstream.effects(waiting)).toBe(0);
      const dialled = stage.upstreamTaps.length;
      const next = await stage.connect();
      await expect(harness.logIn(next, stage.as())).rejects.toThrow();
      expect(stage.upstreamTaps).toHaveLength(dialled);
    });

    test('a recording that fails ends the session, and nothing passes', async () => {
      const stage = await open();
      const marker = newMarker();
      const client = await stage.session();
      stage.recordings.opened[0]!.fail(coreErrors('core.recording-failed'));
      await client.write(bytes.effecting(marker));
      await stage.goodbye(client);
      expect(stage.reached(marker)).toBe(false);
      expect(await stage.upstream.effects(marker)).toBe(0);
      await until(() => stage.journal.of('session.ended').length === 1, 'the end');
      expect(stage.journal.of('session.ended')[0]?.reason).toBe('recording-failed');
    });
  });
}
