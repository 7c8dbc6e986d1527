/**
 * What is denied whatever the rules say: text that touches the hooks of the session, or what they rest on.
 *
 * The text is also looked at with quotes and backslashes taken out, so that `tr""ap` is `trap`. What a shell computes
 * (`${t}ap`) is not seen here: at the command level it is an unknown program, and the hooks put themselves back at each prompt.
 */
import type { ShellDialect } from '../../core/shell.ts';
import type { HookNames } from './hooks/names.ts';
import type { AskLevel, SelfDenial } from './types.ts';

const touched: readonly RegExp[] = [
  /\bextdebug\b|\bfunctrace\b|\bpromptvars\b|\bdebug_?before_?cmd\b/i,
  /\bset\s+(?:-\w+\s+|\+o\s+)*\+\w*T/,
  // DEBUG and ERR by name, and any signal that is only known when it runs.
  /\btrap\b[^;|&\n]*(?:\bDEBUG\b|\$|`)/,
  // The same by a name that is only known when it runs.
  /(?:^|[;&|(\n])\s*[^\s;&|]*[$`][^\s;&|]*\s[^;&|\n]*\bDEBUG\b/,
  /\bTRAP(?:DEBUG|ZERR)\b/,
  /\bPROMPT_COMMAND\b|\bPS0\b|\bprecmd_functions\b|\bpreexec_functions\b|\badd-zsh-hook\b/,
  /\bZDOTDIR\b|\bBASH_ENV\b/,
  /\baccept-(?:line|and|search)|\boperate-and-get-next\b|\bedit-and-execute\b|\binsert-comment\b/,
  /\b(?:bind|bindkey)\b[^;|&\n]*(?:-[a-zA-Z]*[fxruesDANK]|\\C-[mjoMJO]\b|\^[MJO]|\\[rn]\b|\\eOM|Return|enter)/,
  /\bzle\s+-[NDAU]|\bzle\s+\./,
  /\bfish_prompt\b|\bfish_preexec\b|\bfish_key_bindings\b|\bfish_(?:vi|default|hybrid)_key_bindings\b/,
  /\bcommandline\b[^;|&\n]*\bexecute\b/,
  /\]7770;/,
];

/**
 * Simple commands of bash as its command level reports them. Other traps than the hooks' own run between any two commands, be
 * it while a question is open, where nothing is asked; `-`, an empty action and printing set none. What is bound to a key
 * or to a completion runs at the prompt, and must be said in so many words.
 */
const touchedCommand: readonly RegExp[] = [
  /^\s*(?:(?:builtin|command)\s+)*trap\s+(?!(?:--\s+)?(?:-[lpP]|-(?:\s|$)|''(?:\s|$)|""(?:\s|$)|\d+(?:\s|$)))\S/,
  /^\s*(?:(?:builtin|command)\s+)*bind\s[\s\S]*[$`]/,
  /^\s*(?:(?:builtin|command)\s+)*complete\s[\s\S]*-[a-zA-Z]*[CW]\s*\S*[$`]/,
  /^\s*[^\s]*[$`]\S*\s[\s\S]*(?:\\C-|\\M-|\\e|\bSIG[A-Z])/,
];

/** Where prompts are all that there is. */
const touchedPosix: readonly RegExp[] = [/\bPS[12]\b/, /\bstty\b[^;|&\n]*-(?:echo|icanon)\b|\bstty\b[^;|&\n]*\braw\b/];

/** `/tmp/.t*\/q`: a pattern that the hooks' directory fits, where more than its name is meant. `*` alone leaves dots out. */
function fits(text: string, name: string): boolean {
  return text.split(/[\s;&|<>(){}=,]+/).some((word) => {
    const parts = word.replace(/["'\\]/g, '').split('/');
    return parts.some((part, at) => {
      if (!/[*?[]/.test(part) || !/^[.[]/.test(part)) return false;
      return (at < parts.length - 1 || part !== '.*') && fitsPart(part, name);
    });
  });
}

function fitsPart(pattern: string, name: string): boolean {
  // A bracket may stand for any character: too much rather than too little.
  const [head = '', ...rest] = pattern.replace(/\[[^\]]*\]/g, '?').split('*');
  const same = (part: string, from: number): boolean =>
    [...part].every((character, at) => (character === '?' ? from + at < name.length : name[from + at] === character));
  if (!same(head, 0)) return false;
  let from = head.length;
  for (const part of rest) {
    while (from <= name.length && !same(part, from)) from++;
    if (from > name.length) return false;
    from += part.length;
  }
  return rest.length > 0 || from === name.length;
}

export interface Guard {
  check(text: string, dialect: ShellDialect, level?: AskLevel): SelfDenial | null;
}

export function makeGuard(names: HookNames, directory: string): Guard {
  const folder = directory.slice(directory.lastIndexOf('/') + 1);
  const own = [names.prefix, names.nonce, names.keys, directory, folder];
  return {
    check(text, dialect, level = 'line') {
      // An action that is empty stays an argument.
      const bare = text.replace(/(^|\s)(?:''|"")(?=\s|$)/g, '$1-').replace(/["'\\]/g, '');
      const rules = [
        ...touched,
        ...(dialect === 'sh' || dialect === 'busybox' ? touchedPosix : []),
        ...(dialect === 'bash' && level === 'command' ? touchedCommand : []),
      ];
      const isOwn = own.some((name) => text.includes(name) || bare.includes(name)) || fits(text, folder);
      if (!isOwn && !rules.some((rule) => rule.test(text) || rule.test(bare))) return null;
      return {
        code: 'touches-hooks',
        message: 'This would change how the session is watched, which is not allowed here.',
      };
    },
  };
}
