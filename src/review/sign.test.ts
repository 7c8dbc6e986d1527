import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isGatewayError } from '../base/errors.ts';
import * as limits from './limits.ts';
import {
  isSignedBy,
  OnceOnly,
  openReference,
  principalOfChat,
  sealReference,
  signatureHeader,
  verifySlack,
} from './sign.ts';

const secret = 'whsec_test';
const nowMs = 1_767_225_600_000;

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return isGatewayError(error) ? error.code : String(error);
  }
}

describe('Sallyport-Signature', () => {
  const header = signatureHeader(secret, '{"a":1}', nowMs);

  test('is what its documentation says', () => {
    const hex = createHmac('sha256', secret).update('1767225600.{"a":1}').digest('hex');
    expect(header).toBe(`t=1767225600,v1=${hex}`);
  });

  test('fits its body, its secret and its time only', () => {
    expect(isSignedBy(secret, header, '{"a":1}', nowMs)).toBe(true);
    expect(isSignedBy(secret, header, '{"a":2}', nowMs)).toBe(false);
    expect(isSignedBy('other', header, '{"a":1}', nowMs)).toBe(false);
    expect(isSignedBy(secret, header, '{"a":1}', nowMs + limits.signatureAgeMsMax)).toBe(true);
    expect(isSignedBy(secret, header, '{"a":1}', nowMs + limits.signatureAgeMsMax + 1)).toBe(false);
    expect(isSignedBy(secret, header.replace('t=', 't=9'), '{"a":1}', nowMs)).toBe(false);
    expect(isSignedBy(secret, '', '{"a":1}', nowMs)).toBe(false);
  });
});

describe('A-REV-02: requests from chats', () => {
  /** Slack’s own example of its documentation. */
  const example = {
    secret: '8f742231b10e8888abcd99yyyzzz85a5',
    timestamp: '1531420618',
    body: Buffer.from(
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
    ),
    signature: 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  };

  test('a signature as Slack documents it passes once', () => {
    const once = new OnceOnly();
    const verify = () => verifySlack(example.secret, example, once, 1_531_420_618_000);
    expect(codeOf(verify)).toBe('none');
    expect(codeOf(verify)).toBe('review.replayed');
  });

  const sign = (timestamp: string, body: string, key = secret): string =>
    `v0=${createHmac('sha256', key).update(`v0:${timestamp}:${body}`).digest('hex')}`;
  const timestamp = String(nowMs / 1000);
  const good = { timestamp, signature: sign(timestamp, 'payload=1'), body: Buffer.from('payload=1') };
  const bad: readonly (readonly [string, Partial<typeof good>])[] = [
    ['another body', { body: Buffer.from('payload=2') }],
    ['another secret', { signature: sign(timestamp, 'payload=1', 'other') }],
    ['no signature', { signature: '' }],
    ['a shorter one', { signature: good.signature.slice(0, -1) }],
    ['a time that was not signed', { timestamp: String(nowMs / 1000 + 1) }],
    ['no time', { timestamp: '' }],
    ['a time that is none', { timestamp: '1e9' }],
  ];
  test.each(bad)('%s is refused, and not remembered', (_, change) => {
    const once = new OnceOnly();
    expect(codeOf(() => verifySlack(secret, { ...good, ...change }, once, nowMs))).toBe('review.bad-signature');
    expect(once.size).toBe(0);
  });

  test('up to five minutes either way, and no longer', () => {
    const at = (offsetMs: number) => codeOf(() => verifySlack(secret, good, new OnceOnly(), nowMs + offsetMs));
    for (const offsetMs of [limits.signatureAgeMsMax, -limits.signatureAgeMsMax]) expect(at(offsetMs)).toBe('none');
    for (const offsetMs of [limits.signatureAgeMsMax + 1, -limits.signatureAgeMsMax - 1]) {
      expect(at(offsetMs)).toBe('review.bad-signature');
    }
  });

  test('an empty secret verifies nothing', () => {
    const signature = sign(timestamp, 'payload=1', '');
    expect(codeOf(() => verifySlack('', { ...good, signature }, new OnceOnly(), nowMs))).toBe('review.bad-signature');
  });

  test('a replay is refused until it would be too old anyway', () => {
    const once = new OnceOnly();
    verifySlack(secret, good, once, nowMs);
    expect(codeOf(() => verifySlack(secret, good, once, nowMs + limits.signatureAgeMsMax))).toBe('review.replayed');
  });

  test('without room to remember nothing passes, and what is too old makes room', () => {
    const once = new OnceOnly();
    for (let at = 0; at < limits.onceOnlyMax; at++) expect(once.use(`k${at}`, nowMs + 1, nowMs)).toBe(true);
    expect(once.use('one more', nowMs + 9, nowMs)).toBe(false);
    expect(once.use('one more', nowMs + 9, nowMs + 2)).toBe(true);
    expect(once.size).toBe(1);
  });

  test('a link is used once, by its end, and only as it was made', () => {
    const reference = { review: 'rev_1', digest: 'd', nonce: 'n1', expiresAtMs: nowMs + 10 };
    const sealed = sealReference(secret, reference);
    const once = new OnceOnly();
    const open = (text: string, atMs = nowMs) => codeOf(() => openReference(secret, text, 'local:dana', once, atMs));
    expect(open(sealed, nowMs + 10)).toBe('review.bad-signature');
    expect(open(`x${sealed}`)).toBe('review.bad-signature');
    expect(open(sealReference('other', reference))).toBe('review.bad-signature');
    expect(open('')).toBe('review.bad-signature');
    expect(openReference(secret, sealed, 'local:dana', once, nowMs)).toEqual(reference);
    expect(open(sealed)).toBe('review.replayed');
    expect(openReference(secret, sealed, 'local:dave', once, nowMs)).toEqual(reference);
  });

  test('a chat account without a principal is nobody', () => {
    const directory = new Map([['slack:T1/U1', 'local:dana']]);
    expect(principalOfChat(directory, 'slack', 'T1', 'U1')).toBe('local:dana');
    for (const [service, team, user] of [
      ['slack', 'T1', 'U2'],
      ['slack', 'T2', 'U1'],
      ['teams', 'T1', 'U1'],
    ] as const) {
      expect(codeOf(() => principalOfChat(directory, service, team, user))).toBe('review.unmapped');
    }
  });
});
