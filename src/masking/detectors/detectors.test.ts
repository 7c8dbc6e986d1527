/** Each detector: published examples, near misses, borders, context, and disguises (A-MSK-02). */
import { describe, expect, it } from 'vitest';
import { apply, cell, valueMask } from '../testing.ts';
import { type DetectorName, detectorNames } from './table.ts';

/** Found alone and within a sentence, whatever the column. Published examples and test numbers of their registries. */
const found: Partial<Record<DetectorName, readonly string[]>> = {
  credit_card: [
    '4111111111111111',
    '5555555555554444',
    '378282246310005',
    '6011111111111117',
    '30569309025904',
    '3530111333300000',
    '2223003122003222',
    '4222222222222',
    '4111 1111 1111 1111',
    '3782 822463 10005',
    '4111-1111-1111-1111',
    '6759649826438453',
  ],
  iban: [
    'GB82 WEST 1234 5698 7654 32',
    'DE89370400440532013000',
    'FR1420041010050500013M02606',
    'NO9386011117947',
    'MT84MALT011000012345MTLCAST001S',
    'de89 3704 0044 0532 0130 00',
    'CH93-0076-2011-6238-5295-7',
  ],
  email: [
    'john.doe@example.com',
    "o'brien+tag@sub.example.co.uk",
    'jürgen@müller.example',
    'a@b.de',
    'x_y@host-1.info',
  ],
  phone: [
    '+49 30 901820',
    '+1 415-555-2671',
    '(415) 555-2671',
    '415-555-2671',
    '+44 20 7946 0958',
    '+33 (0)1 42 68 53 00',
    '0044 20 7946 0958',
  ],
  ip_address: [
    '10.0.0.1',
    '255.255.255.255',
    'fe80::1',
    '::1',
    '2001:db8::ff00:42:8329',
    '2001:0db8:0000:0000:0000:ff00:0042:8329',
    '::ffff:192.0.2.128',
  ],
  us_ssn: ['123-45-6789', '078-05-1120'],
  uk_nino: ['AB123456C', 'QQ 12 34 56 C'.replace('QQ', 'AB'), 'ab 12 34 56 c'],
  uk_nhs: ['943 476 5919'],
  de_steuer_id: ['86 095 742 719', '47 036 892 816'],
  de_rentenversicherung: ['65 180539 W 001', '15070649C103'],
  fr_nir: ['2 69 05 49 588 157 80', '269054958815780'],
  es_dni_nie: ['12345678Z', '12345678-Z', 'X1234567L', '12.345.678-Z'],
  it_codice_fiscale: ['RSSMRA85T10A562S', 'MRTMTT91D08F205J', 'rssmra85t10a562s'],
  br_cpf: ['529.982.247-25'],
  br_cnpj: ['11.222.333/0001-81'],
  in_aadhaar: ['9999 4105 7058'],
  in_pan: ['ABCPE1234F'],
  ca_sin: ['046-454-286'],
  za_id: ['8001015009087'],
  se_personnummer: ['811218-9876', '640823-3234', '19811218-9876'],
  fi_hetu: ['131052-308T'],
  cn_resident_id: ['11010519491231002X'],
  kr_rrn: ['900101-1234567'],
  mx_curp: ['HEGG560427MVZRRL04'],
  aws_key: ['AKIAIOSFODNN7EXAMPLE', 'aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'],
  azure_key: [`AccountKey=${'aB3/'.repeat(21)}aa==`, `abc8Q~${'x'.repeat(34)}`],
  gcp_key: [`AIza${'Sy'.repeat(17)}D`, `GOCSPX-${'a1'.repeat(14)}`],
  github_token: [`ghp_${'a1B2'.repeat(9)}`, `github_pat_${'a1B2'.repeat(20)}`],
  gitlab_token: ['glpat-abcdefghij0123456789'],
  slack_token: ['xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx'],
  stripe_key: [`sk_live_${'4eC39HqLyjWD'.repeat(2)}`, `rk_test_${'4eC39HqLyjWD'.repeat(2)}`],
  model_api_key: [`sk-${'aB3d'.repeat(12)}`, `sk-proj-${'aB3_'.repeat(12)}`, `hf_${'aB'.repeat(17)}`],
  npm_token: [`npm_${'a1B2'.repeat(9)}`],
  pypi_token: [`pypi-${'AgEIcHlwaS5vcmc'.repeat(5)}`],
  twilio_key: [`SK${'0123456789abcdef'.repeat(2)}`],
  sendgrid_key: [`SG.${'a'.repeat(22)}.${'b'.repeat(43)}`],
  service_token: [
    `dop_v1_${'0123456789abcdef'.repeat(4)}`,
    `shpat_${'0123456789abcdef'.repeat(2)}`,
    `hvs.${'aB'.repeat(15)}`,
  ],
  private_key: ['-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----'],
  jwt: ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'],
};

