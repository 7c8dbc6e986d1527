/**
 * What assertions say: for whom, until when, about whom. All of these are signed by the provider itself, so that what
 * refuses is what they say. Encrypted ones are here too: encryption proves nothing.
 */
import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Bench,
  child,
  encrypted,
  endpoints,
  first,
  forged,
  get,
  nameId,
  openBench,
  print,
  reissued,
  set,
  signed,
  type Tree,
  treeOf,
  without,
} from './corpus-testing.ts';
import type { SamlProviderSpec } from './parts.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

type Change = (assertion: Tree, response: Tree) => void;

async function bringing(change: Change, spec: Partial<SamlProviderSpec> = {}) {
  const issued = await bench.issue({}, spec);
  return issued.bring(reissued(issued.xml, bench.idp.keys.key, change));
}

const refused = async (change: Change, reason: RegExp, spec: Partial<SamlProviderSpec> = {}): Promise<void> => {
  await expect(bringing(change, spec)).rejects.toMatchObject({
    code: 'identity.sign-on-refused',
    detail: expect.stringMatching(reason),
  });
};

const at = (seconds: number): string => new Date(bench.clock.now() + seconds * 1_000).toISOString();
const confirmation = (assertion: Tree): Tree => first(assertion, 'SubjectConfirmationData');
const conditions = (assertion: Tree): Tree => child(assertion, 'Conditions');
const statement = (assertion: Tree): Tree => child(assertion, 'AuthnStatement');

test('as the provider makes them, they are taken (control)', async () => {
  expect((await bringing(() => {})).subject.subject).toBe(nameId);
});

describe('A-ID-06: times, to the minute', () => {
  test.each<[string, (seconds: number) => Change, taken: number, refused: number]>([
    ['NotBefore', (s) => (a) => set(conditions(a), 'NotBefore', at(s)), 59, 61],
    ['NotOnOrAfter', (s) => (a) => set(conditions(a), 'NotOnOrAfter', at(s)), -59, -61],
    ['NotOnOrAfter of the bearer', (s) => (a) => set(confirmation(a), 'NotOnOrAfter', at(s)), -59, -61],
    ['NotBefore of the bearer', (s) => (a) => set(confirmation(a), 'NotBefore', at(s)), 59, 61],
    ['IssueInstant', (s) => (a) => set(a, 'IssueInstant', at(s)), 59, 61],
    ['AuthnInstant', (s) => (a) => set(statement(a), 'AuthnInstant', at(s)), 59, 61],
    ['SessionNotOnOrAfter', (s) => (a) => set(statement(a), 'SessionNotOnOrAfter', at(s)), -59, -61],
    [
      'an hour since IssueInstant',
      (s) => (a) => {
        set(a, 'IssueInstant', at(s - 3_600));
        set(conditions(a), 'NotBefore', null);
      },
      -59,
      -61,
    ],
  ])('%s', async (_what, change, taken, over) => {
    // The clock stands still, so seconds are exact.
    await expect(bringing((assertion) => change(taken)(assertion, assertion))).resolves.toBeDefined();
    await refused((assertion) => change(over)(assertion, assertion), /over|of the future/);
  });

  test('at the very end of the skew', async () => {
    await expect(
      bringing((a) => set(confirmation(a), 'NotOnOrAfter', new Date(bench.clock.now() - 59_999).toISOString())),
    ).resolves.toBeDefined();
    await refused((a) => set(confirmation(a), 'NotOnOrAfter', at(-60)), /over/);
  });

  test.each([
    '2026-02-31T00:00:00Z',
    '2026-01-01T00:00:00+01:00',
    '2026-01-01 00:00:00Z',
    'tomorrow',
    '',
    '9999999999',
  ])('an instant of %j is none', (instant) => refused((a) => set(confirmation(a), 'NotOnOrAfter', instant), /instant/));

  test('fractions of a second may be as fine as providers have them', async () => {
    const fine = (a: Tree): void => set(confirmation(a), 'NotOnOrAfter', at(60).replace('Z', '4567Z'));
    await expect(bringing(fine)).resolves.toBeDefined();
  });
});

