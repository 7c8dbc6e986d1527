/**
 * Keys and tokens: by the prefixes that providers give them, by their structure, and by how random a word looks where a
 * name says that it is a secret.
 *
 * Invariant: every expression is bounded, and anchored by a literal prefix at the beginning of a word (A-MSK-01).
 */
import { wordsOf } from './context.ts';
import type { DetectorName } from './table.ts';

export interface TokenRule {
  readonly detector: DetectorName;
  /** The first group is what is found; without a group, the whole match. */
  readonly expression: RegExp;
  /** One of these is in whatever it finds, in lower case. */
  readonly hints: readonly string[];
}

const begin = '(?<![A-Za-z0-9])';
const rule = (detector: DetectorName, hints: string, body: string, flags = ''): TokenRule => ({
  detector,
  expression: new RegExp(`${begin}(?:${body})`, `dg${flags}`),
  hints: hints.split(' '),
});
const beside = (names: string, body: string): string =>
  `(?:${names})[\\w.-]{0,30}["']?[ \\t]{0,3}(?:=|:|=>|:=)[ \\t]{0,3}["']?(${body})(?![A-Za-z0-9/+=])`;

export const tokenRules: readonly TokenRule[] = [
  rule(
    'aws_key',
    'akia asia abia acca agpa aida aroa anpa anva',
    '(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA|ANVA)[A-Z2-7]{16}(?![A-Za-z0-9])',
  ),
  rule('aws_key', 'aws amazon access', beside('aws|amazon|secret_?access_?key', '[A-Za-z0-9/+]{40}'), 'i'),
  rule(
    'azure_key',
    'accountkey= sharedaccesskey= sharedsecretvalue=',
    '(?:AccountKey|SharedAccessKey|SharedSecretValue)=([A-Za-z0-9+/]{43,88}={0,2})',
  ),
  rule('azure_key', 'q~', '[A-Za-z0-9_~.-]{3}\\dQ~[A-Za-z0-9_~.-]{31,34}'),
  rule('azure_key', 'sig=', 'sig=([A-Za-z0-9%+/]{43,80}(?:%3D|=)?)', 'i'),
  rule('gcp_key', 'aiza', 'AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9])'),
  rule('gcp_key', 'gocspx-', 'GOCSPX-[A-Za-z0-9_-]{28}'),
  rule('gcp_key', 'ya29.', 'ya29\\.[A-Za-z0-9_-]{20,2048}'),
  rule('github_token', 'ghp_ gho_ ghu_ ghs_ ghr_', '(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{36,255}'),
  rule('github_token', 'github_pat_', 'github_pat_[A-Za-z0-9_]{22,255}'),
  rule(
    'gitlab_token',
    'glpat- gldt- glrt- glft- glsoat- glcbt- glptt- glimt- glagent-',
    '(?:glpat|gldt|glrt|glft|glsoat|glcbt|glptt|glimt|glagent)-[A-Za-z0-9_.-]{20,255}',
  ),
  rule('slack_token', 'xox', 'xox[abeoprs]-[A-Za-z0-9-]{10,255}'),
  rule('slack_token', 'xapp-', 'xapp-\\d-[A-Za-z0-9-]{10,255}'),
  rule('slack_token', 'hooks.slack', 'hooks\\.slack\\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_+-]{20,255})'),
  rule('stripe_key', 'sk_ rk_', '(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,255}'),
  rule('stripe_key', 'whsec_', 'whsec_[A-Za-z0-9+/=]{24,255}'),
  rule('model_api_key', 'sk-', 'sk-(?:proj-|svcacct-|admin-|ant-|or-|None-)?[A-Za-z0-9_-]{20,255}'),
  rule(
    'model_api_key',
    'hf_ gsk_ r8_ pplx-',
    '(?:hf|gsk)_[A-Za-z0-9]{30,255}|r8_[A-Za-z0-9]{37}|pplx-[A-Za-z0-9]{32,64}',
  ),
  rule('npm_token', 'npm_', 'npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])'),
  rule('npm_token', '_authtoken', '_authToken\\s?=\\s?([A-Za-z0-9_-]{20,255})'),
  rule('pypi_token', 'pypi-', 'pypi-[A-Za-z0-9_-]{50,512}'),
  rule('twilio_key', 'sk', 'SK[0-9a-f]{32}(?![A-Za-z0-9])'),
  rule('twilio_key', 'twilio', beside('twilio', '[0-9a-f]{32}'), 'i'),
  rule('sendgrid_key', 'sg.', 'SG\\.[A-Za-z0-9_-]{16,64}\\.[A-Za-z0-9_-]{16,64}'),
  rule('service_token', '_v1_', 'do[opr]_v1_[0-9a-f]{64}'),
  rule('service_token', 'shp', 'shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}'),
  rule('service_token', 'key-', 'key-[0-9a-f]{32}(?![A-Za-z0-9])'),
  rule('service_token', ':aa', '\\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])'),
  rule('service_token', 'hvs. hvb. hvr.', 'hv[sbr]\\.[A-Za-z0-9_-]{24,255}'),
  rule('service_token', 'dapi', 'dapi[0-9a-f]{32}(?:-\\d)?(?![A-Za-z0-9])'),
  rule('service_token', 'dckr_pat_', 'dckr_pat_[A-Za-z0-9_-]{27}'),
  rule('service_token', 'eaaa sq0csp- sq0atp-', '(?:EAAA|sq0csp-|sq0atp-)[A-Za-z0-9_-]{22,60}'),
  rule('service_token', 'lin_', 'lin_(?:api|oauth)_[A-Za-z0-9]{32,64}'),
  rule('service_token', 'ntn_ secret_', '(?:ntn|secret)_[A-Za-z0-9]{43,50}(?![A-Za-z0-9])'),
  rule('service_token', 'dp.', 'dp\\.(?:pt|st|ct|sa)\\.[A-Za-z0-9_.-]{40,64}'),
  rule('service_token', 'atatt3', 'ATATT3[A-Za-z0-9_=-]{100,255}'),
  rule('service_token', 'hrku-', 'HRKU-[A-Za-z0-9_-]{36,60}'),
  rule('service_token', 'glc_ glsa_', 'gl(?:c|sa)_[A-Za-z0-9+/_=]{32,255}'),
  rule('service_token', 'nrak-', 'NRAK-[A-Z0-9]{27}'),
  rule('service_token', 'pscale_', 'pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64}'),
  rule('service_token', 'age-secret-key-1', 'AGE-SECRET-KEY-1[0-9A-Z]{58}'),
  rule('url_password', '://', '[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\\s:/?#@\\[\\]"\']{0,128}:([^\\s/?#@"\']{1,256})@'),
  rule('jwt', 'eyj', 'eyJ[A-Za-z0-9_-]{8,4096}(?:\\.[A-Za-z0-9_-]{0,8192}){2,4}'),
];

