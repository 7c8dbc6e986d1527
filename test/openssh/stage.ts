/**
 * One folder in which OpenSSH's regression scripts run, and the two routes that they run by.
 *
 * The scripts bring their own sshd: one per connection (`sshd -i` as a proxy command) or one that listens. Instead of it they
 * are given a program of ours by that name. Directly it is sshd itself. Through the gateway, the one that listens does so on
 * a port that only the gateway knows, and the one per connection is started by the gateway when it dials; clients reach the
 * gateway where they expect sshd, with sshd's own host keys, so that nothing in the scripts is changed. ssh and plink are given the
 * login `engineer+web-1`; that is all that it is told.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SocketWire } from '../../src/base/wire.ts';
import { openRoom, type Room } from '../../src/protocols/ssh/room-testing.ts';
import { freePort } from '../../src/protocols/ssh/testing/testing.ts';
import {
  generateKeyText,
  privateKeyFromText,
  publicKeyFromText,
  publicKeyToText,
} from '../../src/protocols/ssh/transport/index.ts';

const cache = resolve(import.meta.dirname, '../../.cache/openssh-tests');
const inside = 'usr/lib/openssh/regress';

/** Where the scripts are: installed (Debian: openssh-tests), or fetched from the distribution's package into `.cache`. */
export function regressFolder(): string {
  const installed = join('/', inside);
  if (existsSync(join(installed, 'test-exec.sh'))) return installed;
  const kept = join(cache, inside);
  if (existsSync(join(kept, 'test-exec.sh'))) return kept;
  mkdirSync(cache, { recursive: true });
  execFileSync('sh', ['-c', 'apt-get -q download openssh-tests && dpkg -x openssh-tests_*.deb .'], {
    cwd: cache,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return kept;
}

export interface Outcome {
  /** `ok`, `failed`, `skipped` or `late`. */
  readonly result: 'ok' | 'failed' | 'skipped' | 'late';
  /** What the script said. */
  readonly lines: readonly string[];
  readonly seconds: number;
}

export interface Route {
  readonly name: 'direct' | 'gateway';
  run(script: string, deadlineMs: number): Promise<Outcome>;
  close(): Promise<void>;
}

const hiddenOffset = 100;

export async function openRoute(name: Route['name']): Promise<Route> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-regress-'));
  const obj = join(folder, 'regress');
  await cp(regressFolder(), obj, { recursive: true });
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const port = await freePort();
  const key = generateKeyText('ed25519');
  writeFileSync(join(folder, 'authorized'), `${publicKeyToText(privateKeyFromText(key).publicKey)}\n`);
  const through = name === 'gateway';
  const socket = join(folder, 'gateway.sock');
  const keys = `AuthorizedKeysFile ${obj}/authorized_keys_%u ${folder}/authorized`;
  const write = (file: string, text: string): void => writeFileSync(join(bin, file), text, { mode: 0o755 });
  const check = 'for word; do case "$word" in -t|-T|-V) exec /usr/sbin/sshd -o UsePAM=no "$@";; esac; done';
  const gateway = `case " $* " in *" -i "*) exec ${obj}/netcat -U ${socket};; esac
exec /usr/sbin/sshd -p ${port + hiddenOffset} -o UsePAM=no -o '${keys}' "$@"`;
  write('sshd', `#!/bin/sh\n${check}\n${through ? gateway : 'exec /usr/sbin/sshd -o UsePAM=no "$@"'}\n`);
  write('ssh', `#!/bin/sh\nexec /usr/bin/ssh ${through ? '-l engineer+web-1 ' : ''}"$@"\n`);
  write('plink', `#!/bin/sh\nexec /usr/bin/plink ${through ? '-l engineer+web-1 ' : ''}"$@"\n`);
  const stage = through ? await openGateway({ obj, socket, port, keys, key }) : null;
  return {
    name,
    run: (script, deadlineMs) => runScript({ obj, bin, port, script, deadlineMs }),
    close: async () => {
      await stage?.close();
      if (process.env['SALLYPORT_KEEP'] === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

function runScript(at: {
  obj: string;
  bin: string;
  port: number;
  script: string;
  deadlineMs: number;
}): Promise<Outcome> {
  const { obj, bin, port, script, deadlineMs } = at;
  const begun = performance.now();
  const child = spawn('sh', [join(obj, 'test-exec.sh'), obj, join(obj, `${script}.sh`)], {
    cwd: obj,
    // A group of its own, so that what a late script started can be ended with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      USER: 'root',
      LOGNAME: 'root',
      BUILDDIR: obj,
      TEST_SHELL: 'sh',
      TEST_SSH_SSH: join(bin, 'ssh'),
      TEST_SSH_SSHD: join(bin, 'sshd'),
      TEST_SSH_SFTPSERVER: '/usr/lib/openssh/sftp-server',
      TEST_SSH_PLINK: join(bin, 'plink'),
      TEST_SSH_PUTTYGEN: 'puttygen',
      TEST_SSH_PORT: String(port),
      TEST_SSH_UNSAFE_PERMISSIONS: '1',
    },
  });
  // One behind the other: what a script traces on one would else stand in the middle of a line of the other.
  const said = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    return chunks;
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    process.kill(-child.pid!, 'SIGKILL');
  }, deadlineMs);
  return new Promise((resolve) => {
    child.once('exit', (code) => {
      clearTimeout(timer);
      // What a script traces (`set -x`) and where it runs is not what it says.
      const lines = said
        .flatMap((chunks) => Buffer.concat(chunks).toString().replaceAll(obj, 'OBJ').split('\n'))
        .filter((line) => line.trim() !== '' && !line.startsWith('+ '));
      const isSkipped = lines.some((line) => /^(SKIPPED|skipped)/.test(line));
      const result = isLate ? 'late' : code !== 0 ? 'failed' : isSkipped ? 'skipped' : 'ok';
      resolve({ result, lines, seconds: Math.round((performance.now() - begun) / 1000) });
    });
  });
}

interface GatewayParts {
  readonly obj: string;
  readonly socket: string;
  readonly port: number;
  readonly keys: string;
  readonly key: string;
}

/** Two doors: the port, and the socket that stands for `sshd -i`. */
async function openGateway(parts: GatewayParts): Promise<{ close(): Promise<void> }> {
  const { obj, socket, port, key } = parts;
  let shown: { readonly at: number; readonly texts: readonly string[] } = { at: -1, texts: [] };
  const kinds = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa'].map((kind) => join(obj, kind));
  const hostKeys = (): readonly string[] => {
    const at = Math.max(...kinds.map((path) => statSync(path).mtimeMs));
    // The same array as long as nothing changed: the room keeps what it parsed.
    if (shown.at !== at) shown = { at, texts: kinds.map((path) => readFileSync(path, 'utf8')) };
    return shown.texts;
  };
  const isKnown = (blob: Buffer): boolean =>
    readFileSync(join(obj, 'authorized_keys_root'), 'utf8')
      .split('\n')
      .some((line) => isKey(line, blob));
  const fixed = {
    credential: { username: 'root', privateKey: key },
    settings: {
      shell: 'observed',
      forwards: [
        'local *:*',
        'local 127.0.0.1:*',
        'local localhost:*',
        'remote *:*',
        'local-socket *',
        'remote-socket *',
        'agent',
        'x11',
      ],
      environment: ['_XXX_TEST*', 'LANG', 'LC_*'],
    },
    hostKeys,
    isKnown,
  };
  // Which of its keys sshd shows is the scripts' to change; the route to it is this process's own.
  const pinned = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa'];
  const pins = pinned.map((kind) => readKey(join(obj, `${kind}.pub`)));
  const listening = await openRoom({ ...fixed, port, target: { port: port + hiddenOffset, hostKeys: pins } });
  const single = await openRoom({
    ...fixed,
    target: { port: 1, hostKeys: pins },
    dialler: { dial: async () => new SocketWire(await startSingle(parts)) },
  });
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => single.accept(client));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return { close: () => closeAll(server, [listening, single]) };
}

async function closeAll(server: Server, rooms: readonly Room[]): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  for (const room of rooms) await room.close();
  await closed;
}

