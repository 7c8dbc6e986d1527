/** What a connection turns into: exec, archives, ports, shells; by either transport, towards servers old and new (A-K8S-02, 06, 10). */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type CommandDraft, kubernetesOf, shellOf } from '../../core/command.ts';
import { allowed } from '../../core/judgement.ts';
import type { OutputPlan } from '../../core/masking.ts';
import type { Judge } from '../../core/ports.ts';
import type { PendingReview, ReviewOutcome, Reviews } from '../../core/review.ts';
import { wordMask } from '../http/masks-testing.ts';
import { listen, type RoomOptions } from '../http/room-testing.ts';
import { askSwitch, ExecClient, ForwardClient, type Transport, transports } from './client-testing.ts';
import { type KubernetesRoom, openKubernetes } from './room-testing.ts';
import { chosenShells } from './shells.ts';
import { startTestTarget, type TestTarget, type TestTargetOptions } from './target-testing.ts';

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Opened extends KubernetesRoom {
  readonly target: TestTarget;
  readonly drafts: CommandDraft[];
}

async function open(
  options: Omit<RoomOptions, 'target'> & { readonly target?: TestTargetOptions } = {},
): Promise<Opened> {
  const { target: targetOptions, judge, ...rest } = options;
  const target = await startTestTarget(targetOptions);
  closing.push(() => target.stop());
  const drafts: CommandDraft[] = [];
  const room = await openKubernetes({
    settings: { shell: 'observed' },
    ...rest,
    target,
    judge: (draft) => {
      drafts.push(draft);
      return judge?.(draft) ?? null;
    },
  });
  closing.push(() => room.close());
  return Object.assign(room, { target, drafts });
}

const ends = (room: Opened, ordinal = 1) => room.journal.of('command.ended').find(({ command }) => command === ordinal);

const said = (room: Opened, direction: 'in' | 'out', types = ['data', 'screen']): string =>
  room.recordings
    .flatMap(({ entries }) => entries)
    .flatMap((one) =>
      (one.type === 'data' || one.type === 'screen') && types.includes(one.type) && one.direction === direction
        ? [one.data.toString('latin1')]
        : [],
    )
    .join('');

const everyWay = transports.flatMap((client) => (['both', 'spdy'] as const).map((speaks) => [client, speaks] as const));

