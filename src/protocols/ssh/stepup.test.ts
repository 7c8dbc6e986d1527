/**
 * The step-up at the sign-on of SSH, with stock clients and with one that breaks the rules: after whatever proof came
 * first, nothing opens before the person has confirmed. Who may confirm by what is identity's, tested there.
 */
import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FakeClock, systemClock } from '../../base/clock.ts';
import { coreErrors } from '../../core/errors.ts';
import type { ApprovalIdentification, ConfirmationRequest } from '../../core/ports.ts';
import type { Principal } from '../../core/principal.ts';
import type { Confirmation } from '../../core/step-up.ts';
import { until } from './held-testing.ts';
import { openRoom, principal, type Room, type RoomOptions, token } from './room-testing.ts';
import {
  makeKey,
  runProgram,
  runSsh,
  type Sshd,
  type SshRun,
  type Started,
  startSsh,
  startSshd,
  type WorkFolder,
  workFolder,
} from './testing/testing.ts';
import { type Attacker, channelOpen, dialAttacker } from './transport/attacker-testing.ts';
import { SshWriter } from './transport/bytes.ts';
import { generateKeyText, privateKeyFromText, publicKeyFromText, publicKeyToText } from './transport/index.ts';
import * as codec from './transport/login-messages.ts';
import { message } from './transport/messages.ts';

/** How long one waits, as identity has it. */
const lifetimeMs = 120_000;

interface Asked {
  readonly who: string;
  /** Null: a sign-on. */
  readonly resource: string | null;
  readonly code: string;
  state: 'waiting' | 'approved' | 'refused' | 'withdrawn';
  approve(credentialId?: string): void;
  refuse(): void;
}

/** A person who is asked, and what they answer. */
class Person {
  readonly asked: Asked[] = [];
  /** How long ago whoever approves had signed on. */
  provenAgoMs = 0;
  clock: RoomOptions['clock'] = systemClock;

  readonly identification: RoomOptions['identification'] = {
    confirm: async ({ name }, resource): Promise<ConfirmationRequest> =>
      this.#ask<Confirmation>(name, resource, 'core.step-up-refused', (credentialId) => ({
        method: 'approval',
        credentialId,
        proof: 'sign-on',
        atMs: this.clock!.now(),
      })),
    byApproval: async (name): Promise<ApprovalIdentification> =>
      this.#ask<Principal>(name, null, 'core.not-authenticated', (credentialId) => {
        const atMs = this.clock!.now();
        return {
          ...principal,
          authentication: { method: 'approval', credentialId, atMs, provenAtMs: atMs - this.provenAgoMs },
        };
      }),
  };

  get last(): Asked {
    return this.asked.at(-1)!;
  }

  #ask<T>(
    who: string,
    resource: string | null,
    refusal: 'core.step-up-refused' | 'core.not-authenticated',
    made: (credentialId: string) => T,
  ): Omit<ConfirmationRequest, 'outcome'> & { outcome: Promise<T> } {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    promise.catch(() => undefined);
    const code = `C${this.asked.length}-XYZ`;
    const settle = (state: Asked['state']): boolean => {
      if (one.state !== 'waiting') return false;
      one.state = state;
      timer.cancel();
      if (state !== 'approved') reject(coreErrors(refusal));
      return true;
    };
    const one: Asked = {
      who,
      resource,
      code,
      state: 'waiting',
      approve: (credentialId = 'tok_approver') => void (settle('approved') && resolve(made(credentialId))),
      refuse: () => void settle('refused'),
    };
    const timer = this.clock!.after(lifetimeMs, () => one.refuse());
    this.asked.push(one);
    const expiresAtMs = this.clock!.now() + lifetimeMs;
    const link = `https://gateway.example/approve.html#${code}`;
    return { link, code, expiresAtMs, outcome: promise, withdraw: () => void settle('withdrawn') };
  }
}

