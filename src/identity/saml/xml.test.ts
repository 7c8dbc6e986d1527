/** The strict reader: what it takes, at its limits, and that it never reads something as something else. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { receivePost, receiveRedirect } from './bindings.ts';
import { print, type Tree, treeOf } from './corpus-testing.ts';
import * as limits from './limits.ts';
import { decodeBase64 } from './signature.ts';
import { attributeOf, escapeXml, readXml, textOf } from './xml.ts';

describe('reads', () => {
  test('elements, attributes, namespaces and references', () => {
    const root = readXml(
      '<?xml version="1.0" encoding="UTF-8"?>\n<a:r xmlns:a="urn:a" xmlns="urn:d" x = \'1 "&amp;"\'><b y="&#x41;&#66;"/> &lt;&gt;&quot;&apos; </a:r>\n',
    );
    expect(root).toMatchObject({ name: 'a:r', local: 'r', namespace: 'urn:a' });
    expect(attributeOf(root, 'x')).toBe('1 "&"');
    const [b, text] = root.children;
    expect(b).toMatchObject({ namespace: 'urn:d', attributes: [{ name: 'y', value: 'AB' }] });
    expect(text).toBe(' <>"\' ');
  });

  test('blanks in attributes as spaces, and prefixes that are declared anew', () => {
    const root = readXml('<r xmlns:a="urn:1" x="a\tb\nc"><a:s xmlns:a="urn:2"/><a:t/><u xmlns=""/></r>');
    expect(attributeOf(root, 'x')).toBe('a b c');
    expect(root.children.map((one) => (typeof one === 'string' ? one : one.namespace))).toEqual(['urn:2', 'urn:1', '']);
  });

  test('whatever was written, as it was (seeded)', () => {
    const legal = /^[\t\n\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
    const value = fc.string({ unit: 'binary', maxLength: 20 }).filter((one) => legal.test(one));
    const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.record({
        name: fc.constantFrom('a', 'b', 'p:c'),
        attributes: fc.tuple(value).map(([one]): [string, string][] => [
          ['xmlns:p', 'urn:p'],
          ['x', one],
        ]),
        children: fc.array(
          fc.oneof(
            { depthSize: 'small' },
            value.filter((one) => one !== ''),
            tie('tree'),
          ),
          { maxLength: 3 },
        ),
      }),
    })).tree;
    const joined = (one: Tree): Tree => {
      const children: Tree['children'] = [];
      for (const each of one.children) {
        const before = children.at(-1);
        if (typeof each === 'string' && typeof before === 'string') children[children.length - 1] = before + each;
        else children.push(typeof each === 'string' || 'markup' in each ? each : joined(each));
      }
      return { ...one, children };
    };
    fc.assert(
      fc.property(tree, (one) => {
        expect(treeOf(print(one))).toEqual(joined(one));
      }),
      { numRuns: 300, seed: 20_260_801 },
    );
  });

  test('nothing that is broken anywhere as whole (seeded)', () => {
    const whole = '<a:r xmlns:a="urn:a"><b x="1&amp;2">text</b><c/></a:r>';
    const swaps = fc.tuple(
      fc.nat(whole.length - 1),
      fc.constantFrom('<', '>', '&', '"', '!', '?', '/', ']]>', '\u0000', 'x'),
    );
    fc.assert(
      fc.property(swaps, ([at, put]) => {
        const broken = whole.slice(0, at) + put + whole.slice(at + 1);
        // What is still taken holds all of its text in elements, attributes and text: written anew it reads the same.
        let tree: Tree;
        try {
          tree = treeOf(broken);
        } catch {
          return;
        }
        expect(treeOf(print(tree))).toEqual(tree);
      }),
      { numRuns: 500, seed: 20_260_802 },
    );
  });
});

describe('limits, and one past them:', () => {
  const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth);
  test('depth', () => {
    expect(() => readXml(nested(limits.depthMax))).not.toThrow();
    expect(() => readXml(nested(limits.depthMax + 1))).toThrow(/too deep/);
  });

  test('elements', () => {
    const wide = (count: number): string => `<a>${'<b/>'.repeat(count - 1)}</a>`;
    expect(() => readXml(wide(limits.elementsMax))).not.toThrow();
    expect(() => readXml(wide(limits.elementsMax + 1))).toThrow(/too many elements/);
  });

  test('attributes', () => {
    const busy = (count: number): string => `<a${Array.from({ length: count }, (_, i) => ` x${i}=""`).join('')}/>`;
    expect(() => readXml(busy(limits.attributesMax))).not.toThrow();
    expect(() => readXml(busy(limits.attributesMax + 1))).toThrow(/too many attributes/);
  });

  test('bytes of a message, and of RelayState', () => {
    const post = (length: number, relayState = ''): void => {
      receivePost({ SAMLResponse: Buffer.alloc(length, 'a').toString('base64'), RelayState: relayState });
    };
    expect(() => post(limits.messageBytesMax)).not.toThrow();
    expect(() => post(limits.messageBytesMax + 1)).toThrow(/too long/);
    expect(() => post(1, 'x'.repeat(limits.relayStateLengthMax))).not.toThrow();
    expect(() => post(1, 'x'.repeat(limits.relayStateLengthMax + 1))).toThrow(/RelayState/);
    expect(() => post(1, 'ü'.repeat(limits.relayStateLengthMax / 2 + 1))).toThrow(/RelayState/);
  });

  test('a field that is there twice, and a query that is not signed', () => {
    expect(() => receivePost({ SAMLResponse: ['YQ==', 'YQ=='] })).toThrow(/twice/);
    expect(() => receivePost({ SAMLResponse: 'YQ==', SAMLRequest: 'YQ==' })).toThrow(/one message/);
    expect(() => receivePost({})).toThrow(/one message/);
    expect(() => receiveRedirect('SAMLRequest=YQ%3D%3D', [])).toThrow(/not signed/);
    expect(() => receiveRedirect('SAMLRequest=%', [])).toThrow(/not signed/);
    expect(() => receiveRedirect('SAMLRequest=a&SigAlg=%', [])).toThrow(/malformed/);
  });
});

test.each(['', 'a', 'ab=', 'a=bc', '====', 'a*cd', 'YQ==YQ=='])('%j is no Base64', (text) => {
  expect(() => decodeBase64(text)).toThrow(/Base64/);
});

test('Base64 may be broken into lines', () => {
  expect(decodeBase64(' YW\r\nJj\n').toString()).toBe('abc');
});

test('what is escaped is text again, and controls are not written', () => {
  const text = `a<b>"c"'d'&\t\n`;
  expect(textOf(readXml(`<r>${escapeXml(text)}</r>`))).toBe(text);
  expect(() => escapeXml('\u0000')).toThrow(/characters/);
});
