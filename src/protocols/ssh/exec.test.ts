import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CommandDraft, shellOf } from '../../core/command.ts';
import { execDraft } from './command.ts';
import { openRoom, type Room, token } from './room-testing.ts';
import { settingDefinitions, settingsOf } from './settings.ts';
import { runSsh, type Sshd, startSsh, startSshd } from './testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText } from './transport/index.ts';

let sshd: Sshd;
let room: Room;
const judged: CommandDraft[] = [];

beforeAll(async () => {
  const text = generateKeyText('ed25519');
  sshd = await startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(text).publicKey)] });
  room = await openRoom({
    target: { port: sshd.port, hostKeys: sshd.hostKeys },
    credential: { username: sshd.user, privateKey: text },
    judge: (draft) => {
      judged.push(draft);
      return draft.text.includes('forbidden')
        ? { name: 'block', rule: 'no-forbidden', reason: 'Forbidden things are forbidden.' }
        : null;
    },
  });
}, 60_000);

afterAll(async () => {
  await room?.close();
  await sshd?.stop();
});

const ssh = (command: string, more: Partial<Parameters<typeof runSsh>[0]> = {}) =>
  runSsh({ port: room.port, user: 'engineer+web-1', password: token, command, ...more });

describe('exec through the gateway', () => {
  test('output, error stream and exit status are the target’s', async () => {
    const run = await ssh('echo out; echo err >&2; exit 7');
    expect(run.stdout.toString()).toBe('out\n');
    expect(run.stderr).toContain('err\n');
    expect(run.code).toBe(7);
    expect(room.commands()).toContain('echo out; echo err >&2; exit 7');
  });

  test('a denied command never reaches the target, and says which rule', async () => {
    const run = await ssh('touch /tmp/forbidden-thing');
    expect(run.code).toBe(126);
    expect(run.stderr).toContain('no-forbidden');
  });
});

describe('a script on standard input that stays open, as editors keep it', { timeout: 60_000 }, () => {
  const open = (script: string) => {
    const run = startSsh({ port: room.port, user: 'engineer+web-1', password: token, command: 'bash' });
    run.child.stdin!.write(script);
    return run;
  };

  test('runs once nothing more of it comes, judged with what came, and that more may follow', async () => {
    const run = open('echo first; ls /\n');
    await run.until(/first/);
    const shell = shellOf(judged.find(({ text }) => text === 'bash\necho first; ls /\n')!.meaning)!;
    expect(shell.commands.map(({ program }) => program)).toEqual(['bash', 'echo', 'ls']);
    expect({ complete: shell.complete, bounded: shell.bounded }).toEqual({ complete: false, bounded: false });
    expect(shell.flags).toContain('opaque:stdin-shell');
    run.child.stdin!.end('echo second\nexit 9\n');
    const { code, stdout } = await run.finished;
    expect(code).toBe(9);
    expect(stdout.toString()).toMatch(/^first\n[\s\S]*\nsecond\n$/);
  });

  test('A-SSH-13 a rule sees what came of it', async () => {
    const run = open('touch /tmp/forbidden-thing\n');
    const { code, stderr } = await run.finished;
    expect(code).toBe(126);
    expect(stderr).toContain('no-forbidden');
  });

  test('a client that is gone before is none to judge for', async () => {
    const run = open('echo never-judged\n');
    await run.until(/./, 500).catch(() => undefined);
    run.child.kill('SIGKILL');
    await run.finished;
    expect(judged.some(({ text }) => text.includes('never-judged'))).toBe(false);
  });
});

describe('what a script that is open means', () => {
  const defaults = Object.entries(settingDefinitions).map(([name, { default: value }]) => [name, value]);
  const draft = (bytes: Buffer, isOpen: boolean, command = 'bash') => {
    const settings = settingsOf({ settings: Object.fromEntries(defaults) } as unknown as Parameters<
      typeof settingsOf
    >[0]);
    const { text, recordedText, meaning } = execDraft(Buffer.from(command), settings, {}, { bytes, isOpen });
    return { text, recordedText, shell: shellOf(meaning) };
  };

  test('nothing yet, or nothing that is text: what runs stays unknown', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from([0x80, 0x0a]), Buffer.from('rm\0\n')]) {
      const { text, shell } = draft(bytes, true);
      expect(text).toBe('bash');
      expect(shell).toMatchObject({ complete: false, bounded: false });
    }
  });

  test('a character that was cut does not hide the lines before it', () => {
    const { shell } = draft(Buffer.from('rm -rf /srv\necho \u00e9').subarray(0, -1), true);
    expect(shell?.commands.map(({ program }) => program)).toEqual(['bash', 'rm']);
    expect(shell?.complete).toBe(false);
  });

  test('one that is over is whole; bytes that are no text have no meaning then', () => {
    expect(draft(Buffer.from('echo x\n'), false).shell?.complete).toBe(true);
    expect(draft(Buffer.from([0x80, 0x0a]), false).shell).toBeNull();
  });

  test('A-REC-05 the line that may be a password is not recorded', () => {
    const { recordedText } = draft(Buffer.from('hunter2\necho x\n'), true, 'sudo -S sh');
    expect(recordedText).not.toContain('hunter2');
  });
});