function isKey(line: string, blob: Buffer): boolean {
  const word = /(?:^|\s)(?:sk-)?(?:ssh-|ecdsa-)\S+ (\S+)/.exec(line)?.[1];
  return word !== undefined && Buffer.from(word, 'base64').equals(blob);
}

/** Makes the key as the scripts would, so that it is there before the first one runs. */
function readKey(path: string): string {
  const file = path.replace(/\.pub$/, '');
  const type = file.slice(file.lastIndexOf('/') + 1);
  if (!existsSync(file)) execFileSync('ssh-keygen', ['-q', '-N', '', '-t', type, '-f', file]);
  const line = readFileSync(path, 'utf8').trim();
  publicKeyFromText(line);
  return line;
}

/** One `sshd -i` with a socket of its own; gives the other end. */
async function startSingle({ obj, socket, keys }: GatewayParts): Promise<Socket> {
  const path = `${socket}.${process.hrtime.bigint()}`;
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const near = createConnection({ path, allowHalfOpen: true });
  const far = await accepted;
  server.close();
  const log = openSync(join(obj, 'sshd.log'), 'a');
  const child = spawn('/usr/sbin/sshd', ['-i', '-f', join(obj, 'sshd_proxy'), '-o', 'UsePAM=no', '-o', keys], {
    stdio: [far, far, log],
  });
  child.once('spawn', () => far.destroy());
  return near;
}
