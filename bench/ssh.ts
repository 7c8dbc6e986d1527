/**
 * SSH through the gateway against OpenSSH directly, interleaved round by round (P12): bulk output of an exec, sftp in both
 * directions, and the wall time of `ssh true`.
 *
 *     node bench/ssh.ts [--quick] [--rounds N] [--megabytes N]
 *
 * Client, sshd and gateway share the machine. Throughput and wall time are compared within a round, and the median of those
 * ratios is shown. CPU is that of all threads of the gateway's process; recording is strict, as it is by default. Prints a
 * table and writes `bench/results/ssh.{json,md}` (`ssh-quick.*` for a quick run). A benchmark never fails a test run.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startSshd } from '../src/protocols/ssh/testing/testing.ts';
import { type SshWorld, startSshWorld } from '../test/openssh/gateway.ts';
import { cpuNanoseconds } from './cost.ts';
import { median } from './report.ts';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    megabytes: { type: 'string' },
  },
});
const rounds = Number(flags.rounds ?? (flags.quick ? 2 : 8));
const megabytes = Number(flags.megabytes ?? (flags.quick ? 16 : 300));
const cipher = 'aes128-gcm@openssh.com';

type Route = 'direct' | 'gateway';

interface Workload {
  readonly name: string;
  readonly title: string;
  /** What the row is a goal of: throughput (more is better) or wall time (less is better). */
  readonly figure: 'MB/s' | 'ms';
  run(to: Target): Promise<void>;
}

/** One way to a shell: the arguments that lead there. */
interface Target {
  readonly route: Route;
  readonly options: readonly string[];
  readonly port: number;
  readonly user: string;
}

interface Sample {
  readonly workload: string;
  readonly route: Route;
  readonly round: number;
  readonly ms: number;
  /** Of the gateway's process; null where it took no part. */
  readonly cpuMs: number | null;
}

/** Runs a program to its end; what it prints goes nowhere. Throws what it said when it fails. */
function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv, input?: string): Promise<void> {
  const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'pipe'], env });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stdin.end(input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${file} ended with ${code}: ${said}`))));
  });
}

function workloadsIn(folder: string, env: NodeJS.ProcessEnv): Workload[] {
  const ssh = ({ options, port, user }: Target, command: string): Promise<void> =>
    run('ssh', [...options, '-p', String(port), '-l', user, '127.0.0.1', command], env);
  const sftp = ({ options, port, user }: Target, line: string): Promise<void> =>
    run('sftp', [...options, '-q', '-P', String(port), `${user}@127.0.0.1`], env, `${line}\n`);
  const big = join(folder, 'big');
  return [
    { name: 'exec', title: `exec \`cat\` of ${megabytes} MB`, figure: 'MB/s', run: (to) => ssh(to, `cat ${big}`) },
    {
      name: 'get',
      title: `sftp get of ${megabytes} MB`,
      figure: 'MB/s',
      run: (to) => sftp(to, `get ${big} ${folder}/got`),
    },
    {
      name: 'put',
      title: `sftp put of ${megabytes} MB`,
      figure: 'MB/s',
      run: (to) => sftp(to, `put ${big} ${folder}/put`),
    },
    { name: 'true', title: '`ssh true`', figure: 'ms', run: (to) => ssh(to, 'true') },
  ];
}

