import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { KubernetesMeaning } from '../../core/kubernetes.ts';
import type { MaskSpec } from '../../core/rules.ts';
import { bodyType, card, every, run } from '../http/testing.ts';
import { maskSet } from '../testing.ts';
import { placeOfPath } from './columns.ts';
import { asked } from './testing.ts';

const folder = new URL('../../language/kubernetes/fixtures/objects/corpus/', import.meta.url);
const captured = (name: string): string => readFileSync(new URL(`${name}.json`, folder), 'utf8');
const path = 'Custom resource definition column (in JSONPath format): ';

type Cells = readonly unknown[];

function masked(input: string, spec: Partial<MaskSpec>, more: Partial<KubernetesMeaning>, verb = 'list', cuts = 0) {
  const http = maskSet(spec).planStreams('kubernetes', asked(verb, more))!.output!.streams!.http!;
  return run(http.body(bodyType('application/json')), input, cuts === 0 ? [] : every(cuts, Buffer.byteLength(input)));
}

const cellsOf = (text: string): readonly Cells[] =>
  (JSON.parse(text) as { rows: readonly { cells: Cells }[] }).rows.map(({ cells }) => cells);

function table(columns: readonly (readonly [name: string, description: string])[], ...rows: readonly Cells[]): string {
  const name = { name: 'Name', format: 'name', description: '' };
  const columnDefinitions = [name, ...columns.map(([name, description]) => ({ name, format: '', description }))];
  return JSON.stringify({ kind: 'Table', columnDefinitions, rows: rows.map((cells) => ({ cells })) });
}

const widgets: Partial<KubernetesMeaning> = { resource: 'widgets', apiGroup: 'example.com' };

