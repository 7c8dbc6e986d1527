/** How live sessions stand in their list, and which a filter finds: without a browser. */
import { expect, test } from 'vitest';
import type { SessionView } from '../../src/api/contract/shapes.ts';
import { clientOf, matcher, shortClientOf } from '../../web/src/pages/now/matching.ts';
import { type Order, reorder } from '../../web/src/pages/now/order.ts';

const row = (id: string) => ({ id });
const none: Order<{ readonly id: string }> = { rows: [], waiting: [] };
const shown = ({ rows }: Order<{ readonly id: string }>) => rows.map(({ id, isOver }) => (isOver ? `${id} over` : id));

test('while somebody reads, nothing moves; then all is as it is', () => {
  const [a, b, c] = [row('a'), row('b'), row('c')];
  const first = reorder(none, [b, a], true);
  expect(shown(first)).toEqual(['b', 'a']);
  const reading = reorder(first, [c, a], false);
  expect(shown(reading)).toEqual(['b over', 'a']);
  expect(reading.waiting).toEqual([c]);
  // What has not changed is the same object: its row is not drawn again.
  expect(reading.rows[1]).toBe(first.rows[1]);
  const after = reorder(reading, [c, a], true);
  expect(shown(after)).toEqual(['c', 'a']);
  expect(after.waiting).toEqual([]);
  expect(after.rows[1]).toBe(first.rows[1]);
});

const session = {
  ...{ id: 'ses_1', resource: 'orders', protocol: 'postgres', source: '10.0.0.7', recording: 'strict' },
  principal: { id: 'local:ana', name: 'ana', kind: 'person', agents: ['claude'] },
  client: { application_name: 'DBeaver 24 (main)', tls: 'TLSv1.3' },
} as unknown as SessionView;

test.each([
  ['', true],
  ['ana', true],
  ['ANA orders', true],
  ['who:ana from:10.0', true],
  ['who:claude', true],
  ['agent:claude client:dbeaver', true],
  ['resource:ana', false],
  ['ana payments', false],
  // No field of that name: words like any other.
  ['nothing:ana', false],
])('the filter %j finds: %s', (text, found) => {
  expect(matcher(text)(session)).toBe(found);
});

test('a client is named as it names itself', () => {
  expect(clientOf(session)).toBe('DBeaver 24 (main)');
  expect(shortClientOf(session)).toBe('DBeaver');
  expect(clientOf({ ...session, client: {} })).toBe('');
});
