/**
 * The built-in detectors: what each finds and which words beside a value speak for it. `context` words are compared with
 * names of columns, keys of JSON and neighbouring words, each brought to the form `_card_number_`.
 *
 * `needs` tells when a detector fires: `nothing`: the form or its check digits suffice; `layout`: where it is written in its
 * usual layout, bare digits need context; `context`: only beside words that speak for it.
 */
import { contextPattern } from './context.ts';

export interface DetectorDefinition {
  /** What it finds and how sure it is, for the reference. */
  readonly description: string;
  readonly needs: 'nothing' | 'layout' | 'context';
  readonly context: readonly string[];
}

const secretWords = [
  'token',
  'secret',
  'password',
  'passwd',
  'passphrase',
  'passcode',
  'pwd',
  'pass',
  'key',
  'apikey',
  'api_key',
  'credential',
  'credentials',
  'auth',
  'authorization',
  'bearer',
  'private',
  'signature',
];

const define = <Name extends string>(
  table: Readonly<Record<Name, DetectorDefinition>>,
): Readonly<Record<Name, DetectorDefinition>> => table;

const provider = (description: string): DetectorDefinition => ({ description, needs: 'nothing', context: [] });

export const detectors = define({
  credit_card: {
    description: 'Payment card numbers of the large brands, 13 to 19 digits with Luhn check digit.',
    needs: 'nothing',
    context: [
      'card',
      'cards',
      'cc',
      'pan',
      'creditcard',
      'credit',
      'debit',
      'ccn',
      'ccnum',
      'card_number',
      'cardnumber',
      'visa',
      'mastercard',
      'amex',
      'karte',
      'kreditkarte',
      'carte',
      'tarjeta',
      'carta',
      'payment',
    ],
  },
  iban: {
    description: 'International bank account numbers, with the length of their country and check digits.',
    needs: 'nothing',
    context: ['iban', 'account', 'konto', 'kontonummer', 'compte', 'cuenta', 'conto', 'bank'],
  },
  email: { description: 'E-mail addresses.', needs: 'nothing', context: ['email', 'mail', 'e_mail'] },
  phone: {
    description: 'Telephone numbers: international ones that exist, North American layouts, others in context.',
    needs: 'layout',
    context: [
      'phone',
      'phones',
      'telephone',
      'tel',
      'mobile',
      'mobil',
      'cell',
      'cellphone',
      'fax',
      'call',
      'msisdn',
      'telefon',
      'handy',
      'telefono',
      'portable',
      'whatsapp',
      'sms',
      'contact',
      'phonenumber',
      'rufnummer',
    ],
  },
  ip_address: {
    description: 'Addresses of IP version 4 and 6.',
    needs: 'nothing',
    context: [
      'ip',
      'ipv4',
      'ipv6',
      'address',
      'addr',
      'host',
      'client',
      'remote',
      'source',
      'peer',
      'gateway',
      'server',
    ],
  },
  us_ssn: {
    description: 'United States social security numbers: 123-45-6789, or nine digits in context.',
    needs: 'layout',
    context: ['ssn', 'social', 'social_security', 'socialsecurity', 'ss', 'tax_id', 'taxid', 'tin', 'itin'],
  },
  uk_nino: {
    description: 'United Kingdom national insurance numbers.',
    needs: 'layout',
    context: ['nino', 'ni', 'insurance', 'national_insurance', 'ni_number'],
  },
  uk_nhs: {
    description: 'United Kingdom NHS numbers, with check digit: 943 476 5919, or ten digits in context.',
    needs: 'layout',
    context: ['nhs', 'patient', 'health', 'nhs_number'],
  },
  de_steuer_id: {
    description: 'German tax identification numbers, with check digit.',
    needs: 'layout',
    context: [
      'steuer',
      'steuerid',
      'steuer_id',
      'steuernummer',
      'idnr',
      'identifikationsnummer',
      'tax',
      'tax_id',
      'tin',
      'idno',
    ],
  },
  de_rentenversicherung: {
    description: 'German pension insurance numbers, with date and check digit.',
    needs: 'nothing',
    context: [
      'rente',
      'rentenversicherung',
      'rentenversicherungsnummer',
      'rvnr',
      'sozialversicherung',
      'sozialversicherungsnummer',
      'svnr',
      'pension',
    ],
  },
  fr_nir: {
    description: 'French social security numbers (NIR), with key.',
    needs: 'nothing',
    context: ['nir', 'secu', 'securite', 'sociale', 'insee', 'social', 'ss'],
  },
  es_dni_nie: {
    description: 'Spanish DNI and NIE, with check letter.',
    needs: 'layout',
    context: ['dni', 'nie', 'nif', 'identidad', 'documento', 'id'],
  },
  it_codice_fiscale: {
    description: 'Italian tax codes, with check letter.',
    needs: 'nothing',
    context: ['codice', 'fiscale', 'cf', 'codicefiscale', 'tax'],
  },
  nl_bsn: {
    description: 'Dutch citizen service numbers, with check digit; in context.',
    needs: 'context',
    context: ['bsn', 'burgerservicenummer', 'sofi', 'sofinummer', 'citizen'],
  },
  pl_pesel: {
    description: 'Polish PESEL, with date and check digit; in context.',
    needs: 'context',
    context: ['pesel'],
  },
  br_cpf: {
    description: 'Brazilian CPF, with check digits: 123.456.789-09, or eleven digits in context.',
    needs: 'layout',
    context: ['cpf', 'contribuinte', 'documento', 'tax_id'],
  },
  br_cnpj: {
    description: 'Brazilian CNPJ, with check digits: 12.345.678/0001-95, or fourteen digits in context.',
    needs: 'layout',
    context: ['cnpj', 'empresa', 'documento', 'tax_id'],
  },
  in_aadhaar: {
    description: 'Indian Aadhaar numbers, with check digit: 2345 6789 0124, or twelve digits in context.',
    needs: 'layout',
    context: ['aadhaar', 'aadhar', 'adhaar', 'uid', 'uidai'],
  },
  in_pan: {
    description: 'Indian permanent account numbers of taxpayers.',
    needs: 'layout',
    context: ['pan', 'permanent', 'tax', 'pan_number', 'income'],
  },
  ca_sin: {
    description: 'Canadian social insurance numbers, with check digit: 046-454-286, others in context.',
    needs: 'layout',
    context: ['sin', 'nas', 'social', 'insurance', 'social_insurance'],
  },
  au_tfn: {
    description: 'Australian tax file numbers, with check digit; in context.',
    needs: 'context',
    context: ['tfn', 'tax', 'tax_file', 'taxfile', 'ato'],
  },
  au_medicare: {
    description: 'Australian Medicare numbers, with check digit; in context.',
    needs: 'context',
    context: ['medicare', 'health', 'patient'],
  },
  za_id: {
    description: 'South African identity numbers, with date and check digit.',
    needs: 'nothing',
    context: ['id', 'identity', 'idnumber', 'id_number', 'rsa', 'said'],
  },
  se_personnummer: {
    description: 'Swedish personal identity numbers, with date and check digit: 811218-9876, or bare in context.',
    needs: 'layout',
    context: ['personnummer', 'pnr', 'personnr', 'samordningsnummer', 'person', 'ssn', 'personal'],
  },
  fi_hetu: {
    description: 'Finnish personal identity codes, with date and check character.',
    needs: 'nothing',
    context: ['hetu', 'henkilotunnus', 'sotu', 'ssn', 'identity'],
  },
  cn_resident_id: {
    description: 'Chinese resident identity numbers, with date and check character.',
    needs: 'nothing',
    context: ['id', 'identity', 'resident', 'shenfenzheng', '身份证', '身份证号'],
  },
  jp_my_number: {
    description: 'Japanese individual numbers, with check digit; in context.',
    needs: 'context',
    context: ['mynumber', 'my_number', 'individual_number', 'kojin', 'bango', 'マイナンバー', '個人番号'],
  },
  kr_rrn: {
    description: 'Korean resident registration numbers, with date: 900101-1234567, or thirteen digits in context.',
    needs: 'layout',
    context: ['rrn', 'resident', 'registration', 'jumin', '주민등록번호', '주민번호'],
  },
  mx_curp: {
    description: 'Mexican CURP, with date and check digit.',
    needs: 'nothing',
    context: ['curp'],
  },
  tr_kimlik: {
    description: 'Turkish identity numbers, with check digits; in context.',
    needs: 'context',
    context: ['tckn', 'kimlik', 'tc', 'tc_kimlik', 'vatandaslik'],
  },
  date_of_birth: {
    description: 'Dates of birth, in context; values of date columns that are named so.',
    needs: 'context',
    context: [
      'dob',
      'birth',
      'birthday',
      'birthdate',
      'born',
      'dateofbirth',
      'date_of_birth',
      'geburtsdatum',
      'geburtstag',
      'geboren',
      'naissance',
      'ne_le',
      'nee_le',
      'nacimiento',
      'nascita',
      'nascimento',
      'urodzenia',
      'geboortedatum',
      'bday',
    ],
  },
  aws_key: provider('Keys of Amazon Web Services: access key ids, and secrets beside them.'),
  azure_key: provider('Keys of Azure: storage account keys, client secrets, shared access signatures.'),
  gcp_key: provider('Keys of Google: API keys, OAuth client secrets and access tokens.'),
  github_token: provider('Tokens of GitHub.'),
  gitlab_token: provider('Tokens of GitLab.'),
  slack_token: provider('Tokens and webhooks of Slack.'),
  stripe_key: provider('Secret and restricted keys of Stripe, and its webhook secrets.'),
  model_api_key: provider('Keys of model providers that begin with sk-, hf_, gsk_, r8_ or pplx-.'),
  npm_token: provider('Tokens of npm.'),
  pypi_token: provider('Tokens of PyPI.'),
  twilio_key: provider('API keys of Twilio, and its tokens beside their account.'),
  sendgrid_key: provider('Keys of SendGrid.'),
  service_token: provider(
    'Tokens of other services by their prefix: DigitalOcean, Shopify, Mailgun, Telegram, Vault, Databricks, Docker, Square, Linear, Notion, Doppler, Atlassian, Heroku, Grafana, New Relic, PlanetScale, age.',
  ),
  url_password: provider('Passwords within URLs: scheme://name:password@host.'),
  private_key: provider('Private keys in PEM, whole or cut off.'),
  jwt: provider('JSON Web Tokens, signed or encrypted.'),
  high_entropy: {
    description: 'Random-looking words in columns, keys or assignments that are named as secrets.',
    needs: 'context',
    context: secretWords,
  },
});

