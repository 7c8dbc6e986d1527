/** The cryptography: what was sealed opens, and nothing else does. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { open, rewrap, type Sealing, seal } from './envelope.ts';
import { makeKey } from './keyfile.ts';

// fast-check prints the seed and the counterexample of a failure.
const bytes = fc.uint8Array({ maxLength: 2_000 }).map((array) => Buffer.from(array));
const key = makeKey(randomBytes(32));
const other = makeKey(randomBytes(32));

describe('envelope', () => {
  it('opens what it sealed, under the same name and key, also after its key was wrapped anew', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), bytes, (name, plain) => {
        const sealed = seal(key, name, plain);
        expect(open(key, name, sealed)).toEqual(plain);
        const wrappedKey = rewrap(key, other, name, sealed.wrappedKey);
        expect(open(other, name, { ...sealed, wrappedKey })).toEqual(plain);
        expect(() => open(key, name, { ...sealed, wrappedKey })).toThrow('secrets.tampered');
      }),
      { numRuns: 200 },
    );
  });

  it('refuses any flipped bit, in any field', () => {
    const fields = ['wrappedKey', 'nonce', 'ciphertext', 'tag'] as const;
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.nat(), fc.nat(7), (field, at, bit) => {
        const sealed = seal(key, 'a', Buffer.from('the secret'));
        const spoilt = Buffer.from(sealed[field]);
        spoilt[at % spoilt.length]! ^= 1 << bit;
        expect(() => open(key, 'a', { ...sealed, [field]: spoilt })).toThrow('secrets.tampered');
      }),
      { numRuns: 500 },
    );
  });

  it('refuses fields that are cut, longer or empty', () => {
    const sealed = seal(key, 'a', Buffer.from('the secret'));
    for (const field of ['wrappedKey', 'nonce', 'ciphertext', 'tag'] as const) {
      const value = sealed[field];
      for (const spoilt of [
        value.subarray(1),
        value.subarray(0, -1),
        Buffer.concat([value, Buffer.alloc(1)]),
        Buffer.alloc(0),
      ]) {
        expect(() => open(key, 'a', { ...sealed, [field]: spoilt })).toThrow('secrets.tampered');
      }
    }
    // GCM would take a shortened tag as it is.
    for (const length of [4, 8, 12, 13, 14, 15]) {
      expect(() => open(key, 'a', { ...sealed, tag: sealed.tag.subarray(0, length) })).toThrow('secrets.tampered');
    }
  });

  it('refuses another name, another key, another key’s id, and parts of another row', () => {
    const a = seal(key, 'a', Buffer.from('one'));
    const b = seal(key, 'b', Buffer.from('two'));
    const again = seal(key, 'a', Buffer.from('one'));
    const refused: readonly (() => unknown)[] = [
      () => open(key, 'b', a),
      () => open(key, 'a', b),
      () => open(key, '', a),
      () => open(other, 'a', a),
      () => open({ id: other.id, bytes: key.bytes }, 'a', a),
      () => rewrap(key, other, 'b', a.wrappedKey),
      () => rewrap(other, key, 'a', a.wrappedKey),
      ...(['wrappedKey', 'nonce', 'ciphertext', 'tag'] as const).flatMap((field) => [
        () => open(key, 'a', { ...a, [field]: b[field] } as Sealing),
        () => open(key, 'a', { ...a, [field]: again[field] } as Sealing),
      ]),
    ];
    // The ciphertexts of `a` and `again` differ, for their data keys do.
    for (const attempt of refused) expect(attempt).toThrow('secrets.tampered');
  });

  it('binds name and id unambiguously', () => {
    const first = { id: 'key_a', bytes: key.bytes };
    const sealed = seal(first, 'bc', Buffer.from('x'));
    expect(() => open({ id: 'key_ab', bytes: key.bytes }, 'c', sealed)).toThrow('secrets.tampered');
  });

  it('never repeats a nonce or a data key', () => {
    const seen = new Set<string>();
    for (let round = 0; round < 500; round++) {
      const sealed = seal(key, 'a', Buffer.from('same'));
      seen.add(sealed.nonce.toString('hex')).add(sealed.wrappedKey.subarray(0, 12).toString('hex'));
      seen.add(sealed.ciphertext.toString('hex'));
    }
    // 500 nonces twice, and ciphertexts of 4 bytes, of which a few may meet by chance.
    expect(seen.size).toBeGreaterThan(1_490);
  });
});
