/**
 * What is denied whatever the rules say: text that touches the hooks of the session, or what they rest on.
 *
 * The text is also looked at with quotes and backslashes taken out, so that `tr""ap` is `trap`. What a shell computes
 * (`${t}ap`) is not seen here: at the command level it is an unknown program, and the hooks put themselves back at each prompt.
 */
import type { ShellDialect } from '../../core/shell.ts';
import type { HookNames } from './hooks/names.ts';
import type { SelfDenial } from './types.ts';

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

/** Where prompts are all that there is. */
const touchedPosix: readonly RegExp[] = [/\bPS[12]\b/, /\bstty\b[^;|&\n]*-(?:echo|icanon)\b|\bstty\b[^;|&\n]*\braw\b/];

export interface Guard {
  check(text: string, dialect: ShellDialect): SelfDenial | null;
}

export function makeGuard(names: HookNames, directory: string): Guard {
  const own = [names.prefix, names.nonce, names.keys, directory, directory.slice(directory.lastIndexOf('/') + 1)];
  return {
    check(text, dialect) {
      const bare = text.replace(/["'\\]/g, '');
      const rules = dialect === 'sh' || dialect === 'busybox' ? [...touched, ...touchedPosix] : touched;
      const isOwn = own.some((name) => text.includes(name) || bare.includes(name));
      if (!isOwn && !rules.some((rule) => rule.test(text) || rule.test(bare))) return null;
      return {
        code: 'touches-hooks',
        message: 'This would change how the session is watched, which is not allowed here.',
      };
    },
  };
}