describe.each(everyWay)('a client by %s, a server that speaks %s', (client, speaks) => {
  const target = { speaks };

  test('exec: output, error stream, exit status; recorded', async () => {
    const room = await open({ target });
    const exec = await ExecClient.open(room, client, { command: ['sh', '-c', 'echo out; echo err >&2; exit 7'] });
    await exec.finished();
    expect([exec.stdout, exec.stderr, exec.status?.exitCode]).toEqual(['out\n', 'err\n', 7]);
    expect(ends(room)).toMatchObject({ outcome: 'completed', tag: 'exit 7' });
    expect(said(room, 'out').split('\n').sort()).toEqual(['', 'err', 'out']);
    expect(room.target.switches.at(-1)!.headers.upgrade).toBe(speaks === 'both' ? 'websocket' : 'SPDY/3.1');
  });

  test('exec: input to its end, byte for byte, whatever its size', async () => {
    const room = await open({ target, cutBytes: 7_000 });
    const exec = await ExecClient.open(room, client, { command: ['sha256sum'], stdin: true });
    const bytes = randomBytes(700_000);
    for (let at = 0; at < bytes.length; at += 50_000) exec.type(bytes.subarray(at, at + 50_000));
    exec.end();
    await exec.finished();
    expect(exec.stdout).toContain(createHash('sha256').update(bytes).digest('hex'));
    expect(said(room, 'in')).toBe(bytes.toString('latin1'));
  });

  test('output of megabytes comes whole, and its status behind it', async () => {
    const room = await open({ target });
    const exec = await ExecClient.open(room, client, { command: ['sh', '-c', 'seq 1 400000; exit 3'] });
    await exec.finished();
    expect(exec.stdout.length).toBe(
      Array.from({ length: 400_000 }, (_, at) => String(at + 1).length + 1).reduce((sum, one) => sum + one),
    );
    expect(exec.status?.exitCode).toBe(3);
  });

  test('a program that is not there', async () => {
    const room = await open({ target });
    const exec = await (await ExecClient.open(room, client, { command: ['no-such-program'] })).finished();
    expect(exec.status).toMatchObject({ succeeded: false, exitCode: null });
    expect(ends(room)).toMatchObject({ outcome: 'completed', error: 'kubernetes.not-run' });
  });

  test('a client that goes takes the program along', async () => {
    const room = await open({ target });
    const exec = await ExecClient.open(room, client, { command: ['sh', '-c', 'echo up; sleep 60'] });
    await exec.until(() => exec.stdout.includes('up'), 'the program');
    exec.destroy();
    await exec.until(() => ends(room) !== undefined && room.target.open.size === 0, 'both ends gone');
    expect(ends(room)).toMatchObject({ outcome: 'unfinished' });
  });

  test('a session that ends says so and takes it along', async () => {
    const room = await open({ target });
    const exec = await ExecClient.open(room, client, { command: ['sh', '-c', 'echo up; sleep 60'] });
    await exec.until(() => exec.stdout.includes('up'), 'the program');
    room.doors.sessions.end(() => true, { reason: 'killed', message: 'Ended by dora.', code: null, by: 'dora' });
    await exec.finished();
    expect(exec.stderr).toContain('sallyport: Ended by dora.');
    await exec.until(() => room.target.open.size === 0, 'the target gone');
  });

  test('a port: bytes both ways, each connection a command with what passed', async () => {
    const room = await open({ target });
    const { port } = await echo();
    const forwards = await ForwardClient.open(room, client);
    const one = forwards.leg.end.open(port, '0');
    const other = forwards.leg.end.open(port, '2');
    one.write(Buffer.from('hello'));
    other.write(Buffer.alloc(300_000, 'x'));
    one.end();
    other.end();
    await until(() => forwards.closed.size === 2, 'the ends');
    expect(forwards.texts.get(one)).toBe('hello');
    expect(forwards.texts.get(other)?.length).toBe(300_000);
    expect(room.journal.of('command.intent').map(({ verb, text }) => `${verb} ${text}`)).toEqual([
      'connect connect pods/portforward web-1 -n shop',
      `forward tcp web-1.shop:${port}`,
      `forward tcp web-1.shop:${port}`,
    ]);
    expect(ends(room, 2)).toMatchObject({ outcome: 'completed', tag: 'in 5 bytes, out 5 bytes', bytes: 5 });
    forwards.leg.end.close();
    await until(() => ends(room, 1) !== undefined, 'the end of all');
  });

  test('a port that a rule refuses, and one that nobody listens at', async () => {
    const { port } = await echo();
    const judge = ({ text }: CommandDraft) =>
      text.endsWith(`:${port}`) ? ({ name: 'block', rule: 'no-port', reason: 'Not there.' } as const) : null;
    const room = await open({ target, judge });
    const forwards = await ForwardClient.open(room, client);
    const refused = forwards.leg.end.open(port, '0');
    await until(() => forwards.failures.has(refused), 'the refusal');
    expect(forwards.failures.get(refused)).toBe('sallyport: Not there. (rule no-port)');
    const dead = forwards.leg.end.open(1, '2');
    await until(() => forwards.failures.has(dead), 'the failure');
    expect(forwards.failures.get(dead)).toContain('ECONNREFUSED');
    await until(() => ends(room, 3) !== undefined, 'its end');
    expect([ends(room, 2)!.outcome, ends(room, 3)!.outcome]).toEqual(['refused', 'failed']);
  });
});