describe('A-ID-06: for whom', () => {
  test.each<[string, Change, RegExp]>([
    [
      'another audience',
      (a) => {
        first(a, 'Audience').children = ['https://other.test/saml'];
      },
      /audience/,
    ],
    [
      'our audience and more',
      (a) => {
        first(a, 'Audience').children = [`${endpoints.metadata}/`];
      },
      /audience/,
    ],
    [
      'our audience in capitals',
      (a) => {
        first(a, 'Audience').children = [endpoints.metadata.toUpperCase()];
      },
      /audience/,
    ],
    [
      'two audiences',
      (a) =>
        first(a, 'AudienceRestriction').children.push({
          name: 'saml:Audience',
          attributes: [],
          children: ['https://other.test/'],
        }),
      /audience/,
    ],
    [
      'no audience',
      (a) => {
        conditions(a).children = [];
      },
      /no audience/,
    ],
    [
      'an audience restriction that is empty',
      (a) => {
        first(a, 'AudienceRestriction').children = [];
      },
      /audience/,
    ],
    ['no conditions', (a) => without(a, conditions(a)), /no Conditions/],
    [
      'a condition that nobody knows',
      (a) => conditions(a).children.push({ name: 'saml:Condition', attributes: [], children: [] }),
      /condition/,
    ],
    ['another recipient', (a) => set(confirmation(a), 'Recipient', 'https://other.test/acs'), /recipient/],
    ['no recipient', (a) => set(confirmation(a), 'Recipient', null), /recipient/],
    [
      'another destination',
      (_a, response) => set(response, 'Destination', 'https://other.test/acs'),
      /another address/,
    ],
    [
      'another issuer of the assertion',
      (a) => {
        child(a, 'Issuer').children = ['https://other.test/'];
      },
      /issuer/,
    ],
    [
      'another issuer of the response',
      (_a, response) => {
        child(response, 'Issuer').children = ['https://other.test/'];
      },
      /issuer/,
    ],
    ['an issuer with a qualifier', (a) => set(child(a, 'Issuer'), 'NameQualifier', 'x'), /issuer/],
    [
      'an issuer with blanks around it',
      (a) => {
        child(a, 'Issuer').children = [` ${bench.idp.entityId} `];
      },
      /issuer/,
    ],
    [
      'another kind of confirmation',
      (a) => set(first(a, 'SubjectConfirmation'), 'Method', 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key'),
      /bearer/,
    ],
    [
      'two confirmations',
      (a) => {
        const s = child(a, 'Subject');
        s.children.push(child(s, 'SubjectConfirmation'));
      },
      /several/,
    ],
    [
      'no confirmation',
      (a) => {
        const s = child(a, 'Subject');
        without(s, child(s, 'SubjectConfirmation'));
      },
      /no SubjectConfirmation/,
    ],
    ['a bearer without an end', (a) => set(confirmation(a), 'NotOnOrAfter', null), /NotOnOrAfter/],
    ['an answer to nothing', (a) => set(confirmation(a), 'InResponseTo', null), /answers something else/],
    ['an answer to something else', (a) => set(confirmation(a), 'InResponseTo', '_other'), /answers something else/],
    [
      'nothing asked, says the response alone',
      (_a, response) => set(response, 'InResponseTo', null),
      /answers something else/,
    ],
    ['another version', (a) => set(a, 'Version', '1.1'), /SAML 2.0/],
    ['another version of the response', (_a, response) => set(response, 'Version', '3.0'), /SAML 2.0/],
    ['no proof', (a) => without(a, statement(a)), /no AuthnStatement/],
    ['two proofs', (a) => a.children.push(statement(a)), /several AuthnStatement/],
  ])('%s', (_what, change, reason) => refused(change, reason));

  test('a signed response without a destination', async () => {
    const issued = await bench.issue();
    const response = treeOf(issued.xml);
    set(response, 'Destination', null);
    expect(print(response)).not.toContain('Destination');
    const xml = signedAtIssuer(print(response));
    await expect(issued.bring(xml)).rejects.toMatchObject({ detail: expect.stringContaining('another address') });
    // Unsigned, the recipient of the assertion says it.
    await expect(issued.bring(print(response))).resolves.toBeDefined();
  });

  /** Signs the response behind its own issuer, not the assertion's. */
  function signedAtIssuer(xml: string): string {
    return signed(xml, 'Response', bench.idp.keys.key);
  }

  test('a status other than success, whatever else there is', async () => {
    await expect(
      bringing((_a, response) =>
        set(first(response, 'StatusCode'), 'Value', 'urn:oasis:names:tc:SAML:2.0:status:Responder'),
      ),
    ).rejects.toMatchObject({ code: 'identity.sign-on-denied' });
  });
});

describe('A-ID-05: who', () => {
  const named =
    (format: string | null, value: string = nameId, more: [string, string][] = []): Change =>
    (a) => {
      const name = first(a, 'NameID');
      set(name, 'Format', format);
      name.attributes.push(...more);
      name.children = [value];
    };
  const format = (name: string): string =>
    `urn:oasis:names:tc:SAML:${name === 'persistent' || name === 'transient' ? '2.0' : '1.1'}:nameid-format:${name}`;

  test.each<[string, Change]>([
    ['transient', named(format('transient'))],
    ['an address', named(format('emailAddress'), 'anna@corp.test')],
    ['unspecified', named(format('unspecified'))],
    ['no format', named(null)],
    ['empty', named(format('persistent'), '')],
    ['with blanks at its end', named(format('persistent'), `${nameId} `)],
    ['with a line in it', named(format('persistent'), `${nameId}\nx`)],
    ['too long', named(format('persistent'), 'x'.repeat(513))],
    ['qualified for another provider', named(format('persistent'), nameId, [['NameQualifier', 'https://other.test/']])],
    [
      'qualified for another service',
      named(format('persistent'), nameId, [['SPNameQualifier', 'https://other.test/']]),
    ],
  ])('refuses a NameID that is %s', (_what, change) => refused(change, /NameID/));

  test('takes the longest NameID, and one that is qualified for this provider and this gateway', async () => {
    const long = 'x'.repeat(512);
    expect((await bringing(named(format('persistent'), long))).subject.subject).toBe(long);
    const qualified: [string, string][] = [
      ['NameQualifier', bench.idp.entityId],
      ['SPNameQualifier', endpoints.metadata],
    ];
    expect((await bringing(named(format('persistent'), nameId, qualified))).subject.subject).toBe(nameId);
  });

  test('A-ID-06: a NameID in another namespace is none; prefixes say nothing', async () => {
    const foreign: Change = (a) => {
      const name = first(a, 'NameID');
      child(a, 'Subject').children.unshift({
        name: 'x:NameID',
        attributes: [
          ['xmlns:x', 'urn:evil'],
          ['Format', get(name, 'Format')],
        ],
        children: ['root'],
      });
    };
    expect((await bringing(foreign)).subject.subject).toBe(nameId);
    const renamed: Change = (a) => {
      const name = first(a, 'NameID');
      name.name = 'y:NameID';
      name.attributes.push(['xmlns:y', 'urn:oasis:names:tc:SAML:2.0:assertion']);
    };
    expect((await bringing(renamed)).subject.subject).toBe(nameId);
    await refused((a) => {
      first(a, 'NameID').name = 'NameID';
    }, /no NameID/);
    await refused((a) => child(a, 'Subject').children.unshift(structuredClone(first(a, 'NameID'))), /several NameID/);
  });

  describe('by address, where that is configured,', () => {
    const spec = { nameIdFormat: 'emailAddress', name: { claim: 'NameID', domain: 'corp.test' } } as const;
    test('gives the name before the @ of the domain', async () => {
      const { subject } = await bringing(named(format('emailAddress'), 'Anna@Corp.test'), spec);
      expect(subject).toMatchObject({ subject: 'Anna@Corp.test', name: 'anna' });
    });
    test.each([
      'anna@other.test',
      'anna@corp.test.evil.test',
      'anna@evil.test@corp.test',
      'аnna@corp.test',
      'anna@cоrp.test',
      'anna',
      '@corp.test',
      'an na@corp.test',
    ])('refuses %j', (value) => refused(named(format('emailAddress'), value), /no address of the domain/, spec));
  });

  test('where it is unspecified on purpose, the NameID is the name unless a rule says otherwise', async () => {
    const { subject } = await bringing(named(format('unspecified'), 'anna'), { nameIdFormat: 'unspecified' });
    expect(subject).toMatchObject({ subject: 'anna', name: 'anna' });
    await refused(named(format('transient'), 'anna'), /format/, { nameIdFormat: 'unspecified' });
  });
});

describe('attributes', () => {
  const attribute = (name: string, ...values: Tree['children']): Tree => ({
    name: 'saml:Attribute',
    attributes: [['Name', name]],
    children: values.map((value) => ({ name: 'saml:AttributeValue', attributes: [], children: [value] })),
  });
  const attributes =
    (...all: Tree[]): Change =>
    (a) => {
      child(a, 'AttributeStatement').children = all;
    };

  test('that are given twice have all their values; groups are as spelled', async () => {
    const given = attributes(attribute('uid', 'anna'), attribute('groups', 'dba', 'DBA'), attribute('groups', 'dbа'));
    expect((await bringing(given)).subject.groups).toEqual(['dba', 'DBA', 'dbа']);
  });

  test('null where groups are not said, empty where they are none', async () => {
    expect((await bringing(attributes(attribute('uid', 'anna')))).subject.groups).toBeNull();
    expect((await bringing(attributes(attribute('uid', 'anna'), attribute('groups')))).subject.groups).toEqual([]);
  });

  test.each<[string, Change]>([
    ['are elements', attributes(attribute('uid', 'anna'), attribute('groups', { markup: '<x/>' }))],
    ['are empty', attributes(attribute('uid', 'anna'), attribute('groups', ''))],
    ['have controls', attributes(attribute('uid', 'anna'), attribute('groups', 'a\tb'))],
    [
      'are too many',
      attributes(attribute('uid', 'anna'), attribute('groups', ...Array.from({ length: 2_501 }, (_, i) => `g${i}`))),
    ],
  ])('refuses groups that %s', (_what, change) => refused(change, /groups? |values|text/));

  test.each([
    ['of two values', attributes(attribute('uid', 'anna', 'root'))],
    ['with letters of another alphabet (homoglyphs)', attributes(attribute('uid', 'аnna'))],
    ['that is not there', attributes(attribute('groups', 'dba'))],
    ['with a plus', attributes(attribute('uid', 'anna+orders'))],
  ])('refuses a login name %s, and says so', async (_what, change) => {
    await expect(bringing(change)).rejects.toMatchObject({ code: 'identity.name-refused' });
  });

  test('name by the configured rule', async () => {
    const name = { claim: 'mail', domain: 'corp.test', prefix: 'corp-' };
    const { subject } = await bringing(attributes(attribute('mail', 'Anna@corp.test')), { name });
    expect(subject).toMatchObject({ name: 'corp-anna', email: 'Anna@corp.test', displayName: null });
  });

  test('refuses what is encrypted among them', () =>
    refused(
      (a) =>
        child(a, 'AttributeStatement').children.push({ name: 'saml:EncryptedAttribute', attributes: [], children: [] }),
      /encrypted/,
    ));

  test('what nobody could read is not shown', async () => {
    const given = attributes(
      attribute('uid', 'anna'),
      attribute('email', 'a\nb'),
      attribute('displayName', 'x'.repeat(513)),
    );
    expect((await bringing(given)).subject).toMatchObject({ email: null, displayName: null });
  });
});

describe('A-ID-06: encrypted assertions', () => {
  /** The response with its assertion in clear, and with what stands in its place. */
  async function swapped(
    make: (assertion: string, tree: Tree) => string | string[],
    spec: Partial<SamlProviderSpec> = {},
  ) {
    const issued = await bench.issue({}, spec);
    const response = treeOf(issued.xml);
    const assertion = child(response, 'Assertion');
    const [signedText] = /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(issued.xml)!;
    const made = make(signedText, assertion);
    without(response, assertion);
    for (const markup of typeof made === 'string' ? [made] : made) response.children.push({ markup });
    return { issued, xml: print(response) };
  }
  const unsigned = (tree: Tree): Tree => without(tree, child(tree, 'Signature'));
  const own = (clear: string, how?: Parameters<typeof encrypted>[2]): string =>
    encrypted(clear, bench.sp.certificate, how);

  test.each(['oaep', 'oaep-sha256'] as const)('as they should be (control, %s)', async (key) => {
    const { issued, xml } = await swapped((clear) => own(clear, { key }), { encrypted: true });
    expect((await issued.bring(xml)).subject.subject).toBe(nameId);
  });

  test.each<[string, (clear: string, assertion: Tree) => string | string[], RegExp]>([
    ['one in clear before it', (clear, a) => [print(forged(a, 'other')), own(clear)], /one assertion|where it may not/],
    ['one in clear after it', (clear, a) => [own(clear), print(forged(a, 'other'))], /one assertion|where it may not/],
    [
      'another encrypted one before it',
      (clear, a) => [own(print(forged(a, 'other'))), own(clear)],
      /one assertion|where it may not/,
    ],
    ['swapped for an unsigned one', (_clear, a) => own(print(unsigned(forged(a, 'same')))), /signed/],
    ['swapped for one with a signature of another', (_clear, a) => own(print(forged(a, 'same'))), /no key/],
    ['two within', (clear, a) => own(`${print(forged(a, 'other'))}${clear}`), /two roots|just one/],
    [
      'one wrapped within',
      (clear, a) => own(print({ ...forged(a, 'other'), children: [{ markup: clear }] })),
      /just one/,
    ],
    ['one encrypted within', (clear) => own(own(clear)), /just one/],
    [
      'a response within',
      () => own('<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>'),
      /just one/,
    ],
    ['a comment within', (clear) => own(clear.replace(nameId, `${nameId}<!-- -->`)), /comment/],
    ['a document type within', (clear) => own(`<!DOCTYPE x>${clear}`), /document type/],
    ['RSA with PKCS #1 v1.5', (clear) => own(clear, { key: 'pkcs1' }), /algorithm that is not taken/],
    [
      'AES-CBC',
      (clear) => own(clear, { content: 'http://www.w3.org/2001/04/xmlenc#aes256-cbc' }),
      /algorithm that is not taken/,
    ],
    ['OAEP of two hashes', (clear) => own(clear, { key: 'mixed' }), /two different hashes/],
    ['one bit of the content', (clear) => own(clear, { damaged: true }), /cannot be decrypted/],
    [
      'one bit of the key',
      (clear) => own(clear).replace(/(<xenc:EncryptedKey>.*?<xenc:CipherValue>)./, '$1/'),
      /cannot be decrypted/,
    ],
    ['no content', (clear) => own(clear).replace(/(<\/ds:KeyInfo>.*<xenc:CipherValue>)[^<]*/, '$1AAAA'), /empty/],
    ['two keys', (clear) => own(clear).replace(/(<xenc:EncryptedKey>.*<\/xenc:EncryptedKey>)/, '$1$1'), /one key/],
    ['the key of another gateway', (clear) => encrypted(clear, bench.stranger.cert), /cannot be decrypted/],
  ])('%s', async (_what, make, reason) => {
    const { issued, xml } = await swapped(make);
    await expect(issued.bring(xml)).rejects.toMatchObject({
      code: 'identity.sign-on-refused',
      detail: expect.stringMatching(reason),
    });
    expect((await issued.bring(issued.xml)).subject.subject).toBe(nameId);
  });

  test('swapped in a response that is signed', async () => {
    const encryptionPublicKey = createPublicKey(bench.sp.certificate).export({ type: 'spki', format: 'pem' });
    const options = { encryptionCert: bench.sp.certificate, encryptionPublicKey, signResponse: true };
    const issued = await bench.issue(options);
    const other = await bench.issue(options);
    const pattern = /<saml:EncryptedAssertion[\s\S]*<\/saml:EncryptedAssertion>/;
    const xml = issued.xml.replace(pattern, pattern.exec(other.xml)![0]);
    await expect(issued.bring(xml)).rejects.toMatchObject({ detail: expect.stringContaining('no key') });
    expect((await issued.bring(issued.xml)).subject.subject).toBe(nameId);
  });
});