/** Found in a column or beside a word of that name, and not without. */
const inContext: Partial<Record<DetectorName, readonly (readonly [word: string, value: string])[]>> = {
  us_ssn: [
    ['ssn', '123456789'],
    ['socialSecurity', '123 45 6789'.replaceAll(' ', '')],
  ],
  uk_nhs: [['nhs_number', '9434765919']],
  de_steuer_id: [['Steuer-ID', '86095742719']],
  nl_bsn: [
    ['bsn', '111222333'],
    ['burgerservicenummer', '123456782'],
  ],
  pl_pesel: [['pesel', '44051401359']],
  br_cpf: [['cpf', '52998224725']],
  br_cnpj: [['cnpj', '11222333000181']],
  in_aadhaar: [['aadhaar', '999941057058']],
  ca_sin: [
    ['sin', '046454286'],
    ['social_insurance', '046 454 286'],
  ],
  au_tfn: [
    ['tfn', '876543210'],
    ['tax file', '123 456 782'],
  ],
  au_medicare: [['medicare', '2123456701']],
  se_personnummer: [
    ['personnummer', '8112189876'],
    ['personnr', '198112189876'],
  ],
  jp_my_number: [
    ['my_number', '123456789018'],
    ['マイナンバー', '1234 5678 9018'],
  ],
  kr_rrn: [['주민등록번호', '9001011234567']],
  tr_kimlik: [['tckn', '10000000146']],
  phone: [
    ['phone', '0171 2345678'],
    ['mobile', '01712345678'],
    ['Tel.', '030/901820-33'],
  ],
  date_of_birth: [
    ['date_of_birth', '1980-05-17'],
    ['born', '17.05.1980'],
    ['dob', 'May 17, 1980'],
    ['birthday', '5/17/1980'],
  ],
  high_entropy: [
    ['api_key', 'f8Kd02mXq71Lz9Rt'],
    ['password', 'Tr0ub4dor&3'],
    ['client_secret', 'aB3dE5fG7hI9jK1l'],
  ],
};

