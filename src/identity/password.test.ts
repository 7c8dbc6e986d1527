import { argon2Sync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { FakeClock, systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import * as limits from './limits.ts';
import { createPasswordHasher, isOutdated, makeDecoy, type PasswordHasher, parseVerifier } from './password.ts';
import { Passwords } from './passwords.ts';
import { MemoryDirectory, MemoryPasswords } from './testing/memory.ts';

const hasher = createPasswordHasher(systemClock);

/** A verifier of another version: cheaper. */
function oldVerifier(password: string): string {
  const salt = Buffer.alloc(16, 1);
  const hash = argon2Sync('argon2id', {
    message: Buffer.from(password),
    nonce: salt,
    memory: 8192,
    passes: 1,
    parallelism: 1,
    tagLength: 32,
  });
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$m=8192,t=1,p=1$${text(salt)}$${text(hash)}`;
}

function make(withHasher: PasswordHasher = hasher) {
  const records = new MemoryPasswords();
  const directory = new MemoryDirectory();
  directory.put('anna');
  return { records, directory, passwords: new Passwords({ records, directory, hasher: withHasher, log: silentLog }) };
}

describe('verifier', () => {
  test('a password fits its own verifier only, and each verifier has its own salt', async () => {
    const [one, two] = await Promise.all([hasher.hash('correct horse'), hasher.hash('correct horse')]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.toBe(two);
    expect(await hasher.verify('correct horse', one)).toBe(true);
    expect(await hasher.verify('Correct horse', one)).toBe(false);
    expect(isOutdated(one)).toBe(false);
  });

  test('reads what other implementations write', async () => {
    // Made with the reference implementation: argon2 -id -t 2 -k 65536 -p 1, "password", "somesalt".
    const reference = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    expect(await hasher.verify('password', reference)).toBe(true);
    expect(await hasher.verify('passwore', reference)).toBe(false);
    expect(isOutdated(reference)).toBe(true);
  });

  test('composed and decomposed letters are one', async () => {
    expect(await hasher.verify('passwörter', await hasher.hash('passwo\u0308rter'))).toBe(true);
  });

  test('the decoy costs the same and fits nothing', async () => {
    expect(isOutdated(makeDecoy())).toBe(false);
    expect(await hasher.verify('', makeDecoy())).toBe(false);
  });

  const salt = 'c29tZXNhbHQ';
  const hash = 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
  test.each([
    '',
    'plain',
    `$argon2i$v=19$m=19456,t=2,p=1$${salt}$${hash}`,
    `$argon2id$v=16$m=19456,t=2,p=1$${salt}$${hash}`,
    `$argon2id$v=19$m=0,t=2,p=1$${salt}$${hash}`,
    `$argon2id$v=19$m=7,t=2,p=1$${salt}$${hash}`,
    `$argon2id$v=19$m=${limits.argon2MemoryKibMax + 1},t=2,p=1$${salt}$${hash}`,
    `$argon2id$v=19$m=19456,t=${limits.argon2PassesMax + 1},p=1$${salt}$${hash}`,
    `$argon2id$v=19$m=19456,t=2,p=${limits.argon2LanesMax + 1}$${salt}$${hash}`,
    `$argon2id$v=19$m=19456,t=2,p=1$${salt}$`,
    `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${hash}\n`,
    `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${'A'.repeat(87)}`,
  ])('does not read %j', async (text) => {
    expect(parseVerifier(text)).toBeNull();
    expect(await hasher.verify('password', text)).toBe(false);
  });

  test('reads the largest parameters it allows', () => {
    const text = `$argon2id$v=19$m=${limits.argon2MemoryKibMax},t=${limits.argon2PassesMax},p=${limits.argon2LanesMax}$${salt}$${hash}`;
    expect(parseVerifier(text)).not.toBeNull();
  });
});

describe('bounds', () => {
  test('I6: so many hash, so many wait, the next is refused', async () => {
    const busy = createPasswordHasher(systemClock);
    const verifier = oldVerifier('x');
    const all = Array.from({ length: limits.hashingsAtOnceMax + limits.hashingsWaitingMax }, () =>
      busy.verify('x', verifier),
    );
    await expect(busy.verify('x', verifier)).rejects.toThrow('identity.busy');
    expect(await Promise.all(all)).toEqual(all.map(() => true));
    expect(await busy.verify('x', verifier)).toBe(true);
  });

  test('who waits too long is refused, and leaves the queue', async () => {
    const clock = new FakeClock();
    const busy = createPasswordHasher(clock);
    const verifier = await busy.hash('x');
    const running = Array.from({ length: limits.hashingsAtOnceMax }, () => busy.verify('x', verifier));
    const waiting = Array.from({ length: limits.hashingsAtOnceMax }, () => busy.verify('x', verifier));
    const outcomes = Promise.allSettled(waiting);
    clock.advance(limits.hashingWaitMs);
    await outcomes;
    for (const each of waiting) await expect(each).rejects.toThrow('identity.busy');
    expect(await Promise.all(running)).toEqual(running.map(() => true));
    expect(await busy.verify('x', verifier)).toBe(true);
  });
});

describe('passwords', () => {
  test('set, checked, changed, cleared', async () => {
    const { passwords } = make();
    expect(await passwords.check('anna', 'anna-anna-anna')).toBe(false);
    await passwords.set('anna', 'anna-anna-anna');
    expect(await passwords.check('anna', 'anna-anna-anna')).toBe(true);
    await passwords.set('anna', 'something else');
    expect(await passwords.check('anna', 'anna-anna-anna')).toBe(false);
    expect(await passwords.clear('anna')).toBe(true);
    expect(await passwords.clear('anna')).toBe(false);
    expect(await passwords.check('anna', 'something else')).toBe(false);
  });

  test('limits: exact passes, one past is refused', async () => {
    const { passwords } = make();
    const { passwordLengthMin: least, passwordBytesMax: most } = limits;
    await expect(passwords.set('anna', '😀'.repeat(least - 1))).rejects.toThrow('identity.password-too-short');
    await expect(passwords.set('anna', 'x'.repeat(most + 1))).rejects.toThrow('identity.password-too-long');
    await expect(passwords.set('nobody', 'x'.repeat(least))).rejects.toThrow('identity.unknown-principal');
    await passwords.set('anna', 'x'.repeat(least));
    await passwords.set('anna', 'x'.repeat(most));
    expect(await passwords.check('anna', 'x'.repeat(most))).toBe(true);
    // What is cut to the limit before hashing must not pass for what was set.
    expect(await passwords.check('anna', 'x'.repeat(most + 1))).toBe(false);
  });

  test('a verifier of earlier parameters is made anew at the next sign-in, and only then', async () => {
    const { passwords, records } = make();
    const old = oldVerifier('anna-anna-anna');
    records.rows.set('anna', old);
    expect(await passwords.check('anna', 'wrong')).toBe(false);
    expect(records.rows.get('anna')).toBe(old);
    expect(await passwords.check('anna', 'anna-anna-anna')).toBe(true);
    const renewed = records.rows.get('anna')!;
    expect(isOutdated(renewed)).toBe(false);
    expect(await passwords.check('anna', 'anna-anna-anna')).toBe(true);
    expect(records.rows.get('anna')).toBe(renewed);
  });

  test('making it anew never undoes a change made meanwhile', async () => {
    const changed = await hasher.hash('changed-password');
    const records = new MemoryPasswords();
    const slow: PasswordHasher = {
      verify: (password, verifier) => hasher.verify(password, verifier),
      async hash(password) {
        const verifier = await hasher.hash(password);
        records.rows.set('anna', changed);
        return verifier;
      },
    };
    records.rows.set('anna', oldVerifier('anna-anna-anna'));
    const passwords = new Passwords({ records, directory: new MemoryDirectory(), hasher: slow, log: silentLog });
    expect(await passwords.check('anna', 'anna-anna-anna')).toBe(true);
    expect(records.rows.get('anna')).toBe(changed);
  });

  test('A-ID-10: whatever is wrong, one look-up and one argon2id of the same cost', async () => {
    const costs: string[] = [];
    const counting: PasswordHasher = {
      hash: (password) => hasher.hash(password),
      verify(password, verifier) {
        costs.push(verifier.split('$').slice(0, 4).join('$'));
        return hasher.verify(password, verifier);
      },
    };
    const { passwords, records } = make(counting);
    await passwords.set('anna', 'anna-anna-anna');
    records.rows.set('broken', 'not a verifier');
    for (const name of ['anna', 'nobody', 'broken']) {
      records.calls.length = 0;
      costs.length = 0;
      expect(await passwords.check(name, 'guess')).toBe(false);
      expect(records.calls).toEqual(['get']);
      expect(costs).toEqual(['$argon2id$v=19$m=19456,t=2,p=1']);
    }
  });
});
