/**
 * The corpus of A-ID-06: signature wrapping and its relatives, against a real response of a real provider.
 *
 * Each attack is brought first and the untouched response after it: the control shows that what was refused is the
 * attack, and that no attack uses up the request.
 */
import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../../test/servers/certificates.ts';
import {
  all,
  type Bench,
  child,
  clone,
  first,
  forged,
  get,
  nameId,
  openBench,
  print,
  reissued,
  set,
  signed,
  signedKeeping,
  type Tree,
  treeOf,
  without,
} from './corpus-testing.ts';
import { digests, signatureMethods } from './names.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

/** Brings what `change` makes of a response, then the response. */
async function attack(
  change: (xml: string) => string,
  { signResponse = false, reason = /./ }: { signResponse?: boolean; reason?: RegExp } = {},
): Promise<void> {
  const issued = await bench.issue({ signResponse });
  const changed = change(issued.xml);
  expect(changed, 'the attack changes something').not.toBe(issued.xml);
  await expect(issued.bring(changed)).rejects.toMatchObject({
    code: 'identity.sign-on-refused',
    detail: expect.stringMatching(reason),
  });
  const { subject } = await issued.bring(issued.xml);
  expect(subject.subject).toBe(nameId);
}

/** What `change` does to the tree of a response. */
const onTree = (change: (response: Tree) => Tree | undefined) => (xml: string) => {
  const response = treeOf(xml);
  return print(change(response) ?? response);
};

const unsigned = (tree: Tree): Tree => {
  const copy = clone(tree);
  return without(copy, child(copy, 'Signature'));
};

const ds = 'http://www.w3.org/2000/09/xmldsig#';
const saml = 'urn:oasis:names:tc:SAML:2.0:assertion';
const samlp = 'urn:oasis:names:tc:SAML:2.0:protocol';
const elementNamed = (name: string, namespace: string, children: Tree['children']): Tree => {
  const prefix = name.split(':')[0]!;
  return { name, attributes: [[`xmlns:${prefix}`, namespace]], children };
};

/** A response that says it is of somebody else, with the signature of the one that was signed. */
function forgedResponse(response: Tree, id: 'same' | 'other'): Tree {
  const copy = clone(response);
  first(copy, 'NameID').children = ['7f1c3f7e-root'];
  if (id === 'other') set(copy, 'ID', '_forged');
  return copy;
}

describe.each(['same', 'other'] as const)('A-ID-06: with the %s identifier,', (id) => {
  test('XSW1: the signed response within the signature of a forged one', () =>
    attack(
      onTree((response) => {
        const evil = forgedResponse(response, id);
        child(evil, 'Signature').children.push(unsigned(response));
        return evil;
      }),
      { signResponse: true },
    ));

  test('XSW2: the signed response before the signature in a forged one', () =>
    attack(
      onTree((response) => {
        const evil = forgedResponse(response, id);
        const at = evil.children.indexOf(child(evil, 'Signature'));
        evil.children.splice(at, 0, unsigned(response));
        return evil;
      }),
      { signResponse: true },
    ));

  test.each(['before', 'after'])('XSW3: a forged assertion %s the signed one', (where) =>
    attack(
      onTree((response) => {
        const assertion = child(response, 'Assertion');
        const evil = unsigned(forged(assertion, id));
        const at = response.children.indexOf(assertion);
        response.children.splice(where === 'before' ? at : at + 1, 0, evil);
        return undefined;
      }),
    ),
  );

  test('XSW4: the signed assertion within a forged one', () =>
    attack(
      onTree((response) => {
        const assertion = child(response, 'Assertion');
        const evil = unsigned(forged(assertion, id));
        evil.children.push(assertion);
        response.children[response.children.indexOf(assertion)] = evil;
        return undefined;
      }),
    ));

  test('XSW5: a forged assertion with the signature, the signed one at the end', () =>
    attack(
      onTree((response) => {
        const assertion = child(response, 'Assertion');
        response.children[response.children.indexOf(assertion)] = forged(assertion, id);
        response.children.push(unsigned(assertion));
        return undefined;
      }),
    ));

  test('XSW6: the signed assertion within the signature of a forged one', () =>
    attack(
      onTree((response) => {
        const assertion = child(response, 'Assertion');
        const evil = forged(assertion, id);
        child(evil, 'Signature').children.push(unsigned(assertion));
        response.children[response.children.indexOf(assertion)] = evil;
        return undefined;
      }),
    ));

  test('XSW7: a forged assertion in Extensions', () =>
    attack(
      onTree((response) => {
        const assertion = child(response, 'Assertion');
        const extensions = elementNamed('samlp:Extensions', samlp, [forged(assertion, id)]);
        response.children.splice(response.children.indexOf(child(response, 'Status')), 0, extensions);
        return undefined;
      }),
    ));

  test('XSW8: the signed assertion in an Object of a forged one’s signature', () =>
    attack(
      onTree((response) => {
        const assertion = child(response, 'Assertion');
        const evil = forged(assertion, id);
        child(evil, 'Signature').children.push(elementNamed('ds:Object', ds, [unsigned(assertion)]));
        response.children[response.children.indexOf(assertion)] = evil;
        return undefined;
      }),
    ));

  test.each([false, true])('two assertions: a forged one in Advice (response signed: %s)', (signResponse) =>
    attack(
      onTree((response) => {
        const assertion = child(response, 'Assertion');
        const advice = elementNamed('saml:Advice', saml, [forged(assertion, id)]);
        assertion.children.splice(assertion.children.indexOf(child(assertion, 'AuthnStatement')), 0, advice);
        return undefined;
      }),
      { signResponse },
    ),
  );

  test('two assertions: a forged one in another namespace and one in none', async () => {
    for (const namespace of ['urn:oasis:names:tc:SAML:1.0:assertion', '']) {
      await attack(
        onTree((response) => {
          const evil = unsigned(forged(child(response, 'Assertion'), id));
          const plain = JSON.parse(JSON.stringify(evil).replaceAll('saml:', '')) as Tree;
          plain.attributes = [['xmlns', namespace], ...plain.attributes.filter(([name]) => !name.startsWith('xmlns'))];
          response.children.push(plain);
          return undefined;
        }),
      );
    }
  });
});

