/**
 * Running the rules of secrets.ts over a text: only around runs of characters that a key or token could be made of, so that
 * prose costs nothing and no rule walks through a whole text.
 */
import { traits } from '../prefilter.ts';
import type { Work } from '../work.ts';
import {
  assignment,
  bearer,
  holdsSecrets,
  looksRandom,
  maskedAlready,
  notPem,
  privateKeyBegin,
  privateKeyEnd,
  tokenHints,
  tokenRules,
} from './secrets.ts';
import { type DetectorName, groups } from './table.ts';

export const tokenDetectors: readonly DetectorName[] = groups.secret;

type Add = (by: DetectorName, start: number, end: number) => void;

/** Runs of key characters as long as the shortest tokens of providers; the prefilter's trait `token`. */
const runExpression = /[A-Za-z0-9_\-+/=.:~%@?&]{16,}/g;
const plainHex = /^[0-9A-Fa-f.:-]*$/;
/** How far before a run its name may stand: `aws_secret_access_key = "…`. */
const before = 64;

export function findTokens(
  text: string,
  column: string,
  has: number,
  names: ReadonlySet<DetectorName>,
  secretColumn: boolean,
  work: Work,
  add: Add,
): void {
  if (names.has('private_key') && text.includes('-----BEGIN ')) findPrivateKeys(text, work, add);
  if ((has & traits.token) !== 0) findProviderTokens(text, names, work, add);
  if (work.exhausted) return;
  if (names.has('url_password') && text.includes('://')) {
    for (const rule of tokenRules) {
      if (rule.detector === 'url_password') runRule(rule.expression, rule.detector, text, 0, work, add);
    }
  }
  if (!names.has('high_entropy') || work.exhausted) return;
  if (secretColumn) findRandomWords(text, column, work, add);
  else if ((has & (traits.assigned | traits.token)) !== 0) findAssignments(text, work, add);
}

function runRule(expression: RegExp, by: DetectorName, text: string, offset: number, work: Work, add: Add): void {
  if (!work.spend(text.length)) return;
  for (const match of text.matchAll(expression)) {
    const [start, end] = match.indices?.[1] ?? match.indices?.[0] ?? [match.index, match.index + match[0].length];
    if (!maskedAlready.test(text.slice(start, end))) add(by, offset + start, offset + end);
  }
}

function findProviderTokens(text: string, names: ReadonlySet<DetectorName>, work: Work, add: Add): void {
  if (!work.spend(text.length >> 1)) return;
  for (const run of text.matchAll(runExpression)) {
    const start = Math.max(0, run.index - before);
    const end = run.index + run[0].length;
    const part = text.slice(start, end);
    // A hash or UUID alone is none; beside a name it may be.
    if (!work.spend(part.length)) return;
    if (part.length === run[0].length && plainHex.test(part)) continue;
    if (!work.spend(part.length * 3 + 50)) return;
    if (!tokenHints.test(part)) continue;
    const lower = part.toLowerCase();
    for (const rule of tokenRules) {
      if (rule.detector === 'url_password' || !names.has(rule.detector)) continue;
      if (!work.spend(part.length >> 3)) return;
      if (!rule.hints.some((hint) => lower.includes(hint))) continue;
      runRule(rule.expression, rule.detector, part, start, work, add);
    }
  }
}

function findPrivateKeys(text: string, work: Work, add: Add): void {
  let from = 0;
  for (const begin of text.matchAll(privateKeyBegin)) {
    if (begin.index < from) continue;
    const body = begin.index + begin[0].length;
    privateKeyEnd.lastIndex = body;
    notPem.lastIndex = body;
    const stop = notPem.exec(text)?.index ?? text.length;
    const close = privateKeyEnd.exec(text);
    const end = close !== null && close.index <= stop + 64 ? close.index + close[0].length : stop;
    if (!work.spend(end - begin.index)) return;
    add('private_key', begin.index, end);
    from = end;
  }
}

/** A column that is named as a secret: words of it that look random, or all of it. */
function findRandomWords(text: string, column: string, work: Work, add: Add): void {
  const sure = holdsSecrets(column);
  if (!work.spend(text.length * 2)) return;
  if (sure && /^\S{4,512}$/.test(text) && !maskedAlready.test(text)) {
    add('high_entropy', 0, text.length);
    return;
  }
  for (const match of text.matchAll(/[^\s"',;<>]{8,512}/g)) {
    if (!work.spend(200 + match[0].length * 8)) return;
    if (!looksRandom(match[0]) || (!sure && match[0].length < 12)) continue;
    add('high_entropy', match.index, match.index + match[0].length);
  }
}

const assignmentHint = /pass|pwd|secret|token|key|cred|auth|bearer|basic/i;

function findAssignments(text: string, work: Work, add: Add): void {
  if (!work.spend(text.length)) return;
  if (!assignmentHint.test(text)) return;
  for (const expression of [assignment, bearer]) {
    if (!work.spend(text.length * 2)) return;
    for (const match of text.matchAll(expression)) {
      const word = match[match.length - 1]!;
      const [start, end] = match.indices![match.length - 1]!;
      if (!work.spend(300 + word.length * 8)) return;
      // A password need not look random where it is called one.
      const named = /pass|pwd/i.test(match[1]!) && /[\d\W]/.test(word) && !maskedAlready.test(word);
      if (named || looksRandom(word)) add('high_entropy', start, end);
    }
  }
}
