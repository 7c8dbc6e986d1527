/**
 * The labelled corpus that detection is measured on: made anew from a seed, so that nobody's data is in it and anybody can
 * make it again.
 *
 * Three kinds of items: *positives* (a value that is what a detector looks for, in a place where people keep it), *hard
 * negatives* (what looks like one and is not), and *known misses* (what a person would recognise and the detectors do not;
 * they are counted apart, so that the table does not flatter).
 *
 * Deliberately absent: real data; a claim that the mix of this corpus is that of your database.
 */
import { letteredRules } from '../detectors/lettered.ts';
import { numberRules } from '../detectors/numbers.ts';
import { type DetectorName, detectorNames, detectors } from '../detectors/table.ts';
import { luhnDigit } from '../keyed.ts';
import { remainder97 } from '../detectors/checksums.ts';

export interface CorpusItem {
  readonly column: string;
  readonly text: string;
  /** The detector whose value stands at `start` to `end`; null: nothing sensitive is in it. */
  readonly label: DetectorName | null;
  readonly start: number;
  readonly end: number;
  /** Set for known misses: why it is missed. */
  readonly miss: string | null;
}

/** Mulberry32: small, good enough for texts, the same everywhere. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number below `most`. */
  below(most: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * most);
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  text(alphabet: string, size: number): string {
    let text = '';
    for (let index = 0; index < size; index++) text += alphabet[this.below(alphabet.length)];
    return text;
  }

  digits(size: number): string {
    return this.text('0123456789', size);
  }
}

const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const lower = upper.toLowerCase();
const alnum = `${upper}${lower}0123456789`;
const hex = '0123456789abcdef';

/** Digits set in a layout: "3-2-4". */
function inLayout(digits: string, layout: string): string {
  let at = 0;
  return layout.replace(/\d+/g, (size) => {
    const part = digits.slice(at, at + Number(size));
    at += Number(size);
    return part;
  });
}

function until(dice: Dice, make: () => string, passes: (text: string) => boolean): string {
  for (let tries = 0; tries < 100_000; tries++) {
    const text = make();
    if (passes(text)) return text;
  }
  throw new Error(`nothing passes after 100,000 tries (${dice.below(10)})`);
}

function date(dice: Dice): { year: string; month: string; day: string } {
  const two = (number: number): string => String(number).padStart(2, '0');
  return { year: String(1935 + dice.below(75)), month: two(1 + dice.below(12)), day: two(1 + dice.below(28)) };
}

/** Numbers whose random digits would hardly ever pass get their dates put in. */
function seedDigits(dice: Dice, by: DetectorName, size: number): string {
  const { year, month, day } = date(dice);
  const short = year.slice(2) + month + day;
  switch (by) {
    case 'credit_card': {
      const prefix = dice.of(size === 15 ? ['34', '37'] : size === 14 ? ['36', '38'] : size === 13 || size === 19 ? ['4'] : ['4', '51', '55', '2221', '6011', '65', '3528', '62']);
      const body = prefix + dice.digits(size - prefix.length - 1);
      return body + luhnDigit(body);
    }
    case 'fr_nir': {
      const body = `${dice.of(['1', '2'])}${year.slice(2)}${month}${dice.of(['75', '13', '69', '33'])}${dice.digits(6)}`;
      return body + String(97 - (Number(body) % 97)).padStart(2, '0');
    }
    case 'pl_pesel':
      return (Number(year) >= 2000 ? year.slice(2) + String(Number(month) + 20) + day : short) + dice.digits(5);
    case 'za_id':
      return `${short}${dice.digits(4)}${dice.of(['0', '1'])}8${dice.digits(1)}`;
    case 'se_personnummer':
      return (size === 12 ? year.slice(0, 2) : '') + short + dice.digits(4);
    case 'cn_resident_id':
      return `${dice.of(['110105', '310104', '440301'])}${year}${month}${day}${dice.digits(4)}`;
    case 'kr_rrn':
      return `${short}${Number(year) >= 2000 ? dice.of(['3', '4']) : dice.of(['1', '2'])}${dice.digits(6)}`;
    case 'de_steuer_id': {
      const nine = [...'123456789'].sort(() => dice.below(2) - 0.5);
      const twice = nine[dice.below(9)]!;
      return nine.join('') + twice + dice.digits(1);
    }
    default:
      return dice.digits(size);
  }
}