describe('A-ID-06: what readers read differently:', () => {
  const cut = `${nameId.slice(0, 6)}`;
  test.each([
    ['a comment in NameID', `${cut}<!-- -->`, /comment/],
    ['a processing instruction in NameID', `${cut}<?x y?>`, /processing instruction/],
    ['CDATA in NameID', `<![CDATA[${cut}]]>`, /CDATA/],
    ['an element in NameID', `${cut}<b xmlns=""/>`, /./],
  ])('%s', (_what, begin, reason) =>
    attack((xml) => xml.replace(`>${nameId}<`, `>${begin}${nameId.slice(6)}<`), { reason }),
  );

  test.each([
    ['a comment in DigestValue', (value: string) => `<!--${value}-->${value}`],
    ['a comment within DigestValue', (value: string) => `${value.slice(0, 9)}<!---->${value.slice(9)}`],
    ['CDATA in DigestValue', (value: string) => `<![CDATA[${value}]]>`],
    ['an element in DigestValue', (value: string) => `<x>AAAA</x>${value}`],
  ])('%s', (_what, change) =>
    attack((xml) => xml.replace(/(<DigestValue>)([^<]*)/, (_all, open: string, value: string) => open + change(value))),
  );

  test('a document type, with entities that expand', () =>
    attack(
      (xml) =>
        `<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>${xml.replace(nameId, '&b;')}`,
      { reason: /document type/ },
    ));

  test('an external entity (XXE)', () =>
    attack((xml) => `<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>${xml.replace(nameId, '&x;')}`, {
      reason: /document type/,
    }));

  test('an entity that nobody declared', () => attack((xml) => xml.replace(nameId, '&nbsp;'), { reason: /entity/ }));

  test.each<[string, (xml: string) => string]>([
    [
      'an identifier in another namespace',
      (xml) => xml.replace('<samlp:Response ', '<samlp:Response xmlns:w="urn:w" w:ID="_x" '),
    ],
    ['xml:id', (xml) => xml.replace('<samlp:Response ', '<samlp:Response xml:id="_x" ')],
    ['an attribute twice', (xml) => xml.replace('<samlp:Response ', '<samlp:Response Version="2.0" ')],
    [
      'an attribute twice by two prefixes',
      (xml) => xml.replace('<samlp:Response ', '<samlp:Response xmlns:a="urn:a" xmlns:b="urn:a" a:x="1" b:x="2" '),
    ],
    ['a prefix that is not declared', (xml) => xml.replace('<samlp:Status>', '<evil:x/><samlp:Status>')],
    [
      'the prefix xml for something else',
      (xml) => xml.replace('<samlp:Response ', '<samlp:Response xmlns:xml="urn:a" '),
    ],
    [
      'another prefix for xml',
      (xml) => xml.replace('<samlp:Response ', '<samlp:Response xmlns:x="http://www.w3.org/XML/1998/namespace" '),
    ],
    ['a namespace that is relative', (xml) => xml.replace('<samlp:Response ', '<samlp:Response xmlns:n="1" ')],
    ['a second root', (xml) => `${xml}<x/>`],
    ['text behind the root', (xml) => `${xml}x`],
    ['an attribute without quotes', (xml) => xml.replace('<samlp:Response ', '<samlp:Response x=1 ')],
    ['a null character', (xml) => xml.replace(nameId, `${nameId}\u0000`)],
    ['a reference to one', (xml) => xml.replace(nameId, `${nameId}&#0;`)],
    ['an encoding of its own', (xml) => `<?xml version="1.0" encoding="UTF-7"?>${xml}`],
    [
      'a depth that exhausts the stack',
      (xml) => xml.replace('<samlp:Status>', `${'<x>'.repeat(5_000)}${'</x>'.repeat(5_000)}<samlp:Status>`),
    ],
    [
      'too many elements',
      (xml) =>
        xml.replace('<samlp:Status>', `<samlp:Extensions>${'<x/>'.repeat(11_000)}</samlp:Extensions><samlp:Status>`),
    ],
  ])('%s', (_what, change) => attack(change));

  test('too many bytes are refused before they are read', () =>
    attack((xml) => xml + ' '.repeat(400_000), { reason: /too long/ }));

  test('bytes that are not UTF-8', async () => {
    const issued = await bench.issue();
    const SAMLResponse = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(issued.xml, 'utf16le')]).toString(
      'base64',
    );
    const provider = { name: 'corp', spec: bench.spec, endpoints: { metadata: '', acs: '', logout: '' } };
    await expect(bench.saml.complete({ provider, body: { SAMLResponse }, browser: null })).rejects.toThrow(
      /sign-on-refused/,
    );
  });
});