let sshd: Sshd;
let folder: WorkFolder;
let key: ReturnType<typeof makeKey>;
const targetKey = generateKeyText('ed25519');
const attackersKey = privateKeyFromText(generateKeyText('ed25519'));
const rooms: Room[] = [];

beforeAll(async () => {
  folder = workFolder();
  key = makeKey(folder, 'engineer');
  sshd = await startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(targetKey).publicKey)] });
}, 60_000);

afterAll(async () => {
  await sshd?.stop();
  folder?.remove();
});

afterEach(async () => {
  for (const room of rooms.splice(0)) await room.close();
});

async function open(options: Partial<RoomOptions> = {}): Promise<{ room: Room; person: Person }> {
  const person = new Person();
  person.clock = options.clock ?? systemClock;
  const room = await openRoom({
    target: { port: sshd.port, hostKeys: sshd.hostKeys },
    credential: { username: sshd.user, privateKey: targetKey },
    keys: [publicKeyFromText(key.publicLine).blob, attackersKey.publicKey.blob],
    stepUp: () => true,
    ...options,
    identification: { ...person.identification, ...options.identification },
  });
  rooms.push(room);
  return { room, person };
}

const login = 'engineer+web-1';

function ssh(room: Room, more: Partial<SshRun> = {}): Started {
  const { options = [], ...rest } = more;
  const started = startSsh({
    port: room.port,
    user: login,
    key: key.path,
    command: 'echo through',
    options: ['LogLevel=INFO', ...options, 'BatchMode=no'],
    ...rest,
  });
  started.child.stdin?.end('');
  return started;
}

const interactive = { password: token, options: ['PreferredAuthentications=keyboard-interactive'] };
const waiting = (person: Person, count = 1): Promise<void> => until('a question', () => person.asked.length >= count);
const refusals = (room: Room): string[] => room.journal.of('identity.refused').map(({ code }) => code);