function numberValue(dice: Dice, by: DetectorName, layouts: readonly string[]): string {
  const rule = numberRules.find(({ detector }) => detector === by)!;
  const layout = dice.of(layouts);
  const size = layout.split(/\D/).reduce((sum, part) => sum + Number(part), 0);
  return inLayout(until(dice, () => seedDigits(dice, by, size), (digits) => rule.check(digits)), layout);
}

function letteredValue(dice: Dice, by: DetectorName): string {
  const rule = letteredRules.find(({ detector }) => detector === by)!;
  const { year, month, day } = date(dice);
  const short = year.slice(2) + month + day;
  const consonants = 'BCDFGHJKLMNPQRSTVWXYZ';
  const make = (): string => {
    switch (by) {
      case 'uk_nino':
        return dice.text('ABCEHJKLMPRSTWXYZ', 2) + (dice.below(2) === 0 ? dice.digits(6) : ` ${dice.digits(2)} ${dice.digits(2)} ${dice.digits(2)} `) + dice.text('ABCD', 1);
      case 'es_dni_nie':
        return dice.of([`${dice.digits(8)}`, `X${dice.digits(7)}`, `Y${dice.digits(7)}`]) + dice.of(['', '-']) + dice.text('TRWAGMYFPDXBNJZSQVHLCKE', 1);
      case 'it_codice_fiscale':
        return dice.text(consonants, 6) + year.slice(2) + dice.text('ABCDEHLMPRST', 1) + day + dice.text(upper, 1) + dice.digits(3) + dice.text(upper, 1);
      case 'in_pan':
        return dice.text(upper, 3) + dice.of(['P', 'C', 'H']) + dice.text(upper, 1) + dice.digits(4) + dice.text(upper, 1);
      case 'fi_hetu':
        return day + month + year.slice(2) + (Number(year) >= 2000 ? 'A' : '-') + dice.digits(3) + dice.text('0123456789ABCDEFHJKLMNPRSTUVWXY', 1);
      case 'mx_curp':
        return dice.text(consonants, 1) + dice.text('AEIOU', 1) + dice.text(consonants, 2) + short + dice.of(['H', 'M']) + dice.of(['DF', 'JC', 'NL']) + dice.text(consonants, 3) + dice.of(['0', 'A']) + dice.digits(1);
      default:
        return `${dice.of(['65', '12', '53'])}${day}${month}${year.slice(2)}${dice.text(upper, 1)}${dice.digits(3)}`;
    }
  };
  return until(dice, make, (text) => {
    const compact = text.replace(by === 'fi_hetu' ? / /g : /[ -]/g, '');
    return text.match(rule.expression)?.[0] === text && rule.check(compact) !== null;
  });
}

function iban(dice: Dice): string {
  const [country, body] = dice.of([
    ['DE', () => dice.digits(18)],
    ['GB', () => dice.text(upper, 4) + dice.digits(14)],
    ['FR', () => dice.digits(10) + dice.text(`${upper}0123456789`, 11) + dice.digits(2)],
    ['NL', () => dice.text(upper, 4) + dice.digits(10)],
    ['ES', () => dice.digits(20)],
    ['PL', () => dice.digits(24)],
  ] as const);
  const account = body();
  const check = String(98 - remainder97(`${account}${country}00`)).padStart(2, '0');
  const whole = country + check + account;
  return dice.below(2) === 0 ? whole : whole.replace(/(.{4})(?=.)/g, '$1 ');
}

