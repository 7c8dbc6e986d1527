/** Enrolling, signing on, confirming and removing with TOTP and recovery codes; limits, throttles, and two gateways at once. */
import { describe, expect, test } from 'vitest';
import { stepUpProofMaxMs } from '../../core/limits.ts';
import * as throttleLimits from '../limits.ts';
import { browser, makeFactors } from '../testing/factors.ts';
import * as limits from './limits.ts';
import type { Caller } from './parts.ts';
import { totpCode, totpStep } from './totp.ts';

const refused = { code: 'identity.factor-refused' };
const over = { code: 'identity.sign-on-over' };
const notEnrolled = { code: 'identity.enrolment-refused' };
const proofNeeded = { code: 'identity.proof-needed' };
const throttled = { code: 'core.throttled' };

/** With what its app has: a code of this or a later step, none twice. */
async function enrolTotp(world: ReturnType<typeof makeFactors>, owner = 'anna', methods: readonly string[] = ['pwd']) {
  const { clock, factors } = world;
  const proof = { provenAtMs: clock.now(), factors: methods };
  const { id, secret } = await factors.beginTotp(owner, 'phone', proof, browser);
  const key = decode(secret);
  const code = (off = 0): string => totpCode(key, totpStep(clock.now()) + off);
  const enrolled = await factors.finishTotp(owner, id, code(), browser);
  const next = (): string => {
    clock.advance(limits.totpStepMs);
    return code();
  };
  /** A code that no step of the window has. */
  const wrong = (): string => {
    const near = [-1, 0, 1].map((off) => code(off));
    return ['000000', '111111', '222222', '333333'].find((one) => !near.includes(one))!;
  };
  return { ...enrolled, secret, code, next, wrong };
}

function decode(base32: string): Buffer {
  const bits = [...base32].map((one) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(one).toString(2).padStart(5, '0'));
  const octets = bits.join('').match(/.{8}/g)!;
  return Buffer.from(octets.map((octet) => Number.parseInt(octet, 2)));
}

async function pending(world: ReturnType<typeof makeFactors>, caller: Caller = browser): Promise<string> {
  const step = await world.factors.challengeFor('anna', caller);
  if (step.needed === 'none') throw new Error('nothing is needed');
  return step.pendingId;
}