describe('a step-up after another proof', () => {
  const proofs: readonly (readonly [what: string, run: Partial<SshRun>, how: string])[] = [
    ['a key', {}, 'publickey'],
    [
      'a token as password',
      {
        password: token,
        options: ['PreferredAuthentications=password,keyboard-interactive', 'PubkeyAuthentication=no'],
      },
      'password',
    ],
    ['a token typed in the same exchange', interactive, 'keyboard-interactive'],
  ];

  test.each(proofs)('%s: link and code are shown, and approving lets in', async (_what, run, how) => {
    const { room, person } = await open();
    const started = ssh(room, run);
    await started.until(/C0-XYZ/);
    expect(started.stderr()).toContain('Opening web-1 takes a confirmation by you.');
    expect(started.stderr()).toContain('https://gateway.example/approve.html#C0-XYZ');
    expect(person.asked).toMatchObject([{ who: 'engineer', resource: 'web-1' }]);
    expect(room.journal.of('session.opened')).toEqual([]);
    person.last.approve();
    expect(await started.finished).toMatchObject({ code: 0, stdout: Buffer.from('through\n') });
    // Who confirmed with what stands with the opening; the first proof stays the session's own.
    expect(room.journal.of('session.opened')).toMatchObject([
      {
        stepUp: { method: 'approval', credentialId: 'tok_approver', proof: 'sign-on' },
        principal: { credentialId: 'tok_1' },
        client: { authentication: how },
      },
    ]);
    expect(refusals(room)).toEqual([]);
  });

  test('stock ssh names the partial success', async () => {
    const { room, person } = await open();
    const started = ssh(room, { args: ['-v'] });
    await waiting(person);
    person.last.approve();
    const { stderr, code } = await started.finished;
    expect(code).toBe(0);
    expect(stderr).toMatch(/Authenticated using "publickey" with partial success/);
    expect(stderr).toMatch(/Authentications that can continue: keyboard-interactive\r?\n/);
  });

  test('nobody is asked where none is owed, and nothing is journaled of one', async () => {
    const { room, person } = await open({ stepUp: () => false });
    expect(await ssh(room).finished).toMatchObject({ code: 0 });
    expect(person.asked).toEqual([]);
    expect(room.journal.of('session.opened')[0]).not.toHaveProperty('stepUp');
  });

  test('nor where there is no access: the refusal says the same as ever', async () => {
    const { room, person } = await open({ grants: () => false });
    const { stderr } = await ssh(room).finished;
    expect(stderr).toContain('No access');
    expect(person.asked).toEqual([]);
  });

  test('a sign-on that was itself approved just now is one; by a sign-on of long ago it is not', async () => {
    const { room, person } = await open();
    const bySignOn = { ...interactive, password: '' };
    const fresh = ssh(room, bySignOn);
    await waiting(person);
    expect(person.last.resource).toBeNull();
    person.last.approve();
    expect(await fresh.finished).toMatchObject({ code: 0 });
    expect(room.journal.of('session.opened')).toMatchObject([{ stepUp: { credentialId: 'tok_approver' } }]);
    expect(person.asked).toHaveLength(1);
    person.provenAgoMs = 5 * 60_000 + 1;
    const stale = ssh(room, bySignOn);
    await waiting(person, 2);
    person.last.approve();
    await waiting(person, 3);
    expect(person.last.resource).toBe('web-1');
    await stale.until(/C2-XYZ/);
    expect(room.journal.of('session.opened')).toHaveLength(1);
    person.last.approve('tok_another');
    expect(await stale.finished).toMatchObject({ code: 0 });
    expect(room.journal.of('session.opened')[1]).toMatchObject({ stepUp: { credentialId: 'tok_another' } });
  });

  test('revoking what confirmed it ends the session', async () => {
    const { room, person } = await open();
    const started = ssh(room, { command: 'echo ready; sleep 60' });
    await waiting(person);
    person.last.approve();
    await started.until(/ready/);
    const ending = { reason: 'token-revoked', message: 'It was revoked.', code: null, by: null } as const;
    expect(room.doors.sessions.endByCredential('tok_approver', ending)).toBe(1);
    const { stderr, code } = await started.finished;
    expect(code).not.toBe(0);
    expect(stderr).toContain('It was revoked.');
  });

  test.skipIf(!existsSync('/usr/bin/plink'))('plink waits as well', async () => {
    const { room, person } = await open();
    const base = ['-ssh', '-P', String(room.port), '-l', login, '-pw', token];
    const asked = await runProgram('plink', ['-batch', ...base, '127.0.0.1', 'true']);
    const hostKey = /SHA256:[A-Za-z0-9+/=]+/.exec(asked.stderr)?.[0] ?? '';
    const run = runProgram('plink', [...base, '-hostkey', hostKey, '127.0.0.1', 'echo through']);
    await waiting(person);
    person.last.approve();
    expect(await run).toMatchObject({ code: 0, stdout: Buffer.from('through\n') });
  });
});