const firstNames = ['alice', 'bob', 'carol', 'dmitri', 'eva', 'farid', 'grace', 'hiro', 'ines', 'jan'];
const lastNames = ['miller', 'novak', 'garcia', 'tanaka', 'dubois', 'rossi', 'singh', 'kowalski'];

const makers: Partial<Record<DetectorName, (dice: Dice) => string>> = {
  iban,
  email: (dice) => `${dice.of(firstNames)}${dice.of(['.', '_', '+', ''])}${dice.of(lastNames)}${dice.below(90)}@${dice.of(['example.com', 'mail.example.org', 'firma.example.de', 'sub.domain.co.uk'])}`,
  phone: (dice) => dice.of([
    () => `+1 ${dice.of(['212', '415', '206'])}-${dice.of(['555', '734', '262'])}-${dice.digits(4)}`,
    () => `+49 30 ${dice.of(['2', '4', '9'])}${dice.digits(6)}`,
    () => `+44 20 7${dice.digits(3)} ${dice.digits(4)}`,
    () => `+33 6 ${dice.of(['12', '45', '78'])} ${dice.digits(2)} ${dice.digits(2)} ${dice.digits(2)}`,
    () => `(${dice.of(['212', '415', '206'])}) ${dice.of(['555', '734', '262'])}-${dice.digits(4)}`,
    () => `${dice.of(['212', '415', '206'])}-${dice.of(['555', '734', '262'])}-${dice.digits(4)}`,
  ])(),
  ip_address: (dice) => dice.of([
    () => `${1 + dice.below(223)}.${dice.below(256)}.${dice.below(256)}.${dice.below(256)}`,
    () => `2001:db8:${dice.text(hex, 4)}:${dice.text(hex, 4)}::${dice.text('123456789', 2)}`,
    () => Array.from({ length: 8 }, () => dice.text(hex, 4)).join(':'),
  ])(),
  date_of_birth: (dice) => {
    const { year, month, day } = date(dice);
    return dice.of([`${year}-${month}-${day}`, `${day}.${month}.${year}`, `${month}/${day}/${year}`, `${Number(day)} March ${year}`]);
  },
  aws_key: (dice) => `${dice.of(['AKIA', 'ASIA'])}${dice.text('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)}`,
  azure_key: (dice) => `${dice.text(alnum, 86)}==`,
  gcp_key: (dice) => `AIza${dice.text(alnum, 35)}`,
  github_token: (dice) => `${dice.of(['ghp', 'gho', 'ghs'])}_${dice.text(alnum, 36)}`,
  gitlab_token: (dice) => `glpat-${dice.text(alnum, 20)}`,
  slack_token: (dice) => `xoxb-${dice.digits(12)}-${dice.digits(12)}-${dice.text(alnum, 24)}`,
  stripe_key: (dice) => `${dice.of(['sk', 'rk'])}_${dice.of(['live', 'test'])}_${dice.text(alnum, 24)}`,
  model_api_key: (dice) => dice.of([`sk-proj-${dice.text(alnum, 48)}`, `sk-${dice.text(alnum, 48)}`, `hf_${dice.text(alnum, 34)}`]),
  npm_token: (dice) => `npm_${dice.text(alnum, 36)}`,
  pypi_token: (dice) => `pypi-AgEIcHlwaS5vcmc${dice.text(alnum, 80)}`,
  twilio_key: (dice) => `SK${dice.text(hex, 32)}`,
  sendgrid_key: (dice) => `SG.${dice.text(alnum, 22)}.${dice.text(alnum, 43)}`,
  service_token: (dice) => dice.of([`dop_v1_${dice.text(hex, 64)}`, `shpat_${dice.text(hex, 32)}`, `hvs.${dice.text(alnum, 40)}`, `dapi${dice.text(hex, 32)}`]),
  url_password: (dice) => `${dice.text(alnum, 12)}!`,
  private_key: (dice) => `-----BEGIN PRIVATE KEY-----\n${dice.text(alnum, 64)}\n${dice.text(alnum, 40)}==\n-----END PRIVATE KEY-----`,
  jwt: (dice) => `eyJ${dice.text(alnum, 33)}.eyJ${dice.text(alnum, 60)}.${dice.text(alnum, 43)}`,
  high_entropy: (dice) => dice.text(`${alnum}!%^*`, 14 + dice.below(20)),
};