describe('cells of tables under Masks of fields', () => {
  it('of a custom kind: the column that shows a masked field, in captured answers', () => {
    for (const cuts of [0, 1, 97]) {
      const { text, hits, fault } = masked(
        captured('widget-table'),
        { fields: ['/spec/secret'] },
        widgets,
        'list',
        cuts,
      );
      expect(fault).toBeNull();
      expect(cellsOf(text)).toEqual([['one', '[redacted]']]);
      expect(text).not.toContain('canary');
      expect(hits).toEqual({ a: 1 });
    }
    const other = masked(captured('widget-table'), { fields: ['/spec/number'] }, widgets);
    expect(other.text).toBe(captured('widget-table'));
    expect(other.hits).toEqual({});
  });

  it.each(['secret', 'configmap', 'pod', 'deployment', 'event'])('of Kubernetes itself, byte for byte: %s', (kind) => {
    const name = kind === 'secret' ? 'secret-table-metadata' : `${kind}-table`;
    const more = { resource: `${kind}s`, apiGroup: kind === 'deployment' ? 'apps' : '' };
    const input = captured(name);
    const { text } = masked(input, { fields: ['/data/*', '/spec/template/spec/containers/*/env/*/value'] }, more);
    // What events tell is written about other objects, and nobody says where it is from.
    if (kind === 'event') expect(text).not.toBe(input);
    else expect(text).toBe(input);
  });

  it('what a column of Kubernetes itself shows, and what it counts', () => {
    const of = (fields: string[]) => cellsOf(masked(captured('secret-table-metadata'), { fields }, {}).text)[0];
    const [plain] = cellsOf(captured('secret-table-metadata'));
    expect(of(['/type'])).toEqual([plain![0], '[redacted]', plain![2], plain![3]]);
    expect(of(['/data'])).toEqual([plain![0], plain![1], '[redacted]', plain![3]]);
    expect(of(['/metadata/creationTimestamp'])).toEqual([...plain!.slice(0, 3), '[redacted]']);
    expect(of(['/metadata/**'])![0]).toBe('[redacted]');
  });

  it('in each event of a watch by the columns of the first', () => {
    const input = captured('secret-watch-table');
    const { text, fault } = masked(input, { fields: ['/type'] }, {}, 'watch', 61);
    expect(fault).toBeNull();
    const events = text.trimEnd().split('\n');
    for (const line of events) {
      const { object } = JSON.parse(line) as { object: { rows: readonly { cells: Cells }[] } };
      for (const { cells } of object.rows) expect(cells[1]).toBe('[redacted]');
    }
    expect(events.length).toBeGreaterThan(1);
  });

  it('fails closed: columns of which nobody knows what they show, rows before columns, more cells than columns', () => {
    const spec = { fields: ['/spec/secret'] };
    const of = (input: string) => cellsOf(masked(input, spec, widgets).text);
    expect(of(table([['Phase', 'What it is doing.']], ['one', 'Ready']))).toEqual([['one', '[redacted]']]);
    expect(of(table([['Phase', `${path}.status..phase`]], ['one', 7]))).toEqual([['one', '[redacted]']]);
    expect(of(table([['Phase', `${path}.status.phase`]], ['one', 'Ready', 'more']))).toEqual([
      ['[redacted]', '[redacted]', '[redacted]'],
    ]);
    const { columnDefinitions, rows } = JSON.parse(table([['P', `${path}.a`]], ['one', 'x'])) as Record<
      string,
      unknown
    >;
    expect(of(JSON.stringify({ rows, columnDefinitions }))).toEqual([['[redacted]', '[redacted]']]);
    expect(masked(JSON.stringify({ rows: [{ cells: 'text' }] }), spec, widgets).text).toContain('"[redacted]"');
    const long = table([['S', `${path}.status.phase`]], ['one', 'x'.repeat(100_000)]);
    expect(of(long)).toEqual([['[redacted]']]);
  });

  it('a column that may show an object is redacted where it does', () => {
    const of = (cell: unknown, fields = ['/spec/items/*/secret']) =>
      cellsOf(masked(table([['Items', `${path}.spec.items`]], ['one', cell]), { fields }, widgets).text)[0]![1];
    expect(of('[{"secret":"x"}]')).toBe('[redacted]');
    expect(of({ secret: 'x' })).toBe('[redacted]');
    expect(of('plain')).toBe('plain');
    expect(of(3)).toBe(3);
    expect(of('plain', ['/spec/items'])).toBe('[redacted]');
    expect(of('plain', ['/**/secret'])).toBe('plain');
    expect(of('plain', ['/**'])).toBe('[redacted]');
  });

  it('detectors look at what is left', () => {
    const spec: Partial<MaskSpec> = { fields: ['/spec/secret'], detect: ['credit_card'] };
    const columns = [
      ['Note', `${path}.status.note`],
      ['Items', `${path}.spec`],
    ] as const;
    const [cells] = cellsOf(masked(table(columns, ['one', `by ${card}`, `by ${card}`]), spec, widgets).text);
    expect(cells).toEqual(['one', 'by [redacted]', 'by [redacted]']);
  });
});

describe('what a JSONPath shows', () => {
  it.each([
    ['.spec.secret', ['spec', 'secret']],
    ['{.spec.secret}', ['spec', 'secret']],
    ['.spec.containers[0].image', ['spec', 'containers', '*', 'image']],
    ['.status.conditions[?(@.type=="Ready")].status', ['status', 'conditions', '*', 'status']],
    [String.raw`.metadata.labels.app\.kubernetes\.io/name`, ['metadata', 'labels', 'app.kubernetes.io/name']],
    [`.metadata.annotations['a.b/c']`, ['metadata', 'annotations', 'a.b/c']],
    ['.spec.items[*].name', ['spec', 'items', '*', 'name']],
    ['..secret', null],
    ['.spec.a,.spec.b', null],
    ['.spec[0:2]', null],
    ['', null],
  ])('%s', (given, place) => {
    expect(placeOfPath(given)).toEqual(place);
  });
});
