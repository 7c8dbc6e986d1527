/** What `make run` shows: one line a step while it works, then lines to paste. Colours only on a terminal. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
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

interface ResourceFacts {
  readonly protocol: string;
  readonly database?: string;
  /** Of an SSH server: as whom the gateway logs in there, and a folder with something to look at. */
  readonly user?: string;
  readonly folder?: string;
  /** Of an HTTP service: where it stands. */
  readonly origin?: string;
  /** Of a cluster: what is in it, and whether it is Kubernetes itself or stands in for it. */
  readonly namespace?: string;
  readonly pod?: string;
  readonly isReal?: boolean;
}

interface Facts {
  readonly console: string;
  readonly ca: string;
  readonly listeners: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
  readonly principals: Readonly<
    Record<string, { readonly token: string; readonly password: string | null; readonly groups: readonly string[] }>
  >;
  readonly resources: Readonly<Record<string, ResourceFacts>>;
  readonly gateway: { readonly pid: number; readonly data: string };
  readonly provider: { readonly issuer: string; readonly page: string } | null;
}

/** Prints the lines to paste. */
export function present(shown: { facts: Facts; path: string; root: string; seconds: number }): void {
  const { facts, path, root, seconds } = shown;
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
    'SELECT id FROM customers LIMIT 600;                       -- more than 500 at once: an alert, see sessions show',
    'DROP TABLE payments;                                      -- refused',
    "UPDATE orders SET status = 'paid';                        -- waits for the DBA, who decides in another terminal:",
    section('Decide as the DBA'),
    `${cli('dba')}`,
    'bin/sallyport reviews ls',
    'bin/sallyport reviews show REVIEW',
    'bin/sallyport reviews approve REVIEW --reason "ticket 4711"',
    section('What is found while it happens (demo/policies/detections.yaml): as the engineer, in psql'),
    'SELECT * FROM orders; SELECT * FROM payments;             -- too much at once: an alert, and the session ends',
    `${cli('admin')}`,
    'bin/sallyport alerts ls',
    'bin/sallyport alerts show last             -- with the commands themselves, and where to replay them',
    'bin/sallyport explain orders --as engineer "SELECT * FROM payments"    -- the risk, and who is asked for now',
    'bin/sallyport responses ls                 -- what it did by itself; end takes it back',
    ...sshLines(facts, cli('engineer'), section),
    ...httpLines(facts, cli('engineer'), section),
    ...kubernetesLines({ facts, root }, cli, section),
    ...providerLines(facts, section),
    section('Look at it with the command line, as the administrator'),
    `${cli('admin')}`,
    'bin/sallyport explain orders --as engineer "DELETE FROM orders"',
    'bin/sallyport sessions ls',
    'bin/sallyport sessions show SESSION',
    'bin/sallyport sessions replay SESSION      -- SQL as a transcript, terminals as they were',
    "bin/sallyport search 'reads:customers.ssn since:1h' --facets who   -- by lineage, not by text",
    `bin/sallyport report access --since 1d -O access.html`,
    `bin/sallyport verify --data ${facts.gateway.data}`,
    section('Console'),
    `  ${paint('cyan', facts.console)}   admin, password ${facts.principals['admin']?.password ?? ''}`,
    `  (as engineer: ${facts.principals['engineer']?.password ?? ''}; as dba, who reviews: ${facts.principals['dba']?.password ?? ''})`,
    section('The same for scripts'),
    `  ${path}`,
    `\n  ${paint('dim', `Ctrl-C stops all of it. To see recovery: kill -9 ${facts.gateway.pid} (it is started again).`)}\n`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** The walk through web-1; where there is none, why. */
function sshLines(facts: Facts, engineer: string, section: (title: string) => string): string[] {
  const listener = facts.listeners['ssh'];
  const web = facts.resources['web-1'];
  if (listener === undefined || web === undefined) {
    return [
      section('SSH'),
      'This machine has no sshd, so there is no web-1. Debian: apt-get install openssh-server, then make run again.',
    ];
  }
  const folder = web.folder ?? '.';
  return [
    section('Connect with stock ssh, as an engineer'),
    `${engineer}`,
    `bin/sallyport connect web-1                      -- or, with the token as password:`,
    `ssh -p ${listener.port} engineer+web-1@${listener.host}    -- token: ${facts.principals['engineer']!.token}`,
    section('What the rules do there (demo/policies/ssh.yaml)'),
    `cd ${folder} && ls -R`,
    'cat config/credentials.env                       -- the keys in it are masked on the screen',
    'rm -rf releases                                  -- refused, the shell goes on',
    'systemctl restart shop                           -- waits for the DBA at the prompt',
    `bin/sallyport connect web-1 --program sftp       -- get ${folder}/config/credentials.env: refused`,
    section('Meanwhile, as the administrator (export line below)'),
    'bin/sallyport sessions watch last',
    'bin/sallyport sessions message last "Who are you?"',
    'bin/sallyport sessions pause last                -- and resume, kill',
  ];
}

/** The walk through shop-api. */
function httpLines(facts: Facts, engineer: string, section: (title: string) => string): string[] {
  const { origin } = facts.resources['shop-api'] ?? {};
  if (origin === undefined) return [];
  const connect = 'bin/sallyport connect shop-api --';
  return [
    section('Ask an HTTP service, as an engineer, with stock curl'),
    `${engineer}`,
    `${connect} /v1/customers                     -- the key is the gateway’s; emails and cards are masked`,
    `${connect} /v1/echo                          -- what reached it: no token of yours, and its key not back`,
    `${connect} /v1/customers/1 -X DELETE -i      -- refused`,
    `${connect} /v1/refunds -d order=1001         -- waits for the DBA`,
    `${connect} /v1/events -N                     -- a feed, masked as it comes; Ctrl-C`,
    section('The same in a browser'),
    `  ${paint('cyan', `${origin}/`)}   engineer, password ${facts.principals['engineer']?.password ?? ''}`,
    `  (your browser must trust ${facts.ca}, or be told to go on)`,
  ];
}

/** People who have no password here: they sign on at their organisation. */
function providerLines({ provider, console, ca }: Facts, section: (title: string) => string): string[] {
  if (provider === null) return [];
  return [
    section('Sign on with the organisation’s own provider (in a terminal without the export lines)'),
    `export SALLYPORT_SERVER=${console} SALLYPORT_CA=${ca}`,
    'bin/sallyport login --device --provider corp     -- open the link, and be Ana; or without --device, by the browser',
    'bin/sallyport whoami && bin/sallyport connect orders',
    `  ${paint('cyan', provider.page)}   take Ana out of developers: her psql ends within a minute`,
  ];
}

/** The walk through shop-cluster; what deletes its namespace comes last. */
function kubernetesLines(
  { facts, root }: { readonly facts: Facts; readonly root: string },
  cli: (principal: string) => string,
  section: (title: string) => string,
): string[] {
  const { namespace, pod, isReal } = facts.resources['shop-cluster'] ?? {};
  if (namespace === undefined || pod === undefined) return [];
  const kubeconfig = join(facts.gateway.data, '../shop-cluster.kubeconfig');
  const on = `kubectl -n ${namespace}`;
  const row = (line: string, what: string): string => `${line.padEnd(56)} # ${what}`;
  return [
    section('Kubernetes, as an engineer, with stock kubectl'),
    isReal === true
      ? '  (the cluster is Kubernetes itself; its one node and its containers are processes of this machine)'
      : '  (what answers stands in for a cluster: test/kubernetes/README.md has the command that builds a real one)',
    ...(isOnPath('kubectl') ? [] : [`  ${paint('bold', 'kubectl is not here')}: ${howToGetKubectl}`]),
    `${cli('engineer')} PATH="${root}/bin:$PATH"`,
    `sallyport connect shop-cluster --config > ${kubeconfig} && export KUBECONFIG=${kubeconfig}`,
    row(`${on} get pods`, 'the cluster hears of the engineer, by impersonation'),
    row(`${on} get secrets -o yaml`, 'values masked'),
    row(`${on} exec -it ${pod} -- sh`, 'type away; rm -rf releases is refused, the shell goes on'),
    row(`${on} exec ${pod} -- rm -rf releases`, 'refused before it runs'),
    row(`${on} cp ${pod}:config/shop.yaml shop.yaml`, 'and back: names, sizes and digests are recorded'),
    row(`kubectl delete namespace ${namespace}`, 'waits; in another terminal, as the DBA:'),
    section('Decide, and look at it'),
    `${cli('dba')}`,
    'bin/sallyport reviews ls',
    'bin/sallyport reviews approve REVIEW --reason "ticket 4714"',
    `${cli('admin')}`,
    row('bin/sallyport sessions replay last', 'every request with its answer, the terminal as it was'),
  ];
}

const howToGetKubectl =
  'kubernetes.io/docs/tasks/tools; Debian: apt-get install kubernetes-client; or tools/kubernetes.sh, then .cache/kubernetes/bin/kubectl-new';

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
