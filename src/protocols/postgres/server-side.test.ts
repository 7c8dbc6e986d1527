import { expect, test } from 'vitest';
import type { RecordingEntry } from '../../core/recording.ts';
import type { Session } from '../../core/session.ts';
import { Conversation } from './conversation.ts';
import * as m from './messages.ts';
import { ServerSide } from './server-side.ts';

function make(): { conversation: Conversation; server: ServerSide; delivered: Buffer[]; entries: RecordingEntry[] } {
  const entries: RecordingEntry[] = [];
  const delivered: Buffer[] = [];
  const session = { ended: false, observe: (entry: RecordingEntry) => void entries.push(entry) } as unknown as Session;
  const conversation = new Conversation(session);
  const server = new ServerSide(conversation, {
    deliver: (view) => delivered.push(view) > 0,
    encodingChanged: () => undefined,
    stopRunning: () => undefined,
  });
  return { conversation, server, delivered, entries };
}

test('A-PG-14: standard_conforming_strings is tracked', () => {
  const { conversation, server } = make();
  expect(conversation.standardConformingStrings).toBe(true);
  server.read(m.encodeParameterStatus({ parameter: 'standard_conforming_strings', value: 'off' }));
  expect(conversation.standardConformingStrings).toBe(false);
  server.read(m.encodeParameterStatus({ parameter: 'standard_conforming_strings', value: 'on' }));
  expect(conversation.standardConformingStrings).toBe(true);
});

test('what is not changed is delivered as a view of its chunk, in one piece', () => {
  const { server, delivered, entries } = make();
  const notice = m.encodeNoticeResponse({ severity: 'NOTICE', code: '00000', message: 'hello' });
  const chunk = Buffer.concat([notice, notice, notice.subarray(0, 7)]);
  server.read(chunk);
  expect(delivered).toHaveLength(1);
  expect(delivered[0]!.buffer).toBe(chunk.buffer);
  expect(delivered[0]).toEqual(chunk.subarray(0, notice.length * 2));
  server.read(notice.subarray(7));
  expect(delivered[1]).toEqual(notice);
  expect(entries).toHaveLength(3);
});