describe('enrolling an authenticator', () => {
  test('takes effect with one right code, whose step does not sign on', async () => {
    const world = makeFactors();
    const { clock, factors, records } = world;
    const fresh = { provenAtMs: clock.now(), factors: ['pwd'] };
    const { id, secret, uri, expiresAtMs } = await factors.beginTotp('anna', 'phone', fresh, browser);
    expect(uri).toContain(`secret=${secret}`);
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(expiresAtMs).toBe(clock.now() + limits.challengeLifetimeMs);
    expect(await factors.hasFactor('anna')).toBe(false);
    expect(await factors.challengeFor('anna', browser)).toEqual({ needed: 'none' });
    const code = totpCode(decode(secret), totpStep(clock.now()));
    const { factor, proof } = await factors.finishTotp('anna', id, code, browser);
    expect(factor).toMatchObject({ kind: 'totp', label: 'phone', lastUsedAtMs: null });
    expect(proof).toMatchObject({ owner: 'anna', provenAtMs: clock.now(), factors: ['pwd', 'otp'] });
    expect(await factors.hasFactor('anna')).toBe(true);
    // What is kept does not have the secret, and nothing that is listed has anything of it.
    expect(JSON.stringify([...records.rows.values()])).not.toContain(secret);
    expect(JSON.stringify(await factors.list('anna'))).not.toContain('sealed');
    await expect(factors.answer(await pending(world), 'totp', code, browser)).rejects.toMatchObject(refused);
    await expect(factors.finishTotp('anna', id, code, browser)).rejects.toMatchObject(notEnrolled);
  });

  test('is of one principal and one browser, and ends by time and by wrong codes', async () => {
    const { clock, factors, once } = makeFactors();
    const fresh = () => ({ provenAtMs: clock.now(), factors: ['pwd'] });
    const begin = async () => {
      const { id, secret } = await factors.beginTotp('anna', 'phone', fresh(), browser);
      return { id, code: () => totpCode(decode(secret), totpStep(clock.now())) };
    };
    const first = await begin();
    const elsewhere = { ...browser, browser: 'another' };
    await expect(factors.finishTotp('ben', first.id, first.code(), browser)).rejects.toMatchObject(notEnrolled);
    await expect(factors.finishTotp('anna', first.id, first.code(), elsewhere)).rejects.toMatchObject(notEnrolled);
    // Neither did anything to it; what the store has does not say its id.
    expect(JSON.stringify([...once.rows])).not.toContain(first.id);
    clock.advance(limits.challengeLifetimeMs - 1);
    await factors.finishTotp('anna', first.id, first.code(), browser);

    const proof = { provenAtMs: clock.now(), factors: ['pwd', 'otp'] };
    const late = await factors.beginTotp('anna', 'late', proof, browser);
    clock.advance(limits.challengeLifetimeMs);
    const lateCode = totpCode(decode(late.secret), totpStep(clock.now()));
    await expect(factors.finishTotp('anna', late.id, lateCode, browser)).rejects.toMatchObject(notEnrolled);

    for (const wrongs of [limits.wrongAnswersMax - 1, limits.wrongAnswersMax]) {
      const again = { provenAtMs: clock.now(), factors: ['otp'] };
      const { id, secret } = await factors.beginTotp('anna', `after ${wrongs}`, again, browser);
      const codes: string[] = [];
      for (let n = 0; n < wrongs; n++) {
        const last = n + 1 === limits.wrongAnswersMax;
        const attempt = factors.finishTotp('anna', id, 'wrong', browser);
        await expect(attempt).rejects.toMatchObject(last ? notEnrolled : refused);
      }
      codes.push(totpCode(decode(secret), totpStep(clock.now())));
      const right = factors.finishTotp('anna', id, codes[0]!, browser);
      if (wrongs < limits.wrongAnswersMax) await right;
      else await expect(right).rejects.toMatchObject(notEnrolled);
    }
  });

  test('takes a proof of just now, with a factor where there is one', async () => {
    const world = makeFactors();
    const { clock, factors } = world;
    const begin = (provenAtMs: number | null, methods: readonly string[] = ['pwd']) =>
      factors.beginTotp('anna', 'phone', { provenAtMs, factors: methods }, browser);
    await expect(begin(null)).rejects.toMatchObject(proofNeeded);
    await expect(begin(clock.now() - stepUpProofMaxMs - 1)).rejects.toMatchObject(proofNeeded);
    const early = await begin(clock.now() - stepUpProofMaxMs);
    await enrolTotp(world);
    await expect(begin(clock.now())).rejects.toMatchObject(proofNeeded);
    await expect(begin(clock.now(), ['pwd', 'user', 'mfa'])).rejects.toMatchObject(proofNeeded);
    await begin(clock.now(), ['pwd', 'otp', 'mfa']);
    // What was begun with the password alone does not finish beside a factor.
    const code = totpCode(decode(early.secret), totpStep(clock.now()));
    await expect(factors.finishTotp('anna', early.id, code, browser)).rejects.toMatchObject(notEnrolled);
  });

  test('is for people with local accounts that are active', async () => {
    const { clock, directory, factors } = makeFactors();
    directory.put('service', { kind: 'service' });
    directory.put('agent', { kind: 'agent' });
    directory.put('provided', { issuer: 'https://id.example' });
    directory.put('gone', { disabled: true });
    const proof = { provenAtMs: clock.now(), factors: ['pwd'] };
    for (const name of ['service', 'agent', 'provided', 'gone', 'nobody']) {
      const begun = factors.beginTotp(name, 'phone', proof, browser);
      await expect(begun).rejects.toMatchObject({ code: 'identity.factors-not-here' });
    }
  });

  test('limits: the name, and how many, also of those begun at the same time', async () => {
    const world = makeFactors();
    const { clock, factors } = world;
    await enrolTotp(world);
    const proof = () => ({ provenAtMs: clock.now(), factors: ['otp'] });
    const badLabel = { code: 'identity.invalid-factor-label' };
    for (const label of ['', 'x'.repeat(limits.factorLabelBytesMax + 1), 'two\nlines', '\ud800', 'a\u2028b']) {
      await expect(factors.beginTotp('anna', label, proof(), browser)).rejects.toMatchObject(badLabel);
    }
    const finish = async ({ id, secret }: { id: string; secret: string }) =>
      factors.finishTotp('anna', id, totpCode(decode(secret), totpStep(clock.now())), browser);
    const longest = 'x'.repeat(limits.factorLabelBytesMax);
    const early = await factors.beginTotp('anna', longest, proof(), browser);
    for (let n = 1; n < limits.factorsPerPrincipalMax; n++) {
      await finish(await factors.beginTotp('anna', longest, proof(), browser));
    }
    expect(await factors.list('anna')).toHaveLength(limits.factorsPerPrincipalMax);
    const tooMany = { code: 'identity.too-many-factors' };
    await expect(factors.beginTotp('anna', 'one more', proof(), browser)).rejects.toMatchObject(tooMany);
    await expect(finish(early)).rejects.toMatchObject(tooMany);
  });
});