describe('what is refused', () => {
  test.each([
    ['after a key', {}],
    ['in the middle of an exchange', interactive],
  ])('a refusal %s is told, journaled, and not asked again', async (_what, run) => {
    const { room, person } = await open();
    const started = ssh(room, {
      ...run,
      options: [...((run as Partial<SshRun>).options ?? []), 'NumberOfPasswordPrompts=3'],
    });
    await waiting(person);
    person.last.refuse();
    const { code, stderr } = await started.finished;
    expect(code).toBe(255);
    expect(stderr).toContain('The confirmation was refused, or not given in time.');
    expect(stderr).toContain('Permission denied');
    expect(person.asked).toHaveLength(1);
    expect(refusals(room)).toEqual(['core.step-up-refused']);
    expect(room.journal.of('session.opened')).toEqual([]);
  });

  test('one that nobody answers ends with its time, and not before', async () => {
    const clock = new FakeClock();
    const { room, person } = await open({ clock });
    const started = ssh(room);
    await started.until(/C0-XYZ/);
    clock.advance(lifetimeMs - 1);
    expect(person.last.state).toBe('waiting');
    clock.advance(1);
    expect(await started.finished).toMatchObject({ code: 255 });
    expect(started.stderr()).toContain('not given in time');
    expect(refusals(room)).toEqual(['core.step-up-refused']);
  });

  test('a client that cannot or may not ask gets nowhere, and nobody is asked', async () => {
    const { room, person } = await open();
    for (const option of ['PreferredAuthentications=publickey', 'KbdInteractiveAuthentication=no']) {
      const { code, stderr } = await ssh(room, { options: [option] }).finished;
      expect([code, stderr]).toEqual([255, expect.stringContaining('Permission denied (keyboard-interactive)')]);
    }
    const batch = await runSsh({
      port: room.port,
      user: login,
      key: key.path,
      command: 'true',
      options: ['BatchMode=yes'],
    });
    expect(batch.code).toBe(255);
    expect(person.asked).toEqual([]);
    expect(room.journal.of('session.opened')).toEqual([]);
  });

  test('who leaves withdraws it: approving it later lets nobody in', async () => {
    const { room, person } = await open();
    const started = ssh(room);
    await started.until(/C0-XYZ/);
    started.child.kill('SIGKILL');
    await until('its end', () => person.last.state === 'withdrawn');
    person.last.approve();
    expect(room.journal.of('session.opened')).toEqual([]);
  });

  test('of two that wait, each lets in its own connection', async () => {
    const { room, person } = await open();
    const first = ssh(room, { command: 'echo first' });
    await waiting(person);
    const second = ssh(room, { command: 'echo second' });
    await waiting(person, 2);
    expect(new Set(person.asked.map(({ code }) => code)).size).toBe(2);
    await second.until(/C1-XYZ/);
    person.asked[1]!.approve();
    expect(await second.finished).toMatchObject({ code: 0, stdout: Buffer.from('second\n') });
    expect(person.asked[0]!.state).toBe('waiting');
    person.asked[0]!.refuse();
    expect(await first.finished).toMatchObject({ code: 255, stdout: Buffer.alloc(0) });
    expect(room.journal.of('session.opened')).toHaveLength(1);
  });

  test('what was approved once opens one connection', async () => {
    const { room, person } = await open();
    const first = ssh(room);
    await waiting(person);
    person.last.approve();
    expect(await first.finished).toMatchObject({ code: 0 });
    const again = ssh(room);
    await waiting(person, 2);
    person.asked[0]!.approve();
    expect(room.journal.of('session.opened')).toHaveLength(1);
    person.last.refuse();
    expect(await again.finished).toMatchObject({ code: 255 });
  });
});

