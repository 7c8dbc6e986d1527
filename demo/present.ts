/** What `make run` shows: one line a step while it works, then lines to paste. Colours only on a terminal. */
import { styleText } from 'node:util';

const colour = (process.stdout.isTTY ?? false) && process.env['NO_COLOR'] === undefined;
const paint = (style: 'bold' | 'dim' | 'green' | 'cyan', text: string): string =>
  colour ? styleText(style, text) : text;

/** Runs a step and prints one line with its outcome and how long it took. */
export async function step<T>(
  name: string,
  work: () => Promise<T>,
  detail: (result: T) => string = (result) => (typeof result === 'string' ? result : ''),
): Promise<T> {
  const begun = performance.now();
  const result = await work();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1).padStart(5);
  const note = detail(result);
  process.stdout.write(`  ${paint('green', '✔')} ${name.padEnd(40)} ${seconds} s  ${paint('dim', note)}\n`);
  return result;
}

interface Facts {
  readonly console: string;
  readonly ca: string;
  readonly listeners: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
  readonly principals: Readonly<Record<string, { readonly token: string; readonly groups: readonly string[] }>>;
  readonly resources: Readonly<Record<string, { readonly protocol: string; readonly database: string }>>;
  readonly gateway: { readonly pid: number; readonly data: string };
}

/** Prints the lines to paste. */
export function present(shown: { facts: Facts; path: string; root: string; seconds: number }): void {
  const { facts, path, seconds } = shown;
  const listener = facts.listeners['postgres']!;
  const psql = (principal: string): string =>
    `PGPASSWORD=${facts.principals[principal]!.token} psql "host=${listener.host} port=${listener.port} user=${principal}+orders dbname=${facts.resources['orders']!.database} sslmode=verify-full sslrootcert=${facts.ca}"`;
  const cli = (principal: string): string =>
    `export SALLYPORT_SERVER=${facts.console} SALLYPORT_CA=${facts.ca} SALLYPORT_TOKEN=${facts.principals[principal]!.token}`;
  const section = (title: string): string => `\n  ${paint('bold', title)}\n`;
  const lines = [
    `\n  ${paint('bold', 'Sallyport is ready')} after ${seconds.toFixed(1)} s.`,
    section('Connect with stock psql, as an engineer or as a DBA'),
    `${psql('engineer')}\n`,
    psql('dba'),
    section('What the rules do to the engineer (demo/policies)'),
    'SELECT full_name, email, ssn FROM customers LIMIT 3;      -- masked; the DBA sees them',
    'SELECT lower(reverse(email)) AS x FROM customers LIMIT 3; -- masked all the same',
    'DROP TABLE payments;                                      -- refused',
    "UPDATE orders SET status = 'paid';                        -- waits for the DBA, who decides in another terminal:",
    section('Decide as the DBA'),
    `${cli('dba')}`,
    'bin/sallyport reviews ls',
    'bin/sallyport reviews show REVIEW',
    'bin/sallyport reviews approve REVIEW --reason "ticket 4711"',
    section('Look at it with the command line, as the administrator'),
    `${cli('admin')}`,
    'bin/sallyport sessions ls',
    'bin/sallyport sessions replay SESSION',
    `bin/sallyport verify --data ${facts.gateway.data}`,
    section('Console'),
    `  ${paint('cyan', facts.console)}`,
    section('The same for scripts'),
    `  ${path}`,
    `\n  ${paint('dim', `Ctrl-C stops all of it. To see recovery: kill -9 ${facts.gateway.pid} (it is started again).`)}\n`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