describe('a sign-on that waits for its factor', () => {
  test('ends with the right code, and says what was proven', async () => {
    const world = makeFactors();
    const { clock, factors } = world;
    const { next, factor } = await enrolTotp(world);
    const step = await factors.challengeFor('anna', browser);
    const lives = { needed: 'factor', factors: ['totp'], passkey: null };
    expect(step).toMatchObject({ ...lives, expiresAtMs: clock.now() + limits.pendingLifetimeMs });
    // 128 bits at least (A-ID-10): five for each character.
    expect((step as { pendingId: string }).pendingId.length * 5).toBeGreaterThanOrEqual(128);
    const pendingId = (step as { pendingId: string }).pendingId;
    const code = next();
    const proof = await factors.answer(pendingId, 'totp', code, browser);
    expect(proof).toEqual({
      owner: 'anna',
      provenAtMs: clock.now(),
      factors: ['pwd', 'otp', 'mfa'],
      kind: 'totp',
      factorId: factor.id,
    });
    expect((await factors.list('anna'))[0]).toMatchObject({ lastUsedAtMs: clock.now() });
    await expect(factors.answer(pendingId, 'totp', code, browser)).rejects.toMatchObject(over);
  });

  test('A-ID-10: a code counts once, on whichever gateway, also at the same moment', async () => {
    const world = makeFactors();
    const { factors, another, records } = world;
    const { next, code } = await enrolTotp(world);
    const other = another();
    const right = next();
    const ids = [await pending(world), await pending(world)];
    // The second gateway uses the code after the first has read that it was not used.
    records.afterRead = async () => void (await other.answer(ids[1]!, 'totp', right, browser));
    await expect(factors.answer(ids[0]!, 'totp', right, browser)).rejects.toMatchObject(refused);
    await expect(other.answer(await pending(world), 'totp', code(), browser)).rejects.toMatchObject(refused);
    await expect(other.answer(await pending(world), 'totp', code(-1), browser)).rejects.toMatchObject(refused);
    // The next step's code is within the window.
    await other.answer(await pending(world), 'totp', code(1), browser);
  });

  test('is of one browser, or of one source where there is none; any other neither answers it nor ends it', async () => {
    const world = makeFactors();
    const { factors } = world;
    const { next } = await enrolTotp(world);
    const inBrowser = await pending(world);
    const code = next();
    for (const caller of [
      { ...browser, browser: 'another' },
      { ...browser, browser: null },
    ]) {
      await expect(factors.answer(inBrowser, 'totp', code, caller)).rejects.toMatchObject(over);
    }
    // The browser may have moved.
    await factors.answer(inBrowser, 'totp', code, { ...browser, source: '192.0.2.9' });
    const atTerminal = await pending(world, { source: '2001:db8::1', browser: null });
    const later = next();
    const elsewhere = { source: '2001:db8:1::1', browser: null };
    await expect(factors.answer(atTerminal, 'totp', later, elsewhere)).rejects.toMatchObject(over);
    await factors.answer(atTerminal, 'totp', later, { source: '2001:db8::2', browser: null });
  });

  test('ends by time', async () => {
    const world = makeFactors();
    const { clock, factors } = world;
    const { code } = await enrolTotp(world);
    const [first, second] = [await pending(world), await pending(world)];
    clock.advance(limits.pendingLifetimeMs - 1);
    await factors.answer(first, 'totp', code(), browser);
    clock.advance(1);
    await expect(factors.answer(second, 'totp', code(1), browser)).rejects.toMatchObject(over);
  });

  test('A-ID-10: is gone after so many wrong answers, which raises an alarm; the one before may still be right', async () => {
    const world = makeFactors();
    const { clock, factors, alarms } = world;
    const { wrong, code } = await enrolTotp(world);
    const id = await pending(world);
    for (let n = 1; n < limits.wrongAnswersMax; n++) {
      await expect(factors.answer(id, 'totp', wrong(), browser)).rejects.toMatchObject(refused);
    }
    await factors.answer(id, 'totp', code(1), browser);
    expect(alarms).toEqual([]);
    clock.advance(throttleLimits.throttleForgetMs);
    const next = await pending(world);
    for (let n = 1; n < limits.wrongAnswersMax; n++) {
      await expect(factors.answer(next, 'totp', wrong(), browser)).rejects.toMatchObject(refused);
    }
    await expect(factors.answer(next, 'totp', wrong(), browser)).rejects.toMatchObject(over);
    expect(alarms).toEqual([{ type: 'answers-exhausted', owner: 'anna', source: browser.source }]);
    await expect(factors.answer(next, 'totp', code(), browser)).rejects.toMatchObject(over);
  });

  test('A-ID-10: who is wrong often must wait per account and source, and the sign-on waits with them', async () => {
    const world = makeFactors();
    const { clock, factors } = world;
    const { wrong, code } = await enrolTotp(world);
    let id = await pending(world);
    for (let n = 0; n <= throttleLimits.freeFailures; n++) {
      if (n === limits.wrongAnswersMax) id = await pending(world);
      await expect(factors.answer(id, 'totp', wrong(), browser)).rejects.toThrow();
    }
    await expect(factors.answer(id, 'totp', code(1), browser)).rejects.toMatchObject(throttled);
    await expect(factors.confirm('anna', 'totp', code(1), browser)).rejects.toMatchObject(throttled);
    clock.advance(1_000);
    await factors.answer(id, 'totp', code(1), browser);
  });

  test('A-ID-10: all wrong codes of an account count together, from whichever source and at whichever gateway', async () => {
    const world = makeFactors();
    const { clock, alarms, another } = world;
    const { wrong, code, proof } = await enrolTotp(world);
    const [recovery] = await world.factors.newRecoveryCodes('anna', proof);
    const from = (n: number): Caller => ({ source: `192.0.2.${n}`, browser: null });
    // A right one gives its place back.
    await world.factors.answer(await pending(world), 'totp', code(1), browser);
    for (let n = 0; n < limits.wrongCodesMax; n++) {
      const id = await pending(world, from(n));
      await expect(another().answer(id, 'totp', wrong(), from(n))).rejects.toMatchObject(refused);
    }
    clock.advance(limits.totpStepMs);
    expect(alarms).toEqual([]);
    const id = await pending(world, from(99));
    for (let n = 0; n < 2; n++) {
      await expect(another().answer(id, 'totp', code(1), from(99))).rejects.toMatchObject(throttled);
    }
    expect(alarms).toEqual([{ type: 'codes-exhausted', owner: 'anna', source: '192.0.2.99' }]);
    // Nobody is locked out who has another factor, and all is forgotten in time.
    await world.factors.answer(id, 'recovery', recovery!, from(99));
    clock.advance(limits.codeWindowMs);
    await world.factors.answer(await pending(world), 'totp', code(), browser);
  });

  test('a store that is down is no wrong answer', async () => {
    const world = makeFactors();
    const { factors, records } = world;
    const { next } = await enrolTotp(world);
    const id = await pending(world);
    const code = next();
    records.failure = new Error('down');
    for (let n = 0; n <= limits.wrongAnswersMax + limits.wrongCodesMax; n++) {
      await expect(factors.answer(id, 'totp', code, browser)).rejects.toThrow('down');
    }
    records.failure = null;
    await factors.answer(id, 'totp', code, browser);
  });

  test('who was disabled meanwhile, or became an account of a provider, does not get in, and is asked for nothing', async () => {
    for (const change of [{ disabled: true }, { issuer: 'https://id.example' }]) {
      const world = makeFactors();
      const { next } = await enrolTotp(world);
      const id = await pending(world);
      world.directory.put('anna', change);
      await expect(world.factors.answer(id, 'totp', next(), browser)).rejects.toMatchObject(refused);
      expect(await world.factors.hasFactor('anna')).toBe(false);
      expect(await world.factors.confirmation('anna', browser)).toEqual({ factors: [], passkey: null });
    }
  });

  test('what is no code, or no kind of factor, is a wrong answer', async () => {
    const world = makeFactors();
    await enrolTotp(world);
    for (const response of [null, 123456, {}, 'x'.repeat(limits.codeLengthMax + 1)]) {
      for (const kind of ['totp', 'recovery', 'passkey', 'sms'] as const) {
        const answer = world.factors.answer(await pending(world), kind as 'totp', response, {
          ...browser,
          source: `192.0.2.${kind.length}`,
        });
        await expect(answer).rejects.toMatchObject(refused);
      }
      world.clock.advance(throttleLimits.throttleForgetMs);
    }
  });
});

