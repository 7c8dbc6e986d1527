/** What the writer keeps of each event is what a parser would find in it, however the event is written. */
import { expect, test } from 'vitest';
import { Peek, readBeginning, SessionTracker } from './tracker.ts';

const leaf = (payload: string): Buffer => Buffer.from(`\0${payload}`);
const opened = (session: string): Buffer =>
  leaf(`{"seq":1,"at":5,"type":"session.opened","session":${JSON.stringify(session)}}`);

test.each([
  [
    '{"seq":7,"at":9,"type":"command.intent","session":"ses_a","command":12,"kind":"sql"}',
    'command.intent',
    'ses_a',
    12,
  ],
  ['{"seq":7,"at":9,"type":"command.ended","session":"ses_a","command":3}', 'command.ended', 'ses_a', 3],
  ['{"seq":7,"at":9,"type":"command.cancel","session":"ses_a","command":3}', null, '', 0],
  ['{"seq":7,"at":9,"type":"command.intention","session":"ses_a","command":3}', null, '', 0],
  ['{"seq":7,"at":9,"type":"command.ended","session":"a\\"b","command":3}', null, '', 0],
  ['{"seq":7,"at":9,"type":"command.ended","session":"ses_a","command":"3"}', null, '', 0],
  ['{"seq":7,"at":9,"type":"command.ended","session":"ses_a"', null, '', 0],
  ['{"seq":7,"at":9,"type":"command.ended","session":"ses_', null, '', 0],
  ['', null, '', 0],
] as const)('the beginning of %s', (payload, type, session, command) => {
  const peek = new Peek();
  expect(peek.lookAtCommand(leaf(payload))).toBe(type);
  if (type === null) return;
  expect([peek.session, peek.command]).toEqual([session, command]);
  expect(readBeginning(leaf(payload))).toMatchObject({ type, session, command });
});

test.each(['ses_a', 'a"b', 'a\\b'])('a session named %s is followed whatever the order of fields', (session) => {
  const tracker = new SessionTracker();
  const name = JSON.stringify(session);
  tracker.observe(opened(session));
  tracker.observe(leaf(`{"seq":2,"at":5,"type":"command.intent","session":${name},"command":1}`));
  tracker.observe(leaf(`{"seq":3,"at":5,"type":"command.intent","command":2,"session":${name}}`));
  tracker.observe(leaf(`{"seq":4,"at":5,"type":"command.ended","session":${name},"command":1}`));
  tracker.observe(leaf('{"seq":5,"at":5,"type":"command.intent","session":"another","command":9}'));
  expect(tracker.states()).toMatchObject([{ session, commands: 2, pending: [2] }]);
  tracker.observe(leaf(`{"seq":6,"at":5,"type":"session.ended","session":${name}}`));
  expect(tracker.states()).toEqual([]);
});