export type DetectorName = keyof typeof detectors;

export const detectorNames = Object.keys(detectors) as DetectorName[];

const secrets: readonly DetectorName[] = [
  'aws_key',
  'azure_key',
  'gcp_key',
  'github_token',
  'gitlab_token',
  'slack_token',
  'stripe_key',
  'model_api_key',
  'npm_token',
  'pypi_token',
  'twilio_key',
  'sendgrid_key',
  'service_token',
  'url_password',
  'private_key',
  'jwt',
  'high_entropy',
];
const nationalIds = detectorNames.filter((name) => /^[a-z]{2}_/.test(name));

/** Names that stand for several detectors. */
export const groups = {
  secret: secrets,
  national_id: nationalIds,
  pii: [...nationalIds, 'credit_card', 'iban', 'email', 'phone', 'ip_address', 'date_of_birth'] as DetectorName[],
} as const satisfies Readonly<Record<string, readonly DetectorName[]>>;

/** The detectors that a name in `detect` stands for; null where there is no such name. */
export function expandDetector(name: string): readonly DetectorName[] | null {
  if (Object.hasOwn(groups, name)) return groups[name as keyof typeof groups];
  return Object.hasOwn(detectors, name) ? [name as DetectorName] : null;
}

export const contextPatterns: ReadonlyMap<DetectorName, RegExp> = new Map(
  detectorNames
    .filter((name) => detectors[name].context.length > 0)
    .map((name) => [name, contextPattern(detectors[name].context)]),
);