describe('recovery codes', () => {
  test('are ten of 80 bits, each counts once and raises an alarm; kept are digests', async () => {
    const world = makeFactors();
    const { factors, records, alarms } = world;
    const { proof } = await enrolTotp(world);
    const codes = await factors.newRecoveryCodes('anna', proof);
    expect(codes).toHaveLength(limits.recoveryCodes);
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) {
      expect(code).toMatch(/^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$/);
      expect(JSON.stringify([...records.rows.values()])).not.toContain(code);
    }
    expect(await factors.challengeFor('anna', browser)).toMatchObject({ factors: ['totp', 'recovery'] });
    const typed = codes[0]!.toUpperCase().replaceAll('-', ' ').replaceAll('0', 'O').replaceAll('1', 'l');
    const proven = await factors.answer(await pending(world), 'recovery', typed, browser);
    expect(proven).toMatchObject({ factors: ['pwd', 'otp', 'mfa'], kind: 'recovery' });
    expect(alarms).toEqual([{ type: 'recovery-code-used', owner: 'anna', source: browser.source, left: 9 }]);
    const again = factors.answer(await pending(world), 'recovery', codes[0]!, browser);
    await expect(again).rejects.toMatchObject(refused);
    for (const code of codes.slice(1)) await factors.answer(await pending(world), 'recovery', code, browser);
    expect((await factors.list('anna')).find(({ kind }) => kind === 'recovery')).toMatchObject({ codesLeft: 0 });
  });

  test('new ones void those before, also one that is being used at that moment', async () => {
    const world = makeFactors();
    const { clock, factors, records, another } = world;
    const { proof } = await enrolTotp(world);
    const old = await factors.newRecoveryCodes('anna', proof);
    const fresh = { provenAtMs: clock.now(), factors: ['pwd', 'otp'] };
    let made: readonly string[] = [];
    const id = await pending(world);
    records.afterRead = async () => {
      made = await another().newRecoveryCodes('anna', fresh);
    };
    await expect(factors.answer(id, 'recovery', old[0]!, browser)).rejects.toMatchObject(refused);
    await factors.answer(id, 'recovery', made[0]!, browser);
    await expect(factors.answer(await pending(world), 'recovery', old[1]!, browser)).rejects.toMatchObject(refused);
  });

  test('two at the same moment both count, one twice does not', async () => {
    const world = makeFactors();
    const { factors, records, another } = world;
    const { proof } = await enrolTotp(world);
    const codes = await factors.newRecoveryCodes('anna', proof);
    const [one, two, three] = [await pending(world), await pending(world), await pending(world)];
    records.afterRead = async () => void (await another().answer(one, 'recovery', codes[0]!, browser));
    await factors.answer(two, 'recovery', codes[1]!, browser);
    records.afterRead = async () => void (await another().answer(three, 'recovery', codes[2]!, browser));
    const twice = factors.answer(await pending(world), 'recovery', codes[2]!, browser);
    await expect(twice).rejects.toMatchObject(refused);
    expect((await factors.list('anna')).find(({ kind }) => kind === 'recovery')).toMatchObject({ codesLeft: 7 });
  });

  test('are of one principal, and for who has another factor', async () => {
    const world = makeFactors();
    const { clock, factors } = world;
    const none = factors.newRecoveryCodes('anna', { provenAtMs: clock.now(), factors: ['pwd'] });
    await expect(none).rejects.toMatchObject({ code: 'identity.no-factor-yet' });
    const anna = await enrolTotp(world);
    const ben = await enrolTotp(world, 'ben');
    const ofBen = await factors.newRecoveryCodes('ben', ben.proof);
    await factors.newRecoveryCodes('anna', anna.proof);
    await expect(factors.answer(await pending(world), 'recovery', ofBen[0]!, browser)).rejects.toMatchObject(refused);
    const unproven = factors.newRecoveryCodes('anna', { provenAtMs: clock.now(), factors: ['pwd'] });
    await expect(unproven).rejects.toMatchObject(proofNeeded);
  });
});

