/**
 * What editors do on the wire, by stock ssh and by paramiko, with a stand-in for the server that they start on the target: the
 * editors themselves need a screen and downloads, and do not run here.
 *
 * VS Code Remote-SSH (its logs in microsoft/vscode-remote-release, issues 8132, 9215, 3299): `ssh -T -D PORT HOST bash` (or
 * `sh`, or `bash --login -c bash`), its script on standard input, which stays open; the script installs and starts a server
 * and says `listeningOn==PORT==` between two marks; then SOCKS connections to 127.0.0.1 at that port. With
 * `remoteServerListenOnSocket` the server listens on a unix socket, to which another ssh forwards.
 *
 * JetBrains Gateway (its documentation, "Remote development overview"): one connection; `uname`, an upload by SFTP, the
 * uploaded program run by exec, and a forward to the port that it says.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { freePort } from '../../src/protocols/ssh/testing/testing.ts';
import { openSite, programIn, python, type Site, sshConfigAt } from './site.ts';

let site: Site;
const clients: ChildProcess[] = [];
/** What editors started on the target, by what was said of it. */
const servers: (() => string)[] = [];

const rules = [
  {
    kind: 'Guardrail',
    metadata: { name: 'nothing-unbounded' },
    spec: {
      match: { resources: { names: ['bounded'] }, commands: { shell: { unbounded: true } } },
      verdict: 'block',
      message: 'What this starts cannot be judged.',
    },
  },
  {
    kind: 'Guardrail',
    metadata: { name: 'no-recursive-rm' },
    spec: {
      match: {
        resources: { names: ['editors', 'kernel'] },
        commands: { shell: { programs: ['rm'], arguments: ['-r'], uncertain: 'ignore' } },
      },
      verdict: 'block',
    },
  },
];

interface Document {
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** The manifest that people are told to write: what it says of the resource, and its rule. */
function documented(): { readonly resource: Document; readonly rule: Document } {
  const page = readFileSync(new URL('../../docs/learn/ssh.md', import.meta.url), 'utf8');
  const block = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].find(([, text]) =>
    text!.includes('name: web-1-editors'),
  )![1]!;
  const [resource, rule] = parseAllDocuments(block).map((document) => document.toJS() as Document);
  return { resource: resource!, rule: rule! };
}

const forwards = ['local 127.0.0.1:*', 'local localhost:*', 'local-socket /tmp/sallyport-clients-*'];

beforeAll(async () => {
  const { resource, rule } = documented();
  const { address: _address, credential: _credential, protocol: _protocol, ...settings } = resource.spec;
  site = await openSite({
    resources: [
      { name: 'editors', spec: { forwards } },
      { name: 'observed', spec: { forwards, shell: 'observed' } },
      { name: 'kernel', spec: { forwards, shell: 'kernel' } },
      { name: 'bounded', spec: { forwards } },
      { name: 'strict', spec: { forwards, shell: 'strict' } },
      { name: resource.metadata.name, spec: settings },
      { name: 'shut', spec: {} },
    ],
    documents: [
      { kind: 'Principal', metadata: { name: 'admin' }, spec: { roles: ['admin'] } },
      { kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['admin'] } },
      rule,
      ...rules,
    ],
  });
}, 90_000);

afterAll(async () => {
  for (const child of clients) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }
  for (const said of servers) {
    const [, pid] = /pid==(\d+)==/.exec(said()) ?? [];
    try {
      if (pid !== undefined) process.kill(Number(pid), 'SIGTERM');
    } catch {
      // It ended by itself.
    }
  }
  await site?.close();
});

interface Editor {
  readonly child: ChildProcess;
  readonly socksPort: number;
  readonly over: Promise<unknown>;
  stdout(): string;
  stderr(): string;
  /** Null: it ended before. */
  until(pattern: RegExp): Promise<RegExpExecArray | null>;
}

