/** Passkeys against what no browser does: every part of an answer different, replayed, or from elsewhere. */
import { describe, expect, test } from 'vitest';
import * as throttleLimits from '../limits.ts';
import { type Algorithm, cbor, SoftwareAuthenticator, type Twist } from '../testing/authenticator.ts';
import { browser, makeFactors, ownRelyingParty } from '../testing/factors.ts';
import * as limits from './limits.ts';
import { passkeyRecordId } from './passkeys.ts';

const refused = { code: 'identity.factor-refused' };
const notEnrolled = { code: 'identity.enrolment-refused' };
const origin = ownRelyingParty.origins[0]!;

async function enrol(
  world: ReturnType<typeof makeFactors>,
  { algorithm = 'ES256' as Algorithm, twist = {} as Twist, owner = 'anna', methods = ['pwd'] } = {},
) {
  const proof = { provenAtMs: world.clock.now(), factors: methods };
  const authenticator = new SoftwareAuthenticator(origin, algorithm);
  const { options } = await world.factors.beginPasskey(owner, 'laptop', proof, browser);
  const enrolled = await world.factors.finishPasskey(owner, authenticator.create(options, twist), browser);
  return { authenticator, options, ...enrolled };
}

/** A sign-on by passkey alone. */
async function signOn(world: ReturnType<typeof makeFactors>, authenticator: SoftwareAuthenticator, twist: Twist = {}) {
  const options = await world.factors.passkeyOptions(null, browser);
  return world.factors.byPasskey(authenticator.get(options, twist), browser);
}

const wrongs: readonly [what: string, twist: Twist][] = [
  ['A-ID-08: another origin', { origin: 'https://evil.example' }],
  ['A-ID-08: a sub-domain that is not named', { origin: 'https://x.gateway.example' }],
  ['A-ID-08: another port', { origin: 'https://gateway.example:8443' }],
  ['A-ID-08: without TLS', { origin: 'http://gateway.example' }],
  ['A-ID-09: an origin with a path', { origin: 'https://gateway.example/' }],
  ['another relying party', { rpId: 'example' }],
  ["another site's frame that does not name its top", { clientData: { crossOrigin: true } }],
  ["another site's frame", { clientData: { crossOrigin: true, topOrigin: 'https://evil.example' } }],
  ['a top that no frame has', { clientData: { topOrigin: origin } }],
  ['crossOrigin that is no boolean', { clientData: { crossOrigin: 'yes' } }],
  ['another challenge', { challenge: 'A'.repeat(43) }],
  ['a challenge that is none', { clientData: { challenge: 7 } }],
  ['nobody present', { userPresent: false }],
  ['backed up without being able to', { flags: 0x15 | 0x40 }],
];