describe('what is judged', () => {
  test('A-K8S-06: the same command by either transport, with the meaning of what it runs', async () => {
    const room = await open();
    for (const transport of transports) {
      await (await ExecClient.open(room, transport, { command: ['rm', '-rf', '/srv/data'] })).finished();
    }
    const [one, other] = room.drafts;
    expect(one!.text).toBe(`connect pods/exec web-1 -n shop -- rm -rf /srv/data`);
    expect([other!.text, other!.verb, other!.kind]).toEqual([one!.text, one!.verb, one!.kind]);
    for (const { meaning } of room.drafts) {
      expect(kubernetesOf(meaning)).toMatchObject({ verb: 'connect', resource: 'pods', subresource: 'exec' });
      expect(shellOf(meaning)?.commands[0]?.argv).toEqual(['rm', '-rf', '/srv/data']);
    }
  });

  test('A-K8S-06: input that came in channel 0 is in the record', async () => {
    const room = await open();
    for (const transport of transports) {
      const exec = await ExecClient.open(room, transport, { command: ['cat'], stdin: true });
      exec.type(`secret-by-${transport}\n`);
      exec.end();
      await exec.finished();
    }
    expect(said(room, 'in')).toBe('secret-by-websocket\nsecret-by-spdy\n');
  });

  test.each(transports)('a refused command: a Status before anything switched, by %s', async (transport) => {
    const judge = (): ReturnType<NonNullable<RoomOptions['judge']>> => ({ name: 'block', rule: 'no', reason: 'No.' });
    const room = await open({ judge });
    const refused = await refusalOf(room, transport, { command: ['id'] });
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.body)).toMatchObject({ kind: 'Status', reason: 'Forbidden', code: 403 });
    expect(room.target.switches).toEqual([]);
  });

  test('kubectl that tries SPDY after a refused WebSocket hears the same, and nobody is asked twice', async () => {
    const room = await open({ judge: () => ({ name: 'block', rule: 'no', reason: 'No.' }) });
    const first = await refusalOf(room, 'websocket', { command: ['id'] });
    const second = await refusalOf(room, 'spdy', { command: ['id'] });
    expect(JSON.parse(second.body)).toEqual(JSON.parse(first.body));
    expect(room.drafts.length).toBe(1);
    await refusalOf(room, 'spdy', { command: ['id'] });
    expect(room.drafts.length).toBe(2);
  });

  test('a held exec is answered once it is decided', async () => {
    const reviews = new Reviewing();
    const room = await open({ reviews, judge: () => ({ name: 'hold', rule: 'two', reason: 'Two look.' }) });
    const opening = ExecClient.open(room, 'websocket', { command: ['echo', 'released'] });
    await until(() => reviews.decide !== null, 'the review');
    expect(room.target.switches).toEqual([]);
    reviews.decide!({ state: 'approved', by: ['dora'] });
    const exec = await (await opening).finished();
    expect(exec.stdout).toBe('released\n');
  });

  const others = ['/api/v1/namespaces/shop/pods?watch=1', '/api/v1/namespaces/shop/pods/web-1/log', '/x'];

  test.each(others)('an upgrade of %s is refused', async (path) => {
    const room = await open();
    for (const transport of transports) {
      expect((await askSwitch(room, path, transport, 'v4.channel.k8s.io')).status).toBe(403);
    }
    expect(room.target.switches).toEqual([]);
  });

  test('A-K8S-03: an upgrade through a proxy is refused, even where proxies are allowed', async () => {
    const room = await open({ settings: { proxy: 'allow' } });
    const path = '/api/v1/nodes/n1/proxy/exec/shop/web-1/main?command=id&output=1';
    for (const transport of transports) {
      expect((await askSwitch(room, path, transport, 'v4.channel.k8s.io')).status).toBe(403);
    }
    expect(room.target.switches).toEqual([]);
  });

  test('port-forward where the resource does not allow it', async () => {
    const room = await open({ settings: { port_forward: 'deny' } });
    await expect(ForwardClient.open(room, 'spdy')).rejects.toThrow(/setting port_forward/);
    expect(room.target.switches).toEqual([]);
  });
});

