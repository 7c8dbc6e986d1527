/** Which addresses of the console have passkeys, and what is kept of an authenticator. */
import { describe, expect, test } from 'vitest';
import { relyingPartyOf } from './open-factors.ts';

describe('the relying party', () => {
  test.each([
    ['https://gateway.example:8443', 'gateway.example'],
    ['https://gateway.example/', 'gateway.example'],
    ['http://localhost:7443', 'localhost'],
    ['http://gateway.example', null],
    ['https://10.0.0.7:7443', null],
    ['https://[::1]:7443', null],
    ['http://127.0.0.1:7443', null],
    ['', null],
  ])('of %s is %s', (url, id) => {
    const party = relyingPartyOf(url);
    expect(party?.id ?? null).toBe(id);
    if (party !== null) expect(party.origins).toEqual([new URL(url).origin]);
  });
});
