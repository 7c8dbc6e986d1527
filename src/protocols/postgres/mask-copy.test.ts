/** COPY … TO STDOUT with masks in force (A-PG-20): options, formats, pieces, real servers. */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import { maskedValueBytesMax } from '../../core/limits.ts';
import type { ValueMask } from '../../core/masking.ts';
import { copyMasker } from './mask-copy.ts';
import { type CopyFormat, copyFormatOf } from './mask-copy-options.ts';
import { detects, judgingBy, nulls, planOf, redacts } from './mask-testing.ts';
import { MaskedColumn } from './mask-value.ts';
import * as m from './messages.ts';
import { outline, type RawMessage, rawClient, readUntilReady } from './raw-testing.ts';
import { startGateway, type TestGateway } from './relay-testing.ts';

const text: CopyFormat = { format: 'text', delimiter: 9, nullText: Buffer.from('\\N'), header: false };
const csv: CopyFormat = {
  format: 'csv',
  delimiter: 0x2c,
  nullText: Buffer.alloc(0),
  header: false,
  quote: 0x22,
  escapeWith: 0x22,
};

describe('the options of a statement', () => {
  test.each<[string, CopyFormat | null]>([
    ['copy t to stdout', text],
    ['COPY t(a, "to", c) TO STDOUT;', text],
    ['copy public.t to stdin', text],
    ['/* to /* stdout */ */ copy -- to stdout\n t to stdout', text],
    ["copy (select 'to stdout', $$to stdout$$, e'\\x41', u&'\\0041', b'1' from t) to stdout", text],
    ['copy t to stdout with (format csv)', csv],
    ["copy t to stdout (format 'csv', header)", { ...csv, header: true }],
    ['copy t to stdout (header, format csv)', { ...csv, header: true }],
    ['copy t to stdout (format csv, header off, force_quote *)', csv],
    ['copy t to stdout (format csv, force_quote (a, "b c"), null \'x\')', { ...csv, nullText: Buffer.from('x') }],
    ["copy t to stdout (format csv, quote '''', escape e'\\\\')", { ...csv, quote: 0x27, escapeWith: 0x5c }],
    ["copy t to stdout (format csv, quote '|')", { ...csv, quote: 0x7c, escapeWith: 0x7c }],
    ["copy t to stdout (delimiter e'\\t', null $$none$$)", { ...text, nullText: Buffer.from('none') }],
    ["copy t to stdout with csv header quote as '\"' force quote a, b", { ...csv, header: true }],
    ["copy t to stdout delimiter as ';' null as ''", { ...text, delimiter: 0x3b, nullText: Buffer.alloc(0) }],
    ["copy t to stdout using delimiters '|' with null ''", { ...text, delimiter: 0x7c, nullText: Buffer.alloc(0) }],
    ['copy binary t to stdout', { format: 'binary' }],
    ['copy t to stdout with binary', { format: 'binary' }],
    ['copy t to stdout (format binary)', { format: 'binary' }],
    ["copy t to stdout (encoding 'UTF8')", text],
    ["copy t to stdout (encoding 'latin1')", null],
    ['copy t to stdout (format json)', null],
    ['copy t to stdout (header match)', null],
    ['copy t to stdout (freeze)', null],
    ['copy t to stdout (format csv, format csv)', null],
    ["copy t to stdout (delimiter '||')", null],
    ["copy t to stdout (delimiter 'ü')", null],
    ["copy t to stdout (delimiter u&'|')", null],
    ['copy t to stdout; copy t to stdout', null],
    ['select 1; copy t to stdout', null],
    ["copy t to '/tmp/x'", null],
    ["copy t to program 'x'", null],
    ['copy t from stdin', null],
    ['copy t to stdout (format csv', null],
    ['copy t to stdout )', null],
    ["copy t to stdout (null 'x", null],
    ['copy t to stdout /*', null],
    ['table t', null],
    ['', null],
  ])('%s', (statement, format) => {
    expect(copyFormatOf(statement, true)).toEqual(format);
  });

  test('A-PG-14: a backslash in a plain string is not certain when strings do not conform', () => {
    expect(copyFormatOf("copy t to stdout (null '\\N')", true)).toEqual(text);
    expect(copyFormatOf("copy t to stdout (null '\\N')", false)).toBeNull();
  });
});

