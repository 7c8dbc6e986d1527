/** What messages of a logout say, each signed by the provider: for whom, until when, about whom. */
import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { send } from './bindings.ts';
import { type Bench, child, endpoints, nameId, openBench, print, set, type Tree, treeOf } from './corpus-testing.ts';
import { newIdentifier, writeLogoutRequest, writeLogoutResponse } from './messages.ts';
import type { Incoming, SamlProvider } from './parts.ts';

let bench: Bench;
let provider: SamlProvider;
beforeAll(async () => {
  bench = await openBench();
  provider = { name: 'corp', spec: bench.spec, endpoints };
});
afterAll(() => bench.close());

type Change = (message: Tree) => void;
const ways = ['redirect', 'post'] as const;

/** A message as the provider would send it, changed before it is signed. */
function sent(way: Incoming['binding'], kind: 'SAMLRequest' | 'SAMLResponse', xml: string, change: Change): Incoming {
  const message = treeOf(xml);
  change(message);
  const keys = { privateKey: bench.idp.keys.key, certificate: bench.idp.keys.cert };
  const out = send(way, { kind, xml: print(message), relayState: null, location: endpoints.logout }, keys);
  return out.binding === 'post'
    ? { binding: 'post', fields: out.fields }
    : { binding: 'redirect', query: out.url.slice(endpoints.logout.length + 1) };
}

function request(way: Incoming['binding'], change: Change): Incoming {
  const head = {
    id: newIdentifier(),
    atMs: bench.clock.now(),
    destination: endpoints.logout,
    issuer: bench.idp.entityId,
  };
  const xml = writeLogoutRequest(head, { nameId, format: 'persistent', session: '_s' });
  return sent(way, 'SAMLRequest', xml, change);
}

const at = (seconds: number): string => new Date(bench.clock.now() + seconds * 1_000).toISOString();
const sessions =
  (count: number): Change =>
  (message) => {
    const one = child(message, 'SessionIndex');
    message.children.push(...Array.from({ length: count - 1 }, () => one));
  };

test.each<[string, Change]>([
  ['as it should be', () => {}],
  ['issued 59 s from now', (m) => set(m, 'IssueInstant', at(59))],
  ['over for 59 s', (m) => set(m, 'NotOnOrAfter', at(-59))],
  ['of a hundred sessions', sessions(100)],
  [
    'of all sessions',
    (m) => {
      m.children = m.children.filter((one) => one !== child(m, 'SessionIndex'));
    },
  ],
])('a request %s is taken', async (_what, change) => {
  for (const way of ways) {
    const message = await bench.saml.receiveLogout(provider, request(way, change), null);
    expect(message).toMatchObject({ type: 'request', issuer: bench.idp.entityId, nameId });
  }
});

test.each<[string, Change, RegExp]>([
  [
    'another issuer',
    (m) => {
      child(m, 'Issuer').children = ['https://other.test/'];
    },
    /issuer/,
  ],
  ['another destination', (m) => set(m, 'Destination', 'https://other.test/logout'), /another address/],
  ['no destination', (m) => set(m, 'Destination', null), /another address/],
  ['another version', (m) => set(m, 'Version', '1.1'), /SAML 2.0/],
  ['the future', (m) => set(m, 'IssueInstant', at(61)), /over, or of the future/],
  [
    'long ago',
    (m) => {
      set(m, 'IssueInstant', at(-361));
      set(m, 'NotOnOrAfter', null);
    },
    /over, or of the future/,
  ],
  ['a minute ago', (m) => set(m, 'NotOnOrAfter', at(-61)), /over, or of the future/],
  ['no instant', (m) => set(m, 'IssueInstant', null), /instant/],
  [
    'another format',
    (m) => set(child(m, 'NameID'), 'Format', 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'),
    /format/,
  ],
  [
    'nobody',
    (m) => {
      m.children = m.children.filter((one) => one !== child(m, 'NameID'));
    },
    /no NameID/,
  ],
  ['a hundred and one sessions', sessions(101), /too many sessions/],
  [
    'something else',
    (m) => {
      m.name = 'samlp:ManageNameIDRequest';
    },
    /no LogoutRequest/,
  ],
])('a request of %s ends nothing', async (_what, change, reason) => {
  for (const way of ways) {
    await expect(bench.saml.receiveLogout(provider, request(way, change), null)).rejects.toMatchObject({
      code: 'identity.logout-refused',
      detail: expect.stringMatching(reason),
    });
  }
});

test('A-ID-06: a posted request that nobody signed, or somebody else', async () => {
  const posted = request('post', () => {});
  if (posted.binding !== 'post') throw new Error('not posted');
  const message = treeOf(Buffer.from(String(posted.fields.SAMLRequest), 'base64').toString('utf8'));
  message.children = message.children.filter((one) => one !== child(message, 'Signature'));
  const fields = { SAMLRequest: Buffer.from(print(message)).toString('base64') };
  await expect(bench.saml.receiveLogout(provider, { binding: 'post', fields }, null)).rejects.toMatchObject({
    detail: expect.stringContaining('not signed'),
  });
  const keys = { privateKey: bench.stranger.key, certificate: bench.stranger.cert };
  for (const way of ways) {
    const out = send(
      way,
      { kind: 'SAMLRequest', xml: print(message), relayState: null, location: endpoints.logout },
      keys,
    );
    const theirs: Incoming =
      out.binding === 'post'
        ? { binding: 'post', fields: out.fields }
        : { binding: 'redirect', query: out.url.slice(endpoints.logout.length + 1) };
    await expect(bench.saml.receiveLogout(provider, theirs, null)).rejects.toMatchObject({
      detail: expect.stringContaining('no key'),
    });
  }
});

test.each([true, false])('an answer that the provider ended everything: %s', async (succeeded) => {
  const out = await bench.saml.beginLogout({ provider, subject: nameId, session: '_s', browser: 'browser' });
  if (out?.binding !== 'redirect') throw new Error('no redirect');
  const relayState = new URL(out.url).searchParams.get('RelayState');
  const asked = inflateRawSync(Buffer.from(new URL(out.url).searchParams.get('SAMLRequest')!, 'base64')).toString(
    'utf8',
  );
  const id = /ID="([^"]*)"/.exec(asked)![1]!;
  const head = {
    id: newIdentifier(),
    atMs: bench.clock.now(),
    destination: endpoints.logout,
    issuer: bench.idp.entityId,
  };
  const posted = sent('post', 'SAMLResponse', writeLogoutResponse(head, id, succeeded), () => {});
  if (posted.binding !== 'post') throw new Error('not posted');
  const message: Incoming = { binding: 'post', fields: { ...posted.fields, RelayState: relayState } };
  await expect(bench.saml.receiveLogout(provider, message, 'browser')).resolves.toEqual({
    type: 'response',
    isComplete: succeeded,
  });
});
