import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGatewayError } from './errors.ts';
import { passwordBytes, saslprep } from './saslprep.ts';
import {
  createScramClient,
  createScramKeyCache,
  createScramServer,
  deriveScramKeys,
  type ScramMechanism,
  scramIterationsMax,
  scramMessageLengthMax,
  scramNonceLengthMax,
  scramSaltBytesMax,
} from './scram.ts';

// RFC 7677, section 3.
const vector = {
  password: 'pencil',
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  clientNonce: 'rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

const binding = Buffer.alloc(32, 7);
const bindingOf = (data: Buffer) => ({ type: 'tls-server-end-point' as const, data });

/** The reason a `base.scram` error carries; anything else fails the test. */
function reasonOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isGatewayError(error) && error.code === 'base.scram') return error.publicMessage;
    throw error;
  }
  throw new Error('expected base.scram');
}

async function rejectionOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    () => new Error('expected base.scram'),
    (error: unknown) => error,
  );
  return reasonOf(() => {
    throw outcome;
  });
}

async function vectorServer(nonce = vector.serverNonce) {
  const keys = await deriveScramKeys(vector.password, vector.salt, 4096);
  return createScramServer({ salt: vector.salt, iterations: 4096, candidates: [{ id: 'tok_1', ...keys }], nonce });
}

describe('the vector of RFC 7677', () => {
  test('server role', async () => {
    const server = await vectorServer();
    expect(server.first(vector.clientFirst, null)).toBe(vector.serverFirst);
    expect(server.matched).toBeNull();
    expect(server.final(vector.clientFinal)).toBe(vector.serverFinal);
    expect(server.matched).toBe('tok_1');
  });

  test('client role', async () => {
    const client = createScramClient({
      password: vector.password,
      channelBinding: null,
      username: 'user',
      nonce: vector.clientNonce,
    });
    expect(client.mechanism).toBe('SCRAM-SHA-256');
    expect(client.first()).toBe(vector.clientFirst);
    expect(await client.final(vector.serverFirst)).toBe(vector.clientFinal);
    client.verify(vector.serverFinal);
  });
});