/** Login by key in both cases, so that neither waits for a program that gives a password. */
async function targetsOf(world: SshWorld, folder: string): Promise<{ targets: Target[]; stop(): Promise<void> }> {
  const key = join(folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const publicLine = (await readFile(`${key}.pub`, 'utf8')).trim();
  const sshd = await startSshd({ authorizedKeys: [publicLine] });
  const askpass = join(folder, 'askpass');
  await writeFile(askpass, `#!/bin/sh\necho ${world.token}\n`, { mode: 0o700 });
  const options = [
    ...['-F', '/dev/null'],
    ...['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', `Ciphers=${cipher}`].flatMap(
      (option) => ['-o', option],
    ),
  ];
  return {
    targets: [
      { route: 'direct', options: [...options, '-i', key], port: sshd.port, user: sshd.user },
      {
        route: 'gateway',
        options: [...options, '-o', 'PreferredAuthentications=password'],
        port: world.port,
        user: 'engineer+web-1',
      },
    ],
    stop: () => sshd.stop(),
  };
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-ssh-'));
  const world = await startSshWorld();
  const { targets, stop } = await targetsOf(world, folder);
  const env = { ...process.env, SSH_ASKPASS: join(folder, 'askpass'), SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' };
  const samples: Sample[] = [];
  try {
    await writeFile(join(folder, 'big'), Buffer.alloc(megabytes * 1_000_000, 'sallyport '));
    const workloads = workloadsIn(folder, env);
    // Neither pays for what is loaded once.
    for (const target of targets) await workloads.at(-1)!.run(target);
    for (const workload of workloads) {
      for (let round = 0; round < rounds; round++) {
        // Each round begins with the other, so that neither always runs on the warmest caches.
        for (const target of round % 2 === 0 ? targets : targets.toReversed()) {
          const cpu = cpuNanoseconds(world.pid) ?? 0;
          const begun = performance.now();
          await workload.run(target);
          const ms = performance.now() - begun;
          const cpuMs = target.route === 'direct' ? null : ((cpuNanoseconds(world.pid) ?? 0) - cpu) / 1e6;
          samples.push({ workload: workload.name, route: target.route, round, ms, cpuMs });
        }
        process.stderr.write(`\r${workload.title}: round ${round + 1} of ${rounds}   `);
      }
      process.stderr.write('\n');
    }
    await report(workloads, samples);
  } finally {
    await stop();
    await world.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function report(workloads: readonly Workload[], samples: readonly Sample[]): Promise<void> {
  const environment = {
    node: process.versions.node,
    openssh: execFileSync('sh', ['-c', 'ssh -V 2>&1'], { encoding: 'utf8' }).trim(),
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    rounds,
    megabytes,
    cipher,
    finishedAt: new Date().toISOString(),
  };
  const rows = workloads.map(({ name, title, figure }) => {
    const of = (route: Route): readonly Sample[] =>
      samples.filter((sample) => sample.workload === name && sample.route === route);
    const value = (ms: number): number => (figure === 'ms' ? ms : megabytes / (ms / 1000));
    const direct = median(of('direct').map(({ ms }) => value(ms)));
    const gateway = median(of('gateway').map(({ ms }) => value(ms)));
    const ratios = of('gateway').map((sample, round) => value(sample.ms) / value(of('direct')[round]!.ms));
    const cpuMs = median(of('gateway').map((sample) => sample.cpuMs ?? 0));
    return { name, title, figure, direct, gateway, ratio: median(ratios), cpuMs };
  });
  const markdown = [
    `${environment.openssh}, Node ${environment.node}, ${environment.processor}, ${environment.cores} cores, ${rounds} rounds, ${cipher}.`,
    '',
    '| what | figure | direct | gateway | gateway ÷ direct | gateway CPU ms |',
    '| --- | --- | ---: | ---: | ---: | ---: |',
    ...rows.map(
      ({ title, figure, direct, gateway, ratio, cpuMs }) =>
        `| ${title} | ${figure} | ${direct?.toFixed(0)} | ${gateway?.toFixed(0)} | ${ratio?.toFixed(2)} | ${cpuMs?.toFixed(0)} |`,
    ),
    '',
  ].join('\n');
  const results = fileURLToPath(new URL('./results/', import.meta.url));
  const name = flags.quick ? 'ssh-quick' : 'ssh';
  await mkdir(results, { recursive: true });
  await writeFile(join(results, `${name}.md`), markdown);
  await writeFile(join(results, `${name}.json`), `${JSON.stringify({ environment, rows, samples }, null, 1)}\n`);
  console.log(`\n${markdown}\nwritten to bench/results/${name}.json and ${name}.md`);
}

await main();
