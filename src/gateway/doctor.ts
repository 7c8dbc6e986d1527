/**
 * `sallyport doctor`: looks at the machine and says in plain words what would hurt, before it does.
 *
 * Each check yields one finding; none changes anything but a scratch file that it removes. Runs without a gateway.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, constants, open, readFile, rm, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { describeError, isGatewayError } from '../base/errors.ts';
import { reportPathIn } from './acme.ts';
import { concernOf, describeStanding, obstaclesOf, readReport } from './acme-report.ts';
import { concernsOf, namesOf, readCertificate } from './certificates.ts';
import type { GatewayConfig } from './config.ts';
import * as limits from './limits.ts';

export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail';
  readonly check: string;
  readonly message: string;
  readonly todo: string | null;
}

/** What the disk below `directory` needs to make an appended page durable, in milliseconds. */
export interface SyncLatency {
  readonly medianMs: number;
  readonly p99Ms: number;
}

const pageBytes = 4096;
const percent = 100;

/** Measures `fdatasync` after small appends, as the journal does them. */
export async function measureSync(directory: string, samples = limits.doctorSyncSamples): Promise<SyncLatency> {
  const path = join(directory, `.sync-${randomBytes(6).toString('hex')}`);
  const file = await open(path, 'wx', 0o600);
  const page = Buffer.alloc(pageBytes, 7);
  const times: number[] = [];
  try {
    for (let sample = 0; sample < samples; sample++) {
      await file.write(page);
      const begun = performance.now();
      await file.datasync();
      times.push(performance.now() - begun);
    }
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
  times.sort((a, b) => a - b);
  return { medianMs: times[Math.floor(times.length / 2)]!, p99Ms: times[Math.floor(times.length * 0.99)]! };
}

/** Runs every check in turn. */
export async function* examine(config: GatewayConfig): AsyncGenerator<Finding> {
  yield nodeVersion();
  yield inspector();
  yield await dataDirectory(config);
  yield await syncLatency(config);
  yield await space(config);
  yield await descriptors();
  yield* await ports(config);
  yield await key(config);
  yield* await certificates(config);
  yield* await acme(config);
  yield store(config);
  yield memory();
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fine = major > 24 || (major === 24 && minor >= 15);
  return {
    level: fine ? 'ok' : 'fail',
    check: 'Node',
    message: `version ${process.versions.node}`,
    todo: fine ? null : 'Install Node 24.15 or newer.',
  };
}

function inspector(): Finding {
  const open =
    process.execArgv.some((argument) => argument.startsWith('--inspect')) ||
    /--inspect/.test(process.env['NODE_OPTIONS'] ?? '');
  return {
    level: open ? 'fail' : 'ok',
    check: 'Inspector',
    message: open ? 'an inspector port would show every secret in memory' : 'closed',
    todo: open ? 'Remove --inspect from NODE_OPTIONS and the command line.' : null,
  };
}

async function dataDirectory(config: GatewayConfig): Promise<Finding> {
  const check = 'Data directory';
  try {
    if (!existsSync(config.dataDirectory)) {
      await access(nearest(config.dataDirectory), constants.W_OK);
      return { level: 'ok', check, message: `${config.dataDirectory} will be made at the first start`, todo: null };
    }
    const { mode } = await stat(config.dataDirectory);
    const openToOthers = (mode & 0o022) !== 0;
    return {
      level: openToOthers ? 'warn' : 'ok',
      check,
      message: `${config.dataDirectory}${openToOthers ? ' can be written by others' : ''}`,
      todo: openToOthers ? `chmod go-w ${config.dataDirectory}` : null,
    };
  } catch (error) {
    return {
      level: 'fail',
      check,
      message: describeError(error),
      todo: 'Choose a directory that this account may write (--data).',
    };
  }
}

async function syncLatency(config: GatewayConfig): Promise<Finding> {
  const check = 'Disk sync latency';
  try {
    const { medianMs, p99Ms } = await measureSync(nearest(config.dataDirectory));
    const slow = medianMs > limits.syncMedianWarnMs;
    const lies = medianMs < 0.01;
    return {
      level: slow || lies ? 'warn' : 'ok',
      check,
      message: `median ${medianMs.toFixed(2)} ms, 99th percentile ${p99Ms.toFixed(2)} ms${lies ? ': too fast to be true' : ''}`,
      todo: slow
        ? 'Each strict command waits for one sync: put the data directory on a disk with a write cache that survives power loss.'
        : lies
          ? 'The disk may not make data durable (a memory disk, or a cache without power protection): recordings could be lost in a power cut.'
          : null,
    };
  } catch (error) {
    return { level: 'fail', check, message: describeError(error), todo: 'The journal could not be written here.' };
  }
}

async function space(config: GatewayConfig): Promise<Finding> {
  const check = 'Disk space';
  try {
    const { bavail, blocks, bsize } = await statfs(nearest(config.dataDirectory));
    const free = (bavail / blocks) * percent;
    const message = `${((bavail * bsize) / 2 ** 30).toFixed(1)} GiB free (${free.toFixed(0)} %)`;
    if (free < 5)
      return { level: 'fail', check, message, todo: 'Below 5 % the gateway refuses new sessions: make room.' };
    if (free < 15)
      return { level: 'warn', check, message, todo: 'Below 5 % the gateway refuses new sessions: plan for more room.' };
    return { level: 'ok', check, message, todo: null };
  } catch (error) {
    return { level: 'fail', check, message: describeError(error), todo: null };
  }
}

async function descriptors(): Promise<Finding> {
  const check = 'Open files limit';
  try {
    const line =
      (await readFile('/proc/self/limits', 'utf8')).split('\n').find((text) => text.startsWith('Max open files')) ?? '';
    const soft = Number(line.split(/\s+/)[3]);
    const few = soft < 8192;
    return {
      level: few ? 'warn' : 'ok',
      check,
      message: `${soft} (each session takes three)`,
      todo: few ? 'Raise it to 65536 (LimitNOFILE= in the service, or ulimit -n).' : null,
    };
  } catch {
    return { level: 'ok', check, message: 'not known on this platform', todo: null };
  }
}

async function ports(config: GatewayConfig): Promise<Finding[]> {
  const wanted = [
    { name: 'Console port', host: config.console.host, port: config.console.port },
    ...config.listeners.map(({ protocol, host, port }) => ({ name: `${protocol} port`, host, port })),
  ];
  return Promise.all(
    wanted.map(async ({ name, host, port }): Promise<Finding> => {
      const taken = await isTaken(host, port);
      return {
        level: taken ? 'warn' : 'ok',
        check: name,
        message: `${host}:${port} is ${taken ? 'taken' : 'free'}`,
        todo: taken ? 'Fine where a gateway runs already; else stop what listens there or choose another port.' : null,
      };
    }),
  );
}

/** The directory itself, or the closest one around it that is there: the same disk. */
function nearest(directory: string): string {
  return existsSync(directory) || dirname(directory) === directory ? directory : nearest(dirname(directory));
}

function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(true));
    server.listen({ host, port }, () => server.close(() => resolve(false)));
  });
}