const column = (mask: ValueMask, isBinary = false): MaskedColumn =>
  new MaskedColumn({ mask, name: 'c', typeOid: 0, typeModifier: -1, isBinary, tally: { rule: mask.rule, count: 0 } });

/** What comes out when the data is cut into pieces of a size. */
function pieces(format: CopyFormat, columns: (MaskedColumn | null)[], data: Buffer, size: number): Buffer {
  const masker = copyMasker(format, (index) =>
    index < columns.length ? columns[index]! : column(redacts('beyond'), format.format === 'binary'),
  );
  const out: Buffer[] = [];
  for (let at = 0; at < data.length; at += size) out.push(Buffer.from(masker.push(data.subarray(at, at + size))));
  out.push(masker.end());
  return Buffer.concat(out);
}

describe('pieces of the stream', () => {
  test('a piece in which nothing is masked is given back as it is', () => {
    const masker = copyMasker(csv, () => column(detects('d', 'secret')));
    const line = Buffer.from('a,"b ""c""",\n');
    expect(masker.push(line)).toBe(line);
  });

  test.each<[string, CopyFormat, string, string]>([
    ['text', text, 'a\tsecret\t\\N\nx\\ty\tse\\\\cret\tz\n', 'a\t***\t\\N\nx\\ty\t***\tz\n'],
    ['fields beyond', text, 'a\tb\tc\td\n', 'a\t***\tc\t***\n'],
    ['csv', csv, 'a,"sec""ret\n,",c\n,,\n"x","",y\n', 'a,"***",c\n,,\n"x","***",y\n'],
    ['csv with a header', { ...csv, header: true }, 'a,b,c\nx,y,z\n', 'a,b,c\nx,***,z\n'],
    ['csv with another escape', { ...csv, escapeWith: 0x5c }, 'a,"x\\",y",c\n', 'a,"***",c\n'],
  ])('%s, cut anywhere', (_, format, before, after) => {
    const columns = [null, column(redacts('m')), null];
    for (let size = 1; size <= before.length; size++) {
      expect(pieces(format, columns, Buffer.from(before), size).toString()).toBe(after);
    }
  });

  test('values are escaped as the format asks', () => {
    const odd: ValueMask = { ...redacts('m'), apply: () => Buffer.from('a\t\\"\n,b') };
    expect(pieces(text, [column(odd)], Buffer.from('x\n'), 9).toString()).toBe('a\\t\\\\"\\n,b\n');
    expect(pieces(csv, [column(odd)], Buffer.from('x\n'), 9).toString()).toBe('"a\t\\""\n,b"\n');
    const empty: ValueMask = { ...redacts('m'), apply: () => Buffer.alloc(0) };
    expect(pieces(csv, [column(empty)], Buffer.from('x\n'), 9).toString()).toBe('""\n');
    expect(pieces(csv, [column(nulls('m'))], Buffer.from('x\n'), 9).toString()).toBe('\n');
    expect(pieces(text, [column(nulls('m'))], Buffer.from('x\n'), 9).toString()).toBe('\\N\n');
  });

  test('a value at the limit is masked whole, one past it in its length', () => {
    for (const [format, mark] of [
      [text, ''],
      [csv, '"'],
    ] as const) {
      const at = Buffer.from(`${'x'.repeat(maskedValueBytesMax)}\n`);
      expect(pieces(format, [column(redacts('m'))], at, 65_536).toString()).toBe('***\n');
      // One past it is still gathered with its end; a longer one is on its way before its end is known.
      for (const [more, marks] of [
        [1, ''],
        [200_000, mark],
      ] as const) {
        const past = Buffer.from(`${'x'.repeat(maskedValueBytesMax + more)}\n`);
        const now = pieces(format, [column(redacts('m'))], past, 65_536).toString();
        expect(now === `${marks}${'*'.repeat(maskedValueBytesMax + more)}${marks}\n`).toBe(true);
      }
    }
  });

  test('however it is cut, the same comes out', () => {
    const value = fc.string({ unit: fc.constantFrom('a', 'secret', '"', ',', '\\', '\n', '\t', 'ü', '') });
    const rows = fc.array(fc.array(fc.option(value), { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(
        rows,
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom<CopyFormat>(text, csv),
        (list, size, format) => {
          const data = Buffer.from(
            list.map((row) => `${row.map((one) => spell(one, format)).join(format === text ? '\t' : ',')}\n`).join(''),
          );
          const columns = (): (MaskedColumn | null)[] => [column(detects('d', 'secret')), null];
          const whole = pieces(format, columns(), data, data.length);
          expect(pieces(format, columns(), data, size).toString()).toBe(whole.toString());
          expect(whole.length).toBeGreaterThan(0);
          if (!data.includes('secret')) expect(whole).toEqual(data);
        },
      ),
    );
  });

  test('binary that does not follow the format is refused', () => {
    const masker = (): ReturnType<typeof copyMasker> => copyMasker({ format: 'binary' }, () => null);
    expect(() => masker().push(Buffer.alloc(19))).toThrow();
    const one = masker();
    const head = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
    one.push(head);
    expect(() => one.end()).toThrow();
    one.push(Buffer.from([0xff, 0xff]));
    expect(one.end()).toHaveLength(0);
    expect(() => one.push(Buffer.from([0]))).toThrow();
  });
});

function spell(value: string | null, format: CopyFormat): string {
  if (value === null) return format.format === 'text' ? '\\N' : '';
  if (format.format === 'text') return value.replace(/[\\]/g, '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
  return value === '' || /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

describe('through a gateway', () => {
  let server: PostgresServer;
  let gateways: TestGateway[] = [];
  beforeAll(async () => {
    server = await startPostgres({
      seed: `create table t(id int, card text, note text); alter table t owner to app;
        insert into t values (1, 'secret', E'a\\tb\\\\'), (2, null, 'x,"y'), (3, E'sec\\nret', '')`,
    });
  }, 90_000);
  afterAll(async () => server?.stop());
  afterEach(async () => {
    for (const one of gateways) await one.close();
    gateways = [];
  });

  async function ask(plan: Parameters<typeof planOf>[0] | null, bytes: Buffer, ready = 1): Promise<RawMessage[]> {
    let to: Parameters<typeof rawClient>[0] = server;
    if (plan !== null) {
      const gateway = await startGateway({ upstream: server, judging: judgingBy(() => planOf(plan)) });
      gateways.push(gateway);
      to = { ...gateway.config, database: 'orders' };
    }
    const peer = await rawClient(to);
    peer.write(bytes);
    const messages = await readUntilReady(peer, ready);
    peer.socket.destroy();
    return messages;
  }

  const data = (messages: readonly RawMessage[]): string =>
    messages
      .filter(({ type }) => type === 'd')
      .map(({ buffer, start, end }) => buffer.toString('latin1', start + 5, end))
      .join('');
  const copies = (options: string): Buffer => m.encodeQuery(`copy (select * from t order by id) to stdout ${options}`);
  const plan = { columns: [[null, redacts('m'), null]] };

  test.each([
    ['', '1\t***\ta\\tb\\\\\n2\t\\N\tx,"y\n3\t***\t\n'],
    ['(format csv, header)', 'id,card,note\n1,***,a\tb\\\n2,,"x,""y"\n3,"***",""\n'],
    ["(format csv, force_quote *, delimiter ';')", '"1";"***";"a\tb\\"\n"2";;"x,""y"\n"3";"***";""\n'],
    ["with csv quote '''' null 'NULL'", `1,***,a\tb\\\n2,NULL,'x,"y'\n3,'***',\n`],
  ])('COPY %s', async (options, expected) => {
    const messages = await ask(plan, copies(options));
    expect(data(messages)).toBe(expected);
    expect(outline(messages)).toBe(outline(await ask(null, copies(options))));
    expect(gateways[0]!.journal.of('command.ended')[0]!.masked).toEqual({ m: 2 });
    expect(Buffer.concat(gateways[0]!.last.of('data').map((entry) => entry.data)).toString('latin1')).toBe(expected);
  });

  test('binary: the value becomes NULL, the rest stays', async () => {
    const direct = data(await ask(null, copies('(format binary)')));
    const masked = data(await ask(plan, copies('(format binary)')));
    const expected = direct
      .replace('\0\0\0\x06secret', '\xff\xff\xff\xff')
      .replace('\0\0\0\x07sec\nret', '\xff\xff\xff\xff');
    expect(masked).toBe(expected);
    expect(data(await ask({ columns: [Array(3).fill(detects('d', 'secret'))] }, copies('(format binary)')))).toBe(
      direct.replace('secret', '******'),
    );
  });

  test('with detectors that find nothing the bytes are the same', async () => {
    const found = { columns: [Array(3).fill(detects('d', 'nowhere'))] };
    for (const options of ['', '(format csv, header)', '(format binary)']) {
      const flat = (list: RawMessage[]): string[] =>
        list.map(({ type, buffer, start, end }) => type + buffer.toString('latin1', start, end));
      expect(flat(await ask(found, copies(options)))).toEqual(flat(await ask(null, copies(options))));
    }
  });

  test('by the extended protocol, and of a table', async () => {
    const none = { parameterFormats: [], parameters: new Int32Array(0), buffer: Buffer.alloc(0), resultFormats: [] };
    const bytes = Buffer.concat([
      m.encodeParse({ statement: '', text: 'copy t to stdout', parameterTypes: [] }),
      m.encodeBind({ portal: '', statement: '', ...none }),
      m.encodeExecute({ portal: '', rowsMax: 0 }),
      m.encodeSync(),
    ]);
    const messages = await ask(plan, bytes);
    expect(outline(messages)).toBe('1 2 H d d d c C Z:I');
    expect(data(messages)).not.toContain('sec');
  });

  test('what cannot be read ends the statement, and the session goes on', async () => {
    const bytes = Buffer.concat([
      m.encodeQuery("copy t to stdout (encoding 'latin1')"),
      // Which of the statements is the COPY, the analysis says.
      m.encodeQuery('select 1; copy t to stdout'),
      m.encodeQuery("begin; copy t to stdout (delimiter e'\\x7c')"),
      m.encodeQuery('rollback'),
      m.encodeQuery('copy t to stdout'),
    ]);
    const messages = await ask(
      {
        columns: [
          [null, redacts('m'), null],
          [null, redacts('m'), null],
        ],
      },
      bytes,
      5,
    );
    expect(data(messages)).not.toContain('sec');
    expect(outline(messages)).toMatch(/^E:42501 Z:I T D C H d d d c C Z:I C E:42501 Z:[ET] C Z:I H d d d c C Z:I$/);
    const ended = gateways[0]!.journal.of('command.ended');
    expect(ended[0]).toMatchObject({ outcome: 'failed', error: '42501' });
  });

  test.each(['', '(format csv)', '(format binary)'])(
    'values of many MiB, COPY %s',
    async (options) => {
      const sql = `copy (select repeat('secret ', 1000000), 'open', repeat('"', 100000)) to stdout ${options}`;
      const messages = await ask({ columns: [[redacts('m'), null, redacts('m')]] }, m.encodeQuery(sql));
      const all = data(messages);
      expect(all).not.toContain('secret');
      expect(all).toContain('open');
      if (options !== '(format binary)') expect(all.match(/\*+/g)!.map((run) => run.length)).toEqual([7_000_000, 3]);
      else expect(all.length).toBeGreaterThan(7_000_000);
    },
    60_000,
  );
});