describe('A-K8S-02: what did not switch is no pipe', () => {
  const missing = {
    kind: 'Status',
    status: 'Failure',
    message: 'pods "web-1" not found',
    reason: 'NotFound',
    code: 404,
  };

  test.each(transports)(
    'the target’s own refusal reaches a client by %s, and both connections end',
    async (transport) => {
      const refuse = () => ({ status: 404, body: JSON.stringify(missing) });
      const room = await open({ target: { refuse } });
      const refused = await refusalOf(room, transport, { command: ['id'] });
      expect(refused.status).toBe(404);
      expect(JSON.parse(refused.body)).toMatchObject({ message: missing.message, reason: 'NotFound', code: 404 });
      expect(refused.socket.destroyed).toBe(true);
      await until(() => room.target.open.size === 0, 'the target’s end');
      expect(room.target.switches.length).toBe(1);
      expect(ends(room)).toMatchObject({ outcome: 'failed', error: '404' });
    },
  );

  test('a second request behind a refused upgrade is nobody’s', async () => {
    const room = await open({ target: { refuse: () => ({ status: 403, body: '{}' }) } });
    const smuggled = ['Content-Type: text/plain', '', 'GET /api/v1/secrets HTTP/1.1', `Host: ${room.host}`];
    const path = '/api/v1/namespaces/shop/pods/web-1/exec?command=id&stdout=1';
    await askSwitch(room, path, 'spdy', 'v4.channel.k8s.io', smuggled);
    expect(room.commands().filter((text) => text.includes('secrets'))).toEqual([]);
  });

  test('a client that speaks no protocol that is known here', async () => {
    const room = await open();
    const path = '/api/v1/namespaces/shop/pods/web-1/exec?command=id&stdout=1';
    for (const transport of transports) {
      const { status } = await askSwitch(room, path, transport, 'v9.channel.k8s.io');
      expect(status).toBe(400);
    }
    expect(room.target.switches).toEqual([]);
  });
});

const fileOf = ({ meaning }: CommandDraft) => (meaning?.language === 'file' ? meaning.file : null);

describe('archives', () => {
  async function folder(): Promise<string> {
    const made = await mkdtemp(join(tmpdir(), 'sallyport-archive-'));
    closing.push(() => rm(made, { recursive: true, force: true }));
    return made;
  }

  test('what goes out and comes in is told by name, size and digest', async () => {
    const directory = await folder();
    await writeFile(join(directory, 'a.txt'), 'hello');
    const room = await open();
    const exec = await ExecClient.open(room, 'websocket', { command: ['tar', 'cf', '-', '-C', directory, 'a.txt'] });
    await exec.finished();
    const back = await folder();
    const into = await ExecClient.open(room, 'spdy', { command: ['tar', '-xmf', '-', '-C', back], stdin: true });
    into.type(Buffer.from(exec.stdout, 'latin1'));
    into.end();
    await into.finished();
    expect(await readFile(join(back, 'a.txt'), 'utf8')).toBe('hello');
    const digest = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
    const told = room.journal.of('command.intent').filter(({ kind }) => kind === 'transfer');
    expect(told.map(({ verb, text, of }) => [verb, text, of])).toEqual([
      ['download', `tar download ${directory}/a.txt`, 1],
      ['download', 'download a.txt', 1],
      ['upload', `tar upload ${back}`, 4],
      ['upload', 'upload a.txt', 4],
    ]);
    const tags = room.journal.of('command.ended').flatMap(({ tag }) => (tag?.includes('sha256') ? [tag] : []));
    expect(tags).toEqual([`download 5 bytes, sha256 ${digest}`, `upload 5 bytes, sha256 ${digest}`]);
  });

  test.each(transports)('by %s: what a rule says of its paths is heard before anything passes', async (transport) => {
    const judge = (draft: CommandDraft) =>
      fileOf(draft)?.operations.some(({ path, tree }) => tree && path.shown === '/etc/keys') === true
        ? ({ name: 'block', rule: 'no-keys', reason: 'Keys stay.' } as const)
        : null;
    const room = await open({ judge });
    const out = ['tar', 'cf', '-', '/etc/keys'];
    const into = ['tar', '-xmf', '-', '-C', '/etc/keys'];
    for (const command of [out, into]) {
      const refused = await refusalOf(room, transport, { command, stdin: command === into });
      expect(refused.status).toBe(403);
      expect(refused.body).toContain('Keys stay. (rule no-keys)');
    }
    expect(room.target.switches).toEqual([]);
    expect(room.journal.of('command.ended').map(({ outcome }) => outcome)).toEqual(Array(4).fill('refused'));
  });

  test('A-K8S-10: names that climb or move a cursor are escaped, and passed on as they are', async () => {
    const directory = await folder();
    const name = '\u001b[31mred';
    await writeFile(join(directory, name), 'x');
    const room = await open();
    const command = ['tar', 'cf', '-', '-C', directory, '--transform', 's,^,../../,', '-P', name];
    await (await ExecClient.open(room, 'websocket', { command })).finished();
    // Not one of kubectl's own spellings: `f -` stands first, so it is listed all the same.
    const texts = room.journal
      .of('command.intent')
      .filter(({ kind }) => kind === 'transfer')
      .map(({ text }) => text);
    expect(texts.length).toBe(2);
    expect(texts[1]).toContain('../../');
    expect(texts[1]).not.toContain('\u001b');
    // What else it is told may make it anything.
    expect(fileOf(room.drafts[1]!)).toMatchObject({ complete: false });
  });
});