describe('a client that breaks the rules in the partial state', () => {
  function proof(attacker: Attacker, user = login): Buffer {
    const algorithm = attackersKey.algorithms[0]!;
    const part = codec.encodePublicKeyPart(user, algorithm, attackersKey.publicKey.blob);
    const signature = attackersKey.sign(codec.signedData(attacker.transport.sessionId, part), algorithm);
    return new SshWriter(part.length + 600).raw(part).string(signature).finish();
  }

  /** After the first proof, with what the server answered. */
  async function partial(): Promise<{ room: Room; person: Person; attacker: Attacker; proofs: () => number }> {
    let proofs = 0;
    const byKey = async (): Promise<Principal> => {
      proofs++;
      return principal;
    };
    const { room, person } = await open({ identification: { byKey } });
    const attacker = await dialAttacker(room.port);
    await attacker.askService();
    attacker.send(proof(attacker));
    expect(codec.decodeFailure(await attacker.take(message.USERAUTH_FAILURE))).toEqual({
      methods: ['keyboard-interactive'],
      partial: true,
    });
    return { room, person, attacker, proofs: () => proofs };
  }

  const only = { methods: ['keyboard-interactive'], partial: false };

  test('A-SSH-01 a channel is not opened: the connection ends, and its step-up with it', async () => {
    const { room, person, attacker } = await partial();
    attacker.send(codec.encodeKeyboardInteractive(login));
    await attacker.take(message.USERAUTH_PK_OK);
    attacker.send(channelOpen(0));
    await attacker.closed;
    await until('its end', () => person.last.state === 'withdrawn');
    expect(room.journal.of('session.opened')).toEqual([]);
    expect(room.journal.of('violation').map(({ code }) => code)).toEqual(['ssh.message-unexpected']);
  });

  test('A-SSH-05 another user name ends the connection, other resources of the same principal among them', async () => {
    for (const user of ['other+web-1', 'engineer+web-2', 'engineer']) {
      const { room, person, attacker } = await partial();
      attacker.send(codec.encodeKeyboardInteractive(user));
      await attacker.closed;
      expect(person.asked).toEqual([]);
      expect(room.journal.of('violation').map(({ code }) => code)).toEqual(['ssh.user-changed']);
    }
  });

  test('the same key again, a token, none: refused unread, counted, and six end the connection', async () => {
    const { room, person, attacker, proofs } = await partial();
    const bad = [
      proof(attacker),
      codec.encodePassword(login, token),
      codec.encodeNone(login),
      proof(attacker),
      proof(attacker),
    ];
    for (const request of bad) {
      attacker.send(request);
      expect(codec.decodeFailure(await attacker.take(message.USERAUTH_FAILURE))).toEqual(only);
    }
    expect(proofs()).toBe(1);
    attacker.send(proof(attacker));
    await attacker.closed;
    expect(person.asked).toEqual([]);
    expect(room.journal.of('session.opened')).toEqual([]);
  });

  test('the key again in the middle of the dialogue withdraws it; it can be begun anew, with another code', async () => {
    const { room, person, attacker } = await partial();
    attacker.send(codec.encodeKeyboardInteractive(login));
    await attacker.take(message.USERAUTH_PK_OK);
    attacker.send(proof(attacker));
    expect(codec.decodeFailure(await attacker.take(message.USERAUTH_FAILURE))).toEqual(only);
    expect(codec.decodeFailure(await attacker.take(message.USERAUTH_FAILURE))).toEqual(only);
    expect(person.last.state).toBe('withdrawn');
    person.last.approve();
    attacker.send(codec.encodeKeyboardInteractive(login));
    await attacker.take(message.USERAUTH_PK_OK);
    expect(person.asked.map(({ code }) => code)).toEqual(['C0-XYZ', 'C1-XYZ']);
    attacker.send(codec.encodeInfoResponse([]));
    person.last.approve();
    await attacker.take(message.USERAUTH_SUCCESS);
    await until('the session', () => room.journal.of('session.opened').length === 1);
    attacker.transport.destroy(coreErrors('core.shutting-down'));
  });

  test('after a refusal nothing goes on', async () => {
    const { person, attacker } = await partial();
    attacker.send(codec.encodeKeyboardInteractive(login));
    await attacker.take(message.USERAUTH_PK_OK);
    attacker.send(codec.encodeInfoResponse([]));
    person.last.refuse();
    const nothing = { methods: [], partial: false };
    expect(codec.decodeFailure(await attacker.take(message.USERAUTH_FAILURE))).toEqual(nothing);
    for (const request of [codec.encodeKeyboardInteractive(login), proof(attacker)]) {
      attacker.send(request);
      expect(codec.decodeFailure(await attacker.take(message.USERAUTH_FAILURE))).toEqual(nothing);
    }
    expect(person.asked).toHaveLength(1);
    attacker.transport.destroy(coreErrors('core.shutting-down'));
  });

  test('answers that nobody asked for end the connection', async () => {
    const { person, attacker } = await partial();
    attacker.send(codec.encodeInfoResponse([token]));
    await attacker.closed;
    expect(person.asked).toEqual([]);
  });
});