describe('confirming with a factor', () => {
  test('gives a proof of just now, by the factor alone or after the password', async () => {
    const world = makeFactors();
    const { clock, factors } = world;
    expect(await factors.confirmation('anna', browser)).toEqual({ factors: [], passkey: null });
    const { next, wrong } = await enrolTotp(world);
    expect(await factors.confirmation('anna', browser)).toEqual({ factors: ['totp'], passkey: null });
    await expect(factors.confirm('anna', 'totp', wrong(), browser)).rejects.toMatchObject(refused);
    const code = next();
    expect(await factors.confirm('anna', 'totp', code, browser)).toMatchObject({
      provenAtMs: clock.now(),
      factors: ['otp'],
    });
    await expect(factors.confirm('anna', 'totp', code, browser)).rejects.toMatchObject(refused);
    expect((await factors.confirm('anna', 'totp', next(), browser, true)).factors).toEqual(['pwd', 'otp', 'mfa']);
    await expect(factors.confirm('ben', 'totp', next(), browser)).rejects.toMatchObject(refused);
  });
});

describe('removing', () => {
  test('takes a proof with a factor; the last one takes the recovery codes with it', async () => {
    const world = makeFactors();
    const { clock, factors } = world;
    const { factor, proof } = await enrolTotp(world);
    const second = await enrolTotp(world, 'anna', ['pwd', 'otp']);
    const codes = await factors.newRecoveryCodes('anna', proof);
    await expect(factors.remove('anna', factor.id, { ...proof, factors: ['pwd'] })).rejects.toMatchObject(proofNeeded);
    expect(await factors.remove('anna', 'fct_none', proof)).toBe(false);
    expect(await factors.remove('anna', factor.id, proof)).toBe(true);
    expect(await factors.list('anna')).toHaveLength(2);
    clock.advance(stepUpProofMaxMs + 1);
    await expect(factors.remove('anna', second.factor.id, proof)).rejects.toMatchObject(proofNeeded);
    const fresh = await factors.confirm('anna', 'recovery', codes[0]!, browser);
    expect(await factors.remove('anna', second.factor.id, fresh)).toBe(true);
    expect(await factors.list('anna')).toEqual([]);
    expect(await factors.challengeFor('anna', browser)).toEqual({ needed: 'none' });
  });

  test("another's factor is nobody's to remove", async () => {
    const world = makeFactors();
    const anna = await enrolTotp(world);
    const ben = await enrolTotp(world, 'ben');
    expect(await world.factors.remove('ben', anna.factor.id, ben.proof)).toBe(false);
    expect(await world.factors.hasFactor('anna')).toBe(true);
  });

  test('an administrator resets all of another, and never their own', async () => {
    const world = makeFactors();
    const { factors } = world;
    const { proof, factor } = await enrolTotp(world);
    await factors.newRecoveryCodes('anna', proof);
    await expect(factors.reset('anna', 'anna')).rejects.toMatchObject(proofNeeded);
    expect(await factors.reset('anna', 'root')).toMatchObject([{ id: factor.id }, { kind: 'recovery', codesLeft: 10 }]);
    expect(await factors.list('anna')).toEqual([]);
    // Codes of before do not come back with the next factor.
    await enrolTotp(world);
    expect(await factors.list('anna')).toHaveLength(1);
  });
});

test('a relying party that browsers would not take is refused at once', () => {
  const make =
    (id: string, ...origins: string[]) =>
    () =>
      makeFactors({ id, name: 'Sallyport', origins });
  expect(make('gateway.example', 'https://gateway.example')).not.toThrow();
  expect(make('example', 'https://gateway.example')).not.toThrow();
  expect(make('localhost', 'http://localhost:8080')).not.toThrow();
  expect(make('gateway.example')).toThrow();
  for (const origin of [
    'http://gateway.example',
    'https://gateway.example/',
    'https://gateway.example:443',
    'https://evilgateway.example',
    'https://other.example',
    'gateway.example',
  ]) {
    expect(make('gateway.example', origin)).toThrow();
  }
});
