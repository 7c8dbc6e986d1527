import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkpointText, isSignedBy, originOf, parseCheckpoint } from './checkpoint.ts';
import { keys } from './fixtures/kit.ts';

const checkpoint = {
  origin: originOf('00112233445566778899aabbccddeeff'),
  size: 12345,
  root: 'r'.repeat(32),
  atMs: 1_767_225_600_000,
  chain: 'c'.repeat(32),
};

test('what is signed parses back and verifies, and with another key it does not', () => {
  const text = checkpointText(checkpoint, keys.privateKey);
  const parsed = parseCheckpoint(text);
  expect(parsed).toMatchObject(checkpoint);
  expect(isSignedBy(parsed, [keys.publicKey])).toBe(true);
  expect(isSignedBy(parsed, [generateKeyPairSync('ed25519').publicKey])).toBe(false);
});

test('A-REC-01: no bit of a checkpoint can change unseen', () => {
  const bytes = Buffer.from(checkpointText(checkpoint, keys.privateKey));
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    let isBelieved = false;
    try {
      isBelieved = isSignedBy(parseCheckpoint(changed.toString('utf8')), [keys.publicKey]);
    } catch (error) {
      expect(error).toMatchObject({ code: 'recording.bad-checkpoint' });
    }
    expect(isBelieved, `bit ${bit}`).toBe(false);
  }
});