async function key(config: GatewayConfig): Promise<Finding> {
  const check = 'Master key';
  if ('env' in config.key) {
    const set = process.env[config.key.env] !== undefined;
    return {
      level: set ? 'ok' : 'fail',
      check,
      message: `from the variable ${config.key.env}${set ? '' : ', which is not set'}`,
      todo: set ? null : 'Set it to 32 random bytes in base64.',
    };
  }
  if (!existsSync(config.key.file)) {
    return { level: 'ok', check, message: `${config.key.file} will be made at the first start`, todo: null };
  }
  const { mode } = await stat(config.key.file);
  const open = (mode & 0o077) !== 0;
  return {
    level: open ? 'fail' : 'warn',
    check,
    message: open ? `${config.key.file} can be read by others` : `${config.key.file}`,
    todo: open
      ? `chmod 600 ${config.key.file}`
      : 'It lies beside the data it protects: keep a copy elsewhere, and in production give it by SALLYPORT_KEY.',
  };
}

async function certificates({ certificates = [] }: GatewayConfig): Promise<readonly Finding[]> {
  const check = 'Certificate';
  const findings = certificates.map(async (files): Promise<readonly Finding[]> => {
    try {
      const read = await readCertificate(files, systemClock.now());
      const concerns = concernsOf(files, read, systemClock.now());
      if (concerns.length > 0) return concerns.map((concern) => ({ level: 'warn', check, ...concern }));
      const until = new Date(read.notAfterMs).toISOString().slice(0, 10);
      return [{ level: 'ok', check, message: `${namesOf(read.leaf).join(', ')} until ${until}`, todo: null }];
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      return [{ level: 'fail', check, message: error.publicMessage, todo: 'The gateway does not start with it.' }];
    }
  });
  return (await Promise.all(findings)).flat();
}

/** By what the gateway wrote down: it has the store, and this runs without. */
async function acme({ acme: settings, dataDirectory }: GatewayConfig): Promise<readonly Finding[]> {
  if (settings === undefined) return [];
  const check = 'ACME';
  const nowMs = systemClock.now();
  const standings = (await readReport(reportPathIn(dataDirectory))) ?? [];
  const obstacles = (await obstaclesOf(settings)).map((concern): Finding => ({ level: 'fail', check, ...concern }));
  if (standings.length === 0) {
    const message = `certificates are ordered at ${settings.directory} once a gateway runs`;
    return [...obstacles, { level: 'ok', check, message, todo: null }];
  }
  const findings = standings.map((one): Finding => {
    const concern = concernOf(one, nowMs);
    if (concern === null) return { level: 'ok', check, message: describeStanding(one, nowMs), todo: null };
    const isOut = one.notAfterMs === null || one.notAfterMs < nowMs;
    return { level: isOut ? 'fail' : 'warn', check, ...concern };
  });
  return [...obstacles, ...findings];
}

function store(config: GatewayConfig): Finding {
  return config.storeUrl === null
    ? { level: 'ok', check: 'Store', message: 'embedded (one gateway; give store.url for several)', todo: null }
    : { level: 'ok', check: 'Store', message: 'PostgreSQL', todo: null };
}

function memory(): Finding {
  const limit = process.constrainedMemory();
  const total = limit > 0 && limit < 2 ** 52 ? limit : 0;
  const few = total > 0 && total < 2 ** 30;
  return {
    level: few ? 'warn' : 'ok',
    check: 'Memory limit',
    message: total === 0 ? 'none' : `${(total / 2 ** 30).toFixed(1)} GiB`,
    todo: few
      ? 'The embedded store alone takes half a gigabyte: give the gateway 1 GiB or use PostgreSQL as store.'
      : null,
  };
}
