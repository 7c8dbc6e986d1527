/** Cases: identity, and peers that break the protocol. */
import { describe, expect, test } from 'vitest';
import type { Cases } from './index.ts';
import { turns, until } from './wires.ts';

export function describeHostile({ harness, stage: open, marker: newMarker }: Cases): void {
  const { bytes, codes } = harness;

  describe('identity', () => {
    test('a wrong token is refused natively, journaled, and nothing is dialled', async () => {
      const stage = await open();
      const client = await stage.connect();
      const login = harness.logIn(client, stage.as('target', 'wrong-token'));
      await expect(login).rejects.toMatchObject({ code: codes.notAuthenticated });
      expect(stage.journal.of('identity.refused')).toHaveLength(1);
      expect(stage.journal.of('session.opened')).toEqual([]);
      expect(stage.upstreamTaps).toEqual([]);
    });

    test('an unknown principal gets the same answer', async () => {
      const stage = await open();
      const [known, unknown] = [await stage.connect(), await stage.connect()];
      const wrong = stage.as('target', 'wrong-token');
      await expect(harness.logIn(known, wrong)).rejects.toThrow();
      const nobody = { ...wrong, login: 'nobody01+target' };
      await expect(harness.logIn(unknown, nobody)).rejects.toMatchObject({ code: codes.notAuthenticated });
      expect(stage.upstreamTaps).toEqual([]);
    });

    test('an unknown resource and one without Access get the same answer', async () => {
      const stage = await open();
      const answers: string[] = [];
      for (const resource of ['no-such-', 'forbidden']) {
        const client = await stage.connect();
        const login = harness.logIn(client, stage.as(resource));
        await expect(login).rejects.toMatchObject({ code: codes.noAccess });
        await until(() => client.ended || client.closed, 'the gateway to close');
        const last = client.all.toString('latin1').slice(-400).replaceAll(resource, '<resource>');
        answers.push(last.slice(last.indexOf('<resource>')));
      }
      expect(answers[1]).toBe(answers[0]);
      expect(stage.journal.of('session.refused')).toHaveLength(2);
      expect(stage.upstreamTaps).toEqual([]);
    });

    test('a resource of another protocol is refused', async () => {
      const stage = await open();
      const client = await stage.connect();
      await expect(harness.logIn(client, stage.as('other'))).rejects.toThrow();
      expect(stage.journal.of('session.refused')[0]?.code).toBe('core.wrong-protocol');
      expect(stage.upstreamTaps).toEqual([]);
    });

    test('no new session without room to record (F-04)', async () => {
      const stage = await open();
      stage.journal.spaceLevel = 'refuse';
      const client = await stage.connect();
      await expect(harness.logIn(client, stage.as())).rejects.toThrow();
      expect(stage.upstreamTaps).toEqual([]);
    });

    test('a second identity in a session ends it (A-PG-03)', async () => {
      const stage = await open();
      const client = await stage.session();
      await client.write(bytes.secondIdentity({ ...stage.as(), login: 'somebody+target' }));
      await stage.goodbye(client);
      await until(() => stage.journal.of('session.ended').length === 1, 'the end');
      expect(stage.journal.of('violation').map(({ side }) => side)).toEqual(['client']);
      expect(stage.journal.of('session.opened')).toHaveLength(1);
      expect(stage.reached('somebody')).toBe(false);
    });

    test('commands behind a login that nobody has answered yet go nowhere', async () => {
      const stage = await open();
      const client = await stage.connect();
      const marker = newMarker();
      await client.write(bytes.early(stage.as(), marker));
      await until(
        () => client.ended || client.closed,
        () => `the gateway to close; ${stage.story()}`,
      );
      await turns();
      expect(stage.journal.of('session.opened')).toEqual([]);
      expect(await stage.upstream.effects(marker)).toBe(0);
      expect(stage.journal.of('violation')).toHaveLength(1);
    });
  });

  describe('hostile', () => {
    test.each(bytes.garbage.map((first, index) => [index, first.subarray(0, 12).toString('latin1'), first] as const))(
      'first bytes that are no login: %i %j',
      async (_index, _shown, first) => {
        const stage = await open();
        const client = await stage.connect();
        await client.write(first);
        client.halfClose();
        await until(
          () => client.ended || client.closed,
          () => `the gateway to close; ${stage.story()}`,
        );
        expect(stage.journal.of('session.opened')).toEqual([]);
        expect(stage.upstreamTaps).toEqual([]);
      },
    );

    test('a command of exactly the longest length is accepted', async () => {
      const stage = await open();
      const client = await stage.session();
      await client.write(bytes.atLimit());
      const { answers, goodbye } = await stage.answers(client, 1);
      expect(goodbye).toBeNull();
      expect(answers[0]?.outcome).toBe('completed');
    });

    test('one byte more is refused before the rest of it is waited for', async () => {
      const stage = await open();
      const client = await stage.session();
      const before = stage.upstreamTaps[0]!.sentBytes;
      await client.write(bytes.pastLimit());
      expect(await stage.goodbye(client)).not.toBeNull();
      await until(() => stage.journal.of('session.ended').length === 1, 'the end');
      expect(stage.journal.of('violation').map(({ side }) => side)).toEqual(['client']);
      expect(stage.journal.of('session.ended')[0]?.reason).toBe('violation');
      expect(stage.journal.of('command.intent')).toEqual([]);
      expect(stage.upstreamTaps[0]!.sentBytes - before).toBeLessThan(64);
    });

    test('a violation ends its own session and no other', async () => {
      const stage = await open();
      const [bad, good] = [await stage.session(), await stage.session()];
      await bad.write(bytes.pastLimit());
      await stage.goodbye(bad);
      await good.write(bytes.reading('still-here'));
      await stage.answers(good, 1);
      expect(good.received.includes('still-here')).toBe(true);
    });

    test('what follows a goodbye goes nowhere (A-PG-28)', async () => {
      const stage = await open();
      const client = await stage.session();
      const marker = newMarker();
      await client.write(Buffer.concat([bytes.goodbye, bytes.effecting(marker)]));
      await until(
        () => client.ended || client.closed,
        () => `the gateway to close; ${stage.story()}`,
      );
      await until(() => stage.doors.sessions.size === 0, 'the end');
      expect(stage.reached(marker)).toBe(false);
      expect(await stage.upstream.effects(marker)).toBe(0);
    });

    test('a server that breaks the protocol ends the session, and is named', async () => {
      const stage = await open();
      const client = await stage.session();
      stage.valve.speak(bytes.upstreamGarbage);
      await stage.goodbye(client);
      await until(
        () => stage.journal.of('session.ended').length === 1,
        () => `the end; ${stage.story()}`,
      );
      expect(stage.journal.of('violation').map(({ side }) => side)).toEqual(['upstream']);
      expect(stage.journal.of('session.ended')[0]?.reason).toBe('upstream-violation');
    });
  });
}