/** Detectors whose value is made of digits in layouts, and the layouts that suffice without a word beside them. */
const bareLayouts: Partial<Record<DetectorName, readonly string[]>> = {
  credit_card: ['16', '4 4 4 4', '4-4-4-4', '15', '4 6 5', '14', '13', '19'],
  us_ssn: ['3-2-4'],
  uk_nhs: ['3 3 4'],
  de_steuer_id: ['2 3 3 3'],
  fr_nir: ['15', '1 2 2 2 3 3 2', '13 2'],
  br_cpf: ['3.3.3-2'],
  br_cnpj: ['2.3.3/4-2'],
  in_aadhaar: ['4 4 4'],
  ca_sin: ['3-3-3'],
  za_id: ['13'],
  se_personnummer: ['6-4', '8-4'],
  cn_resident_id: ['18'],
  kr_rrn: ['6-7'],
};
const contextLayouts: Partial<Record<DetectorName, readonly string[]>> = {
  us_ssn: ['9', '3 2 4'],
  uk_nhs: ['10'],
  de_steuer_id: ['11'],
  nl_bsn: ['9', '4 2 3'],
  pl_pesel: ['11'],
  br_cpf: ['11'],
  br_cnpj: ['14'],
  in_aadhaar: ['12'],
  ca_sin: ['9', '3 3 3'],
  au_tfn: ['9', '3 3 3'],
  au_medicare: ['10', '4 5 1'],
  se_personnummer: ['10', '12'],
  jp_my_number: ['12', '4 4 4'],
  kr_rrn: ['13'],
  tr_kimlik: ['11'],
};

function valueOf(dice: Dice, by: DetectorName, inContext: boolean): string | null {
  const make = makers[by];
  if (make !== undefined) return inContext || !['date_of_birth', 'high_entropy'].includes(by) ? make(dice) : null;
  if (letteredRules.some(({ detector }) => detector === by) && !(by in bareLayouts)) return letteredValue(dice, by);
  const layouts = inContext ? [...(contextLayouts[by] ?? []), ...(bareLayouts[by] ?? [])] : bareLayouts[by];
  return layouts === undefined ? null : numberValue(dice, by, layouts);
}

const fillers = ['the customer wrote again', 'please have a look', 'as agreed on the phone call', 'see the note of last week', 'forwarded to support', 'ok'];

/** A value where people keep it: alone in a column, labelled in a text, in a list, in a sentence. */
function positive(dice: Dice, by: DetectorName): CorpusItem {
  const { context } = detectors[by];
  const word = context.length === 0 ? '' : dice.of(context);
  // Words of two letters and those that mean many things are no label by themselves.
  const label = by === 'url_password' ? '' : word;
  const inContext = label !== '' && dice.below(2) === 0;
  const bare = inContext ? null : valueOf(dice, by, false);
  const value = bare ?? valueOf(dice, by, true)!;
  const needs = bare === null;
  const [before, after] =
    by === 'url_password' ? ['postgres://app:', '@db.example.com/app'] : by === 'azure_key' ? ['AccountKey=', ''] : ['', ''];
  const place = dice.below(4);
  let column = 'note';
  let lead = '';
  let tail = '';
  if (needs && place < 2) column = by === 'high_entropy' ? dice.of(['api_key', 'password', 'client_secret', 'access_token']) : label;
  else if (needs) {
    lead = by === 'high_entropy' ? dice.of(['password: ', 'api_key=', 'secret = "']) : `${label}: `;
    if (by === 'high_entropy' && lead.endsWith('"')) tail = '"';
  }
  if (!(needs && place < 2) && place % 2 === 0) {
    lead = `${dice.of(fillers)}, ${lead}`;
    tail += ` ${dice.of(fillers)}`;
  }
  if (!needs && place === 3) {
    lead = `${dice.below(1000)};${dice.of(firstNames)};`;
    tail = ';active';
  }
  lead += before;
  tail = after + tail;
  return { column, text: lead + value + tail, label: by, start: lead.length, end: lead.length + value.length, miss: null };
}