describe('registering', () => {
  test('asks for what it should, and a passkey that is there is excluded', async () => {
    const world = makeFactors();
    const { authenticator, options, factor, proof } = await enrol(world);
    expect(options).toMatchObject({
      rp: { id: 'gateway.example', name: 'Sallyport' },
      user: { name: 'anna', displayName: 'anna' },
      attestation: 'none',
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
      excludeCredentials: [],
      timeout: limits.challengeLifetimeMs,
    });
    expect(options.pubKeyCredParams.map(({ alg }) => alg)).toEqual([-7, -8, -257]);
    expect(Buffer.from(options.challenge, 'base64url').length).toBe(limits.challengeBytes);
    expect(Buffer.from(options.user.id, 'base64url').toString('latin1')).not.toContain('anna');
    expect(factor).toMatchObject({
      kind: 'passkey',
      label: 'laptop',
      passkey: { isShared: false, isBackedUp: false, verifiesUser: true },
    });
    expect(proof.factors).toEqual(['pwd', 'hwk', 'user']);
    const again = await world.factors.beginPasskey('anna', 'twice', proof, browser);
    expect(again.options.excludeCredentials).toEqual([
      { id: authenticator.id, transports: ['internal'], type: 'public-key' },
    ]);
    // The browser should have kept it from coming back.
    const twice = world.factors.finishPasskey('anna', authenticator.create(again.options), browser);
    await expect(twice).rejects.toMatchObject(notEnrolled);
    expect((await world.factors.list('anna')).length).toBe(1);
  });

  test('a passkey is of one principal in the whole gateway', async () => {
    const world = makeFactors();
    const { authenticator } = await enrol(world);
    const proof = { provenAtMs: world.clock.now(), factors: ['pwd'] };
    const { options } = await world.factors.beginPasskey('ben', 'mine', proof, browser);
    const taken = world.factors.finishPasskey('ben', authenticator.create(options), browser);
    await expect(taken).rejects.toMatchObject(notEnrolled);
    expect(await world.factors.hasFactor('ben')).toBe(false);
  });

  test.each(wrongs)('%s: nothing is registered', async (_, twist) => {
    const world = makeFactors();
    const given = twist.flags === undefined ? twist : { ...twist, flags: 0x55 };
    await expect(enrol(world, { twist: given })).rejects.toMatchObject(notEnrolled);
    expect(world.records.rows.size).toBe(0);
  });

  test('the challenge is of one principal, one browser and one purpose, counts once, and ends', async () => {
    const world = makeFactors();
    const { clock, factors } = world;
    const proof = { provenAtMs: clock.now(), factors: ['pwd'] };
    const authenticator = new SoftwareAuthenticator(origin);
    const { options } = await factors.beginPasskey('anna', 'laptop', proof, browser);
    const answer = authenticator.create(options);
    await expect(factors.finishPasskey('ben', answer, browser)).rejects.toMatchObject(notEnrolled);
    const elsewhere = { ...browser, browser: 'another' };
    await expect(factors.finishPasskey('anna', answer, elsewhere)).rejects.toMatchObject(notEnrolled);
    const asSignOn = authenticator.get({ ...options, rpId: 'gateway.example' });
    await expect(factors.byPasskey(asSignOn, browser)).rejects.toMatchObject(refused);
    const signOnChallenge = await factors.passkeyOptions(null, browser);
    const crossed = authenticator.create({ ...options, challenge: signOnChallenge.challenge });
    await expect(factors.finishPasskey('anna', crossed, browser)).rejects.toMatchObject(notEnrolled);
    clock.advance(limits.challengeLifetimeMs - 1);
    await factors.finishPasskey('anna', answer, browser);
    await expect(factors.finishPasskey('anna', answer, browser)).rejects.toMatchObject(notEnrolled);

    const more = { provenAtMs: clock.now(), factors: ['hwk', 'user'] };
    const late = await factors.beginPasskey('anna', 'late', more, browser);
    clock.advance(limits.challengeLifetimeMs);
    const second = new SoftwareAuthenticator(origin).create(late.options);
    await expect(factors.finishPasskey('anna', second, browser)).rejects.toMatchObject(notEnrolled);
  });

  test('algorithms: those that were asked for, and no other', async () => {
    for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
      const world = makeFactors();
      const { authenticator } = await enrol(world, { algorithm });
      expect((await signOn(world, authenticator)).owner).toBe('anna');
    }
    await expect(enrol(makeFactors(), { algorithm: 'ES384' })).rejects.toMatchObject(notEnrolled);
  });

  test('A-API-04: attestations with certificates are refused before anybody looks at what they name', async () => {
    const world = makeFactors();
    const statement = new Map<string, unknown>([
      ['alg', -7],
      ['sig', Buffer.alloc(70)],
      ['x5c', [Buffer.from('30820000', 'hex')]],
    ]);
    for (const format of ['packed', 'fido-u2f', 'tpm', 'android-key', 'android-safetynet', 'apple', 'no such']) {
      await expect(enrol(world, { twist: { format, statement } })).rejects.toMatchObject(notEnrolled);
    }
    // Signed by the passkey itself, as some are whatever was asked for, and wrongly.
    const own = new Map<string, unknown>([
      ['alg', -7],
      ['sig', Buffer.alloc(70)],
    ]);
    await expect(enrol(world, { twist: { format: 'packed', statement: own } })).rejects.toMatchObject(notEnrolled);
    await expect(enrol(world, { twist: { statement: own } })).rejects.toMatchObject(notEnrolled);
  });

  test('what cannot be read is refused: wrong shapes, and each part one past its limit', async () => {
    const world = makeFactors();
    const { factors, clock } = world;
    const begin = () => factors.beginPasskey('anna', 'laptop', { provenAtMs: clock.now(), factors: ['pwd'] }, browser);
    const { options } = await begin();
    type Shape = { id: string; rawId: string; type: string; response: Record<string, unknown> };
    const right = new SoftwareAuthenticator(origin).create(options) as Shape;
    const nested = Buffer.alloc(limits.attestationLengthMax / 2, 0x81).toString('base64url');
    const changes: ((shape: Shape) => unknown)[] = [
      () => null,
      () => 'text',
      () => [],
      () => ({}),
      (shape) => ({ ...shape, type: 'password' }),
      (shape) => ({ ...shape, rawId: `${shape.rawId}A` }),
      (shape) => ({ ...shape, id: `${shape.id}=`, rawId: `${shape.id}=` }),
      (shape) => ({ ...shape, id: `A${shape.id}`, rawId: `A${shape.id}` }),
      (shape) => ({ ...shape, response: null }),
      (shape) => ({ ...shape, response: { ...shape.response, transports: 'usb' } }),
      (shape) => ({ ...shape, response: { ...shape.response, clientDataJSON: 'e30' } }),
      (shape) => ({ ...shape, response: { ...shape.response, clientDataJSON: 'bm90IGpzb24' } }),
      (shape) => ({ ...shape, response: { ...shape.response, attestationObject: 'AAAA' } }),
      (shape) => ({ ...shape, response: { ...shape.response, attestationObject: nested } }),
    ];
    const parts = [
      ['clientDataJSON', limits.clientDataLengthMax],
      ['attestationObject', limits.attestationLengthMax],
    ] as const;
    for (const [part, most] of parts) {
      changes.push((shape) => ({ ...shape, response: { ...shape.response, [part]: 'A'.repeat(most + 1) } }));
    }
    const longId = 'A'.repeat(limits.credentialIdLengthMax + 1);
    changes.push((shape) => ({ ...shape, id: longId, rawId: longId }));
    for (const change of changes) {
      const { options: fresh } = await begin();
      const shape = new SoftwareAuthenticator(origin).create(fresh) as Shape;
      const answer = factors.finishPasskey('anna', change(shape), browser);
      await expect(answer, change.toString()).rejects.toMatchObject(notEnrolled);
    }
    await factors.finishPasskey('anna', right, browser);
  });

  test('an id as long as may be; transports that are none are dropped', async () => {
    const world = makeFactors();
    const { factors, clock } = world;
    const proof = { provenAtMs: clock.now(), factors: ['pwd'] };
    const { options } = await factors.beginPasskey('anna', 'laptop', proof, browser);
    const authenticator = new SoftwareAuthenticator(origin, 'ES256', 1_023);
    expect(authenticator.id.length).toBe(limits.credentialIdLengthMax);
    const answer = authenticator.create(options) as { response: Record<string, unknown> };
    answer.response['transports'] = ['usb', 7, '<script>', ...Array<string>(20).fill('nfc')];
    await factors.finishPasskey('anna', answer, browser);
    const record = world.records.rows.get(passkeyRecordId(authenticator.id));
    const transports = (JSON.parse(record!.data) as { transports: string[] }).transports;
    expect(transports).toHaveLength(limits.transportsMax);
    expect(new Set(transports)).toEqual(new Set(['usb', 'nfc']));
  });
});