describe('masks', () => {
  const masking = (word: string): Judge => {
    const plain = () => {
      const { push, end, hits } = wordMask(word);
      return { push: (view: Buffer) => ({ bytes: push(view), holdUntilMs: null }), flush: () => nothing, end, hits };
    };
    const content = () => {
      let at = 0;
      let hit: { rule: string; detector: string; offset: number } | null = null;
      return {
        push: (view: Buffer) => {
          const found = view.indexOf(word);
          if (found >= 0) hit = { rule: 'test-mask', detector: 'word', offset: at + found };
          at += view.length;
          return hit;
        },
        end: () => hit,
        get clearBytes() {
          return at;
        },
      };
    };
    const http = { body: () => wordMask(word), header: (_name: string, value: string) => value };
    const output = { results: [], streams: { terminal: plain, plain, content, http } } as unknown as OutputPlan;
    return { judge: () => ({ ...allowed({ name: 'mask', rule: 'test-mask', reason: '' }), output }) };
  };
  const nothing = { bytes: Buffer.alloc(0), holdUntilMs: null };

  test.each(transports)('both streams of an exec by %s, in answer and record', async (transport) => {
    const room = await open({ judging: masking('topsecret') });
    const command = ['sh', '-c', 'echo a topsecret; echo b topsecret >&2'];
    const exec = await (await ExecClient.open(room, transport, { command })).finished();
    expect([exec.stdout, exec.stderr]).toEqual(['a *********\n', 'b *********\n']);
    expect(said(room, 'out')).not.toContain('topsecret');
    expect(ends(room)?.masked).toEqual({ 'test-mask': 2 });
  });

  test('an archive ends before what a Mask would hide', async () => {
    const room = await open({ judging: masking('topsecret') });
    const directory = await mkdtemp(join(tmpdir(), 'sallyport-archive-'));
    closing.push(() => rm(directory, { recursive: true, force: true }));
    await writeFile(join(directory, 'a.txt'), 'topsecret');
    const command = ['tar', 'cf', '-', '-C', directory, 'a.txt'];
    const exec = await (await ExecClient.open(room, 'websocket', { command })).finished();
    expect(exec.stdout).not.toContain('topsecret');
    expect(exec.stderr).toMatch(/sallyport: the archive holds .*rule test-mask/);
    expect(exec.status?.exitCode).toBe(1);
  });

  test('a forwarded port, where nobody could look into what is said', async () => {
    const room = await open({ judging: masking('topsecret') });
    const { port } = await echo();
    const forwards = await ForwardClient.open(room, 'spdy');
    const one = forwards.leg.end.open(port, '0');
    await until(() => forwards.failures.has(one), 'the refusal');
    expect(forwards.failures.get(one)).toContain('a Mask applies');
  });
});