function uuid(dice: Dice): string {
  return `${dice.text(hex, 8)}-${dice.text(hex, 4)}-4${dice.text(hex, 3)}-a${dice.text(hex, 3)}-${dice.text(hex, 12)}`;
}

/** What looks like something and is not. */
const negatives: readonly ((dice: Dice) => readonly [column: string, text: string])[] = [
  (dice) => ['order_id', dice.digits(8 + dice.below(12))],
  (dice) => ['order_number', `ORD-${dice.digits(4)}-${dice.digits(6)}`],
  (dice) => ['note', `Order ${dice.digits(9 + dice.below(4))} was shipped`],
  (dice) => ['note', `Invoice no. ${dice.digits(10)} of 2024-${dice.text('123456789', 1)}-1`],
  (dice) => ['created_at', `2024-0${1 + dice.below(9)}-1${dice.below(10)} 1${dice.below(10)}:3${dice.below(10)}:${1 + dice.below(5)}${dice.below(10)}.${dice.digits(6)}+00`],
  (dice) => ['timestamp', `17${dice.digits(8)}`],
  (dice) => ['updated', `17${dice.digits(11)}`],
  (dice) => ['id', uuid(dice)],
  (dice) => ['note', `request ${uuid(dice)} failed`],
  (dice) => ['sha1', dice.text(hex, 40)],
  (dice) => ['checksum', dice.text(hex, 64)],
  (dice) => ['note', `commit ${dice.text(hex, 40)}`],
  (dice) => ['version', `${dice.below(20)}.${dice.below(20)}.${dice.below(100)}`],
  (dice) => ['note', `version ${dice.below(20)}.${dice.below(20)}.${dice.below(100)}.${dice.below(100)} installed`],
  (dice) => ['build', `${dice.below(20)}.${dice.below(20)}.${dice.below(100)}.${dice.below(100)}`],
  (dice) => ['tracking', `1Z${dice.text(`${upper}0123456789`, 16)}`],
  (dice) => ['tracking_number', dice.digits(12 + dice.below(10))],
  (dice) => ['price', `${dice.below(100_000)}.${dice.digits(2)}`],
  (dice) => ['latitude', `${dice.below(90)}.${dice.digits(7)}`],
  (dice) => ['note', `at ${dice.below(90)}.${dice.digits(6)}, -${dice.below(180)}.${dice.digits(6)}`],
  (dice) => ['isbn', `978-${dice.digits(1)}-${dice.digits(4)}-${dice.digits(4)}-${dice.digits(1)}`],
  (dice) => ['ean', `4${dice.digits(12)}`],
  (dice) => ['sku', `${dice.text(upper, 3)}-${dice.digits(5)}`],
  (dice) => ['file', `img_2024${dice.digits(10)}.png`],
  () => ['icon', 'logo@2x.png'],
  (dice) => ['package', `@scope/name@${dice.below(9)}.${dice.below(20)}.${dice.below(20)}`],
  (dice) => ['note', `Foo::Bar::baz at ${dice.below(24)}:30:15`],
  (dice) => ['mac', Array.from({ length: 6 }, () => dice.text(hex, 2)).join(':')],
  (dice) => ['amount', dice.digits(9)],
  (dice) => ['phone_model', `SM-G${dice.digits(3)}F`],
  (dice) => ['note', `see ticket ${dice.digits(5)}-${dice.digits(4)}`],
  (dice) => ['score', `0.${dice.digits(16)}`],
  (dice) => ['ratio', `${dice.digits(1)}.${dice.digits(15)}e-${dice.digits(2)}`],
  (dice) => ['session_count', dice.digits(10)],
  (dice) => ['lot', `LOT ${dice.digits(6)} ${dice.digits(4)}`],
  (dice) => ['range', `${dice.digits(4)}-${dice.digits(4)}`],
  (dice) => ['url', `https://example.com/orders/${dice.digits(10)}?page=${dice.below(9)}`],
  () => ['note', 'the token bucket holds 100 requests; password: required'],
  () => ['settings', 'key: value; auth: none; token: null'],
  () => ['path', '/var/lib/postgresql/15/main/base/16384'],
  (dice) => ['page', `pages ${dice.below(100)}-${100 + dice.below(100)}, chapter ${dice.below(20)}.${dice.below(9)}`],
  (dice) => ['note', `total ${dice.digits(3)} ${dice.digits(3)} ${dice.digits(3)} EUR`],
  (dice) => ['population', `${dice.text('123456789', 3)} ${dice.digits(3)} ${dice.digits(3)}`],
  (dice) => ['note', `${dice.digits(4)} ${dice.digits(4)} ${dice.digits(4)}`],
  (dice) => ['meeting', `on ${dice.below(28) + 1}.05.2024 at 10:30`],
];

