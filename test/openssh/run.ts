/**
 * Transparency, measured by OpenSSH's own regression scripts: each runs directly against sshd and through the gateway, and
 * the outcomes must be equal. What fails directly, too, is compared like the rest.
 *
 *     node test/openssh/run.ts [SCRIPT…]
 *
 * Prints each difference and a table; ends with 1 when a difference is not explained in scripts.ts. Needs root, OpenSSH and
 * PuTTY of Debian; the scripts come from the installed package openssh-tests, or are fetched by apt into `.cache/`.
 */
import { type Script, scripts } from './scripts.ts';
import { type Outcome, openRoute, type Route } from './stage.ts';

const deadlineMs = 300_000;

interface Row {
  readonly script: string;
  readonly direct: Outcome;
  readonly gateway: Outcome;
  readonly unexplained: readonly string[];
  readonly explained: readonly string[];
}

function compare({ name, explained = [] }: Script, direct: Outcome, gateway: Outcome): Row {
  const known = new Set(direct.lines);
  const more = gateway.lines.filter((line) => !known.has(line));
  const missing = direct.lines.filter((line) => !gateway.lines.includes(line)).map((line) => `missing: ${line}`);
  const differences = [...more, ...missing];
  if (direct.result !== gateway.result) differences.unshift(`result: ${gateway.result} instead of ${direct.result}`);
  const unexplained: string[] = [];
  const reasons: string[] = [];
  for (const line of differences) {
    const why = explained.find((one) => one.line.test(line))?.why;
    if (why === undefined) unexplained.push(line);
    else reasons.push(`${line} (${why})`);
  }
  return { script: name, direct, gateway, unexplained, explained: reasons };
}

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !scripts.some((script) => script.name === name));
  if (unknown.length > 0) throw new Error(`not among the scripts: ${unknown.join(', ')}`);
  const routes: Route[] = [];
  const rows: Row[] = [];
  try {
    routes.push(await openRoute('direct'), await openRoute('gateway'));
    for (const script of scripts) {
      if (names.length > 0 && !names.includes(script.name)) continue;
      const [direct, gateway] = [
        await routes[0]!.run(script.name, deadlineMs),
        await routes[1]!.run(script.name, deadlineMs),
      ];
      const row = compare(script, direct, gateway);
      rows.push(row);
      console.error(
        `${script.name}: ${direct.result} ${gateway.result}${row.unexplained.length > 0 ? ' DIFFERENT' : ''}`,
      );
      for (const line of row.unexplained) console.error(`    ${line}`);
    }
  } finally {
    for (const route of routes) await route.close();
  }
  console.log('| script | direct | gateway | differences | explained | s direct | s gateway |');
  console.log('| --- | --- | --- | ---: | ---: | ---: | ---: |');
  for (const { script, direct, gateway, unexplained, explained } of rows) {
    const counts = `${unexplained.length + explained.length} | ${explained.length}`;
    console.log(
      `| ${script} | ${direct.result} | ${gateway.result} | ${counts} | ${direct.seconds} | ${gateway.seconds} |`,
    );
  }
  for (const { script, explained } of rows) for (const line of explained) console.log(`${script}: ${line}`);
  process.exitCode = rows.some(({ unexplained }) => unexplained.length > 0) ? 1 : 0;
}

await main(process.argv.slice(2));