/** `ssh -T -D`, with the script written to a standard input that stays open. */
async function connect(resource: string, command: readonly string[], script: string): Promise<Editor> {
  const socksPort = await freePort();
  const config = await sshConfigAt(site, resource);
  const args = ['-F', config, '-o', 'ConnectTimeout=15', '-T', '-D', String(socksPort), resource, ...command];
  const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  clients.push(child);
  const over = once(child, 'close');
  let out = '';
  let said = '';
  servers.push(() => out);
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stdin.on('error', () => {});
  child.stdin.write(script);
  const until = async (pattern: RegExp): Promise<RegExpExecArray | null> => {
    const end = Date.now() + 45_000;
    for (;;) {
      const found = pattern.exec(out) ?? pattern.exec(said);
      if (found !== null) return found;
      if (child.exitCode !== null || child.signalCode !== null) {
        // It may have exited before what it said was read.
        await over;
        return pattern.exec(out) ?? pattern.exec(said);
      }
      if (Date.now() > end) throw new Error(`no ${pattern} in: ${out} ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return { child, socksPort, over, stdout: () => out, stderr: () => said, until };
}

/** What such a script does: looks around, makes a folder, starts its server, and says where that is, between two marks. */
const scriptOf = (server: string): string => `
# Server installation script
unset TRIGGER_CLEANUP
mkdir -p ${site.folder}/editor-server
printenv > ${site.folder}/editor-server/environment
if [ "$(uname -s)" != Linux ]; then echo 'not a platform'; exit 1; fi
printf '%s: start\\n' 2d4c914579ab
platform=linux; arch=$(uname -m)
${server} || exit 1
printf 'platform==%s==\\narch==%s==\\n' $platform $arch
printf '%s: end\\n' 2d4c914579ab
`;

/** SOCKS 5 to 127.0.0.1, as the editor does for each of its connections; then a line, and what comes back. */
async function through(socksPort: number, port: number, line: string): Promise<string> {
  const socket = createConnection(socksPort, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  socket.write(Buffer.from([5, 1, 0]));
  await bytes(socket, 2);
  socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 0xff]));
  const answer = await bytes(socket, 10);
  if (answer[1] !== 0) {
    socket.destroy();
    return `refused ${answer[1]}`;
  }
  socket.write(line);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}

async function bytes(socket: Socket, count: number): Promise<Buffer> {
  for (;;) {
    const got = socket.read(count) as Buffer | null;
    if (got !== null) return got;
    if (socket.readableEnded || socket.destroyed) return Buffer.from([5, 255]);
    await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
  }
}

/** What the machine's own start-up files say of themselves: version managers that find each other at work, shells started at once. */
function withoutStartUp(said: string): string {
  return said.replace(/^.*pyenv.*\n?/gm, '');
}

// Each of them waits for most of its time.
describe.concurrent('VS Code Remote-SSH', { timeout: 90_000 }, () => {
  test.each([
    ['editors', ['bash']],
    ['editors', ['bash', '--login', '-c', 'bash']],
    ['observed', ['sh']],
    ['kernel', ['bash']],
  ])(
    'at %s, by %j: its script runs though its input stays open, and its connections reach the server',
    async (resource, command) => {
      const editor = await connect(resource, command, scriptOf(programIn('server')));
      const [, port] = (await editor.until(/listeningOn==(\d+)==[\s\S]*: end\n/)) ?? [];
      expect(withoutStartUp(editor.stderr())).toBe('');
      const answers = await Promise.all(
        ['one', 'two', 'three'].map((word) => through(editor.socksPort, Number(port), `${word}\n`)),
      );
      expect(answers).toEqual(['server heard one\n', 'server heard two\n', 'server heard three\n']);
      // It asks for more on the same input, and the session goes on.
      editor.child.stdin!.write('echo still-$((40+2))\n');
      await editor.until(/still-42/);
      const texts = await site.commands(resource);
      expect(texts.filter((text) => text === `tcp 127.0.0.1:${port}`)).toHaveLength(3);
      expect(
        texts.some(
          (text) => text.startsWith(`${command.join(' ')}\n`) && text.includes('# Server installation script'),
        ),
      ).toBe(true);
    },
  );

  test('a rule still sees what the script does, whatever may follow', async () => {
    const editor = await connect(
      'editors',
      ['bash'],
      `${scriptOf(programIn('server'))}\nrm -rf ${site.folder}/editor-server\n`,
    );
    expect(await editor.until(/no-recursive-rm/)).not.toBeNull();
    expect(editor.stdout()).toBe('');
  });

  test.each([
    ['editors', false],
    ['kernel', true],
  ])('what is typed in its terminal: at %s a rule judges it: %s', async (resource, isJudged) => {
    const made = join(site.folder, `of-${resource}`);
    const editor = await connect(resource, ['bash'], scriptOf(programIn('server')));
    const [, port] = (await editor.until(/listeningOn==(\d+)==[\s\S]*: end\n/)) ?? [];
    expect(await through(editor.socksPort, Number(port), `run mkdir ${made}\n`)).toBe('server heard 0\n');
    const status = await through(editor.socksPort, Number(port), `run rm -r ${made}\n`);
    expect(existsSync(made)).toBe(isJudged);
    expect(status).toMatch(isJudged ? /heard (?!0\n)\d+\n/ : /heard 0\n/);
  });

  test('a server on a unix socket is reached by a forward to it', async () => {
    const path = join(site.folder, 'vscode.sock');
    const editor = await connect('editors', ['sh'], scriptOf(`${programIn('server')} ${path}`));
    await editor.until(/: end\n/);
    const port = await freePort();
    const config = await sshConfigAt(site, 'editors');
    const forward = spawn('ssh', ['-F', config, '-N', '-L', `${port}:${path}`, 'editors'], { stdio: 'ignore' });
    clients.push(forward);
    expect(await lineTo(port, 'hello\n')).toBe('server heard hello\n');
    expect(await site.commands('editors')).toContain(`unix ${path}`);
  });

  test.each([
    ['bounded', /nothing-unbounded/],
    ['strict', /this resource is strict/],
  ])('at %s it does not start, and the person hears why', async (resource, why) => {
    const editor = await connect(resource, ['bash'], scriptOf(programIn('server')));
    expect(await editor.until(why)).not.toBeNull();
    await editor.over;
    expect(editor.child.exitCode).toBe(126);
    expect(editor.stdout()).toBe('');
  });

  test('as documented: under strict, with a rule that has it reviewed, it starts once it is approved', async () => {
    const editor = await connect('web-1-editors', ['bash'], scriptOf(programIn('server')));
    await editor.until(/held until/);
    await site.approveNext();
    const [, port] = (await editor.until(/listeningOn==(\d+)==[\s\S]*: end\n/)) ?? [];
    expect(await through(editor.socksPort, Number(port), 'hello\n')).toBe('server heard hello\n');
  });

  test('without the forwards its server starts, and cannot be reached', async () => {
    const editor = await connect('shut', ['bash'], scriptOf(programIn('server')));
    const [, port] = (await editor.until(/listeningOn==(\d+)==[\s\S]*: end\n/)) ?? [];
    expect(await through(editor.socksPort, Number(port), 'hello\n')).not.toContain('server heard');
    await site.violation('ssh.forward-refused');
  });
});

/** What is answered to a line at a port of this machine that is about to listen. */
async function lineTo(port: number, line: string): Promise<string> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answer = await new Promise<string>((resolve) => {
      const socket = createConnection(port, '127.0.0.1', () => socket.write(line));
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk.toString();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(heard));
    });
    if (answer !== '') return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('nobody answers');
}

describe.concurrent('JetBrains Gateway', { timeout: 90_000 }, () => {
  const run = async (resource: string) => {
    const folder = join(site.folder, `jetbrains-${resource}`);
    const told = { port: site.port, token: site.token, key: site.key, resource, folder, server: programIn('server') };
    const mkdir = await site.run('mkdir', [folder]);
    expect(mkdir.code).toBe(0);
    const { code, stdout, stderr } = await site.run(python, [
      programIn('with_paramiko.py'),
      'editor',
      JSON.stringify(told),
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const seen = JSON.parse(stdout.toString()) as {
      readonly found: { out: string };
      readonly started: { code: number; out: string; err: string };
      readonly heard?: string;
      readonly refused?: number;
    };
    servers.push(() => seen.started.out);
    return seen;
  };

  test('its upload, its program and its forward work', async () => {
    const { found, started, heard } = await run('editors');
    expect(found.out).toMatch(/^Linux /);
    expect(started.code).toBe(0);
    expect(heard).toBe('server heard hello editor\n');
    const texts = await site.commands('editors');
    expect(texts.some((text) => text.startsWith('upload ') && text.includes('remote-dev-server.sh'))).toBe(true);
  });

  test.each(['bounded', 'strict'])('at %s its program does not start', async (resource) => {
    const { found, started, heard } = await run(resource);
    expect(found.out).toMatch(/^Linux /);
    expect(started.code).toBe(126);
    expect(started.err).toMatch(/sallyport: /);
    expect(heard).toBeUndefined();
  });

  test('without the forward its program runs, and cannot be reached', async () => {
    expect((await run('shut')).refused).toBe(1);
  });
});