/** What some rule begins with, or has early: whether the rules are worth running. */
export const tokenHints =
  /A(?:KIA|SIA|BIA|CCA|GPA|IDA|ROA|NPA|NVA|TATT3|Iza|GE-S)|Iza|aws|amazon|secret|Key=|Value=|Q~|sig=|GOCSPX|ya29|gh[pousr]_|github_pat|gl(?:pat|dt|rt|ft|soat|cbt|ptt|imt|agent)-|xox|xapp|slack|[sr]k_|whsec|sk-|hf_|gsk_|r8_|pplx|npm_|_auth|pypi|SK|twilio|SG\.|do[opr]_v1|shp|key-|:AA|hv[sbr]\.|dapi|dckr|EAAA|sq0|lin_|ntn_|dp\.|HRKU|gl(?:c|sa)_|NRAK|pscale|:\/\/|eyJ/i;

/** A PEM block of a private key: to its end, or to the end of what looks like one. */
export const privateKeyBegin = /-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
export const privateKeyEnd = /-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;

/** The first character that no PEM block has, escapes like `\n` included. */
export const notPem = /[^A-Za-z0-9+/=\s\\:,-]/g;

/** `password = …`, `"token": "…"`, `Authorization: Bearer …`: the last group is the secret. */
export const assignment =
  /(?<![A-Za-z])((?:[A-Za-z0-9]{1,20}[_.-]){0,3}(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|credentials?|auth(?:orization)?|bearer)[A-Za-z0-9_.-]{0,20})["']?[ \t]{0,3}(?:=>|:=|[:=])[ \t]{0,3}(?:bearer |basic |token )?["']?((?:[^\s"',;<>&]|&(?![A-Za-z0-9_]{1,30}=)){6,512})/dgi;
export const bearer = /(?<![A-Za-z])(?:bearer|basic)[ \t]{1,3}([A-Za-z0-9_.~+/=-]{16,4096})/dgi;

/** Bits a character, by how often each stands in the word. */
export function entropyOf(word: string): number {
  const counts = new Map<string, number>();
  for (const character of word) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / word.length) * Math.log2(count / word.length);
  return bits;
}

function classesOf(word: string): number {
  return (
    Number(/[a-z]/.test(word)) +
    Number(/[A-Z]/.test(word)) +
    Number(/\d/.test(word)) +
    Number(/[^A-Za-z0-9]/.test(word))
  );
}

/** What masks leave behind: finding it again would change it again. */
export const maskedAlready = /^\[redacted\]|^\[[A-Za-z0-9_-]{1,40}:[a-p]{16}\]|\*{8}/;

/** Whether a word looks random, rather than like a word, a number, a date, a path or a placeholder. */
export function looksRandom(word: string): boolean {
  if (word.length < 8 || maskedAlready.test(word)) return false;
  if (/^(?:true|false|null|none|undefined|example|changeme|placeholder|\$\{?|\{\{|<|%[({])/i.test(word)) return false;
  if (/^[\d.:/-]+$/.test(word) || /^(?:https?|file|s3|gs):\/\//i.test(word)) return false;
  const classes = classesOf(word);
  if (classes < 2) return word.length >= 20 && entropyOf(word) >= 3.6;
  const bits = entropyOf(word);
  if (/\d/.test(word) || /[^A-Za-z0-9_.-]/.test(word)) return bits >= 2.5;
  return bits >= 3.5;
}

/** Whether a column holds nothing but secrets by its name. */
export function holdsSecrets(column: string): boolean {
  return /_(?:password|passwd|pwd|passphrase|passcode|secret|client_secret|api_key|apikey|secret_key|private_key|access_token|refresh_token|auth_token|credential|credentials)_$/.test(
    wordsOf(column),
  );
}