describe('signing on with a passkey alone', () => {
  test('asks for whichever passkey there is, and for a verified person', async () => {
    const world = makeFactors();
    const { authenticator, factor } = await enrol(world);
    const options = await world.factors.passkeyOptions(null, browser);
    expect(options).toMatchObject({ rpId: 'gateway.example', userVerification: 'required' });
    expect(options.allowCredentials).toBeUndefined();
    const proof = await world.factors.byPasskey(authenticator.get(options), browser);
    expect(proof).toEqual({
      owner: 'anna',
      provenAtMs: world.clock.now(),
      factors: ['hwk', 'user', 'mfa'],
      kind: 'passkey',
      factorId: factor.id,
    });
    // An answer counts once.
    await expect(world.factors.byPasskey(authenticator.get(options), browser)).rejects.toMatchObject(refused);
  });

  const more: readonly [what: string, twist: Twist][] = [
    ['nobody verified', { userVerified: false }],
    ["another principal's user handle", { userHandle: 'AAAA' }],
    ['a user handle that is none', { userHandle: '***' }],
    ['the ceremony of registering', { type: 'webauthn.create' }],
  ];
  test.each([...wrongs, ...more])('%s: refused', async (_, twist) => {
    const world = makeFactors();
    const { authenticator } = await enrol(world);
    await expect(signOn(world, authenticator, twist)).rejects.toMatchObject(refused);
    expect((await signOn(world, authenticator)).owner).toBe('anna');
  });

  test('the signature is of this key, over this data', async () => {
    const world = makeFactors();
    const { authenticator } = await enrol(world);
    const stranger = new SoftwareAuthenticator(origin);
    await expect(signOn(world, stranger)).rejects.toMatchObject(refused);
    const options = await world.factors.passkeyOptions(null, browser);
    const own = authenticator.get(options) as { response: Record<string, unknown> };
    const forged = stranger.get(options) as { response: Record<string, unknown> };
    const signature = forged.response['signature'];
    const mixed = { ...own, response: { ...own.response, signature } };
    await expect(world.factors.byPasskey(mixed, browser)).rejects.toMatchObject(refused);
    const long = { ...own, response: { ...own.response, signature: 'A'.repeat(limits.signatureLengthMax + 1) } };
    await expect(world.factors.byPasskey(long, browser)).rejects.toMatchObject(refused);
  });

  test('a passkey that may be on several devices is no hardware key, and shows whether it is backed up', async () => {
    const world = makeFactors();
    const { authenticator, factor } = await enrol(world, { twist: { flags: 0x4d } });
    expect(factor.passkey).toEqual({ isShared: true, isBackedUp: false, verifiesUser: true });
    const proof = await signOn(world, authenticator, { flags: 0x1d });
    expect(proof.factors).toEqual(['swk', 'user', 'mfa']);
    expect((await world.factors.list('anna'))[0]!.passkey!.isBackedUp).toBe(true);
  });

  test('A-ID-10: names that nobody has are asked like others, the same each time', async () => {
    const world = makeFactors();
    const { authenticator } = await enrol(world);
    const ask = async (login: string) => {
      const { challenge, ...options } = await world.factors.passkeyOptions(login, browser);
      expect(challenge.length).toBe(43);
      return options;
    };
    const anna = await ask('anna');
    expect(anna.allowCredentials).toEqual([{ id: authenticator.id, type: 'public-key' }]);
    for (const login of ['nobody', 'ben', 'x'.repeat(10_000), '<script>']) {
      const one = await ask(login);
      expect(await ask(login)).toEqual(one);
      expect({ ...one, allowCredentials: [] }).toEqual({ ...anna, allowCredentials: [] });
      expect(one.allowCredentials!.length).toBeGreaterThanOrEqual(1);
      for (const credential of one.allowCredentials!) {
        expect(Object.keys(credential)).toEqual(['id', 'type']);
        expect([22, 27, 43, 86]).toContain(credential.id.length);
      }
    }
    expect(await ask('nobody')).not.toEqual(await ask('ben'));
    const shapes = new Set<string>();
    for (let n = 0; n < 40; n++) {
      const { allowCredentials = [] } = await ask(`p${n}`);
      shapes.add(allowCredentials.map(({ id }) => id.length).join(','));
    }
    expect(shapes.size).toBeGreaterThan(4);
  });

  test('who was named at the start is who signs on', async () => {
    const world = makeFactors();
    const anna = await enrol(world);
    const ben = await enrol(world, { owner: 'ben' });
    const options = await world.factors.passkeyOptions('anna', browser);
    await expect(world.factors.byPasskey(ben.authenticator.get(options), browser)).rejects.toMatchObject(refused);
    const again = await world.factors.passkeyOptions('anna', browser);
    expect((await world.factors.byPasskey(anna.authenticator.get(again), browser)).owner).toBe('anna');
  });

  test('challenges are of one browser, and bounded per source', async () => {
    const world = makeFactors();
    const { authenticator } = await enrol(world);
    const options = await world.factors.passkeyOptions(null, browser);
    const elsewhere = { source: browser.source, browser: 'another' };
    const answer = authenticator.get(options);
    await expect(world.factors.byPasskey(answer, elsewhere)).rejects.toMatchObject(refused);
    await world.factors.byPasskey(answer, browser);
    const from = { ...browser, source: '192.0.2.1' };
    for (let n = 0; n < throttleLimits.sourceFailuresMax; n++) await world.factors.passkeyOptions(null, from);
    await expect(world.factors.passkeyOptions(null, from)).rejects.toMatchObject({ code: 'core.throttled' });
    await world.factors.passkeyOptions(null, { ...browser, source: '192.0.2.2' });
  });

  test('who is disabled, or an account of a provider by now, does not get in', async () => {
    for (const change of [{ disabled: true }, { issuer: 'https://id.example' }]) {
      const world = makeFactors();
      const { authenticator } = await enrol(world);
      world.directory.put('anna', change);
      await expect(signOn(world, authenticator)).rejects.toMatchObject(refused);
    }
  });
});

