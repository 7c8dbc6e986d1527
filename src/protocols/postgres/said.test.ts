/** What the gateway has to say to the person of a session: a notice, between messages of the server and never within one. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import * as m from './messages.ts';
import { outline, rawClient, readUntilReady } from './raw-testing.ts';
import { connect, startGateway, type TestGateway, until } from './relay-testing.ts';

let server: PostgresServer;
let gateway: TestGateway;

beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.stop());
afterEach(() => gateway.close());

const say = (text: string): boolean[] => gateway.doors.sessions.all().map((session) => session.say(text));

describe('a message of the gateway', () => {
  test('reaches a client that does nothing, spelled so that it hides nothing', async () => {
    gateway = await startGateway({ upstream: server });
    const client = await connect(gateway);
    const notices: object[] = [];
    client.on('notice', (notice) => void notices.push(notice));
    expect(say('Look\u202e here')).toEqual([true]);
    await until(() => notices.length === 1);
    expect(notices[0]).toMatchObject({
      message: 'Look\\u202e here',
      detail: 'A message of the gateway, not of the server.',
    });
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  test('never stands within a message of the server', async () => {
    gateway = await startGateway({ upstream: server });
    const peer = await rawClient({ ...gateway.config, database: 'orders' });
    peer.write(m.encodeQuery("select repeat('x', 3000000) from generate_series(1, 3)"));
    for (let at = 0; at < 50; at++) {
      say(`message ${at}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Framing would break if one stood anywhere else.
    expect(outline(await readUntilReady(peer)).replaceAll('N ', '')).toBe('T D D D C Z:I');
    peer.socket.destroy();
  });
});