describe('A-ID-06: signatures', () => {
  const atAssertion = (change: (signature: Tree, assertion: Tree, response: Tree) => void) =>
    onTree((response) => {
      const assertion = child(response, 'Assertion');
      change(child(assertion, 'Signature'), assertion, response);
      return undefined;
    });

  test.each<[string, (signature: Tree, assertion: Tree, response: Tree) => void]>([
    ['removed', (signature, assertion) => without(assertion, signature)],
    ['twice', (signature, assertion) => assertion.children.splice(2, 0, clone(signature))],
    ['with two SignedInfo', (signature) => signature.children.splice(1, 0, clone(child(signature, 'SignedInfo')))],
    [
      'with a forged SignedInfo first',
      (signature) => {
        const info = clone(child(signature, 'SignedInfo'));
        first(info, 'DigestValue').children = ['AAAA'];
        signature.children.unshift(info);
      },
    ],
    [
      'with a SignedInfo in its KeyInfo',
      (signature) => child(signature, 'KeyInfo').children.push(clone(child(signature, 'SignedInfo'))),
    ],
    ['with an Object', (signature) => signature.children.push({ name: 'Object', attributes: [], children: [] })],
    [
      'with two references',
      (signature) => first(signature, 'SignedInfo').children.push(clone(first(signature, 'Reference'))),
    ],
    ['of an unknown identifier', (signature) => set(first(signature, 'Reference'), 'URI', '#_unknown')],
    ['of the whole document (empty URI)', (signature) => set(first(signature, 'Reference'), 'URI', '')],
    ['without a URI', (signature) => set(first(signature, 'Reference'), 'URI', null)],
    ['of another document', (signature) => set(first(signature, 'Reference'), 'URI', 'https://evil.test/a.xml')],
    ['by an XPointer', (signature) => set(first(signature, 'Reference'), 'URI', '#xpointer(/)')],
    [
      'of the response',
      (signature, _assertion, response) => set(first(signature, 'Reference'), 'URI', `#${get(response, 'ID')}`),
    ],
    [
      'of an identifier that is there twice',
      (_signature, assertion, response) => set(response, 'ID', get(assertion, 'ID')),
    ],
    [
      'transformed by XPath',
      (signature) => {
        set(all(signature, 'Transform')[0]!, 'Algorithm', 'http://www.w3.org/TR/1999/REC-xpath-19991116');
      },
    ],
    [
      'transformed by XSLT',
      (signature) => {
        first(signature, 'Transforms').children.push({
          name: 'Transform',
          attributes: [['Algorithm', 'http://www.w3.org/TR/1999/REC-xslt-19991116']],
          children: [],
        });
      },
    ],
    [
      'without transforms',
      (signature) => {
        first(signature, 'Transforms').children = [];
      },
    ],
    [
      'canonicalised with comments',
      (signature) =>
        set(
          first(signature, 'CanonicalizationMethod'),
          'Algorithm',
          'http://www.w3.org/2001/10/xml-exc-c14n#WithComments',
        ),
    ],
    ['by no algorithm', (signature) => set(first(signature, 'SignatureMethod'), 'Algorithm', null)],
    [
      'with a value that is empty',
      (signature) => {
        child(signature, 'SignatureValue').children = [];
      },
    ],
    [
      'moved to its response',
      (signature, assertion, response) => {
        without(assertion, signature);
        response.children.splice(1, 0, signature);
      },
    ],
    ['in a namespace of its own', (signature) => set(signature, 'xmlns', 'urn:evil')],
  ])('%s', (_what, change) => attack(atAssertion(change)));

  test.each(['#_unknown', '', 'https://evil.test/a.xml', '#xpointer(/)'])(
    'a reference to %j is refused by its shape',
    (uri) =>
      attack(
        atAssertion((signature) => set(first(signature, 'Reference'), 'URI', uri)),
        { reason: /refers to something else/ },
      ),
  );

  test('one byte of what is signed', () => attack((xml) => xml.replace(nameId, '7f1c3f7e-bnna'), { reason: /no key/ }));
  test('one byte of the response’s own, where that is signed', () =>
    attack((xml) => xml.replace('IssueInstant="2', 'IssueInstant="3'), { signResponse: true, reason: /no key/ }));

  test('a response whose signature was taken off counts by its assertion’s alone', async () => {
    const issued = await bench.issue({ signResponse: true });
    const response = treeOf(issued.xml);
    without(response, child(response, 'Signature'));
    expect((await issued.bring(print(response))).subject.subject).toBe(nameId);
  });

  test('an assertion that is not signed, in a response that is', async () => {
    const issued = await bench.issue({ signResponse: true, signAssertion: false });
    await expect(issued.bring(issued.xml)).rejects.toMatchObject({
      detail: expect.stringContaining('Assertion is not signed'),
    });
  });

  test('a signed assertion swapped for one that is not', () =>
    attack(
      onTree((response) => {
        const assertion = child(response, 'Assertion');
        response.children[response.children.indexOf(assertion)] = unsigned(forged(assertion, 'same'));
        return undefined;
      }),
    ));

  test('a signed assertion of another response does for its own request alone', async () => {
    const [mine, other] = [await bench.issue(), await bench.issue()];
    const response = treeOf(mine.xml);
    response.children[response.children.indexOf(child(response, 'Assertion'))] = child(treeOf(other.xml), 'Assertion');
    await expect(mine.bring(print(response))).rejects.toMatchObject({
      detail: expect.stringContaining('answers something else'),
    });
    await expect(mine.bring(mine.xml)).resolves.toBeDefined();
  });

  test('a certificate of somebody’s own, in KeyInfo', async () => {
    const { key, cert } = bench.stranger;
    const issued = await bench.issue({ key, cert });
    expect(issued.xml).toContain(cert.replace(/-----[^-]+-----|\s/g, ''));
    await expect(issued.bring(issued.xml)).rejects.toMatchObject({ detail: expect.stringContaining('no key') });
    const control = await bench.issue();
    await expect(control.bring(control.xml)).resolves.toBeDefined();
  });

  const resigned = (algorithms: Parameters<typeof signed>[3], key?: string) => (xml: string) => {
    const response = treeOf(xml);
    const assertion = child(response, 'Assertion');
    without(assertion, child(assertion, 'Signature'));
    return signed(print(response), 'Assertion', key ?? bench.idp.keys.key, algorithms);
  };

  test('HMAC with the provider’s public key as its secret', () => {
    const publicKey = createPublicKey(bench.idp.keys.cert).export({ type: 'spki', format: 'pem' }) as string;
    const hmac = 'http://www.w3.org/2000/09/xmldsig#hmac-sha1';
    return attack(resigned({ hmac: true, signature: hmac }, publicKey), { reason: /algorithm that is not taken/ });
  });

  test.each([
    ['the signature', { signature: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' }],
    ['the digest', { digest: 'http://www.w3.org/2000/09/xmldsig#sha1' }],
  ])('SHA-1 for %s, by the provider itself', (_what, algorithms) =>
    attack(resigned(algorithms), { reason: /algorithm that is not taken/ }),
  );

  test('SHA-1 as the provider makes it', async () => {
    const issued = await bench.issue({ signatureAlgorithm: 'rsa-sha1', digestAlgorithm: 'sha1' });
    await expect(issued.bring(issued.xml)).rejects.toMatchObject({ detail: expect.stringContaining('algorithm') });
  });

  test.each([...signatureMethods])('by %s are taken (control)', async (signature, method) => {
    const { key, cert } = method.key === 'ec' ? (await makeCertificates()).server : bench.idp.keys;
    const metadata = bench.spec.metadata.replace(
      /(<X509Certificate>)[^<]*/,
      (_all, open: string) => open + cert.replace(/-----[^-]+-----|\s/g, ''),
    );
    for (const digest of digests.keys()) {
      // What the tests sign with does not know it.
      if (digest.endsWith('sha384')) continue;
      const issued = await bench.issue({}, { metadata });
      const xml = resigned({ signature, digest, method }, key)(issued.xml);
      expect((await issued.bring(xml)).subject.subject).toBe(nameId);
    }
  });

  test('with prefixes to keep, from around the assertion, are taken (control)', async () => {
    const issued = await bench.issue();
    const response = treeOf(issued.xml);
    const assertion = child(response, 'Assertion');
    without(assertion, child(assertion, 'Signature'));
    const schema = 'http://www.w3.org/2001/XMLSchema';
    response.attributes.push(['xmlns:xs', schema]);
    for (const one of all(assertion, 'AttributeStatement')) set(one, 'xmlns:xs', null);
    const xml = signedKeeping(print(response), bench.idp.keys.key, 'xs');
    expect(xml).toContain('PrefixList="xs"');
    expect((await issued.bring(xml)).subject.subject).toBe(nameId);
    const again = await bench.issue();
    const changed = treeOf(again.xml);
    changed.attributes.push(['xmlns:xs', 'urn:evil']);
    await expect(again.bring(print(changed)), 'prefixes that were not kept say nothing').resolves.toBeDefined();
  });

  test('by the provider itself, made here, are taken (control)', async () => {
    const issued = await bench.issue();
    const xml = reissued(issued.xml, bench.idp.keys.key, () => {});
    expect((await issued.bring(xml)).subject.subject).toBe(nameId);
  });

  test('lines that end as Windows has them are no matter', async () => {
    const issued = await bench.issue();
    const lines = reissued(issued.xml, bench.idp.keys.key, (assertion) => {
      assertion.children = assertion.children.flatMap((one) => ['\n  ', one]);
    });
    expect(lines).toContain('\n');
    expect((await issued.bring(lines.replaceAll('\n', '\r\n'))).subject.subject).toBe(nameId);
  });
});

describe('A-ID-06: replays', () => {
  test('a response counts once', async () => {
    const issued = await bench.issue();
    await issued.bring(issued.xml);
    await expect(issued.bring(issued.xml)).rejects.toMatchObject({ detail: expect.stringContaining('used before') });
  });

  test('InResponseTo counts once, for whichever assertion', async () => {
    const issued = await bench.issue();
    const { key } = bench.idp.keys;
    const other = reissued(issued.xml, key, (assertion) => set(assertion, 'ID', '_another'));
    await issued.bring(issued.xml);
    await expect(issued.bring(other)).rejects.toMatchObject({ code: 'identity.sign-on-stale' });
  });

  test('an answer to a request of somebody else’s gateway', async () => {
    const issued = await bench.issue({ inResponseTo: '_nobodys' });
    await expect(issued.bring(issued.xml)).rejects.toMatchObject({ code: 'identity.sign-on-stale' });
  });
});