describe('both roles against each other', () => {
  test('the right password passes, names its candidate and proves the server; any other fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 4 }),
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.uint8Array({ minLength: 1, maxLength: 24 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom('none', 'plus', 'tls without plus'),
        async (passwords, presented, saltBytes, iterations, mode) => {
          const salt = Buffer.from(saltBytes);
          const candidates = await Promise.all(
            passwords.map(async (password, index) => ({
              id: `tok_${index}`,
              ...(await deriveScramKeys(password, salt, iterations)),
            })),
          );
          for (const password of [...passwords, presented]) {
            const server = createScramServer({ salt, iterations, candidates });
            const client = createScramClient({
              password,
              channelBinding: mode === 'none' ? null : bindingOf(binding),
              serverOfferedPlus: mode === 'plus',
            });
            const serverFirst = server.first(client.first(), mode === 'plus' ? binding : null, client.mechanism);
            const serverFinal = server.final(await client.final(serverFirst));
            const bytes = passwordBytes(password);
            const owner = passwords.findIndex((each) => passwordBytes(each).equals(bytes));
            expect(server.matched).toBe(owner < 0 ? null : `tok_${owner}`);
            if (owner < 0) expect(serverFinal).toBeNull();
            else client.verify(serverFinal!);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('A-ID-10: without candidates the exchange looks alike and fails', async () => {
    const server = createScramServer({ salt: vector.salt, iterations: 4096, candidates: [] });
    const client = createScramClient({ password: 'anything', channelBinding: null });
    const serverFirst = server.first(client.first(), null);
    expect(serverFirst).toMatch(/^r=\S+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096$/);
    expect(server.final(await client.final(serverFirst))).toBeNull();
    expect(server.matched).toBeNull();
  });

  test('the gs2 flag tells p, y and n apart', () => {
    const flag = (options: { data: Buffer | null; plus?: boolean }): [string, ScramMechanism] => {
      const client = createScramClient({
        password: 'x',
        channelBinding: options.data === null ? null : bindingOf(options.data),
        ...(options.plus === undefined ? {} : { serverOfferedPlus: options.plus }),
      });
      return [client.first().split(',')[0]!, client.mechanism];
    };
    expect(flag({ data: null })).toEqual(['n', 'SCRAM-SHA-256']);
    expect(flag({ data: null, plus: true })).toEqual(['n', 'SCRAM-SHA-256']);
    expect(flag({ data: binding, plus: false })).toEqual(['y', 'SCRAM-SHA-256']);
    expect(flag({ data: binding })).toEqual(['p=tls-server-end-point', 'SCRAM-SHA-256-PLUS']);
  });
});

describe('server: illegal client-first-message', () => {
  const cases: [string, string, Buffer | null, string][] = [
    ['empty', '', null, 'malformed'],
    ['no header', 'n=,r=abc', null, 'malformed'],
    ['unknown flag', 'x,,n=,r=abc', null, 'malformed'],
    ['upper-case flag', 'N,,n=,r=abc', null, 'malformed'],
    ['flag without type', 'p=,,n=,r=abc', null, 'malformed'],
    ['authzid', 'n,a=admin,n=,r=abc', null, 'authorisation identity'],
    ['mandatory extension', 'n,,m=x,n=,r=abc', null, 'extension'],
    ['mandatory extension at the end', 'n,,n=,r=abc,m=x', null, 'extension'],
    ['no name', 'n,,r=abc', null, 'malformed'],
    ['no nonce', 'n,,n=', null, 'malformed'],
    ['empty nonce', 'n,,n=,r=', null, 'nonce is malformed'],
    ['nonce with a space', 'n,,n=,r=a b', null, 'nonce is malformed'],
    ['nonce beyond ASCII', 'n,,n=,r=aé', null, 'nonce is malformed'],
    ['nonce one too long', `n,,n=,r=${'x'.repeat(scramNonceLengthMax + 1)}`, null, 'nonce is malformed'],
    ['extension without a letter', 'n,,n=,r=abc,1=x', null, 'malformed'],
    ['trailing comma', 'n,,n=,r=abc,', null, 'malformed'],
    ['a zero byte', 'n,,n=\0,r=abc', null, 'malformed'],
    ['one too long', `n,,n=${'x'.repeat(scramMessageLengthMax - 10)},r=abc`, null, 'too long'],
    ['A-PG-07: y although PLUS was offered', 'y,,n=,r=abc', binding, 'lost on the way'],
    ['binding that was not offered', 'p=tls-server-end-point,,n=,r=abc', null, 'not offered'],
    ['binding of another type', 'p=tls-unique,,n=,r=abc', binding, 'not supported'],
  ];
  test.each(cases)('%s', async (_name, message, channelBinding, reason) => {
    const server = await vectorServer();
    expect(reasonOf(() => server.first(message, channelBinding))).toContain(reason);
    // Nothing follows an illegal message.
    expect(() => server.final(vector.clientFinal)).toThrow('base.assertion');
    expect(server.matched).toBeNull();
  });

  test('the mechanism must fit the message', async () => {
    const bound = 'p=tls-server-end-point,,n=,r=abc';
    for (const [message, mechanism] of [
      ['n,,n=,r=abc', 'SCRAM-SHA-256-PLUS'],
      [bound, 'SCRAM-SHA-256'],
    ] as const) {
      const server = await vectorServer();
      expect(reasonOf(() => server.first(message, binding, mechanism))).toContain('mechanism');
    }
    expect((await vectorServer()).first(bound, binding, 'SCRAM-SHA-256-PLUS')).toContain('r=abc');
    expect((await vectorServer()).first('n,,n=,r=abc', binding, 'SCRAM-SHA-256')).toContain('r=abc');
  });

  test('at the limits it passes, and optional extensions and odd names are ignored', async () => {
    expect((await vectorServer()).first(`n,,n=,r=${'x'.repeat(scramNonceLengthMax)}`, null)).toContain('xxx');
    const exact = `n,,n=${'x'.repeat(scramMessageLengthMax - 11)},r=abc`;
    expect(exact).toHaveLength(scramMessageLengthMax);
    expect((await vectorServer()).first(exact, null)).toContain('r=abc');
    expect((await vectorServer()).first('n,,n=*=2C=,r=abc,x=1,z=', null)).toContain('r=abc');
  });
});

describe('server: illegal client-final-message', () => {
  const nonce = `${vector.clientNonce}${vector.serverNonce}`;
  const proof = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';
  const cases: [string, string, string][] = [
    ['empty', '', 'malformed'],
    ['no binding', `r=${nonce},p=${proof}`, 'malformed'],
    ['another header: y', `c=eSws,r=${nonce},p=${proof}`, 'channel binding does not match'],
    ['header with data', `c=${Buffer.from('n,,x').toString('base64')},r=${nonce},p=${proof}`, 'does not match'],
    ['binding not base 64', `c=b!ws,r=${nonce},p=${proof}`, 'not base 64'],
    ['client nonce only', `c=biws,r=${vector.clientNonce},p=${proof}`, 'nonce does not match'],
    ['longer nonce', `c=biws,r=${nonce}x,p=${proof}`, 'nonce does not match'],
    ['no proof', `c=biws,r=${nonce}`, 'malformed'],
    ['two proofs', `c=biws,r=${nonce},p=${proof},p=${proof}`, 'malformed'],
    ['something after the proof', `c=biws,r=${nonce},p=${proof},x=1`, 'malformed'],
    ['short proof', `c=biws,r=${nonce},p=AAAA`, 'wrong length'],
    ['empty proof', `c=biws,r=${nonce},p=`, 'wrong length'],
    ['proof without padding', `c=biws,r=${nonce},p=${proof.slice(0, -1)}`, 'not base 64'],
    ['proof with stray bits', `c=biws,r=${nonce},p=${proof.replace('VQ=', 'VR=')}`, 'not base 64'],
    ['mandatory extension', `c=biws,r=${nonce},m=x,p=${proof}`, 'extension'],
    ['too long', `c=biws,r=${nonce},x=${'x'.repeat(scramMessageLengthMax)},p=${proof}`, 'too long'],
  ];
  test.each(cases)('%s', async (_name, message, reason) => {
    const server = await vectorServer();
    server.first(vector.clientFirst, null);
    expect(reasonOf(() => server.final(message))).toContain(reason);
    expect(server.matched).toBeNull();
  });

  test('a changed bit of the proof is a wrong proof, and no second try follows', async () => {
    const server = await vectorServer();
    server.first(vector.clientFirst, null);
    expect(server.final(vector.clientFinal.replace('p=d', 'p=e'))).toBeNull();
    expect(server.matched).toBeNull();
    expect(() => server.final(vector.clientFinal)).toThrow('base.assertion');
    expect(() => server.first(vector.clientFirst, null)).toThrow('base.assertion');
  });

  test('binding data of another certificate does not match', async () => {
    const server = await vectorServer();
    const client = createScramClient({ password: 'pencil', channelBinding: bindingOf(Buffer.alloc(32, 8)) });
    const final = await client.final(server.first(client.first(), binding));
    expect(reasonOf(() => server.final(final))).toContain('channel binding does not match');
  });

  test('no message of any shape does anything but answer, refuse or break off', async () => {
    const keys = await deriveScramKeys('pencil', vector.salt, 1);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (first, final) => {
        const server = createScramServer({ salt: vector.salt, iterations: 1, candidates: [{ id: 'a', ...keys }] });
        try {
          server.first(first, null);
          expect(server.final(final)).toBeNull();
        } catch (error) {
          expect(isGatewayError(error) && error.code).toBe('base.scram');
        }
        expect(server.matched).toBeNull();
      }),
    );
  });
});

describe('client: illegal messages of the server', () => {
  const begin = () => {
    const client = createScramClient({ password: 'pencil', channelBinding: null, nonce: 'abc' });
    client.first();
    return client;
  };
  const salt = 'W22ZaJ0SNY7soEsUEjb6gQ==';
  const cases: [string, string, string][] = [
    ['empty', '', 'malformed'],
    ['another nonce', `r=abx1,s=${salt},i=1`, 'nonce does not match'],
    ['nothing added to the nonce', `r=abc,s=${salt},i=1`, 'nonce does not match'],
    ['nonce with a control character', `r=abc\u0001,s=${salt},i=1`, 'nonce is malformed'],
    ['no salt', 'r=abc1,i=1', 'malformed'],
    ['empty salt', 'r=abc1,s=,i=1', 'salt has a wrong length'],
    ['salt not base 64', 'r=abc1,s=***,i=1', 'not base 64'],
    [
      'salt one byte too long',
      `r=abc1,s=${Buffer.alloc(scramSaltBytesMax + 1).toString('base64')},i=1`,
      'wrong length',
    ],
    ['no iterations', `r=abc1,s=${salt}`, 'malformed'],
    ['zero iterations', `r=abc1,s=${salt},i=0`, 'iterations is malformed'],
    ['negative iterations', `r=abc1,s=${salt},i=-1`, 'iterations is malformed'],
    ['iterations with a fraction', `r=abc1,s=${salt},i=1e3`, 'iterations is malformed'],
    ['one iteration too many', `r=abc1,s=${salt},i=${scramIterationsMax + 1}`, 'too many iterations'],
    ['mandatory extension', `m=x,r=abc1,s=${salt},i=1`, 'extension'],
    ['something at the end', `r=abc1,s=${salt},i=1,x=1`, 'malformed'],
    ['too long', `r=abc1,s=${salt},i=1,x=${'x'.repeat(scramMessageLengthMax)}`, 'too long'],
  ];
  test.each(cases)('server-first: %s', async (_name, message, reason) => {
    expect(await rejectionOf(begin().final(message))).toContain(reason);
  });

  test.each([
    ['empty', '', 'malformed'],
    ['error', 'e=invalid-proof', 'refused the proof'],
    ['neither', 'x=1', 'malformed'],
    ['wrong signature', `v=${Buffer.alloc(32).toString('base64')}`, 'could not prove'],
    ['short signature', 'v=AAAA', 'could not prove'],
    ['not base 64', 'v=?', 'not base 64'],
  ])('server-final: %s', async (_name, message, reason) => {
    const client = begin();
    await client.final(`r=abc1,s=${salt},i=1`);
    expect(reasonOf(() => client.verify(message))).toContain(reason);
  });

  test('verify before final is our own mistake', () => {
    expect(() => begin().verify('v=')).toThrow('base.assertion');
  });
});

describe('key cache', () => {
  test('keeps keys by password, salt and iterations, shares work, and forgets the oldest', async () => {
    const cache = createScramKeyCache(2);
    const made: string[] = [];
    const get = (password: string, iterations = 1) =>
      cache.get(password, vector.salt, iterations, async () => {
        made.push(`${password}/${iterations}`);
        return { clientKey: Buffer.from(password), serverKey: Buffer.alloc(32) };
      });
    await Promise.all([get('a'), get('a')]);
    expect(made).toEqual(['a/1']);
    await get('a', 2);
    await get('a');
    await get('b');
    await get('a');
    expect(made).toEqual(['a/1', 'a/2', 'b/1']);
    await get('a', 2);
    expect(made).toEqual(['a/1', 'a/2', 'b/1', 'a/2']);
    cache.clear();
    await get('a');
    expect(made).toHaveLength(5);
  });

  test('a failure is not kept', async () => {
    const cache = createScramKeyCache();
    await expect(cache.get('a', vector.salt, 1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const keys = { clientKey: Buffer.alloc(32), serverKey: Buffer.alloc(32) };
    expect(await cache.get('a', vector.salt, 1, () => Promise.resolve(keys))).toBe(keys);
  });

  test('an exchange over a warm cache proves the same', async () => {
    const keyCache = createScramKeyCache();
    for (let round = 0; round < 2; round++) {
      const server = await vectorServer();
      const client = createScramClient({ password: 'pencil', channelBinding: null, keyCache });
      client.verify(server.final(await client.final(server.first(client.first(), null)))!);
    }
  });
});

describe('SASLprep', () => {
  test.each([
    // RFC 4013, section 3.
    ['I\u00adX', 'IX'],
    ['user', 'user'],
    ['USER', 'USER'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['\u0627\u0031', null],
    // What else PostgreSQL does.
    ['\u0007', '\u0007'],
    ['a\u00a0b', 'a b'],
    ['\u00ad', null],
    ['é\u0007', null],
    ['\ufb01\u{1f600}', null],
    ['\u05d0\u05d1', '\u05d0\u05d1'],
    ['\u05d0a\u05d1', null],
    ['\ud800', null],
    ['', ''],
    ['é', 'é'],
    ['e\u0301', 'é'],
    ['日本', '日本'],
    ['Ω\ue000', null],
  ])('%j becomes %j', (text, prepared) => {
    expect(saslprep(text)).toBe(prepared);
  });

  test('what is refused is taken raw', () => {
    expect(passwordBytes('\ufb01\u{1f600}')).toEqual(Buffer.from('\ufb01\u{1f600}'));
    expect(passwordBytes('\u2168')).toEqual(Buffer.from('IX'));
  });
});
