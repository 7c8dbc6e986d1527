/** The answer to the gateway's own question is taken out of the stream, and nothing else is. */
import { describe, expect, test } from 'vitest';
import { ContextAnswer } from './context-answer.ts';
import { readServerContext } from './inspection.ts';
import * as limits from './limits.ts';
import * as m from './messages.ts';

const cells = [
  'orders',
  'app',
  'app',
  '["pg_catalog","public"]',
  '0',
  null,
  '[["p","prepare p as select $1",[25]]]',
  null,
];
const notice = m.encodeNoticeResponse({ severity: 'NOTICE', code: '00000', message: 'by the way' });
const status = m.encodeParameterStatus({ parameter: 'is_superuser', value: 'off' });
const answer = [
  m.encodeParseComplete(),
  m.encodeBindComplete(),
  m.encodeDataRow(cells),
  m.encodeCommandComplete('SELECT 1'),
  m.encodeCloseComplete(),
  m.encodeCloseComplete(),
  m.encodeReadyForQuery('I'),
];

describe('the answer about a session', () => {
  test('in chunks of any size; what else the server says is given back, in order', () => {
    const stream = Buffer.concat([...answer.slice(0, 3), notice, ...answer.slice(3), status]);
    for (const size of [1, 2, 7, 64, stream.length]) {
      const reading = new ContextAnswer();
      const others: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size) {
        const chunk = stream.subarray(at, at + size);
        if (reading.answer.done) others.push(chunk);
        else others.push(...reading.take(chunk));
      }
      expect(Buffer.concat(others)).toEqual(Buffer.concat([notice, status]));
      expect(reading.answer).toMatchObject({ done: true, refusal: null });
      expect(readServerContext(reading.answer.rows)).toEqual({
        database: 'orders',
        role: 'app',
        sessionUser: 'app',
        searchPath: ['pg_catalog', 'public'],
        temporary: 'none',
        prepared: [{ name: 'p', text: 'prepare p as select $1', parameterTypes: [25] }],
        cursors: [],
      });
    }
  });

  test('a refusal is known by its code; the server’s leave is the client’s', () => {
    const refused = new ContextAnswer();
    const error = m.encodeErrorResponse({ severity: 'ERROR', code: '42501', message: 'no' });
    expect(refused.take(Buffer.concat([error, m.encodeReadyForQuery('I')]))).toEqual([]);
    expect(refused.answer).toMatchObject({ done: true, refusal: '42501' });
    const fatal = m.encodeErrorResponse({ severity: 'FATAL', code: '57P01', message: 'terminating connection' });
    expect(new ContextAnswer().take(fatal)).toEqual([fatal]);
  });

  test('A-PG-27: a message at the limit is waited for, one past it is not; no answer has other messages', () => {
    const header = (length: number): Buffer => {
      const bytes = Buffer.from([0x44, 0, 0, 0, 0]);
      bytes.writeUInt32BE(length, 1);
      return bytes;
    };
    expect(new ContextAnswer().take(header(limits.inspectionRowBytesMax))).toEqual([]);
    const violation = expect.objectContaining({ code: 'postgres.upstream-protocol' }) as Error;
    expect(() => new ContextAnswer().take(header(limits.inspectionRowBytesMax + 1))).toThrow(violation);
    expect(() => new ContextAnswer().take(header(3))).toThrow(violation);
    expect(() => new ContextAnswer().take(m.encodeNoData())).toThrow(violation);
    const row = m.encodeDataRow(['x']);
    row.writeInt32BE(2, 7);
    expect(() => new ContextAnswer().take(row)).toThrow(violation);
  });

  test('what is not the answer to the question is none', () => {
    for (const rows of [[], [cells, cells], [cells.slice(1)], [[...cells.slice(0, 3), 'no json', ...cells.slice(4)]]]) {
      expect(readServerContext(rows)).toBeNull();
    }
    const odd = readServerContext([[...cells.slice(0, 6), '[[1]]', '[["c",null]]']]);
    expect(odd).toMatchObject({ prepared: null, cursors: [{ name: 'c', text: null }] });
  });
});
