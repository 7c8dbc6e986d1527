/** The rows and plans of `masking.ts`: the same tables, masks and detectors as in `run.ts`. */
import type { OutputPlan, ValueMask } from '../src/core/masking.ts';
import type { MaskSpec } from '../src/core/rules.ts';
import type { Command, Session } from '../src/core/session.ts';
import { compileMasks } from '../src/masking/masks.ts';
import { principal, resource } from '../src/masking/testing.ts';
import { Conversation } from '../src/protocols/postgres/conversation.ts';
import { PlanInForce } from '../src/protocols/postgres/mask-plan.ts';
import type { Field } from '../src/protocols/postgres/messages.ts';
import { CommandOutput } from '../src/protocols/postgres/output-command.ts';
import { Request } from '../src/protocols/postgres/request.ts';
import { ServerSide } from '../src/protocols/postgres/server-side.ts';
import { twelveDetectors } from './gateways.ts';
import { bulkColumns, bulkRowsOf, maskedColumns, type Row } from './tables.ts';

type TableName = 'dense' | 'clean';

/** What the kernel hands over in one piece. */
const chunkBytes = 64 * 1024;

export interface MaskCase {
  readonly name: string;
  readonly table: TableName;
  run(chunks: readonly Buffer[]): number;
}

export class PostgresMaskBench {
  readonly rows: number;
  readonly chunks: Readonly<Record<TableName, readonly Buffer[]>>;
  readonly cases: readonly MaskCase[];

  constructor(rows: number) {
    this.rows = rows;
    const { dense, clean } = bulkRowsOf(rows);
    this.chunks = { dense: chunksOf(dense), clean: chunksOf(clean) };
    const columns: ValueMask[] = [];
    const masks = maskSet({ columns: maskedColumns, with: 'redact' });
    for (const name of bulkColumns) columns.push(masks.column('public', 'bulk_pii', name)!);
    const detect = maskSet({ detect: [...twelveDetectors], with: 'redact' }).plan(null).output!.otherwise;
    const plans: readonly (readonly [string, OutputPlan | null])[] = [
      ['none', null],
      ['two columns', planOf(columns.map((mask) => mask ?? null))],
      ['12 detectors', planOf(columns.map(() => detect))],
    ];
    this.cases = plans.flatMap(([name, plan]) =>
      (['clean', 'dense'] as const).map((table) => ({
        name,
        table,
        run: (chunks: readonly Buffer[]) => relay(plan, chunks),
      })),
    );
  }
}

function maskSet(spec: Partial<MaskSpec>) {
  return compileMasks([{ name: 'bench', spec: { match: {}, ...spec } }], { hashKey: Buffer.alloc(32, 7) }).for(
    principal(),
    resource(),
  )!;
}

function planOf(columns: readonly (ValueMask | null)[]): OutputPlan {
  const otherwise = columns.find((mask) => mask !== null)!;
  return { results: [{ columns }], otherwise, column: () => null, messages: 'pass', text: null };
}

/** DataRows back to back, cut where a socket would cut them. */
function chunksOf(rows: readonly Row[]): Buffer[] {
  const bytes = Buffer.concat(rows.map((row, index) => dataRow([String(index + 1), ...row])));
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes));
  return chunks;
}

function dataRow(values: readonly string[]): Buffer {
  const cells = values.map((value) => Buffer.from(value));
  const head = Buffer.alloc(7);
  head[0] = 0x44;
  head.writeInt32BE(
    cells.reduce((sum, { length }) => sum + 4 + length, 6),
    1,
  );
  head.writeInt16BE(cells.length, 5);
  return Buffer.concat([
    head,
    ...cells.flatMap((cell) => {
      const size = Buffer.alloc(4);
      size.writeInt32BE(cell.length);
      return [size, cell];
    }),
  ]);
}

const fields: readonly Field[] = bulkColumns.map((name, index) => ({
  name,
  tableOid: 0,
  attribute: 0,
  typeOid: index === 0 ? 23 : 25,
  typeSize: -1,
  typeModifier: -1,
  format: 0,
}));

/** Bytes that left. */
function relay(plan: OutputPlan | null, chunks: readonly Buffer[]): number {
  let delivered = 0;
  const session = { ended: false, observe: () => undefined, spend: () => null, onOverdue: null };
  const conversation = new Conversation(session as unknown as Session);
  const request = new Request('query', null, 0, 0);
  request.command = { ordinal: 1, judgement: null, draft: {} } as unknown as Command;
  request.output = plan === null ? null : new CommandOutput(request, new PlanInForce(plan, null), false);
  request.output?.describe(fields);
  conversation.owe(request);
  const side = new ServerSide(conversation, {
    deliver: (view) => {
      delivered += view.length;
      return true;
    },
    encodingChanged: () => undefined,
    stopRunning: () => undefined,
  });
  for (const chunk of chunks) side.read(chunk);
  return delivered;
}
