/**
 * What a verdict costs (P15): microseconds per judgement with 1, 10 and 100 guardrails in force.
 *
 *     node bench/judge.ts [--quick] [--rounds N]
 *
 * `hit`: the text was seen before, so its analysis is the same object. `miss`: it was not; the rules are asked, the
 * analysis itself is not counted. `timed`: one rule more, which asks for the time and is asked again at each command.
 * Medians of rounds. Never fails: figures depend on the machine.
 */
import type { GuardrailSpec, RuleObject } from '../src/core/rules.ts';
import type { Analysis } from '../src/core/sql.ts';
import { compileGuardrails, type GuardrailRequest } from '../src/policy/index.ts';
import { analysis, call, relation, request, rule, sql, statement } from '../src/policy/testing.ts';
import { publish, quantile, runOptions } from './output.ts';

const options = runOptions();
const commands = options.quick ? 5_000 : 20_000;
/** Texts that were not seen before, in a round. */
const missesPerRound = 2_000;
const text = 'SELECT id, name, total FROM public.orders WHERE customer = $1 ORDER BY id DESC LIMIT 50'.padEnd(250);

function meaning(): Analysis {
  return analysis(
    statement({
      relations: [relation('read public.orders', ['customer', 'id', 'name', 'total'])],
      functions: [call('lower')],
    }),
  );
}

/** Rules as operators write them: effects, relations, functions and conditions in turn. None matches. */
function rules(count: number): RuleObject<GuardrailSpec>[] {
  const shapes = [
    sql({ effects: ['drop', 'truncate', 'delete-all', 'update-all'] }),
    sql({ relations: ['public.payments', 'hr.*'], access: 'read' }),
    sql({ functions: ['pg_read_file', 'dblink*'] }),
    { when: 'command.relations.exists(r, r.name == "payments" && "amount" in r.columns)' },
  ];
  return Array.from({ length: count }, (_, index) => rule(`r${index}`, 'block', shapes[index % shapes.length]!));
}

/** Median nanoseconds of one call, over rounds. */
function measure(requests: readonly GuardrailRequest[], judge: (of: GuardrailRequest) => unknown): number {
  const found: number[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const start = process.hrtime.bigint();
    for (let index = 0; index < commands; index += 1) judge(requests[index % requests.length]!);
    found.push(Number(process.hrtime.bigint() - start) / commands);
  }
  return quantile(found, 0.5);
}

const rows: string[][] = [];
for (const count of [1, 10, 100]) {
  const hits = [request({ sql: meaning(), text })];
  const compiled = compileGuardrails(rules(count), { ledger: null });
  const hit = measure(hits, (of) => compiled.judge(of));
  const limits = rule('limit', 'block', {}, { limits: { statement: { rows: 1000 } } });
  const limited = compileGuardrails([...rules(count), limits], { ledger: null });
  const counted = measure(hits, (of) => limited.judge(of));
  const timed = compileGuardrails([...rules(count), rule('time', 'block', { when: 'now.hour > 24' })], {
    ledger: null,
  });
  const clocked = measure(hits, (of) => timed.judge(of));
  const fresh: number[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const misses = Array.from({ length: missesPerRound }, () => request({ sql: meaning(), text }));
    const start = process.hrtime.bigint();
    for (const of of misses) compiled.judge({ ...of, principal: hits[0]!.principal, resource: hits[0]!.resource });
    fresh.push(Number(process.hrtime.bigint() - start) / misses.length);
  }
  const times = [hit, counted, clocked, quantile(fresh, 0.5)];
  rows.push([`${count} ${count === 1 ? 'guardrail' : 'guardrails'}`, ...times.map((time) => (time / 1000).toFixed(2))]);
}
await publish(
  'judge',
  options,
  ['A SELECT of 250 characters that no guardrail matches. The analysis of a text is not counted.'],
  [
    {
      title: 'Microseconds of a verdict',
      head: [
        '',
        'text seen before',
        'one rule more, with a limit',
        'one rule more, which asks for the time',
        'new text',
      ],
      rows,
    },
  ],
  rows,
);
