/** AWS Signature Version 4: AWS's published test suite (aws-signing-test-suite v4), and the examples of the S3 reference. */
import { describe, expect, test } from 'vitest';
import type { AwsKeys } from '../../core/ports.ts';
import type { Field } from './fields.ts';
import { hashOf, sign, unsignedPayload } from './sigv4.ts';

const keys: AwsKeys = {
  region: 'us-east-1',
  service: 'service',
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: null,
};
const nowMs = Date.UTC(2015, 7, 30, 12, 36, 0);
const sessionToken =
  'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==';

const vanilla = '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31';
const post = '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b';
const unreserved = '-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const form = 'application/x-www-form-urlencoded';

function signatureOf(method: string, target: string, fields: readonly Field[] = [], body = '', by = keys): string {
  const payload = hashOf([Buffer.from(body)]);
  return sign({ method, target, authority: 'example.amazonaws.com', fields, payload }, by, nowMs).signature;
}

describe('the test suite of AWS', () => {
  test.each([
    ['get-vanilla', 'GET', '/', vanilla],
    ['get-vanilla-query', 'GET', '/?', vanilla],
    [
      'get-vanilla-empty-query-key',
      'GET',
      '/?Param1=value1',
      'a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb',
    ],
    [
      'get-vanilla-query-order-key-case',
      'GET',
      '/?Param2=value2&Param1=value1',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    [
      'get-vanilla-query-order-key',
      'GET',
      '/?Param1=value2&Param1=Value1',
      'eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1',
    ],
    [
      'get-vanilla-query-order-encoded',
      'GET',
      '/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1',
      '371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac',
    ],
    [
      'get-vanilla-query-unreserved',
      'GET',
      `/?${unreserved}=${unreserved}`,
      '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197',
    ],
    [
      'get-vanilla-utf8-query',
      'GET',
      '/?%E1%88%B4=bar',
      '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04',
    ],
    ['get-unreserved', 'GET', `/${unreserved}`, '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f'],
    ['get-utf8', 'GET', '/ሴ', '8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85'],
    ['get-space', 'GET', '/example space/', '652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741'],
    ['get-slash-normalized', 'GET', '//', vanilla],
    ['get-slash-dot-slash-normalized', 'GET', '/./', vanilla],
    ['get-relative-normalized', 'GET', '/example/..', vanilla],
    ['get-relative-relative-normalized', 'GET', '/example1/example2/../..', vanilla],
    ['post-vanilla', 'POST', '/', post],
    [
      'post-vanilla-query',
      'POST',
      '/?Param1=value1',
      '28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11',
    ],
    [
      'post-vanilla-query-nonunreserved',
      'POST',
      '/?%40%23%24%25%5E=&%2B=%2F%2C%3F%3E%3C%60%22%3B%3A%5C%7C%5D%5B%7B%7D',
      '66c82657c86e26fb25238d0e69f011edc4c6df5ae71119d7cb98ed9b87393c1e',
    ],
    ['post-vanilla-query-space', 'POST', '/?p=', 'e71688addb58a26418614085fb730ba3faa623b461c17f48f2fbdb9361b94a9b'],
  ])('%s', (_name, method, target, signature) => {
    expect(signatureOf(method, target)).toBe(signature);
  });

  test('post-x-www-form-urlencoded', () => {
    const signature = 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a';
    expect(signatureOf('POST', '/', [['Content-Type', form]], 'Param1=value1')).toBe(signature);
  });

  test('post-sts-header-before: the session token is signed', () => {
    const signature = '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead';
    expect(signatureOf('POST', '/', [], '', { ...keys, sessionToken })).toBe(signature);
  });

  test('get-vanilla-with-session-token, and all of its fields', () => {
    const by = { ...keys, sessionToken: '6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267' };
    const request = { method: 'GET', target: '/', authority: 'example.amazonaws.com', fields: [], payload: hashOf([]) };
    const signature = '07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8';
    expect(sign(request, by, nowMs).fields).toEqual([
      ['X-Amz-Date', '20150830T123600Z'],
      ['X-Amz-Security-Token', by.sessionToken],
      [
        'Authorization',
        `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=${signature}`,
      ],
    ]);
  });
});

describe('S3', () => {
  const s3: AwsKeys = {
    ...keys,
    service: 's3',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  };
  const authority = 'examplebucket.s3.amazonaws.com';

  // "Examples: Signature calculations" of the Amazon S3 API reference.
  test.each([
    ['GET Bucket Lifecycle', '/?lifecycle', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    [
      'Get Bucket (List Objects)',
      '/?max-keys=2&prefix=J',
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])('%s', (_name, target, signature) => {
    const request = { method: 'GET', target, authority, fields: [], payload: hashOf([]) };
    expect(sign(request, s3, Date.UTC(2013, 4, 24)).signature).toBe(signature);
  });

  test('signs a path as it stands, others normalised and encoded once more', () => {
    const of = (target: string, by: AwsKeys): string =>
      sign({ method: 'GET', target, authority, fields: [], payload: unsignedPayload }, by, nowMs).signature;
    for (const [one, other] of [
      ['//a', '/a'],
      ['/a/./b', '/a/b'],
    ] as const) {
      expect(of(one, s3)).not.toBe(of(other, s3));
      expect(of(one, keys)).toBe(of(other, keys));
    }
    // One spelling of one key: what AWS decodes to the same is signed the same.
    expect(of('/a%7e', s3)).toBe(of('/a~', s3));
    expect(of('/a%20b', keys)).not.toBe(of('/a b', keys));
  });

  test('values of one name in their order, trimmed; other fields are not signed', () => {
    const of = (fields: readonly Field[]): string =>
      sign({ method: 'PUT', target: '/k', authority, fields, payload: unsignedPayload }, s3, nowMs).signature;
    const twice: Field[] = [
      ['X-Amz-Meta-A', ' x   y '],
      ['x-amz-meta-a', 'z'],
    ];
    expect(of(twice)).toBe(of([['x-amz-meta-a', 'x y,z']]));
    expect(of(twice)).not.toBe(of([['x-amz-meta-a', 'z,x y']]));
    expect(of([...twice, ['Accept', '*/*']])).toBe(of(twice));
  });
});