describe('the counter', () => {
  test('grows with each use; one that went back or stood still is refused and told', async () => {
    const world = makeFactors();
    const { authenticator, factor } = await enrol(world, { twist: { counter: 5 } });
    await signOn(world, authenticator, { counter: 6 });
    for (const counter of [6, 5, 0]) {
      await expect(signOn(world, authenticator, { counter })).rejects.toMatchObject(refused);
    }
    const told = { type: 'passkey-counter-regressed', owner: 'anna', source: browser.source };
    expect(world.alarms).toEqual(Array(3).fill({ ...told, factor: factor.id, label: 'laptop' }));
    await signOn(world, authenticator, { counter: 7 });
    expect(world.records.rows.get(factor.id)!.counter).toBe(7);
  });

  test('that stays at nought is none, as with passkeys that are shared', async () => {
    const world = makeFactors();
    const { authenticator } = await enrol(world);
    for (let n = 0; n < 3; n++) await signOn(world, authenticator);
    expect(world.alarms).toEqual([]);
  });

  test('who does not have the key raises no alarm by it', async () => {
    const world = makeFactors();
    const { authenticator } = await enrol(world, { twist: { counter: 5 } });
    const options = await world.factors.passkeyOptions(null, browser);
    const old = authenticator.get(options, { counter: 1 }) as { response: Record<string, unknown> };
    const forged = { ...old, response: { ...old.response, signature: cbor(1).toString('base64url') } };
    await expect(world.factors.byPasskey(forged, browser)).rejects.toMatchObject(refused);
    expect(world.alarms).toEqual([]);
  });

  test('of two at the same moment, one counts', async () => {
    const world = makeFactors();
    const { authenticator } = await enrol(world, { twist: { counter: 5 } });
    const other = world.another();
    const mine = await world.factors.passkeyOptions(null, browser);
    const theirs = await other.passkeyOptions(null, browser);
    const first = authenticator.get(mine, { counter: 6 });
    const second = authenticator.get(theirs, { counter: 7 });
    // Passes twice: to learn whose it is, and to be judged.
    world.records.afterRead = async () => {
      world.records.afterRead = async () => void (await other.byPasskey(second, browser));
    };
    await expect(world.factors.byPasskey(first, browser)).rejects.toMatchObject(refused);
  });
});

