/**
 * Where the shells read one text differently. The parser reads bash; for another shell, everything that it might read
 * otherwise raises `dialect`, so that the analysis is not complete.
 *
 * For fish only a plain subset counts as understood: words, quotes without backslashes, pipes and lists.
 */
import type { Scope } from './scope.ts';
import { flag } from './scope.ts';
import { walkText } from './walk.ts';

const bashOnly = new Set([
  '((',
  '[[',
  'select',
  'coproc',
  '<<<',
  '&>',
  '&>>',
  '|&',
  'function',
  '<(',
  '{a,b}',
  "$''",
  '+=',
  'array',
]);
const zshToo = new Set([
  '((',
  '[[',
  'select',
  'coproc',
  '<<<',
  '&>',
  '&>>',
  '|&',
  '<(',
  '{a,b}',
  "$''",
  '+=',
  'array',
  'function',
]);

/** A construct that not every shell has. */
export function flagConstruct(at: Scope, construct: string, body = ''): void {
  const { dialect } = at.context;
  if (dialect === 'bash' || (dialect === 'zsh' && zshToo.has(construct))) return;
  if (!bashOnly.has(construct)) return;
  flag(at, 'dialect', construct);
  // Where arithmetic is not known, this is a subshell within a subshell.
  if (construct === '((' && body !== '') walkText(at, body, 'subshell');
}

/** What can be told from the text alone, before it is parsed. */
export function flagText(at: Scope, text: string): void {
  const { dialect, isInteractive } = at.context;
  if (/[\u0080-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]/.test(text))
    flag(at, 'dialect', 'a blank that may separate words');
  if (isInteractive === true && dialect !== 'sh' && dialect !== 'busybox' && dialect !== 'fish' && hasHistory(text)) {
    flag(at, 'opaque:expansion', 'history');
  }
  if (dialect === 'sh' || dialect === 'busybox' || dialect === 'unknown') flagMatch(at, text, notPosix);
  if (dialect === 'zsh' || dialect === 'unknown') flagMatch(at, text, notZsh);
  if (dialect === 'fish' || dialect === 'unknown') flagMatch(at, text, notFish);
}

function flagMatch(at: Scope, text: string, pattern: RegExp): void {
  const found = pattern.exec(text);
  if (found !== null) flag(at, 'dialect', found[0]);
}

/** `!word`, `!!`, `^a^b`: what the line becomes is in the history. */
function hasHistory(text: string): boolean {
  const outside = text.replace(/'[^']*'/g, '').replace(/\\[\s\S]|\$!|\[!|\$\{!/g, '');
  return /![^\s=(]|^\^/m.test(outside);
}

/** `$'…'`, `$"…"`, `&>`, `|&`, `<(`, `$[`, and what bash does with braces and parameters that dash does not. */
const notPosix =
  /\$['"[]|&>|\|&|[<>]\(|\+=|=\(|\{[^{}\s]*(?:,|\.\.)[^{}\s]*\}|\$\{(?:!|[^}\s:#%?+=-]*[/^,@[])|\bfunction\b/;

/**
 * Where zsh differs from bash: `=name`, qualifiers behind patterns, subscripts and modifiers behind `$name`, flags within
 * `${(…)}`, blocks without keywords, its own keywords, disowning, and outputs without a command.
 */
const notZsh =
  /(?:^|[\s;&|(){}"'])=[A-Za-z_/(]|[*?\])][(]|\$[~=^+]|\$\w+[[:]|\$\{[~=^+(]|\$\{\w+:[a-zA-Z&]|\)\s*\{|&[!|]|>[>&|]?!|\b(?:foreach|repeat|nocorrect|noglob|always|end|setopt|unsetopt|emulate|zmodload|autoload|zle|sched|vared|zcompile|limit|private|integer|float)\b|(?:^|[\s;&|(])-\s|<\d*-\d*>|\(#|(?:^|[;&|({\n])\s*\d*[<>]|#[^\n]*$/;

const notFish =
  /[\\`(){}[\]^%]|<<|\$\$|\$['"]|=[^=\s]|\b(?:if|else|while|for|in|do|done|then|fi|case|esac|switch|function|begin|end|and|or|not|until|select|time|coproc|set|builtin|status|emit|psub)\b|!|\?|&>|<>|>\||\|&|&\||;;/;