/** Not found, alone or in a sentence. */
const notFound: Partial<Record<DetectorName, readonly string[]>> = {
  credit_card: [
    '4111111111111112',
    '1.4111111111111111',
    '411111111111111',
    '41111111111111111',
    'x4111111111111111',
    '4111111111111111a',
    '0000000000000000',
    '4111 1111 1111 11111',
  ],
  iban: ['GB82 WEST 1234 5698 7654 33', 'DE8937040044053201300', 'XX89370400440532013000', 'DE893704004405320130001'],
  email: ['john@localhost', '@scope/name', 'logo@2x.png', 'a@b..de', 'john@', '@example.com', 'a@1.2.3.4'],
  phone: ['+49 30', '2024-01-15 10:30:00', '+1 999', '415-155-2671', '1705312200000', '+999 12345678'],
  ip_address: [
    '256.1.1.1',
    '1.2.3',
    '1.2.3.4.5',
    '12:30:45',
    'std::vec',
    '00:11:22:33:44:55',
    'v1.2.3.4',
    '01.02.03.04',
    ':::',
  ],
  us_ssn: [
    '000-12-3456',
    '666-12-3456',
    '900-12-3456',
    '123-00-4567',
    '123-45-0000',
    '123456789',
    '1123-45-6789',
    '123-45-67890',
  ],
  uk_nino: ['BG123456C', 'DA123456C', 'AB123456E', 'AB12345C', 'XAB123456C'],
  uk_nhs: ['943 476 5918', '9434765919'],
  de_steuer_id: ['86 095 742 718', '12 345 678 901'],
  de_rentenversicherung: ['65 180539 W 002', '65 993939 W 001'],
  fr_nir: ['2 69 05 49 588 157 81', '969054958815780'],
  es_dni_nie: ['12345678A', 'X1234567A', '123456789Z'],
  it_codice_fiscale: ['RSSMRA85T10A562T', 'RSSMRA85T10A56'],
  nl_bsn: ['111222333', '111222334'],
  pl_pesel: ['44051401359'],
  br_cpf: ['529.982.247-26', '111.111.111-11'],
  br_cnpj: ['11.222.333/0001-82'],
  in_aadhaar: ['9999 4105 7059', '1999 4105 7058'],
  in_pan: ['ABCDE1234F', 'ABCPE12345'],
  ca_sin: ['046-454-287', '046454286'],
  za_id: ['8001015009088', '8013015009087'],
  se_personnummer: ['811218-9877', '811318-9876'],
  fi_hetu: ['131052-308U', '321052-308T'],
  cn_resident_id: ['110105194912310021', '11010519491331002X'],
  kr_rrn: ['901301-1234567'],
  mx_curp: ['HEGG560427MVZRRL05'],
  tr_kimlik: ['10000000147', '10000000146'],
  date_of_birth: ['1980-05-17'],
  aws_key: ['AKIAIOSFODNN7EXAMPL', 'BKIAIOSFODNN7EXAMPLE'],
  github_token: ['ghp_short', 'ghx_a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2'],
  jwt: ['eyJhbGciOiJIUzI1NiJ9', 'eyJ.a.b'],
  private_key: ['-----BEGIN PUBLIC KEY-----\nMIIabc\n-----END PUBLIC KEY-----', '-----BEGIN CERTIFICATE-----'],
  url_password: ['https://example.com/a:b@c', 'https://user@example.com', '12:30@office'],
  high_entropy: ['f8Kd02mXq71Lz9Rt', 'password: required', 'token: null', 'the secret garden'],
};

const maskOf = (name: DetectorName): ReturnType<typeof valueMask> => valueMask({ detect: [name] });
const pairs = (table: Partial<Record<DetectorName, readonly string[]>>): [DetectorName, string][] =>
  detectorNames.flatMap((name) => (table[name] ?? []).map((value): [DetectorName, string] => [name, value]));

describe('published examples', () => {
  it.each(pairs(found))('%s finds %s', (name, value) => {
    const mask = maskOf(name);
    const secret = /wJalr/.test(value) ? value.slice(value.indexOf('wJalr')) : value.replace('AccountKey=', '');
    const expected = (text: string): string => text.replace(secret, '[redacted]');
    for (const text of [value, `it is ${value}, then more`, `a;${value};b`, `"${value}"`, `note (${value})`]) {
      expect(apply(mask, text), text).toBe(expected(text));
    }
  });

  it.each(
    detectorNames.flatMap((name) => (inContext[name] ?? []).map(([word, value]) => [name, word, value] as const)),
  )('%s finds, beside %s, %s', (name, word, value) => {
    const mask = maskOf(name);
    expect(apply(mask, value, cell('text', word))).toBe('[redacted]');
    expect(apply(mask, `${word}: ${value}`)).toBe(`${word}: [redacted]`);
    expect(apply(mask, value)).toBe(value);
    expect(apply(mask, JSON.stringify({ [word]: value, x: 1 }), cell('json', 'doc'))).toBe(
      JSON.stringify({ [word]: '[redacted]', x: 1 }),
    );
  });

  it.each(pairs(notFound))('%s leaves %s', (name, value) => {
    const mask = maskOf(name);
    for (const text of [value, `it is ${value}, then more`]) {
      const buffer = Buffer.from(text);
      expect(mask.apply(buffer, cell())?.toString(), text).toBe(text);
      expect(mask.apply(buffer, cell())).toBe(buffer);
    }
  });

  it('has examples of every detector', () => {
    for (const name of detectorNames) {
      expect((found[name] ?? inContext[name] ?? []).length + Number(name === 'url_password'), name).toBeGreaterThan(0);
    }
  });

  it('masks a private key that is cut off, to the end of what may be one', () => {
    const mask = maskOf('private_key');
    expect(apply(mask, 'x -----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1')).toBe('x [redacted]');
    expect(apply(mask, '"-----BEGIN RSA PRIVATE KEY-----\\nabc" (cut)')).toBe('"[redacted]" (cut)');
  });

  it('masks the password within a URL only', () => {
    expect(apply(maskOf('url_password'), 'postgres://app:s3cret@db/x')).toBe('postgres://app:[redacted]@db/x');
  });

  it('masks what is assigned to a name that means a secret', () => {
    const mask = maskOf('high_entropy');
    expect(apply(mask, 'export API_TOKEN="f8Kd02mXq71Lz9Rt"; ls')).toBe('export API_TOKEN="[redacted]"; ls');
    expect(apply(mask, 'Authorization: Bearer f8Kd02mXq71Lz9Rt')).toBe('Authorization: Bearer [redacted]');
    expect(apply(mask, 'db.password=hunter2!')).toBe('db.password=[redacted]');
  });
});