describe('a passkey after the password, and at a step-up', () => {
  test('needs nobody verified after the password; the same options do for a second try', async () => {
    const world = makeFactors();
    const { authenticator } = await enrol(world);
    const step = await world.factors.challengeFor('anna', browser);
    if (step.needed === 'none') throw new Error('nothing is needed');
    expect(step).toMatchObject({ factors: ['passkey'], passkey: { userVerification: 'preferred' } });
    expect(step.passkey!.allowCredentials).toEqual([
      { id: authenticator.id, transports: ['internal'], type: 'public-key' },
    ]);
    const wrong = authenticator.get(step.passkey!, { origin: 'https://evil.example' });
    await expect(world.factors.answer(step.pendingId, 'passkey', wrong, browser)).rejects.toMatchObject(refused);
    // The challenge of one sign-on does for no other.
    const other = await world.factors.challengeFor('anna', browser);
    if (other.needed === 'none') throw new Error('nothing is needed');
    const crossed = authenticator.get(other.passkey!);
    await expect(world.factors.answer(step.pendingId, 'passkey', crossed, browser)).rejects.toMatchObject(refused);
    const right = authenticator.get(step.passkey!, { userVerified: false });
    const proof = await world.factors.answer(step.pendingId, 'passkey', right, browser);
    expect(proof.factors).toEqual(['pwd', 'hwk', 'user', 'mfa']);
  });

  test('a step-up with it alone takes a verified person; with the password it does not', async () => {
    const world = makeFactors();
    const { authenticator } = await enrol(world);
    const ask = async (isAfterPassword: boolean) => {
      const { factors, passkey } = await world.factors.confirmation('anna', browser, isAfterPassword);
      expect(factors).toEqual(['passkey']);
      return passkey!;
    };
    const alone = await ask(false);
    expect(alone.userVerification).toBe('required');
    const present = authenticator.get(alone, { userVerified: false });
    await expect(world.factors.confirm('anna', 'passkey', present, browser)).rejects.toMatchObject(refused);
    const verified = await world.factors.confirm('anna', 'passkey', authenticator.get(await ask(false)), browser);
    expect(verified.factors).toEqual(['hwk', 'user', 'mfa']);
    const after = await ask(true);
    const withPassword = authenticator.get(after, { userVerified: false });
    expect((await world.factors.confirm('anna', 'passkey', withPassword, browser, true)).factors).toContain('pwd');
    // Once, for whom it was asked, and only for this.
    await expect(world.factors.confirm('anna', 'passkey', withPassword, browser, true)).rejects.toMatchObject(refused);
    const ofAnna = authenticator.get(await ask(false));
    await expect(world.factors.confirm('ben', 'passkey', ofAnna, browser)).rejects.toMatchObject(refused);
    await expect(world.factors.byPasskey(ofAnna, browser)).rejects.toMatchObject(refused);
    await world.factors.confirm('anna', 'passkey', ofAnna, browser);
  });
});
