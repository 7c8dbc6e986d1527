/** What a session is changing, by the state of its conversation. The attack itself: test/attacks/code.test.ts. */
import { describe, expect, test } from 'vitest';
import type { Meaning } from '../../core/command.ts';
import { type Analysis, analyseSql, createContext, loadSqlParser } from '../../language/index.ts';
import { Changes } from './context-changes.ts';
import type { Conversation } from './conversation.ts';

await loadSqlParser();

const analyse = (text: string): Analysis => analyseSql(text, createContext());
const meaning = (text: string): Meaning => ({ language: 'sql', sql: analyse(text) });
const idle = { status: 'I', owed: 0, unsynced: 0, queued: 0, waitingForReview: 0 };

function changes(...texts: string[]) {
  const conversation = { ...idle };
  const of = new Changes(conversation as unknown as Conversation);
  conversation.queued = texts.length;
  for (const text of texts) of.add(meaning(text));
  return { of, conversation };
}

describe('a definition concerns statements that name what it names', () => {
  const { of } = changes('create trigger t after insert on visits execute function f()');
  test.each([
    ['insert into visits values (1)', true],
    ['select * from other.visits', true],
    ['select 1', false],
    ['insert into vault values (1)', false],
    ['select 1; delete from visits', true],
  ])('%s: %s', (text, concerned) => expect(of.concern(analyse(text))).toBe(concerned));

  test('what was not understood concerns everything', () => {
    const { of: unknown } = changes('alter tabel visits');
    expect(unknown.concern(analyse('select 1'))).toBe(true);
  });
});

describe('as long as it is with the server, or on its way there', () => {
  const text = analyse('delete from visits');
  test.each([
    ['queued', { queued: 1 }, true, false],
    ['forwarded', { owed: 1 }, true, false],
    ['without a Sync', { unsynced: 1 }, true, false],
    ['in a transaction', { status: 'T' }, true, false],
    ['in a transaction that waits for a human', { status: 'T', queued: 1, waitingForReview: 1 }, true, false],
    ['waiting for a human', { queued: 1, waitingForReview: 1 }, false, false],
    ['done', {}, false, true],
  ])('%s', (_name, state, concerned, isOver) => {
    const { of, conversation } = changes('alter table visits add column x int');
    Object.assign(conversation, idle, state);
    expect([of.concern(text), of.isOver]).toEqual([concerned, isOver]);
  });

  test('one that waits for a human concerns them once it is approved, whatever was added behind it', () => {
    const { of, conversation } = changes('alter table visits add column x int');
    conversation.waitingForReview = 1;
    conversation.queued = 2;
    of.add(meaning('alter table other add column x int'));
    Object.assign(conversation, { owed: 1, queued: 1, waitingForReview: 0 });
    expect(of.concern(text)).toBe(true);
  });
});