describe('a terminal', () => {
  test.each(transports)('observed by %s: recorded, and lines noted', async (transport) => {
    const room = await open();
    const exec = await ExecClient.open(room, transport, { command: ['sh'], stdin: true, tty: true });
    exec.resize(100, 30);
    await exec.until(() => /commands are not stopped[\s\S]*[$#] $/.test(exec.stdout), 'a prompt');
    exec.type('echo mar"ke"r\r');
    await exec.until(() => /[\r\n]marker/.test(exec.stdout), 'the output');
    exec.type('exit 4\r');
    await exec.finished();
    expect(exec.status?.exitCode).toBe(4);
    expect(room.drafts.map(({ verb, text }) => [verb, text])).toEqual([
      ['connect', 'connect pods/exec web-1 -n shop -i -t -- sh'],
      ['line', 'echo mar"ke"r'],
      ['line', 'exit 4'],
    ]);
    const sizes = room.recordings[0]!.entries.flatMap((one) => (one.type === 'terminal' ? [one.columns] : []));
    expect(sizes).toEqual([80, 100]);
    expect(said(room, 'out', ['screen'])).toContain('marker');
  });

  const gated = { settings: { shell: 'gated' } };
  const noDanger = ({ text }: CommandDraft) =>
    text.startsWith('danger') ? ({ name: 'block', rule: 'no-danger', reason: 'Too dangerous.' } as const) : null;

  test.each(transports.flatMap((one) => ['bash', 'sh'].map((shell) => [one, shell] as const)))(
    'gated by %s in %s: each line is judged before it runs',
    async (transport, shell) => {
      const room = await open({ ...gated, judge: noDanger });
      const exec = await ExecClient.open(room, transport, { command: [shell], stdin: true, tty: true });
      exec.resize(100, 30);
      await exec.until(() => /each command is judged before it runs[\s\S]*[$#] $/.test(exec.stdout), 'a prompt');
      exec.type('danger zone\r');
      await exec.until(() => exec.stdout.includes('Too dangerous. (rule no-danger)'), 'the refusal');
      await sleep(300);
      exec.type('echo mar"ke"r\r');
      await exec.until(() => /[\r\n]marker/.test(exec.stdout), 'the output');
      exec.type('exit 4\r');
      await exec.finished();
      expect(exec.status?.exitCode).toBe(4);
      expect(exec.stdout).not.toContain('not found');
      const lines = room.drafts.filter(({ verb }) => verb === 'line').map(({ text }) => text);
      expect(lines).toEqual(['danger zone', 'echo mar"ke"r', 'exit 4']);
      expect(room.drafts[1]!.context).toMatchObject({ pod: 'shop/web-1' });
      await until(() => room.target.open.size === 0, 'the side channel’s end');
    },
    30_000,
  );

  test('gated: the shell that k9s asks for, by the text that it asks with', async () => {
    const room = await open({ ...gated, judge: noDanger });
    const command = ['sh', '-c', 'command -v bash >/dev/null && exec bash || exec sh'];
    const exec = await ExecClient.open(room, 'websocket', { command, stdin: true, tty: true });
    await exec.until(() => /judged before it runs[\s\S]*[$#] $/.test(exec.stdout), 'a prompt');
    exec.type('danger zone\r');
    await exec.until(() => exec.stdout.includes('Too dangerous. (rule no-danger)'), 'the refusal');
    exec.destroy();
    await until(() => ends(room) !== undefined, 'its end');
    expect(chosenShells([...command, 'more'])).toBeNull();
    expect(chosenShells(['sh', '-c', `${command[2]}; id`])).toBeNull();
  }, 30_000);

  test('gated: a held line says so at the prompt, and runs once it is approved', async () => {
    const reviews = new Reviewing();
    const judge = ({ verb, text }: CommandDraft) =>
      verb === 'line' && text.startsWith('echo') ? ({ name: 'hold', rule: 'two', reason: 'Two look.' } as const) : null;
    const room = await open({ ...gated, judge, reviews });
    const exec = await ExecClient.open(room, 'websocket', { command: ['bash'], stdin: true, tty: true });
    await exec.until(() => /judged before it runs[\s\S]*[$#] $/.test(exec.stdout), 'a prompt');
    exec.type('echo mar"ke"r\r');
    await exec.until(() => exec.stdout.includes('held until dba approves it: https://gateway.example/'), 'the notice');
    expect(exec.stdout).not.toMatch(/[\r\n]marker/);
    reviews.decide!({ state: 'approved', by: ['dora'] });
    await exec.until(() => /[\r\n]marker/.test(exec.stdout), 'the output');
    exec.type('exit\r');
    await exec.finished();
  }, 30_000);

  const hidden: [string, string[], 'exec' | 'attach'][] = [
    ['a shell inside a command', ['env', 'bash'], 'exec'],
    ['a shell that only the pod knows', ['sh', '-c', '$SHELL'], 'exec'],
    ['su', ['su', '-'], 'exec'],
    ['a process that runs', [], 'attach'],
    ['a shell that has another name', ['./sh;id'], 'exec'],
  ];

  test.each(hidden.slice(0, 4))('gated: %s is refused, in words', async (_what, command, kind) => {
    const room = await open(gated);
    const refused = await refusalOf(room, 'websocket', { command, kind, stdin: true, tty: true });
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.body)['message']).toMatch(/cannot be judged line by line/);
    expect(room.target.switches).toEqual([]);
    expect(ends(room)?.outcome).toBe('refused');
  });

  test('gated: where hooks cannot be placed it is refused, in words', async () => {
    const room = await open(gated);
    const command = ['/no/such/place/bash'];
    const refused = await refusalOf(room, 'spdy', { command, stdin: true, tty: true });
    expect(refused.status).toBe(403);
    expect(ends(room)).toMatchObject({ outcome: 'refused', error: 'kubernetes.unhooked' });
  });

  test('gated: or observed, where the resource says so, and the person is told', async () => {
    const room = await open({ settings: { shell: 'gated', unhooked: 'observe' } });
    const exec = await ExecClient.open(room, 'websocket', { command: ['env', 'sh'], stdin: true, tty: true });
    await exec.until(() => /commands are not stopped[\s\S]*[$#] $/.test(exec.stdout), 'a prompt');
    exec.type('exit 6\r');
    await exec.finished();
    expect(exec.status?.exitCode).toBe(6);
  });

  test('gated: a program that is no shell runs by its arguments', async () => {
    const room = await open(gated);
    const exec = await ExecClient.open(room, 'websocket', { command: ['echo', 'plain'], stdin: true, tty: true });
    await exec.finished();
    expect(exec.stdout).toBe('plain\r\n');
  });

  test('a rule about programs does not refuse a shell whose lines are judged', async () => {
    const room = await open(gated);
    const exec = await ExecClient.open(room, 'websocket', { command: ['bash'], stdin: true, tty: true });
    expect(shellOf(room.drafts[0]!.meaning)).toMatchObject({ complete: true, commands: [] });
    exec.destroy();
    await until(() => ends(room) !== undefined, 'its end');
  });
});

class Reviewing implements Reviews {
  decide: ((outcome: ReviewOutcome) => void) | null = null;
  request(_request: unknown, onOutcome: (outcome: ReviewOutcome) => void): PendingReview {
    this.decide = onOutcome;
    const link = 'https://gateway.example/reviews/rev_1';
    const facts = { id: 'rev_1', link, audience: 'dba', expiresAtMs: Date.UTC(2030, 0, 1) };
    return { ...facts, withdraw: () => undefined, claim: async () => null };
  }
}

async function refusalOf(
  room: Opened,
  transport: Transport,
  asked: Parameters<typeof ExecClient.open>[2],
): Promise<Awaited<ReturnType<typeof askSwitch>>> {
  try {
    await ExecClient.open(room, transport, asked);
  } catch (error) {
    if (error instanceof Error && 'refused' in error) return error.refused as Awaited<ReturnType<typeof askSwitch>>;
    throw error;
  }
  throw new Error('it was not refused');
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await sleep(5);
  }
}

async function echo(): Promise<{ readonly port: number }> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  const port = await listen(server);
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return { port };
}