/** What a person recognises and the detectors do not. */
const misses: readonly ((dice: Dice) => Omit<CorpusItem, 'column' | 'start' | 'end'>)[] = [
  (dice) => ({ label: 'email', text: `${dice.of(firstNames)} at example dot com`, miss: 'spelled out' }),
  () => ({ label: 'credit_card', text: 'four one one one, one one one one, and so on', miss: 'spelled out' }),
  (dice) => ({ label: 'credit_card', text: `4111 1111 111`, miss: `split across cells${dice.below(1) === 0 ? '' : ' '}` }),
  (dice) => ({ label: 'iban', text: `DЕ89 3704 0044 0532 0130 ${dice.below(1)}0`, miss: 'letters of another alphabet' }),
  (dice) => ({ label: 'us_ssn', text: dice.of(['512345678', '401234567']), miss: 'bare digits without a word beside them' }),
  (dice) => ({ label: 'phone', text: `0171 ${dice.digits(7)}`, miss: 'national layout without a word beside it' }),
  (dice) => ({ label: 'date_of_birth', text: `19${dice.of(['60', '72', '85'])}-04-12`, miss: 'a date that nothing calls one of birth' }),
  (dice) => ({ label: 'high_entropy', text: dice.text(alnum, 24), miss: 'random characters that nothing calls a secret' }),
  () => ({ label: 'credit_card', text: '1111111111111114', miss: 'reversed' }),
  () => ({ label: 'email', text: Buffer.from('john@example.com').toString('base64'), miss: 'encoded in base64' }),
];

/** The corpus of a seed: `perDetector` positives for each detector, as many negatives in all, and the known misses. */
export function generateCorpus(seed: number, perDetector: number): CorpusItem[] {
  const dice = new Dice(seed);
  const items: CorpusItem[] = [];
  for (const by of detectorNames) for (let count = 0; count < perDetector; count++) items.push(positive(dice, by));
  const negativeCount = perDetector * detectorNames.length;
  for (let count = 0; count < negativeCount; count++) {
    const [column, text] = negatives[count % negatives.length]!(dice);
    items.push({ column, text, label: null, start: 0, end: 0, miss: null });
  }
  for (let count = 0; count < perDetector; count++) {
    for (const make of misses) {
      const item = make(dice);
      items.push({ ...item, column: 'note', start: 0, end: item.text.length });
    }
  }
  return items;
}
