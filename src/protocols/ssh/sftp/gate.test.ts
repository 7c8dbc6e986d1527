/** The gate with hostile clients and servers, held commands, limits of memory and time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditRegions, Region } from '../../../base/regions.ts';
import type { CommandDraft } from '../../../core/command.ts';
import type { Verdict } from '../../../core/verdict.ts';
import { noAttributes } from './attributes.ts';
import { openFlag, packet, status } from './constants.ts';
import { FieldWriter } from './fields.ts';
import { type Asked, Setup, turns } from './gate-testing.ts';
import * as limits from './limits.ts';
import { writeReply, writeVersion } from './replies.ts';
import { writeInit, writeRequest } from './requests.ts';
import { allow, block } from './testing.ts';

const denied = { type: 'status', code: status.SSH_FX_PERMISSION_DENIED };
const failed = { type: 'status', code: status.SSH_FX_FAILURE };
const unsupported = { type: 'status', code: status.SSH_FX_OP_UNSUPPORTED };
const ok = { type: 'status', code: status.SSH_FX_OK };
const hold: Verdict = { name: 'hold', rule: 'four-eyes', reason: 'Someone must agree.' };
const pathOf = ({ meaning }: CommandDraft): string =>
  meaning?.language === 'file' ? meaning.file.operations[0]!.path.raw : '';
const { SSH_FXF_READ: read, SSH_FXF_WRITE: write, SSH_FXF_CREAT: create } = openFlag;

describe('the beginning', () => {
  it('shows only extensions of the closed list, in their version', async () => {
    const setup = new Setup();
    setup.server.offers = [
      ['posix-rename@openssh.com', '1'],
      ['statvfs@openssh.com', '99'],
      ['evil@example.com', '1'],
      ['vendor-id', 'x'],
    ];
    await setup.start();
    expect(setup.versions[0]!.toString('latin1')).toContain('posix-rename@openssh.com');
    expect(setup.versions[0]!.toString('latin1')).not.toMatch(/evil|statvfs|vendor/);
    const answers = await setup.ask(
      { type: 'statvfs', id: 1, path: '/' },
      { type: 'limits', id: 2 },
      { type: 'hardlink', id: 3, path: 'a', target: 'b' },
    );
    expect(answers).toMatchObject([unsupported, unsupported, unsupported]);
    expect(setup.host.commands).toEqual([]);
  });

  it('answers a type that it does not know and sends nothing on', async () => {
    const setup = await new Setup().start();
    const before = setup.server.asked.length;
    setup.gate.fromClient(new FieldWriter(77).uint32(5).string('/etc/passwd').finish());
    setup.gate.fromClient(new FieldWriter(packet.SSH_FXP_EXTENDED).uint32(6).string('exec@example.com').finish());
    expect(setup.answers.get(5)).toMatchObject(unsupported);
    expect(setup.answers.get(6)).toMatchObject(unsupported);
    expect(setup.server.asked.length).toBe(before);
  });

  it('ends on a request before VERSION, a second INIT, and a server of another version', async () => {
    const early = new Setup();
    early.gate.fromClient(writeRequest({ type: 'stat', id: 1, path: '/' }));
    expect(early.host.violations[0]).toContain('client sftp.message-malformed');
    const second = await new Setup().start();
    second.gate.fromClient(writeInit(3));
    expect(second.host.violations[0]).toContain('client sftp.unexpected-message');
    const other = new Setup();
    other.server.version = 6;
    other.gate.fromClient(writeInit(3));
    await turns();
    expect(other.host.violations[0]).toContain('upstream sftp.version');
    expect(other.host.closedWith).toBeInstanceOf(Error);
  });
});

describe('a hostile server', () => {
  const answers: readonly [string, (id: number) => Buffer][] = [
    ['an answer to an id that nobody has', (id) => writeReply({ type: 'status', id: id + 999, code: 0, message: '' })],
    ['an answer of another kind', (id) => writeReply({ type: 'data', id, data: Buffer.from('x') })],
    ['a request', (id) => writeRequest({ type: 'stat', id, path: '/' })],
    [
      'the same answer twice',
      (id) => Buffer.concat([0, 0].map(() => writeReply({ type: 'attributes', id, attributes: noAttributes }))),
    ],
    ['a length of 4 GiB (A-SSH-14)', () => Buffer.from('ffffffff', 'hex')],
    [
      'more names than bytes (A-SSH-14)',
      (id) => new FieldWriter(packet.SSH_FXP_NAME).uint32(id).uint32(0xffff_ffff).finish(),
    ],
    ['a second VERSION', () => writeVersion({ version: 3, extensions: [] })],
  ];
  it.each(answers)('ends on %s, and nothing of it reaches the client', async (_name, answer) => {
    const setup = await new Setup().start();
    setup.server.override = ({ type, id }) => (type === 'lstat' ? answer(id) : null);
    await setup.ask({ type: 'stat', id: 1, path: '/start' });
    expect(setup.host.violations[0]).toContain('upstream');
    expect(setup.host.closedWith).toBeInstanceOf(Error);
    expect(setup.host.commands.every(({ state }) => state !== 'released' && state !== 'pending')).toBe(true);
  });

  it('ends on more data than was asked for', async () => {
    const setup = await new Setup().start();
    setup.file('/start/f', 'x'.repeat(100));
    const handle = await setup.open('f', read);
    setup.server.override = ({ type, id }) => (type === 'read' ? { type: 'data', id, data: Buffer.alloc(11) } : null);
    await setup.ask({ type: 'read', id: 1, handle, offset: 0, length: 10 });
    expect(setup.host.violations[0]).toContain('more data than was asked for');
    expect(setup.answers.has(1)).toBe(false);
  });

  it('A-SSH-14: leaves out names with a slash or a zero byte, and keeps others as bytes', async () => {
    const setup = await new Setup().start();
    const [opened] = await setup.ask({ type: 'opendir', id: 1, path: '/start' });
    const handle = opened?.type === 'handle' ? opened.handle : Buffer.alloc(0);
    const names = [
      'ok',
      '../../.ssh/authorized_keys',
      '/etc/passwd',
      'a\0b',
      '',
      'new\nline',
      '\x1b]0;title\x07',
      '\xff\xfe',
    ];
    const entries = names.map((name) => ({
      name: Buffer.from(name, 'latin1'),
      longName: Buffer.from(`-rw ${name}`, 'latin1'),
      attributes: noAttributes,
    }));
    setup.server.override = ({ type, id }) => (type === 'readdir' ? { type: 'name', id, entries } : null);
    const [listed] = await setup.ask({ type: 'readdir', id: 2, handle });
    const kept = listed?.type === 'name' ? listed.entries : [];
    expect(kept.map(({ name }) => name.toString('latin1'))).toEqual([
      'ok',
      'new\nline',
      '\x1b]0;title\x07',
      '\xff\xfe',
    ]);
    expect(kept.map(({ longName }) => longName.toString('latin1')).join('')).not.toMatch(/[\x00-\x1f]/);
    // What is recorded is escaped.
    const rows = setup.host.entries.find(({ type }) => type === 'rows');
    expect(rows?.type === 'rows' && rows.data.toString('latin1')).not.toMatch(/\x1b|\n/);
    // All of them left out: the next are asked for, since none would mean the end.
    let asked = 0;
    setup.server.override = ({ type, id }) =>
      type === 'readdir' && asked++ === 0 ? { type: 'name', id, entries: [entries[1]!] } : null;
    expect((await setup.ask({ type: 'readdir', id: 3, handle }))[0]).toMatchObject({ code: status.SSH_FX_EOF });
  });

  it('ends when a question is not answered in time', async () => {
    const setup = await new Setup().start();
    setup.server.override = () => 'silence';
    await setup.ask({ type: 'stat', id: 1, path: '/start' });
    setup.clock.advance(limits.questionDeadlineMs - 1);
    expect(setup.host.closedWith).toBeUndefined();
    setup.clock.advance(2 * limits.deadlineIntervalMs);
    expect(String(setup.host.closedWith)).toContain('sftp.unanswered');
  });

  it('does not follow links round for ever, nor READLINK that says nonsense', async () => {
    const setup = await new Setup().start();
    setup.server.files.set('/start/loop', { kind: 'link', content: Buffer.alloc(0), target: 'loop' });
    setup.server.files.set('/start/nul', { kind: 'link', content: Buffer.alloc(0), target: 'a\0b' });
    setup.server.files.set('/start/long', { kind: 'link', content: Buffer.alloc(0), target: 'a/'.repeat(2048) });
    const replies = await setup.ask({ type: 'stat', id: 1, path: 'loop' }, { type: 'stat', id: 3, path: 'long' });
    expect(replies).toMatchObject([failed, { type: 'status' }]);
    await setup.ask({ type: 'remove', id: 2, path: 'nul/x' });
    const operations = setup.host.commands.map(
      ({ draft }) => draft.meaning?.language === 'file' && draft.meaning.file.operations[0]!.canonical,
    );
    expect(operations).toContain(false);
  });

  it('looks again behind an OPEN: a link that was put there in between is found', async () => {
    const setup = await new Setup().start();
    setup.file('/start/f', 'fine');
    setup.server.override = ({ type }) => {
      // Somebody swaps the file for a link at the very moment.
      if (type === 'open')
        setup.server.files.set('/start/f', { kind: 'link', content: Buffer.alloc(0), target: '/secret' });
      return null;
    };
    const [reply] = await setup.ask({ type: 'open', id: 1, path: 'f', flags: read, attributes: noAttributes });
    expect(reply).toMatchObject(failed);
    expect(setup.server.asked.at(-1)?.type).toBe('close');
    expect(setup.host.commands.at(-1)?.result?.outcome).toBe('failed');
  });

  it('empties an existing file only after it is certain which one it is', async () => {
    const setup = await new Setup().start();
    setup.file('/start/f', 'content');
    await setup.open('f', write | create | openFlag.SSH_FXF_TRUNC);
    const types = setup.server.asked.map(({ type }) => type);
    const open = setup.server.asked.find((request) => request.type === 'open');
    expect(open?.type === 'open' && open.flags & openFlag.SSH_FXF_TRUNC).toBe(0);
    expect(types.slice(types.indexOf('open'))).toEqual(['open', 'lstat', 'lstat', 'fstat', 'fsetstat']);
  });
});

describe('a hostile client', () => {
  it('has no handle but those it was given, and none after CLOSE', async () => {
    const setup = await new Setup().start();
    setup.file('/start/f', 'content');
    const handle = await setup.open('f', read);
    const guesses = [Buffer.from('h0__'), Buffer.alloc(0), Buffer.alloc(256, 0xff), Buffer.from([0, 0, 0, 2])];
    const replies = await setup.ask(
      ...guesses.map((guess, index) => ({ type: 'read' as const, id: index, handle: guess, offset: 0, length: 10 })),
    );
    expect(replies).toMatchObject(guesses.map(() => failed));
    expect(await setup.ask({ type: 'write', id: 20, handle, offset: 0, data: Buffer.from('x') })).toMatchObject([
      failed,
    ]);
    expect(await setup.ask({ type: 'readdir', id: 21, handle })).toMatchObject([failed]);
    expect(
      await setup.ask({ type: 'close', id: 22, handle }, { type: 'read', id: 23, handle, offset: 0, length: 1 }),
    ).toMatchObject([ok, failed]);
    expect(setup.server.asked.some(({ type }) => type === 'write' || type === 'readdir')).toBe(false);
  });

  it('may use one id for everything: each request gets its answer', async () => {
    const setup = await new Setup().start();
    for (let index = 0; index < 10; index++)
      setup.gate.fromClient(writeRequest({ type: 'stat', id: 7, path: '/start' }));
    await turns();
    expect(setup.replies.filter(({ id, type }) => id === 7 && type === 'attributes').length).toBe(10);
  });

  it('is not read when it floods, nor when it does not read (A-SSH-17)', async () => {
    const setup = await new Setup().start();
    setup.server.override = () => 'silence';
    for (let index = 0; index < limits.pendingRequestsMax - 1; index++)
      setup.gate.fromClient(writeRequest({ type: 'stat', id: index, path: '/start' }));
    expect(setup.host.clientPaused).toBe(false);
    setup.gate.fromClient(writeRequest({ type: 'stat', id: 1, path: '/start' }));
    expect(setup.host.clientPaused).toBe(true);
    // No more than so many look at their paths at once.
    expect(setup.server.asked.length).toBeLessThan(3 * limits.pathRequestsMax + 10);

    const deaf = await new Setup().start();
    deaf.host.toClient = () => false;
    await deaf.ask({ type: 'stat', id: 1, path: '/start' });
    expect([deaf.host.clientPaused, deaf.host.upstreamPaused]).toEqual([true, true]);
    deaf.gate.clientDrained();
    expect([deaf.host.clientPaused, deaf.host.upstreamPaused]).toEqual([false, false]);
  });

  it('has so many files open, and not one more', async () => {
    const setup = await new Setup().start();
    setup.file('/start/f', 'x');
    for (let index = 0; index < limits.handlesMax; index++) await openOnce(setup, index);
    const [reply] = await setup.ask({ type: 'open', id: 5000, path: 'f', flags: read, attributes: noAttributes });
    expect(reply).toMatchObject(failed);
  });

  it('gets an answer for any bytes, or is ended; nothing is sent without a command', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(30), fc.uint8Array({ maxLength: 40 })), { maxLength: 20 }),
        async (messages) => {
          const setup = await new Setup().start();
          setup.host.sent.length = 0;
          let count = 0;
          for (const [type, body] of messages) {
            if (setup.host.closedWith === undefined) count++;
            setup.gate.fromClient(new FieldWriter(type).uint32(count).raw(Buffer.from(body)).finish());
          }
          await turns();
          if (setup.host.closedWith === undefined) expect(setup.replies.length).toBe(count);
          expect(setup.host.sent.every(({ command, type }) => command !== null || questions.has(type))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });
});

const questions: ReadonlySet<number> = new Set([packet.SSH_FXP_LSTAT, packet.SSH_FXP_READLINK, packet.SSH_FXP_FSTAT]);

async function openOnce(setup: Setup, index: number): Promise<void> {
  setup.gate.fromClient(writeRequest({ type: 'open', id: index, path: 'f', flags: read, attributes: noAttributes }));
  if (index % 64 === 63) await turns();
}

it('says the same however the bytes of both sides are cut', async () => {
  const conversation = async (sizes: readonly number[]): Promise<unknown> => {
    const setup = new Setup();
    let turn = 0;
    const cut = (bytes: Buffer, push: (piece: Buffer) => void): void => {
      for (let at = 0; at < bytes.length; ) {
        const size = sizes[turn++ % sizes.length]!;
        push(Buffer.from(bytes.subarray(at, at + size)));
        at += size;
      }
    };
    setup.host.toUpstream = (view) => {
      const answer = setup.server.take(Buffer.from(view));
      if (answer !== null) queueMicrotask(() => cut(answer, (piece) => setup.gate.fromUpstream(piece)));
      return true;
    };
    await setup.start();
    setup.file('/start/f', 'some content');
    const say = async (...requests: readonly Asked[]): Promise<void> => {
      cut(Buffer.concat(requests.map(writeRequest)), (piece) => setup.gate.fromClient(piece));
      await turns();
    };
    const handle = Buffer.from([0, 0, 0, 1]);
    await say({ type: 'open', id: 1, path: './f', flags: read | write, attributes: noAttributes });
    await say(
      { type: 'read', id: 2, handle, offset: 2, length: 5 },
      { type: 'write', id: 3, handle, offset: 0, data: Buffer.from('SOME') },
      { type: 'read', id: 4, handle, offset: 0, length: 100 },
      { type: 'close', id: 5, handle },
      { type: 'mkdir', id: 6, path: 'd', attributes: noAttributes },
    );
    return [setup.replies, setup.host.history, setup.host.commands.map(({ result }) => result)];
  };
  const whole = await conversation([1_000_000]);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }), async (sizes) => {
      expect(await conversation(sizes)).toEqual(whole);
    }),
    { numRuns: 25, examples: [[[1]]] },
  );
});

describe('what the kernel refuses', () => {
  it('is refused, though the canonical path does not show it', async () => {
    const setup = await new Setup().start();
    setup.file('/start/f', 'x');
    setup.server.files.set('/start/link', { kind: 'link', content: Buffer.alloc(0), target: 'd' });
    setup.server.files.set('/start/d', { kind: 'directory', content: Buffer.alloc(0) });
    const missing = { type: 'status', code: status.SSH_FX_NO_SUCH_FILE };
    const before = setup.server.asked.length;
    expect(
      await setup.ask(
        { type: 'remove', id: 1, path: 'f/' },
        { type: 'rmdir', id: 2, path: 'link/' },
        { type: 'rmdir', id: 3, path: '' },
        { type: 'open', id: 4, path: 'f/', flags: read, attributes: noAttributes },
        { type: 'stat', id: 5, path: 'f/..' + '/f/' },
        { type: 'remove', id: 6, path: 'missing/../f' },
      ),
    ).toMatchObject([missing, missing, missing, missing, missing, missing]);
    expect(setup.server.asked.slice(before).every(({ type }) => type === 'lstat')).toBe(true);
    expect(
      await setup.ask({ type: 'realpath', id: 7, path: '' }, { type: 'lstat', id: 8, path: 'link/' }),
    ).toMatchObject([{ type: 'name' }, { type: 'attributes' }]);
  });

  it('a file opened with EXCL alone is the one behind the link', async () => {
    const setup = await new Setup({ judge: (draft) => (pathOf(draft) === '/start/f' ? block('r') : allow) }).start();
    setup.file('/start/f', 'x');
    setup.server.files.set('/start/link', { kind: 'link', content: Buffer.alloc(0), target: 'f' });
    const flags = read | openFlag.SSH_FXF_EXCL;
    expect(await setup.ask({ type: 'open', id: 1, path: 'link', flags, attributes: noAttributes })).toMatchObject([
      denied,
    ]);
    expect(setup.server.asked.some(({ type }) => type === 'open')).toBe(false);
  });

  it('a command that ran too long passes nothing more', async () => {
    const setup = await new Setup().start();
    setup.file('/start/f', 'content');
    const handle = await setup.open('f', read);
    expect(setup.gate.stop(setup.host.commands.at(-1)!, 'Too long.')).toBe(true);
    expect(await setup.ask({ type: 'read', id: 1, handle, offset: 0, length: 5 })).toMatchObject([
      { ...failed, message: 'Too long.' },
    ]);
  });
});

describe('verdicts', () => {
  it('denies with the rule and its reason, as a status and as a line beside', async () => {
    const setup = await new Setup({
      judge: (draft) => (pathOf(draft) === '/start/f' ? block('no-f', 'Ask the owner.') : allow),
    }).start();
    setup.file('/start/f', 'x');
    const [reply] = await setup.ask({ type: 'open', id: 1, path: 'f', flags: read, attributes: noAttributes });
    expect(reply).toMatchObject({ ...denied, message: 'Ask the owner. (rule no-f)' });
    expect(setup.host.said).toEqual(['sallyport: download /start/f (1 bytes): Ask the owner. (rule no-f)']);
    expect(setup.server.asked.some(({ type }) => type === 'open')).toBe(false);
  });

  it('a look-up that is denied does not decide for those beside it', async () => {
    const setup = await new Setup({
      judge: ({ text }) => (text.includes('/start/secret') ? block('r') : allow),
    }).start();
    setup.file('/start/a', 'x');
    setup.file('/start/secret', 'x');
    const paths = ['a', 'secret', 'a', 'b'];
    const replies = await setup.ask(...paths.map((path, id) => ({ type: 'stat' as const, id, path })));
    expect(replies).toMatchObject([
      { type: 'attributes' },
      denied,
      { type: 'attributes' },
      { code: status.SSH_FX_NO_SUCH_FILE },
    ]);
    expect(setup.host.commands[0]!.draft.text).toBe('stat /start/a /start/secret /start/a /start/b');
  });

  it('while one is held, others go on; when it is released, its path is looked at again', async () => {
    const setup = await new Setup({ judge: ({ verb }) => (verb === 'remove' ? hold : allow) }).start();
    setup.file('/start/f', 'x');
    setup.file('/start/g', 'y');
    expect(await setup.ask({ type: 'remove', id: 1, path: 'f' })).toEqual([undefined]);
    expect(
      await setup.ask(
        { type: 'mkdir', id: 2, path: 'd', attributes: noAttributes },
        { type: 'stat', id: 3, path: 'g' },
      ),
    ).toMatchObject([ok, { type: 'attributes' }]);
    const held = setup.host.commands.find(({ draft }) => draft.verb === 'remove')!;
    expect(await held.draft.meaningNow?.()).toEqual(held.draft.meaning);
    held.decide(true);
    await turns();
    expect(setup.answers.get(1)).toMatchObject(ok);
    // Again, and meanwhile the directory becomes a link to another.
    setup.file('/start/d/f', 'x');
    setup.server.files.set('/start/d', { kind: 'directory', content: Buffer.alloc(0) });
    await setup.ask({ type: 'remove', id: 4, path: 'd/f' });
    setup.server.files.set('/start/d', { kind: 'link', content: Buffer.alloc(0), target: '/etc' });
    setup.host.commands.at(-1)!.decide(true);
    await turns();
    expect(setup.answers.get(4)).toMatchObject(failed);
    expect(setup.server.asked.filter(({ type }) => type === 'remove').length).toBe(1);
  });

  it('what is held when the client goes is withdrawn; what is open is unfinished', async () => {
    const setup = await new Setup({ judge: ({ verb }) => (verb === 'remove' ? hold : allow) }).start();
    setup.file('/start/f', 'x');
    await setup.open('f', read);
    await setup.ask({ type: 'remove', id: 1, path: 'f' });
    setup.gate.clientEnded();
    await turns();
    expect(setup.host.history.slice(-2)).toEqual([
      'download /start/f (1 bytes): unfinished',
      'remove /start/f: withdrawn',
    ]);
    expect(setup.host.closedWith).toBeNull();
  });

  it('a link that the client makes is there for the request right behind it', async () => {
    const setup = await new Setup({
      later: true,
      judge: ({ text }) => (/^download \/secret/.test(text) ? block('r') : allow),
    }).start();
    setup.file('/secret', 'x');
    setup.server.override = (request) => {
      if (request.type === 'symlink')
        setup.server.files.set(request.path, { kind: 'link', content: Buffer.alloc(0), target: request.target });
      return null;
    };
    await setup.ask(
      { type: 'symlink', id: 1, path: 'l', target: '/secret' },
      { type: 'open', id: 2, path: 'l', flags: read, attributes: noAttributes },
    );
    await turns();
    expect(setup.answers.get(2)).toMatchObject(denied);
  });

  it('keeps the order of one handle around a command of its own', async () => {
    const setup = await new Setup({ later: true }).start();
    const handle = await setup.open('f', write | create);
    await setup.ask(
      { type: 'write', id: 1, handle, offset: 0, data: Buffer.from('abc') },
      { type: 'fsetstat', id: 2, handle, attributes: { ...noAttributes, size: 1n } },
      { type: 'write', id: 3, handle, offset: 1, data: Buffer.from('z') },
      { type: 'close', id: 4, handle },
    );
    await turns();
    const types = setup.server.asked
      .map(({ type }) => type)
      .filter((type) => ['write', 'fsetstat', 'close'].includes(type));
    expect(types).toEqual(['write', 'fsetstat', 'write', 'close']);
    expect(setup.host.commands.map(({ draft }) => draft.text)).toContain('setstat /start/f (size 1)');
  });
});

describe('pace and limits', () => {
  it('lets content pass no faster than a rule says', async () => {
    const limit = {
      rule: 'slow',
      verdict: 'block' as const,
      reason: '',
      durationMsMax: null,
      bytesPerSecond: 1000,
      spend: () => false,
    };
    const setup = await new Setup({ limits: () => [limit] }).start();
    setup.file('/start/f', Buffer.alloc(10_000));
    const handle = await setup.open('f', read);
    for (let index = 0; index < 10; index++)
      setup.gate.fromClient(writeRequest({ type: 'read', id: index, handle, offset: index * 1000, length: 1000 }));
    const counts: number[] = [];
    for (let second = 0; second <= 10; second++) {
      await turns();
      counts.push(setup.replies.filter(({ type }) => type === 'data').length);
      setup.clock.advance(1000);
    }
    expect(counts.at(-1)).toBe(10);
    for (const [second, count] of counts.entries()) expect(count).toBeLessThanOrEqual(second + 2);
  });

  it('what waits for its pace is kept, also where the client lent it', async () => {
    const limit = {
      rule: 'slow',
      verdict: 'block' as const,
      reason: '',
      durationMsMax: null,
      bytesPerSecond: 20_000,
      spend: () => false,
    };
    const setup = await new Setup({ limits: () => [limit] }).start();
    const handle = await setup.open('f', write | create);
    auditRegions(true);
    const content = Buffer.concat([1, 2, 3, 4].map((value) => Buffer.alloc(20_000, value)));
    for (let index = 0; index < 4; index++) {
      const offset = index * 20_000;
      const data = content.subarray(offset, offset + 20_000);
      const frame = writeRequest({ type: 'write', id: index, handle, offset, data });
      const region = Region.take();
      region.room.set(frame);
      setup.gate.fromClient(region.room.subarray(0, frame.length));
      region.leave();
    }
    for (let second = 0; second <= 5; second++) {
      await turns();
      setup.clock.advance(1000);
    }
    await turns();
    auditRegions(false);
    expect(setup.server.files.get('/start/f')!.content.equals(content)).toBe(true);
  });

  it('what waits for its pace is bounded: the client is not read meanwhile', async () => {
    const limit = {
      rule: 'slow',
      verdict: 'block' as const,
      reason: '',
      durationMsMax: null,
      bytesPerSecond: 1,
      spend: () => false,
    };
    const setup = await new Setup({ limits: () => [limit] }).start();
    const handle = await setup.open('f', write | create);
    const data = Buffer.alloc(200_000);
    let sent = 0;
    while (!setup.host.clientPaused && sent < 1000) {
      setup.gate.fromClient(writeRequest({ type: 'write', id: sent, handle, offset: sent * data.length, data }));
      sent++;
    }
    expect(sent * data.length).toBeLessThanOrEqual(limits.pendingBytesMax + 3 * data.length);
  });
});