describe('context', () => {
  it('speaks against bare numbers that things have', () => {
    const mask = maskOf('credit_card');
    expect(apply(mask, '4111111111111111', cell('text', 'order_number'))).toBe('4111111111111111');
    expect(apply(mask, '4111 1111 1111 1111', cell('text', 'order_number'))).toBe('[redacted]');
    expect(apply(mask, 'order 4111111111111111')).toBe('order 4111111111111111');
    expect(apply(mask, 'card for order: 4111111111111111')).toBe('card for order: [redacted]');
  });

  it('does not let the label of one field speak for the next', () => {
    const mask = maskOf('us_ssn');
    expect(apply(mask, 'ssn: 123456789, order 987654321, 234567891')).toBe(
      'ssn: [redacted], order 987654321, 234567891',
    );
  });

  it('reads names in any spelling', () => {
    const mask = maskOf('us_ssn');
    for (const name of ['SSN', 'customerSsn', 'customer-ssn', 'customer.ssn', 'Social Security', 'ssn_2']) {
      expect(apply(mask, '123456789', cell('text', name)), name).toBe('[redacted]');
    }
    expect(apply(mask, '123456789', cell('text', 'lesson'))).toBe('123456789');
  });
});

describe('disguises (A-MSK-02)', () => {
  const mask = maskOf('credit_card');

  it.each([
    ['full width', '４１１１１１１１１１１１１１１１'],
    ['zero-width space', '4111\u200b1111\u200b1111\u200b1111'],
    ['soft hyphen', '4111\u00ad1111\u00ad1111\u00ad1111'],
    ['combining marks', '4\u03011\u03011\u03011111111111111'.padEnd(19, '1').slice(0, 19)],
    ['Arabic digits', '٤١١١١١١١١١١١١١١١'],
    ['Devanagari digits', '४१११११११११११११११'],
    ['mathematical digits', '𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏'],
    ['circled digits', '④①①①①①①①①①①①①①①①'],
    ['no-break spaces', '4111\u00a01111\u00a01111\u00a01111'],
    ['figure dashes', '4111‒1111‒1111‒1111'],
    ['byte order mark', '4111\ufeff1111\ufeff1111\ufeff1111'],
  ])('finds a card in %s', (_name, value) => {
    expect(apply(mask, value)).toBe('[redacted]');
    expect(apply(mask, `Größe: ${value} 漢字`)).toBe('Größe: [redacted] 漢字');
  });

  it('finds addresses in full width', () => {
    expect(apply(maskOf('email'), 'ｊｏｈｎ＠ｅｘａｍｐｌｅ．ｃｏｍ!')).toBe('[redacted]!');
  });
});
